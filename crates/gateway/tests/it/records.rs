//! Every request of a known caller leaves its record: two entries for a call, one for a refusal; none for strangers but
//! a count.

use crate::scripted::Piece;
use crate::*;
use std::time::Duration;
use switchtower_domain::Secret;
use switchtower_gateway::{CallerKey, SampleRate};
use switchtower_ledger::Entries;
use switchtower_ledger::journal::disk::Memory;
use switchtower_ledger::record::{Body, Closed, Opened};

pub(crate) struct Stage {
    pub(crate) gateway: Gateway,
    provider: ScriptedProvider,
    disk: Memory,
}

pub(crate) fn stage(script: Script, settings: Settings) -> Stage {
    let provider = ScriptedProvider::new(script);
    let (ledger, disk) = Ledger::in_memory().unwrap();
    let gateway = Gateway::new(settings, directory(Vec::new()), Arc::new(provider.clone()), ledger).unwrap();
    Stage { gateway, provider, disk }
}

impl Stage {
    fn entries(&self) -> Vec<Body> {
        let mut entries = Entries::from(&self.disk, 0);
        let mut all = Vec::new();
        while let Some((_, entry)) = entries.read().unwrap() {
            all.push(entry.body);
        }
        all
    }

    fn words(&self) -> Vec<&'static str> {
        self.entries().iter().map(Body::word).collect()
    }

    /// The two entries of the only call.
    pub(crate) fn call(&self) -> (Opened, Closed) {
        match &self.entries()[..] {
            [Body::Opened(opened), Body::Closed(closed)] => (opened.clone(), closed.clone()),
            other => unreachable!("{other:?}"),
        }
    }
}

pub(crate) fn event(data: &str) -> Piece {
    Piece::Bytes(format!("data: {data}\n\n").into_bytes())
}

pub(crate) fn chunk(text: &str) -> Piece {
    event(&format!(
        r#"{{"model":"gpt-x-1","choices":[{{"index":0,"delta":{{"content":"{text}"}},"finish_reason":null}}]}}"#
    ))
}

