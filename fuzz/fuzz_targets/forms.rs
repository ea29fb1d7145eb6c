//! Fuzzes `switchtower_fuzz::forms`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::forms(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("forms", switchtower_fuzz::forms);
}
