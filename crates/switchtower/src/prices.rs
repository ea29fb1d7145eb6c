//! `switchtower prices`: what a model costs and who says so, where lists disagree, and the import of prices that others
//! collected.

use crate::config::{columns, today};
use crate::models::{Import, read};
use anyhow::{Context as _, Result, anyhow, bail};
use jiff::civil::Date;
use serde_json::{Map, Value, json};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use switchtower_catalogue::prices::import::{ImportedPrices, import};
use switchtower_catalogue::prices::{
    Asked, Commitment, Difference, DiscountTerm, Egress, Layer, Period, PriceList, PriceRow, Prices, Tier, differences,
    names_of,
};
use switchtower_domain::{Amount, Charge, Rate, Unit, nearest};
use switchtower_providers::Provider;

/// A day as people write it; today where nobody says.
///
/// # Errors
/// For what is no day.
pub fn day(written: Option<&str>) -> Result<Date> {
    let today = today();
    written.unwrap_or(&today).parse::<Date>().context("the date must be written as 2026-11-21")
}

/// Makes a list of prices that a project published, and says on `told` what came of it.
///
/// # Errors
/// For files that cannot be read or written, and for data of another form.
pub fn import_file(asked: &Import<'_>, out: &mut dyn Write, told: &mut dyn Write) -> Result<()> {
    let name = asked.file.display();
    let data = read(asked.file).with_context(|| format!("failed to read {name}"))?;
    let data: Value = serde_json::from_slice(&data).with_context(|| format!("{name} is no JSON"))?;
    let imported = import(asked.project, &data, asked.source, day(asked.date)?);
    let ImportedPrices { list, left } = imported.map_err(|reason| anyhow!("{name}: {reason}"))?;
    if list.is_empty() {
        bail!("{name} states no price of a model of a provider that is known here");
    }
    let text = list.write();
    match asked.out {
        Some(path) => std::fs::write(path, text).with_context(|| format!("failed to write {}", path.display()))?,
        None => out.write_all(text.as_bytes())?,
    }
    let models = list.len();
    writeln!(
        told,
        "prices of {models} names of models imported; {left} entries left out: not of a provider known here, or no prices"
    )?;
    Ok(())
}

/// Reads a list of prices.
///
/// # Errors
/// Every mistake in it, with its line.
pub fn read_list(path: &Path) -> Result<PriceList> {
    let name = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("failed to read {name}"))?;
    PriceList::parse(&text).map_err(|mistakes| {
        let told = mistakes.iter().map(|mistake| format!("\n  {}", mistake.placed(&text)));
        anyhow!("{name} is no list of prices:{}", told.collect::<String>())
    })
}

/// What `prices show` is told.
#[derive(Debug, Clone, Copy)]
pub struct Show<'a> {
    /// `KIND/MODEL` or `PROVIDER/MODEL`, or a model at every kind that has it.
    pub model: &'a str,
    /// The providers that are configured.
    pub providers: &'a [Arc<Provider>],
    /// Where it runs.
    pub region: Option<&'a str>,
    /// On which day.
    pub day: Date,
    /// Whether to write JSON.
    pub json: bool,
}

impl<'a> Show<'a> {
    /// The provider of that name, unless a kind has it too.
    fn of(&self, name: &str) -> Option<&'a Provider> {
        let found = self.providers.iter().find(|provider| provider.name.as_str() == name);
        found.map(Arc::as_ref).filter(|_| switchtower_providers::known(name).is_none())
    }
}

