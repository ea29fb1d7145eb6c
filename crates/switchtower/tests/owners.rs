//! What only an account can read stays with it: conversations of two turns between two accounts, through the built binary.
//! A simulator refuses what it did not sign, as the vendors do.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers too"
)]

use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;
use switchtower_dialect::{event_stream, sse};
use switchtower_testkit::Running;

const CONFIGURATION: &str = r#"
[listen]
address = "127.0.0.1:0"
"#;

/// A dialect, how its providers are configured, and how it is asked.
struct Way {
    dialect: &'static str,
    base: &'static str,
    quirks: &'static str,
    /// Where it is asked, whole and streamed.
    paths: [&'static str; 2],
    first: fn() -> Value,
    /// The turn of the model in an answer, as a request gives it back.
    turn: fn(&Value) -> Vec<Value>,
    /// The same of the events of a stream.
    gathered: fn(&[Value]) -> Vec<Value>,
    /// Adds the turn and the result of its call.
    next: fn(&mut Value, Vec<Value>),
    /// What the other account's answer lists as left out.
    lost: &'static [&'static str],
}

const WAYS: [Way; 4] = [
    Way {
        dialect: "anthropic_messages",
        base: "",
        quirks: "quirks = { thinking = \"budget\" }",
        paths: ["/v1/messages"; 2],
        first: || {
            json!({"max_tokens": 4000, "thinking": {"type": "enabled", "budget_tokens": 1024},
                "tools": [{"name": "look", "input_schema": {"type": "object", "properties": {}}}],
                "messages": [{"role": "user", "content": "look, and redact"}]})
        },
        turn: |answer| answer["content"].as_array().unwrap().clone(),
        gathered: messages_of_events,
        next: |body, turn| {
            let id = turn.iter().find_map(|block| block.get("id")).unwrap().clone();
            push(&mut body["messages"], json!({"role": "assistant", "content": turn}));
            let result = json!([{"type": "tool_result", "tool_use_id": id, "content": "seen"}]);
            push(&mut body["messages"], json!({"role": "user", "content": result}));
        },
        lost: &["messages[1].content[0];meaning", "messages[1].content[1];meaning", "thinking;meaning"],
    },
    Way {
        dialect: "google_gemini",
        base: "/v1beta",
        quirks: "",
        paths: ["/v1beta/models/MODEL:generateContent", "/v1beta/models/MODEL:streamGenerateContent?alt=sse"],
        first: || {
            json!({"generationConfig": {"thinkingConfig": {"includeThoughts": true, "thinkingBudget": 1024}},
                "tools": [{"functionDeclarations": [{"name": "look", "parameters": {"type": "OBJECT", "properties": {}}}]}],
                "contents": [{"role": "user", "parts": [{"text": "look"}]}]})
        },
        turn: |answer| answer["candidates"][0]["content"]["parts"].as_array().unwrap().clone(),
        gathered: |events| {
            let parts = events.iter().filter_map(|event| event["candidates"][0]["content"]["parts"].as_array());
            parts.flatten().cloned().collect()
        },
        next: |body, turn| {
            push(&mut body["contents"], json!({"role": "model", "parts": turn}));
            let result = json!([{"functionResponse": {"name": "look", "response": {"seen": 1}}}]);
            push(&mut body["contents"], json!({"role": "user", "parts": result}));
        },
        lost: &["thoughtSignature;meaning"],
    },
    Way {
        dialect: "openai_responses",
        base: "/v1",
        quirks: "",
        paths: ["/v1/responses"; 2],
        first: || {
            json!({"store": false, "include": ["reasoning.encrypted_content"], "reasoning": {"effort": "low"},
                "tools": [{"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}, "required": [], "additionalProperties": false}}],
                "input": [{"role": "user", "content": "look"}]})
        },
        turn: |answer| answer["output"].as_array().unwrap().clone(),
        gathered: |events| events.last().unwrap()["response"]["output"].as_array().unwrap().clone(),
        next: |body, turn| {
            let id = turn.iter().find_map(|item| item.get("call_id")).unwrap().clone();
            turn.into_iter().for_each(|item| push(&mut body["input"], item));
            push(&mut body["input"], json!({"type": "function_call_output", "call_id": id, "output": "seen"}));
        },
        lost: &["input[1];meaning"],
    },
    Way {
        dialect: "bedrock_converse",
        base: "",
        quirks: "",
        paths: ["/model/MODEL/converse", "/model/MODEL/converse-stream"],
        first: || {
            json!({"inferenceConfig": {"maxTokens": 4000},
                "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}},
                "toolConfig": {"tools": [{"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object", "properties": {}}}}}]},
                "messages": [{"role": "user", "content": [{"text": "look, and redact"}]}]})
        },
        turn: |answer| answer["output"]["message"]["content"].as_array().unwrap().clone(),
        gathered: converse_of_events,
        next: |body, turn| {
            let id = turn.iter().find_map(|block| block["toolUse"].get("toolUseId")).unwrap().clone();
            push(&mut body["messages"], json!({"role": "assistant", "content": turn}));
            let result = json!([{"toolResult": {"toolUseId": id, "content": [{"text": "seen"}]}}]);
            push(&mut body["messages"], json!({"role": "user", "content": result}));
        },
        lost: &["messages[1].content[0];meaning", "additionalModelRequestFields.thinking;meaning"],
    },
];

