//! Requests: encoding.

use super::parts_out::{Writer, cache_point};
use super::request::{NO_SETTINGS, SYSTEM_TOOL};
use super::thinking::{self, Family, family};
use super::wire;
use crate::effort::{budget_of_effort, effort_of_budget, effort_word};
use crate::render::{ExtrasWriter, Object, strict_path};
use crate::schema::{Target, fits_strict, normalise};
use crate::steps::{instructions_apart, joined};
use crate::{Encoded, Thinking, Variant};
use serde_json::{Map, Number, Value};
use switchtower_domain::{
    DialectId, Effort, FunctionTool, Locus, OutputFormat, Param, ReasoningMode, Request, Role, Tool, ToolChoice,
    ToolKind, Turn,
};

/// Fields of other dialects whose loss changes nothing that the model sees.
const HINTS: [&str; 13] = [
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
    "cache_control",
];

pub(super) fn encode(request: &Request, variant: &Variant) -> Encoded {
    let same = request.origin == DialectId::BedrockConverse;
    let mut body = Object::new();
    if same && !request.extras.lacks("modelId") {
        body.set("modelId", request.model.as_str());
    }
    let out = ExtrasWriter { from: request.origin, same, hints: &HINTS, notices: Vec::new() };
    let mut composer = Composer { request, variant, out, unthought: false };
    composer.conversation(&mut body);
    composer.unthought = answers_unthought_calls(&body);
    composer.tools(&mut body);
    composer.output(&mut body);
    composer.own_effort(&mut body);
    let more = composer.more();
    composer.settings(&more, &mut body);
    body.nested("additionalModelRequestFields", more);
    composer.metadata(&mut body);
    composer.out.write(&request.extras, "", &mut body);
    Encoded { body: body.into(), notices: composer.out.notices }
}

struct Composer<'a> {
    request: &'a Request,
    variant: &'a Variant,
    out: ExtrasWriter<'a>,
    /// The conversation ends with results of calls that come without the thoughts before them.
    unthought: bool,
}

