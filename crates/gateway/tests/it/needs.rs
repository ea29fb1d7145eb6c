//! What a request needs and its model cannot do is refused by name, before anybody is asked.

use crate::scripted::Script;
use crate::*;
use serde_json::json;
use switchtower_catalogue::{Modality, ModelFacts, Serves};

const RESPONSES: &str = "/v1/responses";

/// A model that can do nothing but talk, at a provider of a kind.
fn plain(kind: &str) -> Deployment {
    let provider = Arc::new(provider("vendor", kind));
    let deployment =
        Deployment::new(DeploymentName::new("plain").unwrap(), provider, ModelName::new("plain-1").unwrap());
    let facts = ModelFacts {
        serves: Some(Serves::Answers),
        input: Modality::ALL.into_iter().map(|modality| (modality, modality == Modality::Text)).collect(),
        tools: Some(false),
        parallel_tools: Some(false),
        structured_output: Some(false),
        reasoning: Some(false),
        output_tokens_max: Some(100),
        source: "the vendor's page".to_owned(),
        date: "2026-11-21".to_owned(),
        ..ModelFacts::default()
    };
    deployment.knowing(Some(Arc::new(facts)))
}

fn serving(deployment: Deployment) -> (Gateway, ScriptedProvider) {
    let provider = ScriptedProvider::new(Script::json(200, CHAT_ANSWER));
    let directory = Directory::new(Vec::new(), vec![deployment], Vec::new()).unwrap();
    (gateway_of(keyless(), directory, &provider), provider)
}

/// Asks for a plain answer with something more, and tells what is refused.
async fn refused(path: &str, more: &Value) -> Option<(String, String)> {
    let mut bodies = Vec::new();
    for kind in ["openai", "anthropic"] {
        let (gateway, provider) = serving(plain(kind));
        let mut body = if path == RESPONSES {
            json!({"model": "plain", "input": "hi", "store": false})
        } else {
            json!({"model": "plain", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 9})
        };
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let response = gateway.handle(post(path, &body.to_string())).await;
        let status = response.status();
        let answer = json(response).await;
        let code = answer["error"]["code"].as_str().unwrap_or_default();
        if status == 400 && answer.to_string().contains("deployment 'plain'") {
            assert!(path == MESSAGES || code == "capability_missing", "{answer}");
            assert!(provider.bodies().is_empty(), "nobody was asked");
            let param = answer["error"]["param"].as_str().unwrap_or_default().to_owned();
            bodies.push(Some((param, answer["error"]["message"].as_str().unwrap().to_owned())));
        } else {
            assert_eq!(provider.bodies().len(), 1, "{answer}");
            bodies.push(None);
        }
    }
    assert_eq!(bodies[0], bodies[1], "forwarded and translated alike");
    bodies.remove(0)
}

