//! Requests that no honest client sends: each is refused or cut, and nobody else notices.

use crate::*;

fn refused(answer: &str, statuses: &[u16]) -> bool {
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.is_some_and(|status: u16| statuses.contains(&status))
}

#[test]
fn smuggled_and_malformed_requests_are_refused_and_their_connections_closed() {
    let server = serve(|_| {});
    let second = String::from_utf8(plain("sim/sim-1")).unwrap();
    for (name, request) in [
        ("both lengths", post(&format!("0\r\n\r\n{second}"), "content-length: 5\r\ntransfer-encoding: chunked\r\n")),
        (
            "both lengths, other order",
            post(&format!("0\r\n\r\n{second}"), "transfer-encoding: chunked\r\ncontent-length: 5\r\n"),
        ),
        ("two lengths", post("{}", "content-length: 2\r\ncontent-length: 9\r\n")),
        ("a list of lengths", post("{}", "content-length: 2, 9\r\n")),
        ("a signed length", post("{}", "content-length: +2\r\n")),
        ("no number", post("{}", "content-length: two\r\n")),
        ("an unknown coding", post("{}", "transfer-encoding: gzip\r\n")),
        ("chunked not last", post("{}", "transfer-encoding: chunked, gzip\r\n")),
        ("bad chunk size", post("zz\r\n{}\r\n0\r\n\r\n", "transfer-encoding: chunked\r\n")),
        ("bad chunk end", post("2\r\n{}xx0\r\n\r\n", "transfer-encoding: chunked\r\n")),
        ("endless chunk size", post(&"f".repeat(64), "transfer-encoding: chunked\r\n")),
        ("space before the colon", b"POST /v1/chat/completions HTTP/1.1\r\nhost : localhost\r\n\r\n".to_vec()),
        ("folded header", b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\n folded\r\n\r\n".to_vec()),
        ("no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec()),
        ("a bare line feed in a name", b"GET /v1/models HTTP/1.1\r\nho\nst: localhost\r\n\r\n".to_vec()),
    ] {
        let answer = told(&server, &request);
        assert!(answer.is_empty() || refused(&answer, &[400, 501]), "{name}: {answer}");
        assert!(!answer.contains("all is well"), "{name}: {answer}");
    }
    assert!(told(&server, &plain("sim/sim-1")).contains("all is well"));
}

#[test]
fn a_request_whose_end_is_said_in_two_ways_is_refused_and_nothing_after_it_is_read() {
    let server = serve(|_| {});
    let body = r#"{"model":"sim/sim-1","messages":[{"role":"user","content":"echo: all is well"}]}"#;
    let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let coded = |headers: &str| post(&chunked, headers);
    let first = coded("transfer-encoding: chunked\r\n");
    let last = plain("sim/sim-1");
    for headers in [
        "content-length: 5\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
        "transfer-encoding: gzip, chunked\r\n",
        "transfer-encoding: chunked, chunked\r\n",
        "transfer-encoding: identity\r\ntransfer-encoding: chunked\r\n",
    ] {
        let begun = std::time::Instant::now();
        let answer = told(&server, &[coded(headers), last.clone()].concat());
        assert!(refused(&answer, &[400]) && answer.contains("connection: close"), "{headers}: {answer}");
        assert!(answer.contains("\"invalid_request\"") && !answer.contains("all is well"), "{headers}: {answer}");
        // Also behind an honest request on the same connection.
        let answer = told(&server, &[first.clone(), coded(headers), last.clone()].concat());
        assert!(refused(&answer, &[200]) && answer.contains("HTTP/1.1 400"), "{headers}: {answer}");
        assert_eq!(answer.matches("all is well").count(), 1, "{headers}: {answer}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{headers}: the connection was not closed");
    }
    let answer = told(&server, &[first.clone(), first, last].concat());
    assert_eq!(answer.matches("all is well").count(), 3, "{answer}");
}

#[test]
fn heads_that_are_too_large_are_refused() {
    let server = serve(|plan| plan.gateway.limits.header_bytes_max = 16 * 1024);
    let long = format!("GET /v1/models HTTP/1.1\r\nhost: localhost\r\nx-long: {}\r\n\r\n", "x".repeat(64 * 1024));
    assert!(refused(&told(&server, long.as_bytes()), &[431]));
    let many: String = (0..400).map(|number| format!("x-{number}: 1\r\n")).collect();
    let many = format!("GET /v1/models HTTP/1.1\r\nhost: localhost\r\n{many}\r\n");
    assert!(refused(&told(&server, many.as_bytes()), &[431]));
    // What is not larger by far is told which setting it exceeds.
    let close = "connection: close\r\n";
    let long =
        format!("GET /v1/models HTTP/1.1\r\nhost: localhost\r\n{close}x-long: {}\r\n\r\n", "x".repeat(20 * 1024));
    let answer = told(&server, long.as_bytes());
    assert!(refused(&answer, &[431]) && answer.contains("limits.header_bytes_max"), "{answer}");
    let many: String = (0..80).map(|number| format!("x-{number}: 1\r\n")).collect();
    let many = format!("GET /v1/models HTTP/1.1\r\nhost: localhost\r\n{close}{many}\r\n");
    let answer = told(&server, many.as_bytes());
    assert!(refused(&answer, &[431]) && answer.contains("limits.headers_max"), "{answer}");
    assert!(told(&server, &plain("sim/sim-1")).contains("all is well"));
}

#[test]
fn a_body_that_is_too_large_is_refused_before_it_is_read() {
    let server = serve(|plan| plan.gateway.limits.body_bytes_max = 1024);
    let declared = post("", "content-length: 1000000\r\nexpect: 100-continue\r\n");
    let answer = told(&server, &declared);
    assert!(refused(&answer, &[413]));
    // The rest of the body is not read, so the connection cannot be kept, and the client has to know.
    assert!(answer.contains("connection: close"), "{answer}");
    let chunk = format!("400\r\n{}\r\n", "x".repeat(1024));
    let chunked = post(&chunk.repeat(4), "transfer-encoding: chunked\r\n");
    assert!(refused(&told(&server, &chunked), &[413]));
}

#[test]
fn slow_heads_are_cut() {
    let server = serve(|plan| plan.server.header_time_max = Duration::from_millis(200));
    let begun = std::time::Instant::now();
    let answer = told(&server, b"POST /v1/chat/completions HTTP/1.1\r\nhost: local");
    assert!(answer.is_empty() || refused(&answer, &[408]), "{answer}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn connections_are_bounded() {
    let server = serve(|plan| plan.server.connections_max = 1);
    let mut first = connect(&server);
    first.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut byte = [0];
    first.read_exact(&mut byte).unwrap();
    assert_eq!(told(&server, &plain("sim/sim-1")), "");
    assert!(first.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").is_ok());
}

#[test]
fn a_foreign_page_cannot_use_a_gateway_without_keys() {
    let server = serve(|_| {});
    let body = "{}";
    let rebound = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: evil.example\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    assert!(refused(&told(&server, rebound.as_bytes()), &[403]));
    let foreign = post(body, "origin: https://evil.example\r\nconnection: close\r\ncontent-length: 2\r\n");
    assert!(refused(&told(&server, &foreign), &[403]));
    // The form that a browser sends without asking first.
    let form = post(body, "connection: close\r\ncontent-length: 2\r\n");
    let form = String::from_utf8(form).unwrap().replace("application/json", "text/plain");
    assert!(refused(&told(&server, form.as_bytes()), &[415]));
}
