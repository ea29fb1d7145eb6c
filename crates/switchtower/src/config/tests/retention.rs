//! What a configuration says is kept.

use super::*;
use std::time::Duration;
use switchtower_gateway::{Keeps, Share};
use switchtower_vault::Part;

const RULES: &str = r#"
[[keys]]
name = "team"
secret = "env:APP_KEY"
[providers.openai]
[deployments.fast]
provider = "openai"
model = "gpt-5-mini"
[retention]
key = "env:MASTER"
item_bytes_max = 4096
[[retention.rules]]
name = "team"
keys = ["team"]
deployments = ["fast", "openai/gpt-5"]
operations = ["answers"]
content = "sample"
sample_percent = 2.5
parts = ["answer"]
keep_days = 30
[[retention.rules]]
name = "never"
providers = ["openai"]
content = "none"
[[retention.rules]]
name = "rest"
content = "all"
keep_seconds = 90
required = true
"#;

#[test]
fn rules_are_read_in_their_order() {
    let ready = read(RULES).unwrap();
    let rules: Vec<_> = ready.settings.retention.iter().cloned().collect();
    let [team, never, rest] = rules.as_slice() else { panic!("{rules:?}") };
    assert_eq!(team.keeps, Keeps::Sample(Share::of_million(25_000).unwrap()));
    assert_eq!((team.keep, team.parts.as_slice()), (Duration::from_hours(720), [Part::Answer].as_slice()));
    assert_eq!((never.keeps, never.required), (Keeps::Nothing, false));
    assert_eq!((rest.keep, rest.parts.len(), rest.required), (Duration::from_secs(90), 2, true));
    let retention = &ready.retention;
    assert_eq!((retention.item_bytes_max, retention.queue_bytes_max), (4096, 64 << 20));
    assert!(retention.master.is_some() && !format!("{retention:?}").contains("AAECAw"));
    assert!(!read("").unwrap().settings.retention.keep_anything());
}

#[test]
fn what_would_keep_otherwise_than_was_meant_is_refused() {
    let rule = |rest: &str| format!("[retention]\nkey = \"env:MASTER\"\n[[retention.rules]]\nname = \"r\"\n{rest}");
    check(
        &rule("content = \"all\"\nkeep_days = 1\n").replace("key = \"env:MASTER\"\n", ""),
        &[
            "2:1: 'retention.rules[0]' keeps content, and there is no 'retention.key' to keep it under; add key = \"env:NAME\" to [retention]; 'openssl rand -base64 32' makes one",
        ],
    );
    check(
        &rule("content = \"all\"\n").replace("env:MASTER", "env:APP_KEY"),
        &[
            "2:1: 'retention.key': what 'env:APP_KEY' leads to is no master key; it is 32 random bytes in base64 or hexadecimal digits, as 'openssl rand -base64 32' makes them",
            "3:1: 'retention.rules[0]' does not say for how long; add 'keep_days' or 'keep_seconds'",
        ],
    );
    check(
        &rule("content = \"sample\"\nkeep_days = 1\nkeep_seconds = 5\n"),
        &[
            "3:1: 'retention.rules[0]' keeps a sample, and lacks 'sample_percent'",
            "7:1: 'retention.rules[0].keep_days' and 'retention.rules[0].keep_seconds' are the same setting; leave one of them out",
        ],
    );
    check(
        &rule("content = \"sample\"\nsample_percent = 100.5\nkeep_days = 1\n"),
        &[
            "6:1: 'retention.rules[0].sample_percent' is 100.5; it must be from 0 to 100, with at most four digits after the point",
        ],
    );
    check(
        &rule("content = \"none\"\nkeep_days = 1\nsample_percent = 1\n"),
        &["7:1: 'retention.rules[0].sample_percent' is for content = \"sample\""],
    );
    check(
        &rule("content = \"none\"\nkeep_days = 1\n"),
        &["6:1: 'retention.rules[0].keep_days' is said of a rule that keeps nothing"],
    );
    check(
        &rule("content = \"al\"\nkeep_days = 1\nparts = []\noperations = [\"answer\"]\n"),
        &[
            "5:1: 'retention.rules[0].content' is 'al'; expected 'none' or 'sample' or 'all'; did you mean 'all'?",
            "7:1: 'retention.rules[0].parts' is empty; name 'request', 'answer' or both",
            "8:15: 'retention.rules[0].operations[0]' is 'answer'; expected 'answers' or 'count_tokens' or 'embeddings' or 'rerank' or 'completions' or 'fim' or 'moderations' or 'generate' or 'first_chat' or 'invoke'; did you mean 'answers'?",
        ],
    );
    check(
        &RULES
            .replace("keys = [\"team\"]", "keys = [\"tem\"]")
            .replace("[\"fast\", ", "[\"fats\", ")
            .replace("providers = [\"openai\"]", "providers = [\"opnai\"]"),
        &[
            "14:9: 'retention.rules[0].keys[0]': there is no key 'tem'; did you mean 'team'?",
            "15:16: 'retention.rules[0].deployments[0]': there is no deployment 'fats'; did you mean 'fast'?",
            "23:14: 'retention.rules[1].providers[0]': there is no provider 'opnai'; did you mean 'openai'?",
        ],
    );
    check(
        &format!("[ledger]\nkeep_days = 7\n{RULES}").replace("name = \"never\"", "name = \"team\""),
        &[
            "14:1: 'retention.rules[0]' keeps content for longer than 'ledger.keep_days' keeps records of it",
            "23:1: two rules of retention are called 'team'",
        ],
    );
}

#[test]
fn a_rule_that_never_holds_is_a_mistake() {
    let rules = |first: &str, second: &str| {
        let keys = "[[keys]]\nname = \"a\"\nsecret = \"env:APP_KEY\"\n";
        let rule =
            |name: &str, fits: &str| format!("[[retention.rules]]\nname = \"{name}\"\ncontent = \"none\"\n{fits}");
        format!("{keys}{}{}", rule("one", first), rule("two", second))
    };
    let never = "7:1: 'retention.rules[1]' holds for no request, since rule 'one' before it holds for all that it fits; put the narrower rule first";
    check(&rules("", "keys = [\"a\"]\n"), &[never]);
    check(&rules("", ""), &[never]);
    check(&rules("keys = [\"a\"]\n", ""), &[]);
    check(&rules("operations = [\"answers\"]\n", "keys = [\"a\"]\n"), &[]);
    let listed = "operations = [\"answers\", \"embeddings\"]\n";
    check(&rules(listed, "operations = [\"answers\"]\nkeys = [\"a\"]\n"), &[&never.replacen("7:1", "8:1", 1)]);
}
