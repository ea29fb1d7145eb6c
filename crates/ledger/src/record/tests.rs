//! Entries come back, and old and new understand one another.

use super::*;
use minicbor::{Decode, Encode, Encoder};
use proptest::prelude::*;

fn opened(tokens: Option<u64>, name: &str) -> Entry {
    let body = Opened {
        request: RequestId([7; 16]),
        tenant: "default".into(),
        client: "openai_chat".into(),
        asked: Some(name.to_owned().into()),
        deployment: "sim/sim-1".into(),
        lost: vec![Lost { path: "top_k".into(), class: "meaning".into() }],
        output_max: tokens,
        ..Opened::default()
    };
    Entry { at_us: 1_764_500_000_000_000, body: body.into() }
}

#[test]
fn entries_come_back() {
    let closed = Closed {
        opened: 12,
        status: 200,
        outcome: "answered".into(),
        attempts: vec![Attempt { usage: Some(Counts { input: Some(3), ..Counts::default() }), ..Attempt::default() }],
        ..Closed::default()
    };
    let bodies: Vec<Body> = vec![
        opened(Some(5), "fast").body,
        closed.into(),
        Refused { code: "unknown_model".into(), status: 404, ..Refused::default() }.into(),
        TurnedAway {
            counts: vec![TurnedAwayCount { code: "unauthenticated".into(), count: 3 }],
            ..TurnedAway::default()
        }
        .into(),
        Content { bytes: vec![1, 2], ..Content::default() }.into(),
        Carried { calls: vec![CarriedCall { opened: 1, request: RequestId([1; 16]) }] }.into(),
        KeyChanged { signature: vec![0; 64], ..KeyChanged::default() }.into(),
        Stopped::default().into(),
    ];
    for body in bodies {
        let entry = Entry { at_us: 1, body };
        assert_eq!(Entry::of_bytes(&entry.to_bytes()), Ok(entry));
    }
}

#[test]
fn an_entry_is_told_in_json() {
    let told = serde_json::to_value(opened(None, "fast").to_json(4)).unwrap();
    assert_eq!(told["record"], 4);
    assert_eq!(told["at"], "2025-11-30T10:53:20.000000Z");
    assert_eq!(told["kind"], "opened");
    assert_eq!(told["request"], "07070707-0707-0707-0707-070707070707");
    assert_eq!(told["lost"][0]["path"], "top_k");
    assert!(told.get("caller").is_none() && told.get("output_max").is_none());
}

/// An earlier reader of `Opened`, which knew two of its fields.
#[derive(Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
struct Earlier {
    #[n(0)]
    request: RequestId,
    #[n(7)]
    deployment: String,
}

/// A later writer of it, with fields that nobody knows yet.
#[derive(Debug, Encode, Decode)]
#[cbor(map)]
struct Later {
    #[n(0)]
    request: RequestId,
    #[n(7)]
    deployment: String,
    #[n(900)]
    novelty: Vec<String>,
}

fn with_body(number: u32, body: &impl Encode<()>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out);
    encoder.array(3).unwrap().u32(number).unwrap().u64(9).unwrap();
    encoder.encode(body).unwrap();
    out
}

#[test]
fn old_readers_read_new_entries_and_new_readers_old_ones() {
    // An old reader, new data.
    let bytes = opened(Some(5), "fast").to_bytes();
    let mut decoder = Decoder::new(&bytes);
    decoder.array().unwrap();
    decoder.u32().unwrap();
    decoder.u64().unwrap();
    let earlier: Earlier = decoder.decode().unwrap();
    assert_eq!(earlier, Earlier { request: RequestId([7; 16]), deployment: "sim/sim-1".to_owned() });
    // A new reader, old data: what is missing is unsaid.
    let bytes = with_body(1, &earlier);
    let Body::Opened(read) = Entry::of_bytes(&bytes).unwrap().body else { panic!() };
    assert_eq!((read.deployment.as_ref(), read.caller, read.output_max), ("sim/sim-1", None, None));
    // This reader, data of a later writer.
    let later = Later { request: RequestId([7; 16]), deployment: "d".to_owned(), novelty: vec!["x".to_owned()] };
    let Body::Opened(read) = Entry::of_bytes(&with_body(1, &later)).unwrap().body else { panic!() };
    assert_eq!(read.deployment, "d");
    assert_eq!(Entry::of_bytes(&with_body(700, &later)).unwrap().body, Body::Unknown { number: 700 });
}

