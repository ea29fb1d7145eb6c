//! What one client does: drawn from the seed of the run and the number of the request, and from nothing else, so that
//! one request can be repeated alone.

use super::fault::Fault;
use super::random::Random;
use super::words::Words;

/// What a client or a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Dialect {
    Chat,
    Responses,
    Messages,
    Gemini,
    Converse,
    Cohere,
    Ollama,
}

impl Dialect {
    pub(super) const ALL: [Self; 7] =
        [Self::Chat, Self::Responses, Self::Messages, Self::Gemini, Self::Converse, Self::Cohere, Self::Ollama];

    /// Also the name of the provider that speaks it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Responses => "responses",
            Self::Messages => "messages",
            Self::Gemini => "gemini",
            Self::Converse => "converse",
            Self::Cohere => "cohere",
            Self::Ollama => "ollama",
        }
    }

    /// The address and not the body names the model, and says whether the answer is streamed.
    pub(super) const fn is_addressed(self) -> bool {
        matches!(self, Self::Gemini | Self::Converse)
    }

    /// The dialect that a client of this one counts tokens in.
    pub(super) const fn counts_in(self) -> Self {
        match self {
            Self::Responses | Self::Gemini | Self::Converse => self,
            Self::Messages | Self::Chat | Self::Cohere | Self::Ollama => Self::Messages,
        }
    }
}

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) number: u64,
    /// On a connection of its own instead of the one that the client keeps.
    pub(super) fresh: bool,
    pub(super) asked: Asked,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub(super) enum Asked {
    Answer(Answer),
    Service { service: Service, words: Words, count: u64, fault: Option<Fault> },
    CountTokens { client: Dialect, provider: Dialect, words: Words },
    Listing(Listing),
    Wrong { wrong: Wrong, client: Dialect, words: Words },
}

/// An answer of a model.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) client: Dialect,
    pub(super) provider: Dialect,
    pub(super) called: Called,
    pub(super) streamed: bool,
    pub(super) fault: Option<Fault>,
    pub(super) words: Words,
    /// Tokens of thinking before the text.
    pub(super) thinking: u64,
    /// A tool is to be called instead of a text to be repeated.
    pub(super) tool: bool,
    pub(super) manner: Manner,
}

/// By which name a model is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Called {
    /// `provider/model`
    Outright,
    /// A deployment with defaults.
    Deployment,
    /// An alias of that.
    Alias,
    /// A deployment that lets few in at once.
    Narrow,
    /// A deployment whose model speaks longer than it may.
    Endless,
}

/// How a client behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Manner {
    Usual,
    /// Leaves after so many pieces of a stream.
    Leaves(u64),
    /// Leaves before it has sent all of its request.
    LeavesEarly,
    /// Sends its request in pieces.
    SendsSlowly,
    /// Never ends its request.
    NeverSends,
    /// Pauses while a long answer comes.
    ReadsSlowly,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Service {
    Embeddings,
    Rerank,
    Completions,
    Fim,
    Moderations,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Listing {
    Models,
    Model,
    Health,
}

/// What is wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wrong {
    Json,
    DuplicateKey,
    Depth,
    NoModel,
    StreamWord,
    Key,
    NoKey,
    Model,
    Provider,
    Size,
    MediaType,
    Path,
    Method,
}

/// How much text is asked for, in pieces; the long ones are read slowly.
const PIECES: (u64, u64) = (8, 14);
const PIECES_LARGE: u64 = 1200;
const PIECES_LONG: u64 = 2500;

impl Case {
    /// `late_ms` is longer than the gateway waits for the head of an answer.
    pub(super) fn draw(seed: u64, number: u64, late_ms: u64) -> Self {
        let mut random = Random::of(seed, number);
        let random = &mut random;
        let fresh = random.chance(60);
        let client = random.pick(Dialect::ALL);
        let pieces = PIECES.0 + random.below(PIECES.1);
        let asked = match random.below(100) {
            0..80 => Asked::Answer(Answer::draw(random, client, late_ms)),
            80..88 => Asked::Service {
                service: random.pick([
                    Service::Embeddings,
                    Service::Rerank,
                    Service::Completions,
                    Service::Fim,
                    Service::Moderations,
                ]),
                count: 1 + random.below(4),
                fault: random.chance(300).then(|| Fault::draw(random, late_ms, false)),
                words: Words::draw(random, pieces),
            },
            88..91 => {
                Asked::CountTokens { client, provider: random.pick(Dialect::ALL), words: Words::draw(random, pieces) }
            }
            91..93 => Asked::Listing(random.pick([Listing::Models, Listing::Model, Listing::Health])),
            _ => {
                let wrong = Wrong::draw(random);
                // These are about what an address says where it names the model.
                let of_bodies = matches!(wrong, Wrong::NoModel | Wrong::StreamWord);
                let client = if of_bodies && client.is_addressed() { Dialect::Chat } else { client };
                Asked::Wrong { wrong, client, words: Words::draw(random, pieces) }
            }
        };
        Self { number, fresh, asked }
    }
}

