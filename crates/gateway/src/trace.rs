//! Where a request stands in a trace: W3C Trace Context in and out.
//!
//! Source: <https://www.w3.org/TR/trace-context-2/>. What cannot be read strictly counts as not said, as the
//! specification wants it: a new trace begins then, or none.

use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};
use std::fmt::Write as _;
use switchtower_ledger::record::{SpanId, Trace, TraceId};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// The bit of `traceparent` that says that the caller keeps the trace.
const SAMPLED: u8 = 1;
/// The most members of a `tracestate` (section 3.3.1.1).
const MEMBERS_MAX: usize = 32;
/// The longest `tracestate` that is passed on; the specification asks for 512 at least.
const STATE_BYTES_MAX: usize = 2048;

/// The share of traces that are kept where the caller does not say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleRate(f64);

impl SampleRate {
    /// All of them.
    pub const ALL: Self = Self(1.0);

    /// A share from 0 to 1; nothing for what is none.
    pub fn new(share: f64) -> Option<Self> {
        (0.0..=1.0).contains(&share).then_some(Self(share))
    }

    /// The same trace is kept by everybody who samples by the same share, since its own bits decide.
    fn keeps(self, trace: TraceId) -> bool {
        let mut low = [0; 8];
        low.iter_mut().zip(trace.0.iter().skip(8)).for_each(|(to, from)| *to = *from);
        // The usual samplers look at 63 bits.
        let bits = u64::from_be_bytes(low) >> 1;
        #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 53 bits")]
        let place = bits as f64 / (1_u64 << 63) as f64;
        place < self.0
    }
}

/// Where a request stands in a trace, with what its caller said for others.
#[derive(Debug, Clone)]
pub(crate) struct Traced {
    pub(crate) trace: Trace,
    /// The caller's `tracestate`, which only goes where the trace may be told.
    state: Option<HeaderValue>,
}

impl Traced {
    /// The trace of a request: its caller's, or a new one where traces are made here.
    pub(crate) fn of(headers: &HeaderMap, sample: Option<SampleRate>) -> Option<Self> {
        let span = SpanId(random());
        if let Some((id, parent, sampled)) = parent_of(headers) {
            let trace = Trace { id, span, parent: Some(parent), sampled };
            return Some(Self { trace, state: state_of(headers) });
        }
        let id = TraceId(random());
        let sampled = sample?.keeps(id);
        Some(Self { trace: Trace { id, span, parent: None, sampled }, state: None })
    }

    /// An attempt's own span.
    pub(crate) fn attempt(&self) -> Attempted {
        Attempted { span: SpanId(random()), trace: self.trace.clone(), state: self.state.clone() }
    }
}

/// An attempt in a trace.
#[derive(Debug)]
pub(crate) struct Attempted {
    pub(crate) span: SpanId,
    trace: Trace,
    state: Option<HeaderValue>,
}

impl Attempted {
    /// Tells the provider to which trace the attempt belongs.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        let flags = u8::from(self.trace.sampled);
        let parent = format!("00-{}-{}-{flags:02x}", self.trace.id, self.span);
        if let Ok(parent) = HeaderValue::try_from(parent) {
            headers.insert(TRACEPARENT, parent);
        }
        match &self.state {
            Some(state) => drop(headers.insert(TRACESTATE, state.clone())),
            None => drop(headers.remove(TRACESTATE)),
        }
    }
}

/// Random bits of which not all are zero, which would be no id.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    fastrand::fill(&mut bytes);
    if bytes == [0; N]
        && let Some(last) = bytes.last_mut()
    {
        *last = 1;
    }
    bytes
}

/// The caller's span, if it is named once and rightly.
fn parent_of(headers: &HeaderMap) -> Option<(TraceId, SpanId, bool)> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let value = values.next()?;
    values.next().is_none().then(|| parse(value.as_bytes())).flatten()
}

fn parse(text: &[u8]) -> Option<(TraceId, SpanId, bool)> {
    const PARTS: [usize; 4] = [2, 32, 16, 2];
    let mut rest = text;
    let mut parts: [&[u8]; 4] = [&[]; 4];
    for (place, (part, length)) in parts.iter_mut().zip(PARTS).enumerate() {
        if place > 0 {
            rest = rest.strip_prefix(b"-")?;
        }
        (*part, rest) = rest.split_at_checked(length)?;
    }
    let [version, trace, span, flags] = parts;
    let [version] = hexadecimal::<1>(version)?;
    // A later version may say more after another dash; this one may not.
    let well_ended = rest.is_empty() || (version > 0 && rest.first() == Some(&b'-'));
    if version == u8::MAX || !well_ended {
        return None;
    }
    let (trace, span, [flags]) = (hexadecimal(trace)?, hexadecimal(span)?, hexadecimal::<1>(flags)?);
    (trace != [0; 16] && span != [0; 8]).then_some((TraceId(trace), SpanId(span), flags & SAMPLED != 0))
}

/// Lower-case digits only, as the specification wants them.
fn hexadecimal<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, []) = text.as_chunks::<2>() else { return None };
    if pairs.len() != N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

