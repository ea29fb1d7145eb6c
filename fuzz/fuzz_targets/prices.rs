//! Fuzzes `switchtower_fuzz::prices`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::prices(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("prices", switchtower_fuzz::prices);
}