#[test]
fn numbers_and_words_are_given_once() {
    for (place, kind) in KINDS.iter().enumerate() {
        assert!(KINDS.iter().skip(place + 1).all(|other| other.number != kind.number && other.word != kind.word));
        let numbers: Vec<u32> = kind.fields.iter().map(|field| field.number).collect();
        assert!(numbers.is_sorted_by(|one, other| one < other), "{}", kind.word);
        // In JSON they stand beside what every entry has.
        let taken = ["record", "at", "kind"];
        assert!(kind.fields.iter().all(|field| !taken.contains(&field.name)), "{}", kind.word);
    }
}

/// What the library writes, by which entries are read.
fn by_the_library(at_us: u64, kind: Kind, body: &impl Encode<()>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out);
    encoder.array(3).unwrap().u32(kind.number).unwrap().u64(at_us).unwrap().encode(body).unwrap();
    out
}

/// Numbers of every length, those at which a length ends before all.
fn number() -> impl Strategy<Value = u64> {
    const ENDS: [u64; 10] = [0, 0x17, 0x18, 0xff, 0x100, 0xffff, 0x1_0000, 0xffff_ffff, 0x1_0000_0000, u64::MAX];
    prop_oneof![prop::sample::select(ENDS.to_vec()), any::<u64>(), 0_u64..300]
}

fn costs() -> impl Strategy<Value = Costs> {
    let line = (number(), ".{0,30}", prop::option::of(".{0,9}")).prop_map(|(quantity, row, list)| CostLine {
        charge: "input".into(),
        quantity,
        row: row.into(),
        list: list.map(Text::from),
        ..CostLine::default()
    });
    (prop::collection::vec(line, 0..30), prop::collection::vec(".{0,300}", 0..3)).prop_map(|(lines, reasons)| Costs {
        status: "exact".into(),
        reasons: reasons.into_iter().map(Text::from).collect(),
        totals: vec![Sum { amount: "0.1".into(), currency: "USD".into() }],
        lines,
    })
}

proptest! {
    #[test]
    fn the_end_of_a_call_is_written_as_the_library_writes_it(
        (opened, at_us, total_us) in (number(), number(), number()),
        cost in prop::option::of(costs()),
        input in prop::option::of(number()),
        marks in prop::collection::vec(number(), 0..40),
        status: u16,
        name in ".{0,80}",
    ) {
        let usage = Some(Counts { input, ..Counts::default() });
        let (attempt, timeline) = (
            Attempt { deployment: name.into(), status: Some(status), usage: usage.clone(), cost: cost.clone(), ..Attempt::default() },
            Timeline { gaps_us: marks, ..Timeline::default() },
        );
        let closed = Closed { opened, total_us, cost, usage, attempts: vec![attempt; 2], timeline: Some(Box::new(timeline)), ..Closed::default() };
        let expected = by_the_library(at_us, Closed::KIND, &closed);
        let entry = Entry { at_us, body: closed.into() };
        prop_assert_eq!(&entry.to_bytes(), &expected);
        prop_assert_eq!(Entry::of_bytes(&expected), Ok(entry));
    }

    #[test]
    fn everything_else_is_too(flags: (bool, bool), digest: [u8; 32], bytes: Vec<u8>, caller: Option<[u8; 16]>, at_us: u64) {
        let began = Opened {
            caller: caller.map(Pseudonym),
            streamed: flags.0,
            keeps_content: flags.1,
            prompt: Some(Digest(digest)),
            trace: caller.map(|id| Trace { id: TraceId(id), ..Trace::default() }),
            ..Opened::default()
        };
        prop_assert_eq!(Entry { at_us, body: began.clone().into() }.to_bytes(), by_the_library(at_us, Opened::KIND, &began));
        let content = Content { bytes, digest: Digest(digest), ..Content::default() };
        prop_assert_eq!(Entry { at_us, body: content.clone().into() }.to_bytes(), by_the_library(at_us, Content::KIND, &content));
    }

    #[test]
    fn any_name_and_number_comes_back(name in ".{0,80}", tokens: Option<u64>, at_us: u64) {
        let entry = Entry { at_us, ..opened(tokens, &name) };
        prop_assert_eq!(Entry::of_bytes(&entry.to_bytes()), Ok(entry));
    }

    #[test]
    fn anything_is_read_without_a_panic(bytes: Vec<u8>) {
        let _ = Entry::of_bytes(&bytes);
    }
}
