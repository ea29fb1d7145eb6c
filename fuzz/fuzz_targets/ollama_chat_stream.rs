//! Fuzzes `switchtower_fuzz::ollama_chat_stream`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::ollama_chat_stream(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("ollama_chat_stream", switchtower_fuzz::ollama_chat_stream);
}
