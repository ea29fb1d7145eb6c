//! The table of genai-prices, in dollars for a million tokens, with periods where prices changed.
//!
//! A model is written under every name that the table says is equal to it, and under a name with a `*` for those that begin
//! with, end with or contain something; by such a name a cost is an estimate. What is cheaper in quiet hours is taken at its price of busy hours, and is an
//! estimate.

use super::{ImportedPrices, amount};
use crate::import::kind_of_genai_prices;
use crate::prices::row::rate;
use crate::prices::{Period, PriceList, PriceRow, Tier};
use jiff::civil::Date;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use switchtower_domain::{Amount, Charge, Currency, EstimateReason, Rate};

/// Its names for charges, and how the point of a price moves.
const CHARGES: [(&str, Charge, i32); 14] = [
    ("input_mtok", Charge::Input, 0),
    ("output_mtok", Charge::Output, 0),
    ("output_reasoning_mtok", Charge::Reasoning, 0),
    ("cache_read_mtok", Charge::CacheRead, 0),
    ("cache_write_mtok", Charge::CacheWrite5m, 0),
    ("cache_write_1h_mtok", Charge::CacheWrite1h, 0),
    ("input_audio_mtok", Charge::InputAudio, 0),
    ("output_audio_mtok", Charge::OutputAudio, 0),
    ("cache_audio_read_mtok", Charge::CacheReadAudio, 0),
    ("input_image_mtok", Charge::InputImage, 0),
    ("output_image_mtok", Charge::OutputImage, 0),
    ("cache_image_read_mtok", Charge::CacheReadImage, 0),
    ("input_video_mtok", Charge::InputVideo, 0),
    // For a thousand of them.
    ("web_searches_kcount", Charge::WebSearch, -3),
];

pub(super) fn import(data: &Value, source: &str, date: Date) -> Result<ImportedPrices, String> {
    let providers = data.as_array().ok_or("the data must be a list of providers")?;
    let mut imported = ImportedPrices { list: PriceList::default(), left: 0 };
    for provider in providers {
        let id = provider.get("id").and_then(Value::as_str).unwrap_or_default();
        let pages = provider.get("pricing_urls").and_then(Value::as_array);
        let page = pages.and_then(|pages| pages.first()).and_then(Value::as_str);
        let source = page.map_or_else(|| source.to_owned(), |page| format!("{source}: {page}"));
        for model in provider.get("models").and_then(Value::as_array).into_iter().flatten() {
            let name = model.get("id").and_then(Value::as_str).unwrap_or_default();
            let rows = rows(model, &source, date);
            let kinds = kinds(id, name);
            let all_zero = rows.iter().flat_map(|row| row.rates.values()).all(|rate| rate.amount == Amount::ZERO);
            if kinds.is_empty() || rows.is_empty() || (all_zero && !name.ends_with(":free")) {
                imported.left += 1;
                continue;
            }
            let mut names = vec![name.to_owned()];
            matched(model.get("match").unwrap_or(&Value::Null), &mut names);
            for kind in kinds {
                // As there, the first of two that have a name holds.
                for name in names.iter().filter(|name| !name.is_empty()) {
                    if imported.list.rows(kind, name).is_none() {
                        imported.list.add(kind, name, named(name, &rows));
                    }
                }
            }
        }
    }
    Ok(imported)
}

/// The rows under a name; those for every name that looks like it were not written for any, and say so.
fn named(name: &str, rows: &[PriceRow]) -> Vec<PriceRow> {
    let alike = name.contains('*').then_some(EstimateReason::NameAlike);
    let row =
        |row: &PriceRow| PriceRow { estimated: row.estimated.iter().copied().chain(alike).collect(), ..row.clone() };
    rows.iter().map(row).collect()
}

/// The kinds that have a model of a provider.
fn kinds(id: &str, model: &str) -> Vec<&'static str> {
    match id {
        "google" if model.starts_with("claude") => vec!["google_vertex_anthropic"],
        "google" => vec!["google", "google_vertex"],
        "aws" => vec!["bedrock"],
        "cohere" => vec!["cohere"],
        "voyageai" => vec!["voyage"],
        // Whoever serves there has prices of their own.
        "huggingface_together" => Vec::new(),
        other => kind_of_genai_prices(other).into_iter().collect(),
    }
}

/// The names that a rule of the table is for; a regular expression has none.
fn matched(rule: &Value, names: &mut Vec<String>) {
    for (word, value) in rule.as_object().into_iter().flatten() {
        for inner in value.as_array().into_iter().flatten().filter(|_| word == "or") {
            matched(inner, names);
        }
        let Some(text) = value.as_str().filter(|text| !text.contains('*')) else { continue };
        match word.as_str() {
            "equals" => names.push(text.to_owned()),
            "starts_with" => names.push(format!("{text}*")),
            "ends_with" => names.push(format!("*{text}")),
            "contains" => names.push(format!("*{text}*")),
            _ => {}
        }
    }
}

