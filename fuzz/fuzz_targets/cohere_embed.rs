//! Fuzzes `switchtower_fuzz::cohere_embed`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::cohere_embed(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("cohere_embed", switchtower_fuzz::cohere_embed);
}
