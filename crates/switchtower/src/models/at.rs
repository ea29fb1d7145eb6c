//! What a provider says that it serves, beside what the catalogue knows of it and what is configured there.

use crate::config::columns;
use anyhow::{Context as _, Result, anyhow, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use switchtower_catalogue::{Catalogue, ModelFacts};
use switchtower_dialect::dialect;
use switchtower_domain::{ListedModel, Transport};
use switchtower_gateway::Directory;
use switchtower_providers::{Credential, Provider, RequestError, listing};

/// The most bytes of one page.
const PAGE_BYTES_MAX: usize = 16 << 20;
/// The most pages, after which a list is taken for one without an end.
const PAGES_MAX: usize = 50;
/// How long a page may take.
const PAGE_TIME_MAX: Duration = Duration::from_secs(60);

/// Where a model is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The provider lists it, and the catalogue knows it.
    Known,
    /// The provider lists it, and the catalogue does not know it.
    New,
    /// The catalogue knows it, and the provider does not list it.
    Gone,
    /// It is configured, and neither lists it.
    Unknown,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::New => "new",
            Self::Gone => "gone",
            Self::Unknown => "unknown",
        }
    }
}

/// One model of a provider.
#[derive(Debug)]
struct Seen {
    id: String,
    state: State,
    /// Whether a deployment of the configuration has it.
    deployed: bool,
    listed: Option<ListedModel>,
    facts: Option<Arc<ModelFacts>>,
}

/// Asks a provider for its models, and writes them beside what the catalogue knows.
///
/// # Errors
/// Where there is no such provider, where it lists no models, and where its answer is none.
pub async fn tell(
    name: &str,
    directory: &Directory,
    transport: &dyn Transport,
    catalogue: &Catalogue,
    as_json: bool,
    out: &mut dyn Write,
) -> Result<()> {
    let provider = directory.providers().find(|provider| provider.name.as_str() == name).ok_or_else(|| {
        let known: Vec<&str> = directory.providers().map(|provider| provider.name.as_str()).collect();
        anyhow!("there is no provider '{name}'; there are: {}", known.join(", "))
    })?;
    let listed = ask(provider, transport).await.with_context(|| format!("failed to list the models of '{name}'"))?;
    write(&beside(provider, listed, &deployed(directory, name), catalogue), as_json, out)
}

async fn ask(provider: &Provider, transport: &dyn Transport) -> Result<Vec<ListedModel>> {
    let (mut models, mut page) = (Vec::new(), None);
    for _ in 0..PAGES_MAX {
        let (form, mut request) = listing(provider, page.as_deref()).map_err(|error| match error {
            RequestError::NoSuchOperation => anyhow!(
                "this kind of provider lists its models elsewhere; 'switchtower models --known' has what is known of them"
            ),
            error => error.into(),
        })?;
        if let Credential::Identity(identity) = &provider.credential {
            let token = identity.token(transport, provider.way).await?;
            let mut value = http::HeaderValue::try_from(format!("Bearer {}", token.expose()))?;
            value.set_sensitive(true);
            request.headers_mut().insert(http::header::AUTHORIZATION, value);
        }
        let exchange = async {
            let (head, body) = transport.send(request).await?.into_parts();
            let collected = Limited::new(body, PAGE_BYTES_MAX).collect().await;
            let bytes: Bytes = collected.map_err(|_| anyhow!("the answer broke off, or is too large"))?.to_bytes();
            anyhow::Ok((head.status, bytes))
        };
        let (status, bytes) =
            tokio::time::timeout(PAGE_TIME_MAX, exchange).await.context("no answer came in time")??;
        if !status.is_success() {
            let failure = dialect(form.dialect()).decode_failure(status.as_u16(), &bytes);
            bail!("{status}: {}", failure.message.as_deref().unwrap_or("no reason was given"));
        }
        let value: Value = serde_json::from_slice(&bytes).context("the answer is no JSON")?;
        let listing = form.decode(value.into())?;
        models.extend(listing.models);
        match listing.next {
            Some(next) if page.as_deref() != Some(next.as_str()) => page = Some(next),
            _ => return Ok(models),
        }
    }
    bail!("the list has more than {PAGES_MAX} pages")
}

/// The models of a provider that are configured.
fn deployed(directory: &Directory, provider: &str) -> BTreeSet<String> {
    let deployments = directory.cards().iter().filter_map(|card| directory.find(&card.id));
    let here = deployments.filter(|deployment| deployment.provider.name.as_str() == provider);
    here.map(|deployment| deployment.model.as_str().to_owned()).collect()
}

