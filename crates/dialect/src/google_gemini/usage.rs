//! Usage. Gemini counts thoughts and what tools read beside the rest, and repeats each count by kind of content.

use crate::fields::Fields;
use crate::render::Object;
use crate::{DecodeError, Json};
use serde_json::Value;
use switchtower_domain::Usage;

/// Counts by kind of content, which the counts beside them restate.
const DETAILS: [&str; 4] =
    ["promptTokensDetails", "candidatesTokensDetails", "cacheTokensDetails", "toolUsePromptTokensDetails"];

/// Reads `usageMetadata`, if there is one.
pub(super) fn decode(fields: &mut Fields) -> Result<Option<Usage>, DecodeError> {
    if !fields.peek("usageMetadata").is_some_and(Json::is_object) {
        return Ok(None);
    }
    let Some(value) = fields.take("usageMetadata") else { return Ok(None) };
    let mut report = fields.beneath(value, "usageMetadata")?;
    let of = |report: &Fields, list: &str, kind: &str| -> Option<u64> {
        let counts = report.peek(list)?.as_array()?;
        counts.iter().find(|count| count.get("modality").is_some_and(|word| word == kind))?.get("tokenCount")?.as_u64()
    };
    let [input_audio, input_image, input_video] =
        ["AUDIO", "IMAGE", "VIDEO"].map(|kind| of(&report, "promptTokensDetails", kind));
    let [output_audio, output_image] = ["AUDIO", "IMAGE"].map(|kind| of(&report, "candidatesTokensDetails", kind));
    let read_by_tools = report.peek("toolUsePromptTokenCount").and_then(Json::as_u64);
    let prompt = report.u64("promptTokenCount")?;
    let said = report.u64("candidatesTokenCount")?;
    let reasoning = report.u64("thoughtsTokenCount")?;
    if said.is_none() {
        report.lack("candidatesTokenCount");
    }
    let usage = Usage {
        input: prompt.map(|prompt| prompt.saturating_add(read_by_tools.unwrap_or_default())),
        cache_read: report.u64("cachedContentTokenCount")?,
        input_audio,
        input_image,
        input_video,
        output: match (said, reasoning) {
            (None, None) => None,
            (said, thought) => Some(said.unwrap_or_default().saturating_add(thought.unwrap_or_default())),
        },
        reasoning,
        output_audio,
        output_image,
        total: report.u64("totalTokenCount")?,
        service_tier: report.string("serviceTier")?,
        ..Usage::default()
    };
    Ok(Some(Usage { extras: report.rest().restating(&DETAILS), ..usage }))
}

/// Writes `usageMetadata`.
pub(super) fn encode(usage: &Usage, same: bool) -> Object {
    let mut report = Object::new();
    let read_by_tools = usage.extras.get("toolUsePromptTokenCount").and_then(Value::as_u64).filter(|_| same);
    report.maybe("promptTokenCount", usage.input.map(|input| input.saturating_sub(read_by_tools.unwrap_or_default())));
    report.maybe("cachedContentTokenCount", usage.cache_read);
    if !(same && usage.extras.lacks("candidatesTokenCount")) {
        let thought = usage.reasoning.unwrap_or_default();
        report.maybe("candidatesTokenCount", usage.output.map(|output| output.saturating_sub(thought)));
    }
    report.maybe("thoughtsTokenCount", usage.reasoning);
    report.maybe("totalTokenCount", usage.total.or_else(|| usage.sum().filter(|_| !same)));
    if same {
        report.maybe("serviceTier", usage.service_tier.clone());
        usage.extras.overlay(report.map_mut());
    }
    report
}
