//! Fuzzes `switchtower_fuzz::ollama_chat_request`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::ollama_chat_request(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("ollama_chat_request", switchtower_fuzz::ollama_chat_request);
}
