//! From the name that was asked for to a deployment.

use super::decode::Decoded;
use crate::Directory;
use std::sync::Arc;
use switchtower_domain::{Refusal, RefusalCode};
use switchtower_providers::Deployment;

/// A request and who serves it.
#[derive(Debug)]
pub(super) struct Resolved<'a> {
    pub(super) decoded: Decoded<'a>,
    pub(super) deployment: Arc<Deployment>,
}

pub(super) fn resolve<'a>(directory: &Directory, decoded: Decoded<'a>) -> Result<Resolved<'a>, Refusal> {
    match directory.find(&decoded.model) {
        Some(deployment) => Ok(Resolved { decoded, deployment }),
        None => Err(unknown_model(directory, &decoded.model)),
    }
}

/// The refusal of a name that nobody has, with the names that may have been meant.
pub(super) fn unknown_model(directory: &Directory, name: &str) -> Refusal {
    const QUOTED_MAX: usize = 128;
    let quoted = if name.len() <= QUOTED_MAX && !name.chars().any(char::is_control) {
        format!("the model '{name}' is not served here")
    } else {
        "the model that was asked for is not served here".to_owned()
    };
    let near = directory.near(name);
    let advice = if !near.is_empty() {
        format!("did you mean {}?", near.join(", "))
    } else {
        let providers: Vec<&str> = directory.providers().map(|provider| provider.name.as_str()).take(8).collect();
        format!(
            "models are named provider/model, with one of these providers: {}; or see GET /v1/models",
            providers.join(", ")
        )
    };
    Refusal::new(RefusalCode::UnknownModel, format!("{quoted}; {advice}")).param("model")
}
