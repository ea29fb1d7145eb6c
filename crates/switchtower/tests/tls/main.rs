//! A provider behind TLS is asked only if its certificate is trusted.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod listening;
mod outbound;

use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use switchtower_testkit::Running;

pub(crate) const ANSWER: &str = r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}"#;

/// An authority that nobody knows.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for a name, and its key.
    pub(crate) fn certify(&self, name: &str) -> (Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        (CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.issuer).unwrap(), key)
    }
}

/// A provider on `localhost` with a certificate of an authority that nobody knows; it counts the requests it got.
pub(crate) struct Provider {
    pub(crate) address: SocketAddr,
    authority: String,
    asked: Arc<AtomicUsize>,
}

impl Provider {
    fn start(name: &str) -> Self {
        Self::of(&Authority::new(), name, None)
    }

    /// One that asks for a certificate of an authority, where one is given.
    pub(crate) fn of(authority: &Authority, name: &str, clients: Option<&Authority>) -> Self {
        let (certificate, key) = authority.certify(name);
        let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&crypto))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(clients) => {
                let mut roots = rustls::RootCertStore::empty();
                roots.add(CertificateDer::from_pem_slice(clients.pem.as_bytes()).unwrap()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), crypto).build().unwrap();
                builder.with_client_cert_verifier(verifier)
            }
        };
        let config = builder
            .with_single_cert(
                vec![CertificateDer::from(certificate.der().to_vec())],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let (config, counted) = (Arc::new(config), Arc::clone(&asked));
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let (config, counted) = (Arc::clone(&config), Arc::clone(&counted));
                std::thread::spawn(move || serve(&mut socket.unwrap(), config, &counted));
            }
        });
        Self { address, authority: authority.pem.clone(), asked }
    }
}

fn serve(socket: &mut TcpStream, config: Arc<rustls::ServerConfig>, counted: &AtomicUsize) {
    let mut session = rustls::ServerConnection::new(config).unwrap();
    let mut stream = rustls::Stream::new(&mut session, socket);
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    // A client that does not trust the certificate ends here.
    while let Ok(count @ 1..) = stream.read(&mut piece) {
        request.extend_from_slice(piece.get(..count).unwrap_or_default());
        if request.ends_with(b"}") {
            counted.fetch_add(1, Ordering::SeqCst);
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                ANSWER.len()
            );
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(ANSWER.as_bytes()));
            return;
        }
    }
}

/// The status line and the body of an answer that came through the gateway.
fn asked_through_gateway(provider: &Provider, trusted: Option<&Path>, folder: &Path) -> String {
    asked_with(&format!("https://localhost:{}/v1", provider.address.port()), "", trusted, folder)
}

/// The same with more settings of the provider.
pub(crate) fn asked_with(base_url: &str, settings: &str, trusted: Option<&Path>, folder: &Path) -> String {
    asked_for("p/m", base_url, settings, trusted, folder)
}

/// The same for another model.
pub(crate) fn asked_for(model: &str, base_url: &str, settings: &str, trusted: Option<&Path>, folder: &Path) -> String {
    let config = folder.join("switchtower.toml");
    let text = format!(
        "[listen]\naddress = \"127.0.0.1:0\"\n[providers.p]\ndialect = \"openai_chat\"\nbase_url = \"{base_url}\"\n{settings}"
    );
    std::fs::write(&config, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchtower"));
    command.arg("serve").arg("--config").arg(&config).env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR");
    if let Some(file) = trusted {
        command.env("SSL_CERT_FILE", file);
    }
    let gateway = Running::start(&mut command, &folder.join("log")).unwrap();
    let body = format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"hello"}}]}}"#);
    let mut socket = TcpStream::connect(gateway.address()).unwrap();
    write!(
        socket,
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

fn authority_file(provider: &Provider, folder: &Path) -> PathBuf {
    let file = folder.join("authority.pem");
    std::fs::write(&file, &provider.authority).unwrap();
    file
}

#[test]
fn a_certificate_of_an_unknown_authority_is_refused_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let provider = Provider::start("localhost");
    let answer = asked_through_gateway(&provider, None, folder.path());
    assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
    assert!(answer.contains("provider_unreachable"), "{answer}");
    assert_eq!(provider.asked.load(Ordering::SeqCst), 0);
}

#[test]
fn a_certificate_for_another_host_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let provider = Provider::start("elsewhere.example");
    let answer = asked_through_gateway(&provider, Some(&authority_file(&provider, folder.path())), folder.path());
    assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
    assert_eq!(provider.asked.load(Ordering::SeqCst), 0);
}

#[test]
fn a_certificate_of_a_trusted_authority_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let provider = Provider::start("localhost");
    let answer = asked_through_gateway(&provider, Some(&authority_file(&provider, folder.path())), folder.path());
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(ANSWER), "{answer}");
    assert_eq!(provider.asked.load(Ordering::SeqCst), 1);
}
