//! `POST /api/generate`, as Ollama has it: a text is continued.

use super::{Given, Served};
use crate::check::Object;
use crate::compose;
use crate::dialects::ollama_chat;
use crate::failure::Failure;
use crate::said::Said;

pub(super) fn answer(body: &Object, given: &Given<'_>) -> Result<Served, Failure> {
    let ask = ollama_chat::generate(body)?;
    let (turns, usage) = compose::answer(&ask, given.answer_seed, given.directives);
    let streaming = ask.streaming;
    let said = Said {
        model: given.model.to_owned(),
        seed: given.answer_seed,
        turns,
        usage,
        extras: ask.extras,
        owner: given.seed,
    };
    Ok(if streaming {
        Served::Events(ollama_chat::generated_events(&said))
    } else {
        Served::Whole { tokens: said.usage.output, body: ollama_chat::generated(&said) }
    })
}
