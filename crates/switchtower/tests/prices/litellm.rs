//! LiteLLM's formula, as its documentation and its table say
//! (<https://docs.litellm.ai/docs/completion/token_usage>, <https://docs.litellm.ai/docs/provider_registration/add_model_pricing>).
//!
//! - `prompt_tokens` has all of a prompt; of Anthropic and Bedrock the counts of the cache are added to it, of Gemini the
//!   thoughts to the output.
//! - Text is what is left of the prompt without cached, written, audio, image and video tokens. A kind without a price of its
//!   own costs nothing, but images and videos cost what text does.
//! - Where a table has a price above a length, a longer prompt has it for all of its tokens; of xAI an equally long one too.
//! - A tier's price that is missing is the standard one.

use super::{Decimal, Row, Theirs};
use serde_json::{Map, Value};
use switchtower::conformance::RecordedUsage;
use switchtower_domain::{Charge, CostStatus, UnknownReason};

/// What it counts.
#[derive(Debug, Default)]
struct Counts {
    prompt: u64,
    cached: u64,
    written: u64,
    written_1h: u64,
    audio: u64,
    image: u64,
    video: u64,
    completion: u64,
    reasoning: u64,
    spoken: u64,
    drawn: u64,
    searches: u64,
}

fn counts(recorded: &RecordedUsage) -> Counts {
    let said = &recorded.recorded;
    let number = |path: &str| said.pointer(path).and_then(Value::as_u64).unwrap_or_default();
    let either = |one: &str, other: &str| number(one).max(number(other));
    match recorded.dialect.as_str() {
        "gemini.generateContent" | "gemini.streamGenerateContent" => {
            let of = |list: &str, modality: &str| -> u64 {
                let all = said.get(list).and_then(Value::as_array).into_iter().flatten();
                all.filter(|one| one["modality"] == modality).filter_map(|one| one["tokenCount"].as_u64()).sum()
            };
            Counts {
                prompt: number("/promptTokenCount"),
                cached: number("/cachedContentTokenCount"),
                audio: of("promptTokensDetails", "AUDIO"),
                image: of("promptTokensDetails", "IMAGE"),
                video: of("promptTokensDetails", "VIDEO"),
                completion: number("/candidatesTokenCount") + number("/thoughtsTokenCount"),
                reasoning: number("/thoughtsTokenCount"),
                spoken: of("candidatesTokensDetails", "AUDIO"),
                drawn: of("candidatesTokensDetails", "IMAGE"),
                ..Counts::default()
            }
        }
        "anthropic.messages" | "bedrock.invoke" | "bedrock.invoke-with-response-stream" => {
            let (cached, written) = (number("/cache_read_input_tokens"), number("/cache_creation_input_tokens"));
            Counts {
                prompt: number("/input_tokens") + cached + written,
                cached,
                written,
                written_1h: number("/cache_creation/ephemeral_1h_input_tokens"),
                completion: number("/output_tokens"),
                searches: number("/server_tool_use/web_search_requests"),
                ..Counts::default()
            }
        }
        "bedrock.converse" | "bedrock.converse-stream" => {
            let (cached, written) = (number("/cacheReadInputTokens"), number("/cacheWriteInputTokens"));
            let completion = number("/outputTokens");
            Counts {
                prompt: number("/inputTokens") + cached + written,
                cached,
                written,
                completion,
                ..Counts::default()
            }
        }
        "cohere.v2.chat" => Counts {
            prompt: number("/tokens/input_tokens"),
            completion: number("/tokens/output_tokens"),
            ..Counts::default()
        },
        "cohere.v2.embed" => Counts { prompt: number("/billed_units/input_tokens"), ..Counts::default() },
        "ollama.chat" => {
            Counts { prompt: number("/prompt_eval_count"), completion: number("/eval_count"), ..Counts::default() }
        }
        _ => {
            let detail =
                |of: &str| either(&format!("/prompt_tokens_details/{of}"), &format!("/input_tokens_details/{of}"));
            let details =
                |of: &str| either(&format!("/completion_tokens_details/{of}"), &format!("/output_tokens_details/{of}"));
            let reasoning = details("reasoning_tokens");
            let beside = recorded.kind == "xai" && said.get("completion_tokens").is_some();
            let alone = either("/prompt_tokens", "/input_tokens");
            Counts {
                prompt: if said.get("total_tokens").is_some() && alone == 0 { number("/total_tokens") } else { alone },
                cached: detail("cached_tokens").max(number("/prompt_cache_hit_tokens")),
                written: detail("cache_write_tokens"),
                audio: detail("audio_tokens"),
                image: detail("image_tokens"),
                video: detail("video_tokens"),
                completion: either("/completion_tokens", "/output_tokens") + if beside { reasoning } else { 0 },
                reasoning,
                spoken: details("audio_tokens"),
                drawn: details("image_tokens"),
                ..Counts::default()
            }
        }
    }
}

