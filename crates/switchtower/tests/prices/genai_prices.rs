//! The formula of genai-prices, as its documentation and its data say (<https://github.com/pydantic/genai-prices>).
//!
//! - The first model of a provider whose rule matches holds. Of prices with a date the last one that began holds.
//! - Which count of a usage is what, its data say: `extractors`, several counts may add up.
//! - A count is a part of a larger one: it is charged at the price of its own, or else inside the larger one.
//! - A price with tiers is chosen by all of the input, for all of it.

use super::{Decimal, Row, Theirs};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use switchtower::conformance::RecordedUsage;
use switchtower_domain::{Charge, CostStatus, UnknownReason};

fn provider_id(kind: &str) -> &str {
    match kind {
        "azure_openai" => "azure",
        "bedrock" => "aws",
        "google_vertex" | "google_vertex_anthropic" => "google",
        "moonshot" => "moonshotai",
        "voyage" => "voyageai",
        "xai" => "x-ai",
        other => other,
    }
}

fn provider<'a>(data: &'a Value, id: &str) -> Option<&'a Value> {
    data.as_array()?.iter().find(|provider| provider["id"] == id)
}

fn matches(rule: &Value, model: &str) -> bool {
    rule.as_object().into_iter().flatten().any(|(word, value)| {
        let text = value.as_str().unwrap_or_default().to_lowercase();
        let text = text.as_str();
        match word.as_str() {
            "equals" => model == text,
            "starts_with" => model.starts_with(text),
            "ends_with" => model.ends_with(text),
            "contains" => model.contains(text),
            "or" => value.as_array().into_iter().flatten().any(|inner| matches(inner, model)),
            "and" => value.as_array().into_iter().flatten().all(|inner| matches(inner, model)),
            // Regular expressions are left out: no recorded model needs one.
            _ => false,
        }
    })
}

fn model<'a>(data: &'a Value, recorded: &RecordedUsage) -> Option<&'a Value> {
    let name = recorded.model.to_lowercase();
    let models = provider(data, provider_id(&recorded.kind))?["models"].as_array()?;
    models.iter().find(|model| matches(&model["match"], &name))
}

/// The model of the provider that it falls back to.
fn of_another<'a>(data: &'a Value, recorded: &RecordedUsage) -> Option<&'a Value> {
    let others = provider(data, provider_id(&recorded.kind))?.get("fallback_model_providers")?.as_array()?;
    let name = recorded.model.to_lowercase();
    others.iter().find_map(|other| {
        let models = provider(data, other.as_str()?)?["models"].as_array()?;
        models.iter().find(|model| matches(&model["match"], &name))
    })
}

/// Its prices on the day, the dearest of those that differ by the hour.
fn prices(model: &Value) -> &Map<String, Value> {
    let Some(steps) = model["prices"].as_array() else { return model["prices"].as_object().unwrap() };
    let said = |step: &Value, word: &str| step.get("constraint")?.get(word)?.as_str().map(str::to_owned);
    let holds = steps.iter().filter(|step| said(step, "start_date").is_none_or(|day| day.as_str() <= super::DAY));
    let step = if steps.iter().any(|step| said(step, "start_time").is_some()) {
        holds.max_by_key(|step| Decimal::read(&step["prices"]["output_mtok"], 0)).unwrap()
    } else {
        let mut holds = holds;
        holds.next_back().unwrap()
    };
    step["prices"].as_object().unwrap()
}

