//! Fuzzes `switchtower_fuzz::json`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::json(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("json", switchtower_fuzz::json);
}