fn push(list: &mut Value, item: Value) {
    list.as_array_mut().unwrap().push(item);
}

fn append(to: &mut Value, text: &Value) {
    let before = to.as_str().unwrap_or_default();
    *to = format!("{before}{}", text.as_str().unwrap()).into();
}

/// What an SDK of Messages makes of events.
fn messages_of_events(events: &[Value]) -> Vec<Value> {
    let mut blocks: Vec<Value> = Vec::new();
    for event in events {
        if let Some(block) = event.get("content_block") {
            blocks.push(block.clone());
        }
        let delta = &event["delta"];
        let Some(block) = event["index"].as_u64().and_then(|index| blocks.get_mut(usize::try_from(index).unwrap()))
        else {
            continue;
        };
        for name in ["thinking", "signature", "text"] {
            if let Some(text) = delta.get(name) {
                append(&mut block[name], text);
            }
        }
    }
    blocks
}

/// What an SDK of Converse makes of events.
fn converse_of_events(events: &[Value]) -> Vec<Value> {
    let mut blocks: Vec<Value> = Vec::new();
    for event in events {
        let Some(index) = event["contentBlockIndex"].as_u64().map(|index| usize::try_from(index).unwrap()) else {
            continue;
        };
        blocks.resize(blocks.len().max(index + 1), json!({}));
        let (block, delta) = (&mut blocks[index], &event["delta"]);
        if let Some(call) = event["start"].get("toolUse") {
            block["toolUse"] = call.clone();
            block["toolUse"]["input"] = json!({});
        }
        if let Some(text) = delta.get("text") {
            append(&mut block["text"], text);
        }
        for name in ["text", "signature"] {
            if let Some(text) = delta["reasoningContent"].get(name) {
                append(&mut block["reasoningContent"]["reasoningText"][name], text);
            }
        }
        if let Some(data) = delta["reasoningContent"].get("redactedContent") {
            append(&mut block["reasoningContent"]["redactedContent"], data);
        }
    }
    blocks
}

/// A gateway before two accounts of each dialect.
struct Stage {
    gateway: Running,
    _accounts: [Running; 2],
    _folder: tempfile::TempDir,
}

/// What a client is told.
struct Told {
    status: u16,
    notices: String,
    body: Vec<u8>,
}

impl Stage {
    fn set_up() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let binary = || Command::new(env!("CARGO_BIN_EXE_switchtower"));
        let mut text = CONFIGURATION.to_owned();
        let accounts = ["1", "2"].map(|seed| {
            let mut command = binary();
            command.args(["sim", "--listen", "127.0.0.1:0", "--seed", seed]);
            let account = Running::start(&mut command, &folder.path().join(format!("sim-{seed}.log"))).unwrap();
            for Way { dialect, base, quirks, .. } in WAYS {
                let (name, address) = (name(dialect, seed), account.address());
                text.push_str(&format!(
                    "[providers.{name}]\ndialect = \"{dialect}\"\nbase_url = \"http://{address}{base}\"\n{quirks}\n"
                ));
                // Another deployment of the same account.
                text.push_str(&format!("[deployments.again-{name}]\nprovider = \"{name}\"\nmodel = \"sim-1\"\n"));
            }
            account
        });
        let file = folder.path().join("switchtower.toml");
        std::fs::write(&file, text).unwrap();
        let mut serve = binary();
        serve.arg("serve").arg("--config").arg(&file);
        let gateway = Running::start(&mut serve, &folder.path().join("gateway.log")).unwrap();
        Self { gateway, _accounts: accounts, _folder: folder }
    }

    fn ask(&self, way: &Way, model: &str, body: &Value, streamed: bool, strict: bool) -> Told {
        let mut body = body.clone();
        if way.paths[0].contains("MODEL") {
            assert!(body.get("model").is_none());
        } else {
            body["model"] = model.into();
            body["stream"] = streamed.into();
        }
        let path = way.paths[usize::from(streamed)].replace("MODEL", &model.replace('/', "%2F"));
        let text = body.to_string();
        let mut socket = TcpStream::connect(self.gateway.address()).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        write!(
            socket,
            "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nx-switchtower-strict: {strict}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{text}",
            text.len()
        )
        .unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).unwrap();
        Told::read(&answer)
    }
}

