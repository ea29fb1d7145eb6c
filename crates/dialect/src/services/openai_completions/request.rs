//! Requests.

use crate::fields::Fields;
use crate::render::Object;
use crate::services::input;
use crate::{DecodeError, Json};
use serde_json::Value;
use switchtower_domain::{CompletionRequest, Sampling};

pub(super) fn decode(body: Json<'_>) -> Result<CompletionRequest, DecodeError> {
    let mut fields = Fields::strict(body, "")?;
    // A deployment's address may name the model in place of the body.
    let model = fields.expected_string("model")?;
    let (prompts, single) = input::read(&mut fields, "prompt")?;
    let stream_usage = fields.nested("stream_options", |options| options.bool("include_usage"))?;
    let (stop, stop_plain) = match fields.peek("stop") {
        Some(Json::String(_)) => (fields.string("stop")?.map(|text| vec![text]), true),
        _ => (fields.strings("stop")?, false),
    };
    let sampling = Sampling {
        temperature: fields.number("temperature")?,
        top_p: fields.number("top_p")?,
        top_k: fields.u64("top_k")?,
        frequency_penalty: fields.number("frequency_penalty")?,
        presence_penalty: fields.number("presence_penalty")?,
        seed: fields.number("seed")?,
        stop,
        stop_plain,
        choices: fields.u64("n")?,
        logprobs: None,
        top_logprobs: fields.u64("logprobs")?,
        logit_bias: fields.map("logit_bias")?,
    };
    Ok(CompletionRequest {
        model,
        prompts,
        single,
        suffix: fields.string("suffix")?,
        max_tokens: fields.u64("max_tokens")?,
        sampling,
        echo: fields.bool("echo")?,
        stream: fields.bool("stream")?,
        stream_usage,
        user: fields.string("user")?,
        extras: fields.rest(),
    })
}

pub(super) fn encode(request: &CompletionRequest) -> Value {
    let mut body = Object::new();
    if !(request.model.is_empty() && request.extras.lacks("model")) {
        body.set("model", request.model.as_str());
    }
    body.set("prompt", input::write(&request.prompts, request.single));
    body.maybe("suffix", request.suffix.clone());
    body.maybe("max_tokens", request.max_tokens);
    let sampling = &request.sampling;
    for (key, number) in [
        ("temperature", &sampling.temperature),
        ("top_p", &sampling.top_p),
        ("frequency_penalty", &sampling.frequency_penalty),
        ("presence_penalty", &sampling.presence_penalty),
        ("seed", &sampling.seed),
    ] {
        body.maybe(key, number.clone().map(Value::Number));
    }
    body.maybe("top_k", sampling.top_k);
    match sampling.stop.as_deref() {
        Some([stop]) if sampling.stop_plain => body.set("stop", stop.as_str()),
        Some(stops) => body.set("stop", stops.to_vec()),
        None => {}
    }
    body.maybe("n", sampling.choices);
    body.maybe("logprobs", sampling.top_logprobs);
    body.maybe("logit_bias", sampling.logit_bias.clone());
    body.maybe("echo", request.echo);
    body.maybe("stream", request.stream);
    let mut options = Object::new();
    options.maybe("include_usage", request.stream_usage);
    body.nested("stream_options", options);
    body.maybe("user", request.user.clone());
    request.extras.overlay(body.map_mut());
    body.into()
}
