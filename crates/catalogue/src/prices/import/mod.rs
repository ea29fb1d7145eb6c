//! Prices that other projects collected, taken over as rows of our own form: by a command when somebody wants it, never
//! while requests are served.

mod genai_prices;
mod litellm;

use super::PriceList;
use crate::import::Project;
use jiff::civil::Date;
use serde_json::Value;
use switchtower_domain::Amount;

/// What an import made, and what it left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedPrices {
    /// The prices of models at kinds of provider that are known here.
    pub list: PriceList,
    /// How many entries were left out because nobody here serves them, or because they state no price that holds here.
    pub left: usize,
}

/// Imports the data of a project. `source` is how it is to be called, `date` the day on which it was taken.
///
/// # Errors
/// What is wrong with the data, where it has another form than expected.
pub fn import(project: Project, data: &Value, source: &str, date: Date) -> Result<ImportedPrices, String> {
    match project {
        Project::Litellm => litellm::import(data, source, date),
        Project::GenaiPrices => genai_prices::import(data, source, date),
    }
}

/// A number of the data as it is written there, its point moved.
fn amount(value: &Value, shift: i32) -> Option<Amount> {
    match value {
        Value::Number(number) => {
            Amount::parse_shifted(&number.to_string(), shift).ok().filter(|one| !one.is_negative())
        }
        _ => None,
    }
}
