//! Fuzzes `switchtower_fuzz::bill`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::bill(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("bill", switchtower_fuzz::bill);
}