fn beside(
    provider: &Provider,
    listed: Vec<ListedModel>,
    deployed: &BTreeSet<String>,
    catalogue: &Catalogue,
) -> Vec<Seen> {
    let kind = provider.kind.as_deref().unwrap_or_default();
    let mut seen: Vec<Seen> = listed
        .into_iter()
        .map(|model| {
            let facts = catalogue.find(kind, &model.id).cloned();
            let state = if facts.is_some() { State::Known } else { State::New };
            Seen { deployed: deployed.contains(&model.id), id: model.id.clone(), state, listed: Some(model), facts }
        })
        .collect();
    let found = |facts: &Arc<ModelFacts>| {
        seen.iter().any(|seen| seen.facts.as_ref().is_some_and(|known| Arc::ptr_eq(known, facts)))
    };
    let known = catalogue.models().filter(|(of, _, facts)| *of == kind && !found(facts));
    let mut others: Vec<Seen> = known
        .map(|(_, model, facts)| Seen {
            id: model.to_owned(),
            state: State::Gone,
            deployed: deployed.contains(model),
            listed: None,
            facts: Some(Arc::clone(facts)),
        })
        .collect();
    let names: BTreeSet<&str> = seen.iter().chain(&others).map(|seen| seen.id.as_str()).collect();
    let unknown: Vec<String> = deployed.iter().filter(|model| !names.contains(model.as_str())).cloned().collect();
    others.extend(unknown.into_iter().map(|id| {
        let facts = catalogue.find(kind, &id).cloned();
        let state = if facts.is_some() { State::Gone } else { State::Unknown };
        Seen { id, state, deployed: true, listed: None, facts }
    }));
    seen.append(&mut others);
    seen
}

fn write(seen: &[Seen], as_json: bool, out: &mut dyn Write) -> Result<()> {
    if as_json {
        let list = seen.iter().map(|seen| {
            let Seen { id, state, deployed, listed, facts } = seen;
            let name = listed.as_ref().and_then(|listed| listed.name.as_deref());
            let context = listed.as_ref().and_then(|listed| listed.context_tokens);
            let facts = facts.as_deref();
            json!({"model": id, "state": state.as_str(), "deployed": deployed, "name": name, "context_tokens": context,
                "facts": facts})
        });
        return Ok(writeln!(out, "{:#}", list.collect::<Value>())?);
    }
    let mut table = vec![["MODEL", "STATE", "DEPLOYED", "CONTEXT", "SOURCE"].map(str::to_owned)];
    table.extend(seen.iter().map(|seen| {
        let stated = seen.listed.as_ref().and_then(|listed| listed.context_tokens);
        let context = stated.or_else(|| seen.facts.as_ref()?.context_tokens);
        let source = seen.facts.as_ref().map(|facts| format!("{}, {}", facts.source, facts.date));
        [
            seen.id.clone(),
            seen.state.as_str().to_owned(),
            if seen.deployed { "yes" } else { "" }.to_owned(),
            context.map_or_else(|| "?".to_owned(), |count| count.to_string()),
            source.unwrap_or_default(),
        ]
    }));
    out.write_all(columns(&table).as_bytes())?;
    let count = |state| seen.iter().filter(|seen| seen.state == state).count();
    writeln!(
        out,
        "\n{} known; {} new, which the catalogue does not know; {} gone, which the provider does not list; {} unknown to both",
        count(State::Known),
        count(State::New),
        count(State::Gone),
        count(State::Unknown)
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchtower_domain::{Extras, ProviderName};
    use switchtower_providers::known;

    #[test]
    fn a_list_stands_beside_what_is_known_and_configured() {
        let catalogue = Catalogue::parse(concat!(
            "[models.groq]\n\"old\" = { tools = true, source = \"a\", date = \"2026-01-01\" }\n",
            "\"kept\" = { context_tokens = 8, source = \"a\", date = \"2026-01-01\" }",
        ));
        let kind = known("groq").unwrap();
        let name = ProviderName::new("groq").unwrap();
        let provider = Provider::of_kind(name, kind, "https://a.example/v1", Credential::None).unwrap();
        let model = |id: &str| ListedModel {
            id: id.to_owned(),
            name: None,
            owner: None,
            created: None,
            context_tokens: None,
            output_tokens_max: None,
            extras: Extras::none(),
        };
        let deployed = ["kept", "mine"].map(str::to_owned).into_iter().collect();
        let seen = beside(&provider, vec![model("kept"), model("fresh")], &deployed, &catalogue.unwrap());
        let states: Vec<(&str, &str, bool)> =
            seen.iter().map(|seen| (seen.id.as_str(), seen.state.as_str(), seen.deployed)).collect();
        let expected =
            [("kept", "known", true), ("fresh", "new", false), ("old", "gone", false), ("mine", "unknown", true)];
        assert_eq!(states, expected);
        let mut out = Vec::new();
        write(&seen, false, &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert!(out.contains("1 known; 1 new"), "{out}");
    }
}
