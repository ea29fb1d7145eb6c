//! Fuzzes `switchtower_fuzz::openai_completions`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::openai_completions(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("openai_completions", switchtower_fuzz::openai_completions);
}
