//! Requests: encoding.

use super::request::TOOL_ROLE;
use super::{parts, wire};
use crate::render::{ExtrasWriter, Object, begin_request, thinking_word};
use crate::schema::{Target, fits_strict, normalise};
use crate::steps::{joined, splits_results};
use crate::{Encoded, StreamUsage, Variant, cache_control, effort, function_calls};
use serde_json::Value;
use switchtower_domain::{
    DialectId, FunctionTool, MaxTokensField, OutputFormat, Param, Part, PartKind, Reasoning, ReasoningField,
    ReasoningMode, Request, Role, Tool, ToolCall, ToolCallKind, ToolChoice, ToolKind, ToolResult, Turn,
};

/// The longest id of a call that the vendor of the dialect takes, as its error message says.
const CALL_ID_BYTES_MAX: usize = 40;
/// The classes of service that the vendor of the dialect has.
const SERVICE_TIERS: [&str; 5] = ["auto", "default", "flex", "scale", "priority"];
/// Fields of other dialects whose loss changes nothing that the model sees.
const HINTS: [&str; 13] = [
    "index",
    "caller",
    "anthropic_version",
    "anthropic_beta",
    "inference_geo",
    "cache_control",
    "id",
    "status",
    "phase",
    "include",
    "logprobs",
    "truncation",
    "stream_options",
];

pub(super) fn encode(request: &Request, variant: &Variant) -> Encoded {
    let (mut body, out) = begin_request(request, DialectId::OpenaiChat, &HINTS);
    let mut composer = Composer { request, variant, out };
    composer.messages(&mut body);
    composer.tools(&mut body);
    composer.output(&mut body);
    composer.reasoning(&mut body);
    composer.sampling(&mut body);
    composer.bounds(&mut body);
    composer.metadata(&mut body);
    composer.out.write(&request.extras, "", &mut body);
    Encoded { body: body.into(), notices: composer.out.notices }
}

struct Composer<'a> {
    request: &'a Request,
    variant: &'a Variant,
    out: ExtrasWriter<'a>,
}

