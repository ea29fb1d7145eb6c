//! Every row of the catalogue: what it says of requests is what leaves, and what it says of answers is what arrives.

use crate::scripted::Script;
use crate::*;
use serde_json::{Map, json};
use switchtower_dialect::services::EmbeddingForm;
use switchtower_dialect::services::openai_embeddings::Elements;
use switchtower_dialect::{StreamUsage, Variant};
use switchtower_domain::{DialectId, DimensionsField, MaxTokensField, RankingForm, StopReason};
use switchtower_providers::{Known, Operation, catalogue};

fn variant(kind: &Known) -> &Variant {
    &kind.interfaces().find(|interface| interface.dialect == DialectId::OpenaiChat).unwrap().variant
}

fn chatting() -> impl Iterator<Item = &'static Known> {
    catalogue().iter().filter(|kind| kind.offers.answers && kind.main.dialect == DialectId::OpenaiChat)
}

fn before(kind: &Known, script: Script) -> (Gateway, ScriptedProvider) {
    gateway_with(script, keyless(), vec![Provider { others: Vec::new(), ..provider(&kind.name, &kind.name) }])
}

async fn sent(kind: &Known, path: &str, mut body: Value) -> (Value, Vec<String>) {
    let (gateway, provider) = before(kind, Script::json(200, CHAT_ANSWER));
    body["model"] = format!("by-{}", kind.name).into();
    let response = gateway.handle(post(path, &body.to_string())).await;
    let notices = response.headers().get("x-switchtower-notices").map_or("", |value| value.to_str().unwrap());
    let paths = notices.split(", ").filter_map(|notice| Some(notice.split_once(';')?.0.to_owned())).collect();
    let bodies = provider.bodies();
    (serde_json::from_str(&bodies[0]).unwrap(), paths)
}

#[tokio::test]
async fn fields_leave_by_the_names_of_each_row_and_not_at_all_where_it_does_not_take_them() {
    for kind in chatting() {
        let variant = variant(kind);
        let mut fields = Map::new();
        for field in variant.forbidden.iter().chain(variant.renamed.keys()) {
            fields.insert(field.clone(), json!(1));
        }
        fields.insert("messages".into(), json!([{"role": "user", "content": "hi"}]));
        let (body, told) = sent(kind, CHAT, Value::Object(fields)).await;
        for field in &variant.forbidden {
            assert!(body.get(field).is_none() && told.contains(field), "{}: {field}: {told:?}", kind.name);
        }
        for (field, to) in &variant.renamed {
            assert!(body.get(field).is_none() && body.get(to).is_some(), "{}: {field} -> {to}", kind.name);
        }
    }
}

#[tokio::test]
async fn a_translated_request_speaks_as_each_row_does() {
    for kind in chatting() {
        let variant = variant(kind);
        let body = json!({"max_tokens": 77, "stream": true, "messages": [{"role": "user", "content": "hi"}]});
        let (body, _) = sent(kind, MESSAGES, body).await;
        let bound = match variant.max_tokens_field {
            Some(MaxTokensField::MaxTokens) => "max_tokens",
            Some(MaxTokensField::MaxCompletionTokens) | None => "max_completion_tokens",
        };
        assert_eq!(body[bound], 77, "{}: {body}", kind.name);
        let asked = variant.stream_usage == StreamUsage::Asked && !variant.forbidden.contains(&"stream_options".into());
        assert_eq!(body["stream_options"]["include_usage"] == true, asked, "{}: {body}", kind.name);
    }
}

#[tokio::test]
async fn roles_are_those_that_each_row_knows() {
    for kind in chatting() {
        let body =
            json!({"messages": [{"role": "developer", "content": "be brief"}, {"role": "user", "content": "hi"}]});
        let (body, _) = sent(kind, CHAT, body).await;
        let role = if variant(kind).developer_role { "developer" } else { "system" };
        assert_eq!(body["messages"][0]["role"], role, "{}", kind.name);
    }
}

