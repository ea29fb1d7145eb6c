//! Listening over TLS: what is agreed on, certificates of clients, certificates that change.

use crate::*;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::time::{Duration, Instant};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const BODY: &str = r#"{"model":"sim/sim-1","messages":[{"role":"user","content":"echo: all is well"}]}"#;

/// A gateway in a folder that holds its certificates.
struct Gateway {
    running: Running,
    folder: tempfile::TempDir,
}

fn write(folder: &Path, name: &str, (certificate, key): (Certificate, KeyPair)) {
    std::fs::write(folder.join(format!("{name}.pem")), certificate.pem()).unwrap();
    std::fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
}

impl Gateway {
    fn start(authority: &Authority, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "gateway", authority.certify("localhost"));
        std::fs::write(folder.path().join("ca.pem"), &authority.pem).unwrap();
        let config = folder.path().join("switchtower.toml");
        let text = format!(
            "[limits]\nheader_time_ms_max = 4000\n[listen]\naddress = \"127.0.0.1:0\"\ncertificate = \"gateway.pem\"\nkey = \"file:gateway.key\"\n{more}"
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_switchtower"));
        command.arg("serve").arg("--config").arg(&config);
        let running = Running::start(&mut command, &folder.path().join("log")).unwrap();
        assert!(running.listening(1).iter().all(|place| place.starts_with("https://")));
        Self { running, folder }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

/// A client that trusts an authority, offers protocols, and may show a certificate of its own.
async fn connect(
    gateway: &Gateway,
    authority: &Authority,
    protocols: &[&str],
    shown: Option<(Certificate, KeyPair)>,
) -> std::io::Result<TlsStream<tokio::net::TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(rustls::crypto::aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match shown {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
            builder.with_client_auth_cert(vec![CertificateDer::from(certificate.der().to_vec())], key).unwrap()
        }
    };
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let socket = tokio::net::TcpStream::connect(gateway.running.address()).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), socket).await
}

/// The answer to bytes, until the gateway closes the connection.
async fn told(mut stream: TlsStream<tokio::net::TcpStream>, request: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut answer = Vec::new();
    if stream.write_all(request.as_bytes()).await.is_ok() {
        let _ = stream.read_to_end(&mut answer).await;
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn post(headers: &str) -> String {
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close\r\n{headers}\r\n{BODY}"
    )
}

fn plain() -> String {
    post(&format!("content-length: {}\r\n", BODY.len()))
}

async fn wait_for(what: impl Fn() -> bool) {
    let begun = Instant::now();
    while !what() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it did not come about");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn http_1_is_spoken_over_tls_and_no_request_is_smuggled() {
    let authority = Authority::new();
    let gateway = Gateway::start(&authority, "");
    for protocols in [&[][..], &["http/1.1"]] {
        let answer = told(connect(&gateway, &authority, protocols, None).await.unwrap(), &plain()).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("all is well"), "{answer}");
    }
    let both = post("content-length: 4\r\ntransfer-encoding: chunked\r\n");
    let answer = told(connect(&gateway, &authority, &[], None).await.unwrap(), &both).await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("both a content-length"), "{answer}");
    assert!(connect(&gateway, &Authority::new(), &[], None).await.is_err(), "the certificate is another's");
    let mut socket = TcpStream::connect(gateway.running.address()).unwrap();
    socket.write_all(plain().as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "nothing is answered in plain");
}

#[tokio::test]
async fn http_2_is_agreed_on_and_carries_many_requests() {
    let authority = Authority::new();
    let gateway = Gateway::start(&authority, "");
    let stream = connect(&gateway, &authority, &["h2", "http/1.1"], None).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let ask = |host: &str, body: String| {
        let request = hyper::Request::post(format!("https://{host}/v1/chat/completions"))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body)))
            .unwrap();
        let mut sender = sender.clone();
        async move {
            let response = sender.send_request(request).await.unwrap();
            let status = response.status().as_u16();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            (status, String::from_utf8(body.to_vec()).unwrap())
        }
    };
    let streamed = BODY.replace("\"messages\"", "\"stream\":true,\"messages\"");
    let (whole, events, foreign) = tokio::join!(
        ask("localhost", BODY.to_owned()),
        ask("localhost", streamed),
        ask("evil.example", BODY.to_owned())
    );
    assert!(whole.0 == 200 && whole.1.contains("all is well"), "{whole:?}");
    assert!(events.0 == 200 && events.1.contains("data: [DONE]"), "{events:?}");
    assert!(foreign.0 == 403 && foreign.1.contains("foreign_origin"), "{foreign:?}");
    let unused = Instant::now();
    tokio::time::timeout(Duration::from_secs(10), connection).await.unwrap().unwrap().unwrap();
    assert!(unused.elapsed() > Duration::from_millis(1500), "a connection that nobody uses is closed, but in time");
}

