//! Usage. Cohere counts the tokens that its models read and wrote, and beside them those that it charges; the latter
//! leave out what its own templates add.

use crate::fields::Fields;
use crate::render::Object;
use crate::{DecodeError, Json};
use serde_json::Value;
use switchtower_domain::Usage;

/// Reads `usage`, if there is one.
pub(super) fn decode(fields: &mut Fields) -> Result<Option<Usage>, DecodeError> {
    decode_under("usage", fields)
}

/// Reads `usage`, or `meta`, in which vectors, rankings and the first version have the same.
pub(super) fn decode_any(fields: &mut Fields) -> Result<Option<Usage>, DecodeError> {
    Ok(decode(fields)?.or(decode_under("meta", fields)?))
}

fn decode_under(name: &'static str, fields: &mut Fields) -> Result<Option<Usage>, DecodeError> {
    if !fields.peek(name).is_some_and(Json::is_object) {
        return Ok(None);
    }
    let Some(value) = fields.take(name) else { return Ok(None) };
    let mut report = fields.beneath(value, name)?;
    let charged = |report: &Fields, count: &str| report.peek("billed_units")?.get(count)?.as_u64();
    let mut usage = Usage { cache_read: report.u64("cached_tokens")?, ..Usage::default() };
    if report.peek("tokens").is_some_and(Json::is_object) {
        report.nested("tokens", |tokens| {
            usage.input = tokens.u64("input_tokens")?;
            usage.output = tokens.u64("output_tokens")?;
            usage.input_image = tokens.u64("image_tokens")?;
            usage.reasoning = tokens.u64("reasoning_tokens")?;
            Ok(())
        })?;
    } else {
        report.lack("tokens");
        usage.input = charged(&report, "input_tokens");
        usage.output = charged(&report, "output_tokens");
    }
    Ok(Some(Usage { extras: report.rest(), ..usage }))
}

/// Writes `usage`.
pub(super) fn encode(usage: &Usage, same: bool) -> Value {
    let mut report = Object::new();
    if !(same && usage.extras.lacks("tokens")) {
        let mut tokens = Object::new();
        tokens.maybe("input_tokens", usage.input);
        tokens.maybe("output_tokens", usage.output);
        tokens.maybe("image_tokens", usage.input_image);
        tokens.maybe("reasoning_tokens", usage.reasoning);
        report.nested("tokens", tokens);
    }
    report.maybe("cached_tokens", usage.cache_read);
    if same {
        usage.extras.overlay(report.map_mut());
    }
    report.into()
}
