//! Who only asks what is on record needs no secret.

use super::*;

/// Every kind of reference.
const TEXT: &str = r#"
[listeners.public]
address = "0.0.0.0:8443"
certificate = "gateway.pem"
key = "file:gateway.key"

[state]
key = "env:STATE"

[[keys]]
name = "one"
secret = "env:ONE"

[[keys]]
name = "two"
secret = "cmd:vault read two"

[admin]
address = "0.0.0.0:9000"
key = "env:ADMIN"

[telemetry]
otlp = "https://collector.example"

[telemetry.headers]
authorization = "env:COLLECTOR"

[projection]
store = "postgresql"
url = "env:DATABASE_URL"

[retention]
key = "cmd:kms decrypt"
former_keys = ["env:FORMER"]

[[retention.rules]]
name = "all"
keys = ["one"]
content = "all"
keep_days = 7

[providers.house]
dialect = "openai_chat"
base_url = "https://house.example/v1"
key = "env:HOUSE"
proxy = "http://proxy.example:3128"
proxy_credential = "file:proxy"
client_certificate = "gateway.pem"
client_key = "file:gateway.key"

[providers.house.headers]
x-house-token = "env:TOKEN"

[providers.cloud]
kind = "azure_openai"
base_url = "https://cloud.openai.azure.com"
identity = { tenant = "t", client = "c", certificate = "file:azure.pem" }

[deployments.fast]
provider = "house"
model = "m"
"#;

#[test]
fn no_secret_is_read_where_none_is_needed() {
    let around = |secrets| Around { outside: &Desk, folder: Path::new("conf"), built_in: &[], listen: None, secrets };
    let ready = parse("switchtower.toml", TEXT, &around(Secrets::Unread)).map_err(|problems| problems.to_string());
    let ready = ready.unwrap();
    assert_eq!(ready.key_names, ["one", "two"]);
    assert_eq!(ready.providers.len(), 2);
    assert_eq!(ready.deployments.len(), 1);
    assert!(ready.retention.master.is_none() && ready.retention.former.is_empty());
    // With them, each that is missing is named.
    let problems = parse("switchtower.toml", TEXT, &around(Secrets::Read)).unwrap_err().to_string();
    for missing in
        ["STATE", "ONE", "cmd:vault", "ADMIN", "COLLECTOR", "DATABASE_URL", "cmd:kms", "FORMER", "HOUSE", "azure.pem"]
    {
        assert!(problems.contains(missing), "{missing}: {problems}");
    }
}
