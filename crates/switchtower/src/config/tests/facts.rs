//! What a configuration says of models.

use super::*;

/// Facts of a model of the operator's own, and of one that the catalogue knows.
pub(super) const FILE: &str = "[models.vllm]\n\"qwen\" = { tools = false, context_tokens = 40960, source = \"our tests\", date = \"2026-10-01\" }\n[models.openai]\n\"gpt-5-mini\" = { tools = false, source = \"us\", date = \"2026-10-01\" }\n";

/// Prices of a contract.
pub(super) const CONTRACT: &str = "contract = true\ncurrency = \"EUR\"\nsource = \"annex B\"\ndate = 2026-11-21\n[prices.openai]\n\"gpt-5-mini\" = { input = 0.2, output = 1.5 }\n";

/// Prices with mistakes.
pub(super) const DEAR: &str = "[prices.vllm]\nm = { inptu = 1 }\nn = { input = -1, currency = \"UDS\" }";

/// Prices of a provider that may be there.
pub(super) const WHOSE: &str = "currency = \"EUR\"\nsource = \"us\"\ndate = 2026-11-21\n[prices.oai]\n\"gpt-5-mini\" = { input = 0.2 }\n[[egress]]\nkind = \"bedrok\"\ngigabyte = 1\n";

const MODELS: &str = r#"
catalogue = ["facts.toml"]
[providers.openai]
[providers.vllm]
base_url = "http://127.0.0.1:8000/v1"
[providers.azure]
kind = "azure_openai"
base_url = "https://x.example/openai/v1"
key = "env:APP_KEY"
[deployments.mini]
provider = "openai"
model = "gpt-5-mini"
[deployments.ours]
provider = "vllm"
model = "qwen"
facts.tools = true
facts.input.image = false
[deployments.named]
provider = "azure"
model = "our-name"
facts_of = "openai/gpt-5-mini"
[deployments.unknown]
provider = "azure"
model = "our-other-name"
"#;

#[test]
fn a_deployment_has_the_facts_of_the_nearest_who_states_them() {
    let directory = read(MODELS).unwrap().directory().unwrap();
    let facts = |name: &str| directory.find(name).unwrap().facts.clone();
    let mini = facts("mini").unwrap();
    assert_eq!((mini.tools, mini.reasoning, mini.source.as_str()), (Some(false), Some(true), "us"));
    let ours = facts("ours").unwrap();
    assert_eq!((ours.tools, ours.context_tokens), (Some(true), Some(40960)));
    assert_eq!(ours.takes(switchtower_catalogue::Modality::Image), Some(false));
    assert_eq!(ours.source, "switchtower.toml:16");
    assert_eq!(facts("named").unwrap(), mini);
    assert_eq!(facts("unknown"), None);
    assert_eq!(facts("openai/gpt-5-mini").unwrap(), mini, "what nobody deployed has facts as well");
}

#[test]
fn facts_are_explained_with_who_states_them() {
    let text = read(MODELS).unwrap().explanation.text();
    let section = text.split("[deployments.ours.facts]\n").nth(1).unwrap();
    let lines: Vec<String> =
        section.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert!(lines.contains(&"tools = true # switchtower.toml:16".to_owned()), "{lines:?}");
    assert!(
        lines.contains(
            &"context_tokens = 40960 # catalogue: switchtower.toml:16, today".to_owned().replace("today", &today())
        ),
        "{lines:?}"
    );
    assert!(lines.contains(&"image = false # switchtower.toml:17".to_owned()), "{lines:?}");
}

#[test]
fn what_is_wrong_with_facts_is_told_with_its_place() {
    check(
        "catalogue = [\"missing.toml\", \"broken.toml\"]",
        &[
            "1:14: 'missing.toml' cannot be read: entity not found",
            "1:30: 'broken.toml' is no catalogue: line 2: unknown field `tolls`, expected one of `serves`, `input`, `output`, `tools`, `parallel_tools`, `structured_output`, `reasoning`, `context_tokens`, `output_tokens_max`, `source`, `date`",
        ],
    );
    check(
        "[providers.openai]\n[deployments.d]\nprovider = \"openai\"\nmodel = \"m\"\nfacts_of = \"openai/gpt-5-mni\"\nfacts.context_tokens = 0\nfacts.input.images = true",
        &[
            "5:1: the catalogue knows no model 'openai/gpt-5-mni'; did you mean 'openai/gpt-5-mini' or 'openai/gpt-4o-mini' or 'openai/gpt-5-nano'?",
            "6:7: 'deployments.d.facts.context_tokens' is 0; it must be from 1 to 1000000000",
            "7:13: unknown setting 'images' in [deployments.d.facts.input]; did you mean 'image'?",
        ],
    );
}

#[test]
fn prices_of_a_contract_hold_before_those_that_ship() {
    use switchtower_catalogue::prices::{Asked, Layer, Tier};
    let prices = read("prices = [\"contract.toml\"]").unwrap().prices;
    let layer = |model| {
        let asked = Asked { provider: None, kind: "openai", model, region: None, day: "2026-11-21".parse().unwrap() };
        prices.sheet(&asked, Tier::Standard, 1).map(|sheet| (sheet.layer, sheet.list.to_owned()))
    };
    assert_eq!(layer("gpt-5-mini"), Some((Layer::Contract, "contract.toml".to_owned())));
    assert_eq!(layer("gpt-5"), Some((Layer::Shipped, "LiteLLM".to_owned())));
}

#[test]
fn prices_of_nobody_are_a_mistake_and_those_of_a_provider_by_its_name_are_none() {
    let bedrock = "1:11: 'whose.toml', line 7: 'bedrok' is neither a kind of provider nor the name of one that is configured; did you mean 'bedrock'?";
    check(
        "prices = [\"whose.toml\"]",
        &[
            "1:11: 'whose.toml', line 4: 'oai' is neither a kind of provider nor the name of one that is configured; did you mean 'xai' or 'zai'?",
            bedrock,
        ],
    );
    check("prices = [\"whose.toml\"]\n[providers.oai]\nkind = \"openai\"\n", &[bedrock]);
}

#[test]
fn every_list_that_ships_speaks_of_kinds_that_can_be_configured() {
    for (_, name, list) in switchtower_catalogue::prices::Prices::built_in().lists() {
        for (kind, ..) in list.models() {
            assert!(kind == "sim" || switchtower_providers::known(kind).is_some(), "{name}: {kind}");
        }
    }
}

#[test]
fn every_mistake_in_a_list_of_prices_is_told_with_its_line() {
    check(
        "prices = [\"missing.toml\", \"dear.toml\"]",
        &[
            "1:11: 'missing.toml' cannot be read: entity not found",
            "1:27: 'dear.toml', line 2: unknown key 'inptu'; did you mean 'input'?",
            "1:27: 'dear.toml', line 2: 'currency' is missing, here and at the top of the file",
            "1:27: 'dear.toml', line 3: a price is not less than nothing",
            "1:27: 'dear.toml', line 3: expected the code of a currency by ISO 4217, such as USD or EUR; did you mean 'USD'?",
        ],
    );
}
