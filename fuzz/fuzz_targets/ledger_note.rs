//! Fuzzes `switchtower_fuzz::ledger_note`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::ledger_note(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("ledger_note", switchtower_fuzz::ledger_note);
}
