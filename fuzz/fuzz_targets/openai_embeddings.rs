//! Fuzzes `switchtower_fuzz::openai_embeddings`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::openai_embeddings(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("openai_embeddings", switchtower_fuzz::openai_embeddings);
}