#[tokio::test]
async fn answers_are_read_as_each_row_says() {
    for kind in chatting() {
        let variant = variant(kind);
        let words = std::iter::once(("length".to_owned(), StopReason::MaxTokens)).chain(variant.finish_reasons.clone());
        for (word, means) in words {
            let mut usage = json!({"prompt_tokens": 30, "completion_tokens": 5, "total_tokens": 35,
                "completion_tokens_details": {"reasoning_tokens": 3}});
            let cached = variant.cached_tokens_field.as_deref();
            usage.as_object_mut().unwrap().extend(cached.map(|field| (field.to_owned(), json!(8))));
            let answer = json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "usage": usage,
                "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": word}]});
            let (gateway, _) = before(kind, Script::json(200, &answer.to_string()));
            let body = format!(
                r#"{{"model":"by-{}","max_tokens":9,"messages":[{{"role":"user","content":"hi"}}]}}"#,
                kind.name
            );
            let told = json(gateway.handle(post(MESSAGES, &body)).await).await;
            let stop = match means {
                StopReason::MaxTokens => "max_tokens",
                StopReason::EndTurn => "end_turn",
                StopReason::ContentFilter => "refusal",
                other => panic!("{}: {word} means {other:?}", kind.name),
            };
            assert_eq!(told["stop_reason"], stop, "{}: {word}", kind.name);
            let output = if variant.output_excludes_reasoning { 8 } else { 5 };
            assert_eq!(told["usage"]["output_tokens"], output, "{}", kind.name);
            let read = cached.map_or(Value::Null, |_| json!(8));
            assert_eq!(told["usage"].get("cache_read_input_tokens").unwrap_or(&Value::Null), &read, "{}", kind.name);
        }
    }
}

#[tokio::test]
async fn services_are_asked_as_each_row_says() {
    let has = |operation| catalogue().iter().filter(move |kind| kind.offers.operations().any(|one| one == operation));
    // The other form is held by the tests of its vendor.
    let usual = |kind: &&Known| kind.offers.embeddings.form == EmbeddingForm::Openai;
    for kind in has(Operation::Embeddings).filter(usual) {
        let variant = &kind.offers.embeddings;
        let mut body = json!({"input": ["a"], "dimensions": 2, "encoding_format": "float"});
        for field in &variant.forbidden {
            body[field] = if field == "truncation" { json!(true) } else { json!("x") };
        }
        let vector = if variant.elements == Elements::Int8 { json!("AQI=") } else { json!([1, 2]) };
        let answer = json!({"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": vector}]});
        let (gateway, provider) = before(kind, Script::json(200, &answer.to_string()));
        body["model"] = format!("by-{}", kind.name).into();
        let told = json(gateway.handle(post("/v1/embeddings", &body.to_string())).await).await;
        assert_eq!(told["data"][0]["embedding"], json!([1, 2]), "{}: {told}", kind.name);
        let left: Value = serde_json::from_str(&provider.bodies()[0]).unwrap();
        let output = variant.dimensions_field == Some(DimensionsField::OutputDimension);
        assert_eq!(left[if output { "output_dimension" } else { "dimensions" }], 2, "{}", kind.name);
        assert!(variant.forbidden.iter().all(|field| left.get(field).is_none()), "{}: {left}", kind.name);
        assert_eq!(left.get("encoding_format").is_some(), variant.floats && variant.float_word, "{}", kind.name);
    }
    for kind in has(Operation::Rerank) {
        let data = kind.offers.rerank.form == Some(RankingForm::Data);
        let list = if data { "data" } else { "results" };
        let answer = json!({list: [{"index": 0, "relevance_score": 1}]}).to_string();
        let (gateway, provider) = before(kind, Script::json(200, &answer));
        let body = json!({"model": format!("by-{}", kind.name), "query": "q", "documents": ["a"], "top_n": 1});
        let told = json(gateway.handle(post("/v1/rerank", &body.to_string())).await).await;
        assert_eq!(told["results"][0]["index"], 0, "{}: {told}", kind.name);
        let left: Value = serde_json::from_str(&provider.bodies()[0]).unwrap();
        assert_eq!(left[if data { "top_k" } else { "top_n" }], 1, "{}", kind.name);
    }
}

#[test]
fn every_service_of_every_row_has_an_address() {
    for kind in catalogue() {
        let base = kind.base_url.as_deref().unwrap_or("https://own.example/v1");
        let base = &base.replace("${region}", "r").replace("${project}", "p");
        let name = ProviderName::new(kind.name.clone()).unwrap();
        let provider = Provider::of_kind(name, kind, base, Credential::None).unwrap();
        let model = ModelName::new("m").unwrap();
        for operation in kind.offers.operations().filter(|operation| *operation != Operation::Answer) {
            let address = provider.offers.address(operation, &model);
            assert!(address.is_some_and(|address| address.scheme_str() == Some("https")), "{}: {operation}", kind.name);
        }
    }
}
