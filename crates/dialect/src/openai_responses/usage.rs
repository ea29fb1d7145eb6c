//! Usage, in whole answers and at the end of streams.

use crate::fields::Fields;
use crate::render::Object;
use crate::{DecodeError, Json};
use switchtower_domain::Usage;

/// Reads `usage`, if there is one.
pub(super) fn decode(fields: &mut Fields) -> Result<Option<Usage>, DecodeError> {
    if !fields.peek("usage").is_some_and(Json::is_object) {
        return Ok(None);
    }
    let Some(value) = fields.take("usage") else { return Ok(None) };
    let mut report = fields.beneath(value, "usage")?;
    let mut usage = Usage {
        input: report.u64("input_tokens")?,
        output: report.u64("output_tokens")?,
        total: report.u64("total_tokens")?,
        ..Usage::default()
    };
    report.nested("input_tokens_details", |details| {
        usage.cache_read = details.u64("cached_tokens")?;
        usage.cache_write = details.u64("cache_write_tokens")?;
        Ok(())
    })?;
    usage.reasoning = report.nested("output_tokens_details", |details| details.u64("reasoning_tokens"))?;
    usage.extras = report.rest();
    Ok(Some(usage))
}

/// Writes `usage`.
pub(super) fn encode(usage: &Usage, same: bool) -> Object {
    let mut report = Object::new();
    let mut input = Object::new();
    let mut output = Object::new();
    if same {
        report.maybe("input_tokens", usage.input);
        input.maybe("cached_tokens", usage.cache_read);
        input.maybe("cache_write_tokens", usage.cache_write);
        report.nested("input_tokens_details", input);
        report.maybe("output_tokens", usage.output);
        output.maybe("reasoning_tokens", usage.reasoning);
        report.nested("output_tokens_details", output);
        report.maybe("total_tokens", usage.total);
        usage.extras.overlay(report.map_mut());
        return report;
    }
    // Clients rely on all six; what was not reported is not made up beyond that.
    report.set("input_tokens", usage.input.unwrap_or_default());
    input.set("cached_tokens", usage.cache_read.unwrap_or_default());
    input.set("cache_write_tokens", usage.cache_write.unwrap_or_default());
    report.set("input_tokens_details", input);
    report.set("output_tokens", usage.output.unwrap_or_default());
    output.set("reasoning_tokens", usage.reasoning.unwrap_or_default());
    report.set("output_tokens_details", output);
    let sum = usage.input.unwrap_or_default().saturating_add(usage.output.unwrap_or_default());
    report.set("total_tokens", usage.total.unwrap_or(sum));
    report
}
