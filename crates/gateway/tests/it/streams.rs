//! Streamed answers, forwarded and translated, and every way in which they end.

use crate::scripted::{Piece, Script};
use crate::*;
use std::time::Duration;

const CHAT_STREAM: &str = concat!(
    ": hello\n\n",
    "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-x\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-x\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"an \\\"error\\\"\"},\"finish_reason\":null}],\"x\":1e2}\r\n\r\n",
    "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-x\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: [DONE]\n\n",
);
const FIRST_CHUNKS: usize = 2;

fn request(path: &str, model: &str) -> Request<Full<bytes::Bytes>> {
    let body =
        format!(r#"{{"model":"{model}","max_tokens":9,"messages":[{{"role":"user","content":"hi"}}],"stream":true}}"#);
    post(path, &body)
}

fn pieces_of(text: &str, size: usize) -> Vec<Piece> {
    text.as_bytes().chunks(size).map(|piece| Piece::Bytes(piece.to_vec())).collect()
}

/// The first events of the stream, and then something.
fn begun(then: Vec<Piece>) -> Vec<Piece> {
    let first: String = CHAT_STREAM.split_inclusive("\n\n").take(FIRST_CHUNKS).collect();
    let mut pieces = vec![Piece::Bytes(first.into_bytes())];
    pieces.extend(then);
    pieces
}

async fn streamed(path: &str, pieces: Vec<Piece>) -> String {
    let (gateway, _) = gateway(Script::events(pieces));
    let response = gateway.handle(request(path, "chat")).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let text = text(response).await;
    assert_eq!(gateway.open_requests(), 0);
    text
}

#[tokio::test]
async fn a_stream_is_forwarded_byte_for_byte_wherever_it_is_cut() {
    for size in [1, 2, 3, 7, 64, 1000, 100_000] {
        assert_eq!(streamed(CHAT, pieces_of(CHAT_STREAM, size)).await, CHAT_STREAM, "pieces of {size}");
    }
    // The empty line that the last event lacks is added.
    assert_eq!(streamed(CHAT, pieces_of(CHAT_STREAM.trim_end(), 50)).await, CHAT_STREAM);
}

#[tokio::test]
async fn a_stream_is_translated_alike_wherever_it_is_cut() {
    let whole = streamed(MESSAGES, pieces_of(CHAT_STREAM, 100_000)).await;
    assert!(
        whole.starts_with("event: message_start\n")
            && whole.ends_with("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"),
        "{whole}"
    );
    assert!(whole.contains(r#""text":"an \"error\"""#), "{whole}");
    for size in [1, 5, 100] {
        assert_eq!(streamed(MESSAGES, pieces_of(CHAT_STREAM, size)).await, whole, "pieces of {size}");
    }
}

#[tokio::test]
async fn usage_is_reported_to_whom_asked_for_it() {
    let stream = concat!(
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-x\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hello\"}}\n\n",
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":2}}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    );
    let (gateway, _) = gateway(Script::events(pieces_of(stream, 40)));
    let bare = text(gateway.handle(request(CHAT, "messages")).await).await;
    assert!(
        bare.contains("hello") && bare.ends_with("data: [DONE]\n\n") && !bare.contains("\"prompt_tokens\""),
        "{bare}"
    );
    let body = r#"{"model":"messages","messages":[{"role":"user","content":"hi"}],"stream":true,"stream_options":{"include_usage":true}}"#;
    let reported = text(gateway.handle(post(CHAT, body)).await).await;
    assert!(reported.contains("\"prompt_tokens\":3"), "{reported}");
    assert_eq!(text(gateway.handle(request(MESSAGES, "messages")).await).await, stream);
}

#[tokio::test]
async fn trouble_in_the_middle_is_told_in_the_clients_dialect() {
    let garbage = Piece::Bytes(b"\x00\xff<<not an event>>\r\ndata: {\"half\": \n\n".to_vec());
    let foreign = Piece::Bytes(b"<html>busy</html>\n\n".to_vec());
    for (name, then) in [
        ("cut", vec![Piece::Cut]),
        ("clean cut", vec![]),
        ("half an event", vec![Piece::Bytes(b"data: {\"id\":".to_vec())]),
        ("garbage", vec![garbage]),
        ("foreign", vec![foreign]),
    ] {
        for (path, sign) in [(CHAT, "data: {\"error\":"), (MESSAGES, "event: error\ndata: {\"type\":\"error\"")] {
            let told = streamed(path, begun(then.clone())).await;
            let last = told.trim_end().rsplit("\n\n").next().unwrap();
            assert!(last.starts_with(sign), "{name} at {path}: {told}");
            assert!(!told.contains("[DONE]") && !told.contains("message_stop"), "{name} at {path}: {told}");
        }
    }
}

#[tokio::test]
async fn an_oversized_event_is_refused_before_it_is_whole() {
    let mut settings = keyless();
    settings.limits.event_bytes_max = 1024;
    let pieces = begun(vec![Piece::Bytes(format!("data: \"{}", "x".repeat(2000)).into_bytes()), Piece::Stall]);
    let (gateway, provider) = gateway_with(Script::events(pieces), settings, Vec::new());
    let told = text(gateway.handle(request(CHAT, "chat")).await).await;
    assert!(told.trim_end().ends_with('}') && told.contains("\"error\":"), "{told}");
    assert!(provider.let_go());
}

#[tokio::test]
async fn a_providers_own_error_is_passed_on_without_secrets_and_ends_the_stream() {
    let error = format!(
        "data: {{\"error\":{{\"message\":\"key {KEY} is busy\",\"type\":\"server_error\",\"code\":\"overloaded\"}}}}\n\ndata: {{\"late\":1}}\n\n"
    );
    for path in [CHAT, MESSAGES] {
        let told = streamed(path, begun(vec![Piece::Bytes(error.clone().into_bytes()), Piece::Stall])).await;
        assert!(told.contains("is busy") && !told.contains(KEY) && !told.contains("late"), "{told}");
        assert_eq!(told.matches("\"error\":").count(), 1, "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_provider_is_bridged_and_then_given_up() {
    for path in [CHAT, MESSAGES] {
        let told = streamed(path, begun(vec![Piece::Stall])).await;
        // 120 seconds of silence with a comment every 15.
        assert_eq!(told.matches(": keep-alive\n\n").count(), 7, "{told}");
        assert!(told.contains("timed_out") || told.contains("timeout_error"), "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_was_whole_ends_well_even_if_the_connection_stays_open() {
    let mut pieces = pieces_of(CHAT_STREAM, 1000);
    pieces.push(Piece::Stall);
    let begun = tokio::time::Instant::now();
    assert_eq!(streamed(CHAT, pieces).await, CHAT_STREAM);
    assert!(begun.elapsed() < Duration::from_secs(10));
    let mut pieces = pieces_of(CHAT_STREAM, 1000);
    pieces.push(Piece::Cut);
    assert_eq!(streamed(CHAT, pieces).await, CHAT_STREAM);
}

#[tokio::test(start_paused = true)]
async fn the_total_time_is_bounded() {
    let mut slow = provider("slow", "openai");
    slow.timeouts.total = Duration::from_secs(20);
    let (gateway, _) = gateway_with(Script::events(begun(vec![Piece::Stall])), keyless(), vec![slow]);
    let started = tokio::time::Instant::now();
    let told = text(gateway.handle(request(CHAT, "by-slow")).await).await;
    assert!(told.contains("\"error\":"), "{told}");
    assert_eq!(started.elapsed().as_secs(), 20);
}

#[tokio::test]
async fn a_client_that_goes_away_ends_the_call() {
    let (gateway, provider) = gateway(Script::events(begun(vec![Piece::Stall])));
    let response = gateway.handle(request(CHAT, "chat")).await;
    let mut body = response.into_body();
    body.frame().await.unwrap().unwrap();
    assert_eq!(gateway.open_requests(), 1);
    assert!(!provider.let_go());
    drop(body);
    assert!(provider.let_go());
    assert_eq!(gateway.open_requests(), 0);
}

#[tokio::test]
async fn a_vendor_that_leaves_the_end_marker_out_is_ended_for_clients_of_another_dialect() {
    let mut vendor = provider("vendor", "openai");
    vendor.main.variant.stream_ending = switchtower_dialect::StreamEnding::StopReason;
    let unmarked = CHAT_STREAM.strip_suffix("data: [DONE]\n\n").unwrap();
    let (gateway, _) = gateway_with(Script::events(pieces_of(unmarked, 40)), keyless(), vec![vendor]);
    let told = text(gateway.handle(request(MESSAGES, "vendor/x")).await).await;
    assert_eq!(told.matches("event: message_stop").count(), 1, "{told}");
    assert!(told.ends_with("data: {\"type\":\"message_stop\"}\n\n"), "{told}");
}

#[tokio::test]
async fn an_error_is_known_however_it_is_written_and_its_secrets_are_masked() {
    let escaped = KEY.replace('-', "\\u002d");
    let halves = |name: &str, data: String| format!("{name}data: {data}\n\ndata: {{\"late\":1}}\n\n");
    for error in [
        halves(
            "",
            format!(r#"{{"error":{{"message":"key {escaped}","type":"x","code":"{escaped}","more":"{KEY}"}}}}"#),
        ),
        halves("", format!(r#"{{"err\u006fr":{{"message":"key {escaped}","type":"x"}}}}"#)),
        halves("event: error\n", format!(r#"{{"message":"key {escaped}","type":"x"}}"#)),
        halves("event: error\n", format!(r#"{{"detail":"{KEY}"}}"#)),
        halves("event: error\n", format!("{{\"choices\":[],\"id\":\"{KEY}\"}}")),
        halves("event: error\n", format!("busy with {KEY}")),
    ] {
        for (path, sign) in [(CHAT, "data: {\"error\":"), (MESSAGES, "event: error\ndata: {\"type\":\"error\"")] {
            let told = streamed(path, begun(vec![Piece::Bytes(error.clone().into_bytes()), Piece::Stall])).await;
            let last = told.trim_end().rsplit("\n\n").next().unwrap();
            assert!(last.starts_with(sign), "{path} {error}: {told}");
            assert!(!told.contains(KEY) && !told.contains(&escaped) && !told.contains("late"), "{error}: {told}");
        }
    }
}

#[tokio::test]
async fn what_follows_the_end_is_dropped() {
    for path in [CHAT, MESSAGES] {
        let whole = streamed(path, pieces_of(CHAT_STREAM, 100)).await;
        for late in [
            "data: {\"half\": \n\n",
            "<html>\n\n",
            "data: {\"error\":{\"message\":\"late\"}}\n\n",
            "data: [DONE]\n\n",
            "dat",
        ] {
            let text = format!("{CHAT_STREAM}{late}");
            for size in [1, 100, 10_000] {
                assert_eq!(streamed(path, pieces_of(&text, size)).await, whole, "{path} {late} {size}");
            }
        }
    }
}
