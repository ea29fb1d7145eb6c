//! Requests: encoding.

use super::parts;
use crate::render::{ExtrasWriter, Object, begin_request, strict_path};
use crate::schema::{Target, normalise};
use crate::steps::{joined, splits_results};
use crate::{Encoded, carried, content, effort};
use serde_json::Value;
use switchtower_domain::{
    DialectId, Document, Effort, FunctionTool, Locus, Media, MediaKind, OutputFormat, Param, Part, PartKind, Reasoning,
    ReasoningMode, Request, Role, Source, Tool, ToolChoice, ToolKind, ToolResult, Turn,
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

pub(super) fn encode(request: &Request) -> Encoded {
    let (mut body, out) = begin_request(request, DialectId::OllamaChat, &HINTS);
    let mut composer = Composer { request, out, called: Vec::new() };
    composer.messages(&mut body);
    composer.tools(&mut body);
    composer.output(&mut body);
    composer.thinking(&mut body);
    composer.options(&mut body);
    composer.metadata();
    composer.out.write(&request.extras, "", &mut body);
    Encoded { body: body.into(), notices: composer.out.notices }
}

struct Composer<'a> {
    request: &'a Request,
    out: ExtrasWriter<'a>,
    /// The names of the tools that were called, by the ids of their calls.
    called: Vec<(String, String)>,
}

/// A message in the making.
#[derive(Default)]
struct Message {
    thinking: Option<String>,
    texts: Vec<String>,
    /// Where the texts stood.
    places: Vec<Locus>,
    images: Vec<Value>,
    calls: Vec<Value>,
}

