//! What the mock upstream answers, in each dialect: prebuilt, and of a size that is usual.

use bytes::Bytes;
use std::sync::LazyLock;

/// The word by which the load generator knows the first token.
pub(super) const TOKEN: &[u8] = b"lorem";

/// Answers in one dialect.
pub(super) struct Answers {
    pub(super) whole: Bytes,
    pub(super) start: Bytes,
    pub(super) chunk: Bytes,
    pub(super) end: Bytes,
    pub(super) media_type: &'static str,
}

/// The same as they are written down.
struct Written {
    whole: &'static str,
    start: &'static str,
    chunk: &'static str,
    end: &'static str,
}

impl Answers {
    /// Those of the dialect that an address belongs to.
    pub(super) fn at(path: &str) -> &'static Self {
        static EVENTS: LazyLock<[Answers; 4]> =
            LazyLock::new(|| [&CHAT, &MESSAGES, &RESPONSES, &GEMINI].map(Answers::of_events));
        static CONVERSE: LazyLock<Answers> = LazyLock::new(converse);
        let [chat, messages, responses, gemini] = &*EVENTS;
        match path.rsplit('/').next() {
            Some("messages") => messages,
            Some("responses") => responses,
            Some("converse" | "converse-stream") => &CONVERSE,
            Some(method) if method.ends_with("enerateContent") => gemini,
            _ => chat,
        }
    }

    const fn of_events(written: &Written) -> Self {
        Self {
            whole: Bytes::from_static(written.whole.as_bytes()),
            start: Bytes::from_static(written.start.as_bytes()),
            chunk: Bytes::from_static(written.chunk.as_bytes()),
            end: Bytes::from_static(written.end.as_bytes()),
            media_type: "text/event-stream",
        }
    }
}

