//! `cache_control`: where a provider may end a cached prefix. Anthropic's form, which vendors of Chat Completions took
//! over. Source: <https://platform.claude.com/docs/en/build-with-claude/prompt-caching>

use crate::fields::Fields;
use crate::render::Object;
use crate::{DecodeError, Json};
use switchtower_domain::{CacheMarker, CacheTtl};

/// Reads the marker of an object, if it has one of the known type.
pub(crate) fn read(fields: &mut Fields) -> Result<Option<CacheMarker>, DecodeError> {
    let marked = fields.peek("cache_control").and_then(|marker| marker.get("type")).and_then(Json::as_str);
    if marked != Some("ephemeral") {
        return Ok(None);
    }
    let Some(value) = fields.take("cache_control") else { return Ok(None) };
    let mut marker = fields.beneath(value, &fields.path_of("cache_control"))?;
    marker.take("type");
    let ttl = marker.string("ttl")?.map(|word| match word.as_str() {
        "5m" => CacheTtl::FiveMinutes,
        "1h" => CacheTtl::OneHour,
        _ => CacheTtl::Other(word),
    });
    Ok(Some(CacheMarker { ttl, extras: marker.rest() }))
}

/// Writes a marker.
pub(crate) fn object(marker: &CacheMarker) -> Object {
    let mut object = Object::typed("ephemeral");
    object.maybe(
        "ttl",
        marker.ttl.as_ref().map(|ttl| match ttl {
            CacheTtl::FiveMinutes => "5m",
            CacheTtl::OneHour => "1h",
            CacheTtl::Other(word) => word,
        }),
    );
    marker.extras.overlay(object.map_mut());
    object
}
