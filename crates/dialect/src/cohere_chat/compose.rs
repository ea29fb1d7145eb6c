//! Requests: encoding.

use super::parts;
use crate::render::{ExtrasWriter, Object, begin_request, strict_path, thinking_word};
use crate::schema::{Target, fits_strict, normalise, requiring_something};
use crate::steps::{joined, splits_results};
use crate::{Encoded, carried, function_calls};
use serde_json::{Value, json};
use switchtower_domain::{
    DialectId, Effort, FunctionTool, Locus, OutputFormat, Param, Part, PartKind, Reasoning, ReasoningMode, Request,
    Role, StructuredOutput, Tool, ToolCall, ToolCallKind, ToolChoice, ToolKind, ToolResult, Turn,
};

/// Fields of other dialects whose loss changes nothing that the model sees.
const HINTS: [&str; 12] = [
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
    "truncation",
    "stream_options",
];

/// The least and the most of `p`, and of the penalties, and how many texts an answer may stop at.
/// Source: <https://docs.cohere.com/reference/chat>
const SHARE: (f64, f64) = (0.01, 0.99);
const PENALTY: (f64, f64) = (0.0, 1.0);
const STOPS_MAX: usize = 5;

pub(super) fn encode(request: &Request) -> Encoded {
    let (mut body, out) = begin_request(request, DialectId::CohereChat, &HINTS);
    let mut composer = Composer { request, out, documents: Vec::new() };
    composer.messages(&mut body);
    composer.tools(&mut body);
    composer.output(&mut body);
    composer.thinking(&mut body);
    composer.sampling(&mut body);
    composer.metadata();
    composer.out.write(&request.extras, "", &mut body);
    Encoded { body: body.into(), notices: composer.out.notices }
}

struct Composer<'a> {
    request: &'a Request,
    out: ExtrasWriter<'a>,
    /// What the conversation refers to, which stands beside it here.
    documents: Vec<Value>,
}

