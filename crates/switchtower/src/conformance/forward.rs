//! The original bytes, as `Forward` treats them: the same bytes but for what was spliced.

use super::Findings;
use super::framing::{Cut, Cutter, Framing};
use serde_json::Value;
use switchtower_dialect::{Dialect, StreamWatch, Variant, scan, splice::Splice};
use switchtower_domain::limits;

const MODEL: &str = "\"another-model\"";

pub(super) fn request(body: &Value, findings: &mut Findings) {
    let bytes = body.to_string().into_bytes();
    let scanned = match scan::scan(&bytes, limits::DEPTH_MAX) {
        Ok(scanned) => scanned,
        Err(error) => return findings.push(("forward: the scan passes", error.to_string())),
    };
    let mut splice = Splice::default();
    splice.set("model", MODEL);
    let spliced = splice.apply(&bytes, &scanned);
    let Some(model) = scanned.field("model") else { return };
    let expected = [bytes.get(..model.place.start), Some(MODEL.as_bytes()), bytes.get(model.place.end..)]
        .map(Option::unwrap_or_default);
    if expected.concat() != spliced {
        findings.push(("forward: only the model changes", "other bytes changed too".to_owned()));
    }
}

pub(super) fn stream(own: &dyn Dialect, variant: &Variant, framing: Framing, body: &[u8], findings: &mut Findings) {
    watched(own.stream_watch(variant), framing, body, findings);
}

/// The same with whoever looks at streams of this kind.
pub(super) fn watched(mut watch: Box<dyn StreamWatch>, framing: Framing, body: &[u8], findings: &mut Findings) {
    let mut cutter = Cutter::new(framing);
    let mut sent = Vec::with_capacity(body.len());
    for piece in body.chunks(97) {
        cutter.push(piece);
        loop {
            match cutter.next() {
                Ok(Some(cut)) => pass(&cut, watch.as_mut(), &mut sent, findings),
                Ok(None) => break,
                Err(error) => return findings.push(("forward: each event passes", error)),
            }
        }
    }
    match cutter.rest() {
        Ok(Some(cut)) => pass(&cut, watch.as_mut(), &mut sent, findings),
        Ok(None) => {}
        Err(error) => return findings.push(("forward: each event passes", error)),
    }
    if sent.trim_ascii() != body.trim_ascii() {
        findings.push(("forward: the same bytes", "bytes were lost or changed".to_owned()));
    }
    if !watch.complete() {
        findings.push(("forward: the end is seen", "the stream seems not to end".to_owned()));
    }
}

fn pass(cut: &Cut, watch: &mut dyn StreamWatch, sent: &mut Vec<u8>, findings: &mut Findings) {
    sent.extend_from_slice(&cut.bytes);
    if cut.foreign {
        findings.push(("forward: each event passes", "bytes that are no event".to_owned()));
    }
    if let Some(wire) = &cut.wire
        && let Err(error) = watch.look(wire.name.as_deref().map(str::as_bytes), wire.data.as_bytes())
    {
        findings.push(("forward: each event passes", error.to_string()));
    }
}
