//! What can be made to go wrong, and the words for it.
//!
//! ```text
//! rate_limited:retry_after=2      429 with a retry-after header          overloaded      503, or 529 as Anthropic does
//! server_error                    500                                    bad_request     400
//! unauthorized                    401                                    not_found       404
//! slow_headers:ms=500             the head of the answer comes late      html            502 with a page of a load balancer
//! cut:after=3                     the connection ends after 3 chunks     bad_json        JSON that stops half way
//! clean_cut:after=3               the body ends properly, the stream does not
//! stall:after=1                   nothing more after 1 chunk, for ever
//! garbage:after=2                 bytes that are neither an event nor JSON
//! oversized:bytes=1000000:after=1 one event of that many bytes
//! stream_error:after=2            the dialect's error event inside a 200
//! reset:after=0                   a TCP reset; with after=0 before the head
//! ```
//!
//! Several are separated by `,` or `;`. The same words serve flags, headers, the fault script and the model suffix.

use std::fmt;
use std::str::FromStr;

/// Largest number accepted for any parameter of a fault.
pub const PARAMETER_MAX: u64 = 1 << 26;
/// Most faults accepted in one list.
pub const FAULTS_MAX: usize = 16;

/// One thing that goes wrong. `after` counts the chunks that are sent first: events of a stream, eighths of a whole answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// Status 429 with `retry-after` in seconds.
    RateLimited {
        /// Seconds for the `retry-after` header.
        retry_after: u64,
    },
    /// Status 503, or 529 in the Anthropic dialect.
    Overloaded,
    /// Status 500.
    ServerError,
    /// Status 400.
    BadRequest,
    /// Status 401.
    Unauthorized,
    /// Status 404.
    NotFound,
    /// The head of the answer is late by so many milliseconds.
    SlowHeaders {
        /// Milliseconds to wait.
        ms: u64,
    },
    /// The connection ends without the end of the body.
    Cut {
        /// Chunks sent first.
        after: u64,
    },
    /// The body ends as HTTP wants it, but the stream lacks its terminal event.
    CleanCut {
        /// Chunks sent first.
        after: u64,
    },
    /// Nothing more comes, and the connection stays open.
    Stall {
        /// Chunks sent first.
        after: u64,
    },
    /// Bytes that are neither an event nor JSON, after which the answer goes on.
    Garbage {
        /// Chunks sent first.
        after: u64,
    },
    /// One event of so many bytes (white space in a whole answer), after which the answer goes on.
    Oversized {
        /// Size of the event.
        bytes: u64,
        /// Chunks sent first.
        after: u64,
    },
    /// The dialect's error event inside a stream of status 200; a whole answer becomes a 500.
    StreamError {
        /// Chunks sent first.
        after: u64,
    },
    /// A TCP reset; with `after` 0 nothing of the answer is sent, not even its head.
    Reset {
        /// Chunks sent first.
        after: u64,
    },
    /// JSON that stops half way: the whole answer, or the second event of a stream.
    BadJson,
    /// Status 502 with a page of HTML, as a load balancer sends.
    Html,
}

/// Why a text is not a fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultError {
    /// The word is not a fault.
    #[error("unknown fault `{found}`; the faults are {}", NAMES.join(", "))]
    UnknownFault {
        /// The word as written.
        found: String,
    },
    /// The fault has no such parameter.
    #[error("fault `{fault}` has no parameter `{found}`")]
    UnknownParameter {
        /// The fault.
        fault: &'static str,
        /// The parameter as written.
        found: String,
    },
    /// A parameter is not a whole number within bounds.
    #[error("parameter `{parameter}` of fault `{fault}` is `{found}`, expected a whole number up to {PARAMETER_MAX}")]
    BadNumber {
        /// The fault.
        fault: &'static str,
        /// The parameter.
        parameter: &'static str,
        /// The value as written.
        found: String,
    },
    /// A probability is not a number from 0 to 1.
    #[error("probability `{found}` is not a number from 0 to 1")]
    BadProbability {
        /// The value as written.
        found: String,
    },
    /// A rate lacks its `@`.
    #[error("`{found}` has no probability; write for example `overloaded@0.05`")]
    NoProbability {
        /// The text as written.
        found: String,
    },
    /// Too many faults in one list.
    #[error("{found} faults in one list, at most {FAULTS_MAX} are taken")]
    TooMany {
        /// How many there were.
        found: usize,
    },
}

