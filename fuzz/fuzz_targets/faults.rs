//! Fuzzes `switchtower_fuzz::faults`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::faults(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("faults", switchtower_fuzz::faults);
}
