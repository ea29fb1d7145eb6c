//! References to what a provider keeps: they stay with the provider that made it, or are refused by name.

use super::decode::Decoded;
use crate::Settings;
use crate::owner::{Owner, Sealing};
use serde_json::Value;
use switchtower_dialect::dialect;
use switchtower_dialect::splice::Splice;
use switchtower_domain::{DialectId, Refusal, RefusalCode};
use switchtower_providers::{Deployment, Interface, RetentionPolicy};

/// Opens the references of a request, and says how the ids of its answer are sealed where its provider keeps it.
pub(super) fn open(
    settings: &Settings,
    decoded: &Decoded<'_>,
    client: DialectId,
    deployment: &Deployment,
    interface: &Interface,
    splice: &mut Splice,
) -> Result<Option<Sealing>, Refusal> {
    let (provider, own) = (&deployment.provider, dialect(client));
    if own.references().is_empty() {
        return Ok(None);
    }
    let owner = Owner::of(provider);
    let mut sealing = Sealing::new(settings.seal.clone(), owner);
    for field in own.references() {
        let Some(found) = decoded.scan.field(field).filter(|found| found.value != b"null") else { continue };
        let refused = |what: String| Err(Refusal::new(RefusalCode::StateElsewhere, what).param(*field));
        if interface.dialect != client {
            return refused(format!(
                "'{field}' refers to what another provider keeps; deployment '{}' cannot know it; send the whole conversation instead",
                deployment.name
            ));
        }
        if provider.retention != RetentionPolicy::Allow {
            return refused(format!(
                "'{field}' refers to what a provider keeps, and deployment '{}' lets nothing be kept (retention); send the whole conversation instead",
                deployment.name
            ));
        }
        let value: Value = serde_json::from_slice(found.value).unwrap_or_default();
        let named = value.as_str().or_else(|| value.get("id").and_then(Value::as_str)).unwrap_or_default();
        let Some((id, issuer)) = settings.seal.opened(named) else {
            return refused(format!(
                "'{field}' names nothing that was handed out here, or was handed out under another key (state.key)"
            ));
        };
        if issuer != owner {
            return refused(format!(
                "'{field}' belongs to another provider than that of deployment '{}'; ask the one that made it, or send the whole conversation",
                deployment.name
            ));
        }
        let opened = if value.is_object() { serde_json::json!({"id": id}) } else { Value::from(id) };
        splice.set(field, opened.to_string());
        sealing.known(id, named);
    }
    let asks = own.retention().iter().any(|rule| {
        let said = decoded.scan.field(rule.field).map(|field| field.value);
        said.map_or(rule.unsaid && interface.variant.keeps_unasked, |said| {
            !rule.harmless.iter().any(|harmless| harmless.as_bytes() == said)
        })
    });
    let kept = interface.dialect == client && provider.retention == RetentionPolicy::Allow && asks;
    Ok(kept.then_some(sealing))
}
