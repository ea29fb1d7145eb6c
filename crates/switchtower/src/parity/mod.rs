//! `switchtower parity`: the same probes to each deployment of a model, side by side.
//!
//! The same model at three clouds should be one experience. Where it is not, one sees it here: which features work, how fast
//! the first token comes, whether usage adds up, and whether the answers are the same at temperature 0. Every probe goes
//! through the gateway, as a client's request would, in Chat Completions.

mod ask;
mod probes;
mod report;

pub use report::Report;

use anyhow::{Result, bail};
use ask::Asker;
use probes::{PROBES, Verdict};
use report::Column;
use std::sync::Arc;
use switchtower_domain::Transport;
use switchtower_gateway::{Access, Directory, Gateway, Settings};
use switchtower_ledger::Ledger;

/// What is compared.
#[derive(Debug)]
pub struct Options {
    /// A model, whose deployments are found by it, or the names of deployments.
    pub names: Vec<String>,
    /// How often speed is measured; the median is told.
    pub runs: usize,
}

/// Asks each deployment all probes, one after the other, so that none disturbs another.
///
/// # Errors
/// Where no deployment is meant, and for settings that no gateway can have.
pub async fn run(options: &Options, directory: Directory, transport: Arc<dyn Transport>) -> Result<Report> {
    let chosen = chosen(&directory, &options.names);
    if chosen.is_empty() {
        let names = options.names.join(", ");
        bail!("no deployment serves '{names}'; `switchtower models` lists what can be asked for");
    }
    let local = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    // What a comparison asks is nobody's traffic, and is on nobody's record.
    let (ledger, _) = Ledger::in_memory()?;
    let gateway = Gateway::new(Settings::new(Access::keyless(local)?), directory, transport, ledger)?;
    let mut columns = Vec::new();
    for name in chosen {
        columns.push(column(&Asker::new(gateway.clone(), name), options.runs).await);
    }
    Ok(Report::new(columns))
}

async fn column(asker: &Asker, runs: usize) -> Column {
    let mut verdicts = Vec::new();
    for probe in &PROBES {
        let outcome = asker.whole(&probe.request).await;
        verdicts.push(outcome.map_or_else(Verdict::Refused, |answer| (probe.judge)(&answer)));
    }
    let whole = asker.whole(&probes::PLAIN).await.ok();
    let mut streams = Vec::new();
    for _ in 0..runs.max(1) {
        if let Ok(stream) = asker.streamed(&probes::LONG).await {
            streams.push(stream);
        }
    }
    let short = asker.streamed(&probes::PLAIN).await.ok();
    Column::new(asker.name().to_owned(), verdicts, whole.as_ref(), short.as_ref(), &streams)
}

/// The deployments that are meant: those of the names, where there are several; those of the model, where there is one.
fn chosen(directory: &Directory, names: &[String]) -> Vec<String> {
    if let [model] = names {
        let mut seen = Vec::new();
        let mut found = Vec::new();
        for card in directory.cards() {
            let Some(deployment) = directory.find(&card.id) else { continue };
            let at = (deployment.provider.name.clone(), deployment.model.clone());
            if is_like(deployment.model.as_str(), model) && !seen.contains(&at) {
                seen.push(at);
                found.push(card.id.clone());
            }
        }
        if !found.is_empty() {
            return found;
        }
    }
    names.iter().filter(|name| directory.find(name).is_some()).cloned().collect()
}

/// Whether a provider's name of a model has the one that is meant in it, whatever stands between its letters: clouds call
/// `claude-sonnet-4-5` also `anthropic.claude-sonnet-4-5-20250929-v1:0`. Only versions may follow, so that a smaller model
/// of the family is another one.
fn is_like(theirs: &str, meant: &str) -> bool {
    let letters = |name: &str| -> String { name.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect() };
    let (theirs, meant) = (letters(theirs), letters(meant));
    let Some((_, rest)) = theirs.split_once(&meant).filter(|_| !meant.is_empty()) else { return false };
    rest.replace("latest", "").chars().all(|c| c.is_ascii_digit() || c == 'v')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_found_under_the_names_of_its_clouds() {
        assert!(is_like("anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4.5"));
        assert!(is_like("claude-sonnet-4-5@20250929", "claude-sonnet-4-5"));
        assert!(
            !is_like("gpt-5-mini", "gpt-5") && !is_like("claude-haiku-4-5", "claude-sonnet-4-5") && !is_like("x", "-")
        );
    }
}
