//! What was charged for in the columns of FOCUS, for the tools of finance.
//!
//! Source: the Open Cost and Usage Specification 1.2, <https://focus.finops.org/focus-specification/v1-2/>.
//!
//! A row sums one hour of one charge of one deployment at one price. FOCUS has no word for how sure a cost is: the column
//! `x_CostStatus` says it, and no row mixes two. An unknown cost has rows for the part that is known; what is not known is
//! in no row, and counted.

use crate::spent::{Spent, moment};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Unit as Step, ZonedRound};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write;
use switchtower_domain::{Amount, Charge, Cost, CostLine, CostStatus, Currency, MoneyError, Rate, Unit};

/// The columns, in the order of the specification; those of our own are last.
pub const COLUMNS: [&str; 52] = [
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingAccountType",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "InvoiceId",
    "InvoiceIssuerName",
    "ListCost",
    "ListUnitPrice",
    "PricingCategory",
    "PricingCurrency",
    "PricingCurrencyContractedUnitPrice",
    "PricingCurrencyEffectiveCost",
    "PricingCurrencyListUnitPrice",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "RegionId",
    "RegionName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "SkuId",
    "SkuMeter",
    "SkuPriceDetails",
    "SkuPriceId",
    "SubAccountId",
    "SubAccountName",
    "SubAccountType",
    "Tags",
    "x_CostReasons",
    "x_CostStatus",
    "x_ListPriceStated",
    "x_Model",
    "x_Requests",
];

/// An export that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum FocusError {
    /// It could not be written.
    #[error(transparent)]
    Csv(#[from] csv::Error),
    /// It could not be written.
    #[error(transparent)]
    Output(#[from] std::io::Error),
}

/// What rows are told apart by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    hour: Timestamp,
    tenant: String,
    caller: Option<String>,
    team: Option<String>,
    use_case: Option<String>,
    provider: String,
    region: Option<String>,
    deployment: String,
    model: String,
    operation: String,
    charge: Charge,
    unit: Unit,
    rate: Amount,
    list: Option<Amount>,
    currency: Currency,
    row: String,
    status: &'static str,
    reasons: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Sums {
    /// The first record that it sums.
    record: u64,
    quantity: u64,
    amount: Amount,
    requests: u64,
}

impl Sums {
    fn with(&self, line: &CostLine) -> Result<Self, MoneyError> {
        Ok(Self {
            record: self.record,
            quantity: self.quantity.checked_add(line.quantity).ok_or(MoneyError::Overflow)?,
            amount: self.amount.checked_add(line.amount)?,
            requests: self.requests + 1,
        })
    }
}

/// What is in no row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// How many costs are unknown.
    pub unknown: u64,
    /// The first record of each row whose sums are more than an amount can be.
    pub overflowed: Vec<u64>,
}

/// An export that is being made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Export {
    rows: BTreeMap<Key, Sums>,
    unknown: u64,
}

impl Export {
    /// Adds what an attempt cost.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] where a charge is too large to be added; it is left out, and the others are not.
    pub fn add(&mut self, spent: &Spent) -> Result<(), MoneyError> {
        let mut added = Ok(());
        for cost in spent.cost.iter().chain(&spent.egress) {
            self.unknown += u64::from(matches!(cost.status(), CostStatus::Unknown(_)));
            for line in cost.lines() {
                let first = || Sums { record: spent.record, ..Sums::default() };
                let sums = self.rows.entry(key(spent, cost, line)).or_insert_with(first);
                match sums.with(line) {
                    Ok(more) => *sums = more,
                    Err(error) => added = Err(error),
                }
            }
        }
        added
    }

    /// Writes the rows as comma-separated values; says what is in none.
    ///
    /// # Errors
    /// [`FocusError`].
    pub fn write(&self, out: impl Write) -> Result<LeftOut, FocusError> {
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record(COLUMNS)?;
        let mut left_out = LeftOut { unknown: self.unknown, ..LeftOut::default() };
        for (key, sums) in self.rows.iter().filter(|(_, sums)| sums.requests > 0) {
            match row(key, sums) {
                Ok(row) => csv.write_record(row)?,
                Err(MoneyError::Overflow | MoneyError::Currencies { .. }) => left_out.overflowed.push(sums.record),
            }
        }
        csv.flush()?;
        Ok(left_out)
    }
}

fn key(spent: &Spent, cost: &Cost, line: &CostLine) -> Key {
    let reasons = match cost.status() {
        CostStatus::Exact => String::new(),
        CostStatus::Estimated(reasons) => joined(reasons.iter().map(|reason| reason.as_str())),
        CostStatus::Unknown(reasons) => joined(reasons.iter().map(|reason| reason.as_str())),
    };
    Key {
        hour: hour(spent.ended_us),
        tenant: spent.tenant.to_string(),
        caller: spent.caller.map(|caller| caller.to_string()),
        team: spent.team.as_ref().map(ToString::to_string),
        use_case: spent.use_case.as_ref().map(ToString::to_string),
        provider: spent.provider.to_string(),
        region: spent.region.as_ref().map(ToString::to_string),
        deployment: spent.deployment.to_string(),
        model: spent.model.to_string(),
        operation: spent.operation.to_string(),
        charge: line.charge,
        unit: line.rate.per,
        rate: line.rate.amount,
        list: line.list.map(|list| list.amount),
        currency: line.currency,
        row: line.row.clone(),
        status: cost.status().as_str(),
        reasons,
    }
}

fn joined<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(" ")
}

