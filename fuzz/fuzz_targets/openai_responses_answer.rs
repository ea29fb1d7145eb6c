//! Fuzzes `switchtower_fuzz::openai_responses_answer`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::openai_responses_answer(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("openai_responses_answer", switchtower_fuzz::openai_responses_answer);
}
