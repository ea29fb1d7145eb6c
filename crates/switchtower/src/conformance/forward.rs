//! The original bytes, as `Forward` treats them: the same bytes but for what was spliced.

use super::Findings;
use serde_json::Value;
use switchtower_dialect::{Dialect, Variant, scan, splice::Splice, sse};
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

pub(super) fn stream(own: &dyn Dialect, variant: &Variant, body: &[u8], findings: &mut Findings) {
    let mut watch = own.stream_watch(variant);
    let mut reader = sse::Reader::new(limits::EVENT_BYTES_MAX);
    let mut sent = Vec::with_capacity(body.len());
    for piece in body.chunks(97) {
        reader.push(piece);
        loop {
            match reader.next_event() {
                Ok(Some(raw)) => pass(&raw, watch.as_mut(), &mut sent, findings),
                Ok(None) => break,
                Err(error) => return findings.push(("forward: each event passes", error.to_string())),
            }
        }
    }
    if let Some(raw) = reader.rest() {
        pass(&raw, watch.as_mut(), &mut sent, findings);
    }
    if sent.trim_ascii() != body.trim_ascii() {
        findings.push(("forward: the same bytes", "bytes were lost or changed".to_owned()));
    }
    if !watch.complete() {
        findings.push(("forward: the end is seen", "the stream seems not to end".to_owned()));
    }
}

fn pass(
    raw: &sse::RawEvent,
    watch: &mut dyn switchtower_dialect::StreamWatch,
    sent: &mut Vec<u8>,
    findings: &mut Findings,
) {
    sent.extend_from_slice(&raw.bytes);
    if raw.is_foreign() {
        findings.push(("forward: each event passes", "bytes that are no event".to_owned()));
    }
    if let Some(parsed) = raw.read()
        && let Err(error) = watch.look(parsed.name, parsed.data())
    {
        findings.push(("forward: each event passes", error.to_string()));
    }
}