/// Converse, whose streams are messages of an AWS event stream.
fn converse() -> Answers {
    let text = r#"{"contentBlockIndex":0,"delta":{"text":" lorem ipsum"},"p":"abcdefghijklmnop"}"#;
    let end = [
        message("contentBlockStop", r#"{"contentBlockIndex":0,"p":"abc"}"#),
        message("messageStop", r#"{"stopReason":"end_turn","p":"abcdef"}"#),
        message(
            "metadata",
            r#"{"metrics":{"latencyMs":812},"usage":{"inputTokens":412,"outputTokens":118,"totalTokens":530},"p":"abc"}"#,
        ),
    ];
    Answers {
        whole: Bytes::from_static(CONVERSE_WHOLE.as_bytes()),
        start: message("messageStart", r#"{"role":"assistant","p":"abcdefghij"}"#).into(),
        chunk: message("contentBlockDelta", text).into(),
        end: end.concat().into(),
        media_type: "application/vnd.amazon.eventstream",
    }
}

/// A message of an AWS event stream: lengths and their checksum, headers, payload, and a checksum over all.
/// Source: <https://smithy.io/2.0/aws/amazon-eventstream.html>
fn message(event: &str, payload: &str) -> Vec<u8> {
    const TEXT: u8 = 7;
    let mut headers = Vec::new();
    for (name, value) in [(":event-type", event), (":content-type", "application/json"), (":message-type", "event")] {
        headers.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        headers.extend_from_slice(name.as_bytes());
        headers.push(TEXT);
        headers.extend_from_slice(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let size = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes();
    let mut out = Vec::new();
    out.extend_from_slice(&size(16 + headers.len() + payload.len()));
    out.extend_from_slice(&size(headers.len()));
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out.extend_from_slice(&headers);
    out.extend_from_slice(payload.as_bytes());
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out
}

const CONVERSE_WHOLE: &str = concat!(
    r#"{"metrics":{"latencyMs":812},"output":{"message":{"content":[{"text":"lorem ipsum dolor sit amet, consectetur adipiscing elit, "#,
    r"sed do eiusmod tempor incididunt ut labore et dolore magna aliqua. Ut enim ad minim veniam, quis nostrud exercitation ",
    r"ullamco laboris nisi ut aliquip ex ea commodo consequat.\n\nDuis aute irure dolor in reprehenderit in voluptate velit esse ",
    r"cillum dolore eu fugiat nulla pariatur. Excepteur sint occaecat cupidatat non proident, sunt in culpa qui officia deserunt ",
    r"mollit anim id est laborum. Sed ut perspiciatis unde omnis iste natus error sit voluptatem accusantium doloremque laudantium, ",
    r"totam rem aperiam, eaque ipsa quae ab illo inventore veritatis et quasi architecto beatae vitae dicta sunt explicabo. Nemo enim ",
    r#"ipsam voluptatem quia voluptas sit aspernatur aut odit aut fugit."}],"role":"assistant"}},"stopReason":"end_turn","#,
    r#""usage":{"inputTokens":412,"outputTokens":118,"totalTokens":530}}"#,
);

static GEMINI: Written = Written {
    whole: concat!(
        r#"{"candidates":[{"content":{"parts":[{"text":"lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod "#,
        r"tempor incididunt ut labore et dolore magna aliqua. Ut enim ad minim veniam, quis nostrud exercitation ullamco laboris ",
        r"nisi ut aliquip ex ea commodo consequat.\n\nDuis aute irure dolor in reprehenderit in voluptate velit esse cillum dolore ",
        r"eu fugiat nulla pariatur. Excepteur sint occaecat cupidatat non proident, sunt in culpa qui officia deserunt mollit anim ",
        r"id est laborum. Sed ut perspiciatis unde omnis iste natus error sit voluptatem accusantium doloremque laudantium, totam ",
        r#"rem aperiam."}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":412,"#,
        r#""candidatesTokenCount":118,"totalTokenCount":530,"promptTokensDetails":[{"modality":"TEXT","tokenCount":412}]},"#,
        r#""modelVersion":"bench","responseId":"kQ3maPvQIZ2HkdUPx6Oc0AI"}"#,
    ),
    start: concat!(
        r#"data: {"candidates":[{"content":{"parts":[{"text":"Well,"}],"role":"model"},"index":0}],"usageMetadata":{"#,
        r#""promptTokenCount":412,"totalTokenCount":412},"modelVersion":"bench","responseId":"kQ3maPvQIZ2HkdUPx6Oc0AI"}"#,
        "\n\n",
    ),
    chunk: concat!(
        r#"data: {"candidates":[{"content":{"parts":[{"text":" lorem ipsum"}],"role":"model"},"index":0}],"usageMetadata":{"#,
        r#""promptTokenCount":412,"candidatesTokenCount":20,"totalTokenCount":432},"modelVersion":"bench","responseId":"kQ3maPvQIZ2HkdUPx6Oc0AI"}"#,
        "\n\n",
    ),
    end: concat!(
        r#"data: {"candidates":[{"content":{"parts":[{"text":"."}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"#,
        r#""promptTokenCount":412,"candidatesTokenCount":118,"totalTokenCount":530},"modelVersion":"bench","responseId":"kQ3maPvQIZ2HkdUPx6Oc0AI"}"#,
        "\n\n",
    ),
};

static CHAT: Written = Written {
    whole: concat!(
        r#"{"id":"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT","object":"chat.completion","created":1760000000,"model":"bench","#,
        r#""choices":[{"index":0,"message":{"role":"assistant","content":"lorem ipsum dolor sit amet, consectetur adipiscing elit, "#,
        r"sed do eiusmod tempor incididunt ut labore et dolore magna aliqua. Ut enim ad minim veniam, quis nostrud exercitation ",
        r"ullamco laboris nisi ut aliquip ex ea commodo consequat.\n\nDuis aute irure dolor in reprehenderit in voluptate velit esse ",
        r"cillum dolore eu fugiat nulla pariatur. Excepteur sint occaecat cupidatat non proident, sunt in culpa qui officia deserunt ",
        r#"mollit anim id est laborum. Sed ut perspiciatis unde omnis iste natus error sit voluptatem.","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"#,
        r#""usage":{"prompt_tokens":412,"completion_tokens":118,"total_tokens":530,"prompt_tokens_details":{"cached_tokens":0,"#,
        r#""audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"#,
        r#""rejected_prediction_tokens":0}},"service_tier":"default","system_fingerprint":"fp_44709d6fcb"}"#,
    ),
    start: concat!(
        r#"data: {"id":"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT","object":"chat.completion.chunk","created":1760000000,"model":"bench","#,
        r#""service_tier":"default","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,"delta":{"role":"assistant","#,
        r#""content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null}"#,
        "\n\n",
    ),
    chunk: concat!(
        r#"data: {"id":"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT","object":"chat.completion.chunk","created":1760000000,"model":"bench","#,
        r#""service_tier":"default","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,"delta":{"content":" lorem ipsum"},"#,
        r#""logprobs":null,"finish_reason":null}],"usage":null}"#,
        "\n\n",
    ),
    end: concat!(
        r#"data: {"id":"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT","object":"chat.completion.chunk","created":1760000000,"model":"bench","#,
        r#""service_tier":"default","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,"delta":{},"logprobs":null,"#,
        r#""finish_reason":"stop"}],"usage":null}"#,
        "\n\n",
        r#"data: {"id":"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT","object":"chat.completion.chunk","created":1760000000,"model":"bench","#,
        r#""service_tier":"default","system_fingerprint":"fp_44709d6fcb","choices":[],"usage":{"prompt_tokens":412,"#,
        r#""completion_tokens":118,"total_tokens":530}}"#,
        "\n\ndata: [DONE]\n\n",
    ),
};

static MESSAGES: Written = Written {
    whole: concat!(
        r#"{"id":"msg_01XFDUDYJgAACzvnptvVoYEL","type":"message","role":"assistant","model":"bench","content":[{"type":"text","#,
        r#""text":"lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore "#,
        r"magna aliqua. Ut enim ad minim veniam, quis nostrud exercitation ullamco laboris nisi ut aliquip ex ea commodo ",
        r"consequat.\n\nDuis aute irure dolor in reprehenderit in voluptate velit esse cillum dolore eu fugiat nulla pariatur. ",
        r"Excepteur sint occaecat cupidatat non proident, sunt in culpa qui officia deserunt mollit anim id est laborum. ",
        r"Sed ut perspiciatis unde omnis iste natus error sit voluptatem accusantium doloremque laudantium, totam rem aperiam.",
        r#""}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":412,"cache_creation_input_tokens":0,"#,
        r#""cache_read_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"#,
        r#""output_tokens":118,"service_tier":"standard"}}"#,
    ),
    start: concat!(
        "event: message_start\n",
        r#"data: {"type":"message_start","message":{"id":"msg_01XFDUDYJgAACzvnptvVoYEL","type":"message","role":"assistant","#,
        r#""model":"bench","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":412,"output_tokens":1}}}"#,
        "\n\nevent: content_block_start\n",
        r#"data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
        "\n\n",
    ),
    chunk: concat!(
        "event: content_block_delta\n",
        r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" lorem ipsum"}}"#,
        "\n\n",
    ),
    end: concat!(
        "event: content_block_stop\n",
        r#"data: {"type":"content_block_stop","index":0}"#,
        "\n\nevent: message_delta\n",
        r#"data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":118}}"#,
        "\n\nevent: message_stop\n",
        r#"data: {"type":"message_stop"}"#,
        "\n\n",
    ),
};

static RESPONSES: Written = Written {
    whole: concat!(
        r#"{"id":"resp_68af4030592c81938ec0a5fbab4a3e9f05438e46b5f69a3b","object":"response","created_at":1760000000,"status":"completed","#,
        r#""background":false,"error":null,"incomplete_details":null,"instructions":null,"max_output_tokens":512,"model":"bench","output":[{"id":"#,
        r#""msg_68af4033e5e0819392ce2f5aa4f9e9bc05438e46b5f69a3b","type":"message","status":"completed","content":[{"type":"output_text","#,
        r#""annotations":[],"logprobs":[],"text":"lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut "#,
        r"labore et dolore magna aliqua. Ut enim ad minim veniam, quis nostrud exercitation ullamco laboris nisi ut aliquip.\n\n",
        r#"Duis aute irure dolor in reprehenderit."}],"role":"assistant"}],"parallel_tool_calls":true,"previous_response_id":null,"#,
        r#""reasoning":{"effort":null,"summary":null},"service_tier":"default","store":false,"temperature":0.5,"text":{"format":{"type":"text"}},"#,
        r#""tool_choice":"auto","tools":[],"top_p":1.0,"truncation":"disabled","usage":{"input_tokens":412,"input_tokens_details":{"cached_tokens":0},"#,
        r#""output_tokens":118,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":530},"user":null,"metadata":{}}"#,
    ),
    start: concat!(
        "event: response.created\n",
        r#"data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_68af","object":"response","created_at":1760000000,"#,
        r#""status":"in_progress","error":null,"incomplete_details":null,"model":"bench","output":[],"store":false,"usage":null}}"#,
        "\n\nevent: response.output_item.added\n",
        r#"data: {"type":"response.output_item.added","sequence_number":1,"output_index":0,"item":{"id":"msg_68af","type":"message","#,
        r#""status":"in_progress","content":[],"role":"assistant"}}"#,
        "\n\nevent: response.content_part.added\n",
        r#"data: {"type":"response.content_part.added","sequence_number":2,"item_id":"msg_68af","output_index":0,"content_index":0,"#,
        r#""part":{"type":"output_text","annotations":[],"logprobs":[],"text":""}}"#,
        "\n\n",
    ),
    chunk: concat!(
        "event: response.output_text.delta\n",
        r#"data: {"type":"response.output_text.delta","sequence_number":3,"item_id":"msg_68af4033e5e0819392ce2f5aa4f9e9bc05438e46b5f69a3b","#,
        r#""output_index":0,"content_index":0,"delta":" lorem ipsum","logprobs":[],"obfuscation":"Jx2nQ"}"#,
        "\n\n",
    ),
    end: concat!(
        "event: response.output_item.done\n",
        r#"data: {"type":"response.output_item.done","sequence_number":4,"output_index":0,"item":{"id":"msg_68af","type":"message","#,
        r#""status":"completed","content":[{"type":"output_text","annotations":[],"logprobs":[],"text":" lorem ipsum"}],"role":"assistant"}}"#,
        "\n\nevent: response.completed\n",
        r#"data: {"type":"response.completed","sequence_number":5,"response":{"id":"resp_68af","object":"response","created_at":1760000000,"#,
        r#""status":"completed","error":null,"incomplete_details":null,"model":"bench","output":[{"id":"msg_68af","type":"message","#,
        r#""status":"completed","content":[{"type":"output_text","annotations":[],"logprobs":[],"text":" lorem ipsum"}],"role":"assistant"}],"#,
        r#""store":false,"usage":{"input_tokens":412,"input_tokens_details":{"cached_tokens":0},"output_tokens":118,"#,
        r#""output_tokens_details":{"reasoning_tokens":0},"total_tokens":530}}}"#,
        "\n\n",
    ),
};

#[cfg(test)]
mod tests {
    use super::*;
    use memchr::memmem;

    #[test]
    fn prebuilt_answers_are_json_of_the_promised_size() {
        for wire in [&CHAT, &MESSAGES, &RESPONSES, &GEMINI] {
            let _: serde_json::Value = serde_json::from_str(wire.whole).unwrap();
            assert!((850..1500).contains(&wire.whole.len()), "{}", wire.whole.len());
            for events in [wire.start, wire.chunk, wire.end] {
                for line in events.lines().filter_map(|line| line.strip_prefix("data: ")) {
                    assert!(line == "[DONE]" || serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
                }
            }
            assert!(memmem::find(wire.chunk.as_bytes(), TOKEN).is_some());
            assert!(memmem::find(wire.start.as_bytes(), TOKEN).is_none());
        }
        assert!((230..320).contains(&CHAT.chunk.len()), "{}", CHAT.chunk.len());
        let converse = Answers::at("/model/bench/converse-stream");
        let _: serde_json::Value = serde_json::from_slice(&converse.whole).unwrap();
        assert!((850..1500).contains(&converse.whole.len()), "{}", converse.whole.len());
        assert!(memmem::find(&converse.chunk, TOKEN).is_some());
    }
}
