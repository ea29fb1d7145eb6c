//! Requests: encoding.

use super::parts::Writer;
use super::request::{NO_SETTINGS, NONE, ONE_TURN, SHARES, SMALL, TEXT_ONLY, UNSET};
use super::wire;
use crate::render::{ExtrasWriter, Object, begin_request, strict_path};
use crate::schema::{Target, fits_strict, normalise};
use crate::steps::{instructions_apart, joined};
use crate::{Encoded, Thinking, Variant};
use serde_json::Value;
use switchtower_domain::{
    DialectId, Effort, FunctionTool, Locus, OutputFormat, Param, Part, PartKind, ReasoningMode, Request, Role, Tool,
    ToolChoice, ToolKind, Turn,
};

/// What goes for the signature of a call that Google's models did not make. Source:
/// <https://ai.google.dev/gemini-api/docs/thought-signatures#faqs>
pub(super) const UNSIGNED: &str = "skip_thought_signature_validator";

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
    let (mut body, out) = begin_request(request, DialectId::GoogleGemini, &HINTS);
    if !request.extras.lacks("model") && out.same {
        body.set("model", request.model.as_str());
    } else {
        // The address names it.
        body.map_mut().shift_remove("model");
    }
    let mut composer = Composer { request, variant, out };
    composer.contents(&mut body);
    composer.tools(&mut body);
    let mut config = Object::new();
    composer.sampling(&mut config);
    composer.output(&mut config);
    composer.thinking(&mut config);
    if !config.is_empty() || (composer.out.same && request.extras.lacks(NO_SETTINGS)) {
        body.set("generationConfig", config);
    }
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

    fn contents(&mut self, body: &mut Object) {
        let request = self.request;
        let turns = joined(&request.turns, self.path(Param::Turns), &mut self.out);
        let (instructions, rest) =
            instructions_apart(request.instructions.as_ref(), &turns, self.path(Param::Turns), &mut self.out);
        let called = called(&rest);
        let both_of_model = |pair: &[&Turn]| pair.iter().all(|turn| turn.role == Role::Assistant);
        if rest.windows(2).any(both_of_model) {
            self.out.hint(self.path(Param::Turns), "turns of the model in a row are taken for one");
        }
        if !instructions.is_empty() {
            let mut parts = Vec::new();
            let mut system = Object::new();
            let none = self.out.same && instructions.iter().all(|turn| turn.extras.lacks(NONE));
            for turn in instructions {
                let mut writer = Writer { out: &mut self.out, called: &called };
                parts.extend(writer.write(turn.parts.iter()));
                self.out.write(&turn.extras, &turn.at, &mut system);
            }
            if !parts.is_empty() || self.out.same {
                let mut written = Object::new();
                if !none {
                    written.set("parts", parts);
                }
                written.map_mut().extend(system.into_map());
                body.set("systemInstruction", written);
            }
        }
        let contents = self.conversation(&rest, &called);
        match contents.first() {
            Some(one) if self.out.same && request.extras.lacks(ONE_TURN) => body.set("contents", one.clone()),
            _ => body.set("contents", contents),
        }
        if let Some(begun) = request.begun_answer() {
            self.out.meaning(begun.at.path(), "a turn at the end is the beginning of the answer, and is continued");
        }
    }

    /// Results of tools that stand in turns of their own come together, as the calls that they answer did, and with
    /// what the user says after them.
    fn conversation(&mut self, turns: &[&Turn], called: &[(&str, &str)]) -> Vec<Value> {
        let mut contents: Vec<Value> = Vec::new();
        let mut results: Vec<Value> = Vec::new();
        for turn in turns {
            let mut writer = Writer { out: &mut self.out, called };
            let parts = writer.write(turn.parts.iter());
            if self.out.same {
                let mut content = Object::new();
                if !turn.extras.lacks("role") {
                    content.set("role", role(turn));
                }
                if !parts.is_empty() {
                    content.set("parts", parts);
                }
                self.out.write(&turn.extras, &turn.at, &mut content);
                contents.push(content.into());
                continue;
            }
            if turn.name.is_some() {
                self.out.meaning(turn.at.field("name"), "speakers have no names in the target's dialect");
            }
            self.out.name(&turn.extras, &turn.at);
            if turn.role == Role::Tool {
                results.extend(parts);
                continue;
            }
            if parts.is_empty() {
                self.out.hint(turn.at.path(), "a turn that says nothing is left out");
                continue;
            }
            let mut before = std::mem::take(&mut results);
            if turn.role == Role::User && !before.is_empty() {
                before.extend(parts);
                contents.push(content("user", before));
                continue;
            }
            if !before.is_empty() {
                contents.push(content("user", before));
            }
            let parts = if turn.role == Role::Assistant { self.with_signatures(parts) } else { parts };
            contents.push(content(role(turn), parts));
        }
        if !results.is_empty() {
            contents.push(content("user", results));
        }
        contents
    }

    /// Models that sign their calls want a signature with the first call of a turn, also with one that another model
    /// made, and take this word for it. Source: <https://ai.google.dev/gemini-api/docs/thought-signatures#faqs>
    fn with_signatures(&self, mut parts: Vec<Value>) -> Vec<Value> {
        if !signs_calls(&self.request.model) {
            return parts;
        }
        let first = parts.iter_mut().find(|part| part.get("functionCall").is_some());
        if let Some(Value::Object(call)) = first
            && !call.contains_key("thoughtSignature")
        {
            call.insert("thoughtSignature".to_owned(), Value::from(UNSIGNED));
        }
        parts
    }

    fn tools(&mut self, body: &mut Object) {
        let request = self.request;
        let mut tools: Vec<Value> = Vec::new();
        for tool in &request.tools {
            let shares = if self.out.same { tool.extras.lacks(SHARES) } else { !tools.is_empty() };
            match &tool.kind {
                ToolKind::Function(function) => {
                    let declaration = self.function(function, tool);
                    let open = tools.last_mut().filter(|_| shares).and_then(Value::as_object_mut);
                    match open {
                        Some(open) => {
                            let list = open.entry("functionDeclarations").or_insert_with(|| Value::Array(Vec::new()));
                            if let Value::Array(list) = list {
                                list.push(declaration);
                            }
                        }
                        None => tools.push(Object::new().with("functionDeclarations", vec![declaration]).into()),
                    }
                }
                ToolKind::Provider(provider) if self.out.same => {
                    let mut inner = Object::new();
                    self.out.write(&tool.extras, &tool.at, &mut inner);
                    let inner: Value = match &tool.extras {
                        extras if extras.lacks(UNSET) => Value::Null,
                        extras if extras.lacks(NONE) => Value::Array(Vec::new()),
                        _ => inner.into(),
                    };
                    match tools.last_mut().filter(|_| shares).and_then(Value::as_object_mut) {
                        Some(open) => {
                            open.insert(provider.kind.clone(), inner);
                        }
                        None if provider.kind.is_empty() => tools.push(inner),
                        None => tools.push(Object::new().with(&provider.kind, inner).into()),
                    }
                }
                ToolKind::Provider(_) => {
                    self.out.meaning(tool.at.path(), "a tool of this kind is not known to the target");
                }
            }
        }
        let any = !tools.is_empty();
        if any {
            body.set("tools", tools);
        }
        self.tool_choice(any, body);
        if request.parallel_tool_calls == Some(false) {
            self.out.meaning(self.path(Param::ParallelToolCalls), "one call a turn cannot be asked for");
        } else if request.parallel_tool_calls.is_some() {
            self.out.hint(self.path(Param::ParallelToolCalls), "is so without saying");
        }
    }

    fn tool_choice(&mut self, any: bool, body: &mut Object) {
        let Some(choice) = &self.request.tool_choice else { return };
        if !any && !self.out.same {
            self.out.hint(self.path(Param::ToolChoice), "there are no tools to choose from");
            return;
        }
        let calling = match choice {
            ToolChoice::Auto => Object::new().with("mode", "AUTO"),
            ToolChoice::Never => Object::new().with("mode", "NONE"),
            ToolChoice::Required => Object::new().with("mode", "ANY"),
            ToolChoice::Named(name) => {
                Object::new().with("mode", "ANY").with("allowedFunctionNames", vec![Value::from(name.as_str())])
            }
        };
        body.set("toolConfig", Object::new().with("functionCallingConfig", calling));
    }

    fn function(&mut self, function: &FunctionTool, tool: &Tool) -> Value {
        let mut object = Object::new().with("name", function.name.as_str());
        object.maybe("description", function.description.clone());
        if self.out.same {
            if tool.extras.get("parameters").is_none() {
                object.maybe("parametersJsonSchema", function.parameters.clone());
            }
        } else {
            if function.strict.is_some() || crate::dialect(self.request.origin).strict_unless_said() {
                let path = Locus::join(&strict_path(self.request.origin, tool), "strict");
                self.out.hint(path, "the schema is a guide in the target's dialect");
            }
            if let Some(schema) = &function.parameters {
                let path = crate::dialect(self.request.origin).tool_schema_path(tool);
                object.set("parametersJsonSchema", normalise(schema, &path, &Target::google(), &mut self.out.notices));
            }
            if tool.cache.is_some() {
                self.out.hint(tool.at.field("cache_control"), "caches are kept without being asked for");
            }
        }
        self.out.write(&tool.extras, &tool.at, &mut object);
        object.into()
    }

    fn sampling(&mut self, config: &mut Object) {
        let sampling = &self.request.sampling;
        for (key, number) in [
            ("temperature", &sampling.temperature),
            ("topP", &sampling.top_p),
            ("frequencyPenalty", &sampling.frequency_penalty),
            ("presencePenalty", &sampling.presence_penalty),
            ("seed", &sampling.seed),
        ] {
            config.maybe(key, number.clone().map(Value::Number));
        }
        config.maybe("topK", sampling.top_k);
        config.maybe("stopSequences", sampling.stop.clone());
        config.maybe("candidateCount", sampling.choices);
        config.maybe("maxOutputTokens", self.request.max_tokens);
        if self.out.same || sampling.logprobs == Some(true) {
            config.maybe("responseLogprobs", sampling.logprobs);
            config.maybe("logprobs", sampling.top_logprobs);
        } else if sampling.logprobs.is_some() || sampling.top_logprobs.is_some() {
            self.out.hint(self.path(Param::Logprobs), "is so without saying");
        }
        if sampling.logit_bias.as_ref().is_some_and(|bias| !bias.is_empty()) {
            self.out.meaning(self.path(Param::LogitBias), "cannot be asked for in the target's dialect");
        }
        if self.out.same && self.request.extras.lacks(TEXT_ONLY) {
            config.set("responseModalities", vec![Value::from("TEXT")]);
        }
    }

    fn output(&mut self, config: &mut Object) {
        match &self.request.output {
            OutputFormat::Unstated => {}
            OutputFormat::Text if self.out.same => config.set("responseMimeType", "text/plain"),
            OutputFormat::Text => self.out.hint(self.path(Param::Output), "text is what is given without asking"),
            OutputFormat::JsonObject => config.set("responseMimeType", "application/json"),
            OutputFormat::Structured(structured) => {
                config.set("responseMimeType", "application/json");
                if self.out.same {
                    if !structured.former_field {
                        config.maybe("responseJsonSchema", structured.schema.clone());
                    }
                    structured.extras.overlay(config.map_mut());
                    return;
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
                let Some(schema) = &structured.schema else { return };
                let path = self.path(self.request.output_schema());
                config.set("responseJsonSchema", normalise(schema, path, &Target::google(), &mut self.out.notices));
            }
        }
    }

    fn thinking(&mut self, config: &mut Object) {
        let spec = &self.request.reasoning;
        let mut thinking = Object::new();
        if self.out.same {
            let small = self.request.extras.lacks(SMALL);
            let level = spec.effort.as_ref().map(|effort| match effort {
                Effort::Other(word) => word.clone(),
                effort if small => wire::level(effort).to_owned(),
                effort => wire::level(effort).to_ascii_uppercase(),
            });
            thinking.maybe("thinkingLevel", level);
            thinking.maybe("thinkingBudget", spec.budget_tokens);
            thinking.maybe("includeThoughts", spec.summary.as_ref().map(|_| true));
            config.nested("thinkingConfig", thinking);
            return;
        }
        let off = spec.mode == Some(ReasoningMode::Disabled) || spec.effort == Some(Effort::None);
        if spec.is_unstated() && spec.summary.is_none() {
            return;
        }
        if spec.mode.is_some() || spec.in_one_object {
            self.out.hint(self.path(Param::ReasoningMode), "said in the target's own words");
        }
        self.out.hint(self.path(Param::ReasoningEffort), "said in the target's own words");
        if spec.budget_tokens.is_some() || spec.in_one_object {
            self.out.hint(self.path(Param::ReasoningBudget), "said in the target's own words");
        }
        let effort = if off { Some(Effort::None) } else { spec.effort.clone() };
        match self.variant.thinking {
            Thinking::Adaptive => {
                let effort = effort.or_else(|| spec.budget_tokens.map(crate::effort::effort_of_budget));
                let effort =
                    effort.map(|effort| if matches!(effort, Effort::Other(_)) { Effort::High } else { effort });
                thinking.maybe("thinkingLevel", effort.as_ref().map(wire::level));
            }
            Thinking::Budget => {
                let budget = if off { Some(0) } else { spec.budget_tokens };
                thinking.maybe("thinkingBudget", budget.or_else(|| effort.as_ref().map(wire::budget)));
            }
        }
        if !off {
            // Whoever asks for thinking elsewhere is told the thoughts.
            self.out.hint(self.path(Param::ReasoningSummary), "thoughts are told as the provider likes");
            self.out.hint(self.path(Param::ReasoningSeal), "thoughts come with a signature always");
            thinking.set("includeThoughts", true);
        }
        config.nested("thinkingConfig", thinking);
    }

    fn metadata(&mut self, body: &mut Object) {
        let metadata = &self.request.metadata;
        if self.out.same {
            body.maybe("labels", metadata.labels.clone());
            return;
        }
        let origin = crate::dialect(self.request.origin);
        let labels = metadata.labels.as_ref().filter(|labels| self.variant.labels && labels.iter().all(wire::is_label));
        body.maybe("labels", labels.cloned());
        for (said, param) in [
            (self.request.verbosity.is_some(), Param::Verbosity),
            (metadata.user.is_some(), Param::User),
            (metadata.service_tier.is_some(), Param::ServiceTier),
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

fn content(role: &str, parts: Vec<Value>) -> Value {
    Object::new().with("role", role).with("parts", parts).into()
}

fn role(turn: &Turn) -> &'static str {
    match turn.role {
        Role::Assistant => "model",
        _ if turn.extras.lacks("user") => "function",
        _ => "user",
    }
}

/// The names of the functions that were called, by the ids of their calls.
fn called<'a>(turns: &[&'a Turn]) -> Vec<(&'a str, &'a str)> {
    let parts = turns.iter().flat_map(|turn| &turn.parts);
    let calls = parts.filter_map(|part: &Part| match &part.kind {
        PartKind::ToolCall(call) => Some((call.id.as_str(), call.name.as_str())),
        _ => None,
    });
    calls.collect()
}

/// Whether a model signs its calls and wants them back signed: Gemini from its third generation on. Aliases and tuned
/// models do not say which they are; who wants no signature takes the word all the same.
fn signs_calls(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or_default();
    !["gemini-1", "gemini-2", "gemma", "learnlm"].iter().any(|unsigned| name.starts_with(unsigned))
}
