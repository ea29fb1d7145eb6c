//! Fuzzes `switchtower_fuzz::amount`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::amount(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("amount", switchtower_fuzz::amount);
}
