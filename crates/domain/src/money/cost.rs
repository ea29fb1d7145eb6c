//! What a request cost.

use super::{Amount, Currency, Money, MoneyError, Rate};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What is charged for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Charge {
    /// Tokens of the prompt that no other kind names.
    Input,
    /// Tokens of the prompt that were read from a cache.
    CacheRead,
    /// Tokens written to a cache with a lifetime of five minutes, and those whose lifetime nobody stated.
    #[serde(rename = "cache_write_5m")]
    CacheWrite5m,
    /// Tokens written to a cache with a lifetime of one hour.
    #[serde(rename = "cache_write_1h")]
    CacheWrite1h,
    /// Audio tokens of the prompt.
    InputAudio,
    /// Audio tokens of the prompt that were read from a cache.
    CacheReadAudio,
    /// Image tokens of the prompt.
    InputImage,
    /// Image tokens of the prompt that were read from a cache.
    CacheReadImage,
    /// Video tokens of the prompt.
    InputVideo,
    /// Generated tokens that no other kind names.
    Output,
    /// Generated tokens that were reasoning.
    Reasoning,
    /// Generated audio tokens.
    OutputAudio,
    /// Generated image tokens.
    OutputImage,
    /// The request itself.
    Request,
    /// Searches of the web that the provider ran.
    WebSearch,
    /// Pages that the provider fetched.
    WebFetch,
    /// Pages of documents that the provider read.
    Page,
    /// Pictures, where they are counted and not their tokens.
    Image,
    /// Characters, where they are counted and not tokens.
    Characters,
    /// Time, of a session or a recording.
    Time,
    /// Bytes that leave a cloud.
    Egress,
}

impl Charge {
    /// Every kind, in the order in which they are told.
    pub const ALL: [Self; 21] = [
        Self::Input,
        Self::CacheRead,
        Self::CacheWrite5m,
        Self::CacheWrite1h,
        Self::InputAudio,
        Self::CacheReadAudio,
        Self::InputImage,
        Self::CacheReadImage,
        Self::InputVideo,
        Self::Output,
        Self::Reasoning,
        Self::OutputAudio,
        Self::OutputImage,
        Self::Request,
        Self::WebSearch,
        Self::WebFetch,
        Self::Page,
        Self::Image,
        Self::Characters,
        Self::Time,
        Self::Egress,
    ];

    /// The word in files and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::CacheRead => "cache_read",
            Self::CacheWrite5m => "cache_write_5m",
            Self::CacheWrite1h => "cache_write_1h",
            Self::InputAudio => "input_audio",
            Self::CacheReadAudio => "cache_read_audio",
            Self::InputImage => "input_image",
            Self::CacheReadImage => "cache_read_image",
            Self::InputVideo => "input_video",
            Self::Output => "output",
            Self::Reasoning => "reasoning",
            Self::OutputAudio => "output_audio",
            Self::OutputImage => "output_image",
            Self::Request => "request",
            Self::WebSearch => "web_search",
            Self::WebFetch => "web_fetch",
            Self::Page => "page",
            Self::Image => "image",
            Self::Characters => "characters",
            Self::Time => "time",
            Self::Egress => "egress",
        }
    }
}

impl fmt::Display for Charge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a cost is an estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EstimateReason {
    /// The provider did not say how long what was written to its cache lives, and lifetimes cost differently.
    CacheLifetime,
    /// The provider did not say how many of the audio or image tokens came from its cache, and it matters.
    CachedKind,
    /// The provider did not report its usage: tokens were counted here.
    CountedHere,
    /// The stream ended early: what came until then is charged.
    Interrupted,
    /// No usage is known: the cost is what was reserved.
    Reserved,
    /// The price differs by region, and none is stated for this one.
    Region,
    /// The price differs by the hour of the day: this is the one of the busy hours.
    Hour,
    /// Some are free of charge first, and nothing here counts how many were.
    Allowance,
    /// The price differs by how much is searched, and the provider did not say: this is the one of the middle.
    SearchSize,
    /// The price is stated for every name that looks like this one, and was not written for it.
    NameAlike,
}

impl EstimateReason {
    /// Every reason.
    pub const ALL: [Self; 10] = [
        Self::CacheLifetime,
        Self::CachedKind,
        Self::CountedHere,
        Self::Interrupted,
        Self::Reserved,
        Self::Region,
        Self::Hour,
        Self::Allowance,
        Self::SearchSize,
        Self::NameAlike,
    ];

    /// The word in files, messages and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CacheLifetime => "cache_lifetime",
            Self::CachedKind => "cached_kind",
            Self::CountedHere => "counted_here",
            Self::Interrupted => "interrupted",
            Self::Reserved => "reserved",
            Self::Region => "region",
            Self::Hour => "hour",
            Self::Allowance => "allowance",
            Self::SearchSize => "search_size",
            Self::NameAlike => "name_alike",
        }
    }
}

