//! One row of prices.

use jiff::civil::Date;
use std::collections::BTreeMap;
use switchtower_domain::{Amount, Charge, Currency, EstimateReason, Rate, Unit};

/// How urgently a provider serves, at prices of their own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// As usual.
    #[default]
    Standard,
    /// Within a day.
    Batch,
    /// Before others.
    Priority,
    /// When there is room.
    Flex,
}

impl Tier {
    /// Every tier.
    pub const ALL: [Self; 4] = [Self::Standard, Self::Batch, Self::Priority, Self::Flex];

    /// The word in files and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Batch => "batch",
            Self::Priority => "priority",
            Self::Flex => "flex",
        }
    }

    /// The tier that a provider reports; `None` for one that has no price for each token, such as throughput that was
    /// paid ahead.
    ///
    /// The words are those of recorded answers: `default` and `auto` of OpenAI, `on_demand` of Groq and Google,
    /// `on_demand_flex` of Google, `standard` of Anthropic and Mistral.
    pub fn reported(word: Option<&str>) -> Option<Self> {
        match word.unwrap_or_default().to_ascii_lowercase().as_str() {
            "" | "default" | "auto" | "standard" | "on_demand" => Some(Self::Standard),
            "batch" => Some(Self::Batch),
            "priority" | "on_demand_priority" => Some(Self::Priority),
            "flex" | "on_demand_flex" => Some(Self::Flex),
            _ => None,
        }
    }
}

/// From when until when something holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Period {
    /// The first day; since ever where nobody says.
    pub from: Option<Date>,
    /// The day from which on it holds no more; for ever where nobody says.
    pub until: Option<Date>,
}

impl Period {
    /// Whether a day is in it.
    pub fn has(&self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day < until)
    }

    /// Whether a day is in both.
    pub fn meets(&self, other: &Self) -> bool {
        let before = |until: Option<Date>, from: Option<Date>| matches!((until, from), (Some(u), Some(f)) if u <= f);
        !before(self.until, other.from) && !before(other.until, self.from)
    }
}

/// Rates of one model in one region, at one tier, from one length of prompt on, in one period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceRow {
    /// Where; `*` is every region that no other row of the model names, nothing is everywhere else.
    pub region: Option<String>,
    /// How urgently.
    pub tier: Tier,
    /// For prompts of more tokens than this, as long as no row with a larger number holds. What such a row does not state
    /// is as in the row beneath it.
    pub above_tokens: u64,
    /// When.
    pub period: Period,
    /// In which currency.
    pub currency: Currency,
    /// What it costs, by what is charged for.
    pub rates: BTreeMap<Charge, Rate>,
    /// Why a cost by this row is an estimate, if it is one.
    pub estimated: Vec<EstimateReason>,
    /// Why the price of searches is an estimate, if it is one.
    pub search_estimated: Option<EstimateReason>,
    /// Who says so.
    pub source: String,
    /// When that was read.
    pub date: Date,
}

impl PriceRow {
    /// Whether two rows are for the same tokens on some day.
    pub(crate) fn collides(&self, other: &Self) -> bool {
        self.region == other.region
            && self.tier == other.tier
            && self.above_tokens == other.above_tokens
            && self.period.meets(&other.period)
    }

    /// How the row is called in costs: what tells it from the others of its model.
    pub(crate) fn name(&self, kind: &str, model: &str) -> String {
        let mut name = format!("{kind}/{model}");
        if let Some(region) = &self.region {
            name.push_str(&format!(" in {region}"));
        }
        if self.tier != Tier::Standard {
            name.push_str(&format!(" {}", self.tier.as_str()));
        }
        if self.above_tokens > 0 {
            name.push_str(&format!(" above {}", self.above_tokens));
        }
        if let Some(from) = self.period.from {
            name.push_str(&format!(" from {from}"));
        }
        name
    }
}

/// The key of a rate in a file; time is told by its unit.
pub(crate) const fn key_of(charge: Charge, unit: Unit) -> &'static str {
    match (charge, unit) {
        (Charge::Time, Unit::Minute) => "minute",
        (Charge::Time, _) => "second",
        _ => charge.as_str(),
    }
}

/// Every key of a rate, what it is charged for, and by which unit. Egress has a table of its own.
pub(crate) fn keys() -> impl Iterator<Item = (&'static str, Charge, Unit)> {
    let unit = |charge: Charge| match charge {
        Charge::Request => Some(Unit::Request),
        Charge::WebSearch | Charge::WebFetch => Some(Unit::Call),
        Charge::Page => Some(Unit::Page),
        Charge::Image => Some(Unit::Image),
        Charge::Characters => Some(Unit::ThousandCharacters),
        Charge::Time => Some(Unit::Second),
        Charge::Egress => None,
        Charge::Input
        | Charge::CacheRead
        | Charge::CacheWrite5m
        | Charge::CacheWrite1h
        | Charge::InputAudio
        | Charge::CacheReadAudio
        | Charge::InputImage
        | Charge::CacheReadImage
        | Charge::InputVideo
        | Charge::Output
        | Charge::Reasoning
        | Charge::OutputAudio
        | Charge::OutputImage => Some(Unit::MillionTokens),
    };
    let each = Charge::ALL.into_iter().filter_map(move |charge| Some((charge, unit(charge)?)));
    each.chain([(Charge::Time, Unit::Minute)]).map(|(charge, unit)| (key_of(charge, unit), charge, unit))
}

/// A rate at its usual unit.
pub(crate) fn rate(charge: Charge, amount: Amount) -> Option<Rate> {
    keys().find(|(_, of, _)| *of == charge).map(|(_, _, unit)| Rate::new(amount, unit))
}
