//! What the columns of an export say, by their names.

use super::bill::BillError;

/// What a column of an export can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Column {
    /// The provider's id of the request.
    Request,
    /// The day.
    Day,
    /// The model.
    Model,
    /// How many requests.
    Requests,
    /// Tokens of prompts, those from and to a cache included.
    Input,
    /// Tokens of prompts without those from and to a cache.
    Uncached,
    /// Tokens that were read from a cache.
    CacheRead,
    /// Tokens that were written to a cache.
    CacheWrite,
    /// Tokens that were generated.
    Output,
    /// What it cost.
    Cost,
    /// The currency of that.
    Currency,
}

impl Column {
    pub(super) const ALL: [Self; 11] = [
        Self::Request,
        Self::Day,
        Self::Model,
        Self::Requests,
        Self::Input,
        Self::Uncached,
        Self::CacheRead,
        Self::CacheWrite,
        Self::Output,
        Self::Cost,
        Self::Currency,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Day => "day",
            Self::Model => "model",
            Self::Requests => "requests",
            Self::Input => "input",
            Self::Uncached => "uncached",
            Self::CacheRead => "cache_read",
            Self::CacheWrite => "cache_write",
            Self::Output => "output",
            Self::Cost => "cost",
            Self::Currency => "currency",
        }
    }

    /// The names that vendors' exports have for it, in lower case with `_` for what is no letter or digit.
    const fn known_as(self) -> &'static [&'static str] {
        match self {
            Self::Request => &["request_id", "generation_id", "response_id"],
            Self::Day => &[
                "day",
                "date",
                "usage_date",
                "usage_date_utc",
                "start_time_iso",
                "start_time",
                "created_at",
                "chargeperiodstart",
                "lineitem_usagestartdate",
            ],
            Self::Model => &["model", "model_version", "model_permaslug", "snapshot_id", "model_id"],
            Self::Requests => &["requests", "num_model_requests", "n_requests", "request_count"],
            Self::Input => &["input_tokens", "prompt_tokens", "n_context_tokens_total", "tokens_prompt"],
            Self::Uncached => &["uncached_input_tokens", "usage_input_tokens_no_cache", "input_uncached_tokens"],
            Self::CacheRead => &[
                "cache_read",
                "cache_read_input_tokens",
                "input_cached_tokens",
                "usage_input_tokens_cache_read",
                "cached_tokens",
            ],
            Self::CacheWrite => &[
                "cache_write",
                "cache_creation_input_tokens",
                "usage_input_tokens_cache_write_5m",
                "usage_input_tokens_cache_write_1h",
            ],
            Self::Output => &[
                "output_tokens",
                "completion_tokens",
                "n_generated_tokens_total",
                "tokens_completion",
                "usage_output_tokens",
            ],
            Self::Cost => &["cost", "cost_usd", "amount", "amount_value", "cost_total", "billedcost", "total_cost"],
            Self::Currency => &["currency", "billing_currency", "billingcurrency", "cost_currency", "amount_currency"],
        }
    }

    /// Whether it is summed, and not told apart by.
    pub(super) const fn is_summed(self) -> bool {
        !matches!(self, Self::Request | Self::Day | Self::Model | Self::Currency)
    }
}

/// Columns by what they say, where that was said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns(Vec<(Column, String)>);

impl Columns {
    /// Columns as they are named on a command line: `model=Model name`.
    ///
    /// # Errors
    /// [`BillError::Unknown`].
    pub fn named(written: &[String]) -> Result<Self, BillError> {
        let one = |text: &String| {
            let unknown = || BillError::Unknown(text.clone());
            let (what, name) = text.split_once('=').ok_or_else(unknown)?;
            let column = Column::ALL.into_iter().find(|column| column.as_str() == what.trim()).ok_or_else(unknown)?;
            Ok((column, name.trim().to_owned()))
        };
        written.iter().map(one).collect::<Result<_, _>>().map(Self)
    }

    /// Which column says what: as it was said, or else as its name says. Several may say the same count, and are summed; of
    /// several that may say what it cost one is chosen by who asks.
    pub(super) fn places(&self, head: &csv::StringRecord) -> Result<Vec<(Column, usize)>, BillError> {
        let mut places = Vec::new();
        for (column, name) in &self.0 {
            let mut found = head.iter().enumerate().filter(|(_, found)| found.trim() == name);
            let (at, _) = found.next().ok_or_else(|| BillError::Missing(name.clone()))?;
            if found.next().is_some() {
                return Err(BillError::Twice(name.clone()));
            }
            places.push((*column, at));
        }
        for column in Column::ALL.into_iter().filter(|column| self.0.iter().all(|(said, _)| said != column)) {
            let says = |name: &str| column.known_as().contains(&plain(name).as_str());
            let mut found = head.iter().enumerate().filter(|(_, name)| says(name)).map(|(at, _)| (column, at));
            if column.is_summed() && column != Column::Cost {
                places.extend(found);
                continue;
            }
            places.extend(found.next());
            if column == Column::Cost && found.next().is_some() {
                let names: Vec<&str> = head.iter().filter(|name| says(name)).collect();
                return Err(BillError::SeveralCosts(names.join(", ")));
            }
        }
        if !places.iter().any(|(column, _)| column.is_summed()) {
            return Err(BillError::Nothing);
        }
        Ok(places)
    }
}

/// A name in lower case, with `_` for what is no letter or digit.
fn plain(name: &str) -> String {
    let letter = |letter: char| if letter.is_alphanumeric() { letter.to_ascii_lowercase() } else { '_' };
    name.trim().chars().map(letter).collect::<String>().trim_matches('_').to_owned()
}
