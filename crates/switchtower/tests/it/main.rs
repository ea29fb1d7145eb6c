//! The server over real sockets: hostile HTTP, shutdown, the simulator behind it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod check;
mod hostile;
#[cfg(unix)]
mod listening;
mod models;
mod parity;
mod prices;
mod serving;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use switchtower::environment::Environment;
use switchtower::serve::Plan;
use switchtower::server::Server;

/// A server on a port of its own.
pub(crate) fn serve(change: impl FnOnce(&mut Plan)) -> Arc<Server> {
    let address: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let mut plan = Plan::without_configuration(&Environment::default(), Some(address)).unwrap();
    plan.threads = Some(2);
    plan.ledger.data = state();
    change(&mut plan);
    plan.start().unwrap().server
}

/// A folder for a ledger.
pub(crate) fn state() -> std::path::PathBuf {
    // It stays for as long as the server may write there, which no test waits for.
    tempfile::tempdir().unwrap().keep()
}

pub(crate) fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// What the server answers to these bytes until it closes the connection. That it closes is part of every test.
pub(crate) fn told(server: &Server, request: &[u8]) -> String {
    let mut stream = connect(server);
    // The server may close before it has read everything.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

pub(crate) fn post(body: &str, headers: &str) -> Vec<u8> {
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{headers}\r\n{body}"
    )
    .into_bytes()
}

/// A request that is answered, on a connection that is closed afterwards.
pub(crate) fn plain(model: &str) -> Vec<u8> {
    let body = format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"echo: all is well"}}]}}"#);
    post(&body, &format!("content-length: {}\r\nconnection: close\r\n", body.len()))
}
