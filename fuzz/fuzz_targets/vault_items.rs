//! Fuzzes `switchtower_fuzz::vault_items`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::vault_items(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("vault_items", switchtower_fuzz::vault_items);
}
