//! `LiteLLM`'s table of prices, in dollars for one token.
//!
//! A key is the name of a charge, then `_above_200k_tokens` for a band, then `_batches`, `_priority` or `_flex` for a tier.
//! An entry whose prices are all zero is left out, unless its name says that it is free: the table has zeros for what it
//! does not know. An entry that costs less in quiet hours is taken at its price of busy hours, and is an estimate.

use super::{ImportedPrices, amount};
use crate::import::kind_of_litellm;
use crate::prices::row::rate;
use crate::prices::{Period, PriceList, PriceRow, Tier};
use jiff::civil::Date;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use switchtower_domain::{Amount, Charge, Currency, EstimateReason, Per, Rate};

/// Its names for charges, of which none is the beginning of another with a band or a tier behind it.
const CHARGES: [(&str, Charge); 13] = [
    ("input_cost_per_token", Charge::Input),
    ("output_cost_per_token", Charge::Output),
    ("output_cost_per_reasoning_token", Charge::Reasoning),
    ("cache_read_input_token_cost", Charge::CacheRead),
    ("cache_creation_input_token_cost", Charge::CacheWrite5m),
    ("cache_creation_input_token_cost_above_1hr", Charge::CacheWrite1h),
    ("input_cost_per_audio_token", Charge::InputAudio),
    ("output_cost_per_audio_token", Charge::OutputAudio),
    ("cache_read_input_audio_token_cost", Charge::CacheReadAudio),
    ("input_cost_per_image_token", Charge::InputImage),
    ("output_cost_per_image_token", Charge::OutputImage),
    ("cache_read_input_image_token_cost", Charge::CacheReadImage),
    ("input_cost_per_video_token", Charge::InputVideo),
];
const TIERS: [(&str, Tier); 4] =
    [("", Tier::Standard), ("_batches", Tier::Batch), ("_priority", Tier::Priority), ("_flex", Tier::Flex)];
/// Prices are stated for one token here, and for a million in our rows.
const MILLION: i32 = 6;
/// Multipliers are read to a thousandth.
const PER_MILLE: u64 = 1_000;

type Rates = BTreeMap<Charge, Rate>;

pub(super) fn import(data: &Value, source: &str, date: Date) -> Result<ImportedPrices, String> {
    let table = data.as_object().ok_or("the data must be an object with an entry for each model")?;
    let mut imported = ImportedPrices { list: PriceList::default(), left: 0 };
    // Of two entries for one model the one holds whose key names the provider, as it does there.
    let mut entries: Vec<(&String, &Value)> = table.iter().filter(|(key, _)| *key != "sample_spec").collect();
    entries.sort_by_key(|(key, _)| !key.contains('/'));
    for (key, entry) in entries {
        let Some((kind, model, rows)) = entry.as_object().and_then(|entry| read(key, entry, source, date)) else {
            imported.left += 1;
            continue;
        };
        let mut all = imported.list.rows(kind, model).unwrap_or_default().to_vec();
        for row in rows {
            if !all.iter().any(|other| other.collides(&row)) {
                all.push(row);
            }
        }
        all.sort_by_key(|row| (row.region.clone(), row.tier, row.above_tokens));
        imported.list.add(kind, model, all);
    }
    Ok(imported)
}

fn read<'a>(
    key: &'a str,
    entry: &Map<String, Value>,
    source: &str,
    date: Date,
) -> Option<(&'static str, &'a str, Vec<PriceRow>)> {
    let provider = entry.get("litellm_provider")?.as_str()?;
    let kind = kind_of(provider)?;
    if !matches!(entry.get("mode")?.as_str()?, "chat" | "responses" | "embedding" | "rerank" | "completion") {
        return None;
    }
    let (region, model) = named(kind, provider, key)?;
    let rates = rates(entry, kind);
    let free = model.ends_with(":free");
    if rates.is_empty() || (!free && rates.values().flat_map(Rates::values).all(|rate| rate.amount == Amount::ZERO)) {
        return None;
    }
    let source = match entry.get("source").and_then(Value::as_str) {
        Some(told) if told.starts_with("https://") && !told.contains('$') => format!("{source}: {told}"),
        _ => source.to_owned(),
    };
    let off_peak = entry.contains_key("off_peak_pricing").then_some(EstimateReason::Hour);
    let by_size = search_estimated(entry).filter(|_| kind == "perplexity");
    let row = |region: Option<&str>, tier, above_tokens, rates: Rates| PriceRow {
        region: region.map(str::to_owned),
        tier,
        above_tokens,
        period: Period::default(),
        currency: Currency::USD,
        search_estimated: search_estimated(entry).filter(|_| rates.contains_key(&Charge::WebSearch)),
        rates,
        estimated: off_peak.into_iter().chain(by_size).collect(),
        source: source.clone(),
        date,
    };
    let mut rows = Vec::new();
    for ((tier, above), rates) in &rates {
        rows.push(row(region, *tier, *above, rates.clone()));
        for (of, multiplier) in uplifts(entry) {
            let raised = rates.iter().map(|(charge, rate)| Some((*charge, raised(*charge, *rate, multiplier)?)));
            rows.push(row(Some(of), *tier, *above, raised.collect::<Option<Rates>>()?));
        }
    }
    Some((kind, model, rows))
}

