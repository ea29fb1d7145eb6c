//! What each deployment is asked, and what is a good answer. None costs more than a few hundred tokens.

use super::ask::{Answer, Probe};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// How a deployment fared with a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It works.
    Works,
    /// It answered otherwise, and how.
    Otherwise(String),
    /// It was refused, with what words.
    Refused(String),
}

/// One feature.
pub(super) struct Feature {
    pub(super) name: &'static str,
    pub(super) request: Probe,
    pub(super) judge: fn(&Answer) -> Verdict,
}

/// The same words from everybody, as far as words can be the same: for comparing answers and usage.
pub(super) static PLAIN: Probe = LazyLock::new(|| {
    asking("Name the capital of France. Answer with the name alone.", json!({"temperature": 0, "max_tokens": 400}))
});
/// Enough text to measure speed with.
pub(super) static LONG: Probe = LazyLock::new(|| {
    asking("Write the numbers from 1 to 80 in words, one a line.", json!({"temperature": 0, "max_tokens": 600}))
});

/// A red square of 16 by 16 dots.
const RED: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAFklEQVR42mP4z8BAEmIY1TCqYfhqAACQ+f8B8u7oVwAAAABJRU5ErkJggg==";

fn asking(text: &str, settings: Value) -> Value {
    let mut request = settings;
    if let Value::Object(map) = &mut request {
        map.insert("messages".to_owned(), json!([{"role": "user", "content": text}]));
    }
    request
}

fn weather() -> Value {
    json!([{"type": "function", "function": {"name": "weather", "description": "The weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": false}}}])
}

fn person() -> Value {
    json!({"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"], "additionalProperties": false})
}

/// Every probe, in the order in which they are told.
pub(super) static PROBES: [Feature; 10] = [
    Feature { name: "answers", request: LazyLock::new(|| PLAIN.clone()), judge: |answer| says(answer, &["paris"]) },
    Feature {
        name: "instructions",
        request: LazyLock::new(|| {
            json!({"max_tokens": 400, "messages": [
                {"role": "system", "content": "Whatever you are asked, answer with the word pineapple alone."},
                {"role": "user", "content": "How are you?"}]})
        }),
        judge: |answer| says(answer, &["pineapple"]),
    },
    Feature {
        name: "bound on tokens",
        request: LazyLock::new(|| asking("Write a long story about a lighthouse.", json!({"max_tokens": 16}))),
        judge: |answer| expect("finish_reason", text_at(answer, "/choices/0/finish_reason"), "length"),
    },
    Feature {
        name: "stop text",
        request: LazyLock::new(|| {
            asking("Count from 1 to 9 in digits, with a comma between them.", json!({"stop": ["6"], "max_tokens": 400}))
        }),
        judge: |answer| {
            let said = text_at(answer, "/choices/0/message/content");
            match (said.contains('5'), said.contains('7')) {
                (true, false) => Verdict::Works,
                (true, true) => otherwise("went on past the stop text"),
                (false, _) => otherwise("says something else"),
            }
        },
    },
    Feature {
        name: "tool",
        request: LazyLock::new(|| {
            asking("What is the weather in Paris? Use the tool.", json!({"tools": weather(), "max_tokens": 600}))
        }),
        judge: |answer| match calls(answer).as_slice() {
            [(name, arguments)] if name == "weather" && arguments["city"].is_string() => Verdict::Works,
            [] => otherwise("called nothing"),
            _ => otherwise("called something else"),
        },
    },
    Feature {
        name: "parallel tools",
        request: LazyLock::new(|| {
            asking(
                "What is the weather in Paris and in Rome? Call the tool for both at once.",
                json!({"tools": weather(), "max_tokens": 800}),
            )
        }),
        judge: |answer| match calls(answer).len() {
            0 => otherwise("called nothing"),
            1 => otherwise("one call a turn"),
            _ => Verdict::Works,
        },
    },
    Feature {
        name: "structured output",
        request: LazyLock::new(|| {
            asking(
                "Anna is 31 years old.",
                json!({"max_tokens": 600, "response_format": {"type": "json_schema",
                "json_schema": {"name": "person", "strict": true, "schema": person()}}}),
            )
        }),
        judge: |answer| {
            let said = serde_json::from_str::<Value>(text_at(answer, "/choices/0/message/content"));
            match said {
                Ok(value) if jsonschema::is_valid(&person(), &value) => Verdict::Works,
                Ok(_) => otherwise("does not keep to the schema"),
                Err(_) => otherwise("is no JSON"),
            }
        },
    },
    Feature {
        name: "image",
        request: LazyLock::new(|| {
            json!({"max_tokens": 400, "messages": [{"role": "user", "content": [
                {"type": "text", "text": "Which colour has this square? Answer with one word."},
                {"type": "image_url", "image_url": {"url": RED}}]}]})
        }),
        judge: |answer| says(answer, &["red"]),
    },
    Feature {
        name: "reasoning",
        request: LazyLock::new(|| {
            asking("What is 17 * 23? Think first.", json!({"reasoning_effort": "low", "max_tokens": 4000}))
        }),
        judge: |answer| {
            let tokens =
                answer.body.pointer("/usage/completion_tokens_details/reasoning_tokens").and_then(Value::as_u64);
            let words = text_at(answer, "/choices/0/message/reasoning_content");
            match (tokens, words) {
                (Some(1..), _) => Verdict::Works,
                (_, words) if !words.is_empty() => Verdict::Works,
                _ => otherwise("shows no thinking"),
            }
        },
    },
    Feature {
        name: "log-probabilities",
        request: LazyLock::new(|| asking("Say yes.", json!({"logprobs": true, "top_logprobs": 2, "max_tokens": 400}))),
        judge: |answer| match answer.body.pointer("/choices/0/logprobs/content/0/logprob") {
            Some(Value::Number(_)) => Verdict::Works,
            _ => otherwise("gives none"),
        },
    },
];

