//! What the head of a failed answer says: the provider's id for the request, and when to ask again.

use crate::{Interface, anthropic, openai};
use http::HeaderMap;
use std::time::{Duration, SystemTime};
use switchtower_domain::DialectId;

/// Waits longer than this are a mistake of the provider or of our reading.
const WAIT_MAX: Duration = Duration::from_secs(24 * 3600);
/// Numbers above this are points in time in seconds, and a thousand times that in milliseconds.
const EPOCH_SECONDS_MIN: f64 = 1e9;

/// The provider's id for a request.
pub fn provider_request_id<'a>(interface: &Interface, headers: &'a HeaderMap) -> Option<&'a str> {
    let id = headers.get(&interface.request_id_header)?.to_str().ok()?;
    (id.len() <= 128).then_some(id)
}

/// When a provider wants to be asked again: `retry-after-ms`, `retry-after` (seconds or a date), or, where it limits
/// the rate, the time at which its limits are renewed.
pub fn retry_after(interface: &Interface, status: u16, headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let milliseconds = text("retry-after-ms").and_then(|text| text.parse::<f64>().ok()).map(|ms| ms / 1000.0);
    let stated = match milliseconds {
        Some(seconds) => duration(seconds),
        None => text("retry-after").and_then(|text| moment(text, now)),
    };
    let renewed = || {
        let names = match interface.dialect {
            DialectId::OpenaiChat | DialectId::OpenaiResponses => openai::failures::RENEWAL_HEADERS,
            DialectId::AnthropicMessages => anthropic::failures::RENEWAL_HEADERS,
            // Google says it in the body, and Cohere nowhere.
            DialectId::GoogleGemini | DialectId::CohereChat | DialectId::OllamaChat => &[],
            // Bedrock does not say it.
            DialectId::BedrockConverse => &[],
        };
        if status != 429 {
            return None;
        }
        names.iter().filter_map(|name| moment(text(name)?, now)).max()
    };
    stated.or_else(renewed).filter(|wait| *wait <= WAIT_MAX)
}

/// A wait in any of the forms that vendors use: seconds, a point in time as a number or a date, `1m30s`, `26ms`.
fn moment(text: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(number) = text.parse::<f64>() {
        let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs_f64();
        return match number {
            number if number >= EPOCH_SECONDS_MIN * 1000.0 => duration((number / 1000.0 - since_epoch).max(0.0)),
            number if number >= EPOCH_SECONDS_MIN => duration((number - since_epoch).max(0.0)),
            number => duration(number),
        };
    }
    spans(text).or_else(|| date(text, now))
}

fn duration(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

/// `1h2m3.5s`, `26ms`.
fn spans(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at_checked(digits)?;
        let unit_end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, next) = after.split_at_checked(unit_end)?;
        let seconds = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        total = total.checked_add(duration(number.parse::<f64>().ok()? * seconds)?)?;
        rest = next;
    }
    (!text.is_empty()).then_some(total)
}

/// A date of HTTP (RFC 9110, section 5.6.7) or of RFC 3339.
fn date(text: &str, now: SystemTime) -> Option<Duration> {
    let then = match text.parse::<jiff::Timestamp>() {
        Ok(then) => then,
        Err(_) => jiff::fmt::rfc2822::parse(text).ok()?.timestamp(),
    };
    Some(SystemTime::from(then).duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known;
    use http::HeaderName;

    fn wait(kind: &str, headers: &[(&str, &str)]) -> Option<f64> {
        let kind = known(kind).unwrap();
        let interface = Interface::new(&kind.main, "https://a.example/v1").unwrap();
        let map =
            headers.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())).collect();
        // 2015-10-21T07:27:00Z
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_445_412_420);
        retry_after(&interface, 429, &map, now).map(|wait| wait.as_secs_f64())
    }

    #[test]
    fn waits_are_read_in_every_form() {
        assert_eq!(wait("openai", &[("retry-after", "7")]), Some(7.0));
        assert_eq!(wait("openai", &[("retry-after", "7"), ("retry-after-ms", "1500")]), Some(1.5));
        assert_eq!(wait("anthropic", &[("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")]), Some(60.0));
        assert_eq!(wait("anthropic", &[("retry-after", "Wed, 21 Oct 2015 07:00:00 GMT")]), Some(0.0));
        let resets = [("x-ratelimit-reset-requests", "1m6s"), ("x-ratelimit-reset-tokens", "26ms")];
        assert_eq!(wait("groq", &resets), Some(66.0));
        assert_eq!(wait("openrouter", &[("x-ratelimit-reset", "1445412430000")]), Some(10.0));
        assert_eq!(wait("together", &[("x-ratelimit-reset", "2")]), Some(2.0));
        let reset = [("anthropic-ratelimit-requests-reset", "2015-10-21T07:27:30Z")];
        assert_eq!(wait("anthropic", &reset), Some(30.0));
    }

    #[test]
    fn what_is_no_wait_is_none() {
        for text in ["", "soon", "-3", "1x", "99999999", "nan", "inf"] {
            assert_eq!(wait("openai", &[("retry-after", text)]), None, "{text}");
        }
    }
}
