//! Every setting that leads somewhere is on the map.

use super::*;
use crate::config::{Around, Secrets, schema};
use crate::environment::Environment;
use std::collections::BTreeSet;

/// A configuration that leads everywhere.
const EVERYWHERE: &str = r#"
[listen]
address = "127.0.0.1:8080"
[listeners.inside]
address = "unix:/run/switchtower.sock"
[connections]
proxy = "http://proxy.example:3128"
[ledger]
witnesses = ["held", "https://witness.example"]
keep_days = 90
[projection]
store = "postgresql"
url = "env:DATABASE"
[admin]
address = "127.0.0.1:9464"
[telemetry]
otlp = "http://collector.example:4318"
[retention]
key = "env:MASTER"
[[retention.rules]]
name = "none-of-mine"
keys = ["app"]
content = "none"
[[retention.rules]]
name = "rest"
content = "sample"
sample_percent = 2.5
keep_days = 7
[[keys]]
name = "app"
secret = "env:APP_KEY"
[providers.openai]
key = "env:APP_KEY"
passed_headers = ["x-tag"]
[providers.ours]
dialect = "openai_chat"
base_url = "http://10.0.0.5:8000/v1"
retention = "allow"
region = "cellar"
[providers.bedrock]
region = "eu-west-1"
[providers.google_vertex]
project = "p"
region = "europe-west1"
identity.metadata = "metadata.example"
[deployments.elsewhere]
provider = "ours"
model = "m"
proxy = "http://other.example:3128"
"#;

fn places_of(text: &str) -> Vec<Place> {
    let variables = [
        ("APP_KEY", "sk-a-key-that-never-shows"),
        ("MASTER", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
        ("DATABASE", "postgresql://user:password-that-never-shows@db.example/records"),
        ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "never-shows"),
    ];
    let outside = Environment::from(variables);
    let around =
        Around { outside: &outside, folder: Path::new("conf"), built_in: &[], listen: None, secrets: Secrets::Read };
    let ready = crate::config::parse("c.toml", text, &around).unwrap_or_else(|error| panic!("{error}"));
    places(&Plan::of(ready).unwrap(), Path::new("/data"))
}

/// What each section of the configuration leads to; a new one has to say it here.
fn leads_to(section: &str) -> Option<&'static [Kind]> {
    Some(match section {
        "listen" | "listeners" => &[Kind::Caller],
        "connections" => &[Kind::Proxy],
        "ledger" => &[Kind::Ledger, Kind::Witness],
        "projection" => &[Kind::Tables],
        "admin" => &[Kind::Operator],
        "telemetry" => &[Kind::Telemetry],
        "retention" => &[Kind::Content],
        "providers" | "deployments" => &[Kind::Provider, Kind::Cloud],
        // They are read, or say how.
        "include" | "catalogue" | "prices" | "limits" | "translation" | "state" | "secrets" | "keys" | "aliases" => &[],
        _ => return None,
    })
}

#[test]
fn every_section_that_leads_somewhere_is_on_the_map() {
    let reached: BTreeSet<Kind> = places_of(EVERYWHERE).iter().map(|place| place.kind).collect();
    let schema = schema();
    for section in schema["properties"].as_object().unwrap().keys() {
        let leads = leads_to(section).unwrap_or_else(|| panic!("where does [{section}] lead to?"));
        assert!(leads.iter().all(|kind| reached.contains(kind)), "[{section}] leads to {leads:?}");
    }
    assert!(reached.contains(&Kind::Log));
}

#[test]
fn each_address_of_the_configuration_is_on_the_map_with_its_terms() {
    let places = places_of(EVERYWHERE);
    let mut told = Vec::new();
    told::tell(&places, false, &mut told).unwrap();
    let mut json = Vec::new();
    told::tell(&places, true, &mut json).unwrap();
    let (told, json) = (String::from_utf8(told).unwrap(), String::from_utf8(json).unwrap());
    for address in [
        "127.0.0.1:8080",
        "unix:/run/switchtower.sock",
        "http://proxy.example:3128",
        "http://other.example:3128",
        "/data/ledger",
        "conf/held",
        "https://witness.example",
        "postgresql://db.example",
        "/data/content",
        "http://collector.example:4318/v1/traces",
        "http://collector.example:4318/v1/metrics",
        "127.0.0.1:9464",
        "https://api.openai.com/v1",
        "http://10.0.0.5:8000/v1",
        "bedrock-runtime.eu-west-1.amazonaws.com",
        "europe-west1-aiplatform.googleapis.com",
    ] {
        assert!(told.contains(address) && json.contains(address), "{address} is not in\n{told}");
    }
    for term in [
        "openai_responses: store:false always, background:false where it is asked",
        "openai_chat: store as asked",
        "headers of the caller that are passed on: ",
        "kept for 90 days",
        "rule 'none-of-mine': nothing is kept with key app",
        "rule 'rest': request and answer of 2.5 % of requests, for 7 days",
        "metadata server of Google",
    ] {
        assert!(told.contains(term), "{term} is not in\n{told}");
    }
    assert!(!told.contains("never-shows") && !json.contains("never-shows"));
    let proxies: Vec<_> = places.iter().filter(|place| place.kind == Kind::Proxy).collect();
    let between = |name: &str| proxies.iter().find(|place| place.name == name).map(|place| (&*place.at, &*place.gets));
    // What is not encrypted can be read by what stands between.
    let (usual, other) = ("http://proxy.example:3128", "http://other.example:3128");
    assert_eq!(between("to openai"), Some((usual, [Reach::Tunnelled].as_slice())));
    assert_eq!(between("to ours"), Some((usual, [Reach::Content].as_slice())));
    assert_eq!(between("to ours (deployment elsewhere)"), Some((other, [Reach::Content].as_slice())));
}

#[test]
fn without_a_configuration_nothing_leaves_but_to_providers_that_were_found() {
    let environment = Environment::from([("OPENAI_API_KEY", "sk-x")]);
    let plan = Plan::without_configuration(&environment, None).unwrap();
    let kinds: BTreeSet<_> = places(&plan, Path::new("/data")).iter().map(|place| place.kind).collect();
    assert_eq!(kinds, BTreeSet::from([Kind::Caller, Kind::Provider, Kind::Ledger, Kind::Log]));
}
