//! Configurations and what is said about them. Every case goes through `check`.

mod addresses;
mod facts;
mod guide;
mod observing;
mod retention;
mod secrets;
mod unread;

use super::*;
use proptest::prelude::*;
use std::io;

/// A few variables and files.
#[derive(Debug)]
struct Desk;

impl Outside for Desk {
    fn variable(&self, name: &str) -> Option<String> {
        let value = match name {
            "OPENAI_API_KEY" => "sk-openai-secret-value",
            "APP_KEY" => "app-secret-value",
            "SHORT" => "15 characters..",
            "APP_KEY_AGAIN" => "app-secret-value\n",
            "MASTER" => "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            "EMPTY" => " ",
            "TWO_LINES" => "one\ntwo",
            _ => return None,
        };
        Some(value.to_owned())
    }

    fn file(&self, path: &Path, _: u64) -> io::Result<String> {
        match path.to_str() {
            Some("conf/keys/anthropic") => Ok("sk-ant-secret-value\n".to_owned()),
            Some("conf/facts.toml") => Ok(facts::FILE.to_owned()),
            Some("conf/contract.toml") => Ok(facts::CONTRACT.to_owned()),
            Some("conf/whose.toml") => Ok(facts::WHOSE.to_owned()),
            Some("conf/dear.toml") => Ok(facts::DEAR.to_owned()),
            Some("conf/broken.toml") => Ok("[models.k]\n\"m\" = { tolls = true }".to_owned()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn command(&self, _: &[String], _: &Path, _: u64, _: std::time::Duration) -> Result<String, String> {
        Err("cannot be run".to_owned())
    }

    fn names(&self, _: &Path) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }
}

fn read(text: &str) -> Result<Ready, Problems> {
    let around =
        Around { outside: &Desk, folder: Path::new("conf"), built_in: &[], listen: None, secrets: Secrets::Read };
    parse("switchtower.toml", text, &around)
}

/// Reads a text and compares every problem, one a line, without the file's name.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let told = match read(text) {
        Ok(_) => String::new(),
        Err(problems) => problems.to_string().replace("switchtower.toml:", ""),
    };
    let told: Vec<&str> = told.lines().collect();
    assert_eq!(told, expected, "for\n{text}");
}

/// Every setting, with the value that the reference gives as its default where it gives one.
const FULL: &str = r#"
[listen]
address = "127.0.0.1:8080"
proxy_protocol = false
threads = 2
shutdown_grace_ms = 30000
keep_alive_ms = 15000

[limits]
body_bytes_max = 33_554_432
body_time_ms_max = 60000
header_bytes_max = 65536
headers_max = 64
event_bytes_max = 4194304
answer_bytes_max = 67108864
depth_max = 96
tools_max = 512
open_requests_max = 10000
connections_max = 20000
header_time_ms_max = 30000

[connections]
connect_timeout_ms = 10000
unused_ms_max = 60000
unused_per_provider_max = 256

[translation]
strict = false

[secrets]
command_timeout_ms = 10000
command_interval_ms = 300000

[[keys]]
name = "app-1"
secret = "env:APP_KEY"

[providers.openai]

[providers.claude]
kind = "anthropic"
key = "file:keys/anthropic"
first_byte_timeout_ms = 300000
idle_timeout_ms = 120000
total_timeout_ms = 3600000
max_output_tokens = 1000
passed_headers = ["x-tag"]
models = ["claude-a", "claude-b"]
retention = "refuse"

[providers.mock]
dialect = "openai_chat"
base_url = "http://127.0.0.1:9000/v1"
key = "env:APP_KEY"
key_style = "x-api-key"
credential = "deployment"
retention = "allow"
headers = { x-team = "blue" }

[providers.mock.quirks]
max_tokens_field = "either"
default_max_tokens = 512
reasoning_field = "reasoning_content"
thinking = "budget"
cache_markers = true
developer_role = false
cached_tokens_field = "cached"
output_excludes_reasoning = true
stream_ending = "stop_reason"
forbidden = ["logit_bias"]
renamed = { seed = "random_seed" }

[deployments.fast]
provider = "openai"
model = "gpt-5-mini"
max_output_tokens = 4096
first_byte_timeout_ms = 1
idle_timeout_ms = 2
total_timeout_ms = 3
headers = { X-Team = "red" }