impl Composer<'_> {
    fn path(&self, param: Param) -> &'static str {
        crate::dialect(self.request.origin).param_path(param)
    }

    fn messages(&mut self, body: &mut Object) {
        let request = self.request;
        let mut messages = Vec::new();
        if let Some(instructions) = &request.instructions {
            messages.push(self.message(instructions, "system", instructions.parts.iter()));
        }
        let turns = joined(&request.turns, self.path(Param::Turns), &mut self.out);
        if turns.windows(2).any(splits_results) {
            self.out.hint(self.path(Param::Turns), "what follows the results of tools becomes one turn");
        }
        if let Some(begun) = request.begun_answer() {
            self.out.meaning(begun.at.path(), "the beginning of an answer is told as a turn, and may not be continued");
        }
        for turn in turns.iter() {
            let role = match turn.role {
                Role::Assistant => "assistant",
                Role::System => "system",
                Role::Developer => {
                    self.out.hint(turn.at.field("role"), "the developer speaks as the system");
                    "system"
                }
                Role::User => "user",
                Role::Tool => "tool",
            };
            let results = turn.parts.iter().filter(|part| matches!(part.kind, PartKind::ToolResult(_)));
            let count = results.clone().count();
            if turn.parts.iter().skip(count).any(|part| matches!(part.kind, PartKind::ToolResult(_))) {
                self.out.hint(turn.at.path(), "results of tools come before what else the turn says");
            }
            for part in results {
                if let PartKind::ToolResult(result) = &part.kind {
                    messages.push(self.result(result, part, turn));
                }
            }
            if count > 0 && count == turn.parts.len() {
                self.out.name(&turn.extras, &turn.at);
                continue;
            }
            let rest = turn.parts.iter().filter(|part| !matches!(part.kind, PartKind::ToolResult(_)));
            messages.push(self.message(turn, role, rest));
        }
        if !messages.is_empty() || !self.out.same {
            body.set("messages", messages);
        }
    }

    fn message<'p>(&mut self, turn: &Turn, role: &str, parts: impl Iterator<Item = &'p Part>) -> Value {
        let mut message = Message::default();
        for part in parts {
            self.part(part, &mut message, turn);
        }
        self.joined(&message);
        let mut object = Object::new().with("role", role);
        object.maybe("thinking", message.thinking);
        let silent = message.texts.iter().all(String::is_empty) && message.calls.is_empty();
        if silent && message.images.is_empty() {
            self.out.hint(turn.at.path(), "a turn that says nothing is told as empty text");
        }
        if !message.texts.is_empty() || !self.out.same {
            object.set("content", message.texts.join("\n"));
        }
        for (key, list) in [("images", message.images), ("tool_calls", message.calls)] {
            if !list.is_empty() {
                object.set(key, list);
            }
        }
        if turn.name.is_some() {
            self.out.meaning(turn.at.field("name"), "speakers have no names in the target's dialect");
        }
        self.out.write(&turn.extras, &turn.at, &mut object);
        object.into()
    }

    fn joined(&mut self, message: &Message) {
        if message.texts.len() > 1 {
            message.places.iter().for_each(|place| self.out.hint(place.path(), "several texts become one"));
        }
    }

    fn part(&mut self, part: &Part, message: &mut Message, turn: &Turn) {
        let at = &part.at;
        if part.cache.is_some() {
            self.out.hint(part.at.field("cache_control"), "caches are kept without being asked for");
        }
        match &part.kind {
            PartKind::ToolCall(call) => {
                self.called.push((call.id.clone(), call.name.clone()));
                if self.out.same {
                    return message.calls.push(parts::own_call(call, part).into());
                }
                if call.arguments.is_empty() {
                    self.out.hint(at, "arguments that were not given become an empty object");
                }
                match parts::foreign_call(call, &call.id) {
                    Some(call) => message.calls.push(call.into()),
                    None => self.out.meaning(at, "arguments that are no JSON object cannot be carried"),
                }
            }
            PartKind::Reasoning(reasoning) => {
                if let Some(words) = self.words(reasoning, part) {
                    message.thinking.get_or_insert_default().push_str(words);
                }
            }
            PartKind::Text { text, citations } => {
                if !citations.is_empty() {
                    let path = part.at.beneath(self.out.terms().citations);
                    self.out.hint(path, "citations of earlier answers are not repeated");
                }
                if !message.images.is_empty() || !message.calls.is_empty() {
                    self.out.hint(turn.at.path(), "what is said comes before what is shown and called");
                }
                if text.is_empty() {
                    self.out.hint(at, "empty text says nothing");
                }
                message.texts.push(text.clone());
                message.places.push(part.at.clone());
            }
            PartKind::Refusal { text } => {
                self.out.hint(at, "the words of a refusal become text");
                message.texts.push(text.clone());
                message.places.push(part.at.clone());
            }
            PartKind::Media(media) => message.images.extend(self.image(media, part)),
            PartKind::Document(document) => {
                message.texts.extend(self.document(document, part));
                message.places.push(part.at.clone());
            }
            PartKind::ToolResult(_) => {}
            PartKind::ProviderItem(_) | PartKind::Native { .. } => {
                self.out.meaning(at, "is known to its own dialect only");
            }
        }
        self.out.name(&part.extras, at);
    }

    fn image(&mut self, media: &Media, part: &Part) -> Option<Value> {
        let Source::Base64 { media_type, data } = &media.source else {
            self.out.meaning(part.at.path(), "what is not in the request itself cannot be shown");
            return None;
        };
        if media.kind != MediaKind::Image {
            self.out.meaning(part.at.path(), "sound and film have no place in the target's dialect");
            return None;
        }
        if media.detail.is_some() {
            self.out.hint(part.at.path(), "how closely to look cannot be asked for");
        }
        if self.out.same && media_type != parts::media_type(data) {
            return None;
        }
        // Images are told by their bytes alone.
        self.out.hint(part.at.path(), "an image is told by its bytes");
        Some(Value::from(data.as_str()))
    }

    fn document(&mut self, document: &Document, part: &Part) -> Option<String> {
        let Some(text) = content::plain_text(&document.source) else {
            self.out.meaning(part.at.path(), "a document that is no text has no place in the target's dialect");
            return None;
        };
        self.out.hint(part.at.path(), "a document of text becomes text");
        Some(match &document.title {
            Some(title) => format!("{title}\n\n{text}"),
            None => text,
        })
    }

    /// What a model thought, in words, if the words are all there is to it.
    fn words<'p>(&mut self, reasoning: &'p Reasoning, part: &Part) -> Option<&'p str> {
        let sealed = [&reasoning.signature, &reasoning.sealed].into_iter().flatten().any(|text| !text.is_empty());
        let words = reasoning.text.as_deref().or(reasoning.summary.as_deref());
        if self.out.same {
            return words;
        }
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

    fn result(&mut self, result: &ToolResult, part: &Part, turn: &Turn) -> Value {
        let same = self.out.same;
        let mut object = Object::new().with("role", "tool");
        if !(same && turn.extras.lacks("tool_call_id")) {
            object.set("tool_call_id", result.call_id.as_str());
        }
        let mut message = Message::default();
        for inner in result.content.iter().flatten() {
            self.part(inner, &mut message, turn);
        }
        self.joined(&message);
        if result.content.is_some() || !same {
            object.set("content", message.texts.join("\n"));
        }
        if !message.images.is_empty() {
            object.set("images", message.images);
        }
        if same {
            self.out.write(&turn.extras, &turn.at, &mut object);
            return object.into();
        }
        let name = self.called.iter().rev().find(|(id, _)| *id == result.call_id).map(|(_, name)| name.clone());
        object.maybe("tool_name", name);
        if result.is_error.is_some() {
            let path = part.at.beneath(self.out.terms().result_error);
            self.out.hint(path, "whether a tool failed is left to its words");
        }
        if part.cache.is_some() {
            self.out.hint(part.at.field("cache_control"), "caches are kept without being asked for");
        }
        self.out.name(&part.extras, &part.at);
        object.into()
    }

    fn tools(&mut self, body: &mut Object) {
        let request = self.request;
        let unused = request.tool_choice == Some(ToolChoice::Never);
        let tools: Vec<Value> = request.tools.iter().filter_map(|tool| self.tool(tool)).collect();
        let any = !tools.is_empty();
        if any && unused && !self.out.same {
            self.out.hint(self.path(Param::Tools), "tools that must not be called are left out");
        } else if any {
            body.set("tools", tools);
        }
        match &request.tool_choice {
            Some(_) if !any => self.out.hint(self.path(Param::ToolChoice), "there are no tools to choose from"),
            Some(ToolChoice::Auto) => self.out.hint(self.path(Param::ToolChoice), "is so without saying"),
            Some(ToolChoice::Never) => {
                self.out.hint(self.path(Param::ToolChoice), "tools that must not be called are left out");
            }
            Some(ToolChoice::Required | ToolChoice::Named(_)) => {
                self.out.meaning(self.path(Param::ToolChoice), "that a tool is called cannot be asked for");
            }
            None => {}
        }
        if request.parallel_tool_calls.is_some() {
            self.out.hint(self.path(Param::ParallelToolCalls), "how many calls a turn has cannot be asked for");
        }
    }

    fn tool(&mut self, tool: &Tool) -> Option<Value> {
        let mut object = match &tool.kind {
            ToolKind::Function(function) => self.function(function, tool),
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

    fn function(&mut self, function: &FunctionTool, tool: &Tool) -> Object {
        let mut inner = Object::new().with("name", function.name.as_str());
        inner.maybe("description", function.description.clone());
        let mut object = Object::new();
        if self.out.same {
            inner.maybe("parameters", function.parameters.clone());
            object.constant("type", "function", &tool.extras);
        } else {
            let origin = self.request.origin;
            if function.strict.is_some() || crate::dialect(origin).strict_unless_said() {
                let path = Locus::join(&strict_path(origin, tool), "strict");
                self.out.hint(path, "the schema is a guide in the target's dialect");
            }
            let path = crate::dialect(origin).tool_schema_path(tool);
            let schema = function.parameters.as_ref();
            inner.maybe(
                "parameters",
                schema.map(|schema| normalise(schema, &path, &Target::google(), &mut self.out.notices)),
            );
            object.set("type", "function");
        }
        object.set("function", inner);
        object
    }

    fn output(&mut self, body: &mut Object) {
        match &self.request.output {
            OutputFormat::Unstated => {}
            OutputFormat::Text => self.out.hint(self.path(Param::Output), "text is what is given without asking"),
            OutputFormat::JsonObject => body.set("format", "json"),
            OutputFormat::Structured(structured) if self.out.same => body.maybe("format", structured.schema.clone()),
            OutputFormat::Structured(structured) => {
                for param in [Param::OutputName, Param::OutputDescription, Param::OutputStrict] {
                    self.out.hint(self.path(param), "a schema has no name here, and is always kept to");
                }
                self.out.hint(self.path(self.request.output_schema()), "a schema is always kept to");
                self.out.name(&structured.extras, self.path(Param::Output));
                if let Some(schema) = &structured.schema {
                    let path = self.path(self.request.output_schema());
                    body.set("format", normalise(schema, path, &Target::google(), &mut self.out.notices));
                }
            }
        }
    }

    fn thinking(&mut self, body: &mut Object) {
        let spec = &self.request.reasoning;
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
        let off = spec.mode == Some(ReasoningMode::Disabled)
            || spec.effort == Some(Effort::None)
            || spec.budget_tokens == Some(0);
        let think = match &spec.effort {
            Some(effort) if self.out.same => Value::from(effort::effort_word(effort)),
            Some(effort) if !off && takes_levels(&self.request.model) => Value::from(level(effort)),
            _ => Value::from(!off),
        };
        body.set("think", think);
    }

    fn options(&mut self, body: &mut Object) {
        let request = self.request;
        let sampling = &request.sampling;
        let mut options = Object::new();
        for (key, number) in [
            ("temperature", &sampling.temperature),
            ("top_p", &sampling.top_p),
            ("frequency_penalty", &sampling.frequency_penalty),
            ("presence_penalty", &sampling.presence_penalty),
            ("seed", &sampling.seed),
        ] {
            options.maybe(key, number.clone().map(Value::Number));
        }
        options.maybe("top_k", sampling.top_k);
        options.maybe("stop", sampling.stop.clone());
        options.maybe("num_predict", request.max_tokens);
        body.nested("options", options);
        body.maybe("logprobs", sampling.logprobs);
        body.maybe("top_logprobs", sampling.top_logprobs);
        let unsaid = self.out.same && request.extras.lacks("stream") && request.stream == Some(true);
        if !unsaid {
            // It streams unless told otherwise.
            body.set("stream", request.stream == Some(true));
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

/// Whether a model takes levels of thinking, and passes over anything else.
/// Source: <https://docs.ollama.com/capabilities/thinking>
fn takes_levels(model: &str) -> bool {
    model.rsplit('/').next().unwrap_or_default().starts_with("gpt-oss")
}

const fn level(effort: &Effort) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal | Effort::Low => "low",
        Effort::Medium | Effort::Other(_) => "medium",
        Effort::High | Effort::ExtraHigh | Effort::Max => "high",
    }
}