impl Answer {
    fn draw(random: &mut Random, client: Dialect, late_ms: u64) -> Self {
        let provider = random.pick(Dialect::ALL);
        let streamed = random.chance(550);
        let usual = Self {
            client,
            provider,
            called: Called::Outright,
            streamed,
            fault: None,
            words: Words { text: String::new(), tokens: 0 },
            thinking: 0,
            tool: false,
            manner: Manner::Usual,
        };
        let mut pieces = PIECES.0 + random.below(PIECES.1);
        let mut answer = match random.below(1000) {
            0..450 => Self { fault: Some(Fault::draw(random, late_ms, streamed)), ..usual },
            450..540 => Self { called: Called::Deployment, ..usual },
            540..600 => Self { called: Called::Alias, ..usual },
            600..630 => Self { called: Called::Narrow, ..usual },
            630..632 => Self { called: Called::Endless, ..usual },
            632..690 => Self { tool: true, ..usual },
            690..740 => Self { thinking: 4 + random.below(20), ..usual },
            740..770 => Self { streamed: true, manner: Manner::Leaves(1 + random.below(8)), ..usual },
            770..780 => Self { manner: Manner::LeavesEarly, ..usual },
            780..795 => Self { manner: Manner::SendsSlowly, ..usual },
            795..796 => Self { manner: Manner::NeverSends, ..usual },
            796..798 => {
                pieces = PIECES_LONG;
                Self { streamed: true, manner: Manner::ReadsSlowly, ..usual }
            }
            798..802 => {
                pieces = PIECES_LARGE;
                usual
            }
            _ => usual,
        };
        answer.words = Words::draw(random, pieces);
        answer
    }

    /// The name by which the model is asked for.
    pub(super) fn model(&self) -> String {
        let provider = self.provider.word();
        match self.called {
            Called::Outright => format!("{provider}/sim-1{}", self.directives()),
            Called::Deployment => format!("via-{provider}"),
            Called::Alias => format!("also-{provider}"),
            Called::Narrow => format!("narrow-{provider}"),
            Called::Endless => format!("endless-{provider}"),
        }
    }

    fn directives(&self) -> String {
        let fault = self.fault.map(|fault| format!("fault={fault}"));
        let thinking = (self.thinking > 0).then(|| format!("reasoning_tokens={}", self.thinking));
        // Whoever leaves needs a stream that lasts.
        let pace = matches!(self.manner, Manner::Leaves(_)).then(|| "tokens_per_second=80".to_owned());
        let said: Vec<String> = fault.into_iter().chain(thinking).chain(pace).collect();
        if said.is_empty() { String::new() } else { format!("?{}", said.join("&")) }
    }
}

impl Wrong {
    fn draw(random: &mut Random) -> Self {
        random.pick([
            Self::Json,
            Self::DuplicateKey,
            Self::Depth,
            Self::NoModel,
            Self::StreamWord,
            Self::Key,
            Self::NoKey,
            Self::Model,
            Self::Provider,
            Self::Size,
            Self::MediaType,
            Self::Path,
            Self::Method,
        ])
    }
}

impl Service {
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Embeddings => "/v1/embeddings",
            Self::Rerank => "/v1/rerank",
            Self::Completions => "/v1/completions",
            Self::Fim => "/v1/fim/completions",
            Self::Moderations => "/v1/moderations",
        }
    }
}

/// What a row of the report is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    pub(super) what: String,
    pub(super) way: &'static str,
}

impl Case {
    pub(super) fn row(&self) -> Row {
        match &self.asked {
            Asked::Answer(answer) => {
                let what = match (answer.fault, answer.called, answer.manner) {
                    (Some(Fault { kind, .. }), _, _) => kind.word().to_owned(),
                    (None, Called::Deployment | Called::Alias, _) => "by a name of ours".to_owned(),
                    (None, Called::Narrow, _) => "narrow deployment".to_owned(),
                    (None, Called::Endless, _) => "answer without end".to_owned(),
                    (None, Called::Outright, Manner::Leaves(_)) => "client leaves the stream".to_owned(),
                    (None, Called::Outright, Manner::LeavesEarly) => "client leaves its request".to_owned(),
                    (None, Called::Outright, Manner::SendsSlowly) => "client sends slowly".to_owned(),
                    (None, Called::Outright, Manner::NeverSends) => "client never ends its request".to_owned(),
                    (None, Called::Outright, Manner::ReadsSlowly) => "client reads slowly".to_owned(),
                    (None, Called::Outright, Manner::Usual) if answer.tool => "tool call".to_owned(),
                    (None, Called::Outright, Manner::Usual) if answer.thinking > 0 => "thinking".to_owned(),
                    (None, Called::Outright, Manner::Usual) => "no fault".to_owned(),
                };
                Row { what, way: if answer.streamed { "streamed" } else { "whole" } }
            }
            Asked::Service { service, fault, .. } => {
                let fault = fault.map_or("no fault", |fault| fault.kind.word());
                Row { what: format!("{} {fault}", service.path()), way: "service" }
            }
            Asked::CountTokens { .. } => Row { what: "count of tokens".to_owned(), way: "whole" },
            Asked::Listing(listing) => Row { what: format!("{listing:?}").to_lowercase(), way: "GET" },
            Asked::Wrong { wrong, .. } => Row { what: format!("wrong: {wrong:?}"), way: "refused" },
        }
    }

    /// The client's dialect and the provider's, where both are part of what is tried.
    pub(super) fn pair(&self) -> Option<(Dialect, Dialect)> {
        match &self.asked {
            Asked::Answer(answer) => Some((answer.client, answer.provider)),
            Asked::CountTokens { client, provider, .. } => Some((*client, *provider)),
            Asked::Service { .. } | Asked::Listing(_) | Asked::Wrong { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_always_the_same_request_and_the_mix_has_everything() {
        let told = |number| format!("{:?}", Case::draw(7, number, 9000));
        assert_eq!(told(5), told(5));
        let rows: std::collections::BTreeSet<Row> =
            (0..60_000).map(|number| Case::draw(7, number, 9000).row()).collect();
        for kind in
            ["cut", "stall", "slow_headers", "client never ends its request", "answer without end", "wrong: Size"]
        {
            assert!(rows.iter().any(|row| row.what == kind), "{kind}");
        }
        let pairs: std::collections::BTreeSet<_> =
            (0..2_000).filter_map(|number| Case::draw(7, number, 9000).pair()).collect();
        assert_eq!(pairs.len(), 49);
    }
}
