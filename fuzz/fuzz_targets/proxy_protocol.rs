//! Fuzzes `switchtower_fuzz::proxy_header`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| switchtower_fuzz::proxy_header(data));

#[cfg(not(fuzzing))]
fn main() {
    switchtower_fuzz::brief("proxy_protocol", switchtower_fuzz::proxy_header);
}