/// The kind that its provider is here.
fn kind_of(provider: &str) -> Option<&'static str> {
    match provider {
        "bedrock" | "bedrock_converse" => Some("bedrock"),
        "cohere" | "cohere_chat" => Some("cohere"),
        "vertex_ai-language-models" | "vertex_ai-embedding-models" => Some("google_vertex"),
        "vertex_ai-anthropic_models" => Some("google_vertex_anthropic"),
        "vertex_ai-llama_models"
        | "vertex_ai-mistral_models"
        | "vertex_ai-deepseek_models"
        | "vertex_ai-qwen_models"
        | "vertex_ai-zai_models"
        | "vertex_ai-openai_models"
        | "vertex_ai-minimax_models"
        | "vertex_ai-moonshot_models" => Some("google_vertex_open_models"),
        _ => kind_of_litellm(provider),
    }
}

/// The region that a key names, and the model.
fn named<'a>(kind: &str, provider: &str, key: &'a str) -> Option<(Option<&'a str>, &'a str)> {
    let prefix = match provider {
        "bedrock_converse" => "bedrock",
        "cohere_chat" => "cohere",
        vertex if vertex.starts_with("vertex_ai") => "vertex_ai",
        other => other,
    };
    let model = key.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/')).unwrap_or(key);
    match (kind, model.split_once('/')) {
        ("bedrock", Some((region, model))) if !model.contains('/') && is_aws_region(region) => {
            Some((Some(region), model))
        }
        ("azure_openai", Some((zone @ ("eu" | "us"), model))) if !model.contains('/') => Some((Some(zone), model)),
        // What is left with a slash is no name of a model there, but of a size of picture or a commitment.
        ("bedrock" | "azure_openai" | "google_vertex", Some(_)) => None,
        _ => Some((None, model)),
    }
}

fn is_aws_region(word: &str) -> bool {
    let parts: Vec<&str> = word.split('-').collect();
    parts.len() >= 3 && parts.last().is_some_and(|last| last.len() == 1 && last.bytes().all(|one| one.is_ascii_digit()))
}

/// Its rates by tier and band.
fn rates(entry: &Map<String, Value>, kind: &str) -> BTreeMap<(Tier, u64), Rates> {
    let mut all: BTreeMap<(Tier, u64), Rates> = BTreeMap::new();
    for (key, value) in entry {
        let Some((charge, above, tier)) = charged(key) else { continue };
        let Some(rate) = amount(value, MILLION).and_then(|amount| rate(charge, amount)) else { continue };
        all.entry((tier, above)).or_default().insert(charge, rate);
    }
    for band in entry.get("tiered_pricing").and_then(Value::as_array).into_iter().flatten() {
        let bounds = band.get("range").and_then(Value::as_array).and_then(|range| range.first());
        let Some(above) = bounds.and_then(|value| amount(value, 0)).and_then(whole) else { continue };
        for (name, charge) in CHARGES {
            if let Some(rate) =
                band.get(name).and_then(|value| amount(value, MILLION)).and_then(|one| rate(charge, one))
            {
                all.entry((Tier::Standard, above)).or_default().insert(charge, rate);
            }
        }
    }
    // DeepSeek's entries have another name for it.
    if let Some(hit) = entry.get("input_cost_per_token_cache_hit").and_then(|value| amount(value, MILLION)) {
        let standard = all.entry((Tier::Standard, 0)).or_default();
        if let Some(rate) = rate(Charge::CacheRead, hit) {
            standard.entry(Charge::CacheRead).or_insert(rate);
        }
    }
    // xAI charges more as soon as a prompt reaches the length, others above it.
    if kind == "xai" {
        all = all.into_iter().map(|((tier, above), rates)| ((tier, above.saturating_sub(1)), rates)).collect();
    }
    for ((_, above), rates) in &mut all {
        // Reasoning at the rate of output needs no row of its own.
        if rates.get(&Charge::Reasoning) == rates.get(&Charge::Output) {
            rates.remove(&Charge::Reasoning);
        }
        if *above == 0 {
            rates.extend(once(entry, kind));
        }
    }
    all
}