[aliases]
smart = "fast"
drafts = "mock/llama-3.3"
"#;

#[test]
fn a_full_file_is_read() {
    let ready = read(FULL).unwrap();
    let of = |name: &str| ready.providers.iter().find(|provider| provider.name.as_str() == name).unwrap();
    assert_eq!(of("openai").main.endpoint.base(), "https://api.openai.com/v1");
    assert_eq!(of("claude").main.variant.default_max_tokens, 1000);
    assert_eq!(of("claude").passed_headers.len(), 1);
    assert_eq!(of("mock").main.variant.renamed["seed"], "random_seed");
    assert_eq!(of("mock").main.variant.max_tokens_field, None);
    let fast = &ready.deployments[0];
    assert_eq!(fast.provider.timeouts.idle.as_millis(), 2);
    assert_eq!(fast.provider.headers["x-team"], "red");
    assert_eq!(of("openai").timeouts, switchtower_providers::Timeouts::default());
    assert!(!ready.settings.access.is_keyless());
    let directory = ready.directory().unwrap();
    assert_eq!(directory.find("smart").unwrap().model.as_str(), "gpt-5-mini");
    assert_eq!(directory.find("drafts").unwrap().model.as_str(), "llama-3.3");
    assert_eq!(directory.find("claude/claude-c").unwrap().provider.name.as_str(), "claude");
}

#[test]
fn documented_defaults_are_the_defaults() {
    let mut full = read(FULL).unwrap().settings;
    let empty = read("").unwrap();
    full.access = empty.settings.access.clone();
    assert_eq!(format!("{full:?}"), format!("{:?}", empty.settings));
    let full = read(FULL).unwrap();
    assert_eq!(empty.server, crate::server::ServerSettings::new("127.0.0.1:8080".parse().unwrap()));
    assert_eq!(full.server, empty.server);
    assert_eq!(full.command_interval, empty.command_interval);
    assert_eq!(empty.upstream, crate::upstream::UpstreamSettings::default());
    assert_eq!(full.upstream, empty.upstream);
    assert_eq!(full.providers[0].timeouts, switchtower_providers::Timeouts::default());
}

#[test]
fn ids_are_sealed_under_the_key_that_is_named() {
    use switchtower_gateway::SealKey;
    assert_eq!(read("").unwrap().settings.seal, SealKey::of_this_process());
    let sealed = read("[state]\nkey = \"file:keys/anthropic\"").unwrap().settings.seal;
    assert_eq!(sealed, SealKey::new(&switchtower_domain::Secret::new("sk-ant-secret-value")));
    let told = |key: &str| read(&format!("[state]\nkey = \"{key}\"")).unwrap_err().to_string();
    assert!(told("env:SHORT").contains("2:1: 'state.key': 'env:SHORT' has fewer than 16 characters"));
    assert!(told("a-seal-key-written-out").contains("2:1: 'state.key' is not a reference"));
}

