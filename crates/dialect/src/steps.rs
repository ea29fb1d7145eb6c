//! Turns of dialects that write each step of the model as an item of its own, as the turns that others have.

use crate::render::ExtrasWriter;
use std::borrow::Cow;
use switchtower_domain::{DialectId, Part, PartKind, Reasoning, Role, Turn};

/// The turns with neighbouring steps of the model joined: its thoughts, words and calls before the next word of
/// somebody else are one turn. What a provider's own tools did has no place here and is named.
///
/// `list` is the path of the turns in the caller's own terms.
pub(crate) fn joined<'a>(turns: &'a [Turn], list: &str, out: &mut ExtrasWriter<'_>) -> Cow<'a, [Turn]> {
    // Clients of Gemini give a stream back in the pieces in which it came.
    let in_pieces = out.from == DialectId::GoogleGemini;
    let joins = |one: &Turn, next: &Turn| joins(one, next, in_pieces);
    if out.same
        || !turns.windows(2).any(|pair| matches!(pair, [one, next] if joins(one, next)))
            && !turns.iter().any(|turn| is_foreign(turn) || (in_pieces && turn.parts.windows(2).any(is_one_thought)))
    {
        return Cow::Borrowed(turns);
    }
    let mut joined: Vec<Turn> = Vec::with_capacity(turns.len());
    for turn in turns {
        if is_foreign(turn) {
            for part in &turn.parts {
                out.meaning(part.at.path(), "is known to its own dialect only");
            }
            continue;
        }
        match joined.last_mut() {
            Some(open) if joins(open, turn) => {
                out.name(&turn.extras, &turn.at);
                if turn.name.is_some() {
                    out.meaning(turn.at.field("name"), "turns of the model become one");
                }
                let called = open.parts.iter().any(|part| matches!(part.kind, PartKind::ToolCall(_)));
                if called && turn.parts.iter().any(|part| !is_step(part)) {
                    out.hint(list, "what is said between calls is told before them");
                }
                let speaks = |turn: &Turn| turn.parts.iter().any(|part| !is_step(part));
                if speaks(open) && speaks(turn) {
                    out.hint(list, "turns of the model become one");
                }
                open.plain = match (speaks(open), speaks(turn)) {
                    (true, true) | (false, false) => false,
                    (true, false) => open.plain,
                    (false, true) => turn.plain,
                };
                open.parts.extend(turn.parts.iter().cloned());
            }
            _ => joined.push(turn.clone()),
        }
    }
    if in_pieces {
        joined.iter_mut().for_each(|turn| join_thoughts(&mut turn.parts));
    }
    Cow::Owned(joined)
}

/// Makes one thought of the pieces of one.
fn join_thoughts(parts: &mut Vec<Part>) {
    let mut joined: Vec<Part> = Vec::with_capacity(parts.len());
    for part in parts.drain(..) {
        if let Some(before) = joined.last_mut()
            && continues(before, &part)
            && let (PartKind::Reasoning(before), PartKind::Reasoning(more)) = (&mut before.kind, &part.kind)
        {
            let text = before.text.take().unwrap_or_default() + more.text.as_deref().unwrap_or_default();
            *before = Reasoning { text: Some(text), ..more.clone() };
            continue;
        }
        joined.push(part);
    }
    *parts = joined;
}

fn is_one_thought(pair: &[Part]) -> bool {
    matches!(pair, [before, part] if continues(before, part))
}

/// Whether a thought goes on in the next part: a signature would have ended it.
fn continues(before: &Part, part: &Part) -> bool {
    match (&before.kind, &part.kind) {
        (PartKind::Reasoning(before), PartKind::Reasoning(part)) => {
            before.signature.is_none() && before.sealed.is_none() && part.text.is_some()
        }
        _ => false,
    }
}

fn joins(one: &Turn, next: &Turn, in_pieces: bool) -> bool {
    let all_steps = |turn: &Turn| !turn.parts.is_empty() && turn.parts.iter().all(is_step);
    let both = one.role == Role::Assistant && next.role == Role::Assistant;
    both && (in_pieces || all_steps(one) || all_steps(next) || one.parts.last().is_some_and(is_step))
}

const fn is_step(part: &Part) -> bool {
    matches!(part.kind, PartKind::Reasoning(_) | PartKind::ToolCall(_))
}

/// Whether a turn is nothing but work of a provider's own tools.
fn is_foreign(turn: &Turn) -> bool {
    let foreign = |part: &Part| matches!(part.kind, PartKind::ProviderItem(_) | PartKind::Native { .. });
    !turn.parts.is_empty() && turn.parts.iter().all(foreign)
}

/// The turns that instruct, and the others, where instructions stand apart from the conversation.
///
/// `list` is the path of the turns in the caller's own terms.
pub(crate) fn instructions_apart<'a>(
    apart: Option<&'a Turn>,
    turns: &'a [Turn],
    list: &str,
    out: &mut ExtrasWriter<'_>,
) -> (Vec<&'a Turn>, Vec<&'a Turn>) {
    let mut system: Vec<&Turn> = apart.into_iter().collect();
    let mut rest: Vec<&Turn> = Vec::new();
    for turn in turns {
        let instructs = matches!(turn.role, Role::System | Role::Developer);
        if !instructs || out.same {
            rest.push(turn);
            continue;
        }
        if !rest.is_empty() {
            out.meaning(list, "instructions in the middle are moved before the conversation");
        } else if !system.is_empty() {
            out.hint(list, "several instructions become one");
        }
        if turn.role == Role::Developer {
            out.hint(turn.at.field("role"), "the developer speaks as the system");
        }
        system.push(turn);
    }
    (system, rest)
}

/// Whether results of tools are followed by another turn of the user, from which they could not be told apart.
pub(crate) fn splits_results(pair: &[Turn]) -> bool {
    let [first, second] = pair else { return false };
    let results = first.parts.iter().any(|part| matches!(part.kind, PartKind::ToolResult(_)));
    results && first.role == Role::User && second.role == Role::User
}