fn rows(model: &Value, source: &str, date: Date) -> Vec<PriceRow> {
    let stated = match model.get("prices") {
        Some(Value::Array(steps)) => steps.iter().collect(),
        Some(Value::Object(_)) => vec![model],
        _ => Vec::new(),
    };
    let prices = |step: &Value| step.get("prices").and_then(Value::as_object).cloned().unwrap_or_default();
    let said = |step: &Value, word: &str| step.get("constraint")?.get(word)?.as_str().map(str::to_owned);
    let by_hour = stated.iter().any(|step| said(step, "start_time").is_some());
    if by_hour {
        let dearest = stated
            .into_iter()
            .map(prices)
            .max_by_key(|prices| prices.get("output_mtok").and_then(|one| amount(one, 0)));
        let reasons = vec![EstimateReason::Hour];
        return dearest.map(|prices| bands(&prices, Period::default(), &reasons, source, date)).unwrap_or_default();
    }
    let mut rows = Vec::new();
    let days: Vec<Option<Date>> =
        stated.iter().map(|step| said(step, "start_date").and_then(|day| day.parse().ok())).collect();
    for (at, step) in stated.iter().enumerate() {
        let from = days.get(at).copied().flatten();
        let until = days.get(at + 1).copied().flatten();
        rows.extend(bands(&prices(step), Period { from, until }, &[], source, date));
    }
    rows
}

/// A row for each length of prompt from which on a price is another.
fn bands(
    prices: &Map<String, Value>,
    period: Period,
    estimated: &[EstimateReason],
    source: &str,
    date: Date,
) -> Vec<PriceRow> {
    let mut bands: BTreeMap<u64, BTreeMap<Charge, Rate>> = BTreeMap::new();
    for (name, charge, shift) in CHARGES.into_iter().chain([("requests_kcount", Charge::Request, -3)]) {
        let Some(value) = prices.get(name) else { continue };
        let base = value.get("base").unwrap_or(value);
        let higher = value.get("tiers").and_then(Value::as_array).into_iter().flatten();
        let higher = higher.filter_map(|tier| Some((tier.get("start")?.as_u64()?, tier.get("price")?)));
        for (above, value) in [(0, base)].into_iter().chain(higher) {
            if let Some(rate) = amount(value, shift).and_then(|amount| rate(charge, amount)) {
                bands.entry(above).or_default().insert(charge, rate);
            }
        }
    }
    let row = |(above_tokens, rates)| PriceRow {
        region: None,
        tier: Tier::Standard,
        above_tokens,
        period,
        currency: Currency::USD,
        rates,
        estimated: estimated.to_vec(),
        search_estimated: None,
        source: source.to_owned(),
        date,
    };
    bands.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_become_rows() {
        let data: Value = serde_json::from_str(
            r#"[
            {"id": "x-ai", "pricing_urls": ["https://x.example"], "models": [
                {"id": "grok", "match": {"or": [{"equals": "grok-1"}, {"starts_with": "grok-2"}, {"regex": "^g"}]},
                 "prices": {"input_mtok": {"base": 1.25, "tiers": [{"start": 200000, "price": 2.5}]}, "output_mtok": 10, "web_searches_kcount": 35}},
                {"id": "free", "match": {"equals": "free"}, "prices": {"input_mtok": 0}}
            ]},
            {"id": "deepseek", "models": [{"id": "chat", "match": {"contains": "chat"}, "prices": [
                {"prices": {"input_mtok": 0.135, "output_mtok": 0.55}},
                {"constraint": {"start_time": "00:30:00Z", "end_time": "16:30:00Z"}, "prices": {"input_mtok": 0.27, "output_mtok": 1.1}}]}]},
            {"id": "openai", "models": [{"id": "o3", "match": {"equals": "o3"}, "prices": [
                {"prices": {"input_mtok": 10}},
                {"constraint": {"start_date": "2025-06-10"}, "prices": {"input_mtok": 2}}]}]},
            {"id": "nobody", "models": [{"id": "m", "prices": {"input_mtok": 1}}]}
        ]"#,
        )
        .unwrap();
        let ImportedPrices { list, left } = import(&data, "theirs", "2026-08-21".parse().unwrap()).unwrap();
        assert_eq!((list.len(), left), (6, 2));
        insta::assert_snapshot!(list.write());
        assert_eq!(PriceList::parse(&list.write()).unwrap(), list);
        assert!(import(&Value::Null, "theirs", "2026-08-21".parse().unwrap()).is_err());
    }
}
