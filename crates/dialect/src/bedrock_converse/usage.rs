//! Usage. Converse counts what was read from and written to a cache beside `inputTokens`, not within it.

use crate::fields::Fields;
use crate::render::Object;
use crate::{DecodeError, Json};
use serde_json::Value;
use switchtower_domain::Usage;

/// What says the same as counts that are read, or breaks them down.
const RESTATED: [&str; 4] =
    ["cacheReadInputTokenCount", "cacheWriteInputTokenCount", "cacheDetails", "serverToolUsage"];

/// Reads `usage`, if there is one.
pub(super) fn decode(fields: &mut Fields) -> Result<Option<Usage>, DecodeError> {
    if !fields.peek("usage").is_some_and(Json::is_object) {
        return Ok(None);
    }
    let Some(value) = fields.take("usage") else { return Ok(None) };
    let mut report = fields.beneath(value, "usage")?;
    let written = |report: &Fields, ttl: &str| -> Option<u64> {
        let details = report.peek("cacheDetails")?.as_array()?;
        details.iter().find(|detail| detail.get("ttl").is_some_and(|word| word == ttl))?.get("inputTokens")?.as_u64()
    };
    let (cache_write_5m, cache_write_1h) = (written(&report, "5m"), written(&report, "1h"));
    let mut usage = Usage {
        cache_read: report.u64("cacheReadInputTokens")?,
        cache_write: report.u64("cacheWriteInputTokens")?,
        cache_write_5m,
        cache_write_1h,
        output: report.u64("outputTokens")?,
        total: report.u64("totalTokens")?,
        ..Usage::default()
    };
    usage.input = report.u64("inputTokens")?.map(|count| count.saturating_add(cached(&usage)));
    Ok(Some(Usage { extras: report.rest().restating(&RESTATED), ..usage }))
}

fn cached(usage: &Usage) -> u64 {
    usage.cache_read.unwrap_or_default().saturating_add(usage.cache_write.unwrap_or_default())
}

/// Writes `usage`.
pub(super) fn encode(usage: &Usage, same: bool) -> Object {
    let mut report = Object::new();
    let uncached = usage.input.map(|input| input.saturating_sub(cached(usage)));
    if same {
        report.maybe("inputTokens", uncached);
        report.maybe("outputTokens", usage.output);
        report.maybe("totalTokens", usage.total);
    } else {
        report.set("inputTokens", uncached.unwrap_or_default());
        report.set("outputTokens", usage.output.unwrap_or_default());
        report.set("totalTokens", usage.total.or_else(|| usage.sum()).unwrap_or_default());
    }
    report.maybe("cacheReadInputTokens", usage.cache_read);
    report.maybe("cacheWriteInputTokens", usage.cache_write);
    if same {
        usage.extras.overlay(report.map_mut());
        return report;
    }
    let details: Vec<Value> = [("5m", usage.cache_write_5m), ("1h", usage.cache_write_1h)]
        .into_iter()
        .filter_map(|(ttl, count)| {
            Some(Object::new().with("ttl", ttl).with("inputTokens", count.filter(|count| *count > 0)?).into())
        })
        .collect();
    if !details.is_empty() {
        report.set("cacheDetails", details);
    }
    report
}

/// The usage of another dialect's answer.
pub(super) fn or_nothing(usage: Option<&Usage>) -> Object {
    usage.map_or_else(|| encode(&Usage::default(), false), |usage| encode(usage, false))
}
