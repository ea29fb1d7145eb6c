//! Fuzzes `switchtower_fuzz::bedrock_converse_stream`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::bedrock_converse_stream(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("bedrock_converse_stream", switchtower_fuzz::bedrock_converse_stream);
}
