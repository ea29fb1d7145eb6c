//! Fuzzes `switchtower_fuzz::event_stream`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::event_stream(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("event_stream", switchtower_fuzz::event_stream);
}