impl Told {
    fn read(answer: &[u8]) -> Self {
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
        let mut rest = &answer[end + 4..];
        let mut body = Vec::new();
        if field("transfer-encoding: ") == "chunked" {
            while let Some(line) = rest.windows(2).position(|two| two == b"\r\n") {
                let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
                body.extend_from_slice(&rest[line + 2..line + 2 + size]);
                rest = &rest[line + size + 4..];
            }
        } else {
            body = rest.to_vec();
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, notices: field("x-switchtower-notices: "), body }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}", self.text()))
    }

    /// The data of events, in either framing.
    fn events(&self, binary: bool) -> Vec<Value> {
        let mut events = Vec::new();
        if binary {
            let mut reader = event_stream::Reader::new(1 << 20);
            reader.push(&self.body);
            while let Some(message) = reader.next_message().unwrap() {
                events.push(serde_json::from_str(&message.to_wire().unwrap().data).unwrap());
            }
        } else {
            let mut reader = sse::Reader::new(1 << 20);
            reader.push(&self.body);
            while let Some(event) = reader.next_event().unwrap() {
                let parsed = event.read();
                events.extend(parsed.and_then(|parsed| serde_json::from_slice(parsed.data()).ok()));
            }
        }
        events
    }
}

fn name(dialect: &str, seed: &str) -> String {
    format!("{}-{seed}", dialect.replace('_', "-"))
}

#[test]
fn what_only_an_account_can_read_stays_with_it_or_is_told_by_name() {
    let stage = Stage::set_up();
    for way in WAYS {
        let model = |seed: &str| format!("{}/sim-1", name(way.dialect, seed));
        for streamed in [false, true] {
            let at = format!("{} streamed: {streamed}", way.dialect);
            let mut body = (way.first)();
            let told = stage.ask(&way, &model("1"), &body, streamed, false);
            assert_eq!(told.status, 200, "{at}: {}", told.text());
            let turn = if streamed {
                (way.gathered)(&told.events(way.dialect == "bedrock_converse"))
            } else {
                (way.turn)(&told.json())
            };
            assert!(Value::from(turn.clone()).to_string().contains("\"stwo"), "{at}: {turn:?}");
            (way.next)(&mut body, turn);
            // The account that made it takes it back, also where its deployment has another name.
            for model in [model("1"), format!("again-{}", name(way.dialect, "1"))] {
                let told = stage.ask(&way, &model, &body, streamed, true);
                assert_eq!((told.status, &*told.notices), (200, ""), "{at}: {}", told.text());
            }
            // Another does without, which is told.
            let told = stage.ask(&way, &model("2"), &body, streamed, false);
            assert_eq!(told.status, 200, "{at}: {}", told.text());
            for lost in way.lost {
                assert!(told.notices.contains(lost), "{at}: {} lacks {lost}", told.notices);
            }
            // A strict caller is refused before the vendor hears of it.
            let told = stage.ask(&way, &model("2"), &body, streamed, true);
            let owner = format!("provider '{}'", name(way.dialect, "1"));
            assert_eq!(told.status, 400, "{at}: {}", told.text());
            assert!(told.text().contains(&owner), "{at}: {}", told.text());
        }
    }
}

#[test]
fn reasoning_of_another_dialect_stays_with_its_account_too() {
    let stage = Stage::set_up();
    let responses = &WAYS[2];
    for (dialect, streamed) in ["anthropic_messages", "google_gemini"].into_iter().flat_map(|d| [(d, false), (d, true)])
    {
        let model = |seed: &str| format!("{}/sim-1", name(dialect, seed));
        let mut body = (responses.first)();
        body["max_output_tokens"] = 4000.into();
        let told = stage.ask(responses, &model("1"), &body, streamed, false);
        assert_eq!(told.status, 200, "{}", told.text());
        let turn = if streamed { (responses.gathered)(&told.events(false)) } else { (responses.turn)(&told.json()) };
        let given = Value::from(turn.clone()).to_string();
        assert!(given.contains("\"stwo") && !given.contains("\"stw1"), "{dialect} {streamed}: {given}");
        (responses.next)(&mut body, turn);
        let told = stage.ask(responses, &model("1"), &body, streamed, false);
        assert_eq!(told.status, 200, "{}", told.text());
        // Gemini shows a summary of its thoughts in a part of its own, which it does not take back.
        let thought = if dialect == "google_gemini" { "input[2];meaning" } else { "input[1];meaning" };
        assert!(!told.notices.contains(thought), "{}", told.notices);
        let told = stage.ask(responses, &model("2"), &body, streamed, false);
        assert_eq!(told.status, 200, "{}", told.text());
        // A model that has lost its thoughts amid a turn is asked without more of them.
        assert!(told.notices.contains(thought), "{}", told.notices);
        assert_eq!(told.notices.contains("reasoning.effort;meaning"), dialect == "anthropic_messages");
    }
}