/// Why a cost is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownReason {
    /// Nobody stated a price of the model there and then.
    NoPrice,
    /// There are prices of the model, but not of the tier that it was served at.
    NoPriceOfTier,
    /// Something was used that no price is stated for.
    NoPriceFor(Charge),
    /// The provider did not say how much was used.
    NoUsage,
    /// The provider did not say how much of something was used that is charged for.
    NoCountOf(Charge),
    /// The provider's counts contradict each other: parts are more than the whole.
    Contradiction(Charge),
    /// It is more than an amount can be.
    Overflow,
}

impl UnknownReason {
    /// The word in files, messages and metrics; what it is about is told beside it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoPrice => "no_price",
            Self::NoPriceOfTier => "no_price_of_tier",
            Self::NoPriceFor(_) => "no_price_for",
            Self::NoUsage => "no_usage",
            Self::NoCountOf(_) => "no_count_of",
            Self::Contradiction(_) => "contradiction",
            Self::Overflow => "overflow",
        }
    }

    /// What it is about, where it is about one kind of charge.
    pub const fn charge(self) -> Option<Charge> {
        match self {
            Self::NoPriceFor(charge) | Self::NoCountOf(charge) | Self::Contradiction(charge) => Some(charge),
            Self::NoPrice | Self::NoPriceOfTier | Self::NoUsage | Self::Overflow => None,
        }
    }
}

/// How sure a cost is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CostStatus {
    /// Every count was reported and every price is known.
    Exact,
    /// It is near, and here is why it is not exact.
    Estimated(Vec<EstimateReason>),
    /// It is not known, and here is why. What is known of it is a part, and no more than that.
    Unknown(Vec<UnknownReason>),
}

impl CostStatus {
    /// The word in files, messages and metrics.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Estimated(_) => "estimated",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// One thing that was charged for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CostLine {
    /// What it is.
    pub charge: Charge,
    /// How much of it, counted in what the rate's unit is counted in.
    pub quantity: u64,
    /// At which rate, discounts taken off.
    pub rate: Rate,
    /// The price of the same unit in the same currency by a list that anybody may read, before contracts and discounts;
    /// `None` where no list states one.
    pub list: Option<Rate>,
    /// What that comes to.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// The row of the prices that states the rate.
    pub row: String,
}

/// What a request cost, line by line.
///
/// A total is of lines whose currency is the same. What is estimated or unknown says so in [`Cost::status`], and
/// [`Totals`](super::Totals) adds such costs up apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct Cost {
    status: CostStatus,
    lines: Vec<CostLine>,
    totals: Vec<Money>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    status: CostStatus,
    lines: Vec<CostLine>,
    totals: Vec<Money>,
}

impl Cost {
    /// A cost of lines. A reason to be unknown outweighs a reason to be estimated; without either it is exact.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn new(
        lines: Vec<CostLine>,
        mut estimated: Vec<EstimateReason>,
        mut unknown: Vec<UnknownReason>,
    ) -> Result<Self, MoneyError> {
        let mut totals: Vec<Money> = Vec::new();
        for line in &lines {
            let money = Money::new(line.amount, line.currency);
            match totals.iter_mut().find(|total| total.currency == line.currency) {
                Some(total) => *total = total.checked_add(money)?,
                None => totals.push(money),
            }
        }
        totals.sort_by_key(|total| total.currency);
        estimated.sort_unstable();
        estimated.dedup();
        unknown.sort_unstable();
        unknown.dedup();
        let status = match (unknown.is_empty(), estimated.is_empty()) {
            (false, _) => CostStatus::Unknown(unknown),
            (true, false) => CostStatus::Estimated(estimated),
            (true, true) => CostStatus::Exact,
        };
        Ok(Self { status, lines, totals })
    }

    /// A cost of which nothing is known.
    pub fn unknown(reason: UnknownReason) -> Self {
        Self { status: CostStatus::Unknown(vec![reason]), lines: Vec::new(), totals: Vec::new() }
    }

    /// This cost as an estimate, where it would be exact without this reason.
    #[must_use]
    pub fn estimated(mut self, reason: EstimateReason) -> Self {
        match &mut self.status {
            CostStatus::Exact => self.status = CostStatus::Estimated(vec![reason]),
            CostStatus::Estimated(reasons) => {
                reasons.push(reason);
                reasons.sort_unstable();
                reasons.dedup();
            }
            CostStatus::Unknown(_) => {}
        }
        self
    }

    /// How sure it is.
    pub const fn status(&self) -> &CostStatus {
        &self.status
    }

    /// What was charged for.
    pub fn lines(&self) -> &[CostLine] {
        &self.lines
    }

    /// The sums of the lines, one for each currency, in the order of their codes. Of an unknown cost this is the part
    /// that is known.
    pub fn totals(&self) -> &[Money] {
        &self.totals
    }

    /// The whole cost in one currency; `None` where it is unknown or of several.
    ///
    /// A cost without lines is nothing in any currency.
    pub fn whole(&self, currency: Currency) -> Option<Amount> {
        match (&self.status, self.totals.as_slice()) {
            (CostStatus::Unknown(_), _) => None,
            (_, []) => Some(Amount::ZERO),
            (_, [one]) if one.currency == currency => Some(one.amount),
            _ => None,
        }
    }

    /// Whether every count and price is known.
    pub const fn is_exact(&self) -> bool {
        matches!(self.status, CostStatus::Exact)
    }
}