/// Tells the prices of a model by every list, the one that holds first.
///
/// # Errors
/// For a model that nobody states a price of, and those of the output.
pub fn show(prices: &Prices, asked: &Show<'_>, out: &mut dyn Write) -> Result<()> {
    let kinds: std::collections::BTreeSet<&str> =
        prices.lists().flat_map(|(_, _, list)| list.models().map(|(kind, ..)| kind)).collect();
    let is_known =
        |name| kinds.contains(name) || switchtower_providers::known(name).is_some() || asked.of(name).is_some();
    let named = asked.model.split_once('/').filter(|(name, _)| is_known(name));
    let places: Vec<(&str, &str)> = match named {
        Some(place) => vec![place],
        None => kinds.iter().map(|kind| (*kind, asked.model)).collect(),
    };
    let found: Vec<Shown<'_>> =
        places.into_iter().flat_map(|(kind, model)| shown(prices, kind, model, asked)).collect();
    if found.is_empty() {
        bail!("{}", unknown(prices, asked));
    }
    if asked.json {
        let rows: Vec<Value> = found.iter().map(Shown::json).collect();
        return Ok(writeln!(out, "{:#}", Value::Array(rows))?);
    }
    let head = ["MODEL", "BY", "REGION", "TIER", "ABOVE", "FROM", "UNTIL", "PRICES", "SOURCE"];
    let mut table = vec![head.map(str::to_owned)];
    table.extend(found.iter().map(Shown::line));
    out.write_all(columns(&table).as_bytes())?;
    let terms: std::collections::BTreeSet<String> = found.iter().flat_map(|shown| shown.terms()).collect();
    if !terms.is_empty() {
        writeln!(out)?;
    }
    terms.iter().try_for_each(|term| writeln!(out, "{term}"))?;
    writeln!(
        out,
        "\nof tokens for a million, of characters for a thousand; of each model the first list holds, and what nobody \
         states is unknown"
    )?;
    Ok(())
}

fn unknown(prices: &Prices, asked: &Show<'_>) -> String {
    let names: std::collections::BTreeSet<String> = prices
        .lists()
        .flat_map(|(_, _, list)| list.models().map(|(kind, model, _)| format!("{kind}/{model}")))
        .collect();
    let near = nearest(asked.model, names.iter().map(String::as_str));
    let hint = match near.as_slice() {
        [] => "state one in a file of your own, see docs/guides/prices.md".to_owned(),
        near => {
            format!("did you mean {}?", near.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(" or "))
        }
    };
    format!("nobody states a price of '{}' on {}; {hint}", asked.model, asked.day)
}

struct Shown<'a> {
    name: String,
    by: String,
    /// Whether it is of the list that holds.
    holds: bool,
    row: &'a PriceRow,
    /// What is taken off it, by which list, where it holds and is not of a contract.
    discount: Option<(&'a str, &'a DiscountTerm)>,
    egress: Vec<(&'a str, &'a Egress)>,
    commitments: Vec<(&'a str, &'a Commitment)>,
}

fn shown<'a>(prices: &'a Prices, kind: &str, model: &str, show: &Show<'_>) -> Vec<Shown<'a>> {
    // The prices of a provider are those that its calls are charged by.
    let (provider, priced) = show.of(kind).map_or((None, kind), Provider::priced_as);
    let asked = Asked { provider, kind: priced, model, region: show.region, day: show.day };
    let egress = prices.egress_terms(&asked);
    let is_of = |term: &Commitment| names_of(provider, priced).any(|name| name == term.kind);
    let commitments: Vec<_> =
        prices.commitments().filter(|(_, term)| is_of(term) && term.period.has(show.day)).collect();
    let mut found = Vec::new();
    for stated in prices.rows(&asked) {
        for row in stated.rows {
            let elsewhere = row.region.is_some() && show.region.is_some() && row.region.as_deref() != show.region;
            if elsewhere && row.region.as_deref() != Some("*") {
                continue;
            }
            let sheet = prices.sheet(&asked, row.tier, u64::MAX);
            let here = (stated.layer, stated.list, stated.kind);
            let holds = sheet.is_some_and(|sheet| (sheet.layer, sheet.list, sheet.kind) == here);
            found.push(Shown {
                name: format!("{kind}/{model}"),
                by: format!("{}: {}", stated.layer.as_str(), stated.list),
                holds,
                row,
                discount: prices.discount_term(&asked).filter(|_| holds && stated.layer != Layer::Contract),
                egress: egress.clone(),
                commitments: commitments.clone(),
            });
        }
    }
    found
}