const NAMES: &[&str] = &[
    "rate_limited",
    "overloaded",
    "server_error",
    "bad_request",
    "unauthorized",
    "not_found",
    "slow_headers",
    "cut",
    "clean_cut",
    "stall",
    "garbage",
    "oversized",
    "stream_error",
    "reset",
    "bad_json",
    "html",
];

impl Fault {
    /// The word for this kind of fault, as in its text form and in statistics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::RateLimited { .. } => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::ServerError => "server_error",
            Self::BadRequest => "bad_request",
            Self::Unauthorized => "unauthorized",
            Self::NotFound => "not_found",
            Self::SlowHeaders { .. } => "slow_headers",
            Self::Cut { .. } => "cut",
            Self::CleanCut { .. } => "clean_cut",
            Self::Stall { .. } => "stall",
            Self::Garbage { .. } => "garbage",
            Self::Oversized { .. } => "oversized",
            Self::StreamError { .. } => "stream_error",
            Self::Reset { .. } => "reset",
            Self::BadJson => "bad_json",
            Self::Html => "html",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::RateLimited { retry_after } => write!(f, ":retry_after={retry_after}"),
            Self::SlowHeaders { ms } => write!(f, ":ms={ms}"),
            Self::Oversized { bytes, after } => write!(f, ":bytes={bytes}:after={after}"),
            Self::Cut { after }
            | Self::CleanCut { after }
            | Self::Stall { after }
            | Self::Garbage { after }
            | Self::StreamError { after }
            | Self::Reset { after } => write!(f, ":after={after}"),
            Self::Overloaded
            | Self::ServerError
            | Self::BadRequest
            | Self::Unauthorized
            | Self::NotFound
            | Self::BadJson
            | Self::Html => Ok(()),
        }
    }
}

impl FromStr for Fault {
    type Err = FaultError;

    /// Reads one fault, for example `cut:after=3`. A parameter that is left out has a sensible value.
    fn from_str(text: &str) -> Result<Self, FaultError> {
        let mut words = text.trim().split(':');
        let name = words.next().unwrap_or_default().trim();
        let Some(name) = NAMES.iter().copied().find(|known| *known == name) else {
            return Err(FaultError::UnknownFault { found: name.to_owned() });
        };
        let mut given = Given::read(name, words)?;
        let fault = match name {
            "rate_limited" => Self::RateLimited { retry_after: given.take("retry_after", 1) },
            "overloaded" => Self::Overloaded,
            "server_error" => Self::ServerError,
            "bad_request" => Self::BadRequest,
            "unauthorized" => Self::Unauthorized,
            "not_found" => Self::NotFound,
            "slow_headers" => Self::SlowHeaders { ms: given.take("ms", 500) },
            "cut" => Self::Cut { after: given.take("after", 1) },
            "clean_cut" => Self::CleanCut { after: given.take("after", 1) },
            "stall" => Self::Stall { after: given.take("after", 1) },
            "garbage" => Self::Garbage { after: given.take("after", 1) },
            "oversized" => Self::Oversized { bytes: given.take("bytes", 1 << 20), after: given.take("after", 1) },
            "stream_error" => Self::StreamError { after: given.take("after", 1) },
            "reset" => Self::Reset { after: given.take("after", 0) },
            "bad_json" => Self::BadJson,
            _ => Self::Html,
        };
        given.nothing_left(fault)
    }
}

/// The parameters as written, taken out one by one.
struct Given {
    fault: &'static str,
    values: Vec<(&'static str, u64)>,
}

impl Given {
    fn read<'a>(fault: &'static str, words: impl Iterator<Item = &'a str>) -> Result<Self, FaultError> {
        const PARAMETERS: &[&str] = &["retry_after", "ms", "bytes", "after"];
        let mut values = Vec::new();
        for word in words {
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            let Some(parameter) = PARAMETERS.iter().copied().find(|known| *known == key.trim()) else {
                return Err(FaultError::UnknownParameter { fault, found: key.trim().to_owned() });
            };
            let number = value.trim().parse::<u64>().ok().filter(|number| *number <= PARAMETER_MAX);
            let Some(number) = number else {
                return Err(FaultError::BadNumber { fault, parameter, found: value.trim().to_owned() });
            };
            values.push((parameter, number));
        }
        Ok(Self { fault, values })
    }