/// The entry of a model: under its provider and its name, or under its name alone.
fn entry<'a>(table: &'a Value, recorded: &RecordedUsage) -> Option<&'a Map<String, Value>> {
    let providers: &[&str] = match recorded.kind.as_str() {
        "google" => &["gemini"],
        "google_vertex" => &["vertex_ai-language-models", "vertex_ai-embedding-models"],
        "google_vertex_anthropic" => &["vertex_ai-anthropic_models"],
        "azure_openai" => &["azure", "azure_ai"],
        "bedrock" => &["bedrock", "bedrock_converse"],
        "cohere" => &["cohere", "cohere_chat"],
        "alibaba" => &["dashscope"],
        "together" => &["together_ai"],
        "openai" => &["openai", "text-completion-openai"],
        other => &[other],
    };
    let prefixed = providers.iter().map(|provider| {
        let prefix = if provider.starts_with("vertex_ai") { "vertex_ai" } else { provider };
        format!("{prefix}/{}", recorded.model)
    });
    let keys: Vec<String> = prefixed.chain([recorded.model.clone()]).collect();
    keys.iter().find_map(|key| {
        let entry = table.get(key)?.as_object()?;
        let provider = entry.get("litellm_provider")?.as_str()?;
        providers.contains(&provider).then_some(entry)
    })
}

fn tier(recorded: &RecordedUsage) -> &str {
    let word = recorded.recorded.get("service_tier").and_then(Value::as_str).or(recorded.usage.service_tier.as_deref());
    match word.unwrap_or_default().to_ascii_lowercase().as_str() {
        "flex" | "on_demand_flex" => "_flex",
        "priority" => "_priority",
        _ => "",
    }
}

