//! What a signature of a request to AWS takes, beside the hash of its body, without which there is none, and beside what
//! AWS's own signer takes for the same in the same run.
//!
//! `cargo bench -p switchtower-providers` prints it; nothing is asserted.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench that cannot go on has failed")]

use aws_credential_types::Credentials;
use aws_lc_rs::digest;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::Request;
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

fn sign_as_aws_does(request: &mut Request<Bytes>) {
    let identity = Credentials::new("AKIDEXAMPLE", SECRET, None, None, "bench").into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("bedrock")
        .time(SystemTime::UNIX_EPOCH)
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let uri = request.uri().to_string();
    let headers: Vec<(&str, &str)> =
        request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    let body = SignableBody::Bytes(request.body());
    let signable = SignableRequest::new(request.method().as_str(), &uri, headers.into_iter(), body).unwrap();
    let (instructions, _) = sign(signable, &params).unwrap().into_parts();
    instructions.apply_to_request_http1x(request);
}

const SECRET: &str = "a-secret-that-opens-nothing-at-all-here";

fn main() {
    let credentials = AwsCredentials::new("AKIDEXAMPLE", Secret::new(SECRET), None);
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
            std::hint::black_box(digest::digest(&digest::SHA256, &body));
        });
        let building = each(|| drop(std::hint::black_box(request())));
        let signing = each(|| {
            let mut request = request();
            credentials.sign(&mut request, "us-east-1", SystemTime::UNIX_EPOCH).unwrap();
            std::hint::black_box(&request);
        }) - building;
        let theirs = each(|| {
            let mut request = request();
            sign_as_aws_does(&mut request);
            std::hint::black_box(&request);
        }) - building;
        let ratio = theirs / signing;
        println!(
            "{kilobytes:>3} kB: {signing:.1} µs a signature, {hashing:.1} µs of it the body's hash; AWS's own signer {theirs:.1} µs, {ratio:.1} times as long"
        );
    }
}
