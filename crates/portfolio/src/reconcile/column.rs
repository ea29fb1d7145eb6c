//! What the columns of an export say, by their names.

use super::bill::BillError;
use super::value::SIGNS;
use switchtower_domain::Currency;

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
    /// What kind of service it is, by the words of FOCUS: what moving bytes costs stands apart.
    Service,
}

impl Column {
    pub(super) const ALL: [Self; 12] = [
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
        Self::Service,
    ];

    /// The word on the command line and in what is told.
    pub const fn as_str(self) -> &'static str {
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
            Self::Service => "service",
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
            Self::Model => &["model", "model_version", "model_permaslug", "snapshot_id", "model_id", "x_model"],
            Self::Requests => &["requests", "calls", "num_model_requests", "n_requests", "request_count"],
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
            // Also with a currency behind them.
            Self::Cost => &[
                "cost",
                "costs",
                "amount",
                "amount_value",
                "cost_total",
                "billedcost",
                "billed_cost",
                "total_cost",
                "total_costs",
            ],
            Self::Currency => &["currency", "billing_currency", "billingcurrency", "cost_currency", "amount_currency"],
            Self::Service => &["servicecategory", "service_category"],
        }
    }

    /// Whether it is summed, and not told apart by.
    pub(super) const fn is_summed(self) -> bool {
        !matches!(self, Self::Request | Self::Day | Self::Model | Self::Currency | Self::Service)
    }
}

/// Columns by what they say, where that was said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns {
    said: Vec<(Column, String)>,
    ignored: Vec<String>,
}

/// The word for a column that says nothing which is compared.
const IGNORE: &str = "ignore";

impl Columns {
    /// Columns as they are named on a command line: `model=Model name`, and `ignore=Model group` for one that is passed over.
    ///
    /// # Errors
    /// [`BillError::Unknown`].
    pub fn named(written: &[String]) -> Result<Self, BillError> {
        let mut columns = Self::default();
        for text in written {
            let unknown = || BillError::Unknown(text.clone());
            let (what, name) = text.split_once('=').ok_or_else(unknown)?;
            let name = name.trim().to_owned();
            if what.trim() == IGNORE {
                columns.ignored.push(name);
                continue;
            }
            let column = Column::ALL.into_iter().find(|column| column.as_str() == what.trim()).ok_or_else(unknown)?;
            columns.said.push((column, name));
        }
        Ok(columns)
    }

    /// Which column says what: as it was said, or else as its name says. Several may say the same count, and are summed; of
    /// several that may say what it cost one is chosen by who asks.
    pub(super) fn places(&self, head: &csv::StringRecord) -> Result<Vec<(Column, usize)>, BillError> {
        let mut places = Vec::new();
        for (column, name) in &self.said {
            let mut found = head.iter().enumerate().filter(|(_, found)| found.trim() == name);
            let (at, _) = found.next().ok_or_else(|| BillError::Missing(name.clone()))?;
            if found.next().is_some() {
                return Err(BillError::Twice(name.clone()));
            }
            places.push((*column, at));
        }
        if let Some(name) = self.ignored.iter().find(|name| head.iter().all(|found| found.trim() != *name)) {
            return Err(BillError::Missing(name.clone()));
        }
        let is_ignored = |name: &str| self.ignored.iter().any(|ignored| name.trim() == ignored);
        for column in Column::ALL.into_iter().filter(|column| self.said.iter().all(|(said, _)| said != column)) {
            let says = |name: &str| !is_ignored(name) && column.is_called(name);
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
        // A cost that was passed over would make a wrong bill a right one.
        let unread = |(at, name): &(usize, &str)| {
            places.iter().all(|(_, place)| place != at) && !is_ignored(name) && may_be_cost(name)
        };
        if places.iter().all(|(column, _)| *column != Column::Cost)
            && let Some((_, name)) = head.iter().enumerate().find(unread)
        {
            return Err(BillError::MayBeCost(name.trim().to_owned()));
        }
        if !places.iter().any(|(column, _)| column.is_summed()) {
            return Err(BillError::Nothing);
        }
        Ok(places)
    }
}

impl Column {
    /// Whether vendors call it so. The name of a cost may end with a currency.
    fn is_called(self, name: &str) -> bool {
        let name = plain(name);
        let without = || {
            let (name, code) = name.rsplit_once('_')?;
            Currency::new(&code.to_ascii_uppercase()).ok()?;
            Some(name.strip_suffix("_in").unwrap_or(name))
        };
        let is_known = |name: &str| self.known_as().contains(&name);
        is_known(&name) || self == Self::Cost && without().is_some_and(is_known)
    }
}

/// A name in lower case, with one `_` for what is no letter or digit.
fn plain(name: &str) -> String {
    let letter = |letter: char| if letter.is_alphanumeric() { letter.to_ascii_lowercase() } else { '_' };
    let letters: String = name.chars().map(letter).collect();
    letters.split('_').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_")
}

/// Whether a name may be that of a cost, in the words of people.
fn may_be_cost(name: &str) -> bool {
    const WITHIN: [&str; 5] = ["cost", "amount", "spend", "betrag", "kosten"];
    const WORDS: [&str; 6] = ["spent", "charge", "charges", "charged", "fee", "fees"];
    /// What stands behind such a word where something of a cost is told, and not the cost.
    const OF_IT: [&str; 9] = ["center", "centre", "id", "type", "category", "class", "status", "currency", "name"];
    let name = plain(name);
    let mut words = name.split('_');
    let is_of_it = name.rsplit('_').next().is_some_and(|word| OF_IT.contains(&word));
    !is_of_it && words.any(|word| WORDS.contains(&word) || WITHIN.iter().any(|part| word.contains(part)))
}

/// The currency that the name of a column ends with, as in `cost_usd`, `Amount (EUR)` or `Amount (€)`.
pub(super) fn currency_of(name: &str) -> Option<Currency> {
    let name = name.trim().trim_end_matches([')', ']', ' ']);
    if let Some((_, code)) = SIGNS.into_iter().find(|(sign, _)| name.ends_with(*sign)) {
        return Currency::new(code).ok();
    }
    let (_, code) = name.rsplit_once(|letter: char| !letter.is_alphanumeric())?;
    Currency::new(&code.to_ascii_uppercase()).ok()
}