/// The hour in which a moment is.
fn hour(at_us: u64) -> Timestamp {
    let zoned = moment(at_us).to_zoned(TimeZone::UTC);
    let floor = ZonedRound::new().smallest(Step::Hour).mode(jiff::RoundMode::Floor);
    zoned.round(floor).map_or(Timestamp::MIN, |hour| hour.timestamp())
}

fn row(key: &Key, sums: &Sums) -> Result<[String; COLUMNS.len()], MoneyError> {
    let month = key.hour.to_zoned(TimeZone::UTC).first_of_month().and_then(|day| day.start_of_day());
    let next = month.as_ref().ok().and_then(|month| month.checked_add(jiff::Span::new().months(1)).ok());
    let at = |timestamp: Timestamp| timestamp.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let month = month.map_or(key.hour, |month| month.timestamp());
    let next = next.map_or(key.hour, |next| next.timestamp());
    let hour_end = key.hour.checked_add(SignedDuration::from_hours(1)).unwrap_or(key.hour);
    let priced = Rate::new(Amount::ONE, key.unit).times(sums.quantity)?;
    let list = key.list.unwrap_or(key.rate);
    let list_cost = if list == key.rate { sums.amount } else { Rate::new(list, key.unit).times(sums.quantity)? };
    let (amount, rate, currency) = (sums.amount.to_string(), key.rate.to_string(), key.currency.to_string());
    let (category, service, subcategory) = service(key.charge);
    let region = key.region.clone().unwrap_or_default();
    let said = [("team", &key.team), ("use_case", &key.use_case)];
    let said = said.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
    let tags: BTreeMap<&str, &str> =
        [("operation", &*key.operation), ("model", &*key.model)].into_iter().chain(said).collect();
    let tags = json!(tags).to_string();
    let meter = meter(key.charge);
    let caller = key.caller.clone().unwrap_or_default();
    Ok([
        amount.clone(),
        key.tenant.clone(),
        key.tenant.clone(),
        "Tenant".to_owned(),
        currency.clone(),
        at(next),
        at(month),
        "Usage".to_owned(),
        String::new(),
        format!("{meter} of {} at {}", key.model, key.provider),
        "Usage-Based".to_owned(),
        at(hour_end),
        at(key.hour),
        sums.quantity.to_string(),
        consumed(key.unit).to_owned(),
        amount.clone(),
        rate.clone(),
        amount.clone(),
        String::new(),
        key.provider.clone(),
        list_cost.to_string(),
        list.to_string(),
        "Standard".to_owned(),
        currency,
        rate,
        amount,
        list.to_string(),
        priced.to_string(),
        priced_by(key.unit).to_owned(),
        key.provider.clone(),
        key.provider.clone(),
        region.clone(),
        region,
        key.deployment.clone(),
        key.deployment.clone(),
        "Deployment".to_owned(),
        category.to_owned(),
        service.to_owned(),
        subcategory.to_owned(),
        format!("{}/{}", key.model, key.charge),
        meter.to_owned(),
        String::new(),
        key.row.clone(),
        caller.clone(),
        String::new(),
        if caller.is_empty() { String::new() } else { "Key".to_owned() },
        tags,
        key.reasons.clone(),
        key.status.to_owned(),
        key.list.is_some().to_string(),
        key.model.clone(),
        sums.requests.to_string(),
    ])
}

/// The category, the service and the subcategory of a charge, by the words of the specification.
const fn service(charge: Charge) -> (&'static str, &'static str, &'static str) {
    match charge {
        Charge::Egress => ("Networking", "Data transfer", "Other (Networking)"),
        _ => ("AI and Machine Learning", "Model inference", "Generative AI"),
    }
}

/// What is counted, for people.
const fn meter(charge: Charge) -> &'static str {
    match charge {
        Charge::Input => "Input tokens",
        Charge::CacheRead => "Input tokens read from a cache",
        Charge::CacheWrite5m => "Input tokens written to a cache for 5 minutes",
        Charge::CacheWrite1h => "Input tokens written to a cache for 1 hour",
        Charge::InputAudio => "Audio input tokens",
        Charge::CacheReadAudio => "Audio input tokens read from a cache",
        Charge::InputImage => "Image input tokens",
        Charge::CacheReadImage => "Image input tokens read from a cache",
        Charge::InputVideo => "Video input tokens",
        Charge::Output => "Output tokens",
        Charge::Reasoning => "Reasoning tokens",
        Charge::OutputAudio => "Audio output tokens",
        Charge::OutputImage => "Image output tokens",
        Charge::Request => "Requests",
        Charge::WebSearch => "Web searches",
        Charge::WebFetch => "Web pages fetched",
        Charge::Page => "Pages of documents",
        Charge::Image => "Images",
        Charge::Characters => "Characters",
        Charge::Time => "Time",
        Charge::Egress => "Bytes transferred",
    }
}

/// A unit of prices, in the form that the specification has for units.
const fn priced_by(unit: Unit) -> &'static str {
    match unit {
        Unit::MillionTokens => "1000000 Tokens",
        Unit::ThousandCharacters => "1000 Characters",
        Unit::Request => "Requests",
        Unit::Call => "Calls",
        Unit::Image => "Images",
        Unit::Page => "Pages",
        Unit::Second => "Seconds",
        Unit::Minute => "Minutes",
        Unit::Gigabyte => "GB",
    }
}

/// What quantities are counted in.
const fn consumed(unit: Unit) -> &'static str {
    match unit {
        Unit::MillionTokens => "Tokens",
        Unit::ThousandCharacters => "Characters",
        Unit::Request => "Requests",
        Unit::Call => "Calls",
        Unit::Image => "Images",
        Unit::Page => "Pages",
        Unit::Second | Unit::Minute => "Milliseconds",
        Unit::Gigabyte => "Bytes",
    }
}
