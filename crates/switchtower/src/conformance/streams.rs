//! Streams: the same answer at every cut, the same events again, and the same story in another dialect.

use super::answers::{calls, tells_the_same};
use super::framing::{Cut, Cutter, Framing};
use super::rows;
use super::semantic::differences;
use super::{Findings, listed};
use serde_json::Value;
use switchtower_dialect::{ALL, Dialect, StreamEnding, Variant, WireEvent};
use switchtower_domain::{Answer, AnswerBuilder, DialectId, Event, Frame};

pub(super) fn check(own: &dyn Dialect, variant: &Variant, framing: Framing, body: &[u8], findings: &mut Findings) {
    let whole = match read(own, variant, framing, &[body]) {
        Ok(whole) => whole,
        Err(reason) => return findings.push(("stream decodes", reason)),
    };
    for (cut, pieces) in cuts(body) {
        match read(own, variant, framing, &pieces) {
            Ok(cut_up) if cut_up.answer == whole.answer && cut_up.frames == whole.frames => {}
            Ok(_) => findings.push(("any cut gives the same", format!("cut {cut}: another answer"))),
            Err(reason) => findings.push(("any cut gives the same", format!("cut {cut}: {reason}"))),
        }
    }
    match read(own, &lenient(), framing, &[body]) {
        Ok(plain) => round_trip(own, &plain, findings),
        Err(reason) => findings.push(("stream round trip", reason)),
    }
    carried(own, variant, &whole, findings);
    for other in ALL.iter().filter(|other| other.id() != own.id()) {
        // It tells calls whole in streams as well, and a call that a model was cut short in not at all.
        let half = calls(&whole.answer).iter().any(|(_, _, arguments)| !arguments.is_object());
        if half && matches!(other.id(), DialectId::GoogleGemini | DialectId::OllamaChat) {
            continue;
        }
        match translate(*other, &whole.frames) {
            Ok(received) => tells_the_same("stream translated", &whole.answer, &received, findings),
            Err(reason) => findings.push(("stream translated", format!("{}: {reason}", other.id()))),
        }
    }
}

/// A stream as it was read.
pub(super) struct Read {
    pub(super) events: Vec<WireEvent>,
    pub(super) frames: Vec<Frame>,
    pub(super) answer: Answer,
}

/// The dialect as it is, but for the end marker, which vendors leave out now and then.
pub(super) fn lenient() -> Variant {
    Variant { stream_ending: StreamEnding::StopReason, ..Variant::default() }
}

pub(super) fn read(own: &dyn Dialect, variant: &Variant, framing: Framing, pieces: &[&[u8]]) -> Result<Read, String> {
    let mut cutter = Cutter::new(framing);
    let mut decoder = own.stream_decoder(variant);
    let mut builder = AnswerBuilder::new(own.id());
    let (mut events, mut frames) = (Vec::new(), Vec::new());
    let mut take = |cut: Cut| -> Result<(), String> {
        let Some(wire) = cut.wire else { return Ok(()) };
        let frame = decoder.decode(&wire).map_err(|error| error.to_string())?;
        for event in &frame.events {
            builder.apply(event).map_err(|error| error.to_string())?;
        }
        events.push(wire);
        frames.push(frame);
        Ok(())
    };
    for piece in pieces {
        cutter.push(piece);
        while let Some(cut) = cutter.next()? {
            take(cut)?;
        }
    }
    if let Some(cut) = cutter.rest()? {
        take(cut)?;
    }
    if !decoder.complete() {
        return Err("the stream does not end".to_owned());
    }
    Ok(Read { events, frames, answer: builder.finish() })
}

/// Each byte by itself, and a few cuts at places that depend on the length alone.
fn cuts(body: &[u8]) -> Vec<(String, Vec<&[u8]>)> {
    let mut all = vec![("at each byte".to_owned(), body.chunks(1).collect())];
    for seed in 1..=3_u64 {
        let mut random = fastrand::Rng::with_seed(seed.wrapping_mul(body.len() as u64));
        let (mut rest, mut pieces) = (body, Vec::new());
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(random.usize(1..=rest.len().min(200)));
            pieces.push(piece);
            rest = after;
        }
        all.push((format!("at random ({seed})"), pieces));
    }
    all
}

