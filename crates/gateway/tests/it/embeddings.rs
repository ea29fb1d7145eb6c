//! Embeddings in every form: a client of any reaches a provider of any.

use crate::scripted::Script;
use crate::*;
use serde_json::json;

/// Where each form is asked for, of a deployment.
fn asked(by: &str) -> Vec<(String, Value)> {
    vec![
        ("/v1/embeddings".to_owned(), json!({"model": by, "input": "a"})),
        ("/v2/embed".to_owned(), json!({"model": by, "texts": ["a"], "input_type": "search_query"})),
        ("/v1/embed".to_owned(), json!({"model": by, "texts": ["a"], "input_type": "search_query"})),
        (format!("/v1beta/models/{by}:embedContent"), json!({"content": {"parts": [{"text": "a"}]}})),
        (
            format!("/v1beta/models/{by}:batchEmbedContents"),
            json!({"requests": [{"model": format!("models/{by}"), "content": {"parts": [{"text": "a"}]}}]}),
        ),
        (
            format!("/v1/projects/p/locations/l/publishers/google/models/{by}:predict"),
            json!({"instances": [{"content": "a"}]}),
        ),
        ("/api/embed".to_owned(), json!({"model": by, "input": "a"})),
        ("/api/embeddings".to_owned(), json!({"model": by, "prompt": "a"})),
    ]
}

fn ollama() -> Provider {
    let known = switchtower_providers::ollama::unlisted();
    let name = ProviderName::new("own-ollama").unwrap();
    Provider::of_kind(name, &known, "http://ollama.example:11434", Credential::None).unwrap()
}

/// What a client of each form reads of one vector.
fn vector_in(body: &Value) -> &Value {
    let places = [
        "/data/0/embedding",
        "/embeddings/float/0",
        "/embedding/values",
        "/embeddings/0/values",
        "/predictions/0/embeddings/values",
        "/embeddings/0",
        "/embedding",
    ];
    places.iter().find_map(|place| body.pointer(place)).unwrap()
}

