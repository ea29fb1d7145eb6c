//! Fuzzes `switchtower_fuzz::catalogue`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::catalogue(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("catalogue", switchtower_fuzz::catalogue);
}