impl Composer<'_> {
    fn path(&self, param: Param) -> &'static str {
        crate::dialect(self.request.origin).param_path(param)
    }

    fn conversation(&mut self, body: &mut Object) {
        let request = self.request;
        let list = self.path(Param::Turns);
        let turns = joined(&request.turns, list, &mut self.out);
        let (instructions, rest) = instructions_apart(request.instructions.as_ref(), &turns, list, &mut self.out);
        let mut documents = 0;
        let mut system = Vec::new();
        for turn in instructions {
            system.extend(Writer { out: &mut self.out, documents: &mut documents }.list(turn.parts.iter()));
            self.out.name(&turn.extras, &turn.at);
        }
        if !system.is_empty() {
            body.set("system", system);
        }
        let messages: Vec<Value> = if self.out.same {
            rest.iter().map(|turn| self.message(turn, &mut documents)).collect()
        } else {
            self.alternating(&rest, &mut documents)
        };
        if !messages.is_empty() || !self.out.same {
            body.set("messages", messages);
        }
        if let Some(begun) = request.begun_answer() {
            self.out.meaning(begun.at.path(), "a turn at the end is the beginning of the answer, and is continued");
        }
    }

    fn message(&mut self, turn: &Turn, documents: &mut usize) -> Value {
        let role = if turn.role == Role::Assistant { "assistant" } else { "user" };
        let mut message = Object::new().with("role", role);
        let content = Writer { out: &mut self.out, documents }.list(turn.parts.iter());
        if !content.is_empty() {
            message.set("content", content);
        }
        self.out.write(&turn.extras, &turn.at, &mut message);
        message.into()
    }

    /// Speakers take turns here: neighbouring turns of one speaker become one.
    fn alternating(&mut self, turns: &[&Turn], documents: &mut usize) -> Vec<Value> {
        let mut messages: Vec<(&str, Vec<Value>)> = Vec::new();
        let mut before: Option<&Turn> = None;
        for turn in turns {
            if turn.name.is_some() {
                self.out.meaning(turn.at.field("name"), "speakers have no names in the target's dialect");
            }
            self.out.name(&turn.extras, &turn.at);
            let content = Writer { out: &mut self.out, documents }.list(turn.parts.iter());
            if content.is_empty() {
                self.out.hint(turn.at.path(), "a turn that says nothing is left out");
                continue;
            }
            let role = if turn.role == Role::Assistant { "assistant" } else { "user" };
            match messages.last_mut() {
                Some((speaker, said)) if *speaker == role => {
                    // Results of tools stand in turns of their own elsewhere, and come together here as a matter of form.
                    if before.is_some_and(|before| before.role != Role::Tool) {
                        self.out.hint(self.path(Param::Turns), "neighbouring turns of one speaker become one");
                    }
                    said.extend(content);
                }
                _ => messages.push((role, content)),
            }
            before = Some(turn);
        }
        let written = |(role, content): (&str, Vec<Value>)| Object::new().with("role", role).with("content", content);
        messages.into_iter().map(written).map(Value::from).collect()
    }

    fn tools(&mut self, body: &mut Object) {
        let request = self.request;
        let mut tools: Vec<Value> = Vec::new();
        for tool in &request.tools {
            let Some(written) = self.tool(tool) else { continue };
            tools.push(written);
            tools.extend(tool.cache.as_ref().map(cache_point));
        }
        let mut config = Object::new();
        let any = !tools.is_empty();
        if any {
            config.set("tools", tools);
        }
        let choice = match &request.tool_choice {
            Some(_) if !any && !self.out.same => {
                self.out.hint(self.path(Param::ToolChoice), "there are no tools to choose from");
                None
            }
            Some(ToolChoice::Auto) => Some(Object::new().with("auto", Map::new())),
            Some(ToolChoice::Required) => Some(Object::new().with("any", Map::new())),
            Some(ToolChoice::Named(name)) => {
                Some(Object::new().with("tool", Object::new().with("name", name.as_str())))
            }
            Some(ToolChoice::Never) => {
                self.out.meaning(self.path(Param::ToolChoice), "a model with tools cannot be kept from calling one");
                None
            }
            None => None,
        };
        config.maybe("toolChoice", choice);
        body.nested("toolConfig", config);
        match request.parallel_tool_calls {
            Some(false) => {
                self.out.hint(self.path(Param::ParallelToolCalls), "one call a turn cannot be asked for");
            }
            Some(true) => self.out.hint(self.path(Param::ParallelToolCalls), "is so without saying"),
            None => {}
        }
    }

    fn tool(&mut self, tool: &Tool) -> Option<Value> {
        let mut object = match &tool.kind {
            ToolKind::Function(function) => Object::new().with("toolSpec", self.function(function, tool)),
            ToolKind::Provider(provider) if self.out.same => {
                let mut object = Object::new();
                if let (SYSTEM_TOOL, Some(name)) = (provider.kind.as_str(), &provider.name) {
                    object.set(SYSTEM_TOOL, Object::new().with("name", name.as_str()));
                }
                object
            }
            ToolKind::Provider(_) => {
                self.out.meaning(tool.at.path(), "a tool of this kind is not known to the target");
                return None;
            }
        };
        self.out.write(&tool.extras, &tool.at, &mut object);
        Some(object.into())
    }

    fn function(&mut self, function: &FunctionTool, tool: &Tool) -> Object {
        let mut spec = Object::new().with("name", function.name.as_str());
        if function.description.as_deref() == Some("") && !self.out.same {
            let path = Locus::join(&strict_path(self.request.origin, tool), "description");
            self.out.hint(path, "empty text is not taken");
        } else {
            spec.maybe("description", function.description.clone());
        }
        if self.out.same {
            let mut schema = Object::new();
            schema.maybe("json", function.parameters.clone());
            spec.nested("inputSchema", schema);
        } else {
            let path = crate::dialect(self.request.origin).tool_schema_path(tool);
            let none = Value::Object(Map::new());
            let schema = function.parameters.as_ref().unwrap_or(&none);
            let target = Target::anthropic(function.strict == Some(true));
            let schema = normalise(schema, &path, &target, &mut self.out.notices);
            spec.set("inputSchema", Object::new().with("json", schema));
            if function.strict == Some(true) && !function.parameters.as_ref().is_some_and(fits_strict) {
                let path = Locus::join(&strict_path(self.request.origin, tool), "strict");
                self.out.hint(path, "kept to in the target's way");
            } else if function.strict.is_none() && crate::dialect(self.request.origin).strict_unless_said() {
                let path = Locus::join(&strict_path(self.request.origin, tool), "strict");
                self.out.hint(path, "the schema is a guide unless the tool says otherwise");
            }
        }
        spec.maybe("strict", function.strict);
        spec
    }

    fn output(&mut self, body: &mut Object) {
        match &self.request.output {
            OutputFormat::Unstated => {}
            OutputFormat::Text => self.out.hint(self.path(Param::Output), "text is what is given without asking"),
            OutputFormat::JsonObject => {
                self.out.meaning(self.path(Param::Output), "JSON without a schema cannot be asked for");
            }
            OutputFormat::Structured(structured) => {
                let schema = match &structured.schema {
                    None if self.out.same => None,
                    None => {
                        self.out.meaning(self.path(Param::Output), "a format without a schema cannot be asked for");
                        return;
                    }
                    Some(schema) if self.out.same => {
                        let written = structured.extras.get("schema").and_then(Value::as_str);
                        let own =
                            written.filter(|text| serde_json::from_str(text).is_ok_and(|own: Value| own == *schema));
                        Some(own.map_or_else(|| schema.to_string(), str::to_owned))
                    }
                    Some(schema) => {
                        let strict = structured.strict == Some(true) && fits_strict(schema);
                        if !strict {
                            self.out.hint(self.path(Param::OutputStrict), "a schema is always kept to");
                        }
                        if structured.name.is_none() {
                            self.out.hint(self.path(Param::OutputName), "a schema needs no name here");
                        }
                        self.out.name(&structured.extras, self.path(Param::Output));
                        let path = self.path(self.request.output_schema());
                        let target = Target::anthropic(true);
                        Some(normalise(schema, path, &target, &mut self.out.notices).to_string())
                    }
                };
                let mut definition = Object::new();
                definition.maybe("schema", schema);
                definition.maybe("name", structured.name.clone());
                definition.maybe("description", structured.description.clone());
                let structure = Object::new().with("jsonSchema", definition);
                let format = Object::typed("json_schema").with("structure", structure);
                body.set("outputConfig", Object::new().with("textFormat", format));
            }
        }
    }

    /// The effort, where it was said in Converse's own word.
    fn own_effort(&self, body: &mut Object) {
        let Some(effort) = &self.request.reasoning.effort else { return };
        if self.out.same && self.request.extras.lacks(thinking::OWN_EFFORT) {
            let config = body.map_mut().entry("outputConfig").or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(config) = config {
                config.insert("effort".to_owned(), Value::from(effort_word(effort)));
            }
        }
    }

    /// What only some families of models are asked.
    fn more(&mut self) -> Object {
        let request = self.request;
        let (spec, top_k) = (&request.reasoning, request.sampling.top_k);
        if self.out.same {
            return thinking::write_back(spec, top_k, &request.extras);
        }
        let family = family(&request.model);
        let mut more = self.thinking(family);
        let thinks = is_thinking(&more);
        match (top_k, family) {
            (None, _) => {}
            (Some(_), Family::Claude) if thinks => {
                self.out.meaning(self.path(Param::TopK), "cannot be chosen where the model thinks");
            }
            (Some(top_k), Family::Nova) => more.set("inferenceConfig", Object::new().with("topK", top_k)),
            (Some(_), Family::Plain | Family::GptOss) => {
                self.out.meaning(self.path(Param::TopK), "cannot be asked for of this model");
            }
            (Some(top_k), Family::Claude) => more.set("top_k", top_k),
        }
        more
    }

    fn thinking(&mut self, family: Family) -> Object {
        let spec = &self.request.reasoning;
        let mut more = Object::new();
        if spec.is_unstated() {
            if spec.summary.is_some() {
                self.out.hint(self.path(Param::ReasoningSummary), "thoughts are told as the provider likes");
            }
            return more;
        }
        self.out.hint(self.path(Param::ReasoningSummary), "thoughts are told as the provider likes");
        if spec.mode.is_some() || spec.in_one_object {
            self.out.hint(self.path(Param::ReasoningMode), "said in the target's own words");
        }
        self.out.hint(self.path(Param::ReasoningEffort), "said in the target's own words");
        if spec.budget_tokens.is_some() || spec.in_one_object {
            self.out.hint(self.path(Param::ReasoningBudget), "said in the target's own words");
        }
        let off = spec.mode == Some(ReasoningMode::Disabled) || spec.effort == Some(Effort::None);
        if !off {
            self.out.hint(self.path(Param::ReasoningSeal), "thoughts come with a signature always");
        }
        let effort = spec.effort.clone().or_else(|| spec.budget_tokens.map(effort_of_budget));
        match family {
            Family::Plain if off => {}
            Family::Plain => {
                self.out.meaning(self.path(Param::ReasoningEffort), "cannot be asked for of this model");
            }
            Family::GptOss => {
                // It has no word for none.
                let word = effort.as_ref().map_or(Effort::Medium, thinking::nova_effort);
                more.set("reasoning_effort", effort_word(if off { &Effort::Low } else { &word }));
            }
            Family::Nova => {
                let mode = if off { ReasoningMode::Disabled } else { ReasoningMode::Enabled };
                let effort = effort.as_ref().map(thinking::nova_effort).filter(|_| !off);
                more.set("reasoningConfig", thinking::nova(Some(mode), effort.as_ref()));
            }
            Family::Claude if off => more.set("thinking", Object::typed("disabled")),
            Family::Claude if self.must_call() => {
                for param in [Param::ReasoningMode, Param::ReasoningEffort, Param::ReasoningBudget] {
                    self.out.meaning(self.path(param), "a model that must call a tool cannot think first");
                }
            }
            // Source: <https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html>
            Family::Claude if self.unthought && self.variant.thinking == Thinking::Budget => {
                for param in [Param::ReasoningMode, Param::ReasoningEffort, Param::ReasoningBudget] {
                    self.out.meaning(self.path(param), "a model that thinks wants its thoughts back with its calls");
                }
                more.set("thinking", Object::typed("disabled"));
            }
            Family::Claude => self.claude(effort.as_ref(), &mut more),
        }
        more
    }

    fn must_call(&self) -> bool {
        let forced = matches!(self.request.tool_choice, Some(ToolChoice::Required | ToolChoice::Named(_)));
        forced && !self.request.tools.is_empty()
    }

    fn claude(&mut self, effort: Option<&Effort>, more: &mut Object) {
        let spec = &self.request.reasoning;
        if self.variant.thinking == Thinking::Adaptive {
            more.set("thinking", Object::typed("adaptive"));
            let word = effort.map(|effort| match effort {
                Effort::Other(_) => "high",
                Effort::None | Effort::Minimal => "low",
                effort => effort_word(effort),
            });
            more.maybe("output_config", word.map(|word| Object::new().with("effort", word)));
            return;
        }
        let wanted = spec.budget_tokens.unwrap_or_else(|| budget_of_effort(effort));
        // The budget must leave room for the answer, and has a floor of its own.
        let budget = self.request.max_tokens.map_or(wanted, |bound| wanted.min(bound.saturating_sub(1024)));
        if budget < 1024 {
            self.out.meaning(self.path(Param::ReasoningEffort), "the bound on tokens leaves no room to think");
            return;
        }
        more.set("thinking", Object::typed("enabled").with("budget_tokens", budget));
    }

    fn settings(&mut self, more: &Object, body: &mut Object) {
        let sampling = &self.request.sampling;
        // A model that thinks draws in its own way: other settings are refused.
        let thinks = !self.out.same && is_thinking(more);
        let mut config = Object::new();
        config.maybe("maxTokens", self.request.max_tokens);
        match &sampling.temperature {
            Some(temperature) if thinks && temperature.as_f64() != Some(1.0) => {
                self.out.meaning(self.path(Param::Temperature), "cannot be chosen where the model thinks");
            }
            Some(temperature) if !self.out.same && temperature.as_f64().is_some_and(|value| value > 1.0) => {
                self.out.meaning(self.path(Param::Temperature), "the highest temperature of the target is 1");
                config.set("temperature", 1);
            }
            temperature => config.maybe("temperature", temperature.clone().map(Value::Number)),
        }
        let low = sampling.top_p.as_ref().and_then(Number::as_f64).is_some_and(|share| share < 0.95);
        if thinks && low {
            self.out.meaning(self.path(Param::TopP), "cannot be as low where the model thinks");
        } else {
            config.maybe("topP", sampling.top_p.clone().map(Value::Number));
        }
        if let Some(stop) = &sampling.stop {
            let told: Vec<String> =
                stop.iter().filter(|text| self.out.same || !text.trim().is_empty()).cloned().collect();
            if told.len() < stop.len() {
                self.out.meaning(self.path(Param::Stop), "a stop text must hold more than white space");
            }
            if !told.is_empty() || self.out.same {
                config.set("stopSequences", told);
            }
        }
        if !config.is_empty() || (self.out.same && self.request.extras.lacks(NO_SETTINGS)) {
            body.set("inferenceConfig", config);
        }
        self.unsaid();
    }

    /// Settings that have no place here.
    fn unsaid(&mut self) {
        let sampling = &self.request.sampling;
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

    fn metadata(&mut self, body: &mut Object) {
        let metadata = &self.request.metadata;
        let tier = metadata.service_tier.as_deref();
        let taken = tier.filter(|tier| self.out.same || wire::TIERS.contains(tier));
        body.maybe("serviceTier", taken.map(Object::typed));
        let labels = metadata.labels.as_ref().filter(|labels| {
            self.out.same
                || (labels.len() <= wire::LABELS_MAX && !labels.is_empty() && labels.iter().all(wire::is_label))
        });
        body.maybe("requestMetadata", labels.cloned());
        let origin = crate::dialect(self.request.origin);
        for (said, param) in [
            (self.request.verbosity.is_some(), Param::Verbosity),
            (metadata.user.is_some(), Param::User),
            (tier.is_some() && taken.is_none(), Param::ServiceTier),
            (metadata.labels.is_some() && labels.is_none(), Param::Labels),
            (metadata.store.is_some() || origin.keeps_unless_said("store"), Param::Store),
            (metadata.prompt_cache_key.is_some(), Param::PromptCacheKey),
            (self.request.stream == Some(true) || self.request.stream_usage.is_some(), Param::StreamUsage),
        ] {
            if said {
                self.out.hint(self.path(param), "has no place in the target's dialect");
            }
        }
    }
}

/// Whether a conversation ends with results of calls that begin their turn: a model that thinks takes its calls back after
/// what it thought only.
fn answers_unthought_calls(body: &Object) -> bool {
    let messages = body.get("messages").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let [.., called, last] = messages else { return false };
    let blocks = |message: &Value| message.get("content").and_then(Value::as_array).cloned().unwrap_or_default();
    let answers = blocks(last).iter().any(|block| block.get("toolResult").is_some());
    answers && blocks(called).first().is_some_and(|first| first.get("reasoningContent").is_none())
}

/// Whether Claude is asked to think.
fn is_thinking(more: &Object) -> bool {
    let kind = more.get("thinking").and_then(|thinking| thinking.get("type")).and_then(Value::as_str);
    matches!(kind, Some("enabled" | "adaptive"))
}