/// What its data make of a usage.
fn counts(data: &Value, recorded: &RecordedUsage) -> BTreeMap<String, u64> {
    let flavors: &[&str] = match recorded.dialect.as_str() {
        "openai.responses" => &["responses", "default", "chat"],
        "openai.chat" | "openai.completions" => &["chat", "default"],
        "openai.embeddings" | "voyage.embeddings" | "cohere.v2.embed" => &["embeddings", "chat", "default"],
        "anthropic.messages" | "bedrock.invoke" | "bedrock.invoke-with-response-stream" => &["anthropic", "default"],
        _ => &["default"],
    };
    let all = provider(data, provider_id(&recorded.kind)).and_then(|provider| provider.get("extractors")?.as_array());
    let all = all.map(Vec::as_slice).unwrap_or_default();
    let extractor = flavors.iter().find_map(|flavor| all.iter().find(|one| one["api_flavor"] == *flavor));
    let mut counts = BTreeMap::new();
    let Some(extractor) = extractor else {
        // A provider without any counts as OpenAI does.
        for (path, dest) in [("/prompt_tokens", "input_tokens"), ("/completion_tokens", "output_tokens")] {
            if let Some(count) = recorded.recorded.pointer(path).and_then(Value::as_u64) {
                counts.insert(dest.to_owned(), count);
            }
        }
        return counts;
    };
    // The recording begins at the first step of the root.
    let root = extractor["root"].as_array().map(|steps| &steps[1..]).unwrap_or_default();
    let mut said = &recorded.recorded;
    for step in root {
        said = said.get(step.as_str().unwrap()).unwrap_or(&Value::Null);
    }
    for mapping in extractor["mappings"].as_array().unwrap() {
        let mut at = Some(said);
        let path = &mapping["path"];
        for step in path.as_array().map_or_else(|| std::slice::from_ref(path), Vec::as_slice) {
            at = match step.as_str() {
                Some(key) => at.and_then(|at| at.get(key)),
                None => at.and_then(Value::as_array).and_then(|entries| {
                    let field = step["field"].as_str().unwrap();
                    entries.iter().find(|entry| step["match"]["equals"] == entry[field])
                }),
            };
        }
        let count = at.and_then(|at| at.as_u64().or_else(|| at.to_string().strip_suffix(".0")?.parse().ok()));
        if let Some(count) = count {
            *counts.entry(mapping["dest"].as_str().unwrap().to_owned()).or_default() += count;
        }
    }
    counts
}

pub(crate) fn cost(data: &Value, recorded: &RecordedUsage) -> Theirs {
    let Some(model) = model(data, recorded).or_else(|| of_another(data, recorded)) else {
        return Theirs::NoPrice;
    };
    let prices = prices(model);
    let counts = counts(data, recorded);
    let count = |name: &str| counts.get(name).copied().unwrap_or_default();
    let input = count("input_tokens");
    let rate = |name: &str| {
        let price = prices.get(name)?;
        let mut tiers = price.get("tiers").and_then(Value::as_array).into_iter().flatten();
        let tier = tiers.rfind(|tier| tier["start"].as_u64().is_some_and(|start| input > start));
        let left = if name.ends_with("kcount") { 3 } else { 6 };
        Decimal::read(tier.map_or_else(|| price.get("base").unwrap_or(price), |tier| &tier["price"]), left)
    };
    // A part that has a price is taken out of what it is a part of.
    let part = |name: &str, tokens: &str| rate(name).map_or(0, |_| count(tokens));
    let audio_read = part("cache_audio_read_mtok", "cache_audio_read_tokens");
    let image_read = part("cache_image_read_mtok", "cache_image_read_tokens");
    let audio = part("input_audio_mtok", "input_audio_tokens");
    let image = part("input_image_mtok", "input_image_tokens");
    let video = part("input_video_mtok", "input_video_tokens");
    let read = part("cache_read_mtok", "cache_read_tokens");
    let hour = part("cache_write_1h_mtok", "cache_write_1h_tokens");
    let written = part("cache_write_mtok", "cache_write_tokens");
    let reasoning = part("output_reasoning_mtok", "output_reasoning_tokens");
    let spoken = part("output_audio_mtok", "output_audio_tokens");
    let drawn = part("output_image_mtok", "output_image_tokens");
    let citations = part("output_citation_mtok", "output_citation_tokens");
    let text = input.saturating_sub(audio + image + video + read + written).saturating_add(audio_read + image_read);
    let output = count("output_tokens").saturating_sub(reasoning + spoken + drawn + citations);
    let parts = [
        ("text", text, "input_mtok"),
        ("cached", read - (audio_read + image_read).min(read), "cache_read_mtok"),
        ("cached audio", audio_read, "cache_audio_read_mtok"),
        ("cached image", image_read, "cache_image_read_mtok"),
        ("written", written - hour.min(written), "cache_write_mtok"),
        ("written for an hour", hour, "cache_write_1h_mtok"),
        ("audio", audio - audio_read.min(audio), "input_audio_mtok"),
        ("image", image - image_read.min(image), "input_image_mtok"),
        ("video", video, "input_video_mtok"),
        ("output", output, "output_mtok"),
        ("reasoning", reasoning, "output_reasoning_mtok"),
        ("spoken", spoken, "output_audio_mtok"),
        ("drawn", drawn, "output_image_mtok"),
        ("citations", citations, "output_citation_mtok"),
        ("searches", count("web_searches"), "web_searches_kcount"),
        ("requests", 1, "requests_kcount"),
    ];
    let charged = parts.into_iter().filter(|(_, count, _)| *count > 0);
    Theirs::Cost(charged.filter_map(|(name, count, of)| Some((name, count, rate(of)? * count))).collect())
}

