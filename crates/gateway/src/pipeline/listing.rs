//! The models that can be asked for.

use super::accept::{Accepted, Place};
use super::resolve;
use crate::Directory;
use crate::directory::card;
use serde_json::Value;
use switchtower_dialect::dialect;
use switchtower_domain::Refusal;

/// Lists all models, or shows one.
pub(super) fn list(directory: &Directory, asked: &Accepted) -> Result<Value, Refusal> {
    let dialect = dialect(asked.client);
    let Place::Model(name) = &asked.place else {
        return Ok(dialect.encode_models(directory.cards()));
    };
    let deployment = directory.find(name).ok_or_else(|| resolve::unknown_model(directory, name))?;
    let card = card(name.clone(), &deployment.provider, deployment.facts.as_deref());
    let list = dialect.encode_models(&[card]);
    let one = ["data", "models"].into_iter().find_map(|key| list.get(key)?.get(0)).unwrap_or(&list);
    Ok(one.clone())
}