impl Composer<'_> {
    fn path(&self, param: Param) -> &'static str {
        crate::dialect(self.request.origin).param_path(param)
    }

    fn messages(&mut self, body: &mut Object) {
        let request = self.request;
        let mut messages = Vec::new();
        if let Some(instructions) = &request.instructions {
            messages.push(self.plain_message(instructions, "system"));
        }
        let turns = joined(&request.turns, self.path(Param::Turns), &mut self.out);
        if turns.windows(2).any(splits_results) {
            self.out.hint(self.path(Param::Turns), "what follows the results of tools becomes one turn");
        }
        if let Some(begun) = request.begun_answer() {
            self.out.meaning(begun.at.path(), "the beginning of an answer is told as a turn, and may not be continued");
        }
        for turn in turns.iter() {
            match turn.role {
                Role::Assistant => messages.push(self.assistant_message(turn)),
                Role::User | Role::Tool => self.user_messages(turn, &mut messages),
                Role::System => messages.push(self.plain_message(turn, "system")),
                Role::Developer => {
                    self.out.hint(turn.at.field("role"), "the developer speaks as the system");
                    messages.push(self.plain_message(turn, "system"));
                }
            }
        }
        if !messages.is_empty() || !self.out.same {
            body.set("messages", messages);
        }
        if !self.documents.is_empty() {
            body.set("documents", std::mem::take(&mut self.documents));
        }
    }

    /// A message of which only the content has to be said.
    fn plain_message(&mut self, turn: &Turn, role: &str) -> Value {
        let parts: Vec<&Part> = turn.parts.iter().collect();
        self.content_message(turn, role, &parts)
    }

    fn content_message(&mut self, turn: &Turn, role: &str, parts: &[&Part]) -> Value {
        let mut message = Object::new().with("role", role);
        self.content(&mut message, parts, turn.plain);
        if !self.out.same && message.map_mut().get("content").is_none_or(|content| content == "") {
            self.out.hint(turn.at.path(), "a turn that says nothing is told as empty text");
            message.set("content", "");
        }
        self.finish_message(message, turn)
    }

    fn finish_message(&mut self, mut message: Object, turn: &Turn) -> Value {
        if turn.name.is_some() {
            self.out.meaning(turn.at.field("name"), "speakers have no names in the target's dialect");
        }
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
            let PartKind::ToolResult(result) = &part.kind else { continue };
            let message = self.tool_message(result, part, turn);
            messages.push(message);
        }
        if only_results {
            self.out.name(&turn.extras, &turn.at);
            return;
        }
        let word = if turn.role == Role::Tool { "tool" } else { "user" };
        let message = self.content_message(turn, word, &rest);
        messages.push(message);
    }

    fn tool_message(&mut self, result: &ToolResult, part: &Part, turn: &Turn) -> Value {
        let same = self.out.same;
        let mut message = Object::new().with("role", "tool");
        if !(same && result.call_id.is_empty() && turn.extras.lacks("tool_call_id")) {
            message.set("tool_call_id", result.call_id.as_str());
        }
        let fits = |part: &&Part| matches!(part.kind, PartKind::Text { .. } | PartKind::Document(_));
        let (content, others): (Vec<&Part>, Vec<&Part>) =
            result.content.iter().flatten().partition(|part| same || fits(part));
        for other in others {
            self.out.meaning(other.at.path(), "a tool's result holds texts and documents only");
        }
        if result.content.is_some() {
            let written = self.parts_of(&content, result.plain, &mut message);
            if !written.is_empty() {
                message.set("content", written);
            }
        }
        if same {
            return self.finish_message(message, turn);
        }
        if !message.contains("content") {
            message.set("content", "");
        }
        if result.is_error.is_some() {
            let path = part.at.beneath(self.out.terms().result_error);
            self.out.hint(path, "whether a tool failed is left to its words");
        }
        if part.cache.is_some() {
            self.out.hint(part.at.field("cache_control"), "caches are kept without being asked for");
        }
        self.out.name(&part.extras, &part.at);
        message.into()
    }

    /// Writes content: what is documents elsewhere stands beside the conversation here.
    fn content(&mut self, message: &mut Object, parts: &[&Part], plain: bool) {
        let mut told: Vec<&Part> = Vec::new();
        for part in parts {
            match &part.kind {
                PartKind::Document(document) if !self.out.same => {
                    if let Some(data) = parts::document_data(document, part, &mut self.out) {
                        self.documents.push(json!({"data": Value::from(data)}));
                    }
                    self.out.name(&part.extras, &part.at);
                }
                _ => told.push(part),
            }
        }
        let written = self.parts_of(&told, plain, message);
        if !written.is_empty() {
            message.set("content", written);
        }
    }

    /// Parts of content; one text is written as such where it can be.
    fn parts_of(&mut self, parts: &[&Part], plain: bool, message: &mut Object) -> Vec<Value> {
        let same = self.out.same;
        for part in parts {
            if matches!(&part.kind, PartKind::Text { citations, .. } if !citations.is_empty()) {
                let path = part.at.beneath(self.out.terms().citations);
                self.out.hint(path, "citations of earlier answers are not repeated");
            }
        }
        if let [part] = parts
            && let PartKind::Text { text, .. } = &part.kind
            && (plain || !same)
        {
            if !same {
                if part.cache.is_some() {
                    self.out.hint(part.at.field("cache_control"), "caches are kept without being asked for");
                }
                self.out.name(&part.extras, &part.at);
                if text.is_empty() {
                    self.out.hint(part.at.path(), "empty text says nothing");
                }
            }
            message.set("content", text.as_str());
            return Vec::new();
        }
        let written = parts.iter().filter_map(|part| parts::content_part(part, &mut self.out));
        written.map(Value::from).collect()
    }

    fn assistant_message(&mut self, turn: &Turn) -> Value {
        let mut message = Object::new().with("role", "assistant");
        let calling = turn.parts.iter().any(|part| matches!(part.kind, PartKind::ToolCall(_)));
        let mut content: Vec<&Part> = Vec::new();
        let mut plan: Option<String> = None;
        let mut calls: Vec<Value> = Vec::new();
        for part in &turn.parts {
            match &part.kind {
                PartKind::ToolCall(call) => calls.push(self.tool_call(call, part)),
                PartKind::Reasoning(reasoning) if self.out.same => match &reasoning.text {
                    Some(text) if parts::is_plan(part) => plan = Some(text.clone()),
                    _ => content.push(part),
                },
                PartKind::Reasoning(reasoning) => {
                    let Some(words) = self.words(reasoning, part) else { continue };
                    if calling {
                        plan.get_or_insert_default().push_str(words);
                    } else {
                        content.push(part);
                    }
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
        message.maybe("tool_plan", plan);
        if !self.out.same && !message.contains("content") && calls.is_empty() {
            self.out.hint(turn.at.path(), "a turn that says nothing is told as empty text");
            message.set("content", "");
        }
        if !calls.is_empty() {
            message.set("tool_calls", calls);
        }
        self.finish_message(message, turn)
    }

    /// What another provider's model thought, in words, if the words are all there is to it.
    fn words<'p>(&mut self, reasoning: &'p Reasoning, part: &Part) -> Option<&'p str> {
        let sealed = [&reasoning.signature, &reasoning.sealed].into_iter().flatten().any(|text| !text.is_empty());
        let words = reasoning.text.as_deref().or(reasoning.summary.as_deref());
        if reasoning.restated {
            self.out.hint(part.at.path(), "says again what stands beside it");
            return None;
        }
        if sealed || carried::carries(reasoning) || words.is_none() {
            self.out.meaning(part.at.path(), "reasoning of another provider is not taken back");
            return None;
        }
        self.out.hint(part.at.path(), "told in the target's own form");
        words
    }

    fn tool_call(&mut self, call: &ToolCall, part: &Part) -> Value {
        if self.out.same {
            let mut object = function_calls::written(call, part);
            self.out.write(&part.extras, &part.at, &mut object);
            return object.into();
        }
        match call.kind {
            ToolCallKind::Custom => self.out.hint(part.at.path(), "arguments of free text are carried in an object"),
            ToolCallKind::Function if call.arguments.is_empty() => {
                self.out.hint(part.at.path(), "arguments that were not given become an empty object");
            }
            ToolCallKind::Function => {}
        }
        if part.cache.is_some() {
            self.out.hint(part.at.field("cache_control"), "caches are kept without being asked for");
        }
        self.out.name(&part.extras, &part.at);
        let function = Object::new().with("name", call.name.as_str()).with("arguments", parts::arguments(call));
        Object::new().with("id", call.id.as_str()).with("type", "function").with("function", function).into()
    }

    fn tools(&mut self, body: &mut Object) {
        let request = self.request;
        let strict = self.strict();
        let tools: Vec<Value> = request.tools.iter().filter_map(|tool| self.tool(tool)).collect();
        let any = !tools.is_empty();
        if any {
            body.set("tools", tools);
            body.maybe("strict_tools", strict.then_some(true));
        }
        match &request.tool_choice {
            Some(_) if !any && !self.out.same => {
                self.out.hint(self.path(Param::ToolChoice), "there are no tools to choose from");
            }
            Some(ToolChoice::Auto) => self.out.hint(self.path(Param::ToolChoice), "is so without saying"),
            Some(ToolChoice::Never) => body.set("tool_choice", "NONE"),
            Some(ToolChoice::Required) => body.set("tool_choice", "REQUIRED"),
            Some(ToolChoice::Named(_)) => {
                self.out.meaning(self.path(Param::ToolChoice), "that a tool is called can be asked for, and not which");
                body.set("tool_choice", "REQUIRED");
            }
            None => {}
        }
        if request.parallel_tool_calls.is_some() {
            self.out.hint(self.path(Param::ParallelToolCalls), "how many calls a turn has cannot be asked for");
        }
    }

    /// Whether all tools are to be kept to strictly: here they are together, or none is.
    fn strict(&mut self) -> bool {
        if self.out.same {
            return false;
        }
        let functions = || self.request.tools.iter().filter_map(|tool| function(tool).map(|function| (tool, function)));
        let unless_said = crate::dialect(self.request.origin).strict_unless_said();
        // "You must specify at least one required parameter": what has none is kept to by no tool.
        // Source: <https://docs.cohere.com/docs/structured-outputs#structured-outputs-tools>
        let strict = functions().count() > 0
            && functions().all(|(_, function)| function.strict == Some(true) && requires_something(function));
        for (tool, function) in functions() {
            if function.strict.is_some() || unless_said {
                let path = Locus::join(&strict_path(self.request.origin, tool), "strict");
                self.out.hint(path, "schemas are kept to by all tools or by none");
            }
        }
        strict
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
        if tool.cache.is_some() {
            self.out.hint(tool.at.field("cache_control"), "caches are kept without being asked for");
        }
        self.out.write(&tool.extras, &tool.at, &mut object);
        Some(object.into())
    }

    fn function_tool(&mut self, function: &FunctionTool, tool: &Tool) -> Object {
        let mut inner = Object::new().with("name", function.name.as_str());
        inner.maybe("description", function.description.clone());
        let mut object = Object::new();
        if self.out.same {
            inner.maybe("parameters", function.parameters.clone());
            object.constant("type", "function", &tool.extras);
        } else {
            let path = crate::dialect(self.request.origin).tool_schema_path(tool);
            inner.set(
                "parameters",
                match &function.parameters {
                    Some(schema) => normalise(schema, &path, &Target::cohere(), &mut self.out.notices),
                    None => {
                        self.out.hint(path, "a tool without arguments is said to have none");
                        json!({"type": "object", "properties": {}})
                    }
                },
            );
            object.set("type", "function");
        }
        object.set("function", inner);
        object
    }

    fn output(&mut self, body: &mut Object) {
        // "The parameter is not supported when used in combinations with the `documents` or `tools` parameters."
        // Source: <https://docs.cohere.com/reference/chat>, `response_format`
        let structured = matches!(self.request.output, OutputFormat::JsonObject | OutputFormat::Structured(_));
        if structured && !self.out.same && (body.contains("tools") || body.contains("documents")) {
            let reason = "structure cannot be asked for beside tools and documents";
            let (path, schema) = (self.path(Param::Output), self.path(self.request.output_schema()));
            // In some dialects the schema stands beside the format.
            if matches!(self.request.output, OutputFormat::Structured(_)) && !schema.starts_with(path) {
                self.out.meaning(schema, reason);
            }
            return self.out.meaning(path, reason);
        }
        let format = match &self.request.output {
            OutputFormat::Unstated => return,
            OutputFormat::Text => Object::typed("text"),
            OutputFormat::JsonObject => Object::typed("json_object"),
            OutputFormat::Structured(structured) => self.structured(structured),
        };
        body.set("response_format", format);
    }

    fn structured(&mut self, structured: &StructuredOutput) -> Object {
        let mut format = Object::typed("json_object");
        if self.out.same {
            let key = if structured.former_field { "schema" } else { "json_schema" };
            format.maybe(key, structured.schema.clone());
            structured.extras.overlay(format.map_mut());
            return format;
        }
        let strict = structured.strict == Some(true) && structured.schema.as_ref().is_some_and(fits_strict);
        for (said, param) in [
            (true, Param::OutputName),
            (structured.description.is_some(), Param::OutputDescription),
            (true, Param::OutputStrict),
            (!strict, self.request.output_schema()),
        ] {
            if said {
                self.out.hint(self.path(param), "a schema has no name here, and is always kept to");
            }
        }
        self.out.name(&structured.extras, self.path(Param::Output));
        if let Some(schema) = &structured.schema {
            let path = self.path(self.request.output_schema());
            let schema = normalise(schema, path, &Target::cohere(), &mut self.out.notices);
            format.maybe("json_schema", requiring_something(schema, path, &mut self.out.notices));
        }
        format
    }

    fn thinking(&mut self, body: &mut Object) {
        let spec = &self.request.reasoning;
        let mut thinking = Object::new();
        if self.out.same {
            thinking.maybe("type", spec.mode.map(thinking_word));
            thinking.maybe("token_budget", spec.budget_tokens);
            return body.nested("thinking", thinking);
        }
        // Who thinks tells of it here, also where nobody asked for that.
        if spec.summary.is_some() || !spec.is_unstated() {
            self.out.hint(self.path(Param::ReasoningSummary), "thoughts are told as the provider likes");
        }
        if spec.is_unstated() {
            return;
        }
        for param in [Param::ReasoningMode, Param::ReasoningEffort, Param::ReasoningBudget] {
            self.out.hint(self.path(param), "said in the target's own words");
        }
        let nothing = spec.effort == Some(Effort::None) || spec.budget_tokens == Some(0);
        let off = spec.mode == Some(ReasoningMode::Disabled) || nothing;
        let mode = if off { ReasoningMode::Disabled } else { ReasoningMode::Enabled };
        thinking.set("type", thinking_word(mode));
        let budget = spec.budget_tokens.or_else(|| spec.effort.as_ref().and_then(budget));
        thinking.maybe("token_budget", budget.filter(|_| !off));
        body.nested("thinking", thinking);
    }

    fn sampling(&mut self, body: &mut Object) {
        let request = self.request;
        let sampling = &request.sampling;
        body.maybe("temperature", sampling.temperature.clone().map(Value::Number));
        for (key, number, bounds, param) in [
            ("p", &sampling.top_p, SHARE, Param::TopP),
            ("frequency_penalty", &sampling.frequency_penalty, PENALTY, Param::FrequencyPenalty),
            ("presence_penalty", &sampling.presence_penalty, PENALTY, Param::PresencePenalty),
        ] {
            let Some(number) = number else { continue };
            match number.as_f64().map(|asked| (asked, asked.clamp(bounds.0, bounds.1))) {
                Some((asked, taken)) if asked != taken && !self.out.same => {
                    self.out.meaning(self.path(param), "the nearest that the target takes stands for it");
                    body.set(key, taken);
                }
                _ => body.set(key, number.clone()),
            }
        }
        body.maybe("seed", sampling.seed.clone().map(Value::Number));
        body.maybe("k", sampling.top_k);
        let mut stop = sampling.stop.clone();
        if let Some(stop) = stop.as_mut().filter(|stop| stop.len() > STOPS_MAX && !self.out.same) {
            self.out.meaning(self.path(Param::Stop), "the target stops at five texts at most");
            stop.truncate(STOPS_MAX);
        }
        body.maybe("stop_sequences", stop);
        body.maybe("logprobs", sampling.logprobs);
        body.maybe("max_tokens", request.max_tokens);
        body.maybe("stream", request.stream);
        if sampling.top_logprobs.is_some() {
            self.out.hint(self.path(Param::TopLogprobs), "the likeliest tokens in a place cannot be asked for");
        }
        if sampling.logit_bias.as_ref().is_some_and(|bias| !bias.is_empty()) {
            self.out.meaning(self.path(Param::LogitBias), "cannot be asked for in the target's dialect");
        }
        match sampling.choices {
            Some(choices) if choices > 1 => {
                self.out.meaning(self.path(Param::Choices), "an answer has one choice in the target's dialect");
            }
            Some(_) => self.out.hint(self.path(Param::Choices), "is so without saying"),
            None => {}
        }
        if request.max_tokens.is_none() && crate::dialect(request.origin).requires_bound() {
            self.out.hint(self.path(Param::MaxTokens), "no bound is asked for");
        }
    }

    fn metadata(&mut self) {
        let request = self.request;
        let metadata = &request.metadata;
        let keeps = crate::dialect(request.origin).keeps_unless_said("store");
        for (said, param) in [
            (request.verbosity.is_some(), Param::Verbosity),
            (request.stream == Some(true) || request.stream_usage.is_some(), Param::StreamUsage),
            (metadata.user.is_some(), Param::User),
            (metadata.labels.is_some(), Param::Labels),
            (metadata.service_tier.is_some(), Param::ServiceTier),
            (metadata.store.is_some() || keeps, Param::Store),
            (metadata.prompt_cache_key.is_some(), Param::PromptCacheKey),
        ] {
            if said {
                self.out.hint(self.path(param), "has no place in the target's dialect");
            }
        }
    }
}

const fn function(tool: &Tool) -> Option<&FunctionTool> {
    match &tool.kind {
        ToolKind::Function(function) => Some(function),
        ToolKind::Provider(_) => None,
    }
}

/// Whether a function has a parameter that must be given.
fn requires_something(function: &FunctionTool) -> bool {
    let required = function.parameters.as_ref().and_then(|schema| schema.get("required")?.as_array());
    required.is_some_and(|required| !required.is_empty())
}

/// The budget that stands for an effort; the higher ones are left to the model.
const fn budget(effort: &Effort) -> Option<u64> {
    match effort {
        Effort::Minimal | Effort::Low => Some(1_024),
        Effort::Medium => Some(8_192),
        Effort::None | Effort::High | Effort::ExtraHigh | Effort::Max | Effort::Other(_) => None,
    }
}
