//! Fuzzes `switchtower_fuzz::anthropic_messages_stream`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::anthropic_messages_stream(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("anthropic_messages_stream", switchtower_fuzz::anthropic_messages_stream);
}
