//! Fuzzes `switchtower_fuzz::rerank`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::rerank(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("rerank", switchtower_fuzz::rerank);
}
