//! Lists of models: read, written again, and told in each other form.

use super::mutation::Mutations;
use super::semantic::differences;
use super::{Findings, answers, listed};
use serde_json::Value;
use switchtower_dialect::{ListingForm, dialect};
use switchtower_domain::ModelListing;
use switchtower_sim::recording::Exchange;

/// The form that claims an exchange.
pub(super) fn claimed(exchange: &Exchange) -> Option<ListingForm> {
    match exchange.dialect.as_str() {
        "openai.models" => Some(ListingForm::Openai),
        "anthropic.models" => Some(ListingForm::Anthropic),
        "ollama.tags" => Some(ListingForm::Ollama),
        _ => None,
    }
}

pub(super) fn check(exchange: &Exchange, form: ListingForm, findings: &mut Findings) {
    let bytes = exchange.response.body.to_bytes();
    if exchange.response.status >= 400 {
        return answers::failure(dialect(form.dialect()), exchange.response.status, &bytes, findings);
    }
    let Ok(value) = serde_json::from_slice::<Value>(&bytes) else {
        return findings.push(("answer decodes", "the recorded body is not JSON".to_owned()));
    };
    let listing = match form.decode(value.clone().into()) {
        Ok(listing) => listing,
        Err(error) => return findings.push(("answer decodes", error.to_string())),
    };
    let paths = differences(&value, &form.encode(&listing));
    if !paths.is_empty() {
        findings.push(("answer round trip", format!("differs at {}", listed(&paths))));
    }
    if names(&listing) != recorded(form, &value) {
        findings.push(("models carried", "the names are not those of the recording".to_owned()));
    }
    for other in ListingForm::ALL {
        let told = other.decode(other.encode(&listing).into());
        if !told.is_ok_and(|told| names(&told) == names(&listing)) {
            findings.push(("answer translated", format!("{other:?}: other models came back")));
        }
    }
}

fn names(listing: &ModelListing) -> Vec<&str> {
    listing.models.iter().map(|model| model.id.as_str()).collect()
}

/// The names, looked up in the recording itself.
fn recorded(form: ListingForm, value: &Value) -> Vec<&str> {
    let (list, id) = if form == ListingForm::Ollama { ("models", "model") } else { ("data", "id") };
    let items = value.get(list).and_then(Value::as_array).into_iter().flatten();
    items.filter_map(|item| item.get(id)?.as_str()).collect()
}

pub(super) fn mutate(exchange: &Exchange, form: ListingForm, mutations: &mut Mutations) {
    if exchange.response.status < 300
        && let Ok(value) = serde_json::from_slice::<Value>(&exchange.response.body.to_bytes())
        && let Ok(listing) = form.decode(value.clone().into())
    {
        mutations.each(&format!("{form:?} models"), &listing, |changed: &ModelListing| {
            !differences(&value, &form.encode(changed)).is_empty()
        });
    }
}
