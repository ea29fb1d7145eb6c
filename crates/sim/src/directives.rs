//! What one request asks of the simulator itself: by header, or in the model name.
//!
//! | Header | In the model name | Means |
//! | --- | --- | --- |
//! | `x-sim-fault` | `fault` | faults, in the words of [`crate::Fault`] |
//! | `x-sim-latency-ms` | `latency_ms` | time to the first token |
//! | `x-sim-tokens-per-second` | `tokens_per_second` | pace after it; 0 is as fast as possible |
//! | `x-sim-seed` | `seed` | instead of the seed in the settings |
//! | `x-sim-output-tokens` | `output_tokens` | length of the text |
//! | `x-sim-reasoning-tokens` | `reasoning_tokens` | length of the reasoning; reasons even if not asked to, 0 never does |
//!
//! A gateway in front may not pass headers on, so a model name may carry the same as a query:
//! `sim-1?fault=cut:after=3&latency_ms=5`. The answer echoes the model name as asked. The model name goes before headers.

use crate::fault::{FaultError, Faults};
use http::HeaderMap;
use std::time::Duration;

/// Longest text or reasoning that a directive may ask for, in tokens.
pub(crate) const OUTPUT_TOKENS_MAX: u64 = 1_000_000;
/// Longest wait that a directive may ask for.
const LATENCY_MS_MAX: u64 = 600_000;

/// The directives of one request; what was not said is `None`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Directives {
    pub(crate) faults: Option<Faults>,
    pub(crate) latency: Option<Duration>,
    pub(crate) tokens_per_second: Option<f64>,
    pub(crate) seed: Option<u64>,
    pub(crate) output_tokens: Option<u64>,
    pub(crate) reasoning_tokens: Option<u64>,
}

/// Why a directive cannot be obeyed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DirectiveError {
    #[error(
        "unknown directive `{found}`; the directives are fault, latency_ms, tokens_per_second, seed, output_tokens, reasoning_tokens"
    )]
    Unknown { found: String },
    #[error("directive `{name}` is `{found}`, expected a number up to {max}")]
    BadNumber { name: &'static str, found: String, max: u64 },
    #[error("directive `fault`: {0}")]
    Fault(#[from] FaultError),
}

impl Directives {
    /// Reads the headers.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Result<Self, DirectiveError> {
        let mut said = Self::default();
        for (name, value) in headers {
            let Some(name) = name.as_str().strip_prefix("x-sim-") else {
                continue;
            };
            said.say(&name.replace('-', "_"), value.to_str().unwrap_or("?"))?;
        }
        Ok(said)
    }

    /// Reads the query of a model name into these directives and gives the bare name.
    pub(crate) fn read_model<'a>(&mut self, model: &'a str) -> Result<&'a str, DirectiveError> {
        let Some((bare, query)) = model.split_once('?') else {
            return Ok(model);
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            self.say(name, value)?;
        }
        Ok(bare)
    }

    fn say(&mut self, name: &str, value: &str) -> Result<(), DirectiveError> {
        match name {
            "fault" => self.faults = Some(value.parse()?),
            "latency_ms" => self.latency = Some(Duration::from_millis(whole("latency_ms", value, LATENCY_MS_MAX)?)),
            "tokens_per_second" => self.tokens_per_second = Some(pace(value)?),
            "seed" => self.seed = Some(whole("seed", value, u64::MAX)?),
            "output_tokens" => self.output_tokens = Some(whole("output_tokens", value, OUTPUT_TOKENS_MAX)?),
            "reasoning_tokens" => self.reasoning_tokens = Some(whole("reasoning_tokens", value, OUTPUT_TOKENS_MAX)?),
            _ => {
                return Err(DirectiveError::Unknown { found: name.to_owned() });
            }
        }
        Ok(())
    }
}

fn whole(name: &'static str, value: &str, max: u64) -> Result<u64, DirectiveError> {
    let number = value.trim().parse::<u64>().ok().filter(|number| *number <= max);
    number.ok_or_else(|| DirectiveError::BadNumber { name, found: value.to_owned(), max })
}

fn pace(value: &str) -> Result<f64, DirectiveError> {
    const MAX: u64 = 1_000_000;
    let number = value.trim().parse::<f64>().ok().filter(|number| (0.0..=MAX as f64).contains(number));
    number.ok_or_else(|| DirectiveError::BadNumber { name: "tokens_per_second", found: value.to_owned(), max: MAX })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;

    #[test]
    fn the_model_name_goes_before_headers() {
        let mut headers = HeaderMap::new();
        headers.insert("x-sim-fault", "overloaded".parse().unwrap());
        headers.insert("x-sim-latency-ms", "7".parse().unwrap());
        let mut said = Directives::from_headers(&headers).unwrap();
        assert_eq!(said.read_model("sim-1?fault=cut:after=3&output_tokens=200").unwrap(), "sim-1");
        assert_eq!(said.faults.unwrap().iter().next(), Some(&Fault::Cut { after: 3 }));
        assert_eq!((said.latency, said.output_tokens), (Some(Duration::from_millis(7)), Some(200)));
    }

    #[test]
    fn mistakes_are_named() {
        let error = |model: &str| Directives::default().read_model(model).unwrap_err();
        assert!(matches!(error("m?nonsense=1"), DirectiveError::Unknown { found } if found == "nonsense"));
        assert!(matches!(error("m?seed=x"), DirectiveError::BadNumber { name: "seed", .. }));
        assert!(matches!(error("m?fault=x"), DirectiveError::Fault(_)));
        assert!(matches!(error("m?tokens_per_second=-1"), DirectiveError::BadNumber { .. }));
    }
}
