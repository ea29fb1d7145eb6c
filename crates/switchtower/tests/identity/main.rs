//! Every way to a token, against a service that checks what the gateway signs with code that is not ours.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use switchtower_testkit::Running;

/// The token service, in Python; nothing where its libraries are not installed, which is said.
fn token_service(folder: &Path) -> Option<Running> {
    service("token_service.py", folder)
}

fn service(script: &str, folder: &Path) -> Option<Running> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = here.join("../../.tools/venv/bin/python");
    if !python.exists() {
        let message = "google-auth, PyJWT and botocore are not installed; `scripts/test.sh` installs them";
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{message}");
        eprintln!("SKIPPED: {message}");
        return None;
    }
    let mut command = Command::new(python);
    command.arg(here.join("tests/identity").join(script)).arg(folder);
    Some(Running::start(&mut command, &folder.join("service.log")).unwrap())
}

fn gateway(folder: &Path, settings: &str, variables: &[(&str, String)]) -> Running {
    let file = folder.join("switchtower.toml");
    std::fs::write(&file, format!("[listen]\naddress = \"127.0.0.1:0\"\n{settings}")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchtower"));
    command.env_clear().envs(variables.iter().map(|(name, value)| (name, value)));
    command.args(["serve", "--config"]).arg(file);
    Running::start(&mut command, &folder.join("gateway.log")).unwrap()
}

fn exchange(address: SocketAddr, head: &str, body: &str) -> (u16, Value) {
    let mut socket = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(socket, "{head} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap_or(Value::Null))
}

/// What a model answered: the token that it was shown.
fn asked(gateway: &Running, model: &str, text: &str) -> (u16, String) {
    let body = json!({"model": model, "messages": [{"role": "user", "content": text}]}).to_string();
    let (status, answer) = exchange(gateway.address(), "POST /v1/chat/completions", &body);
    let said = answer.pointer("/choices/0/message/content").or_else(|| answer.pointer("/error/message"));
    (status, said.and_then(Value::as_str).unwrap_or_default().to_owned())
}

fn issued(service: &Running) -> Value {
    exchange(service.address(), "GET /issued", "").1
}

/// A provider at Google Cloud, at the service in place of its usual address.
fn google(name: &str, service: SocketAddr, identity: &str) -> String {
    format!(
        "[providers.{name}]\nkind = \"google_vertex\"\nregion = \"europe-west4\"\nproject = \"p\"\n\
         base_url = \"http://{service}/v1/projects/${{project}}/locations/${{region}}/publishers/google\"\n{identity}\n"
    )
}

fn azure(name: &str, service: SocketAddr, identity: &str) -> String {
    format!(
        "[providers.{name}]\nkind = \"azure_openai\"\nbase_url = \"http://{service}/openai/v1\"\n\
         [providers.{name}.identity]\nauthority = \"http://{service}\"\n{identity}\n"
    )
}

#[test]
fn every_way_to_a_token_is_taken_by_who_checks_it() {
    let folder = tempfile::tempdir().unwrap();
    let Some(service) = token_service(folder.path()) else { return };
    let at = service.address();
    let application = "tenant = \"tenant\"\nclient = \"client\"\n";
    let mut settings = String::new();
    for (name, file) in [
        ("account", "account.json"),
        ("user", "user.json"),
        ("federated", "federated.json"),
        ("impersonated", "impersonated.json"),
    ] {
        settings += &google(name, at, &format!("identity.credentials = \"file:{file}\""));
    }
    settings += &google("machine", at, &format!("identity.metadata = \"{at}\""));
    settings += &azure("secret", at, &format!("{application}secret = \"file:secret\""));
    settings += &azure("certificate", at, &format!("{application}certificate = \"file:certificate.pem\""));
    settings += &azure("workload", at, &format!("{application}token_file = \"workload.jwt\""));
    settings += &azure("managed", at, &format!("metadata = \"http://{at}/metadata/identity/oauth2/token\""));
    settings += &azure("wrong", at, &format!("{application}secret = \"file:wrong-secret\""));
    let gateway = gateway(folder.path(), &settings, &[]);
    for (provider, flow) in [
        ("account", "google-account"),
        ("user", "google-user"),
        ("federated", "google-federated"),
        ("impersonated", "google-impersonated"),
        ("machine", "google-metadata"),
        ("secret", "azure-secret"),
        ("certificate", "azure-certificate"),
        ("workload", "azure-workload"),
        ("managed", "azure-managed"),
    ] {
        // The second request goes on with the token of the first.
        for _ in 0..2 {
            let (status, said) = asked(&gateway, &format!("{provider}/m"), "hello");
            let number = said.strip_prefix(&format!("{flow}-")).and_then(|number| number.parse::<u64>().ok());
            assert!(status == 200 && number.is_some(), "{provider}: {status} {said}");
        }
    }
    let told = issued(&service);
    for flow in [
        "google-account",
        "google-user",
        "google-metadata",
        "azure-secret",
        "azure-certificate",
        "azure-workload",
        "azure-managed",
    ] {
        assert_eq!(told[flow], 1, "{told}");
    }
    let (status, said) = asked(&gateway, "wrong/m", "hello");
    assert_eq!(status, 502, "{said}");
    assert!(said.contains("there is no token for deployment 'wrong/m' (client secret of Entra ID)"), "{said}");
    let log = std::fs::read_to_string(folder.path().join("gateway.log")).unwrap();
    assert!(log.contains("AADSTS7000215") && !log.contains("not-the-secret"), "{log}");
}

#[test]
fn many_requests_ask_for_one_token_and_a_revoked_one_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let Some(service) = token_service(folder.path()) else { return };
    let settings = google("account", service.address(), "identity.credentials = \"file:account.json\"");
    let gateway = gateway(folder.path(), &settings, &[]);
    std::thread::scope(|scope| {
        let asks: Vec<_> = (0..40).map(|_| scope.spawn(|| asked(&gateway, "account/m", "hello"))).collect();
        for ask in asks {
            assert_eq!(ask.join().unwrap(), (200, "google-account-1".to_owned()));
        }
    });
    let (status, said) = asked(&gateway, "account/m", "revoke");
    assert!(status == 401 && !said.contains("google-account-1"), "{status} {said}");
    assert_eq!(asked(&gateway, "account/m", "hello"), (200, "google-account-2".to_owned()));
}

#[test]
fn what_a_clouds_own_tools_would_find_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let Some(service) = token_service(folder.path()) else { return };
    let at = service.address();
    let path = |name: &str| -> String { PathBuf::from(folder.path()).join(name).display().to_string() };
    let mut settings = google("vertex", at, "").replace("project = \"p\"\n", "");
    let _ = write!(
        settings,
        "[providers.azure]\nkind = \"azure_openai\"\nbase_url = \"http://{at}/openai/v1\"\n[providers.azure.identity]\n"
    );
    let variables = [
        ("GOOGLE_APPLICATION_CREDENTIALS", path("account.json")),
        ("GOOGLE_CLOUD_PROJECT", "found".to_owned()),
        ("AZURE_TENANT_ID", "tenant".to_owned()),
        ("AZURE_CLIENT_ID", "client".to_owned()),
        ("AZURE_AUTHORITY_HOST", format!("http://{at}")),
        ("AZURE_FEDERATED_TOKEN_FILE", path("workload.jwt")),
    ];
    let gateway = gateway(folder.path(), &settings, &variables);
    assert_eq!(asked(&gateway, "vertex/m", "hello"), (200, "google-account-1".to_owned()));
    assert_eq!(asked(&gateway, "azure/m", "hello"), (200, "azure-workload-1".to_owned()));
}