/// A number of tokens, written as `256000.0` there.
fn whole(number: Amount) -> Option<u64> {
    let unit = Amount::ATTO_PER_UNIT;
    if number.atto() % unit == 0 { u64::try_from(number.atto() / unit).ok() } else { None }
}

/// Takes the name of a rate apart: what it is for, from which length of prompt on, at which tier.
fn charged(key: &str) -> Option<(Charge, u64, Tier)> {
    let named = CHARGES.iter().filter_map(|(name, charge)| Some((name.len(), key.strip_prefix(name)?, *charge)));
    let (_, rest, charge) = named.max_by_key(|(length, ..)| *length)?;
    let (tier, rest) = match TIERS.iter().skip(1).find_map(|(word, tier)| Some((*tier, rest.strip_suffix(word)?))) {
        Some(found) => found,
        None => (Tier::Standard, rest),
    };
    if rest.is_empty() {
        return Some((charge, 0, tier));
    }
    let thousands = rest.strip_prefix("_above_")?.strip_suffix("k_tokens")?.parse::<u64>().ok()?;
    Some((charge, thousands.checked_mul(1_000)?, tier))
}

/// What is charged once for a request or a call, at every tier.
fn once(entry: &Map<String, Value>, kind: &str) -> Rates {
    let mut rates = Rates::new();
    let request = entry.get("input_cost_per_query").or_else(|| entry.get("input_cost_per_request"));
    let request = request.and_then(|value| amount(value, 0));
    let searches = sizes(entry);
    let size = |size: &str| searches.get(size).copied();
    // Perplexity charges for each request, by how much is searched; unless told otherwise that is little:
    // https://docs.perplexity.ai/guides/search-context-size-guide (unread); recorded usage says so.
    let found = if kind == "perplexity" {
        [(Charge::Request, request.or_else(|| size("search_context_size_low"))), (Charge::WebSearch, None)]
    } else {
        [(Charge::Request, request), (Charge::WebSearch, size("search_context_size_medium"))]
    };
    rates.extend(found.into_iter().filter_map(|(charge, amount)| Some((charge, rate(charge, amount?)?))));
    // Anthropic fetches pages at no additional cost:
    // https://platform.claude.com/docs/en/agents-and-tools/tool-use/web-fetch-tool (unread).
    if kind == "anthropic" {
        rates.extend(rate(Charge::WebFetch, Amount::ZERO).map(|rate| (Charge::WebFetch, rate)));
    }
    rates
}

fn sizes(entry: &Map<String, Value>) -> BTreeMap<&str, Amount> {
    let sizes = entry.get("search_context_cost_per_query").and_then(Value::as_object).into_iter().flatten();
    sizes.filter_map(|(size, value)| Some((size.as_str(), amount(value, 0)?))).collect()
}

fn search_estimated(entry: &Map<String, Value>) -> Option<EstimateReason> {
    let sizes = sizes(entry);
    let first = sizes.values().next()?;
    if sizes.values().any(|size| size != first) {
        return Some(EstimateReason::SearchSize);
    }
    entry.contains_key("search_free_requests").then_some(EstimateReason::Allowance)
}

/// Regions in which all is more, and how much in thousandths.
fn uplifts(entry: &Map<String, Value>) -> Vec<(&'static str, u64)> {
    let factor = |value: &Value| {
        let factor = amount(value, 0)?.atto();
        let unit = Amount::ATTO_PER_UNIT / i128::from(PER_MILLE);
        if factor % unit == 0 { u64::try_from(factor / unit).ok() } else { None }
    };
    let mut found = Vec::new();
    for (key, region) in
        [("regional_processing_uplift_multiplier_eu", "eu"), ("regional_processing_uplift_multiplier_us", "us")]
    {
        found.extend(entry.get(key).and_then(factor).map(|factor| (region, factor)));
    }
    // Every endpoint but the global one.
    if let Some(factor) = entry.get("regional_endpoint_uplift_multiplier").and_then(factor) {
        found.extend([("*", factor), ("global", PER_MILLE)]);
    }
    // Where a request says that only one country may serve it.
    let special = entry.get("provider_specific_entry");
    found.extend(special.and_then(|special| factor(special.get("us")?)).map(|factor| ("us", factor)));
    found
}

