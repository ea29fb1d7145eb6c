//! What a configuration resolved to, for people.

use super::Ready;
use std::fmt::Write as _;
use switchtower_providers::{Credential, Provider};

/// A short table: where it listens, who may ask, and what each name leads to.
pub fn summary(ready: &Ready) -> String {
    let mut text = String::new();
    let who = match ready.key_names.as_slice() {
        [] => "callers on this machine, without a key".to_owned(),
        names => format!("keys {}", names.join(", ")),
    };
    let listeners = ready.server.listeners.iter().map(|listener| {
        let tls = listener.tls.as_ref().map(|tls| if tls.clients.is_some() { " (mTLS)" } else { " (TLS)" });
        format!("{}{}", listener.address, tls.unwrap_or_default())
    });
    let listeners = listeners.collect::<Vec<_>>().join(", ");
    let _ = writeln!(text, "listens on {listeners} for {who}\n");
    let mut rows = vec![["NAME", "LEADS TO", "DIALECT", "AT", "CREDENTIAL"].map(str::to_owned)];
    for provider in &ready.providers {
        rows.push([
            format!("{}/…", provider.name),
            "any model".to_owned(),
            dialects(provider),
            at(provider),
            credential(&provider.credential).to_owned(),
        ]);
    }
    for deployment in &ready.deployments {
        let provider = &deployment.provider;
        let target = format!("{}/{}", provider.name, deployment.model);
        rows.push([deployment.name.to_string(), target, dialects(provider), String::new(), String::new()]);
    }
    for (alias, target) in &ready.aliases {
        rows.push([alias.to_string(), target.clone(), String::new(), String::new(), String::new()]);
    }
    text.push_str(&columns(&rows));
    text
}

/// What a provider speaks, the best first.
pub(crate) fn dialects(provider: &Provider) -> String {
    let names: Vec<&str> = provider.interfaces().map(|interface| interface.dialect.as_str()).collect();
    names.join("+")
}

fn at(provider: &Provider) -> String {
    let base = provider.main.endpoint.base();
    if base.starts_with("sim:") { "built in".to_owned() } else { base.to_owned() }
}

const fn credential(credential: &Credential) -> &'static str {
    match credential {
        Credential::None => "none",
        Credential::Key { .. } => "key",
        Credential::Aws(_) => "signature",
        Credential::Identity(_) => "identity",
        Credential::Caller(_) => "the caller's",
        Credential::Missing { .. } => "missing",
    }
}

/// A table whose columns begin beneath each other.
pub(crate) fn columns(rows: &[impl AsRef<[String]>]) -> String {
    let mut widths = vec![0; rows.first().map_or(0, |row| row.as_ref().len())];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row.as_ref()) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row.as_ref()) {
            let _ = write!(line, "{cell:<width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