#[test]
fn a_summary_says_what_names_lead_to() {
    insta::assert_snapshot!(summary(&read(FULL).unwrap()), @r"
    listens on 127.0.0.1:8080 for keys app-1

    NAME      LEADS TO           DIALECT                       AT                         CREDENTIAL
    claude/…  any model          anthropic_messages            https://api.anthropic.com  key
    mock/…    any model          openai_chat                   http://127.0.0.1:9000/v1   key
    openai/…  any model          openai_chat+openai_responses  https://api.openai.com/v1  key
    fast      openai/gpt-5-mini  openai_chat+openai_responses
    drafts    mock/llama-3.3
    smart     fast
    ");
}

#[test]
fn documented_ranges_are_the_ranges() {
    let numbers = written::rows().into_iter().filter(|row| row.kind == "whole number");
    for row in numbers.filter(|row| row.meaning.contains(", from ")) {
        let key = row.key.replace("NAME", "openai");
        let (head, key) = match key.split_once("[].") {
            Some((list, key)) => (format!("[[{list}]]\n"), key),
            None => (String::new(), key.as_str()),
        };
        let told = read(&format!("{head}{key} = 9999999999999")).unwrap_err().to_string();
        let range = told.split("it must be ").nth(1).unwrap_or_else(|| panic!("{key}: {told}"));
        let range = range.lines().next().unwrap();
        assert!(row.meaning.contains(range), "{key}: {range} is not in {:?}", row.meaning);
    }
}

#[test]
fn the_example_in_the_documents_can_be_served() {
    let page = include_str!("../../../../docs/reference/configuration.md");
    let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let directory = read(example).unwrap().directory().unwrap();
    assert_eq!(directory.find("smart").unwrap().model.as_str(), "gpt-5-mini");
}

#[test]
fn every_mistake_is_told_at_once() {
    let text = r#"
[listen]
adress = "127.0.0.1:8080"
threads = 0

[limit]
depth_max = 5

[[keys]]
name = "a"
secret = "my-own-secret"

[providers.opnai]
key = "env:NOT_SET"

[providers.mock]
dialect = "openai-chat"
base_url = "ftp://user:password@a.example/v1"
idle_timeout_ms = "5s"
credential = "callers"

[deployments.fast]
provider = "mok"
modle = "m"

[aliases]
smart = "fats"
"#;
    insta::assert_snapshot!(read(text).unwrap_err(), @r"
    switchtower.toml:3:1: unknown setting 'adress' in [listen]; did you mean 'address'?
    switchtower.toml:4:1: 'listen.threads' is 0; it must be from 1 to 1024
    switchtower.toml:6:2: unknown section 'limit'; did you mean 'limits'?
    switchtower.toml:11:1: 'keys[0].secret' is not a reference; secrets do not belong in this file; write 'env:NAME' for an environment variable, 'file:PATH' for a file, or 'cmd:PROGRAM ARGUMENTS' for what a command says
    switchtower.toml:13:12: 'opnai' is not in the catalogue and says no 'dialect'; did you mean 'openai'? otherwise set 'dialect' and 'base_url', or 'kind'
    switchtower.toml:14:1: 'providers.opnai.key': 'env:NOT_SET' is not set
    switchtower.toml:17:1: 'providers.mock.dialect' is 'openai-chat'; expected 'openai_chat' or 'openai_responses' or 'anthropic_messages' or 'google_gemini' or 'cohere_chat' or 'bedrock_converse' or 'ollama_chat'; did you mean 'openai_chat'?
    switchtower.toml:18:1: 'providers.mock.base_url' holds what looks like a credential; secrets do not belong in this file; refer to one in 'key' or 'headers'
    switchtower.toml:19:19: 'providers.mock.idle_timeout_ms' is a text; expected a whole number
    switchtower.toml:20:1: 'providers.mock.credential' is 'callers'; expected 'deployment' or 'caller'; did you mean 'caller'?
    switchtower.toml:22:14: 'deployments.fast' lacks 'model', which is required
    switchtower.toml:23:1: there is no provider 'mok' in this configuration; did you mean 'mock'?
    switchtower.toml:24:1: unknown setting 'modle' in [deployments.fast]; did you mean 'model'?
    switchtower.toml:27:1: there is no deployment 'fats'; did you mean 'fast'?
    ");
}

#[test]
fn names_of_settings_are_known() {
    check("listen = 5", &["1:10: 'listen' is a whole number; expected a section, as in `[listen]`"]);
    check("[listen]\naddress = 8080", &["2:11: 'listen.address' is a whole number; expected a text in quotes"]);
    check("[limits]\ntools_max = -1", &["2:13: 'limits.tools_max' is -1; expected a whole number from 0 upwards"]);
    check(
        "[limits]\ntools_max = 99999999999999999999",
        &["2:13: 'limits.tools_max' is 99999999999999999999; expected a whole number from 0 upwards"],
    );
    check(
        "[limits]\ntools_max = 1.5",
        &["2:13: 'limits.tools_max' is a number with a fraction; expected a whole number"],
    );
    check(
        "[providers.mock.quirks]\nthinkin = 1",
        &[
            "1:12: 'mock' is not in the catalogue and says no 'dialect'; set 'dialect' and 'base_url', or 'kind'",
            "2:1: unknown setting 'thinkin' in [providers.mock.quirks]; did you mean 'thinking'?",
        ],
    );
    check(
        "strict = true",
        &[
            "1:1: unknown setting 'strict'; known: 'include', 'catalogue', 'prices', 'listen', 'listeners', 'limits', 'connections', 'translation', 'state', 'ledger', 'projection', 'admin', 'telemetry', 'retention', 'secrets', 'keys', 'providers', 'deployments', 'aliases'",
        ],
    );
    check("[alias]\na = \"b\"", &["1:2: unknown section 'alias'; did you mean 'aliases'?"]);
    check("[keys]\nname = \"a\"", &["1:1: 'keys' is a section; expected a list, as in `[[keys]]` or `[…]`"]);
}

#[test]
fn what_is_not_toml_is_told_with_the_rest() {
    check(
        "[listen]\naddress = \nthreads = 0\n[limit]\n",
        &[
            "2:11: not TOML: string values must be quoted, expected literal string",
            "3:1: 'listen.threads' is 0; it must be from 1 to 1024",
            "4:2: unknown section 'limit'; did you mean 'limits'?",
        ],
    );
    check(
        "# a\n[providers.openai] # b\nkind = \"openai\"\n[listen]\n[providers.openai]\nretention = \"off\"",
        &["5:12: not TOML: [providers.openai] is given twice, first on line 2"],
    );
    check(
        "[providers]\nopenai = {}\nopenai = {}\n[[keys]]\n[keys]\n",
        &["3:1: not TOML: 'openai' is given twice", "5:2: not TOML: [keys]: 'keys' is given already, in another form"],
    );
    check("[listen]\nthreads = 1\nthreads = 2\n", &["3:1: not TOML: 'threads' is given twice"]);
}

#[test]
fn values_are_checked() {
    check(
        "[listen]\naddress = \"nowhere\"",
        &[
            "2:1: 'nowhere' is not an address to listen on; write an IP address and a port, such as '127.0.0.1:8080' or '[::1]:8080', or 'unix:PATH'",
        ],
    );
    check("[listen]\naddress = \"localhost:0\"", &[]);
    check(
        "[limits]\ndepth_max = 500\nheaders_max = 1",
        &[
            "2:1: 'limits.depth_max' is 500; it must be from 4 to 120",
            "3:1: 'limits.headers_max' is 1; it must be from 8 to 1000",
        ],
    );
    check(
        "[providers.openai]\nheaders = { authorization = \"Bearer x\", \"a b\" = \"c\", host = \"d\" }\nretention = \"of\"",
        &[
            "2:13: the header 'authorization' is written by the gateway alone; a credential belongs in 'key'",
            "2:41: 'a b' is not the name of a header",
            "2:54: the header 'host' is written by the gateway alone; leave it out",
            "3:1: 'providers.openai.retention' is 'of'; expected 'off' or 'refuse' or 'allow'; did you mean 'off'?",
        ],
    );
    check(
        "[providers.\"Open AI\"]\nkind = \"openai\"",
        &[
            "1:12: 'providers.\"Open AI\"': a name is made of a-z, 0-9, '-', '_' and '.', and begins with a letter or digit; found 'O'",
        ],
    );
    check(
        "[providers.openai]\nmax_output_tokens = 5\nquirks.default_max_tokens = 6",
        &[
            "2:1: 'providers.openai.max_output_tokens' and 'providers.openai.quirks.default_max_tokens' are the same setting; leave out 'providers.openai.quirks.default_max_tokens'",
        ],
    );
}

#[test]
fn callers_are_named_or_near() {
    check(
        "[listen]\naddress = \"0.0.0.0:8080\"",
        &[
            "2:1: '0.0.0.0:8080' can be reached from other machines, and no key is asked for; add [[keys]], or listen on 127.0.0.1",
        ],
    );
    check("keys = []", &["1:1: 'keys' is empty, so nobody could ask"]);
    check(
        "[[keys]]\nname = \"a\"\nsecret = \"env:APP_KEY\"\n[[keys]]\nname = \"a\"\nsecret = \"env:APP_KEY_AGAIN\"\n[[keys]]\n",
        &[
            "5:1: two keys are called 'a'",
            "6:1: 'env:APP_KEY_AGAIN' leads to the same secret as that of key 'a'",
            "7:1: 'keys[2]' lacks 'name', which is required",
            "7:1: 'keys[2]' lacks 'secret', which is required",
        ],
    );
    check(
        "[[keys]]\nname = \"a\"\nsecret = \"env:APP_KEY\"\n[providers.openai]\ncredential = \"caller\"\nkey = \"env:OPENAI_API_KEY\"",
        &[
            "5:1: the caller's own key cannot be forwarded where callers present keys of this gateway; leave out [[keys]] or 'credential'",
            "6:1: a provider that is shown the caller's own key has none here; leave out 'key' or 'credential'",
        ],
    );
}

#[test]
fn providers_are_resolved() {
    check(
        "[providers.opnai]\n[providers.a]\nkind = \"antropic\"\n[providers.b]\ndialect = \"openai_chat\"\n[providers.vllm]",
        &[
            "1:12: 'opnai' is not in the catalogue and says no 'dialect'; did you mean 'openai'? otherwise set 'dialect' and 'base_url', or 'kind'",
            "3:1: 'antropic' is not in the catalogue; did you mean 'anthropic'?",
            "4:12: 'providers.b' lacks 'base_url', which is required",
            "6:12: 'providers.vllm' lacks 'base_url', which is required",
        ],
    );
    check(
        "[providers.openai]\ndialect = \"anthropic_messages\"",
        &[
            "2:1: a provider of kind 'openai' speaks openai_chat and openai_responses, not anthropic_messages; leave 'dialect' out, or give the provider a name of its own",
        ],
    );
    check("[providers.openai]\ndialect = \"openai_chat\"\nbase_url = \"https://eu.example/v1\"", &[]);
}

#[test]
fn settings_do_not_contradict_each_other() {
    let vllm = "[providers.vllm]\nbase_url = \"http://a.example/v1\"\n";
    check(
        &format!("{vllm}key_style = \"none\"\nkey = \"env:APP_KEY\""),
        &["4:1: 'providers.vllm.key' is set, but 'key_style' is 'none', so no key is shown; leave one of them out"],
    );
    check(
        &format!("{vllm}credential = \"caller\"\nkey_style = \"none\""),
        &[
            "3:1: 'providers.vllm.credential' is set, but 'key_style' is 'none', so no key is shown; leave one of them out",
        ],
    );
    check(
        &format!("{vllm}key_style = \"x-api-key\""),
        &["3:1: 'providers.vllm.key_style' says how to show a key, and there is none; add 'key', or leave this out"],
    );
    check(&format!("{vllm}key_style = \"none\""), &[]);
    check(&format!("{vllm}key_style = \"x-api-key\"\ncredential = \"caller\""), &[]);
    check("[providers.openai]\nkey_style = \"x-api-key\"", &[]);
    check(
        "[providers.openai]\nidle_timeout_ms = 3600001\n[deployments.a]\nprovider = \"openai\"\nmodel = \"m\"\nfirst_byte_timeout_ms = 6\ntotal_timeout_ms = 5",
        &[
            "2:1: 'providers.openai.idle_timeout_ms' is 3600001, but the whole answer may take 3600000 only; raise 'total_timeout_ms' or lower this",
            "6:1: 'deployments.a.first_byte_timeout_ms' is 6, but the whole answer may take 5 only; raise 'total_timeout_ms' or lower this",
        ],
    );
    check(
        "[providers.openai]\ntotal_timeout_ms = 9\nidle_timeout_ms = 9\n[deployments.a]\nprovider = \"openai\"\nmodel = \"m\"\nfirst_byte_timeout_ms = 10\n[deployments.b]\nprovider = \"openai\"\nmodel = \"m\"\ntotal_timeout_ms = 5",
        &[
            "7:1: 'deployments.a.first_byte_timeout_ms' is 10, but the whole answer may take 9 only; raise 'total_timeout_ms' or lower this",
        ],
    );
    check(
        "[providers.openai.quirks]\nforbidden = [\"model\", \"max_tokens\"]\n[providers.openai.quirks.renamed]\nmessages = \"inputs\"\nseed = \"stream\"\nuser = \"store\"\nx = \"prompt_cache_retention\"\nstore = \"keep\"",
        &[
            "2:14: 'providers.openai.quirks.forbidden[0]': every request needs the field 'model' by this name",
            "4:1: 'providers.openai.quirks.renamed.messages': every request needs the field 'messages' by this name",
            "5:1: 'providers.openai.quirks.renamed.seed': every request needs the field 'stream' by this name",
            "6:1: 'providers.openai.quirks.renamed.user': no field can be called 'store', which asks the provider to keep what is sent",
            "7:1: 'providers.openai.quirks.renamed.x': no field can be called 'prompt_cache_retention', which asks the provider to keep what is sent",
        ],
    );
}

#[test]
fn names_lead_somewhere() {
    check(
        "[providers.openai]\n[deployments.a]\nprovider = \"opena\"\nmodel = \"m\"\n[deployments.b]\nprovider = \"groq\"\nmodel = \"m m\"\n[deployments.c]\nprovider = \"openai\"",
        &[
            "3:1: there is no provider 'opena' in this configuration; did you mean 'openai'?",
            "6:1: there is no provider 'groq' in this configuration; add [providers.groq]",
            "7:1: 'deployments.b.model': a name is made of a-z, 0-9, '-', '_' and '.', and begins with a letter or digit; found ' '",
            "8:14: 'deployments.c' lacks 'model', which is required",
        ],
    );
    check(
        "[providers.openai]\n[deployments.a]\nprovider = \"openai\"\nmodel = \"m\"\n[aliases]\na = \"openai/x\"\nb = \"c\"\nc = \"a\"\nd = \"opnai/x\"\ne = \"openai/\"\nf = \"g\"",
        &[
            "6:1: 'a' is a deployment already",
            "7:1: 'aliases.b' leads to the alias 'c'; name the deployment, or PROVIDER/MODEL",
            "9:1: there is no provider 'opnai' in this configuration; did you mean 'openai'?",
            "10:1: 'aliases.e': the name of the model after 'openai/': a name needs at least one character",
            "11:1: there is no deployment 'g'; did you mean 'a'?",
        ],
    );
}

#[test]
fn teams_and_use_cases_are_those_that_keys_state() {
    check(
        "[[keys]]\nname = \"a\"\nsecret = \"env:OPENAI_API_KEY\"\nteam = \"search\"\nuse_case = \"Ask us\"\n[[retention.rules]]\nname = \"r\"\nteams = [\"serch\"]\nuse_cases = [\"b\"]\ncontent = \"none\"",
        &[
            "5:1: 'keys[0].use_case': a name is made of a-z, 0-9, '-', '_' and '.', and begins with a letter or digit; found 'A'",
            "8:10: 'retention.rules[0].teams[0]': there is no team 'serch'; did you mean 'search'?",
            "9:14: 'retention.rules[0].use_cases[0]': there is no use case 'b'",
        ],
    );
}

#[test]
fn a_name_that_is_none_is_told_with_its_setting() {
    check(
        "[providers.openai]\nmodels = [\"\"]\n[deployments.a]\nprovider = \"openai\"\nmodel = \"\"\n[aliases]\n\"\" = \"openai/x\"",
        &[
            "2:11: 'providers.openai.models[0]': a name needs at least one character",
            "5:1: 'deployments.a.model': a name needs at least one character",
            "7:1: 'aliases.\"\"': a name needs at least one character",
        ],
    );
}

#[test]
fn a_mistake_in_a_provider_does_not_make_its_name_unknown() {
    check(
        "[providers.mock]\ndialect = \"openai_chat\"\nbase_url = \"no\"\n[deployments.a]\nprovider = \"mock\"\nmodel = \"m\"\n[aliases]\nb = \"mock/x\"",
        &["3:1: 'providers.mock.base_url': 'no' is not an absolute URL such as 'https://api.example.com/v1'"],
    );
}

#[test]
fn what_is_built_in_can_be_named_and_not_replaced() {
    let built_in = crate::findings::sim_providers().unwrap();
    let read = |text: &str, listen: Option<&str>| {
        let listen = listen.map(|address| address.parse().unwrap());
        parse(
            "c.toml",
            text,
            &Around { outside: &Desk, folder: Path::new(""), built_in: &built_in, listen, secrets: Secrets::Read },
        )
    };
    let text = "[deployments.a]\nprovider = \"sim\"\nmodel = \"sim-1\"\n[aliases]\nb = \"sim-messages/sim-1\"";
    let directory = read(text, None).unwrap().directory().unwrap();
    assert_eq!(directory.find("a").unwrap().provider.main.endpoint.base(), "sim://local/v1");
    assert!(directory.find("b").is_some());
    for name in ["sim", "sim-messages"] {
        let replaced = format!("[providers.{name}]\ndialect = \"openai_chat\"\nbase_url = \"http://127.0.0.1:9/v1\"");
        assert_eq!(
            read(&replaced, None).unwrap_err().to_string(),
            format!(
                "c.toml:1:12: the name '{name}' is taken by a provider that is built in; choose a name other than 'sim' and 'sim-responses' and 'sim-messages' and 'sim-gemini' and 'sim-bedrock' and 'sim-cohere' and 'sim-ollama'"
            )
        );
    }
    assert_eq!(read("", Some("127.0.0.1:1")).unwrap().server.listeners[0].address.to_string(), "127.0.0.1:1");
    let open = read("", Some("0.0.0.0:1")).unwrap_err().to_string();
    assert!(open.starts_with("c.toml:1:1: '0.0.0.0:1' can be reached from other machines"), "{open}");
}

#[test]
fn positions_count_lines_and_characters() {
    check("\r\n# ä\r\n[listen]\r\n  threads = 0\r\n", &["4:3: 'listen.threads' is 0; it must be from 1 to 1024"]);
    check(
        "listen = { \"ä\" = 1, threads = 0 }",
        &[
            "1:12: unknown setting 'ä' in [listen]; known: 'address', 'certificate', 'key', 'client_ca', 'client_certificates', 'proxy_protocol', 'socket_mode', 'threads', 'shutdown_grace_ms', 'keep_alive_ms'",
            "1:21: 'listen.threads' is 0; it must be from 1 to 1024",
        ],
    );
}

#[test]
fn a_long_list_of_mistakes_is_told_quickly() {
    let text: String = (0..2_000).map(|number| format!("[providers.p{number}]\nkeyy = 1\n")).collect();
    assert_eq!(read(&text).unwrap_err().list.len(), 4_000);
}

#[test]
fn the_database_of_the_projection_has_an_address_where_it_needs_one() {
    check(
        "[projection]\nstore = \"postgresql\"",
        &["2:1: 'projection.store' is 'postgresql', and 'projection.url' is missing; add url = \"env:DATABASE_URL\""],
    );
    check(
        "[projection]\nstore = \"sqlite\"\nurl = \"env:OPENAI_API_KEY\"",
        &["3:1: 'projection.url' is for projection.store = \"postgresql\""],
    );
    check(
        "[projection]\nstore = \"postgresql\"\nurl = \"env:OPENAI_API_KEY\"",
        &[
            "3:1: 'projection.url': the address of the database cannot be read; write it as postgresql://user:password@host:5432/name",
        ],
    );
    check(
        "[projection]\nstore = \"sqlte\"",
        &["2:1: 'projection.store' is 'sqlte'; expected 'none' or 'sqlite' or 'postgresql'; did you mean 'sqlite'?"],
    );
}

#[test]
fn a_file_that_is_not_there_is_a_problem() {
    let around = Around { outside: &Desk, folder: Path::new(""), built_in: &[], listen: None, secrets: Secrets::Read };
    let problems = load(Path::new("none.toml"), &around).unwrap_err();
    assert_eq!(problems.to_string(), "none.toml: cannot be read: entity not found");
}

proptest! {
    #[test]
    fn no_mutation_of_a_file_panics(
        cut in 0..FULL.len(), length in 0_usize..40, insert in "[\\x20-\\x7e\\n\\[\\]\"={}é]{0,12}", seed in 0..FULL.len(),
    ) {
        let whole = |at: usize| (0..=at).rev().find(|at| FULL.is_char_boundary(*at)).unwrap();
        let (from, to) = (whole(cut), whole((cut + length).min(FULL.len())));
        let mut text = format!("{}{insert}{}", FULL.get(..from).unwrap(), FULL.get(to..).unwrap());
        let also = (0..=seed.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        text.insert_str(also, &insert);
        if let Err(problems) = read(&text) {
            prop_assert!(!problems.list.is_empty());
            prop_assert!(!problems.to_string().contains("secret-value"));
        }
    }
}
