//! Reads a file of prices, and names every mistake in it.

mod terms;

use super::row::keys;
use super::{Period, PriceList, PriceRow, Tier};
use crate::CatalogueError;
use jiff::civil::Date;
use std::collections::BTreeMap;
use switchtower_domain::{Amount, Currency, DecimalError, EstimateReason, Rate, nearest};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

const TOP: [&str; 9] =
    ["contract", "currency", "source", "date", "sources", "prices", "discounts", "commitments", "egress"];
const ROW: [&str; 10] =
    ["region", "tier", "above_tokens", "from", "until", "currency", "estimated", "search_estimated", "source", "date"];
/// The longest name of a source, a region or a model.
const TEXT_BYTES_MAX: usize = 1_024;

impl PriceList {
    /// Reads a file.
    ///
    /// # Errors
    /// Every mistake with its place: what is no TOML, unknown keys, numbers that are no exact amounts, codes that are no
    /// currency, periods that end before they begin, rows without source, and rows that state the same price twice.
    pub fn parse(text: &str) -> Result<Self, Vec<CatalogueError>> {
        Self::read(text, None)
    }

    /// The same of a file that may speak of these kinds of provider and providers alone: a misspelt one would change no
    /// cost, and nobody would notice.
    ///
    /// # Errors
    /// Those of [`parse`](Self::parse), and every name that is none of these.
    pub fn parse_of(text: &str, known: &[&str]) -> Result<Self, Vec<CatalogueError>> {
        Self::read(text, Some(known))
    }

    fn read(text: &str, known: Option<&[&str]>) -> Result<Self, Vec<CatalogueError>> {
        let table = DeTable::parse(text).map_err(|error| {
            vec![CatalogueError { message: error.message().to_owned(), at: error.span().map(|span| span.start) }]
        })?;
        let mut reader = Reader { text, kinds: known, ..Reader::default() };
        let list = reader.list(table.get_ref());
        if reader.mistakes.is_empty() { Ok(list) } else { Err(reader.mistakes) }
    }
}

type Value<'i> = Spanned<DeValue<'i>>;

#[derive(Default)]
struct Reader<'k> {
    text: &'k str,
    /// What may be spoken of, where that is known.
    kinds: Option<&'k [&'k str]>,
    sources: BTreeMap<String, String>,
    /// What holds for rows that do not say it.
    currency: Option<Currency>,
    source: Option<String>,
    date: Option<Date>,
    mistakes: Vec<CatalogueError>,
}

