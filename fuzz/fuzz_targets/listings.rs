//! Fuzzes `switchtower_fuzz::listings`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::listings(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("listings", switchtower_fuzz::listings);
}