impl TryFrom<Written> for Cost {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let Written { status, lines, totals } = written;
        let made = match &status {
            CostStatus::Exact => Self::new(lines, Vec::new(), Vec::new()),
            CostStatus::Estimated(reasons) => Self::new(lines, reasons.clone(), Vec::new()),
            CostStatus::Unknown(reasons) => Self::new(lines, Vec::new(), reasons.clone()),
        };
        match made {
            Ok(made) if made.totals == totals && made.status == status => Ok(made),
            Ok(_) => Err("the totals and the status of a cost must be those of its lines and reasons"),
            Err(_) => Err("the lines of a cost come to more than an amount can be"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Unit;

    fn line(charge: Charge, quantity: u64, rate: &str, currency: &str) -> CostLine {
        let rate = Rate::new(rate.parse().unwrap(), Unit::MillionTokens);
        CostLine {
            charge,
            quantity,
            rate,
            list: None,
            amount: rate.times(quantity).unwrap(),
            currency: currency.parse().unwrap(),
            row: "r".into(),
        }
    }

    #[test]
    fn lines_add_up_by_currency() {
        let lines = vec![
            line(Charge::Input, 10, "3", "USD"),
            line(Charge::Output, 2, "15", "USD"),
            line(Charge::WebSearch, 1, "2", "EUR"),
        ];
        let cost = Cost::new(lines, vec![], vec![]).unwrap();
        let totals: Vec<String> = cost.totals().iter().map(ToString::to_string).collect();
        assert_eq!(totals, ["0.000002 EUR", "0.00006 USD"]);
        assert!(cost.is_exact());
        assert_eq!(cost.whole(Currency::USD), None, "a cost of two currencies is no amount of one");
        let one = Cost::new(vec![line(Charge::Input, 10, "3", "USD")], vec![], vec![]).unwrap();
        assert_eq!(one.whole(Currency::USD), Some("0.00003".parse().unwrap()));
    }

    #[test]
    fn unknown_outweighs_estimated_and_both_say_why() {
        let lines = || vec![line(Charge::Input, 10, "3", "USD")];
        let estimated = Cost::new(lines(), vec![EstimateReason::CacheLifetime; 2], vec![]).unwrap();
        assert_eq!(estimated.status(), &CostStatus::Estimated(vec![EstimateReason::CacheLifetime]));
        assert_eq!(estimated.clone().estimated(EstimateReason::CacheLifetime), estimated);
        let unknown = UnknownReason::NoPriceFor(Charge::InputAudio);
        let cost = Cost::new(lines(), vec![EstimateReason::CacheLifetime], vec![unknown]).unwrap();
        assert_eq!((cost.status(), cost.whole(Currency::USD)), (&CostStatus::Unknown(vec![unknown]), None));
        assert_eq!(cost.clone().estimated(EstimateReason::Reserved), cost);
        assert_eq!(Cost::unknown(UnknownReason::NoPrice).totals(), []);
    }

    #[test]
    fn json_is_read_as_it_was_written_and_its_sums_are_checked() {
        let unknown = UnknownReason::NoPriceFor(Charge::InputAudio);
        let cost = Cost::new(vec![line(Charge::Input, 10, "3", "USD")], vec![], vec![unknown]).unwrap();
        let text = serde_json::to_string(&cost).unwrap();
        assert_eq!(
            text,
            r#"{"status":{"unknown":[{"no_price_for":"input_audio"}]},"lines":[{"charge":"input","quantity":10,"rate":{"amount":"3","per":"million_tokens"},"list":null,"amount":"0.00003","currency":"USD","row":"r"}],"totals":[{"amount":"0.00003","currency":"USD"}]}"#
        );
        assert_eq!(serde_json::from_str::<Cost>(&text).unwrap(), cost);
        let wrong = text.replace(r#"[{"amount":"0.00003""#, r#"[{"amount":"0.00004""#);
        assert!(wrong != text && serde_json::from_str::<Cost>(&wrong).is_err());
        for charge in Charge::ALL {
            assert_eq!(serde_json::to_value(charge).unwrap(), charge.as_str());
        }
        for reason in EstimateReason::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
    }
}
