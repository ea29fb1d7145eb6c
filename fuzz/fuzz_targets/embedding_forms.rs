//! Fuzzes `switchtower_fuzz::embedding_forms`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::embedding_forms(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("embedding_forms", switchtower_fuzz::embedding_forms);
}
