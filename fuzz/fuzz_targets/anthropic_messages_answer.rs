//! Fuzzes `switchtower_fuzz::anthropic_messages_answer`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::anthropic_messages_answer(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("anthropic_messages_answer", switchtower_fuzz::anthropic_messages_answer);
}