pub(crate) fn last() -> Piece {
    event(r#"{"model":"gpt-x-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#)
}

pub(crate) fn used() -> Piece {
    event(r#"{"model":"gpt-x-1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#)
}

pub(crate) fn streamed(model: &str) -> String {
    format!(r#"{{"model":"{model}","stream":true,"messages":[{{"role":"user","content":"hi"}}],"max_tokens":9}}"#)
}

fn keyed() -> Settings {
    Settings::new(Access::keys(vec![CallerKey::new("team-a", &Secret::new("k-1"))]).unwrap())
}

#[tokio::test]
async fn a_call_is_opened_and_closed_with_what_became_of_it() {
    let stage = stage(Script::json(200, CHAT_ANSWER).with("x-request-id", "req-7"), keyed());
    let request = with(post(CHAT, CHAT_REQUEST), "authorization", "Bearer k-1");
    let response = stage.gateway.handle(request).await;
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let body = text(response).await;
    let (opened, closed) = stage.call();
    assert_eq!((opened.request.to_string(), closed.request), (id, opened.request));
    assert_eq!(
        (opened.asked.as_deref(), opened.deployment.as_ref(), opened.model.as_ref()),
        (Some("smart"), "chat", "gpt-x")
    );
    assert_eq!(
        (opened.client.as_ref(), opened.spoken.as_ref(), opened.carriage.as_ref()),
        ("openai_chat", "openai_chat", "forward")
    );
    assert_eq!(
        (opened.operation.as_ref(), opened.streamed, opened.bytes_in),
        ("answers", false, CHAT_REQUEST.len() as u64)
    );
    assert!(opened.caller.is_some() && opened.prompt.is_some());
    assert_eq!((closed.opened, closed.outcome.as_ref(), closed.status), (0, "answered", 200));
    assert_eq!((closed.model.as_deref(), closed.stop.as_deref()), (Some("gpt-x-1"), Some("end_turn")));
    assert_eq!(closed.bytes_out, body.len() as u64);
    let usage = closed.usage.unwrap();
    assert_eq!((usage.input, usage.output, usage.estimated), (Some(3), Some(1), None));
    let [attempt] = &closed.attempts[..] else { panic!() };
    assert_eq!((attempt.deployment.as_ref(), attempt.status, attempt.failure.as_deref()), ("chat", Some(200), None));
    assert_eq!(attempt.provider_request_id.as_deref(), Some("req-7"));
    assert_eq!(attempt.bytes_received, CHAT_ANSWER.len() as u64);
}

#[tokio::test]
async fn streamed_is_recorded_as_whole_is_forwarded_and_translated() {
    let whole = {
        let stage = stage(Script::json(200, CHAT_ANSWER), keyless());
        drop(text(stage.gateway.handle(post(CHAT, CHAT_REQUEST)).await).await);
        stage.call().1
    };
    for (path, model) in [(CHAT, "chat"), (MESSAGES, "chat")] {
        let pieces = vec![chunk("hel"), chunk("lo"), last(), used(), event("[DONE]")];
        let stage = stage(Script::events(pieces), keyless());
        let told = text(stage.gateway.handle(post(path, &streamed(model))).await).await;
        let (opened, closed) = stage.call();
        assert!(opened.streamed);
        assert_eq!(
            (closed.model, closed.stop, closed.usage),
            (whole.model.clone(), whole.stop.clone(), whole.usage.clone()),
            "{path}"
        );
        assert_eq!((closed.outcome.as_ref(), closed.bytes_out), ("answered", told.len() as u64));
        assert!(closed.first_us.is_some() && closed.gap_p50_us.is_some() && closed.gap_p99_us >= closed.gap_p50_us);
    }
}

#[tokio::test]
async fn a_refusal_of_a_known_caller_leaves_one_entry_and_strangers_are_counted() {
    let stage = stage(Script::Unreachable, keyed());
    let unknown = CHAT_REQUEST.replace("smart", "nobody-has-this");
    let known = |body: &str| with(post(CHAT, body), "authorization", "Bearer k-1");
    assert_eq!(stage.gateway.handle(known(&unknown)).await.status(), 404);
    assert_eq!(stage.gateway.handle(known("{")).await.status(), 400);
    let [Body::Refused(first), Body::Refused(second)] = &stage.entries()[..] else { panic!("{:?}", stage.words()) };
    assert_eq!((first.code.as_ref(), first.status, second.code.as_ref()), ("unknown_model", 404, "malformed_json"));
    assert!(first.caller.is_some() && first.caller == second.caller);
    for _ in 0..5 {
        assert_eq!(stage.gateway.handle(post(CHAT, CHAT_REQUEST)).await.status(), 401);
    }
    let forged = with(post("/model/chat/converse", "{}"), "authorization", "AWS4-HMAC-SHA256 nonsense");
    assert_eq!(stage.gateway.handle(forged).await.status(), 401);
    assert_eq!(stage.words().len(), 2);
    stage.gateway.tell_turned_away().await.unwrap();
    stage.gateway.tell_turned_away().await.unwrap();
    let all = stage.entries();
    let [_, _, Body::TurnedAway(counted)] = &all[..] else { panic!("{:?}", stage.words()) };
    assert_eq!(
        (counted.counts.len(), counted.counts[0].code.as_ref(), counted.counts[0].count),
        (1, "unauthenticated", 6)
    );
}

#[tokio::test]
async fn what_the_gateway_answers_itself_leaves_one_entry() {
    let stage = stage(Script::Unreachable, keyless());
    let list = Request::get("/v1/models").header("host", "localhost").body(Full::default()).unwrap();
    assert_eq!(stage.gateway.handle(list).await.status(), 200);
    assert_eq!(stage.words(), ["told"]);
}

#[tokio::test]
async fn a_failure_is_recorded_with_its_class_and_no_use() {
    for (script, class, status, code) in [
        (Script::json(429, "{}"), "rate_limited", Some(429), "provider_rate_limited"),
        (Script::Unreachable, "unreachable", None, "provider_unreachable"),
        (Script::json(200, "no json"), "malformed", Some(200), "provider_malformed"),
    ] {
        let stage = stage(script, keyless());
        let response = stage.gateway.handle(post(CHAT, CHAT_REQUEST)).await;
        let status_told = response.status().as_u16();
        let (_, closed) = stage.call();
        assert_eq!(
            (closed.outcome.as_ref(), closed.code.as_deref(), closed.status),
            ("refused", Some(code), status_told)
        );
        let [attempt] = &closed.attempts[..] else { panic!() };
        assert_eq!((attempt.failure.as_deref(), attempt.status), (Some(class), status));
        let estimated = closed.usage.as_ref().and_then(|usage| usage.estimated.as_deref());
        assert_eq!(estimated, (status == Some(200)).then_some("cut_off"), "{code}");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_recorded_with_an_estimate() {
    for end in [Piece::Cut, event(r#"{"error":{"message":"out of luck","type":"server_error"}}"#)] {
        let stage = stage(Script::events(vec![chunk("one two three"), chunk(" four five"), end]), keyless());
        let told = text(stage.gateway.handle(post(CHAT, &streamed("chat"))).await).await;
        assert!(told.contains("\"error\""), "{told}");
        let (_, closed) = stage.call();
        assert_eq!((closed.outcome.as_ref(), closed.status), ("broke_off", 200));
        let usage = closed.usage.unwrap();
        // Five words have five tokens in the vocabulary that stands for unknown models.
        assert_eq!((usage.output, usage.estimated.as_deref()), (Some(5), Some("cut_off")));
        assert!(usage.input.unwrap() > 0);
        assert!(closed.attempts[0].failure.is_some());
    }
}

#[tokio::test]
async fn a_stream_without_usage_is_counted_and_never_zero() {
    let pieces = vec![chunk("one two three"), chunk(" four five"), last(), event("[DONE]")];
    for path in [CHAT, MESSAGES] {
        let stage = stage(Script::events(pieces.clone()), keyless());
        drop(text(stage.gateway.handle(post(path, &streamed("chat"))).await).await);
        let usage = stage.call().1.usage.unwrap();
        assert_eq!((usage.output, usage.estimated.as_deref()), (Some(5), Some("no_usage")), "{path}");
    }
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_a_record_before_and_in_the_stream() {
    let stage = stage(Script::events(vec![chunk("one two three four five"), Piece::Stall]), keyless());
    let mut body = stage.gateway.handle(post(CHAT, &streamed("chat"))).await.into_body();
    assert!(body.frame().await.is_some());
    drop(body);
    // What was said is counted apart, and as if the stream had broken off.
    while stage.entries().len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (_, closed) = stage.call();
    assert_eq!(closed.outcome.as_ref(), "abandoned");
    let usage = closed.usage.unwrap();
    assert_eq!((usage.output, usage.estimated.as_deref()), (Some(5), Some("cut_off")));
    assert!(stage.provider.let_go());
    // Where nobody counts any more, it is taken by its length.
    let stage = self::stage(Script::events(vec![chunk("one two three four five"), Piece::Stall]), keyless());
    let mut body = stage.gateway.handle(post(CHAT, &streamed("chat"))).await.into_body();
    assert!(body.frame().await.is_some());
    std::thread::spawn(move || drop(body)).join().unwrap();
    assert_eq!(stage.call().1.usage.unwrap().output, Some(6));
    let stage = stage_of_silence();
    let asking = stage.gateway.handle(post(CHAT, CHAT_REQUEST));
    assert!(tokio::time::timeout(Duration::from_millis(20), asking).await.is_err());
    let (_, closed) = stage.call();
    assert_eq!((closed.outcome.as_ref(), closed.status, closed.attempts.len()), ("abandoned", 0, 1));
    // The provider was asked, and may charge what nobody saw.
    assert_eq!(closed.cost.unwrap().status, "unknown");
}

fn stage_of_silence() -> Stage {
    stage(Script::Silence, keyless())
}

/// Usage is asked for on our own account, and the client does not see the event that it did not ask for.
#[tokio::test]
async fn usage_is_asked_for_and_not_shown_to_who_did_not_ask() {
    let pieces = vec![chunk("a"), last(), used(), event("[DONE]")];
    for (options, sent, shown) in [
        ("", r#""stream_options":{"include_usage":true}"#, false),
        (r#""stream_options":null,"#, r#""stream_options":{"include_usage":true}"#, false),
        (r#""stream_options":{"x":1},"#, r#""stream_options":{"x":1,"include_usage":true}"#, false),
        (r#""stream_options": {"include_usage": true},"#, r#""stream_options": {"include_usage": true}"#, true),
    ] {
        let stage = stage(Script::events(pieces.clone()), keyless());
        let body = streamed("chat").replacen('{', &format!("{{{options}"), 1);
        let told = text(stage.gateway.handle(post(CHAT, &body)).await).await;
        assert!(stage.provider.bodies()[0].contains(sent), "{}", stage.provider.bodies()[0]);
        assert_eq!(told.contains("prompt_tokens"), shown, "{told}");
        assert!(told.ends_with("data: [DONE]\n\n"));
        let usage = stage.call().1.usage.unwrap();
        assert_eq!((usage.input, usage.output, usage.estimated), (Some(3), Some(1), None));
    }
}

/// The end of a stream is not there before its record is.
#[tokio::test]
async fn the_end_waits_for_its_record() {
    let pieces = vec![chunk("a"), last(), used(), event("[DONE]")];
    let stage = stage(Script::events(pieces), keyless());
    let mut body = stage.gateway.handle(post(CHAT, &streamed("chat"))).await.into_body();
    let mut told = Vec::new();
    while let Some(frame) = body.frame().await {
        let data = frame.unwrap().into_data().unwrap();
        let ends = data.windows(6).any(|bytes| bytes == b"[DONE]");
        told.extend_from_slice(&data);
        assert_eq!(ends, stage.words() == ["opened", "closed"], "{}", String::from_utf8_lossy(&told));
    }
    assert!(String::from_utf8(told).unwrap().ends_with("data: [DONE]\n\n"));
}

#[tokio::test]
async fn nothing_is_kept_of_what_was_said_or_named() {
    let canary = "zq-canary-7";
    let answer = CHAT_ANSWER.replace("hello", canary);
    let stage = stage(Script::json(200, &answer), keyless());
    let body = serde_json::json!({"model": "chat", "user": canary, "metadata": {canary: canary}, canary: {canary: canary},
        "messages": [{"role": "user", "content": canary}], "max_tokens": 3, "top_k": 1});
    let asked = with(post(CHAT, &body.to_string()), "x-custom", canary);
    drop(text(stage.gateway.handle(asked).await).await);
    let as_messages = with(post(MESSAGES, &body.to_string()), "x-custom", canary);
    drop(text(stage.gateway.handle(as_messages).await).await);
    let named = body.to_string().replace("\"chat\"", &format!("\"chat-vendor/{canary}\""));
    drop(text(stage.gateway.handle(post(CHAT, &named)).await).await);
    assert_eq!(stage.words().len(), 6, "{:?}", stage.words());
    for name in switchtower_ledger::journal::disk::Disk::names(&stage.disk).unwrap() {
        let mut bytes = Vec::new();
        let mut file = switchtower_ledger::journal::disk::Disk::read(&stage.disk, &name, 0).unwrap().unwrap();
        std::io::Read::read_to_end(&mut file, &mut bytes).unwrap();
        let found = bytes.windows(canary.len()).position(|window| window == canary.as_bytes());
        let around = found.map(|at| String::from_utf8_lossy(&bytes[at.saturating_sub(40)..at + 40]).into_owned());
        assert_eq!(around, None, "{name}");
    }
}

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test]
async fn a_trace_goes_on_record_and_to_nobody_else() {
    let stage = stage(Script::json(200, CHAT_ANSWER), keyless());
    let request = with(with(post(CHAT, CHAT_REQUEST), "traceparent", PARENT), "tracestate", "a=1");
    let response = stage.gateway.handle(request).await;
    assert_eq!(response.headers()["x-switchtower-trace-id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    drop(text(response).await);
    let (opened, closed) = stage.call();
    let trace = opened.trace.unwrap();
    assert_eq!((trace.id.to_string(), trace.sampled), ("4bf92f3577b34da6a3ce929d0e0e4736".to_owned(), true));
    assert_eq!(trace.parent.unwrap().to_string(), "00f067aa0ba902b7");
    assert!(closed.attempts[0].span.is_some_and(|span| span != trace.span));
    assert_eq!((opened.provider_kind.as_deref(), opened.host.as_ref()), (Some("openai"), "chat-vendor.example"));
    let sent = stage.provider.headers();
    assert!(["traceparent", "tracestate"].iter().all(|name| !sent.contains_key(*name)));
}

#[tokio::test]
async fn a_provider_that_may_know_the_trace_is_told_of_its_attempt() {
    let told = Provider { trace_context: true, ..provider("own-vendor", "openai") };
    let scripted = ScriptedProvider::new(Script::json(200, CHAT_ANSWER));
    let (ledger, disk) = Ledger::in_memory().unwrap();
    let gateway = Gateway::new(keyless(), directory(vec![told]), Arc::new(scripted.clone()), ledger).unwrap();
    let asked = CHAT_REQUEST.replace("smart", "by-own-vendor");
    drop(text(gateway.handle(with(post(CHAT, &asked), "traceparent", PARENT)).await).await);
    let stage = Stage { gateway, provider: scripted, disk };
    let span = stage.call().1.attempts[0].span.unwrap();
    let sent = stage.provider.headers();
    assert_eq!(sent["traceparent"], format!("00-4bf92f3577b34da6a3ce929d0e0e4736-{span}-01"));
}

#[tokio::test]
async fn traces_begin_here_only_where_that_is_set() {
    for (sample, traced) in [(None, false), (SampleRate::new(0.0), true)] {
        let stage = stage(Script::json(200, CHAT_ANSWER), Settings { sample, ..keyless() });
        let response = stage.gateway.handle(post(CHAT, CHAT_REQUEST)).await;
        assert_eq!(response.headers().contains_key("x-switchtower-trace-id"), traced);
        drop(text(response).await);
        assert_eq!(stage.call().0.trace.map(|trace| (trace.parent, trace.sampled)), traced.then_some((None, false)));
    }
}

#[tokio::test]
async fn a_timeline_is_on_record_where_it_is_asked_for_and_permitted() {
    let ask = |model| with(post(CHAT, &streamed(model)), "x-switchtower-trace", "tokens");
    let script = || Script::events(vec![chunk("hel"), chunk("lo"), last(), used(), event("[DONE]")]);
    let permitted = || Settings { timelines: true, ..keyless() };
    let stage_of_call = stage(script(), permitted());
    let told = text(stage_of_call.gateway.handle(ask("chat")).await).await;
    let closed = stage_of_call.call().1;
    let timeline = closed.timeline.unwrap();
    let rooms: Vec<&str> = timeline.rooms.iter().map(|room| room.room.as_ref()).collect();
    assert_eq!(rooms, ["accept", "authenticate", "decode", "resolve", "service", "needs", "plan", "record", "call"]);
    assert!(timeline.rooms.is_sorted_by_key(|room| room.at_us));
    assert_eq!((timeline.gaps_us.len(), timeline.left_out), (5, 0));
    assert_eq!(timeline.received.iter().sum::<u64>(), closed.attempts[0].bytes_received);
    assert_eq!(timeline.sent.iter().sum::<u64>(), told.len() as u64);
    // Nobody gets one unasked, nor where it is not permitted.
    let unasked = stage(script(), permitted());
    drop(text(unasked.gateway.handle(post(CHAT, &streamed("chat"))).await).await);
    assert_eq!(unasked.call().1.timeline, None);
    let refused = stage(script(), keyless());
    assert_eq!(refused.gateway.handle(ask("chat")).await.status(), 400);
    let misspelt = with(post(CHAT, &streamed("chat")), "x-switchtower-trace", "token");
    assert_eq!(stage(script(), permitted()).gateway.handle(misspelt).await.status(), 400);
}

#[tokio::test]
async fn refusals_and_what_is_told_have_their_trace_too() {
    let stage = stage(Script::json(200, CHAT_ANSWER), keyless());
    let asked = CHAT_REQUEST.replace("smart", "nobody");
    drop(stage.gateway.handle(with(post(CHAT, &asked), "traceparent", PARENT)).await);
    let [Body::Refused(refused)] = &stage.entries()[..] else { panic!() };
    assert!(refused.trace.as_ref().is_some_and(|trace| trace.parent.is_some()) && refused.total_us > 0);
}
