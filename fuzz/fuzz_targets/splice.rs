//! Fuzzes `switchtower_fuzz::splice`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::splice(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("splice", switchtower_fuzz::splice);
}
