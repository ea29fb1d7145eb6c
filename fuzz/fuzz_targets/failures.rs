//! Fuzzes `switchtower_fuzz::failures`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::failures(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("failures", switchtower_fuzz::failures);
}
