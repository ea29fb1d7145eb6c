//! Fuzzes `switchtower_fuzz::vault_keys`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::vault_keys(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("vault_keys", switchtower_fuzz::vault_keys);
}