    fn take(&mut self, parameter: &str, otherwise: u64) -> u64 {
        match self.values.iter().position(|(name, _)| *name == parameter) {
            Some(at) => self.values.swap_remove(at).1,
            None => otherwise,
        }
    }

    fn nothing_left(self, fault: Fault) -> Result<Fault, FaultError> {
        match self.values.first() {
            Some((name, _)) => Err(FaultError::UnknownParameter { fault: self.fault, found: (*name).to_owned() }),
            None => Ok(fault),
        }
    }
}

/// Several faults of one answer, such as `slow_headers:ms=20,cut:after=2`.
///
/// The first that decides a status wins; the others that act on the body all hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// No fault.
    pub fn none() -> Self {
        Self::default()
    }

    /// The faults in the order in which they were written.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter()
    }

    /// True if nothing goes wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn add(&mut self, fault: Fault) {
        if self.0.len() < FAULTS_MAX {
            self.0.push(fault);
        }
    }
}

impl FromIterator<Fault> for Faults {
    fn from_iter<I: IntoIterator<Item = Fault>>(faults: I) -> Self {
        Self(faults.into_iter().take(FAULTS_MAX).collect())
    }
}

impl FromStr for Faults {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let words = text.split([',', ';']).map(str::trim).filter(|word| !word.is_empty() && *word != "none");
        let faults = words.map(str::parse).collect::<Result<Vec<Fault>, _>>()?;
        if faults.len() > FAULTS_MAX {
            return Err(FaultError::TooMany { found: faults.len() });
        }
        Ok(Self(faults))
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

/// A fault and how often it happens, written `overloaded@0.05`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FaultRate {
    /// What goes wrong.
    pub fault: Fault,
    /// How often, from 0 to 1.
    pub probability: f64,
}

impl FromStr for FaultRate {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let Some((fault, probability)) = text.rsplit_once('@') else {
            return Err(FaultError::NoProbability { found: text.to_owned() });
        };
        let found = probability.trim();
        match found.parse::<f64>() {
            Ok(probability) if (0.0..=1.0).contains(&probability) => Ok(Self { fault: fault.parse()?, probability }),
            _ => Err(FaultError::BadProbability { found: found.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_name_parses_and_comes_back() {
        for name in NAMES {
            let fault: Fault = name.parse().unwrap();
            assert_eq!(fault.name(), *name);
            assert_eq!(fault.to_string().parse::<Fault>().unwrap(), fault);
        }
    }

    #[test]
    fn mistakes_are_named() {
        let error = |text: &str| text.parse::<Faults>().unwrap_err();
        assert!(matches!(error("cutt"), FaultError::UnknownFault { found } if found == "cutt"));
        assert!(matches!(error("cut:ms=3"), FaultError::UnknownParameter { fault: "cut", .. }));
        assert!(matches!(error("cut:after=x"), FaultError::BadNumber { parameter: "after", .. }));
        assert!(matches!("cut".parse::<FaultRate>(), Err(FaultError::NoProbability { .. })));
        assert!(matches!("cut@2".parse::<FaultRate>(), Err(FaultError::BadProbability { .. })));
        assert_eq!("cut:after=3@0.5".parse::<FaultRate>().unwrap().probability, 0.5);
    }

    fn any_fault() -> impl Strategy<Value = Fault> {
        (0..NAMES.len(), 0..PARAMETER_MAX, 0..PARAMETER_MAX).prop_map(|(kind, after, bytes)| {
            match NAMES[kind].parse().unwrap() {
                Fault::RateLimited { .. } => Fault::RateLimited { retry_after: after },
                Fault::SlowHeaders { .. } => Fault::SlowHeaders { ms: after },
                Fault::Cut { .. } => Fault::Cut { after },
                Fault::Oversized { .. } => Fault::Oversized { bytes, after },
                Fault::Reset { .. } => Fault::Reset { after },
                other => other,
            }
        })
    }

    proptest! {
        #[test]
        fn text_round_trip(faults in proptest::collection::vec(any_fault(), 0..6)) {
            let faults: Faults = faults.into_iter().collect();
            prop_assert_eq!(faults.to_string().parse::<Faults>().unwrap(), faults);
        }

        #[test]
        fn foreign_text_never_panics(text in "\\PC{0,40}") {
            let _ = text.parse::<Faults>();
        }
    }
}
