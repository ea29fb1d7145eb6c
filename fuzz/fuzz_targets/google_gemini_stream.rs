//! Fuzzes `switchtower_fuzz::google_gemini_stream`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::google_gemini_stream(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("google_gemini_stream", switchtower_fuzz::google_gemini_stream);
}
