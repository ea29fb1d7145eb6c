//! Facts that other projects collected, made into a catalogue. Done by a command when somebody wants it, never while
//! requests are served.

mod genai_prices;
mod litellm;

pub(crate) use genai_prices::kind_of as kind_of_genai_prices;
pub(crate) use litellm::kind_of as kind_of_litellm;

use crate::Catalogue;
use serde_json::Value;

/// A project whose data can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Project {
    /// `model_prices_and_context_window_backup.json` of `LiteLLM`.
    Litellm,
    /// `data.json` of genai-prices, whose only facts are context windows.
    GenaiPrices,
}

impl Project {
    /// Every project.
    pub const ALL: [Self; 2] = [Self::Litellm, Self::GenaiPrices];

    /// The word on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Litellm => "litellm",
            Self::GenaiPrices => "genai-prices",
        }
    }
}

/// What an import made, and what it left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The facts of models at kinds of provider that are known here.
    pub catalogue: Catalogue,
    /// How many entries were left out because nobody here serves them, or because they state nothing.
    pub left: usize,
}

/// Imports the data of a project. `source` is how it is to be called, `date` the day on which it was taken.
///
/// # Errors
/// What is wrong with the data, where it has another form than expected.
pub fn import(project: Project, data: &Value, source: &str, date: &str) -> Result<Imported, String> {
    match project {
        Project::Litellm => litellm::import(data, source, date),
        Project::GenaiPrices => genai_prices::import(data, source, date),
    }
}