impl Shown<'_> {
    /// What is charged after what is taken off; nothing where that is nothing.
    fn charged(&self) -> Option<Vec<(Charge, Rate)>> {
        let (_, term) = self.discount?;
        let less = self.row.rates.iter().map(|(charge, rate)| Some((*charge, rate.less(term.percent).ok()?)));
        less.collect()
    }

    /// What holds besides prices, in sentences.
    fn terms(&self) -> Vec<String> {
        let until = |period: &Period| {
            let from = period.from.map(|from| format!(" from {from}")).unwrap_or_default();
            from + &period.until.map(|until| format!(" until {until}")).unwrap_or_default()
        };
        let discount = self.discount.iter().map(|(list, term)| {
            let percent = Amount::from(term.percent);
            format!(
                "discount: {percent} percent off {}{}, by {list} ({}, {})",
                self.name,
                until(&term.period),
                term.source,
                term.date
            )
        });
        let egress = self.egress.iter().map(|(list, term)| {
            let region = term.region.as_ref().map(|region| format!(" in {region}")).unwrap_or_default();
            format!(
                "egress: {} {} for 10⁹ bytes of {} of {}{region}{}, by {list} ({}, {})",
                term.currency,
                term.rate.amount,
                term.bytes.as_str(),
                term.kind,
                until(&term.period),
                term.source,
                term.date
            )
        });
        let commitments = self.commitments.iter().map(|(list, term)| {
            format!(
                "commitment: {} {} to {}{}, used or not, by {list} ({}, {})",
                term.money.currency,
                term.money.amount,
                term.kind,
                until(&term.period),
                term.source,
                term.date
            )
        });
        discount.chain(egress).chain(commitments).collect()
    }

    fn line(&self) -> [String; 9] {
        let row = self.row;
        let day = |day: Option<Date>| day.map(|day| day.to_string()).unwrap_or_default();
        let rates = |rates: &[(Charge, Rate)]| {
            rates.iter().map(|(charge, rate)| format!("{charge} {}", told(*rate))).collect::<Vec<_>>().join(", ")
        };
        let stated: Vec<(Charge, Rate)> = row.rates.iter().map(|(charge, rate)| (*charge, *rate)).collect();
        let charged = self.discount.map(|(_, term)| {
            let percent = Amount::from(term.percent);
            let charged = self.charged().map_or_else(|| "unknown".to_owned(), |charged| rates(&charged));
            format!("; less {percent} percent: {charged}")
        });
        let charged = charged.unwrap_or_default();
        let unsure: Vec<&str> =
            row.estimated.iter().chain(&row.search_estimated).map(|reason| reason.as_str()).collect();
        let unsure = if unsure.is_empty() { String::new() } else { format!(" (estimated: {})", unsure.join(", ")) };
        [
            self.name.clone(),
            self.by.clone(),
            row.region.clone().unwrap_or_default(),
            row.tier.as_str().to_owned(),
            if row.above_tokens == 0 { String::new() } else { row.above_tokens.to_string() },
            day(row.period.from),
            day(row.period.until),
            format!("{} {}{unsure}{charged}", row.currency, rates(&stated)),
            format!("{}, {}", row.source, row.date),
        ]
    }

    fn json(&self) -> Value {
        let row = self.row;
        let rates = row.rates.iter().map(|(charge, rate)| (charge.as_str().to_owned(), json!(rate)));
        let day = |day: Option<Date>| day.map(|day| day.to_string());
        let discount = self.discount.map(|(list, term)| {
            json!({"percent": Amount::from(term.percent), "by": list, "kind": term.kind, "model": term.model,
                "source": term.source, "date": term.date.to_string()})
        });
        let charged = self.charged().map(|rates| {
            rates.into_iter().map(|(charge, rate)| (charge.as_str().to_owned(), json!(rate))).collect::<Map<_, _>>()
        });
        let egress = self.egress.iter().map(|(list, term)| {
            json!({"kind": term.kind, "region": term.region, "bytes": term.bytes.as_str(), "rate": term.rate,
                "currency": term.currency, "from": day(term.period.from), "until": day(term.period.until), "by": list,
                "source": term.source, "date": term.date.to_string()})
        });
        let commitments = self.commitments.iter().map(|(list, term)| {
            json!({"kind": term.kind, "amount": term.money.amount, "currency": term.money.currency,
                "from": day(term.period.from), "until": day(term.period.until), "by": list, "source": term.source,
                "date": term.date.to_string()})
        });
        json!({"discount": discount, "charged": charged, "egress": egress.collect::<Value>(),
            "commitments": commitments.collect::<Value>(),
            "model": self.name, "by": self.by, "holds": self.holds, "region": row.region, "tier": row.tier.as_str(),
            "above_tokens": row.above_tokens, "from": row.period.from.map(|day| day.to_string()),
            "until": row.period.until.map(|day| day.to_string()), "currency": row.currency,
            "rates": rates.collect::<Map<_, _>>(), "estimated": row.estimated, "search_estimated": row.search_estimated,
            "source": row.source, "date": row.date.to_string(),
        })
    }
}

