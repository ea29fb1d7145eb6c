//! Requests: encoding.

use super::parts::Side;
use super::request::{LIST, LOGPROBS};
use super::{items, wire};
use crate::render::{ExtrasWriter, Object, begin_request};
use crate::schema::{Target, fits_strict, normalise};
use crate::steps::{joined, splits_results};
use crate::{Encoded, carried, effort};
use serde_json::Value;
use std::collections::HashSet;
use switchtower_domain::{
    DialectId, Effort, FunctionTool, Notice, OutputFormat, Param, Part, PartKind, Reasoning, Request, Role, Tool,
    ToolCall, ToolCallKind, ToolChoice, ToolKind, ToolResult, Turn,
};

/// Fields of other dialects whose loss changes nothing that the model sees.
const HINTS: [&str; 8] = [
    "index",
    "caller",
    "annotations",
    "anthropic_version",
    "anthropic_beta",
    "inference_geo",
    "stream_options",
    "cache_control",
];

pub(super) fn encode(request: &Request) -> Encoded {
    let (mut body, out) = begin_request(request, DialectId::OpenaiResponses, &HINTS);
    let mut composer = Composer { request, out, include: Vec::new() };
    composer.conversation(&mut body);
    composer.tools(&mut body);
    composer.text(&mut body);
    composer.reasoning(&mut body);
    composer.sampling(&mut body);
    composer.bounds(&mut body);
    composer.metadata(&mut body);
    composer.out.write(&request.extras, "", &mut body);
    composer.same_include(&mut body);
    Encoded { body: body.into(), notices: composer.out.notices }
}

struct Composer<'a> {
    request: &'a Request,
    out: ExtrasWriter<'a>,
    /// What the answer is asked to hold beside the usual.
    include: Vec<&'static str>,
}

/// The entry of `include` that asks for reasoning that can be given back.
const ENCRYPTED: &str = "reasoning.encrypted_content";

