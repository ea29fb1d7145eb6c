//! Fuzzes `switchtower_fuzz::recording`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::recording(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("recording", switchtower_fuzz::recording);
}
