//! The ways out: proxies, roots of trust of their own, certificates of ours.

use crate::*;
use std::sync::Mutex;

/// A proxy that notes the heads of what it is asked.
struct Proxy {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Answers with a status, and tunnels or answers on its own where that is 200.
    fn start(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = Arc::clone(&heads);
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let noted = Arc::clone(&noted);
                std::thread::spawn(move || pass(socket.unwrap(), status, &noted));
            }
        });
        Self { address, heads }
    }

    fn settings(&self) -> String {
        format!("proxy = \"http://{}\"\nproxy_credential = \"file:proxy\"\n", self.address)
    }
}

fn pass(mut client: TcpStream, status: u16, noted: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && client.read(&mut byte).unwrap() == 1 {
        head.extend_from_slice(&byte);
    }
    let head = String::from_utf8(head).unwrap();
    noted.lock().unwrap().push(head.clone());
    if status != 200 {
        write!(client, "HTTP/1.1 {status} No\r\ncontent-length: 0\r\n\r\n").unwrap();
        return;
    }
    if !head.starts_with("CONNECT ") {
        let length = ANSWER.len();
        write!(client, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{ANSWER}")
            .unwrap();
        return;
    }
    let provider = TcpStream::connect(head.split(' ').nth(1).unwrap().replace("localhost", "127.0.0.1")).unwrap();
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
    let (mut from, mut to) = (client.try_clone().unwrap(), provider.try_clone().unwrap());
    std::thread::spawn(move || drop(std::io::copy(&mut from, &mut to)));
    let (mut from, mut to) = (provider, client);
    let _ = std::io::copy(&mut from, &mut to);
}

/// A folder with what settings refer to.
fn folder(authority: &Authority) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("proxy"), "user:word\n").unwrap();
    std::fs::write(folder.path().join("ca.pem"), &authority.pem).unwrap();
    folder
}

const CA: &str = "ca_bundle = \"ca.pem\"\n";

fn url(provider: &Provider) -> String {
    format!("https://localhost:{}/v1", provider.address.port())
}

fn log(folder: &tempfile::TempDir) -> String {
    std::fs::read_to_string(folder.path().join("log")).unwrap()
}

#[test]
fn a_bundle_is_trusted_in_place_of_the_roots_of_the_system() {
    let (authority, system) = (Authority::new(), Authority::new());
    let folder = folder(&authority);
    let trusted = folder.path().join("system.pem");
    std::fs::write(&trusted, &system.pem).unwrap();
    let (inside, outside) = (Provider::of(&authority, "localhost", None), Provider::of(&system, "localhost", None));
    let answer = asked_with(&url(&inside), CA, Some(&trusted), folder.path());
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(ANSWER), "{answer}");
    let answer = asked_with(&url(&outside), CA, Some(&trusted), folder.path());
    assert!(answer.starts_with("HTTP/1.1 502") && answer.contains("provider_unreachable"), "{answer}");
    assert_eq!(outside.asked.load(Ordering::SeqCst), 0);
}

#[test]
fn what_is_encrypted_goes_through_a_tunnel() {
    let authority = Authority::new();
    let (folder, provider, proxy) =
        (folder(&authority), Provider::of(&authority, "localhost", None), Proxy::start(200));
    let answer = asked_with(&url(&provider), &(proxy.settings() + CA), None, folder.path());
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(ANSWER), "{answer}");
    assert_eq!(provider.asked.load(Ordering::SeqCst), 1);
    let port = provider.address.port();
    assert_eq!(
        proxy.heads.lock().unwrap().as_slice(),
        [format!(
            "CONNECT localhost:{port} HTTP/1.1\r\nhost: localhost:{port}\r\nproxy-authorization: Basic dXNlcjp3b3Jk\r\n\r\n"
        )]
    );
}

#[test]
fn what_is_plain_is_asked_of_the_proxy_by_its_whole_address() {
    let (folder, proxy) = (folder(&Authority::new()), Proxy::start(200));
    let answer = asked_with("http://provider.example/v1", &proxy.settings(), None, folder.path());
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(ANSWER), "{answer}");
    let head = proxy.heads.lock().unwrap().join("");
    assert!(
        head.starts_with("POST http://provider.example/v1/chat/completions HTTP/1.1\r\nhost: provider.example\r\n"),
        "{head}"
    );
    assert!(head.contains("\r\nproxy-authorization: Basic dXNlcjp3b3Jk\r\n"), "{head}");
}

#[test]
fn a_proxy_that_refuses_is_told_and_never_gone_around() {
    let authority = Authority::new();
    let (folder, provider, proxy) =
        (folder(&authority), Provider::of(&authority, "localhost", None), Proxy::start(407));
    let answer = asked_with(&url(&provider), &(proxy.settings() + CA), None, folder.path());
    assert!(answer.starts_with("HTTP/1.1 502") && answer.contains("provider_unreachable"), "{answer}");
    assert_eq!(provider.asked.load(Ordering::SeqCst), 0);
    assert!(log(&folder).contains("the proxy refused with status 407"), "{}", log(&folder));
    for told in [answer, log(&folder)] {
        assert!(!told.contains("dXNlcjp3b3Jk") && !told.contains("user:word"), "{told}");
    }
    let nobody = "proxy = \"http://127.0.0.1:1\"\n";
    let answer = asked_with(&url(&provider), &(nobody.to_owned() + CA), None, folder.path());
    assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
    assert_eq!(provider.asked.load(Ordering::SeqCst), 0);
}

#[test]
fn a_provider_that_asks_for_a_certificate_is_shown_ours() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let (folder, provider) = (folder(&authority), Provider::of(&authority, "localhost", Some(&clients)));
    let write = |name: &str, (certificate, key): (Certificate, KeyPair)| {
        std::fs::write(folder.path().join(format!("{name}.pem")), certificate.pem()).unwrap();
        std::fs::write(folder.path().join(format!("{name}.key")), key.serialize_pem()).unwrap();
        format!("{CA}client_certificate = \"{name}.pem\"\nclient_key = \"file:{name}.key\"\n")
    };
    let ours = write("ours", clients.certify("gateway"));
    let foreign = write("foreign", Authority::new().certify("gateway"));
    for (settings, status) in [(ours.as_str(), "200"), (&foreign, "502"), (CA, "502")] {
        let answer = asked_with(&url(&provider), settings, None, folder.path());
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{settings}: {answer}");
    }
    assert_eq!(provider.asked.load(Ordering::SeqCst), 1);
}