/// A rate, with its unit where it is not the usual one of what is charged for.
fn told(rate: Rate) -> String {
    match rate.per {
        Unit::Second | Unit::Minute => format!("{} a {}", rate.amount, rate.per.as_str()),
        _ => rate.amount.to_string(),
    }
}

/// What `prices diff` is told.
#[derive(Debug, Clone, Copy)]
pub struct Diff {
    /// On which day.
    pub day: Date,
    /// Whether a price that one of the two does not state is a difference.
    pub missing: bool,
    /// Whether to write JSON.
    pub json: bool,
}

/// Tells where two lists disagree.
///
/// # Errors
/// Those of the output.
pub fn diff(one: (&str, &PriceList), other: (&str, &PriceList), asked: &Diff, out: &mut dyn Write) -> Result<()> {
    let (found, both) = differences(one.1, other.1, asked.day, asked.missing);
    if asked.json {
        let side = |said: Option<(Rate, &PriceRow)>| {
            said.map(|(rate, row)| json!({"rate": rate, "currency": row.currency, "source": row.source, "date": row.date.to_string()}))
        };
        let rows = found.iter().map(|one| {
            json!({"model": format!("{}/{}", one.kind, one.model), "region": one.region, "tier": one.tier.as_str(),
                "above_tokens": one.above_tokens, "charge": one.charge, "one": side(one.one), "other": side(one.other)})
        });
        let report = json!({"one": one.0, "other": other.0, "day": asked.day.to_string(), "both": both, "differences": rows.collect::<Value>()});
        return Ok(writeln!(out, "{report:#}")?);
    }
    if !found.is_empty() {
        let head = ["MODEL", "REGION", "TIER", "ABOVE", "PRICE OF", one.0, other.0];
        let mut table = vec![head.map(str::to_owned)];
        table.extend(found.iter().map(line));
        out.write_all(columns(&table).as_bytes())?;
        writeln!(out)?;
    }
    let models: std::collections::BTreeSet<(&str, &str)> = found.iter().map(|one| (one.kind, one.model)).collect();
    writeln!(
        out,
        "{} of the {both} models that {} and {} both name have another price on {}",
        models.len(),
        one.0,
        other.0,
        asked.day
    )?;
    Ok(())
}

fn line(difference: &Difference<'_>) -> [String; 7] {
    let side = |said: Option<(Rate, &PriceRow)>| {
        said.map_or_else(|| "not stated".to_owned(), |(rate, row)| format!("{} {}", told(rate), row.currency))
    };
    [
        format!("{}/{}", difference.kind, difference.model),
        difference.region.unwrap_or_default().to_owned(),
        if difference.tier == Tier::Standard { String::new() } else { difference.tier.as_str().to_owned() },
        if difference.above_tokens == 0 { String::new() } else { difference.above_tokens.to_string() },
        difference.charge.to_string(),
        side(difference.one),
        side(difference.other),
    ]
}

/// The two lists that ship and can disagree.
///
/// # Errors
/// Where there are not two of them.
pub fn shipped(prices: &Prices) -> Result<[(String, Arc<PriceList>); 2]> {
    let mut lists = prices
        .lists()
        .filter(|(_, _, list)| list.models().any(|(kind, ..)| kind != "sim"))
        .map(|(_, name, list)| (name.to_owned(), Arc::clone(list)));
    match (lists.next(), lists.next()) {
        (Some(one), Some(other)) => Ok([one, other]),
        _ => bail!("fewer than two lists ship with the product"),
    }
}