#[tokio::test]
async fn a_client_of_any_form_reaches_a_provider_of_any() {
    let answers = [
        (
            "chat-vendor",
            "chat",
            json!({"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], "model": "e", "usage": {"prompt_tokens": 3, "total_tokens": 3}}),
        ),
        (
            "cohere",
            "by-cohere",
            json!({"id": "e", "embeddings": {"float": [[0.5]]}, "response_type": "embeddings_by_type"}),
        ),
        ("google", "by-google", json!({"embeddings": [{"values": [0.5]}]})),
        ("google_vertex", "by-google_vertex", json!({"predictions": [{"embeddings": {"values": [0.5]}}]})),
        ("own-ollama", "by-own-ollama", json!({"model": "m", "embeddings": [[0.5]]})),
    ];
    for (vendor, by, answer) in answers {
        let others = vec![
            provider("cohere", "cohere"),
            provider("google", "google"),
            provider("google_vertex", "google_vertex"),
            ollama(),
        ];
        let (gateway, sent) = gateway_with(Script::json(200, &answer.to_string()), keyless(), others);
        for (path, body) in asked(by) {
            // Where the provider takes the caller's own form it answers in that one, which this script does not.
            let single = path.ends_with(":embedContent") && vendor == "google"
                || path == "/api/embeddings" && vendor == "own-ollama";
            let first = path == "/v1/embed" && vendor == "cohere";
            if single || first {
                continue;
            }
            let response = gateway.handle(post(&path, &body.to_string())).await;
            assert_eq!(response.status(), 200, "{path} at {vendor}");
            let told = json(response).await;
            assert_eq!(vector_in(&told), &json!([0.5]), "{path} at {vendor}: {told}");
            let sent = sent.bodies().last().unwrap().clone();
            assert!(sent.contains(r#""a""#), "{path} at {vendor}: {sent}");
        }
    }
}

#[tokio::test]
async fn what_is_asked_in_a_form_that_the_provider_takes_is_forwarded_to_where_it_takes_it() {
    let (gateway, sent) = gateway_with(
        Script::json(200, r#"{"embedding":{"values":[1]},"x":1e2}"#),
        keyless(),
        vec![provider("google", "google"), provider("ollama", "ollama"), provider("cohere", "cohere")],
    );
    let body = r#"{ "content": {"parts":[{"text":"a"},{"text":"b"}]}, "taskType":"CLUSTERING", "later": 1e0 }"#;
    let told = gateway.handle(post("/v1beta/models/by-google:embedContent", body)).await;
    assert_eq!(text(told).await, r#"{"embedding":{"values":[1]},"x":1e2}"#);
    assert_eq!(sent.bodies(), [body]);
    assert_eq!(sent.addresses(), ["https://google.example/v1/models/m:embedContent"]);
    // The requests of a batch name the model once more.
    let batch = r#"{"requests":[{"model":"models/by-google","content":{"parts":[{"text":"a"}]},"title":"t"}]}"#;
    gateway.handle(post("/v1beta/models/by-google:batchEmbedContents", batch)).await;
    assert_eq!(sent.bodies()[1], batch.replace("by-google", "m"));
    for (path, body, address) in [
        (
            "/api/embeddings",
            r#"{"model":"by-ollama","prompt":"a","options":{}}"#,
            "https://ollama.example/api/embeddings",
        ),
        ("/api/embed", r#"{"model":"by-ollama","input":["a"],"keep_alive":0}"#, "https://ollama.example/api/embed"),
        ("/v1/embed", r#"{"model":"by-cohere","texts":["a"],"truncate":null}"#, "https://cohere.example/v1/embed"),
        ("/cohere/v1/embed", r#"{"model":"by-cohere","texts":["a"]}"#, "https://cohere.example/v1/embed"),
    ] {
        gateway.handle(post(path, body)).await;
        let name = if body.contains("by-ollama") { "by-ollama" } else { "by-cohere" };
        assert_eq!(sent.bodies().last().unwrap(), &body.replace(name, "m"), "{path}");
        assert_eq!(sent.addresses().last().unwrap(), address);
    }
}

#[tokio::test]
async fn what_a_form_cannot_say_is_told_or_refused_by_name() {
    let answer = r#"{"embeddings":[{"values":[0.5]}]}"#;
    let (gateway, sent) =
        gateway_with(Script::json(200, answer), keyless(), vec![provider("google", "google"), ollama()]);
    let body = r#"{"model":"by-google","input":["a"],"user":"u","encoding_format":"base64","dimensions":1}"#;
    let response = gateway.handle(post("/v1/embeddings", body)).await;
    assert_eq!(response.headers()["x-switchtower-notices"], "user;hint, answer.usage;hint");
    let told = json(response).await;
    assert_eq!(told["data"][0]["embedding"], "AAAAPw==");
    // Gemini's first model does not count, and this client reads a count without asking whether it is there.
    assert_eq!(told["usage"], json!({"prompt_tokens": 1, "total_tokens": 1}));
    let expected = r#"{"requests":[{"model":"models/m","content":{"parts":[{"text":"a"}]},"outputDimensionality":1}]}"#;
    assert_eq!(sent.bodies(), [expected]);
    for (path, body, param) in [
        ("/v1/embeddings", r#"{"model":"by-google","input":[[1,2]]}"#, "input[0]"),
        ("/v2/embed", r#"{"model":"by-google","images":["data:"],"input_type":"image"}"#, "images"),
        ("/v1/embeddings", r#"{"model":"by-google","input":"a","encoding_format":"base64_int8"}"#, "encoding_format"),
    ] {
        let refused = gateway.handle(post(path, body)).await;
        assert_eq!(refused.status(), 400, "{body}");
        assert!(text(refused).await.contains(param), "{body}");
    }
    // What makes images at Vertex AI is no embedding.
    let image = gateway
        .handle(post(
            "/v1/projects/p/locations/l/publishers/google/models/by-google:predict",
            r#"{"instances":[{"prompt":"a"}]}"#,
        ))
        .await;
    assert_eq!(image.status(), 400);
    assert_eq!(sent.bodies().len(), 1);
    // A use that the provider has no word for is told, and refused where the caller is strict.
    let body = r#"{"model":"by-own-ollama","texts":["a"],"input_type":"search_query"}"#;
    let told = gateway.handle(post("/v2/embed", body)).await;
    assert_eq!(told.status(), 502);
    let strict = with(post("/v2/embed", body), "x-switchtower-strict", "true");
    assert_eq!(gateway.handle(strict).await.status(), 400);
}

#[tokio::test]
async fn a_long_list_is_asked_for_in_pieces_of_the_providers_size() {
    let mut vertex = provider("vertex", "google_vertex");
    vertex.models = vec![ModelName::new("gemini-embedding-001").unwrap()];
    let (gateway, sent) = gateway_with(
        Script::json(200, r#"{"predictions":[{"embeddings":{"values":[0.5],"statistics":{"token_count":2}}}]}"#),
        keyless(),
        vec![vertex],
    );
    let body = json!({"model": "vertex/gemini-embedding-001", "input": ["a", "b", "c"]}).to_string();
    let told = json(gateway.handle(post("/v1/embeddings", &body)).await).await;
    assert_eq!((told["data"].as_array().unwrap().len(), &told["usage"]["prompt_tokens"]), (3, &json!(6)));
    let mut bodies = sent.bodies();
    bodies.sort();
    assert_eq!(bodies[2], r#"{"instances":[{"content":"c"}]}"#);
}

#[tokio::test]
async fn a_refusal_is_in_the_clients_own_form() {
    let (gateway, _) = gateway_with(
        Script::json(404, r#"{"error":{"code":404,"message":"gone","status":"NOT_FOUND"}}"#),
        keyless(),
        vec![provider("google", "google"), provider("groq", "groq")],
    );
    let google = json(
        gateway.handle(post("/v1beta/models/by-groq:embedContent", r#"{"content":{"parts":[{"text":"a"}]}}"#)).await,
    )
    .await;
    assert!(
        google["error"]["message"].as_str().unwrap().contains("these providers have: chat-vendor, google"),
        "{google}"
    );
    let failed = json(gateway.handle(post("/api/embed", r#"{"model":"by-google","input":"a"}"#)).await).await;
    assert!(failed["error"].as_str().unwrap().contains("gone"), "{failed}");
    let streamed = gateway.handle(post("/api/embed", r#"{"model":"by-google","input":"a","stream":true}"#)).await;
    assert_eq!(streamed.status(), 400);
}
