//! Fuzzes `switchtower_fuzz::sse`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::sse(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("sse", switchtower_fuzz::sse);
}