fn raised(charge: Charge, rate: Rate, per_mille: u64) -> Option<Rate> {
    if matches!(charge, Charge::WebSearch | Charge::WebFetch) {
        return Some(rate);
    }
    Some(Rate::new(rate.amount.scaled(per_mille, Per::new(PER_MILLE)?).ok()?, rate.per))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_rates_are_taken_apart() {
        for (key, expected) in [
            ("input_cost_per_token", Some((Charge::Input, 0, Tier::Standard))),
            ("input_cost_per_token_above_272k_tokens_flex", Some((Charge::Input, 272_000, Tier::Flex))),
            (
                "cache_creation_input_token_cost_above_200k_tokens",
                Some((Charge::CacheWrite5m, 200_000, Tier::Standard)),
            ),
            ("cache_creation_input_token_cost_above_1hr", Some((Charge::CacheWrite1h, 0, Tier::Standard))),
            (
                "cache_creation_input_token_cost_above_1hr_above_200k_tokens",
                Some((Charge::CacheWrite1h, 200_000, Tier::Standard)),
            ),
            ("cache_creation_input_token_cost_above_12hr_batches", None),
            ("cache_read_input_token_cost_batches", Some((Charge::CacheRead, 0, Tier::Batch))),
            ("input_cost_per_token_ultrafast", None),
            ("input_cost_per_token_cache_hit", None),
            ("output_cost_per_image", None),
        ] {
            assert_eq!(charged(key), expected, "{key}");
        }
    }

    #[test]
    fn entries_become_rows() {
        let data: Value = serde_json::from_str(
            r#"{
            "sample_spec": {"mode": "chat"},
            "gpt": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 2.5e-06, "output_cost_per_token": 1.5e-05,
                "cache_read_input_token_cost": 5.0000000000000004e-08, "input_cost_per_token_batches": 1.25e-06,
                "input_cost_per_token_above_272k_tokens": 5e-06, "output_cost_per_reasoning_token": 1.5e-05,
                "regional_processing_uplift_multiplier_eu": 1.1,
                "search_context_cost_per_query": {"search_context_size_low": 0.005, "search_context_size_medium": 0.008, "search_context_size_high": 0.01},
                "source": "https://a.example"},
            "zero": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 0.0, "output_cost_per_token": 0},
            "openrouter/m:free": {"litellm_provider": "openrouter", "mode": "chat", "input_cost_per_token": 0.0, "output_cost_per_token": 0},
            "bedrock/eu-west-1/a.b": {"litellm_provider": "bedrock", "mode": "chat", "input_cost_per_token": 2e-06},
            "a.b": {"litellm_provider": "bedrock_converse", "mode": "chat", "input_cost_per_token": 1e-06},
            "bedrock/eu-west-1/1-month-commitment/a.b": {"litellm_provider": "bedrock", "mode": "chat", "input_cost_per_second": 1},
            "azure/eu/gpt": {"litellm_provider": "azure", "mode": "chat", "input_cost_per_token": 3e-06},
            "deepseek-x": {"litellm_provider": "deepseek", "mode": "chat", "input_cost_per_token": 9e-06},
            "deepseek/deepseek-x": {"litellm_provider": "deepseek", "mode": "chat", "input_cost_per_token": 3e-06, "off_peak_pricing": {}},
            "q": {"litellm_provider": "cohere", "mode": "rerank", "input_cost_per_query": 0.002, "input_cost_per_token": 0.0},
            "t": {"litellm_provider": "dashscope", "mode": "chat", "tiered_pricing": [{"range": [0, 1000.0], "input_cost_per_token": 1e-06}, {"range": [1000.0, 2000.0], "input_cost_per_token": 2e-06}]}
        }"#,
        )
        .unwrap();
        let ImportedPrices { list, left } = import(&data, "theirs", "2026-11-21".parse().unwrap()).unwrap();
        assert_eq!((list.len(), left), (7, 2));
        insta::assert_snapshot!(list.write());
        assert_eq!(PriceList::parse(&list.write()).unwrap(), list);
        assert!(import(&Value::Null, "theirs", "2026-11-21".parse().unwrap()).is_err());
    }
}
