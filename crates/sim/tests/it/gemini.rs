//! The Gemini API.

use crate::client::{Answer, Provider};
use serde_json::{Value, json};
use switchtower_sim::Settings;

const MODEL: &str = "/v1beta/models/sim-1";
const VERTEX: &str = "/v1/projects/p/locations/global/publishers/google/models/sim-1";

async fn called(provider: &Provider, method: &str, body: &Value) -> Answer {
    provider.post(&format!("{MODEL}:{method}"), &body.to_string()).await
}

async fn asked(body: Value) -> Answer {
    called(&Provider::start(Settings::default()).await, "generateContent", &body).await
}

async fn streamed(body: Value) -> Answer {
    called(&Provider::start(Settings::default()).await, "streamGenerateContent?alt=sse", &body).await
}

fn plain(text: &str) -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": text}]}]})
}

fn weather() -> Value {
    let parameters = json!({"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]});
    json!([{"functionDeclarations": [{"name": "get_weather", "parameters": parameters}]}])
}

fn thinking(mut body: Value, config: Value) -> Value {
    body["generationConfig"]["thinkingConfig"] = config;
    body
}

/// The parts that chunks add up to: texts of one kind are joined, an empty text leaves its signature to the one before.
fn collected(chunks: &[Value]) -> Vec<Value> {
    let mut parts: Vec<Value> = Vec::new();
    for part in chunks.iter().flat_map(|chunk| chunk["candidates"][0]["content"]["parts"].as_array().unwrap()) {
        let last = parts.last_mut().filter(|last| last["text"].is_string() && last["thought"] == part["thought"]);
        match (last, part["text"].as_str()) {
            (Some(last), Some(text)) => {
                last["text"] = format!("{}{text}", last["text"].as_str().unwrap()).into();
                if let Some(signature) = part.get("thoughtSignature") {
                    last["thoughtSignature"] = signature.clone();
                }
            }
            _ => parts.push(part.clone()),
        }
    }
    parts
}

#[tokio::test]
async fn whole_and_streamed_say_the_same() {
    for text in ["hello", "explain the weather in Paris and Rome"] {
        for shown in [true, false] {
            let mut body = thinking(plain(text), json!({"thinkingBudget": 2048, "includeThoughts": shown}));
            body["tools"] = weather();
            let whole = asked(body.clone()).await.json();
            let answer = streamed(body).await;
            assert!(answer.text().starts_with("data: {") && answer.text().ends_with("}\r\n\r\n"));
            let chunks = answer.events();
            let candidate = &whole["candidates"][0];
            assert_eq!(json!(collected(&chunks)), candidate["content"]["parts"]);
            let (last, before) = chunks.split_last().unwrap();
            assert!(before.iter().all(|chunk| chunk["candidates"][0].get("finishReason").is_none()));
            assert_eq!(last["candidates"][0]["finishReason"], candidate["finishReason"]);
            assert_eq!((&last["usageMetadata"], &last["responseId"]), (&whole["usageMetadata"], &whole["responseId"]));
            let thought = candidate["content"]["parts"][0]["thought"] == true;
            assert_eq!(thought, shown);
            assert!(candidate["content"].to_string().contains("thoughtSignature"));
        }
    }
}

#[tokio::test]
async fn an_array_holds_the_same_chunks_as_events() {
    let provider = Provider::start(Settings::default()).await;
    let events = called(&provider, "streamGenerateContent?alt=sse", &plain("hello")).await;
    let array = called(&provider, "streamGenerateContent", &plain("hello")).await;
    assert_eq!(events.headers["content-type"], "text/event-stream; charset=utf-8");
    assert_eq!(array.headers["content-type"], "application/json; charset=UTF-8");
    assert_eq!(array.json(), json!(events.events()));
    assert!(events.events().len() > 3);
    let refused = called(&provider, "streamGenerateContent", &json!({})).await;
    assert_eq!((refused.status, refused.json()[0]["error"]["code"].as_u64()), (400, Some(400)));
}

#[tokio::test]
async fn usage_adds_up() {
    let body = thinking(plain("hello"), json!({"thinkingLevel": "low"}));
    let answer = asked(body.clone()).await.json();
    let usage = &answer["usageMetadata"];
    let count = |name: &str| usage[name].as_u64().unwrap();
    assert_eq!(count("thoughtsTokenCount"), 16);
    let sum = count("promptTokenCount") + count("candidatesTokenCount") + count("thoughtsTokenCount");
    assert_eq!(count("totalTokenCount"), sum);
    assert_eq!((answer["modelVersion"].as_str(), answer["responseId"].as_str().unwrap().len()), (Some("sim-1"), 23));
    let provider = Provider::start(Settings::default()).await;
    let counted = called(&provider, "countTokens", &plain("hello")).await.json();
    assert_eq!(counted["totalTokens"], usage["promptTokenCount"]);
    let mut inner = body;
    inner["model"] = "models/sim-1".into();
    let counted = called(&provider, "countTokens", &json!({"generateContentRequest": inner})).await.json();
    assert_eq!(counted["totalTokens"], usage["promptTokenCount"]);
    let long = plain(&"word ".repeat(1_500));
    assert!(
        called(&provider, "generateContent", &long).await.json()["usageMetadata"]["cachedContentTokenCount"].is_null()
    );
    let again = called(&provider, "generateContent", &long).await.json();
    assert_eq!(again["usageMetadata"]["cachedContentTokenCount"], 1_408);
}

fn with_history(body: &Value, model: &Value, results: &Value) -> Value {
    let mut body = body.clone();
    let contents = body["contents"].as_array_mut().unwrap();
    contents.push(json!({"role": "model", "parts": model}));
    contents.push(json!({"role": "user", "parts": results}));
    body
}

#[tokio::test]
async fn the_function_loop_closes_and_signatures_are_checked() {
    let provider = Provider::start(Settings::default()).await;
    let mut body = thinking(plain("How is the weather in Paris and Rome?"), json!({"includeThoughts": true}));
    body["tools"] = weather();
    let first = called(&provider, "generateContent", &body).await.json();
    let candidate = &first["candidates"][0];
    assert_eq!((candidate["finishReason"].as_str(), candidate["finishMessage"].is_string()), (Some("STOP"), true));
    let parts = candidate["content"]["parts"].as_array().unwrap().clone();
    assert_eq!(parts.len(), 3);
    assert!(parts[1]["thoughtSignature"].is_string() && parts[2].get("thoughtSignature").is_none());
    let cities = [&parts[1]["functionCall"]["args"], &parts[2]["functionCall"]["args"]];
    assert_eq!(cities, [&json!({"city": "Paris"}), &json!({"city": "Rome"})]);
    let result = |at: usize, said: &str| json!({"functionResponse": {"name": "get_weather", "id": parts[at]["functionCall"]["id"], "response": {"result": said}}});
    let results = json!([result(1, "21 degrees"), result(2, "25 degrees")]);
    let done = called(&provider, "generateContent", &with_history(&body, &json!(parts), &results)).await.json();
    assert!(done["candidates"][0].to_string().contains("21 degrees; 25 degrees"), "{done}");

    // The other alphabet of base64, the other spelling of names, and the word for no signature do as well.
    let mut other = parts.clone();
    let signature = other[1]["thoughtSignature"].take().as_str().unwrap().replace('+', "-").replace('/', "_");
    other[1].as_object_mut().unwrap().shift_remove("thoughtSignature");
    let mut unsigned = other.clone();
    other[1]["thought_signature"] = signature.trim_end_matches('=').into();
    unsigned[1]["thoughtSignature"] = "skip_thought_signature_validator".into();
    for model in [other.clone(), unsigned.clone()] {
        let answer = called(&provider, "generateContent", &with_history(&body, &json!(model), &results)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    // Chunks of a stream may come back as contents of their own; results come in one.
    let mut pieces = body.clone();
    let contents = pieces["contents"].as_array_mut().unwrap();
    contents.extend(parts.iter().map(|part| json!({"role": "model", "parts": [part]})));
    let mut split = pieces.clone();
    pieces["contents"].as_array_mut().unwrap().push(json!({"role": "user", "parts": results}));
    assert_eq!(called(&provider, "generateContent", &pieces).await.status, 200);
    let answered = [1, 2].map(|at| json!({"role": "user", "parts": [result(at, "a")]}));
    split["contents"].as_array_mut().unwrap().extend(answered);
    assert_eq!(called(&provider, "generateContent", &split).await.status, 400);

    let refused = async |model: Value, results: Value| {
        let answer = called(&provider, "generateContent", &with_history(&body, &model, &results)).await;
        assert_eq!(answer.status, 400);
        answer.json()["error"]["message"].as_str().unwrap().to_owned()
    };
    unsigned[1]["thoughtSignature"] = "AAAA".into();
    assert_eq!(refused(json!(unsigned), results.clone()).await, "Corrupted thought signature.");
    unsigned[1].as_object_mut().unwrap().shift_remove("thoughtSignature");
    assert!(refused(json!(unsigned), results.clone()).await.contains("missing a thought_signature"));
    assert!(refused(json!(parts), json!([result(1, "a")])).await.contains("number of function response parts"));
    assert!(refused(json!(parts), json!([{"text": "and?"}])).await.contains("number of function response parts"));
    assert!(refused(json!([{"text": "hm"}]), results.clone()).await.contains("immediately after a function call turn"));
    let mut stray = results;
    stray[0]["functionResponse"]["name"] = "other".into();
    assert!(refused(json!(parts), stray).await.contains("`other`"));
}

#[tokio::test]
async fn models_of_an_earlier_generation_give_no_ids() {
    let provider = Provider::start(Settings::default()).await;
    let mut body = plain("weather");
    body["tools"] = weather();
    let call = async |model: &str| {
        let answer = provider.post(&format!("/v1beta/models/{model}:generateContent"), &body.to_string()).await;
        answer.json()["candidates"][0]["content"]["parts"][0]["functionCall"].clone()
    };
    assert!(call("sim-1").await["id"].is_string());
    assert!(call("sim-1-mini").await["id"].is_null());
}

#[tokio::test]
async fn structured_output_fits() {
    let own = json!({"type": "OBJECT", "properties": {"score": {"type": "INTEGER", "minimum": 3, "maximum": 5}}, "required": ["score"]});
    let standard = json!({"type": "object", "properties": {"score": {"type": "integer", "minimum": 3, "maximum": 5}}, "required": ["score"]});
    for (name, schema) in [("responseSchema", own), ("response_json_schema", standard.clone())] {
        let mut body = plain("rate it");
        body["generationConfig"] = json!({"responseMimeType": "application/json", name: schema});
        let answer = asked(body).await.json();
        let text = answer["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap();
        jsonschema::validate(&standard, &serde_json::from_str(text).unwrap()).unwrap();
    }
    let mut body = plain("which?");
    body["generationConfig"] =
        json!({"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING", "enum": ["red"]}});
    assert_eq!(asked(body).await.json()["candidates"][0]["content"]["parts"][0]["text"], "red");
}

#[tokio::test]
async fn limits_stops_candidates_and_logprobs() {
    let ask = async |text: &str, config: Value| {
        let mut body = plain(text);
        body["generationConfig"] = config;
        let whole = asked(body.clone()).await.json();
        let chunks = streamed(body).await.events();
        assert_eq!(chunks.last().unwrap()["usageMetadata"], whole["usageMetadata"]);
        whole
    };
    let short = ask("hi", json!({"maxOutputTokens": 3})).await;
    assert_eq!(short["candidates"][0]["finishReason"], "MAX_TOKENS");
    assert_eq!(short["usageMetadata"]["candidatesTokenCount"], 3);
    let nothing = ask("hi", json!({"maxOutputTokens": 5, "thinkingConfig": {"thinkingBudget": 1024}})).await;
    assert_eq!(nothing["usageMetadata"]["thoughtsTokenCount"], 5);
    assert_eq!(nothing["candidates"][0]["content"], json!({"role": "model"}));
    let stopped = ask("echo: one STOP two", json!({"stopSequences": ["STOP"]})).await;
    assert_eq!(stopped["candidates"][0]["content"]["parts"][0]["text"], "one ");
    let several = ask("hi", json!({"candidateCount": 2})).await;
    assert_eq!(several["candidates"].as_array().unwrap().len(), 2);
    assert_ne!(several["candidates"][0]["content"], several["candidates"][1]["content"]);
    let certain = ask("hi", json!({"responseLogprobs": true, "logprobs": 2, "maxOutputTokens": 4})).await;
    let told = &certain["candidates"][0]["logprobsResult"];
    assert_eq!(told["chosenCandidates"].as_array().unwrap().len(), 4);
    assert_eq!(told["topCandidates"][0]["candidates"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_prompt_may_be_blocked() {
    let whole = asked(plain("say what is prohibited")).await;
    let told = whole.json();
    assert_eq!(whole.status, 200);
    assert_eq!(told["promptFeedback"]["blockReason"], "PROHIBITED_CONTENT");
    assert!(told.get("candidates").is_none());
    assert_eq!(streamed(plain("say what is prohibited")).await.events(), [told]);
}

#[tokio::test]
async fn media_are_checked() {
    let with = |part: Value| json!({"contents": [{"parts": [{"text": "echo: seen"}, part]}]});
    for part in [
        json!({"inlineData": {"mimeType": "image/png", "data": "AAAA"}}),
        json!({"inline_data": {"mime_type": "application/pdf", "data": "-_8"}}),
        json!({"fileData": {"mimeType": "image/jpeg", "fileUri": "https://example.com/a.jpg"}}),
        json!({"fileData": {"fileUri": "gs://bucket/a.mp4", "mimeType": "video/mp4"}}),
    ] {
        let answer = asked(with(part)).await;
        assert_eq!(answer.json()["candidates"][0]["content"]["parts"][0]["text"], "seen");
    }
    for (part, message) in [
        (
            json!({"inlineData": {"mimeType": "image/png", "data": "$"}}),
            "Invalid value at 'contents[0].parts[1].inline_data.data' (TYPE_BYTES)",
        ),
        (json!({"inlineData": {"mimeType": "image/gif", "data": "AAAA"}}), "Unsupported MIME type: image/gif"),
        (
            json!({"inlineData": {"data": "AAAA"}}),
            "* GenerateContentRequest.contents[0].parts[1].inline_data.mime_type",
        ),
        (json!({"fileData": {"fileUri": "ftp://x"}}), "Unsupported file uri"),
    ] {
        let answer = asked(with(part)).await;
        assert_eq!(answer.status, 400);
        assert!(answer.json()["error"]["message"].as_str().unwrap().starts_with(message), "{}", answer.text());
    }
}

#[tokio::test]
async fn mistakes_are_refused_in_the_words_of_the_vendor() {
    let provider = Provider::start(Settings::default()).await;
    let tool = |function: Value| json!({"tools": [{"functionDeclarations": [function]}]});
    let wrong = [
        (json!({"contents": null}), "* GenerateContentRequest.contents: contents is not specified\n"),
        (json!({"contents": [{"parts": []}]}), "* GenerateContentRequest.contents[0].parts: "),
        (json!({"contents": [{"role": "system", "parts": [{"text": "a"}]}]}), "Please use a valid role: user, model."),
        (json!({"colour": 1}), "Invalid JSON payload received. Unknown name \"colour\": Cannot find field."),
        (
            json!({"generationConfig": {"x": 1}}),
            "Invalid JSON payload received. Unknown name \"x\" at 'generation_config': Cannot find field.",
        ),
        (json!({"generation_config": {"temperature": 3}}), "* GenerateContentRequest.generation_config.temperature: "),
        (
            json!({"generationConfig": {"responseSchema": {"type": "STRING"}}}),
            "* GenerateContentRequest.generation_config.response_mime_type: ",
        ),
        (
            json!({"generationConfig": {"thinkingConfig": {"thinkingBudget": 1, "thinkingLevel": "LOW"}}}),
            "You can only set only one",
        ),
        (
            tool(json!({"name": "1st"})),
            "* GenerateContentRequest.tools[0].function_declarations[0].name: Invalid function name.",
        ),
        (
            tool(
                json!({"name": "f", "parameters": {"type": "OBJECT", "properties": {"a": {"type": "OBJECT", "additionalProperties": false}}}}),
            ),
            "Invalid JSON payload received. Unknown name \"additionalProperties\" at 'tools[0].function_declarations[0].parameters.properties[0].value': Cannot find field.",
        ),
        (json!({"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}), "Function calling config is set without"),
        (json!({"cachedContent": "cachedContents/a"}), "CachedContent not found"),
    ];
    for (change, message) in wrong {
        let mut body = plain("hi");
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let answer = called(&provider, "generateContent", &body).await;
        let error = answer.json()["error"].clone();
        assert_eq!(
            (answer.status, &error["code"], &error["status"]),
            (400, &json!(400), &json!("INVALID_ARGUMENT")),
            "{body}"
        );
        assert!(error["message"].as_str().unwrap().starts_with(message), "{error}");
        let violation = &error["details"][0]["fieldViolations"][0]["description"];
        assert_eq!(violation.is_string(), message.starts_with("Invalid JSON"), "{error}");
    }
}

#[tokio::test]
async fn faults_speak_googles_words() {
    let provider = Provider::start(Settings::default()).await;
    let faulty = async |fault: &str, method: &str| {
        provider.send(&format!("{MODEL}:{method}"), &[("x-sim-fault", fault)], &plain("hi").to_string()).await
    };
    for (fault, code, status) in [
        ("rate_limited:retry_after=2", 429, "RESOURCE_EXHAUSTED"),
        ("overloaded", 503, "UNAVAILABLE"),
        ("server_error", 500, "INTERNAL"),
        ("bad_request", 400, "INVALID_ARGUMENT"),
        ("unauthorized", 401, "UNAUTHENTICATED"),
        ("not_found", 404, "NOT_FOUND"),
        ("stream_error", 500, "INTERNAL"),
    ] {
        let answer = faulty(fault, "generateContent").await;
        let error = answer.json()["error"].clone();
        assert_eq!(
            (answer.status, error["status"].as_str(), error["code"].as_u64()),
            (code, Some(status), Some(code.into()))
        );
        let waits = answer.headers.get("retry-after").is_some_and(|seconds| seconds == "2");
        assert_eq!(waits, error["details"][0]["retryDelay"] == "2s" && fault.contains('2'), "{error}");
    }
    let whole = faulty("none", "streamGenerateContent?alt=sse").await.events();
    let stream = async |fault: &str| faulty(fault, "streamGenerateContent?alt=sse").await;
    let cut = stream("cut:after=3").await;
    assert_eq!((cut.events(), cut.error.is_some()), (whole[..3].to_vec(), true));
    assert_eq!(stream("clean_cut:after=3").await.events(), whole[..3]);
    let error = stream("stream_error:after=2").await.events();
    assert_eq!((error.len(), error[2]["error"]["status"].as_str()), (3, Some("UNAVAILABLE")));
    assert!(String::from_utf8_lossy(&stream("garbage:after=1").await.body).contains("<<not an event>>"));
    let oversized = stream("oversized:bytes=100000:after=1").await;
    assert!(oversized.body.split(|byte| *byte == b'\n').any(|line| line.len() > 99_000));
    assert_eq!(stream("bad_json").await.events().len() + 1, whole.len());
    let array = faulty("stream_error:after=2", "streamGenerateContent").await.json();
    assert_eq!((array.as_array().unwrap().len(), array[2]["error"]["code"].as_u64()), (3, Some(503)));
    let named =
        provider.post("/v1beta/models/sim-1%3Ffault=overloaded:generateContent", &plain("hi").to_string()).await;
    assert_eq!(named.status, 503);
}

#[tokio::test]
async fn keys_and_models() {
    let settings = Settings { require_key: Some("right".into()), any_model: false, ..Settings::default() };
    let provider = Provider::start(settings).await;
    let with =
        async |path: &str, headers: &[(&str, &str)]| provider.send(path, headers, &plain("hi").to_string()).await;
    let path = format!("{MODEL}:generateContent");
    assert_eq!(with(&path, &[("x-goog-api-key", "right")]).await.status, 200);
    assert_eq!(with(&format!("{path}?key=right"), &[]).await.status, 200);
    assert_eq!(with(&format!("{VERTEX}:generateContent"), &[("authorization", "Bearer right")]).await.status, 200);
    let missing = with(&path, &[]).await;
    assert_eq!((missing.status, missing.json()["error"]["status"].as_str().unwrap()), (403, "PERMISSION_DENIED"));
    let wrong = with(&path, &[("x-goog-api-key", "wrong-key")]).await;
    assert_eq!(
        (wrong.status, wrong.json()["error"]["details"][0]["reason"].as_str().unwrap()),
        (400, "API_KEY_INVALID")
    );
    assert!(!wrong.text().contains("wrong-key"));

    let key = [("x-goog-api-key", "right")];
    let unknown = with("/v1beta/models/none:generateContent", &key).await;
    assert!(
        unknown.status == 404
            && unknown.json()["error"]["message"].as_str().unwrap().starts_with("models/none is not found")
    );
    for path in ["/v1beta/models", "/v1/models"] {
        let listed = provider.get(path, &key).await.json();
        assert_eq!(listed["models"][0]["name"], "models/sim-1");
        let one = provider.get(&format!("{path}/sim-embed"), &key).await.json();
        assert_eq!(one["supportedGenerationMethods"][0], "embedContent");
    }
    assert_eq!(provider.get("/v1beta/models/none", &key).await.status, 404);
    assert_eq!(provider.get("/v1beta/nothing", &key).await.json()["error"]["status"], "NOT_FOUND");
}

#[tokio::test]
async fn every_path_leads_to_the_same_model() {
    let provider = Provider::start(Settings::default()).await;
    let first = called(&provider, "generateContent", &plain("hello")).await;
    for start in
        ["/v1/models/sim-1", "/v1beta1/publishers/google/models/sim-1", VERTEX, &VERTEX.replace("v1", "v1beta1")]
    {
        let answer = provider.post(&format!("{start}:generateContent"), &plain("hello").to_string()).await;
        assert_eq!(answer.json(), first.json(), "{start}");
    }
}

#[tokio::test]
async fn contents_are_embedded() {
    let provider = Provider::start(Settings::default()).await;
    let at = async |method: &str, body: Value| {
        provider.post(&format!("/v1beta/models/sim-embed:{method}"), &body.to_string()).await
    };
    let content = |text: &str| json!({"parts": [{"text": text}]});
    let one = at("embedContent", json!({"content": content("a red apple"), "outputDimensionality": 8})).await.json();
    assert_eq!(one["embedding"]["values"].as_array().unwrap().len(), 8);
    let request =
        |text: &str| json!({"model": "models/sim-embed", "content": content(text), "output_dimensionality": 8});
    let both = at("batchEmbedContents", json!({"requests": [request("a red apple"), request("b")]})).await.json();
    assert_eq!(both["embeddings"][0], one["embedding"]);
    assert_eq!(both["embeddings"].as_array().unwrap().len(), 2);
    let whole = at("embedContent", json!({"content": content("a")})).await.json();
    assert_eq!(whole["embedding"]["values"].as_array().unwrap().len(), 3_072);
    for (method, body) in [
        ("embedContent", json!({})),
        ("embedContent", json!({"content": content("a"), "outputDimensionality": 9_999})),
        ("embedContent", json!({"content": content("a"), "taskType": "COOKING"})),
        ("batchEmbedContents", json!({"requests": [{"content": content("a")}]})),
    ] {
        assert_eq!(at(method, body).await.status, 400);
    }
}