impl Composer<'_> {
    fn path(&self, param: Param) -> &'static str {
        crate::dialect(self.request.origin).param_path(param)
    }

    /// Whether a client of the request's dialect gets thoughts with a seal, and gives them back with it.
    fn carries_reasoning(&self) -> bool {
        crate::dialect(self.request.origin).carries_reasoning()
    }

    fn conversation(&mut self, body: &mut Object) {
        let request = self.request;
        if let Some(instructions) = &request.instructions {
            self.instructions(instructions, body);
        }
        if self.out.same {
            self.same_input(body);
            return;
        }
        if let Some(begun) = request.begun_answer() {
            self.out.meaning(begun.at.path(), "the beginning of an answer is told as a turn, and may not be continued");
        }
        let turns = joined(&request.turns, self.path(Param::Turns), &mut self.out);
        if turns.windows(2).any(splits_results) {
            self.out.hint(self.path(Param::Turns), "what follows the results of tools becomes one turn");
        }
        let mut input = Vec::new();
        let mut custom = HashSet::new();
        for turn in turns.iter() {
            self.names(turn);
            let before = input.len();
            match turn.role {
                Role::Assistant => self.assistant(turn, &mut input, &mut custom),
                Role::System | Role::Developer | Role::User | Role::Tool => self.told(turn, &mut input, &custom),
            }
            if input.len() == before {
                self.out.hint(turn.at.path(), "a turn that says nothing is left out");
            }
        }
        body.set("input", input);
    }

    fn same_input(&mut self, body: &mut Object) {
        let request = self.request;
        if request.extras.lacks(LIST)
            && let [Turn { parts, .. }] = request.turns.as_slice()
            && let [Part { kind: PartKind::Text { text, .. }, .. }] = parts.as_slice()
        {
            body.set("input", text.as_str());
            return;
        }
        let mut input = Vec::new();
        for turn in &request.turns {
            if turn.parts.iter().any(|part| matches!(&part.kind, PartKind::Reasoning(said) if carried::carries(said))) {
                let reason = "reasoning of another provider is not taken back";
                self.out.notices.push(Notice::meaning(turn.at.path(), reason));
                continue;
            }
            input.push(items::same(turn, &mut self.out));
        }
        if !input.is_empty() {
            body.set("input", input);
        }
    }

    fn instructions(&mut self, turn: &Turn, body: &mut Object) {
        let mut texts = Vec::new();
        for part in &turn.parts {
            match &part.kind {
                PartKind::Text { text, .. } => texts.push(text.as_str()),
                _ => self.out.meaning(part.at.path(), "instructions hold text only"),
            }
            if part.cache.is_some() {
                self.out.hint(part.at.field("cache_control"), "cache markers have no place in the target's dialect");
            }
            self.out.name(&part.extras, &part.at);
        }
        if texts.len() > 1 {
            self.out.hint(turn.at.path(), "several instructions become one");
        }
        if self.out.same || !texts.iter().all(|text| text.is_empty()) {
            body.set("instructions", texts.join("\n\n"));
        } else {
            self.out.hint(turn.at.path(), "instructions that say nothing are left out");
        }
    }

    /// Names what a turn says beside its parts.
    fn names(&mut self, turn: &Turn) {
        if turn.name.is_some() {
            if turn.role == Role::Tool {
                self.out.hint(turn.at.field("name"), "the call's id says which tool it was");
            } else {
                self.out.meaning(turn.at.field("name"), "speakers have no names in the target's dialect");
            }
        }
        self.out.name(&turn.extras, &turn.at);
    }

    /// Results of tools are items of their own and come first; what else the turn says is a message.
    fn told(&mut self, turn: &Turn, input: &mut Vec<Value>, custom: &HashSet<String>) {
        let (results, rest): (Vec<&Part>, Vec<&Part>) =
            turn.parts.iter().partition(|part| matches!(part.kind, PartKind::ToolResult(_)));
        if turn.parts.iter().skip(results.len()).any(|part| matches!(part.kind, PartKind::ToolResult(_))) {
            self.out.hint(turn.at.path(), "results of tools come before what else the turn says");
        }
        for part in results {
            let PartKind::ToolResult(result) = &part.kind else { continue };
            input.extend(self.result(result, part, custom.contains(&result.call_id)));
        }
        self.message(&rest, turn, Side::Input, input);
    }

    fn message(&mut self, parts: &[&Part], turn: &Turn, side: Side, input: &mut Vec<Value>) {
        let empty = |part: &&&Part| matches!(&part.kind, PartKind::Text { text, .. } if text.is_empty());
        if let Some(part) = parts.iter().find(empty) {
            self.out.hint(part.at.path(), "empty text says nothing");
        }
        for part in parts {
            if matches!(&part.kind, PartKind::Text { citations, .. } if !citations.is_empty()) {
                self.out.hint(
                    part.at.beneath(self.out.terms().citations),
                    "citations of earlier answers are told in the target's form",
                );
            }
        }
        let parts: Vec<&Part> = parts.iter().filter(|part| !empty(part)).copied().collect();
        if parts.is_empty() {
            return;
        }
        let mut message = Object::new().with("role", wire::role_word(turn.role));
        let lone = matches!(parts.as_slice(), [Part { kind: PartKind::Text { .. }, .. }]);
        if let ([part], true) = (parts.as_slice(), lone && (turn.plain || side == Side::Output))
            && let PartKind::Text { text, .. } = &part.kind
        {
            if part.cache.is_some() {
                self.out.hint(part.at.field("cache_control"), "cache markers have no place in the target's dialect");
            }
            self.out.name(&part.extras, &part.at);
            message.set("content", text.as_str());
        } else {
            items::set_content(&mut message, "content", parts.into_iter(), false, side, &mut self.out);
            if message.map_mut().get("content").and_then(Value::as_array).is_none_or(Vec::is_empty) {
                return;
            }
        }
        input.push(message.into());
    }

    fn result(&mut self, result: &ToolResult, part: &Part, custom: bool) -> Option<Value> {
        if result.call_id.is_empty() {
            self.out.meaning(part.at.path(), "a result that names no call cannot be matched to one");
            return None;
        }
        let word = if custom { "custom_tool_call_output" } else { "function_call_output" };
        let mut object = Object::typed(word).with("call_id", result.call_id.as_str());
        let content = result.content.as_deref().unwrap_or_default();
        match content {
            [] => object.set("output", ""),
            [Part { kind: PartKind::Text { text, .. }, cache: None, extras, at }] => {
                self.out.name(extras, at);
                object.set("output", text.as_str());
            }
            parts => {
                items::set_content(&mut object, "output", parts.iter(), false, Side::Input, &mut self.out);
                if object.map_mut().get("output").and_then(Value::as_array).is_some_and(Vec::is_empty) {
                    object.set("output", "");
                }
            }
        }
        if result.is_error == Some(true) {
            self.out.hint(part.at.beneath(self.out.terms().result_error), "whether a tool failed is left to its words");
        } else if result.is_error.is_some() {
            self.out.hint(part.at.beneath(self.out.terms().result_error), "a tool that did not fail is not marked");
        }
        if part.cache.is_some() {
            self.out.hint(part.at.field("cache_control"), "cache markers have no place in the target's dialect");
        }
        self.out.name(&part.extras, &part.at);
        Some(object.into())
    }

    fn assistant(&mut self, turn: &Turn, input: &mut Vec<Value>, custom: &mut HashSet<String>) {
        let mut said: Vec<&Part> = Vec::new();
        let mut called = false;
        for part in &turn.parts {
            match &part.kind {
                PartKind::Reasoning(reasoning) => {
                    self.message(&std::mem::take(&mut said), turn, Side::Output, input);
                    input.extend(self.reasoning_item(reasoning, part));
                }
                PartKind::ToolCall(call) => {
                    self.message(&std::mem::take(&mut said), turn, Side::Output, input);
                    if call.kind == ToolCallKind::Custom {
                        custom.insert(call.id.clone());
                    }
                    called = true;
                    input.push(self.call(call, part));
                }
                PartKind::ProviderItem(_) | PartKind::Native { .. } => {
                    self.out.meaning(part.at.path(), "is known to its own dialect only");
                }
                _ => said.push(part),
            }
        }
        if called && !said.is_empty() {
            self.out.hint(turn.at.path(), "what is said after a tool call is a message of its own");
        }
        self.message(&said, turn, Side::Output, input);
    }

    fn call(&mut self, call: &ToolCall, part: &Part) -> Value {
        let (word, key) = match call.kind {
            ToolCallKind::Function => ("function_call", "arguments"),
            ToolCallKind::Custom => ("custom_tool_call", "input"),
        };
        let empty = call.kind == ToolCallKind::Function && call.arguments.is_empty();
        if empty {
            self.out.hint(part.at.path(), "arguments that were not given become an empty object");
        }
        if part.cache.is_some() {
            self.out.hint(part.at.field("cache_control"), "cache markers have no place in the target's dialect");
        }
        self.out.name(&part.extras, &part.at);
        Object::typed(word)
            .with("call_id", call.id.as_str())
            .with("name", call.name.as_str())
            .with(key, if empty { "{}" } else { call.arguments.as_str() })
            .into()
    }

    /// Only what this dialect itself sealed is taken back.
    fn reasoning_item(&mut self, reasoning: &Reasoning, part: &Part) -> Option<Value> {
        if reasoning.restated {
            self.out.hint(part.at.path(), "says again what stands beside it");
            return None;
        }
        let Some(own) = carried::unwrap(reasoning, DialectId::OpenaiResponses) else {
            self.out.meaning(part.at.path(), "reasoning of another provider is not taken back");
            return None;
        };
        self.out.hint(part.at.path(), "carried in the target's own form");
        let texts = own.text.filter(|text| !text.is_empty());
        let summary: Vec<Value> =
            texts.into_iter().map(|text| Object::typed("summary_text").with("text", text).into()).collect();
        let mut object = Object::typed("reasoning");
        object.maybe("id", own.id);
        object.set("summary", summary);
        object.maybe("encrypted_content", own.sealed);
        Some(object.into())
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
                body.set("tool_choice", Object::typed("function").with("name", name.as_str()));
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
        if tool.cache.is_some() {
            self.out.hint(tool.at.field("cache_control"), "cache markers have no place in the target's dialect");
        }
        self.out.write(&tool.extras, &tool.at, &mut object);
        Some(object.into())
    }

    fn function_tool(&mut self, function: &FunctionTool, tool: &Tool) -> Object {
        if self.out.same {
            let mut object = Object::new().with("name", function.name.as_str());
            object.maybe("description", function.description.clone());
            object.maybe("parameters", function.parameters.clone());
            object.maybe("strict", function.strict);
            return object;
        }
        let mut object = Object::typed("function").with("name", function.name.as_str());
        object.maybe("description", function.description.clone());
        // Unlike elsewhere, strict is what a tool is here unless it says otherwise.
        let mut strict = function.strict.unwrap_or(false);
        let none = serde_json::json!({"type": "object", "properties": {}});
        if function.parameters.is_none() {
            self.out.hint(tool.at.path(), "a tool without parameters is said to take none");
        }
        let schema = function.parameters.as_ref().unwrap_or(&none);
        let path = crate::dialect(self.request.origin).tool_schema_path(tool);
        if strict && !fits_strict(schema) {
            self.out.meaning(tool.at.field("strict"), "a strict schema with optional properties is not taken");
            strict = false;
        }
        object.set("parameters", normalise(schema, &path, &Target::openai(strict), &mut self.out.notices));
        object.set("strict", strict);
        object
    }

    fn text(&mut self, body: &mut Object) {
        let mut text = Object::new();
        if let Some(format) = self.format() {
            text.set("format", format);
        }
        text.maybe("verbosity", self.request.verbosity.clone());
        body.nested("text", text);
    }

    fn format(&mut self) -> Option<Object> {
        Some(match &self.request.output {
            OutputFormat::Unstated => return None,
            OutputFormat::Text => Object::typed("text"),
            OutputFormat::JsonObject => Object::typed("json_object"),
            OutputFormat::Structured(structured) => {
                let mut format = Object::typed("json_schema");
                if self.out.same {
                    format.maybe("name", structured.name.clone());
                    format.maybe("schema", structured.schema.clone());
                    format.maybe("strict", structured.strict);
                } else {
                    if structured.name.is_none() {
                        self.out.hint(self.path(Param::OutputName), "a schema needs a name");
                    }
                    if structured.strict.is_none() {
                        self.out.hint(self.path(Param::OutputStrict), "a schema is kept to");
                    }
                    format.set("name", structured.name.as_deref().unwrap_or("response"));
                    // A dialect without the word keeps to its schemas always.
                    let mut strict = structured.strict.unwrap_or(true);
                    let path = self.path(self.request.output_schema());
                    let none = serde_json::json!({"type": "object"});
                    let schema = structured.schema.as_ref().unwrap_or(&none);
                    if strict && !fits_strict(schema) {
                        self.out.meaning(path, "a strict schema with optional properties is not taken");
                        strict = false;
                    }
                    format.set("schema", normalise(schema, path, &Target::openai(strict), &mut self.out.notices));
                    format.set("strict", strict);
                    self.out.name(&structured.extras, self.path(Param::Output));
                }
                format.maybe("description", structured.description.clone());
                format
            }
        })
    }

    fn reasoning(&mut self, body: &mut Object) {
        let spec = &self.request.reasoning;
        let mut reasoning = Object::new();
        if self.out.same {
            reasoning.maybe("effort", spec.effort.as_ref().map(effort::effort_word));
            reasoning.maybe("summary", spec.summary.clone());
            body.nested("reasoning", reasoning);
            return;
        }
        if spec.is_unstated() {
            reasoning.maybe("summary", spec.summary.clone());
            body.nested("reasoning", reasoning);
            return;
        }
        if spec.mode.is_some() || spec.in_one_object {
            for param in [Param::ReasoningMode, Param::ReasoningBudget, Param::ReasoningEffort] {
                self.out.hint(self.path(param), "said in the target's own words");
            }
        }
        let (effort, told) = effort::in_openai_words(spec);
        for (param, reason) in told {
            self.out.hint(self.path(param), reason);
        }
        let thinks = !matches!(effort, None | Some(Effort::None));
        reasoning.maybe("effort", effort.as_ref().map(effort::effort_word));
        reasoning.maybe("summary", spec.summary.clone());
        if thinks && crate::dialect(self.request.origin).shows_reasoning() {
            // Thoughts are told in a summary only.
            reasoning.set("summary", spec.summary.as_deref().unwrap_or("auto"));
        }
        if thinks && self.carries_reasoning() {
            // They come back as they were sealed.
            self.include.push(ENCRYPTED);
        }
        body.nested("reasoning", reasoning);
    }

    fn sampling(&mut self, body: &mut Object) {
        let sampling = &self.request.sampling;
        body.maybe("temperature", sampling.temperature.clone().map(Value::Number));
        body.maybe("top_p", sampling.top_p.clone().map(Value::Number));
        body.maybe("top_logprobs", sampling.top_logprobs);
        if self.out.same {
            return;
        }
        if sampling.logprobs == Some(true) {
            self.include.push(LOGPROBS);
        }
        if !self.include.is_empty() {
            body.set("include", self.include.clone());
        }
        let lost = [
            (sampling.top_k.is_some(), Param::TopK),
            (sampling.frequency_penalty.is_some(), Param::FrequencyPenalty),
            (sampling.presence_penalty.is_some(), Param::PresencePenalty),
            (sampling.choices.is_some_and(|choices| choices > 1), Param::Choices),
            (sampling.stop.as_ref().is_some_and(|stop| !stop.is_empty()), Param::Stop),
            (sampling.logit_bias.as_ref().is_some_and(|bias| !bias.is_empty()), Param::LogitBias),
        ];
        for (_, param) in lost.into_iter().filter(|(said, _)| *said) {
            self.out.meaning(self.path(param), "cannot be asked for in the target's dialect");
        }
        let silent = [
            (sampling.seed.is_some(), Param::Seed),
            (sampling.choices.is_some_and(|choices| choices <= 1), Param::Choices),
            (sampling.logprobs == Some(false), Param::Logprobs),
        ];
        for (_, param) in silent.into_iter().filter(|(said, _)| *said) {
            self.out.hint(self.path(param), "has no place in the target's dialect");
        }
    }

    /// `include` as it was, with or without the entry that has a typed value.
    fn same_include(&self, body: &mut Object) {
        if !self.out.same {
            return;
        }
        let wanted = self.request.sampling.logprobs == Some(true);
        let listed = self.request.extras.get("include").and_then(Value::as_array);
        let has = listed.is_some_and(|list| list.iter().any(|entry| entry == LOGPROBS));
        if wanted != has {
            let others = listed.into_iter().flatten().filter(|entry| *entry != LOGPROBS).cloned();
            body.set("include", others.chain(wanted.then(|| Value::from(LOGPROBS))).collect::<Vec<_>>());
        }
    }

    fn bounds(&mut self, body: &mut Object) {
        let request = self.request;
        body.maybe("max_output_tokens", request.max_tokens);
        body.maybe("stream", request.stream);
        if self.out.same {
            return;
        }
        if request.max_tokens.is_none() && crate::dialect(request.origin).requires_bound() {
            self.out.hint(self.path(Param::MaxTokens), "no bound is asked for");
        }
        if request.stream_usage.is_some() || request.stream == Some(true) {
            self.out.hint(self.path(Param::StreamUsage), "usage is reported always");
        }
    }

    fn metadata(&mut self, body: &mut Object) {
        let metadata = &self.request.metadata;
        body.maybe("user", metadata.user.clone());
        body.maybe("metadata", metadata.labels.clone());
        body.maybe("prompt_cache_key", metadata.prompt_cache_key.clone());
        if self.out.same {
            body.maybe("service_tier", metadata.service_tier.clone());
            body.maybe("store", metadata.store);
            return;
        }
        match &metadata.service_tier {
            Some(tier) if wire::SERVICE_TIERS.contains(&tier.as_str()) => body.set("service_tier", tier.as_str()),
            Some(_) => self.out.hint(self.path(Param::ServiceTier), "classes of service differ between vendors"),
            None => {}
        }
        // Unlike elsewhere, what is sent is kept here unless the request says otherwise.
        body.set("store", metadata.store.unwrap_or(false));
    }
}
