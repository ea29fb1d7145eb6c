//! Fuzzes `switchtower_fuzz::secrets`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::secrets(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("secrets", switchtower_fuzz::secrets);
}
