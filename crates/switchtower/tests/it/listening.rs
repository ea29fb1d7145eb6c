//! Listening in other places than a plain port: sockets in the file system, HTTP/2 without asking, behind a load
//! balancer.

use crate::*;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use switchtower::server::{Address, ListenerSettings};

fn on_socket(path: &Path, mode: u32) -> Plan {
    let mut plan = Plan::without_configuration(&Environment::default(), None).unwrap();
    plan.ledger.data = state();
    plan.threads = Some(2);
    let listener = ListenerSettings::new("listen", Address::Unix(path.to_owned()));
    plan.server.listeners = vec![ListenerSettings { socket_mode: mode, ..listener }];
    plan
}

fn told_on_socket(path: &Path, request: &[u8]) -> String {
    let mut stream = UnixStream::connect(path).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_socket_in_the_file_system_is_served_and_removed_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "one that nobody listens on");
    let server = on_socket(&path, 0o640).start().unwrap().server;
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    for _ in 0..4 {
        assert!(told_on_socket(&path, &plain("sim/sim-1")).starts_with("HTTP/1.1 200"));
    }
    let foreign = String::from_utf8(plain("sim/sim-1")).unwrap().replace("host: localhost", "host: evil.example");
    assert!(told_on_socket(&path, foreign.as_bytes()).starts_with("HTTP/1.1 403"));
    let error = format!("{:#}", on_socket(&path, 0o600).start().unwrap_err());
    assert!(error.ends_with("another process listens there"), "{error}");
    server.stop();
    server.wait();
    drop(server);
    assert!(!path.exists());
    std::fs::write(&path, "precious").unwrap();
    assert!(format!("{:#}", on_socket(&path, 0o600).start().unwrap_err()).contains("no socket"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn a_socket_that_another_process_took_over_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.sock");
    let server = on_socket(&path, 0o600).start().unwrap().server;
    std::fs::remove_file(&path).unwrap();
    let _other = std::os::unix::net::UnixListener::bind(&path).unwrap();
    server.stop();
    server.wait();
    drop(server);
    assert!(path.exists());
}

#[tokio::test]
async fn http_2_is_taken_without_asking() {
    let server = serve(|plan| plan.server.header_time_max = Duration::from_millis(300));
    let stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let body = r#"{"model":"sim/sim-1","messages":[{"role":"user","content":"echo: all is well"}]}"#;
    for (host, status) in [("localhost", 200), ("evil.example", 403)] {
        let request = hyper::Request::post(format!("http://{host}/v1/chat/completions"))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from_static(body.as_bytes())))
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), status);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(String::from_utf8_lossy(&body).contains("all is well"), status == 200);
    }
    // Nobody asks any more, so the gateway takes its leave.
    tokio::time::timeout(Duration::from_secs(10), connection).await.unwrap().unwrap().unwrap();
}

#[test]
fn a_connection_that_says_nothing_is_closed() {
    let server = serve(|plan| plan.server.header_time_max = Duration::from_millis(200));
    for begin in ["", "P", "PRI * HTTP/2.0\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/1.1\r\n"] {
        let mut stream = connect(&server);
        stream.write_all(begin.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // It may be reset as well; that it ends is what counts.
        let _ = stream.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{begin}");
    }
}

#[test]
fn behind_a_load_balancer_each_connection_begins_with_its_header() {
    let server = serve(|plan| {
        plan.server.listeners[0].proxy_protocol = true;
        plan.server.header_time_max = Duration::from_millis(500);
    });
    let request = plain("sim/sim-1");
    let two = [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"[..], &[10, 0, 0, 9, 10, 0, 0, 1, 0, 9, 0, 80]].concat();
    let local = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0".to_vec();
    for header in [&b"PROXY TCP4 10.0.0.9 10.0.0.1 9 80\r\n"[..], b"PROXY UNKNOWN\r\n", &two, &local] {
        assert!(told(&server, &[header, &request].concat()).starts_with("HTTP/1.1 200"));
    }
    for header in [&b""[..], b"PROXY TCP4 10.0.0.9 10.0.0.1 9\r\n", b"PROXY ", b"\r\n\r\n\0\r\nQUIT\n\x11\x11\0\0"] {
        assert_eq!(told(&server, &[header, &request].concat()), "", "{header:?}");
    }
    let mut slow = connect(&server);
    slow.write_all(b"PROXY TCP4 ").unwrap();
    assert_eq!(slow.read_to_end(&mut Vec::new()).unwrap_or_default(), 0);
}

#[tokio::test]
async fn bounds_and_grace_hold_for_http_2() {
    let server = serve(|plan| plan.sim.tokens_per_second = Some(20.0));
    let stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let post = |headers: usize, length: usize, more: &str| {
        let body = format!(
            r#"{{"model":"sim/sim-1",{more}"messages":[{{"role":"user","content":"echo: a b c d e f g h"}}]}}"#
        );
        let mut request = hyper::Request::post("http://localhost/v1/chat/completions");
        for number in 0..headers {
            request = request.header(format!("x-{number}"), "x".repeat(length));
        }
        request.header("content-type", "application/json").body(Full::new(Bytes::from(body))).unwrap()
    };
    let many = sender.send_request(post(70, 1, "")).await.unwrap();
    assert_eq!(many.status(), 431);
    let told = many.into_body().collect().await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&told).contains("limits.headers_max"));
    assert_eq!(sender.send_request(post(10, 7000, "")).await.unwrap().status(), 431);
    let streamed = sender.send_request(post(0, 0, r#""stream":true,"#)).await.unwrap();
    assert_eq!(streamed.status(), 200);
    server.stop();
    let events = streamed.into_body().collect().await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&events).contains("data: [DONE]"), "what is under way may end");
    drop(sender);
    let _ = tokio::time::timeout(Duration::from_secs(10), connection).await.unwrap();
}

#[test]
fn several_listeners_serve_the_same_on_ports_of_their_own() {
    let server = serve(|plan| {
        let any = Address::Tcp("127.0.0.1:0".parse().unwrap());
        plan.server.listeners = (0..8).map(|number| ListenerSettings::new(format!("l{number}"), any.clone())).collect();
    });
    let mut ports = std::collections::HashSet::new();
    for address in server.addresses() {
        let Address::Tcp(address) = address else { unreachable!() };
        assert!(ports.insert(address.port()), "a port is there twice");
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(&plain("sim/sim-1")).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    assert_eq!(ports.len(), 8);
}