impl Reader<'_> {
    fn list(&mut self, table: &DeTable<'_>) -> PriceList {
        let mut list = PriceList::default();
        for (key, value) in table {
            let at = key.span().start;
            match key.get_ref().as_ref() {
                "contract" => list.contract = self.truth(value),
                "currency" => self.currency = self.currency(value),
                "source" => self.source = self.text(value),
                "date" => self.date = self.date(value),
                "sources" => {
                    for (name, value) in self.table(value).into_iter().flatten() {
                        if let Some(source) = self.text(value) {
                            self.sources.insert(name.get_ref().to_string(), source);
                        }
                    }
                }
                "prices" | "discounts" | "commitments" | "egress" => {}
                other => self.unknown(at, other, TOP),
            }
        }
        // What holds for all is known by now.
        for (kind, models) in table.get("prices").and_then(|value| self.table(value)).into_iter().flatten() {
            self.kind(kind.span().start, kind.get_ref());
            for (model, rows) in self.table(models).into_iter().flatten() {
                let rows = self.rows(rows);
                list.add(kind.get_ref(), model.get_ref(), rows);
            }
        }
        self.terms(table, &mut list);
        list
    }

    /// The rows of a model: one table, or a list of them.
    fn rows(&mut self, value: &Value<'_>) -> Vec<PriceRow> {
        let Some(entries) = value.get_ref().as_array() else { return self.row(value).into_iter().collect() };
        let mut rows: Vec<PriceRow> = Vec::new();
        for entry in entries {
            let Some(row) = self.row(entry) else { continue };
            let again = rows.iter().filter(|other| row.collides(other));
            let twice: Vec<&str> = again
                .flat_map(|other| row.rates.keys().filter(|charge| other.rates.contains_key(charge)))
                .map(|charge| charge.as_str())
                .collect();
            if let Some(charge) = twice.first() {
                self.mistake(
                    entry,
                    format!("another row states '{charge}' for the same region, tier, length and days"),
                );
            }
            rows.push(row);
        }
        if entries.is_empty() {
            self.mistake(value, "a model needs at least one row");
        }
        rows
    }

    fn row(&mut self, value: &Value<'_>) -> Option<PriceRow> {
        let before = self.mistakes.len();
        let table = self.table(value)?;
        let mut rates = BTreeMap::new();
        for (key, value) in table {
            let word = key.get_ref().as_ref();
            if let Some((_, charge, unit)) = keys().find(|(name, ..)| *name == word) {
                let again = self.amount(value).and_then(|amount| rates.insert(charge, Rate::new(amount, unit)));
                if again.is_some() {
                    self.mistake(value, "time has one price: state it by 'second' or by 'minute'");
                }
            } else if !ROW.contains(&word) {
                self.unknown(key.span().start, word, keys().map(|(name, ..)| name).chain(ROW).collect::<Vec<_>>());
            }
        }
        if rates.is_empty() && self.mistakes.len() == before {
            self.mistake(value, "a row needs at least one price, such as 'input'");
        }
        let row = PriceRow {
            region: table.get("region").and_then(|value| self.text(value)),
            tier: table.get("tier").and_then(|value| self.word(value, Tier::ALL, Tier::as_str)).unwrap_or_default(),
            above_tokens: table.get("above_tokens").and_then(|value| self.count(value)).unwrap_or_default(),
            period: self.period(value, table),
            currency: self.currency_of(value, table)?,
            rates,
            estimated: self.reasons(table.get("estimated")),
            search_estimated: table.get("search_estimated").and_then(|value| self.reason(value)),
            source: self.source_of(value, table)?,
            date: self.date_of(value, table)?,
        };
        (self.mistakes.len() == before).then_some(row)
    }

    /// Looks at the name of a kind or of a provider.
    fn kind(&mut self, at: usize, name: &str) {
        let Some(known) = self.kinds.filter(|known| !known.contains(&name)) else { return };
        let near: Vec<String> = nearest(name, known.iter().copied()).iter().map(|near| format!("'{near}'")).collect();
        let hint = if near.is_empty() {
            "docs/reference/providers.md lists the kinds".to_owned()
        } else {
            format!("did you mean {}?", near.join(" or "))
        };
        let message = format!("'{name}' is neither a kind of provider nor the name of one that is configured; {hint}");
        self.mistakes.push(CatalogueError { message, at: Some(at) });
    }

    /// The kind or provider of which a term is.
    fn kind_of(&mut self, of: &Value<'_>, table: &DeTable<'_>) -> Option<String> {
        let value = self.needed(of, table, "kind")?;
        let name = self.text(value)?;
        self.kind(value.span().start, &name);
        Some(name)
    }

    fn mistake(&mut self, at: &Value<'_>, message: impl Into<String>) {
        self.mistakes.push(CatalogueError { message: message.into(), at: Some(at.span().start) });
    }

    fn unknown<'k>(&mut self, at: usize, word: &str, known: impl IntoIterator<Item = &'k str>) {
        let known: Vec<&str> = known.into_iter().collect();
        let near = nearest(word, known.iter().copied());
        let quoted = |words: &[&str]| words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>();
        let message = if near.is_empty() {
            format!("unknown key '{word}'; known: {}", quoted(&known).join(", "))
        } else {
            format!("unknown key '{word}'; did you mean {}?", quoted(&near).join(" or "))
        };
        self.mistakes.push(CatalogueError { message, at: Some(at) });
    }

    /// A table that has no other keys than these.
    fn known<'v, 'i>(&mut self, value: &'v Value<'i>, known: &[&str]) -> Option<&'v DeTable<'i>> {
        let table = self.table(value)?;
        for (key, _) in table {
            let word = key.get_ref().as_ref();
            if !known.contains(&word) {
                self.unknown(key.span().start, word, known.iter().copied());
            }
        }
        Some(table)
    }

    fn needed<'v, 'i>(&mut self, of: &Value<'i>, table: &'v DeTable<'i>, key: &str) -> Option<&'v Value<'i>> {
        let found = table.get(key);
        if found.is_none() {
            self.mistake(of, format!("'{key}' is missing"));
        }
        found
    }

    fn table<'v, 'i>(&mut self, value: &'v Value<'i>) -> Option<&'v DeTable<'i>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.mistake(value, format!("expected a table, found {}", value.get_ref().type_str()));
        }
        table
    }

    fn truth(&mut self, value: &Value<'_>) -> bool {
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.mistake(value, "expected true or false");
            false
        })
    }

    fn text(&mut self, value: &Value<'_>) -> Option<String> {
        match value.get_ref().as_str() {
            Some(text) if text.is_empty() || text.len() > TEXT_BYTES_MAX => {
                self.mistake(value, format!("expected 1 to {TEXT_BYTES_MAX} bytes of text, found {}", text.len()));
                None
            }
            Some(text) => Some(text.to_owned()),
            None => {
                self.mistake(value, format!("expected a text, found {}", value.get_ref().type_str()));
                None
            }
        }
    }

    fn word<T: Copy, const N: usize>(
        &mut self,
        value: &Value<'_>,
        all: [T; N],
        word: fn(T) -> &'static str,
    ) -> Option<T> {
        let text = self.text(value)?;
        let found = all.into_iter().find(|one| word(*one) == text);
        if found.is_none() {
            let known: Vec<String> = all.into_iter().map(|one| format!("'{}'", word(one))).collect();
            self.mistake(value, format!("expected one of {}", known.join(", ")));
        }
        found
    }

    fn reason(&mut self, value: &Value<'_>) -> Option<EstimateReason> {
        self.word(value, EstimateReason::ALL, EstimateReason::as_str)
    }

    fn reasons(&mut self, value: Option<&Value<'_>>) -> Vec<EstimateReason> {
        let Some(value) = value else { return Vec::new() };
        match value.get_ref().as_array() {
            Some(entries) => entries.iter().filter_map(|entry| self.reason(entry)).collect(),
            None => {
                self.mistake(value, "expected a list of reasons");
                Vec::new()
            }
        }
    }

    /// A number as it is written: it never becomes a float.
    fn amount(&mut self, value: &Value<'_>) -> Option<Amount> {
        let read = match value.get_ref() {
            DeValue::String(text) => text.parse::<Amount>(),
            DeValue::Float(float) => float.as_str().parse::<Amount>(),
            DeValue::Integer(whole) if whole.radix() == 10 => whole.as_str().parse::<Amount>(),
            _ => Err(DecimalError::Malformed),
        };
        match read {
            Ok(amount) if amount.is_negative() => {
                self.mistake(value, "a price is not less than nothing");
                None
            }
            Ok(amount) => Some(amount),
            Err(error) => {
                self.mistake(value, error.to_string());
                None
            }
        }
    }

    fn count(&mut self, value: &Value<'_>) -> Option<u64> {
        let whole = value.get_ref().as_integer().filter(|whole| whole.radix() == 10);
        let count = whole.and_then(|whole| whole.as_str().parse::<u64>().ok());
        if count.is_none() {
            self.mistake(value, "expected a whole number of tokens");
        }
        count
    }

    fn date(&mut self, value: &Value<'_>) -> Option<Date> {
        let text = match value.get_ref() {
            DeValue::Datetime(date) => date.to_string(),
            other => other.as_str().unwrap_or_default().to_owned(),
        };
        let written = text.len() == "2026-11-21".len();
        let date = text.parse::<Date>().ok().filter(|_| written);
        if date.is_none() {
            self.mistake(value, "expected a day written as 2026-11-21");
        }
        date
    }

    fn period(&mut self, of: &Value<'_>, table: &DeTable<'_>) -> Period {
        let [from, until] = ["from", "until"].map(|key| table.get(key).and_then(|value| self.date(value)));
        if matches!((from, until), (Some(from), Some(until)) if until <= from) {
            self.mistake(of, "'until' is the first day on which it holds no more: it must be after 'from'");
        }
        Period { from, until }
    }

    fn currency(&mut self, value: &Value<'_>) -> Option<Currency> {
        let code = self.text(value)?;
        let currency = Currency::new(&code);
        if let Err(error) = currency {
            let near = nearest(&code, Currency::codes());
            let hint = near.first().map(|code| format!("; did you mean '{code}'?")).unwrap_or_default();
            self.mistake(value, format!("{error}{hint}"));
        }
        currency.ok()
    }

    fn currency_of(&mut self, of: &Value<'_>, table: &DeTable<'_>) -> Option<Currency> {
        match table.get("currency") {
            Some(value) => self.currency(value),
            None => {
                if self.currency.is_none() {
                    self.mistake(of, "'currency' is missing, here and at the top of the file");
                }
                self.currency
            }
        }
    }

    fn source_of(&mut self, of: &Value<'_>, table: &DeTable<'_>) -> Option<String> {
        let source = match table.get("source") {
            Some(value) => self.text(value),
            None => {
                if self.source.is_none() {
                    self.mistake(of, "'source' is missing, here and at the top of the file");
                }
                self.source.clone()
            }
        };
        source.map(|source| self.sources.get(&source).cloned().unwrap_or(source))
    }

    fn date_of(&mut self, of: &Value<'_>, table: &DeTable<'_>) -> Option<Date> {
        match table.get("date") {
            Some(value) => self.date(value),
            None => {
                if self.date.is_none() {
                    self.mistake(of, "'date' is missing, here and at the top of the file");
                }
                self.date
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchtower_domain::Charge;

    const HEAD: &str = "currency = \"USD\"\nsource = \"s\"\ndate = 2026-11-21\n";

    fn mistakes(text: &str) -> Vec<String> {
        let told = |error: &CatalogueError| format!("{}: {error}", error.line(text).unwrap_or_default());
        PriceList::parse(text).unwrap_err().iter().map(told).collect()
    }

    #[test]
    fn numbers_stay_as_they_were_written() {
        let text = format!("{HEAD}[prices.k]\nm = {{ input = 0.050000000000000004, output = \"1e-18\", request = 3 }}");
        let list = PriceList::parse(&text).unwrap();
        let row = &list.rows("k", "m").unwrap()[0];
        let told = |charge| row.rates[&charge].amount.to_string();
        assert_eq!(told(Charge::Input), "0.050000000000000004");
        assert_eq!((told(Charge::Output), told(Charge::Request)), ("0.000000000000000001".into(), "3".into()));
        assert_eq!((row.currency, row.source.as_str(), row.tier), (Currency::USD, "s", Tier::Standard));
    }

    #[test]
    fn a_name_of_nobody_is_a_mistake_where_it_is_known_who_there_is() {
        let text = format!(
            "{HEAD}contract = true\n[prices.opnai]\nm = {{ input = 1 }}\n[prices.ours]\nm = {{ input = 1 }}\n[[discounts]]\nkind = \"anthropc\"\npercent = 5
[[commitments]]\nkind = \"openai\"\namount = 5\nfrom = 2026-01-01\nuntil = 2027-01-01\n[[egress]]\nkind = \"zzz\"\ngigabyte = 1\n"
        );
        let mistakes = PriceList::parse_of(&text, &["openai", "anthropic", "ours"]).unwrap_err();
        let told: Vec<String> = mistakes.iter().map(|mistake| mistake.placed(&text)).collect();
        let nobody = "is neither a kind of provider nor the name of one that is configured";
        assert_eq!(
            told,
            [
                format!("line 5: 'opnai' {nobody}; did you mean 'openai'?"),
                format!("line 10: 'anthropc' {nobody}; did you mean 'anthropic'?"),
                format!("line 18: 'zzz' {nobody}; docs/reference/providers.md lists the kinds"),
            ]
        );
        assert!(PriceList::parse(&text).is_ok(), "who there is may be unknown");
    }

    #[test]
    fn terms_that_contradict_each_other_are_a_mistake_that_names_both() {
        let discount = |more: &str| format!("[[discounts]]\nkind = \"k\"\n{more}\n");
        let egress = |more: &str| format!("[[egress]]\nkind = \"k\"\ngigabyte = {more}\n");
        let head = format!("{HEAD}contract = true\n");
        let apart = [
            discount("percent = 50\nuntil = 2027-01-01"),
            discount("percent = 25\nfrom = 2027-01-01"),
            discount("percent = 5\nmodel = \"m\""),
            egress("1"),
            egress("2\nregion = \"eu\""),
            egress("3\nbytes = \"requests\""),
        ];
        assert!(PriceList::parse(&(head.clone() + &apart.concat())).is_ok());
        let both =
            [discount("percent = 50"), discount("percent = 25.5\nfrom = 2027-01-01"), egress("1"), egress("0.5")];
        assert_eq!(
            mistakes(&(head + &both.concat())),
            [
                "8: a discount of the same days is stated in line 5: 50 percent there, 25.5 percent here",
                "15: a rate of egress of the same days is stated in line 12: 1 USD there, 0.5 USD here",
            ]
        );
    }

    #[test]
    fn every_mistake_is_told_with_its_line() {
        let text = "currency = \"USD\"
contrakt = true
source = \"s\"
date = 2026-11-21
[prices.k]
a = { inptu = 1 }
b = { input = -1 }
c = [
  { input = 1, output = 2 },
  { input = 3, from = 2026-01-01 },
  { input = 3, from = 2026-01-01, tier = \"batch\" },
]
d = { input = 1, from = 2026-02-01, until = 2026-02-01, currency = \"UDS\" }
e = { input = 0x10, tier = \"fast\" }
f = { input = inf, date = \"2026-11\" }
[[discounts]]
kind = \"k\"
percent = 100.5
[[commitments]]
amount = 5
[[egress]]
kind = \"k\"
gigabite = 1
";
        assert_eq!(
            mistakes(text),
            [
                "2: unknown key 'contrakt'; did you mean 'contract'?",
                "6: unknown key 'inptu'; did you mean 'input'?",
                "7: a price is not less than nothing",
                "10: another row states 'input' for the same region, tier, length and days",
                "13: 'until' is the first day on which it holds no more: it must be after 'from'",
                "13: expected the code of a currency by ISO 4217, such as USD or EUR; did you mean 'USD'?",
                "14: expected a decimal number such as 0.25",
                "14: expected one of 'standard', 'batch', 'priority', 'flex'",
                "15: expected a decimal number such as 0.25",
                "15: expected a day written as 2026-11-21",
                "16: 'discounts' are of a contract: write 'contract = true' at the top of the file",
                "19: 'commitments' are of a contract: write 'contract = true' at the top of the file",
                "18: expected percents from 0 to 100 with at most 6 decimals",
                "19: a commitment needs 'from' and 'until'",
                "19: 'kind' is missing",
                "23: unknown key 'gigabite'; did you mean 'gigabyte'?",
                "21: 'gigabyte' is missing",
            ]
        );
        assert_eq!(
            mistakes("[prices.k]\nm = { input = 1 }"),
            ["2: 'currency' is missing, here and at the top of the file"]
        );
        assert_eq!(
            mistakes(&format!("{HEAD}[prices.k]\nm = {{ tier = \"batch\" }}")),
            ["5: a row needs at least one price, such as 'input'"]
        );
        assert!(mistakes("[prices")[0].starts_with("1: "));
    }
}