#[tokio::test]
async fn the_header_of_a_load_balancer_comes_before_tls() {
    use tokio::io::AsyncWriteExt as _;
    let authority = Authority::new();
    let keyed = "proxy_protocol = true\n[[keys]]\nname = \"app\"\nsecret = \"file:gateway.key\"\n";
    let gateway = Gateway::start(&authority, keyed);
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(rustls::crypto::aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    for (header, is_well) in [("PROXY TCP4 10.0.0.9 10.0.0.1 9 80\r\n", true), ("", false)] {
        let mut socket = tokio::net::TcpStream::connect(gateway.running.address()).await.unwrap();
        socket.write_all(header.as_bytes()).await.unwrap();
        let connected = connector.connect(ServerName::try_from("localhost").unwrap(), socket).await;
        assert_eq!(connected.is_ok(), is_well, "{header:?}");
        if let Ok(stream) = connected {
            assert!(told(stream, &plain()).await.starts_with("HTTP/1.1 401"), "keys are asked for");
        }
    }
}

#[tokio::test]
async fn certificates_of_clients_are_asked_for() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("clients.pem");
    std::fs::write(&file, &clients.pem).unwrap();
    let settings = format!("client_ca = {file:?}\n");
    for (more, without) in [("", false), ("client_certificates = \"optional\"\n", true)] {
        let gateway = Gateway::start(&authority, &(settings.clone() + more));
        let answer = |shown: Option<(Certificate, KeyPair)>| async {
            match connect(&gateway, &authority, &[], shown).await {
                Ok(stream) => told(stream, &plain()).await,
                Err(_) => String::new(),
            }
        };
        assert!(answer(Some(clients.certify("app"))).await.starts_with("HTTP/1.1 200"));
        assert_eq!(answer(Some(authority.certify("app"))).await, "", "of another authority");
        assert_eq!(answer(None).await.starts_with("HTTP/1.1 200"), without);
    }
}

#[tokio::test]
async fn a_certificate_that_changes_is_shown_to_new_connections_and_drops_no_old_one() {
    use std::os::unix::fs::symlink;
    let (old, new) = (Authority::new(), Authority::new());
    let volume = tempfile::tempdir().unwrap();
    let in_volume = |name: &str| volume.path().join(name);
    for (name, authority) in [("v1", &old), ("v2", &new)] {
        std::fs::create_dir(in_volume(name)).unwrap();
        write(&in_volume(name), "tls", authority.certify("localhost"));
    }
    // As Kubernetes has it: the names lead through a link that is swapped.
    symlink("v1", in_volume("..data")).unwrap();
    symlink("..data/tls.pem", in_volume("tls.pem")).unwrap();
    symlink("..data/tls.key", in_volume("tls.key")).unwrap();
    let gateway = Gateway::start(&old, "");
    let config = gateway.folder.path().join("switchtower.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text.replace("gateway.pem", in_volume("tls.pem").to_str().unwrap());
    let text = text.replace("gateway.key", in_volume("tls.key").to_str().unwrap());
    std::fs::write(&config, text).unwrap();
    wait_for(|| gateway.log().matches("is in force").count() == 1).await;
    let open = connect(&gateway, &old, &[], None).await.unwrap();
    symlink("v2", in_volume("..data_tmp")).unwrap();
    std::fs::rename(in_volume("..data_tmp"), in_volume("..data")).unwrap();
    wait_for(|| gateway.log().matches("is in force").count() == 2).await;
    assert!(told(open, &plain()).await.starts_with("HTTP/1.1 200"), "the open connection goes on");
    assert!(connect(&gateway, &old, &[], None).await.is_err());
    let answer = told(connect(&gateway, &new, &[], None).await.unwrap(), &plain()).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    std::fs::write(in_volume("v2").join("tls.key"), "broken").unwrap();
    wait_for(|| gateway.log().contains("holds no private key")).await;
    assert!(told(connect(&gateway, &new, &[], None).await.unwrap(), &plain()).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_provider_that_speaks_http_2_is_reached_in_it() {
    let authority = Authority::new();
    let provider = Gateway::start(&authority, "");
    let gateway = |version: &str, base: String| {
        let settings = format!("ca_bundle = \"ca.pem\"\nhttp_version = \"{version}\"\n");
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), &authority.pem).unwrap();
        let answer = asked_for("p/sim/sim-1", &base, &settings, None, folder.path());
        assert!(answer.starts_with("HTTP/1.1 200"), "{version}: {answer}");
    };
    for version in ["agreed", "1.1", "2"] {
        gateway(version, format!("https://localhost:{}/v1", provider.running.address().port()));
    }
    let plain = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchtower"));
    command.args(["serve", "--listen", "127.0.0.1:0"]).env("RUST_LOG", "debug");
    let plain = Running::start(&mut command, &plain.path().join("log")).unwrap();
    gateway("2", format!("http://{}/v1", plain.address()));
}
