//! Fuzzes `switchtower_fuzz::openai_moderations`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::openai_moderations(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("openai_moderations", switchtower_fuzz::openai_moderations);
}