/// The caller's `tracestate` as one value, if all of it can be read.
fn state_of(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut joined = String::new();
    let mut keys = Vec::new();
    for value in headers.get_all(TRACESTATE) {
        for member in value.to_str().ok()?.split(',').map(|member| member.trim_matches([' ', '\t'])) {
            if member.is_empty() {
                continue;
            }
            let (key, value) = member.split_once('=')?;
            if !is_key(key) || !is_value(value) || keys.iter().any(|known| known == key) {
                return None;
            }
            keys.push(key.to_owned());
            let comma = if joined.is_empty() { "" } else { "," };
            // Writing to memory cannot fail.
            let _ = write!(joined, "{comma}{member}");
        }
    }
    if joined.is_empty() || keys.len() > MEMBERS_MAX || joined.len() > STATE_BYTES_MAX {
        return None;
    }
    HeaderValue::try_from(joined).ok()
}

fn is_key(key: &str) -> bool {
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@');
    let starts = key.bytes().next().is_some_and(|first| first.is_ascii_lowercase() || first.is_ascii_digit());
    starts && key.len() <= 256 && key.bytes().all(plain) && key.bytes().filter(|byte| *byte == b'@').count() <= 1
}

fn is_value(value: &str) -> bool {
    let plain = |byte: u8| matches!(byte, 0x20..=0x7e) && byte != b'=';
    (1..=256).contains(&value.len()) && value.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn a_callers_trace_goes_on() {
        let headers = headers(&[("traceparent", PARENT), ("tracestate", "congo=t61rcWkgMzE, ,rojo=1")]);
        let traced = Traced::of(&headers, None).unwrap();
        assert_eq!(traced.trace.id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(traced.trace.parent.unwrap().to_string(), "00f067aa0ba902b7");
        assert!(traced.trace.sampled && Some(traced.trace.span) != traced.trace.parent);
        let attempt = traced.attempt();
        let mut told = HeaderMap::new();
        attempt.tell(&mut told);
        assert_eq!(told["traceparent"], format!("00-4bf92f3577b34da6a3ce929d0e0e4736-{}-01", attempt.span));
        assert_eq!(told["tracestate"], "congo=t61rcWkgMzE,rojo=1");
    }

    #[test]
    fn what_cannot_be_read_is_not_said() {
        for wrong in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more",
            " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert!(Traced::of(&headers(&[("traceparent", wrong)]), None).is_none(), "{wrong}");
        }
        assert!(Traced::of(&headers(&[("traceparent", PARENT), ("traceparent", PARENT)]), None).is_none());
        let later = "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03-what";
        assert!(Traced::of(&headers(&[("traceparent", later)]), None).is_some_and(|traced| traced.trace.sampled));
    }

    #[test]
    fn a_state_is_passed_on_whole_or_not() {
        let state =
            |lines: &[(&'static str, &str)]| state_of(&headers(lines)).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(state(&[("tracestate", "a=1"), ("tracestate", "t@v=2")]).as_deref(), Some("a=1,t@v=2"));
        for wrong in ["", "a", "A=1", "a=", "a=1,a=2", "a@b@c=1", "a=b=c"] {
            assert_eq!(state(&[("tracestate", wrong)]), None, "{wrong}");
        }
        let many: Vec<String> = (0..33).map(|number| format!("k{number}=1")).collect();
        assert_eq!(state(&[("tracestate", &many.join(","))]), None);
    }

    #[test]
    fn a_share_of_new_traces_is_kept() {
        let kept = |share| {
            let rate = SampleRate::new(share).unwrap();
            (0..2000).filter(|_| Traced::of(&HeaderMap::new(), Some(rate)).unwrap().trace.sampled).count()
        };
        assert_eq!((kept(0.0), kept(1.0)), (0, 2000));
        assert!((600..1400).contains(&kept(0.5)));
        assert!([-0.1, 1.1, f64::NAN].into_iter().all(|share| SampleRate::new(share).is_none()));
    }

    proptest! {
        #[test]
        fn anything_is_read_without_a_panic(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }

        #[test]
        fn what_is_told_is_read_back(trace: [u8; 16], span: [u8; 8], sampled: bool) {
            prop_assume!(trace != [0; 16] && span != [0; 8]);
            let text = format!("00-{}-{}-{:02x}", TraceId(trace), SpanId(span), u8::from(sampled));
            prop_assert_eq!(parse(text.as_bytes()), Some((TraceId(trace), SpanId(span), sampled)));
        }

        #[test]
        fn a_changed_byte_is_another_parent_or_none(place in 0..55_usize, byte: u8) {
            let mut bytes = PARENT.as_bytes().to_vec();
            prop_assume!(bytes[place] != byte);
            bytes[place] = byte;
            // The version, and the bits of the flags that nobody has given a meaning, may differ.
            prop_assert!(!(2..53).contains(&place) || parse(&bytes) != parse(PARENT.as_bytes()));
        }
    }
}