/// Why ours is another.
pub(crate) fn explain(data: &Value, row: &Row<'_>) -> Option<&'static str> {
    let recorded = row.recorded;
    let prices = model(data, recorded).map(prices);
    let states = |key: &str| prices.is_some_and(|prices| prices.contains_key(key));
    if let CostStatus::Unknown(reasons) = row.ours.status() {
        return reasons.iter().find_map(|reason| match reason {
            UnknownReason::NoPrice if model(data, recorded).is_none() && of_another(data, recorded).is_some() => {
                Some("no price of the provider: that of another provider there, unknown here")
            }
            UnknownReason::NoPrice if row.theirs.total() == Some(Decimal::ZERO) => {
                Some("zeros: the table has zeros for what it does not know; here that is unknown")
            }
            UnknownReason::NoPriceFor(Charge::CacheRead) if !states("cache_read_mtok") => {
                Some("cached tokens without a price: at the full price of input there, unknown here")
            }
            UnknownReason::NoPriceFor(Charge::CacheWrite5m) if !states("cache_write_mtok") => {
                Some("tokens written to a cache without a price: as input there, unknown here")
            }
            UnknownReason::NoPriceFor(Charge::CacheWrite1h) if !states("cache_write_1h_mtok") => {
                Some("an hour in the cache without a price: at that of five minutes there, unknown here")
            }
            UnknownReason::NoPriceFor(Charge::InputAudio) if !states("input_audio_mtok") => {
                Some("audio without a price: as input there, unknown here")
            }
            UnknownReason::NoPriceFor(Charge::OutputAudio | Charge::OutputImage) => {
                Some("generated audio or images without a price: as output there, unknown here")
            }
            UnknownReason::NoPriceFor(Charge::WebSearch) if !states("web_searches_kcount") => {
                Some("searches without a price: free there, unknown here")
            }
            UnknownReason::NoPriceFor(Charge::WebFetch) => {
                Some("pages fetched without a price: free there, unknown here")
            }
            UnknownReason::NoUsage | UnknownReason::NoCountOf(_) => {
                Some("a count that was not reported: free there, unknown here")
            }
            UnknownReason::Contradiction(_) => {
                Some("counts that contradict each other: charged as they are there, unknown here")
            }
            UnknownReason::NoPriceOfTier => Some("a tier: at the standard price there, which knows none; unknown here"),
            _ => None,
        });
    }
    let ours = row.ours.totals().first().map_or(Decimal::ZERO, |total| Decimal::of_amount(total.amount));
    let theirs = row.theirs.total()?;
    if row.theirs == Theirs::Cost(Vec::new()) && counts(data, recorded).is_empty() {
        return Some("an API of the provider whose counts its data do not read: nothing is charged there");
    }
    let rate = |charge: Charge| {
        let line = row.ours.lines().iter().find(|line| line.charge == charge)?;
        Some((line.quantity, Decimal::of_amount(line.rate.amount)))
    };
    if let Some((cached, read)) = rate(Charge::CacheRead)
        && row.theirs.part("cached") == Decimal::ZERO
        && let Some(input) = row.ours.lines().iter().find(|line| line.charge == Charge::Input)
        && theirs * 1_000_000 == ours * 1_000_000 + (Decimal::of_amount(input.rate.amount) - read) * cached
    {
        return Some("cached tokens under a name that its data do not read: at the full price there");
    }
    None
}