fn otherwise(how: &str) -> Verdict {
    Verdict::Otherwise(how.to_owned())
}

fn text_at<'a>(answer: &'a Answer, pointer: &str) -> &'a str {
    answer.body.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn says(answer: &Answer, words: &[&str]) -> Verdict {
    let said = text_at(answer, "/choices/0/message/content").to_lowercase();
    if words.iter().all(|word| said.contains(word)) { Verdict::Works } else { otherwise("says something else") }
}

fn expect(what: &str, found: &str, expected: &str) -> Verdict {
    if found == expected { Verdict::Works } else { Verdict::Otherwise(format!("{what} is '{found}'")) }
}

/// The calls of an answer: names and arguments.
fn calls(answer: &Answer) -> Vec<(String, Value)> {
    let list = answer.body.pointer("/choices/0/message/tool_calls").and_then(Value::as_array);
    let calls = list.into_iter().flatten().filter_map(|call| {
        let function = call.get("function")?;
        let arguments = serde_json::from_str(function.get("arguments")?.as_str()?).unwrap_or_default();
        Some((function.get("name")?.as_str()?.to_owned(), arguments))
    });
    calls.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;

    fn answer(message: &Value, finish: &str) -> Answer {
        let body = json!({"choices": [{"message": message, "finish_reason": finish}], "usage": {}});
        Answer { body, notices: String::new() }
    }

    fn judge(name: &str, answer: &Answer) -> Verdict {
        (PROBES.iter().find(|probe| probe.name == name).unwrap().judge)(answer)
    }

    #[test]
    fn a_good_answer_works_and_another_one_is_told() {
        let called = |cities: &[&str]| {
            let calls = cities
                .iter()
                .map(|city| json!({"function": {"name": "weather", "arguments": json!({"city": city}).to_string()}}));
            answer(&json!({"tool_calls": calls.collect::<Vec<_>>()}), "tool_calls")
        };
        assert_eq!(judge("tool", &called(&["Paris"])), Verdict::Works);
        assert_eq!(judge("tool", &called(&[])), otherwise("called nothing"));
        assert_eq!(judge("parallel tools", &called(&["Paris", "Rome"])), Verdict::Works);
        assert_eq!(judge("parallel tools", &called(&["Paris"])), otherwise("one call a turn"));
        let said = |text: &str| answer(&json!({"content": text}), "stop");
        assert_eq!(judge("structured output", &said(r#"{"name": "Anna", "age": 31}"#)), Verdict::Works);
        assert_eq!(judge("structured output", &said(r#"{"name": "Anna"}"#)), otherwise("does not keep to the schema"));
        assert_eq!(judge("structured output", &said("Anna, 31")), otherwise("is no JSON"));
        assert_eq!(judge("stop text", &said("1, 2, 3, 4, 5, ")), Verdict::Works);
        assert_eq!(judge("stop text", &said("1, 2, 3, 4, 5, 6, 7")), otherwise("went on past the stop text"));
        assert_eq!(judge("bound on tokens", &said("Once")), otherwise("finish_reason is 'stop'"));
        assert_eq!(judge("image", &said("Red.")), Verdict::Works);
        assert_eq!(judge("reasoning", &said("391")), otherwise("shows no thinking"));
    }

    #[test]
    fn the_square_is_an_image() {
        let bytes = base64::engine::general_purpose::STANDARD.decode(RED.split_once(',').unwrap().1).unwrap();
        assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n") && bytes.ends_with(b"IEND\xaeB`\x82"));
    }
}
