//! Fuzzes `switchtower_fuzz::ledger_frames`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::ledger_frames(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("ledger_frames", switchtower_fuzz::ledger_frames);
}