pub(crate) fn cost(table: &Value, recorded: &RecordedUsage) -> Theirs {
    let Some(entry) = entry(table, recorded) else { return Theirs::NoPrice };
    if matches!(recorded.dialect.as_str(), "voyage.rerank" | "cohere.v2.rerank" | "openai.rerank") {
        return ranking(entry, recorded);
    }
    let counts = counts(recorded);
    let plain = |key: &str| entry.get(key).and_then(|value| Decimal::read(value, 0));
    let tier = tier(recorded);
    let tiered = |key: &str| plain(&format!("{key}{tier}")).or_else(|| plain(key));
    let inclusive = recorded.kind == "xai";
    let thresholds = entry.keys().filter_map(|key| {
        key.strip_prefix("input_cost_per_token_above_")?.strip_suffix("k_tokens")?.parse::<u64>().ok()
    });
    let band =
        thresholds.filter(|band| counts.prompt > band * 1_000 || (inclusive && counts.prompt == band * 1_000)).max();
    // A table of bands holds for all prices: what a band lacks costs what its input does.
    let bands = entry.get("tiered_pricing").and_then(Value::as_array).into_iter().flatten();
    let own_band = bands.clone().find(|band| {
        let end = Decimal::read(&band["range"][1], 0).unwrap();
        Decimal::whole(counts.prompt) <= end
    });
    let own_band = own_band.or_else(|| bands.last());
    let rate = |key: &str| {
        if let Some(band) = own_band {
            let said = band.get(key).or_else(|| band.get("input_cost_per_token"));
            return said.and_then(|price| Decimal::read(price, 0)).unwrap_or(Decimal::ZERO);
        }
        let above = band.and_then(|band| tiered(&format!("{key}_above_{band}k_tokens")));
        above.or_else(|| tiered(key)).unwrap_or(Decimal::ZERO)
    };
    let own = |key: &str| plain(key).unwrap_or_else(|| rate("input_cost_per_token"));
    // What was cached may be of any kind: audio, image and video are charged only for what the cache leaves over.
    let mut left = counts.prompt.saturating_sub(counts.cached).saturating_sub(counts.written);
    let mut take = |count: u64| {
        let taken = count.min(left);
        left -= taken;
        taken
    };
    let (audio, image, video) = (take(counts.audio), take(counts.image), take(counts.video));
    let output = rate("output_cost_per_token");
    let thought =
        plain(&format!("output_cost_per_reasoning_token{tier}")).or_else(|| plain("output_cost_per_reasoning_token"));
    let spoken = plain("output_cost_per_audio_token").unwrap_or(output);
    let drawn = plain("output_cost_per_image_token").unwrap_or(output);
    let said =
        counts.completion.saturating_sub(counts.reasoning).saturating_sub(counts.spoken).saturating_sub(counts.drawn);
    let search = entry.get("search_context_cost_per_query").and_then(|sizes| sizes.get("search_context_size_medium"));
    let search = search.and_then(|price| Decimal::read(price, 0)).unwrap_or(Decimal::ZERO);
    let hour = rate("cache_creation_input_token_cost_above_1hr");
    let parts = [
        ("text", left, rate("input_cost_per_token")),
        ("cached", counts.cached, rate("cache_read_input_token_cost")),
        ("written", counts.written - counts.written_1h, rate("cache_creation_input_token_cost")),
        ("written for an hour", counts.written_1h, hour),
        ("audio", audio, tiered("input_cost_per_audio_token").unwrap_or(Decimal::ZERO)),
        ("image", image, own("input_cost_per_image_token")),
        ("video", video, own("input_cost_per_video_token")),
        ("output", said, output),
        ("reasoning", counts.reasoning.min(counts.completion), thought.unwrap_or(output)),
        ("spoken", counts.spoken, spoken),
        ("drawn", counts.drawn, drawn),
        ("searches", counts.searches, search),
    ];
    Theirs::Cost(
        parts
            .into_iter()
            .filter(|(_, count, _)| *count > 0)
            .map(|(name, count, rate)| (name, count, rate * count))
            .collect(),
    )
}

/// A ranking costs what its searches do.
fn ranking(entry: &Map<String, Value>, recorded: &RecordedUsage) -> Theirs {
    let price = |key: &str| entry.get(key).and_then(|value| Decimal::read(value, 0)).unwrap_or(Decimal::ZERO);
    let number = |path: &str| recorded.recorded.pointer(path).and_then(Value::as_u64);
    let searches = number("/billed_units/search_units").unwrap_or(1);
    let tokens = number("/total_tokens").unwrap_or_default();
    Theirs::Cost(vec![
        ("requests", searches, price("input_cost_per_query") * searches),
        ("text", tokens, price("input_cost_per_token") * tokens),
    ])
}

