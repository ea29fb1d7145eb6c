//! Fuzzes `switchtower_fuzz::ledger_record`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::ledger_record(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("ledger_record", switchtower_fuzz::ledger_record);
}
