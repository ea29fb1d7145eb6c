//! Fuzzes `switchtower_fuzz::cohere_chat_stream`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::cohere_chat_stream(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("cohere_chat_stream", switchtower_fuzz::cohere_chat_stream);
}
