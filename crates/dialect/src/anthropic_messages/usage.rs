//! Usage. Messages counts what was read from and written to a cache beside `input_tokens`, not within it.

use crate::DecodeError;
use crate::fields::Fields;
use crate::render::Object;
use serde_json::Value;
use switchtower_domain::Usage;

/// Reads `usage`, if there is one.
pub(super) fn decode(fields: &mut Fields) -> Result<Option<Usage>, DecodeError> {
    let Some(value) = fields.take("usage") else {
        return Ok(None);
    };
    if !value.is_object() {
        fields.put_back("usage", value);
        return Ok(None);
    }
    let mut report = fields.beneath(value, "usage")?;
    let mut usage = Usage {
        cache_read: report.u64("cache_read_input_tokens")?,
        cache_write: report.u64("cache_creation_input_tokens")?,
        output: report.u64("output_tokens")?,
        service_tier: report.string("service_tier")?,
        ..Usage::default()
    };
    let uncached = report.u64("input_tokens")?;
    usage.input = uncached.map(|count| count.saturating_add(cached(&usage)));
    report.nested("cache_creation", |lifetimes| {
        usage.cache_write_5m = lifetimes.u64("ephemeral_5m_input_tokens")?;
        usage.cache_write_1h = lifetimes.u64("ephemeral_1h_input_tokens")?;
        Ok(())
    })?;
    report.nested("server_tool_use", |tools| {
        usage.web_searches = tools.u64("web_search_requests")?;
        usage.web_fetches = tools.u64("web_fetch_requests")?;
        Ok(())
    })?;
    usage.reasoning = report.nested("output_tokens_details", |details| details.u64("thinking_tokens"))?;
    usage.extras = report.rest();
    Ok(Some(usage))
}

fn cached(usage: &Usage) -> u64 {
    usage.cache_read.unwrap_or_default().saturating_add(usage.cache_write.unwrap_or_default())
}

/// Writes `usage`.
pub(super) fn encode(usage: &Usage, same: bool) -> Object {
    let mut report = Object::new();
    let uncached = usage.input.map(|input| input.saturating_sub(cached(usage)));
    if same {
        report.maybe("input_tokens", uncached);
        report.maybe("output_tokens", usage.output);
    } else {
        report.set("input_tokens", uncached.unwrap_or_default());
        report.set("output_tokens", usage.output.unwrap_or_default());
    }
    report.maybe("cache_creation_input_tokens", usage.cache_write);
    report.maybe("cache_read_input_tokens", usage.cache_read);
    let mut lifetimes = Object::new();
    lifetimes.maybe("ephemeral_5m_input_tokens", usage.cache_write_5m);
    lifetimes.maybe("ephemeral_1h_input_tokens", usage.cache_write_1h);
    report.nested("cache_creation", lifetimes);
    let mut tools = Object::new();
    tools.maybe("web_search_requests", usage.web_searches);
    tools.maybe("web_fetch_requests", usage.web_fetches);
    report.nested("server_tool_use", tools);
    let mut details = Object::new();
    details.maybe("thinking_tokens", usage.reasoning);
    report.nested("output_tokens_details", details);
    if same {
        report.maybe("service_tier", usage.service_tier.clone());
        usage.extras.overlay(report.map_mut());
    }
    report
}

/// The usage of another dialect's answer as a value.
pub(super) fn or_nothing(usage: Option<&Usage>) -> Value {
    usage.map_or_else(|| encode(&Usage::default(), false), |usage| encode(usage, false)).into()
}
