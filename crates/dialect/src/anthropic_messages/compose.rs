//! Requests: encoding.

use super::{blocks, wire};
use crate::render::{ExtrasWriter, Object, begin_request, strict_path, thinking_word};
use crate::schema::{Target, fits_strict, normalise};
use crate::steps::{instructions_apart, joined};
use crate::{Encoded, Thinking, Variant};
use crate::{cache_control, effort};
use serde_json::{Number, Value};
use std::borrow::Cow;
use switchtower_domain::{
    DialectId, Effort, FunctionTool, Locus, OutputFormat, Param, Part, PartKind, ReasoningMode, Request, Role, Tool,
    ToolChoice, ToolKind, Turn,
};

/// Fields of other dialects whose loss changes nothing that the model sees.
const HINTS: [&str; 12] = [
    "index",
    "safety_identifier",
    "prompt_cache_retention",
    "annotations",
    "stream_options",
    "usage",
    "id",
    "status",
    "phase",
    "include",
    "logprobs",
    "truncation",
];

pub(super) fn encode(request: &Request, variant: &Variant) -> Encoded {
    let (mut body, out) = begin_request(request, DialectId::AnthropicMessages, &HINTS);
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
        let request = self.request;
        let turns = joined(&request.turns, self.path(Param::Turns), &mut self.out);
        let list = self.path(Param::Turns);
        let (system, rest) = instructions_apart(request.instructions.as_ref(), &turns, list, &mut self.out);
        self.system(&system, body);
        let messages = self.conversation(&rest);
        if !messages.is_empty() || !self.out.same {
            body.set("messages", messages);
        }
    }

    fn system(&mut self, turns: &[&Turn], body: &mut Object) {
        for turn in turns {
            self.names(turn);
            if turn.parts.iter().all(says_nothing) {
                self.out.hint(turn.at.path(), "instructions that say nothing are left out");
            }
        }
        match turns {
            [] => {}
            [Turn { plain: true, parts, .. }] => {
                if let [part @ Part { kind: PartKind::Text { text, .. }, .. }] = parts.as_slice()
                    && (self.out.same || !says_nothing(part))
                {
                    body.set("system", text.as_str());
                }
            }
            several => {
                let same = self.out.same;
                let parts = several.iter().flat_map(|turn| &turn.parts).filter(|part| same || !says_nothing(part));
                let blocks: Vec<Value> =
                    parts.filter_map(|part| blocks::block_object(part, &mut self.out)).map(Value::from).collect();
                if !blocks.is_empty() {
                    body.set("system", blocks);
                }
            }
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

    /// Results of tools that stand in turns of their own, and what the user says after them, become one message:
    /// all results of one turn must come together.
    fn conversation(&mut self, turns: &[&Turn]) -> Vec<Value> {
        let mut messages: Vec<Value> = Vec::new();
        let mut open: Option<Vec<Value>> = None;
        for turn in turns {
            if self.out.same {
                messages.push(self.message(turn));
                continue;
            }
            match (turn.role, open.as_mut()) {
                (Role::Tool, blocks) => {
                    self.names(turn);
                    let results = turn.parts.iter().filter_map(|part| blocks::block_object(part, &mut self.out));
                    let results: Vec<Value> = results.map(Value::from).collect();
                    match blocks {
                        Some(blocks) => blocks.extend(results),
                        None => open = Some(results),
                    }
                }
                (Role::User, Some(blocks)) => {
                    self.names(turn);
                    let said = turn.parts.iter().filter_map(|part| blocks::block_object(part, &mut self.out));
                    let before = blocks.len();
                    blocks.extend(said.map(Value::from));
                    if blocks.len() == before {
                        self.out.hint(turn.at.path(), "a turn that says nothing is left out");
                    }
                    messages.extend(open.take().map(user_message));
                }
                _ => {
                    messages.extend(open.take().map(user_message));
                    let message = self.message(turn);
                    let silent = |said: &Value| said.as_array().is_some_and(Vec::is_empty);
                    if message.get("content").is_none_or(silent) {
                        self.out.hint(turn.at.path(), "a turn that says nothing is left out");
                    } else {
                        messages.push(message);
                    }
                }
            }
        }
        messages.extend(open.filter(|blocks| !blocks.is_empty()).map(user_message));
        if let Some(begun) = self.request.begun_answer() {
            self.out.meaning(begun.at.path(), "a turn at the end is the beginning of the answer, and is continued");
        }
        messages
    }

    fn message(&mut self, turn: &Turn) -> Value {
        let role = match turn.role {
            Role::Assistant => "assistant",
            Role::System | Role::Developer => "system",
            Role::User | Role::Tool => "user",
        };
        let mut message = Object::new().with("role", role);
        if self.out.same {
            blocks::set_content(&mut message, turn.parts.iter(), turn.plain, &mut self.out);
            self.out.write(&turn.extras, &turn.at, &mut message);
            return message.into();
        }
        self.names(turn);
        let mut parts: Vec<Cow<'_, Part>> = Vec::with_capacity(turn.parts.len());
        let calls = turn.parts.iter().any(|part| matches!(part.kind, PartKind::ToolCall(_)));
        // The vendor takes back the white space that it wrote between cited texts.
        let own_words = turn.role == Role::Assistant;
        for part in &turn.parts {
            let empty = matches!(&part.kind, PartKind::Text { text, .. } if text.is_empty());
            let silent = if own_words { empty && (calls || turn.parts.len() == 1) } else { says_nothing(part) };
            if !silent {
                parts.push(self.without_citations(part));
                continue;
            }
            self.out.hint(part.at.path(), "text of white space alone is not taken");
            // What was to be cached up to here ends with what stands before.
            if let (Some(marker), Some(last)) = (&part.cache, parts.last_mut().filter(|last| last.cache.is_none())) {
                last.to_mut().cache = Some(marker.clone());
            }
        }
        let lone = if let [part] = parts.as_slice() { matches!(part.kind, PartKind::Text { .. }) } else { false };
        blocks::set_content(&mut message, parts.iter().map(Cow::as_ref), turn.plain && lone, &mut self.out);
        message.into()
    }

    /// What an answer of another provider cited has no index here, without which it is not taken back.
    fn without_citations<'p>(&mut self, part: &'p Part) -> Cow<'p, Part> {
        match &part.kind {
            PartKind::Text { text, citations } if !citations.is_empty() => {
                self.out
                    .hint(part.at.beneath(self.out.terms().citations), "citations of earlier answers are not repeated");
                let kind = PartKind::Text { text: text.clone(), citations: Vec::new() };
                Cow::Owned(Part { kind, ..part.clone() })
            }
            _ => Cow::Borrowed(part),
        }
    }

    fn tools(&mut self, body: &mut Object) {
        let request = self.request;
        let tools: Vec<Value> = request.tools.iter().filter_map(|tool| self.tool(tool)).collect();
        let any = !tools.is_empty();
        if any {
            body.set("tools", tools);
        }
        let mut choice = match &request.tool_choice {
            Some(_) if !any && !self.out.same => {
                self.out.hint(self.path(Param::ToolChoice), "there are no tools to choose from");
                Object::new()
            }
            Some(ToolChoice::Auto) => Object::typed("auto"),
            Some(ToolChoice::Never) => Object::typed("none"),
            Some(ToolChoice::Required) => Object::typed("any"),
            Some(ToolChoice::Named(name)) => Object::typed("tool").with("name", name.as_str()),
            None => Object::new(),
        };
        if self.out.same {
            choice.maybe("disable_parallel_tool_use", request.parallel_tool_calls.map(|parallel| !parallel));
        } else if let Some(parallel) = request.parallel_tool_calls {
            self.parallel(parallel, any, &mut choice);
        }
        body.nested("tool_choice", choice);
    }

    fn parallel(&mut self, parallel: bool, any: bool, choice: &mut Object) {
        let never = self.request.tool_choice == Some(ToolChoice::Never);
        if !any || never || (parallel && choice.is_empty()) {
            self.out.hint(self.path(Param::ParallelToolCalls), "is so without saying");
            return;
        }
        if choice.is_empty() {
            self.out.hint(self.path(Param::ToolChoice), "the choice is said to be free, so that it can be narrowed");
            choice.set("type", "auto");
        }
        choice.set("disable_parallel_tool_use", !parallel);
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
            object.set("cache_control", cache_control::object(marker));
        }
        self.out.write(&tool.extras, &tool.at, &mut object);
        Some(object.into())
    }

    fn function_tool(&mut self, function: &FunctionTool, tool: &Tool) -> Object {
        let mut object = Object::new();
        if self.out.same {
            object.constant("type", "custom", &tool.extras);
        }
        object.set("name", function.name.as_str());
        object.maybe("description", function.description.clone());
        if self.out.same {
            object.maybe("input_schema", function.parameters.clone());
        } else {
            let path = crate::dialect(self.request.origin).tool_schema_path(tool);
            let none = Value::Object(serde_json::Map::new());
            let schema = function.parameters.as_ref().unwrap_or(&none);
            let target = Target::anthropic(function.strict == Some(true));
            object.set("input_schema", normalise(schema, &path, &target, &mut self.out.notices));
        }
        object.maybe("strict", function.strict);
        if function.strict.is_none() && !self.out.same && crate::dialect(self.request.origin).strict_unless_said() {
            self.out.hint(tool.at.field("strict"), "the schema is a guide unless the tool says otherwise");
        }
        if function.strict == Some(true) && !function.parameters.as_ref().is_some_and(fits_strict) {
            self.out
                .hint(Locus::join(&strict_path(self.request.origin, tool), "strict"), "kept to in the target's way");
        }
        object
    }

    fn output(&mut self, body: &mut Object) {
        match &self.request.output {
            OutputFormat::Unstated => {}
            OutputFormat::Text => self.out.hint(self.path(Param::Output), "text is what is given without asking"),
            OutputFormat::JsonObject => {
                self.out.meaning(self.path(Param::Output), "JSON without a schema cannot be asked for");
            }
            OutputFormat::Structured(structured) => {
                let mut format = Object::typed("json_schema");
                if self.out.same {
                    format.maybe("schema", structured.schema.clone());
                    let key = if structured.former_field { "output_format" } else { "output_config" };
                    let value = if structured.former_field { format } else { Object::new().with("format", format) };
                    body.set(key, value);
                    return;
                }
                for (said, param) in [
                    (true, Param::OutputName),
                    (structured.description.is_some(), Param::OutputDescription),
                    (
                        structured.strict != Some(true) || !structured.schema.as_ref().is_some_and(fits_strict),
                        Param::OutputStrict,
                    ),
                ] {
                    if said {
                        self.out.hint(self.path(param), "a schema has no name here, and is always kept to");
                    }
                }
                self.out.name(&structured.extras, self.path(Param::Output));
                let Some(schema) = &structured.schema else {
                    self.out.meaning(self.path(Param::Output), "a format without a schema cannot be asked for");
                    return;
                };
                let path = self.path(self.request.output_schema());
                let schema = normalise(schema, path, &Target::anthropic(true), &mut self.out.notices);
                body.set("output_config", Object::new().with("format", format.with("schema", schema)));
            }
        }
    }

    fn reasoning(&mut self, body: &mut Object) {
        let spec = &self.request.reasoning;
        if self.out.same {
            if let Some(mode) = spec.mode {
                let mut thinking = Object::typed(thinking_word(mode));
                thinking.maybe("budget_tokens", spec.budget_tokens);
                body.set("thinking", thinking);
            }
            self.effort(spec.effort.as_ref(), body);
            return;
        }
        if spec.summary.is_some() {
            self.out.hint(self.path(Param::ReasoningSummary), "thoughts are told as the provider likes");
        }
        if spec.is_unstated() {
            return;
        }
        if spec.mode == Some(ReasoningMode::Disabled) || spec.effort == Some(Effort::None) {
            if spec.mode == Some(ReasoningMode::Disabled) {
                self.out.hint(self.path(Param::ReasoningMode), "said in the target's own words");
                self.out.hint(self.path(Param::ReasoningEffort), "no effort is spent where thinking is off");
            }
            if spec.in_one_object {
                self.out.hint(self.path(Param::ReasoningEffort), "said in the target's own words");
                self.out.hint(self.path(Param::ReasoningBudget), "said in the target's own words");
            }
            body.set("thinking", Object::typed("disabled"));
            return;
        }
        let forced = matches!(self.request.tool_choice, Some(ToolChoice::Required | ToolChoice::Named(_)));
        if forced && body.contains("tool_choice") {
            self.out.meaning(self.path(Param::ReasoningEffort), "a model that must call a tool cannot think first");
            if spec.in_one_object {
                self.out.meaning(self.path(Param::ReasoningBudget), "a model that must call a tool cannot think first");
            }
            if spec.mode.is_some() {
                self.out.meaning(self.path(Param::ReasoningMode), "a model that must call a tool cannot think first");
            }
            return;
        }
        if spec.in_one_object {
            self.out.hint(self.path(Param::ReasoningEffort), "said in the target's own words");
            self.out.hint(self.path(Param::ReasoningBudget), "said in the target's own words");
        } else if spec.mode.is_some() {
            self.out.hint(self.path(Param::ReasoningMode), "said in the target's own words");
            if spec.effort.is_none() {
                self.out.hint(self.path(Param::ReasoningEffort), "an effort stands for it");
            }
        }
        self.out.hint(self.path(Param::ReasoningSummary), "thoughts are told as the provider likes");
        self.out.hint(self.path(Param::ReasoningSeal), "thoughts come with a seal always");
        match self.variant.thinking {
            Thinking::Adaptive => {
                if spec.effort.is_none() && spec.budget_tokens.is_some() {
                    self.out.hint(self.path(Param::ReasoningBudget), "a budget of thinking becomes an effort");
                    self.out.hint(self.path(Param::ReasoningEffort), "an effort stands for the budget of thinking");
                }
                let effort = spec.effort.clone().or_else(|| spec.budget_tokens.map(effort::effort_of_budget));
                body.set("thinking", Object::typed("adaptive"));
                if matches!(effort, Some(Effort::Minimal | Effort::Other(_))) {
                    self.out.hint(self.path(Param::ReasoningEffort), "the nearest effort stands for it");
                }
                self.effort(effort.as_ref(), body);
            }
            Thinking::Budget => {
                self.out.hint(self.path(Param::ReasoningEffort), "an effort becomes a budget of thinking");
                let bound = self.max_tokens();
                let wanted = spec.budget_tokens.unwrap_or_else(|| effort::budget_of_effort(spec.effort.as_ref()));
                // The budget must leave room for the answer, and has a floor of its own.
                let budget = wanted.min(bound.saturating_sub(1024));
                if budget < 1024 {
                    self.out.meaning(self.path(Param::ReasoningEffort), "the bound on tokens leaves no room to think");
                    return;
                }
                body.set("thinking", Object::typed("enabled").with("budget_tokens", budget));
            }
        }
    }

    fn effort(&self, effort: Option<&Effort>, body: &mut Object) {
        let Some(effort) = effort else { return };
        let word = match effort {
            Effort::Other(_) if !self.out.same => "high",
            effort => wire::effort_word(effort),
        };
        match body.map_mut().get_mut("output_config").and_then(Value::as_object_mut) {
            Some(config) => {
                config.insert("effort".to_owned(), Value::from(word));
            }
            None => body.set("output_config", Object::new().with("effort", word)),
        }
    }

    fn max_tokens(&self) -> u64 {
        self.request.max_tokens.unwrap_or(self.variant.default_max_tokens)
    }

    fn sampling(&mut self, body: &mut Object) {
        let sampling = &self.request.sampling;
        // A model that thinks draws in its own way: other settings are refused.
        let thinks = !self.out.same && thinks(body);
        let low = sampling.top_p.as_ref().and_then(Number::as_f64).is_some_and(|share| share < 0.95);
        if let Some(temperature) = &sampling.temperature {
            if thinks && temperature.as_f64() != Some(1.0) {
                self.out.meaning(self.path(Param::Temperature), "cannot be chosen where the model thinks");
            } else {
                body.set("temperature", self.temperature(temperature));
            }
        }
        match &sampling.top_p {
            Some(_) if thinks && low => {
                self.out.meaning(self.path(Param::TopP), "cannot be as low where the model thinks");
            }
            top_p => body.maybe("top_p", top_p.clone().map(Value::Number)),
        }
        if thinks && sampling.top_k.is_some() {
            self.out.meaning(self.path(Param::TopK), "cannot be chosen where the model thinks");
        } else {
            body.maybe("top_k", sampling.top_k);
        }
        if let Some(stop) = &sampling.stop {
            let told: Vec<String> =
                stop.iter().filter(|text| self.out.same || !text.trim().is_empty()).cloned().collect();
            if told.len() < stop.len() {
                self.out.meaning(self.path(Param::Stop), "a stop text must hold more than white space");
            }
            if !told.is_empty() || self.out.same {
                body.set("stop_sequences", told);
            }
        }
        let lost = [
            (sampling.frequency_penalty.is_some(), Param::FrequencyPenalty),
            (sampling.presence_penalty.is_some(), Param::PresencePenalty),
            (sampling.choices.is_some_and(|choices| choices > 1), Param::Choices),
            (sampling.logprobs == Some(true), Param::Logprobs),
            (sampling.top_logprobs.is_some(), Param::TopLogprobs),
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

    fn temperature(&mut self, temperature: &Number) -> Value {
        if !self.out.same && temperature.as_f64().is_some_and(|value| value > 1.0) {
            self.out.meaning(self.path(Param::Temperature), "the highest temperature of the target is 1");
            return Value::from(1);
        }
        Value::Number(temperature.clone())
    }

    fn bounds(&mut self, body: &mut Object) {
        if self.request.max_tokens.is_none() && !self.out.same {
            self.out.hint(self.path(Param::MaxTokens), "a bound is required; the deployment's default was taken");
            body.set("max_tokens", self.variant.default_max_tokens);
        }
        body.maybe("max_tokens", self.request.max_tokens);
        body.maybe("stream", self.request.stream);
        if self.request.stream == Some(true) || self.request.stream_usage.is_some() {
            self.out.hint(self.path(Param::StreamUsage), "usage is reported always");
        }
    }

    fn metadata(&mut self, body: &mut Object) {
        let metadata = &self.request.metadata;
        if let Some(user) = &metadata.user {
            body.set("metadata", Object::new().with("user_id", user.as_str()));
        }
        if self.out.same {
            body.maybe("service_tier", metadata.service_tier.clone());
            return;
        }
        let origin = crate::dialect(self.request.origin);
        for (said, param) in [
            (self.request.verbosity.is_some(), Param::Verbosity),
            (metadata.service_tier.is_some(), Param::ServiceTier),
            (metadata.labels.is_some(), Param::Labels),
            (metadata.store.is_some() || origin.keeps_unless_said("store"), Param::Store),
            (metadata.prompt_cache_key.is_some(), Param::PromptCacheKey),
        ] {
            if said {
                self.out.hint(self.path(param), "has no place in the target's dialect");
            }
        }
    }
}

fn says_nothing(part: &Part) -> bool {
    matches!(&part.kind, PartKind::Text { text, .. } if text.trim().is_empty())
}

/// Whether the request that is being written asks for thinking.
fn thinks(body: &mut Object) -> bool {
    let kind = body.map_mut().get("thinking").and_then(|thinking| thinking.get("type")).and_then(Value::as_str);
    matches!(kind, Some("enabled" | "adaptive"))
}

fn user_message(blocks: Vec<Value>) -> Value {
    Object::new().with("role", "user").with("content", blocks).into()
}
