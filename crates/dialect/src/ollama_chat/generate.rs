//! `POST /api/generate`: a conversation of one turn, in other words than Ollama's chat.
//!
//! Specification: <https://github.com/ollama/ollama/blob/main/docs/api.md#generate-a-completion>. What only Ollama can do
//! (bare prompts, templates, tokens of former answers, gaps to fill) has no place in a conversation.

use crate::DecodeError;
use serde_json::{Map, Value, json};

/// Fields that ask for another answer than a conversation gives, and what they may say all the same.
const OWN: [(&str, &str); 3] = [
    ("raw", "false: only Ollama continues a bare prompt"),
    ("suffix", "nothing: only Ollama fills a gap before it"),
    ("context", "nothing: only Ollama goes on from tokens of a former answer"),
];
/// How the prompt is written for the model, where it is said.
const TEMPLATE: &str = "template";

/// The request as one of Ollama's chat.
///
/// # Errors
/// [`DecodeError`] names what a conversation cannot do, and a prompt that is none.
pub fn as_chat(body: Value) -> Result<Value, DecodeError> {
    let Value::Object(mut request) = body else {
        return Err(DecodeError::Value { path: String::new(), expected: "an object" });
    };
    for (field, expected) in OWN {
        if request.shift_remove(field).is_some_and(|value| says_something(&value)) {
            return Err(DecodeError::Value { path: field.to_owned(), expected });
        }
    }
    if request.get(TEMPLATE).is_some_and(|template| !says_something(template)) {
        request.shift_remove(TEMPLATE);
    }
    let system = request.shift_remove("system").filter(says_something);
    let images = request.shift_remove("images").filter(says_something);
    let prompt = match request.shift_remove("prompt") {
        Some(Value::String(prompt)) => prompt,
        None | Some(Value::Null) => String::new(),
        Some(_) => return Err(DecodeError::Value { path: "prompt".to_owned(), expected: "a string" }),
    };
    if prompt.is_empty() && images.is_none() {
        // Without one the model is loaded or let go, which nobody else can be asked for.
        return Err(DecodeError::Missing { path: "prompt".to_owned() });
    }
    let mut messages: Vec<Value> =
        system.map(|system| json!({"role": "system", "content": system})).into_iter().collect();
    let mut user = Map::from_iter([("role".to_owned(), json!("user")), ("content".to_owned(), json!(prompt))]);
    user.extend(images.map(|images| ("images".to_owned(), images)));
    messages.push(Value::Object(user));
    request.insert("messages".to_owned(), Value::Array(messages));
    Ok(Value::Object(request))
}

/// Where a path of the chat stands in the request. `system` says whether instructions stand before the prompt.
pub fn path(path: &str, system: bool) -> String {
    let (instructions, prompt) = if system { ("messages[0]", "messages[1]") } else { ("", "messages[0]") };
    let rest = |turn: &str| path.strip_prefix(turn).filter(|_| !turn.is_empty());
    if let Some(rest) = rest(prompt) {
        return match rest.strip_prefix('.') {
            Some(images) if images.starts_with("images") => images.to_owned(),
            _ => "prompt".to_owned(),
        };
    }
    match rest(instructions) {
        Some(_) => "system".to_owned(),
        None => path.to_owned(),
    }
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(on) => *on,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Number(_) | Value::Object(_) => true,
    }
}

/// An answer of the chat, or a piece of one, as this endpoint tells it.
pub fn told(answer: Value) -> Value {
    let Value::Object(answer) = answer else { return answer };
    let mut told = Map::with_capacity(answer.len() + 1);
    for (key, value) in answer {
        match value {
            Value::Object(mut message) if key == "message" => {
                told.insert("response".to_owned(), message.shift_remove("content").unwrap_or_else(|| json!("")));
                message.shift_remove("role");
                told.extend(message);
            }
            value => {
                told.insert(key, value);
            }
        }
    }
    Value::Object(told)
}

/// An answer of this endpoint, or a piece of one, as the chat tells it.
pub fn read(answer: Value) -> Value {
    let Value::Object(mut answer) = answer else { return answer };
    if let Some(content) = answer.shift_remove("response") {
        let mut message = Map::from_iter([("role".to_owned(), json!("assistant")), ("content".to_owned(), content)]);
        message.extend(answer.shift_remove("thinking").map(|thinking| ("thinking".to_owned(), thinking)));
        answer.insert("message".to_owned(), Value::Object(message));
    }
    Value::Object(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_becomes_a_conversation() {
        let asked = json!({"model": "m", "prompt": "a", "system": "s", "images": ["iVBO"], "options": {"seed": 1}, "raw": false,
            "template": "", "context": [], "suffix": null, "format": "json", "think": true, "stream": false});
        let chat = json!({"model": "m", "options": {"seed": 1}, "format": "json", "think": true, "stream": false, "messages": [
            {"role": "system", "content": "s"}, {"role": "user", "content": "a", "images": ["iVBO"]}]});
        assert_eq!(as_chat(asked).unwrap(), chat);
    }

    #[test]
    fn what_only_ollama_can_do_is_named() {
        for (field, value) in
            [("raw", json!(true)), ("suffix", json!("}")), ("context", json!([1])), ("prompt", json!(1))]
        {
            let mut asked = json!({"model": "m", "prompt": "a"});
            asked[field] = value;
            assert_eq!(as_chat(asked).unwrap_err().path(), Some(field));
        }
        assert_eq!(as_chat(json!({"model": "m"})).unwrap_err().path(), Some("prompt"));
        assert_eq!(as_chat(json!({"prompt": "a", "template": "{{ .Prompt }}"})).unwrap()["template"], "{{ .Prompt }}");
    }

    #[test]
    fn answers_come_back_and_paths_are_those_of_the_request() {
        let answer = json!({"model": "m", "created_at": "t", "response": "a", "thinking": "b", "done": true});
        let chat = read(answer.clone());
        assert_eq!(chat["message"], json!({"role": "assistant", "content": "a", "thinking": "b"}));
        assert_eq!(told(chat), answer);
        assert_eq!(told(json!({"error": "no"})), json!({"error": "no"}));
        for (found, system, expected) in [
            ("messages[0].content", true, "system"),
            ("messages[1].images[0]", true, "images[0]"),
            ("messages[0].images[2]", false, "images[2]"),
            ("messages[0]", false, "prompt"),
            ("options.seed", false, "options.seed"),
        ] {
            assert_eq!(path(found, system), expected);
        }
    }
}