/// Why ours is another.
pub(crate) fn explain(table: &Value, row: &Row<'_>) -> Option<&'static str> {
    let recorded = row.recorded;
    let entry = entry(table, recorded);
    let states = |key: &str| entry.is_some_and(|entry| entry.contains_key(key));
    let ours = row.ours.totals().first().map_or(Decimal::ZERO, |total| Decimal::of_amount(total.amount));
    let line = |charge: Charge| {
        let lines = row.ours.lines().iter().filter(|line| line.charge == charge);
        lines.fold(Decimal::ZERO, |sum, line| sum + Decimal::of_amount(line.amount))
    };
    let theirs = row.theirs.total().unwrap_or(Decimal::ZERO);
    if let CostStatus::Unknown(reasons) = row.ours.status() {
        return reasons.iter().find_map(|reason| match reason {
            UnknownReason::NoPrice if entry.is_some_and(all_zero) => {
                Some("zeros: the table has zeros for what it does not know; here that is unknown")
            }
            UnknownReason::NoPriceFor(Charge::CacheRead)
                if !states("cache_read_input_token_cost") && row.theirs.part("cached") == Decimal::ZERO =>
            {
                Some("cached tokens without a price: free there, unknown here")
            }
            UnknownReason::NoPriceFor(Charge::CacheWrite5m)
                if !states("cache_creation_input_token_cost") && row.theirs.part("written") == Decimal::ZERO =>
            {
                Some("tokens written to a cache without a price: free there, unknown here")
            }
            UnknownReason::NoPriceFor(Charge::InputAudio) if !states("input_cost_per_audio_token") => {
                Some("audio without a price: free there, unknown here")
            }
            UnknownReason::NoPriceFor(Charge::OutputAudio | Charge::OutputImage) => {
                Some("generated audio or images without a price: charged as text there, unknown here")
            }
            UnknownReason::NoPriceFor(Charge::CacheRead | Charge::CacheWrite5m) | UnknownReason::NoPriceOfTier
                if !tier(recorded).is_empty() =>
            {
                Some("a tier without a price: at the standard price there, unknown here")
            }
            UnknownReason::NoPriceFor(Charge::WebSearch) if !states("search_context_cost_per_query") => {
                Some("searches without a price: free there, unknown here")
            }
            UnknownReason::NoUsage | UnknownReason::NoCountOf(_) => {
                Some("a count that was not reported: free there, unknown here")
            }
            UnknownReason::Contradiction(_) => {
                Some("counts that contradict each other: cut to fit there, unknown here")
            }
            _ => None,
        });
    }
    let number = |path: &str| recorded.recorded.pointer(path).and_then(Value::as_u64).unwrap_or_default();
    let input = row
        .ours
        .lines()
        .iter()
        .find(|line| line.charge == Charge::Input)
        .map(|line| Decimal::of_amount(line.rate.amount));
    let tools = number("/toolUsePromptTokenCount");
    if tools > 0 && input.is_some_and(|rate| ours * 1_000_000 == theirs * 1_000_000 + rate * tools) {
        return Some("Gemini's tokens of tools it ran: charged as input here, left out there");
    }
    let cached = number("/num_cached_tokens");
    let read = row
        .ours
        .lines()
        .iter()
        .find(|line| line.charge == Charge::CacheRead)
        .map(|line| Decimal::of_amount(line.rate.amount));
    if let (Some(input), Some(read), true) = (input, read, cached > 0) {
        return (theirs * 1_000_000 == ours * 1_000_000 + (input - read) * cached)
            .then_some("cached tokens under a name of Mistral's own: at the full price there, which does not read it");
    }
    if recorded.recorded.get("billed_units").is_some() && recorded.kind == "cohere" {
        let billed = |path: &str| number(path);
        let price = |key: &str| entry.and_then(|entry| Decimal::read(entry.get(key)?, 0)).unwrap_or(Decimal::ZERO);
        let charged = price("input_cost_per_token") * billed("/billed_units/input_tokens")
            + price("output_cost_per_token") * billed("/billed_units/output_tokens");
        return (charged == ours)
            .then_some("Cohere bills fewer tokens than its model saw: those are charged here, all of them there");
    }
    if ours == theirs + line(Charge::Request) && line(Charge::Request) != Decimal::ZERO {
        return Some("Perplexity's fee for each request: charged here, apart from the tokens there");
    }
    if ours == theirs + line(Charge::WebSearch) && line(Charge::WebSearch) != Decimal::ZERO {
        return Some("searches that are reported beside the tokens: charged here, by the kind of tool there");
    }
    None
}

fn all_zero(entry: &Map<String, Value>) -> bool {
    let prices = entry.iter().filter(|(key, _)| key.contains("cost_per_token"));
    prices.filter_map(|(_, value)| Decimal::read(value, 0)).all(|price| price == Decimal::ZERO)
}
