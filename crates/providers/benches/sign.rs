//! What a signature of a request to AWS takes, beside the hash of its body, without which there is none.
//!
//! `cargo bench -p switchtower-providers` prints it; nothing is asserted.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench that cannot go on has failed")]

use bytes::Bytes;
use http::Request;
use sha2::{Digest as _, Sha256};
use std::time::{Duration, Instant, SystemTime};
use switchtower_domain::Secret;
use switchtower_providers::aws::AwsCredentials;

const SIGNATURES: u32 = 20_000;
const ROUNDS: usize = 5;

/// The median of the rounds, in microseconds each.
fn each(mut one: impl FnMut()) -> f64 {
    let mut rounds: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            (0..SIGNATURES).for_each(|_| one());
            began.elapsed()
        })
        .collect();
    rounds.sort_unstable();
    rounds.get(ROUNDS / 2).map_or(0.0, Duration::as_secs_f64) * 1e6 / f64::from(SIGNATURES)
}

fn main() {
    let credentials = AwsCredentials::new("AKIDEXAMPLE", Secret::new("a-secret-that-opens-nothing-at-all-here"), None);
    for kilobytes in [2, 64] {
        let body = Bytes::from(vec![b'x'; kilobytes * 1024]);
        let request = || {
            Request::post("https://bedrock-runtime.us-east-1.amazonaws.com/model/amazon.nova-lite-v1%3A0/converse")
                .header("content-type", "application/json")
                .header("accept", "application/json")
                .body(body.clone())
                .unwrap()
        };
        let hashing = each(|| {
            std::hint::black_box(Sha256::digest(&body));
        });
        let building = each(|| drop(std::hint::black_box(request())));
        let signing = each(|| {
            let mut request = request();
            credentials.sign(&mut request, "us-east-1", SystemTime::UNIX_EPOCH).unwrap();
            std::hint::black_box(&request);
        }) - building;
        println!("{kilobytes:>3} kB: {signing:.1} µs a signature, {hashing:.1} µs of it the body's hash");
    }
}
