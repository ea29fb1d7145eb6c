//! What the simulator is asked for besides answers: embeddings, rankings, completions of text, moderations.
//!
//! Each checks what it is sent from the public descriptions alone, and answers from the seed and the request.

mod completions;
mod embed_contents;
mod embed_inputs;
mod embed_texts;
mod embeddings;
mod generate;
mod moderations;
mod rerank;
mod rerank_documents;

use crate::body::Events;
use crate::check::Object;
use crate::dialects::{Strictness, openai_chat};
use crate::directives::Directives;
use crate::failure::Failure;
use crate::said::Said;
use crate::service::Service;
use serde_json::Value;

/// What a request is answered from, besides its body.
pub(crate) struct Given<'a> {
    pub(crate) strictness: Strictness,
    /// The seed of what belongs to a model.
    pub(crate) seed: u64,
    /// The seed of what belongs to this request.
    pub(crate) answer_seed: u64,
    /// The model name as asked.
    pub(crate) model: &'a str,
    pub(crate) directives: &'a Directives,
}

/// An answer.
pub(crate) enum Served {
    Whole {
        body: Value,
        /// Tokens that were made, which the pace counts.
        tokens: u64,
    },
    Events(Events),
}

/// Checks a request and answers it.
pub(crate) fn serve(service: Service, body: &Object, given: &Given<'_>) -> Result<Served, Failure> {
    let at_once = |body| Served::Whole { body, tokens: 0 };
    match service {
        Service::Embeddings => embeddings::answer(body, given).map(at_once),
        Service::Rerank => rerank::answer(body, given).map(at_once),
        Service::Moderations => moderations::answer(body, given).map(at_once),
        Service::EmbedContent => embed_contents::one(body, given).map(at_once),
        Service::BatchEmbedContents => embed_contents::batch(body, given).map(at_once),
        Service::EmbedTexts => embed_texts::answer(body, given).map(at_once),
        Service::RerankDocuments => rerank_documents::answer(body, given).map(at_once),
        Service::EmbedInputs => embed_inputs::answer(body, given).map(at_once),
        Service::Generate => generate::answer(body, given),
        Service::Completions => completions::text(body, given),
        Service::Fim => {
            let (said, streaming) = completions::fim(body, given)?;
            Ok(if streaming {
                Served::Events(openai_chat::events(said))
            } else {
                Served::Whole { tokens: said.usage.output, body: openai_chat::whole(&said) }
            })
        }
    }
}

/// What was said, for answers in the form of a conversation.
fn said(given: &Given<'_>, turns: Vec<crate::said::Turn>, usage: crate::said::Usage, include_usage: bool) -> Said {
    let extras = crate::ask::Extras { include_usage, ..crate::ask::Extras::default() };
    Said { model: given.model.to_owned(), seed: given.answer_seed, turns, usage, extras, owner: given.seed }
}
