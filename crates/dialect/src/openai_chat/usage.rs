//! Usage, in whole answers and at the end of streams.

use crate::fields::Fields;
use crate::render::Object;
use crate::{DecodeError, Json, Variant};
use serde_json::Value;
use switchtower_domain::Usage;

/// Reads `usage`, if there is one.
pub(crate) fn decode(fields: &mut Fields, variant: &Variant) -> Result<Option<Usage>, DecodeError> {
    let Some(value) = fields.take("usage") else {
        return Ok(None);
    };
    if !value.is_object() {
        fields.put_back("usage", value);
        return Ok(None);
    }
    let mut report = fields.beneath(value, "usage")?;
    let elsewhere = variant.cached_tokens_field.as_deref();
    let cached_elsewhere = elsewhere.and_then(|field| report.peek(field)).and_then(Json::as_u64);
    let mut usage = Usage {
        input: report.u64("prompt_tokens")?,
        output: report.u64("completion_tokens")?,
        total: report.u64("total_tokens")?,
        service_tier: report.string("service_tier")?,
        ..Usage::default()
    };
    report.nested("prompt_tokens_details", |details| {
        usage.cache_read = details.u64("cached_tokens")?;
        usage.cache_write = details.u64("cache_write_tokens")?;
        usage.input_audio = details.u64("audio_tokens")?;
        usage.input_image = details.u64("image_tokens")?;
        usage.input_video = details.u64("video_tokens")?;
        Ok(())
    })?;
    report.nested("completion_tokens_details", |details| {
        usage.reasoning = details.u64("reasoning_tokens")?;
        usage.output_audio = details.u64("audio_tokens")?;
        usage.output_image = details.u64("image_tokens")?;
        usage.prediction_accepted = details.u64("accepted_prediction_tokens")?;
        usage.prediction_rejected = details.u64("rejected_prediction_tokens")?;
        Ok(())
    })?;
    usage.web_searches = report.nested("server_tool_use_details", |tools| tools.u64("web_search_requests"))?;
    usage.extras = report.rest();
    // A vendor that counts apart what others count together is read the common way.
    if usage.cache_read.is_none() {
        usage.cache_read = cached_elsewhere;
    }
    if variant.output_excludes_reasoning
        && let (Some(output), Some(reasoning)) = (usage.output, usage.reasoning)
    {
        usage.output = Some(output.saturating_add(reasoning));
    }
    Ok(Some(usage))
}

/// Writes `usage`.
pub(crate) fn encode(usage: &Usage, same: bool) -> Value {
    let mut report = Object::new();
    if same {
        report.maybe("prompt_tokens", usage.input);
        report.maybe("completion_tokens", usage.output);
        report.maybe("total_tokens", usage.total);
    } else {
        // Clients rely on the three; what was not reported is not made up beyond that.
        report.set("prompt_tokens", usage.input.unwrap_or_default());
        report.set("completion_tokens", usage.output.unwrap_or_default());
        let sum = usage.input.unwrap_or_default().saturating_add(usage.output.unwrap_or_default());
        report.set("total_tokens", usage.total.unwrap_or(sum));
    }
    report.maybe("service_tier", usage.service_tier.clone().filter(|_| same));
    let mut prompt = Object::new();
    prompt.maybe("cached_tokens", usage.cache_read);
    prompt.maybe("cache_write_tokens", usage.cache_write);
    prompt.maybe("audio_tokens", usage.input_audio);
    prompt.maybe("image_tokens", usage.input_image);
    prompt.maybe("video_tokens", usage.input_video);
    report.nested("prompt_tokens_details", prompt);
    let mut completion = Object::new();
    completion.maybe("reasoning_tokens", usage.reasoning);
    completion.maybe("audio_tokens", usage.output_audio);
    completion.maybe("image_tokens", usage.output_image);
    completion.maybe("accepted_prediction_tokens", usage.prediction_accepted);
    completion.maybe("rejected_prediction_tokens", usage.prediction_rejected);
    report.nested("completion_tokens_details", completion);
    let mut tools = Object::new();
    tools.maybe("web_search_requests", usage.web_searches);
    report.nested("server_tool_use_details", tools);
    if same {
        usage.extras.overlay(report.map_mut());
    }
    report.into()
}