#[test]
fn every_source_of_keys_signs_as_botocore_does() {
    let folder = tempfile::tempdir().unwrap();
    let Some(service) = service("keys_service.py", folder.path()) else { return };
    let here = format!("http://{}", service.address());
    let home = ("HOME", folder.path().display().to_string());
    let of = |pairs: &[(&'static str, &str)]| -> Vec<(&'static str, String)> {
        pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).chain([home.clone()]).collect()
    };
    let web_token = folder.path().join("web-token").display().to_string();
    for (variables, identity, key) in [
        (of(&[("AWS_ACCESS_KEY_ID", "AKIDGIVEN"), ("AWS_SECRET_ACCESS_KEY", "secret/of+given")]), "", "AKIDGIVEN"),
        (of(&[("AWS_PROFILE", "team")]), "", "AKIDPROFILE"),
        (
            of(&[("AWS_ACCESS_KEY_ID", "AKIDGIVEN"), ("AWS_SECRET_ACCESS_KEY", "x")]),
            "identity.profile = \"team\"",
            "AKIDPROFILE",
        ),
        (of(&[("AWS_PROFILE", "sso"), ("AWS_ENDPOINT_URL_SSO", &here)]), "", "ASIASSO1"),
        (
            of(&[
                ("AWS_ROLE_ARN", "arn:aws:iam::123:role/ours"),
                ("AWS_WEB_IDENTITY_TOKEN_FILE", &web_token),
                ("AWS_ENDPOINT_URL_STS", &here),
            ]),
            "",
            "ASIAWEB1",
        ),
        (
            of(&[
                ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("{here}/container")),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "container-token"),
            ]),
            "",
            "ASIACONTAINER1",
        ),
        (of(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &here)]), "", "ASIAINSTANCE1"),
    ] {
        let settings = format!("[providers.bedrock]\nregion = \"eu-central-1\"\nbase_url = \"{here}\"\n{identity}\n");
        let gateway = gateway(folder.path(), &settings, &variables);
        for _ in 0..2 {
            let told = asked(&gateway, "bedrock/eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "hello");
            assert_eq!(told, (200, key.to_owned()));
        }
    }
}