#[tokio::test]
async fn each_need_is_refused_by_name_in_each_dialect() {
    let tool = json!({"type": "function", "name": "f", "parameters": {"type": "object"}});
    let schema = json!({"type": "object", "properties": {}, "required": [], "additionalProperties": false});
    let user = |content: Value| json!([{"role": "user", "content": content}]);
    let picture = "data:image/png;base64,iVBORw0KGgo=";
    let pdf = "data:application/pdf;base64,JVBERi0=";
    let cases = [
        (CHAT, json!({"tools": [{"type": "function", "function": {"name": "f"}}]}), "tools", "calls no tools"),
        (
            CHAT,
            json!({"response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}}}),
            "response_format",
            "keeps to no schema",
        ),
        (CHAT, json!({"reasoning_effort": "low"}), "reasoning_effort", "does not think"),
        (CHAT, json!({"max_tokens": 101}), "max_tokens", "gives at most 100 tokens, and 101 are asked for"),
        (
            CHAT,
            json!({"max_tokens": null, "max_completion_tokens": 101}),
            "max_completion_tokens",
            "at most 100 tokens",
        ),
        (
            CHAT,
            json!({"messages": user(json!([{"type": "text", "text": "see"}, {"type": "image_url", "image_url": {"url": picture}}]))}),
            "messages[0].content[1]",
            "takes no images",
        ),
        (
            CHAT,
            json!({"messages": user(json!([{"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}]))}),
            "messages[0].content[0]",
            "takes no sound",
        ),
        (
            CHAT,
            json!({"messages": user(json!([{"type": "file", "file": {"filename": "a.pdf", "file_data": pdf}}]))}),
            "messages[0].content[0]",
            "takes no documents",
        ),
        (RESPONSES, json!({"tools": [tool]}), "tools", "calls no tools"),
        (
            RESPONSES,
            json!({"text": {"format": {"type": "json_schema", "name": "s", "schema": schema}}}),
            "text.format",
            "keeps to no schema",
        ),
        (RESPONSES, json!({"reasoning": {"effort": "high"}}), "reasoning.effort", "does not think"),
        (RESPONSES, json!({"max_output_tokens": 101}), "max_output_tokens", "at most 100 tokens"),
        (
            RESPONSES,
            json!({"input": user(json!([{"type": "input_image", "image_url": picture}]))}),
            "input[0].content[0]",
            "takes no images",
        ),
        (MESSAGES, json!({"tools": [{"name": "f", "input_schema": {"type": "object"}}]}), "", "calls no tools"),
        (MESSAGES, json!({"thinking": {"type": "enabled", "budget_tokens": 1024}}), "", "does not think"),
        (
            MESSAGES,
            json!({"messages": user(json!([{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}]))}),
            "",
            "takes no images",
        ),
        (
            MESSAGES,
            json!({"messages": user(json!([{"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}}]))}),
            "",
            "takes no documents",
        ),
    ];
    for (path, more, param, needs) in cases {
        let (at, message) = refused(path, &more).await.unwrap_or_else(|| panic!("{path} {more}"));
        assert!(message.contains(needs), "{message}");
        assert!(message.contains("the vendor's page, 2026-11-21"), "{message}");
        assert_eq!(at, param, "{message}");
    }
}

#[tokio::test]
async fn what_needs_nothing_more_is_asked() {
    let cases = [
        (CHAT, json!({})),
        (CHAT, json!({"max_tokens": 100})),
        (CHAT, json!({"tools": []})),
        (CHAT, json!({"reasoning_effort": "none"})),
        (CHAT, json!({"messages": [{"role": "user", "content": "say \"tools\", \"image_url\" and \"json_schema\""}]})),
        (MESSAGES, json!({"thinking": {"type": "disabled"}})),
        (
            MESSAGES,
            json!({"messages": [{"role": "user", "content": [{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}}]}]}),
        ),
        (RESPONSES, json!({"text": {"format": {"type": "text"}}})),
    ];
    for (path, more) in cases {
        assert_eq!(refused(path, &more).await, None, "{path} {more}");
    }
}

#[tokio::test]
async fn a_model_is_asked_only_for_what_it_gives() {
    let of = |serves| {
        let mut deployment = plain("openai");
        deployment.facts = Some(Arc::new(ModelFacts { serves, ..ModelFacts::default() }));
        deployment
    };
    let asked = [(CHAT, CHAT_REQUEST), ("/v1/embeddings", r#"{"model":"smart","input":"a"}"#)];
    for (serves, expected) in [(Serves::Answers, [200, 400]), (Serves::Embeddings, [400, 200])] {
        let (gateway, _) = serving(of(Some(serves)));
        for ((path, body), expected) in asked.into_iter().zip(expected) {
            let response = gateway.handle(post(path, &body.replace("smart", "plain"))).await;
            assert_eq!(response.status(), expected, "{path} of {serves:?}");
        }
    }
    let (gateway, _) = serving(of(None));
    for (path, body) in asked {
        let response = gateway.handle(post(path, &body.replace("smart", "plain"))).await;
        assert_eq!(response.status(), 200, "unmeasured is not no");
    }
}

#[tokio::test]
async fn listings_show_the_facts() {
    let (gateway, _) = serving(plain("openai"));
    let get = |path: &str| Request::get(path).header("host", "localhost:8080").body(Full::default()).unwrap();
    let list = json(gateway.handle(get("/v1/models")).await).await;
    assert_eq!(list["data"][0]["facts"]["tools"], false);
    assert_eq!(list["data"][0]["facts"]["input"]["image"], false);
    let one = json(gateway.handle(with_version(get("/v1/models/plain"))).await).await;
    assert_eq!((&one["type"], &one["facts"]["source"]), (&json!("model"), &json!("the vendor's page")));
}

fn with_version(request: Request<Full<bytes::Bytes>>) -> Request<Full<bytes::Bytes>> {
    with(request, "anthropic-version", "2023-06-01")
}