impl Composer<'_> {
    fn path(&self, param: Param) -> &'static str {
        crate::dialect(self.request.origin).param_path(param)
    }

    fn messages(&mut self, body: &mut Object) {
        let mut messages = Vec::new();
        let request = self.request;
        if let Some(instructions) = &request.instructions {
            messages.push(self.plain_message(instructions, "system"));
        }
        let turns = joined(&request.turns, self.path(Param::Turns), &mut self.out);
        if !self.out.same && turns.windows(2).any(splits_results) {
            self.out.hint(self.path(Param::Turns), "what follows the results of tools becomes one turn");
        }
        if !self.out.same
            && let Some(begun) = request.begun_answer()
        {
            self.out.meaning(begun.at.path(), "the beginning of an answer is told as a turn, and may not be continued");
        }
        for turn in turns.iter() {
            match turn.role {
                Role::Assistant => messages.push(self.assistant_message(turn)),
                Role::User | Role::Tool => self.user_messages(turn, &mut messages),
                Role::System => messages.push(self.plain_message(turn, "system")),
                Role::Developer if self.variant.developer_role => messages.push(self.plain_message(turn, "developer")),
                Role::Developer => messages.push(self.plain_message(turn, "system")),
            }
        }
        if !messages.is_empty() || !self.out.same {
            body.set("messages", messages);
        }
    }

    /// A message of which only the content has to be said.
    fn plain_message(&mut self, turn: &Turn, role: &str) -> Value {
        let mut message = Object::new().with("role", role);
        let parts: Vec<&Part> = turn.parts.iter().collect();
        self.content(&mut message, &parts, turn.plain);
        self.fill_content(&mut message, turn);
        self.finish_message(message, turn)
    }

    /// A message needs content, if only an empty text.
    fn fill_content(&mut self, message: &mut Object, turn: &Turn) {
        if self.out.same {
            return;
        }
        let said = message.map_mut().get("content").is_some_and(|content| content != "");
        if !said {
            self.out.hint(turn.at.path(), "a turn that says nothing is told as empty text");
            message.set("content", "");
        }
    }

    fn finish_message(&mut self, mut message: Object, turn: &Turn) -> Value {
        message.maybe("name", turn.name.clone());
        self.out.write(&turn.extras, &turn.at, &mut message);
        message.into()
    }

    /// Results of tools are messages of their own and come first; what else the turn says follows.
    fn user_messages(&mut self, turn: &Turn, messages: &mut Vec<Value>) {
        let (results, rest): (Vec<&Part>, Vec<&Part>) =
            turn.parts.iter().partition(|part| matches!(part.kind, PartKind::ToolResult(_)));
        if turn.parts.iter().skip(results.len()).any(|part| matches!(part.kind, PartKind::ToolResult(_))) {
            self.out.hint(turn.at.path(), "results of tools come before what else the turn says");
        }
        let only_results = rest.is_empty() && !results.is_empty();
        for part in results {
            let PartKind::ToolResult(result) = &part.kind else {
                continue;
            };
            let message = self.tool_message(result, part, turn);
            messages.push(message);
        }
        if !only_results {
            let mut message = Object::new().with("role", wire::role_word(turn.role));
            self.content(&mut message, &rest, turn.plain);
            self.fill_content(&mut message, turn);
            let message = self.finish_message(message, turn);
            messages.push(message);
        } else if !self.out.same {
            self.out.name(&turn.extras, &turn.at);
        }
    }

    fn tool_message(&mut self, result: &ToolResult, part: &Part, turn: &Turn) -> Value {
        let same = self.out.same;
        let role = if same && turn.extras.lacks(TOOL_ROLE) { wire::FUNCTION } else { "tool" };
        let mut message = Object::new().with("role", role);
        if !(same && result.call_id.is_empty() && turn.extras.lacks("tool_call_id")) {
            message.set("tool_call_id", self.call_id(&result.call_id, part.at.beneath(self.out.terms().result_id)));
        }
        let content: Vec<&Part> = result.content.iter().flatten().collect();
        let texts: Vec<&Part> = if self.out.same {
            content
        } else {
            content.into_iter().filter(|part| self.fits_tool_message(part)).collect()
        };
        if result.content.is_some() {
            self.content(&mut message, &texts, result.plain);
        }
        if !self.out.same {
            if !message.contains("content") {
                message.set("content", "");
            }
            if result.is_error == Some(true) {
                self.out
                    .hint(part.at.beneath(self.out.terms().result_error), "whether a tool failed is left to its words");
            } else if result.is_error.is_some() {
                self.out.hint(part.at.beneath(self.out.terms().result_error), "a tool that did not fail is not marked");
            }
            if part.cache.is_some() {
                self.out.hint(part.at.field("cache_control"), "cache markers have no place in the target's dialect");
            }
            self.out.name(&part.extras, &part.at);
            return message.into();
        }
        self.finish_message(message, turn)
    }

    /// The id of a call, which is bounded here. A longer one ends in its own digest, so that two ids stay two.
    fn call_id(&mut self, id: &str, path: String) -> String {
        if self.out.same || id.len() <= CALL_ID_BYTES_MAX {
            return id.to_owned();
        }
        self.out.hint(path, "the id of a call is longer than the target takes");
        let digest = id
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        let kept = id.get(..id.floor_char_boundary(CALL_ID_BYTES_MAX - 17)).unwrap_or_default();
        format!("{kept}_{digest:016x}")
    }

    fn fits_tool_message(&mut self, part: &Part) -> bool {
        let fits = self.variant.tool_result_media || matches!(part.kind, PartKind::Text { .. });
        if !fits {
            self.out.meaning(part.at.path(), "a tool's result holds text only");
        }
        fits
    }

    fn content(&mut self, message: &mut Object, parts: &[&Part], plain: bool) {
        let same = self.out.same;
        if let [part] = parts
            && let PartKind::Text { text, citations } = &part.kind
            && (plain || (!same && (part.cache.is_none() || !self.variant.cache_markers)))
        {
            if !same {
                if part.cache.is_some() {
                    self.out
                        .hint(part.at.field("cache_control"), "cache markers have no place in the target's dialect");
                }
                self.out.name(&part.extras, &part.at);
                if text.is_empty() {
                    self.out.hint(part.at.path(), "empty text says nothing");
                }
                if !citations.is_empty() {
                    self.out.hint(
                        part.at.beneath(self.out.terms().citations),
                        "citations of earlier answers are not repeated",
                    );
                }
            }
            message.set("content", text.as_str());
            return;
        }
        let mut written = Vec::new();
        for part in parts {
            if !same && matches!(&part.kind, PartKind::Text { citations, .. } if !citations.is_empty()) {
                self.out
                    .hint(part.at.beneath(self.out.terms().citations), "citations of earlier answers are not repeated");
            }
            written.extend(parts::content_part(part, &mut self.out, self.variant.cache_markers));
        }
        if !written.is_empty() {
            message.set("content", written.into_iter().map(Value::from).collect::<Vec<_>>());
        } else if !same && !parts.is_empty() {
            message.set("content", "");
        }
    }

    fn assistant_message(&mut self, turn: &Turn) -> Value {
        let mut message = Object::new().with("role", "assistant");
        let mut content = Vec::new();
        let mut calls = Vec::new();
        let mut details = Vec::new();
        for part in &turn.parts {
            match &part.kind {
                PartKind::Reasoning(reasoning) if !(self.out.same && thinks_in_content(reasoning)) => {
                    self.reasoning_part(reasoning, part, &mut message, &mut details);
                }
                PartKind::ToolCall(call) => calls.push(self.tool_call(call, part)),
                PartKind::Refusal { text } if !(self.out.same && part.extras.lacks(parts::MESSAGE_REFUSAL)) => {
                    message.set("refusal", text.as_str());
                }
                _ => {
                    let written = !matches!(part.kind, PartKind::ProviderItem(_) | PartKind::Native { .. });
                    if written && !calls.is_empty() {
                        self.out.hint(part.at.path(), "what is said after a tool call comes before it");
                    }
                    content.push(part);
                }
            }
        }
        self.content(&mut message, &content, turn.plain);
        if !self.out.same && !message.contains("content") && !message.contains("refusal") {
            // A message needs either; `null` says that there is no text.
            message.set("content", if calls.is_empty() { Value::from("") } else { Value::Null });
        }
        if !details.is_empty() {
            message.set("reasoning_details", details);
        }
        if !calls.is_empty() {
            message.set("tool_calls", calls);
        }
        self.finish_message(message, turn)
    }

    fn tool_call(&mut self, call: &ToolCall, part: &Part) -> Value {
        let mut object = function_calls::written(call, part);
        if !self.out.same && object.contains("id") {
            object.set("id", self.call_id(&call.id, part.at.beneath(self.out.terms().call_id)));
        }
        if let Some(marker) = &part.cache {
            if self.out.same || self.variant.cache_markers {
                object.set("cache_control", cache_control::object(marker));
            } else {
                self.out.hint(part.at.field("cache_control"), "cache markers have no place in the target's dialect");
            }
        }
        if call.kind == ToolCallKind::Function && call.arguments.is_empty() && !self.out.same {
            self.out.hint(part.at.path(), "arguments that were not given become an empty object");
        }
        self.out.write(&part.extras, &part.at, &mut object);
        object.into()
    }

    fn reasoning_part(&mut self, reasoning: &Reasoning, part: &Part, message: &mut Object, details: &mut Vec<Value>) {
        if self.out.same {
            match reasoning.field.and_then(parts::reasoning_key) {
                Some(key) => message.maybe(key, reasoning.text.clone()),
                None => details.push(parts::reasoning_detail_object(reasoning, part).into()),
            }
            return;
        }
        let at = &part.at;
        match (self.variant.reasoning_field, reasoning.text.as_deref().or(reasoning.summary.as_deref())) {
            (Some(ReasoningField::ReasoningDetails), _) => {
                details.push(parts::reasoning_detail_object(reasoning, part).into());
            }
            (Some(field), Some(text)) => {
                if let Some(key) = parts::reasoning_key(field) {
                    message.set(key, text);
                }
                if reasoning.signature.is_some() || reasoning.sealed.is_some() {
                    self.out.hint(at, "a signature is of use to its own provider only");
                }
            }
            (_, None) | (None, Some(_)) => {
                self.out.meaning(at, "reasoning of another provider is not taken back");
            }
        }
    }

    fn tools(&mut self, body: &mut Object) {
        let request = self.request;
        let tools: Vec<Value> = request.tools.iter().filter_map(|tool| self.tool(tool)).collect();
        let any = !tools.is_empty();
        if any {
            body.set("tools", tools);
        }
        match &request.tool_choice {
            Some(_) if !any && !self.out.same => {
                self.out.hint(self.path(Param::ToolChoice), "there are no tools to choose from");
            }
            Some(ToolChoice::Auto) => body.set("tool_choice", "auto"),
            Some(ToolChoice::Never) => body.set("tool_choice", "none"),
            Some(ToolChoice::Required) => body.set("tool_choice", "required"),
            Some(ToolChoice::Named(name)) => {
                let function = Object::new().with("name", name.as_str());
                body.set("tool_choice", Object::typed("function").with("function", function));
            }
            None => {}
        }
        if let Some(parallel) = request.parallel_tool_calls {
            if any || self.out.same {
                body.set("parallel_tool_calls", parallel);
            } else {
                self.out.hint(self.path(Param::ParallelToolCalls), "there are no tools to call");
            }
        }
    }

    fn tool(&mut self, tool: &Tool) -> Option<Value> {
        let mut object = match &tool.kind {
            ToolKind::Function(function) => self.function_tool(function, tool),
            ToolKind::Provider(provider) if self.out.same => {
                let mut object = Object::typed(&provider.kind);
                object.maybe("name", provider.name.clone());
                object
            }
            ToolKind::Provider(_) => {
                self.out.meaning(tool.at.path(), "a tool of this kind is not known to the target");
                return None;
            }
        };
        if let Some(marker) = &tool.cache {
            if self.out.same || self.variant.cache_markers {
                object.set("cache_control", cache_control::object(marker));
            } else {
                self.out.hint(tool.at.field("cache_control"), "cache markers have no place in the target's dialect");
            }
        }
        self.out.write(&tool.extras, &tool.at, &mut object);
        Some(object.into())
    }

    fn function_tool(&mut self, function: &FunctionTool, tool: &Tool) -> Object {
        let mut inner = Object::new().with("name", function.name.as_str());
        inner.maybe("description", function.description.clone());
        if self.out.same {
            inner.maybe("parameters", function.parameters.clone());
        } else if let Some(schema) = &function.parameters {
            let path = crate::dialect(self.request.origin).tool_schema_path(tool);
            let mut strict = function.strict.or_else(|| self.strict_unsaid(schema, tool));
            if strict == Some(true) && !fits_strict(schema) {
                self.out.meaning(tool.at.field("strict"), "a strict schema with optional properties is not taken");
                strict = Some(false);
            }
            let target = Target::openai(strict == Some(true));
            inner.set("parameters", normalise(schema, &path, &target, &mut self.out.notices));
            inner.maybe("strict", strict);
        }
        if self.out.same {
            inner.maybe("strict", function.strict);
        }
        let mut object = Object::new();
        if self.out.same {
            object.constant("type", "function", &tool.extras);
        } else {
            object.set("type", "function");
        }
        object.set("function", inner);
        object
    }

    /// What a tool is whose dialect keeps to schemas unless told otherwise, and that says nothing.
    fn strict_unsaid(&mut self, schema: &Value, tool: &Tool) -> Option<bool> {
        if self.out.same || !crate::dialect(self.request.origin).strict_unless_said() {
            return None;
        }
        self.out.hint(tool.at.field("strict"), "the schema is kept to where it can be");
        fits_strict(schema).then_some(true)
    }

    fn output(&mut self, body: &mut Object) {
        let mut format = match &self.request.output {
            OutputFormat::Unstated => return,
            OutputFormat::Text => Object::typed("text"),
            OutputFormat::JsonObject => Object::typed("json_object"),
            OutputFormat::Structured(structured) => {
                let mut spec = Object::new();
                if self.out.same {
                    spec.maybe("name", structured.name.clone());
                    spec.maybe("schema", structured.schema.clone());
                    spec.maybe("strict", structured.strict);
                } else {
                    spec.set("name", structured.name.as_deref().unwrap_or("response"));
                    // A dialect without the word keeps to its schemas always.
                    let mut strict = structured.strict.unwrap_or(true);
                    if let Some(schema) = &structured.schema {
                        let path = self.path(self.request.output_schema());
                        if strict && !fits_strict(schema) {
                            self.out.meaning(path, "a strict schema with optional properties is not taken");
                            strict = false;
                        }
                        let target = Target::openai(strict);
                        spec.set("schema", normalise(schema, path, &target, &mut self.out.notices));
                    }
                    spec.set("strict", strict);
                }
                spec.maybe("description", structured.description.clone());
                let mut format = Object::typed("json_schema").with("json_schema", spec);
                let at = self.path(Param::Output);
                self.out.write(&structured.extras, at, &mut format);
                format
            }
        };
        if self.out.same
            && let Some(Value::Object(rest)) = self.request.extras.get("response_format")
        {
            format.map_mut().extend(rest.clone());
        }
        body.set("response_format", format);
    }

    fn reasoning(&mut self, body: &mut Object) {
        let spec = &self.request.reasoning;
        if !self.out.same && spec.mode.is_some() {
            self.out.hint(self.path(Param::ReasoningMode), "said in the target's own words");
        }
        if self.out.same {
            let effort = spec.effort.as_ref().map(|effort| effort::effort_word(effort).to_owned());
            if spec.in_one_object {
                let mut object = Object::new();
                object.maybe("effort", effort);
                object.maybe("max_tokens", spec.budget_tokens);
                object.maybe("enabled", spec.mode.map(|mode| mode != ReasoningMode::Disabled));
                body.nested("reasoning", object);
                return;
            }
            body.maybe("reasoning_effort", effort);
            if let Some(mode) = spec.mode {
                body.set("thinking", Object::typed(thinking_word(mode)));
            }
            return;
        }
        if spec.summary.is_some() {
            self.out.hint(self.path(Param::ReasoningSummary), "thoughts are told as the provider likes");
        }
        let (effort, told) = effort::in_openai_words(spec);
        for (param, reason) in told {
            self.out.hint(self.path(param), reason);
        }
        body.maybe("reasoning_effort", effort.as_ref().map(effort::effort_word));
    }

    fn sampling(&mut self, body: &mut Object) {
        let sampling = &self.request.sampling;
        body.maybe("temperature", sampling.temperature.clone().map(Value::Number));
        body.maybe("top_p", sampling.top_p.clone().map(Value::Number));
        if self.out.same || self.variant.top_k {
            body.maybe("top_k", sampling.top_k);
        } else if sampling.top_k.is_some() {
            self.out.meaning(self.path(Param::TopK), "drawing from the likeliest tokens only cannot be asked for");
        }
        body.maybe("frequency_penalty", sampling.frequency_penalty.clone().map(Value::Number));
        body.maybe("presence_penalty", sampling.presence_penalty.clone().map(Value::Number));
        body.maybe("seed", sampling.seed.clone().map(Value::Number));
        if let Some(stop) = &sampling.stop {
            match stop.as_slice() {
                [only] if sampling.stop_plain => body.set("stop", only.as_str()),
                several => body.set("stop", several.to_vec()),
            }
        }
        body.maybe("n", sampling.choices);
        body.maybe("logprobs", sampling.logprobs);
        body.maybe("verbosity", self.request.verbosity.clone());
        if self.out.same || sampling.logprobs == Some(true) {
            body.maybe("top_logprobs", sampling.top_logprobs);
        } else if sampling.top_logprobs.is_some() {
            self.out.hint(self.path(Param::TopLogprobs), "says nothing where probabilities are not asked for");
        }
        body.maybe("logit_bias", sampling.logit_bias.clone());
    }

    fn bounds(&mut self, body: &mut Object) {
        let request = self.request;
        let written = if self.out.same { Some(request.max_tokens_field) } else { self.variant.max_tokens_field };
        let field = match written {
            Some(MaxTokensField::MaxTokens) => "max_tokens",
            Some(MaxTokensField::MaxCompletionTokens) | None => "max_completion_tokens",
        };
        body.maybe(field, request.max_tokens);
        if request.max_tokens.is_none() && !self.out.same && crate::dialect(request.origin).requires_bound() {
            self.out.hint(self.path(Param::MaxTokens), "no bound is asked for");
        }
        body.maybe("stream", request.stream);
        let mut options = Object::new();
        options.maybe("include_usage", request.stream_usage);
        if !self.out.same && request.stream == Some(true) && self.variant.stream_usage == StreamUsage::Asked {
            // Every other dialect reports usage unasked; here it has to be asked for.
            options.set("include_usage", true);
        }
        body.nested("stream_options", options);
    }

    fn metadata(&mut self, body: &mut Object) {
        let metadata = &self.request.metadata;
        body.maybe("user", metadata.user.clone());
        body.maybe("metadata", metadata.labels.clone());
        match &metadata.service_tier {
            Some(tier) if self.out.same || SERVICE_TIERS.contains(&tier.as_str()) => {
                body.set("service_tier", tier.as_str());
            }
            Some(_) => self.out.hint(self.path(Param::ServiceTier), "classes of service differ between vendors"),
            None => {}
        }
        body.maybe("store", metadata.store);
        if metadata.store.is_none() && crate::dialect(self.request.origin).keeps_unless_said("store") {
            self.out.hint(self.path(Param::Store), "nothing is kept unless a request asks for it");
        }
        body.maybe("prompt_cache_key", metadata.prompt_cache_key.clone());
    }
}

fn thinks_in_content(reasoning: &Reasoning) -> bool {
    reasoning.field == Some(ReasoningField::ThinkingParts)
}
