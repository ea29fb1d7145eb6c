//! Fuzzes `switchtower_fuzz::schema`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::schema(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("schema", switchtower_fuzz::schema);
}