fn round_trip(own: &dyn Dialect, whole: &Read, findings: &mut Findings) {
    let mut encoder = own.stream_encoder(true);
    for (place, (recorded, frame)) in whole.events.iter().zip(&whole.frames).enumerate() {
        let written = match encoder.encode(frame) {
            Ok(written) => written,
            Err(error) => return findings.push(("stream round trip", format!("event {place}: {error}"))),
        };
        let [written] = written.as_slice() else {
            return findings.push(("stream round trip", format!("event {place} became {} events", written.len())));
        };
        let paths = differing(recorded, written);
        if !paths.is_empty() {
            return findings.push(("stream round trip", format!("event {place} differs at {}", listed(&paths))));
        }
    }
}

/// The paths at which two events differ. An event whose recording names none may be given the name its type has.
pub(super) fn differing(recorded: &WireEvent, written: &WireEvent) -> Vec<String> {
    if recorded.name.is_some() && recorded.name != written.name {
        return vec!["the event's name".to_owned()];
    }
    match (serde_json::from_str::<Value>(&recorded.data), serde_json::from_str::<Value>(&written.data)) {
        (Ok(recorded), Ok(written)) => differences(&recorded, &written),
        _ if recorded.data.trim() == written.data.trim() => Vec::new(),
        _ => vec!["its data".to_owned()],
    }
}

/// The last word on usage and stopping is looked up in the recorded events themselves.
fn carried(own: &dyn Dialect, variant: &Variant, whole: &Read, findings: &mut Findings) {
    let values: Vec<Value> = whole.events.iter().filter_map(|event| serde_json::from_str(&event.data).ok()).collect();
    let last = |paths: &[&str]| {
        values.iter().rev().find_map(|value| paths.iter().find_map(|path| value.pointer(path).filter(|v| !v.is_null())))
    };
    let usage = last(&["/usage", "/message/usage", "/response/usage", "/usageMetadata", "/delta/usage"]);
    let usage = if own.id() == DialectId::OllamaChat { values.last() } else { usage };
    let output = usage.and_then(|usage| rows::usage_of(own.id(), usage, variant)[1]);
    let typed = whole.answer.usage.as_ref().and_then(|usage| usage.output);
    if output != typed {
        findings.push(("usage carried", format!("{}: the last count of the stream was lost", own.id())));
    }
    rows::reasoning_carried(&values, &whole.answer, findings);
    let ended = last(&["/response/status"]).is_some_and(|status| status == "completed" || status == "incomplete");
    let reasons = [
        "/choices/0/finish_reason",
        "/delta/stop_reason",
        "/candidates/0/finishReason",
        "/delta/finish_reason",
        "/stopReason",
        "/done_reason",
    ];
    let stopped = ended || last(&reasons).is_some();
    let failed = whole.frames.iter().flat_map(|frame| &frame.events).any(|event| matches!(event, Event::Failed(_)));
    if stopped != whole.answer.choices.iter().any(|choice| choice.stop.is_some()) && !failed {
        findings.push(("stop reason carried", format!("{}: the reason for stopping was lost", own.id())));
    }
}

/// Tells the frames to a client of another dialect and reads what it gets.
fn translate(other: &dyn Dialect, frames: &[Frame]) -> Result<Answer, String> {
    let mut encoder = other.stream_encoder(true);
    let mut decoder = other.stream_decoder(&lenient());
    let mut builder = AnswerBuilder::new(other.id());
    let mut failed = false;
    let mut ended = false;
    let marked = frames.iter().flat_map(|frame| &frame.events).any(|e| matches!(e, Event::Ended | Event::Failed(_)));
    // A stream that ends without its marker is ended for the client all the same.
    let end = Frame {
        origin: frames.first().map_or_else(|| other.id(), |frame| frame.origin),
        name: None,
        events: vec![Event::Ended],
        extras: switchtower_domain::Extras::none(),
    };
    for frame in frames.iter().chain((!marked).then_some(&end)) {
        for wire in encoder.encode(frame).map_err(|error| error.to_string())? {
            let received = decoder.decode(&wire).map_err(|error| error.to_string())?;
            for event in &received.events {
                builder.apply(event).map_err(|error| error.to_string())?;
                failed |= matches!(event, Event::Failed(_));
                ended |= matches!(event, Event::Ended);
            }
        }
    }
    // A dialect without an end marker ends with its reasons for stopping.
    if failed || ended || decoder.complete() {
        Ok(builder.finish())
    } else {
        Err("the translated stream does not end".to_owned())
    }
}
