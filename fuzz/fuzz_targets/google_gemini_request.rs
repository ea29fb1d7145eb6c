//! Fuzzes `switchtower_fuzz::google_gemini_request`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::google_gemini_request(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("google_gemini_request", switchtower_fuzz::google_gemini_request);
}
