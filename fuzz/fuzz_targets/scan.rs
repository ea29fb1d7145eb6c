//! Fuzzes `switchtower_fuzz::scan`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::scan(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("scan", switchtower_fuzz::scan);
}
