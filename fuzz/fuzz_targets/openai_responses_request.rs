//! Fuzzes `switchtower_fuzz::openai_responses_request`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::openai_responses_request(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("openai_responses_request", switchtower_fuzz::openai_responses_request);
}
