//! Which row holds: by whose list, and within it by name, day, region, tier and length of the prompt.

use super::alike::stands_for;
use super::{Commitment, DiscountTerm, Egress, Leaving, PriceList, PriceRow, Tier};
use jiff::civil::Date;
use std::cmp::Reverse;
use std::sync::{Arc, LazyLock};
use switchtower_domain::{Charge, Discount, EstimateReason, MoneyError, Rate};

/// The lists that ship with the product, the first one before the other.
pub(crate) const BUILT_IN: [(&str, &str); 3] = [
    ("the simulator", include_str!("sim.toml")),
    ("LiteLLM", include_str!("litellm.toml")),
    ("genai-prices", include_str!("genai_prices.toml")),
];

static PRICES: LazyLock<Arc<Prices>> = LazyLock::new(|| {
    let read = |(name, text): (&str, &str)| Listed {
        layer: Layer::Shipped,
        name: name.to_owned(),
        list: Arc::new(PriceList::parse(text).unwrap_or_default()),
    };
    Arc::new(Prices { lists: BUILT_IN.into_iter().map(read).collect() })
});

/// Kinds of provider whose prices are those of another kind: the same models at the same addresses in another dialect.
const PRICED_AS: [(&str, &str); 1] = [("bedrock_anthropic", "bedrock")];

/// Whose word a list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// What a contract says.
    Contract,
    /// What the user says.
    Own,
    /// What ships with the product.
    Shipped,
}

impl Layer {
    /// The word in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contract => "contract",
            Self::Own => "own",
            Self::Shipped => "shipped",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) layer: Layer,
    pub(crate) name: String,
    pub(crate) list: Arc<PriceList>,
}

/// What models cost, by every list that holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prices {
    /// In the order in which they are asked.
    lists: Vec<Listed>,
}

/// What a price is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked<'a> {
    /// The provider's own name, where prices may be stated under it. They hold before those of its kind.
    pub provider: Option<&'a str>,
    /// The kind of provider.
    pub kind: &'a str,
    /// The model, by its provider's name for it.
    pub model: &'a str,
    /// Where it runs, if that is known.
    pub region: Option<&'a str>,
    /// On which day, in UTC.
    pub day: Date,
}

impl<'a> Asked<'a> {
    /// The names under which prices may be stated for it, the one that holds before others first.
    fn names(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        names_of(self.provider, self.kind)
    }

    /// How much a term of that name has to say: nothing where it is of another provider.
    fn rank(&self, name: &str) -> Option<Reverse<usize>> {
        self.names().position(|own| own == name).map(Reverse)
    }
}

/// The names under which prices and terms may be stated for a provider of a kind, its own first.
pub fn names_of<'a>(provider: Option<&'a str>, kind: &'a str) -> impl Iterator<Item = &'a str> + use<'a> {
    let same = PRICED_AS.iter().find(|(from, _)| *from == kind).map(|(_, to)| *to);
    provider.into_iter().chain([kind]).chain(same)
}

/// The rows of one list for a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stated<'a> {
    /// Whose word they are.
    pub layer: Layer,
    /// The list that they are in.
    pub list: &'a str,
    /// The kind of provider in that list, or the name of a provider.
    pub kind: &'a str,
    /// The model's name in that list.
    pub model: &'a str,
    /// The rows.
    pub rows: Vec<&'a PriceRow>,
}

/// The rows that hold for a model, a tier and a length of prompt, and what is taken off them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet<'a> {
    /// Whose word they are.
    pub layer: Layer,
    /// The list that they are in.
    pub list: &'a str,
    /// The kind of provider in that list, or the name of a provider.
    pub kind: &'a str,
    /// The model's name in that list.
    pub model: &'a str,
    /// The longest prompts first.
    pub rows: Vec<&'a PriceRow>,
    /// What is taken off.
    pub discount: Discount,
    /// Why costs by them are estimates.
    pub estimated: Vec<EstimateReason>,
}

impl<'a> Sheet<'a> {
    /// What something costs, discounts taken off, and the row that says so.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn rate(&self, charge: Charge) -> Result<Option<(Rate, &'a PriceRow)>, MoneyError> {
        self.stated(charge).map(|(rate, row)| Ok((rate.less(self.discount)?, row))).transpose()
    }

    /// What something costs before discounts, and the row that says so.
    pub(super) fn stated(&self, charge: Charge) -> Option<(Rate, &'a PriceRow)> {
        self.rows.iter().find_map(|row| row.rates.get(&charge).map(|rate| (*rate, *row)))
    }
}

impl Prices {
    /// The prices that ship with the product.
    pub fn built_in() -> Arc<Self> {
        Arc::clone(&PRICES)
    }

    /// The lists of this, and one more; `name` says where it is from. Of two lists of one layer the later one is asked
    /// first.
    #[must_use]
    pub fn with(&self, name: &str, list: Arc<PriceList>) -> Self {
        let layer = if list.contract { Layer::Contract } else { Layer::Own };
        let mut lists = self.lists.clone();
        let at = lists.iter().position(|listed| listed.layer >= layer).unwrap_or(lists.len());
        lists.insert(at, Listed { layer, name: name.to_owned(), list });
        Self { lists }
    }

    /// Every list, in the order in which they are asked: whose word it is, its name, and the list.
    pub fn lists(&self) -> impl Iterator<Item = (Layer, &str, &Arc<PriceList>)> {
        self.lists.iter().map(|listed| (listed.layer, listed.name.as_str(), &listed.list))
    }

    /// Whether anybody states a price of a model on a day, wherever and however urgently it is served.
    pub fn knows(&self, asked: &Asked<'_>) -> bool {
        !self.rows(asked).is_empty()
    }

    /// Every row of a model that holds on a day, wherever and however urgently it is served, by list, and in a list under
    /// the provider's own name first.
    pub fn rows<'a>(&'a self, asked: &Asked<'_>) -> Vec<Stated<'a>> {
        let places = self.lists.iter().flat_map(|listed| asked.names().map(move |name| (listed, name)));
        let stated = places.filter_map(|(listed, name)| {
            let (kind, model, rows) = listed.list.name_of(name, asked.model)?;
            let rows: Vec<&PriceRow> = rows.iter().filter(|row| row.period.has(asked.day)).collect();
            (!rows.is_empty()).then_some(Stated { layer: listed.layer, list: &listed.name, kind, model, rows })
        });
        stated.collect()
    }

    /// The rows that hold, of the first list that has any.
    pub fn sheet<'a>(&'a self, asked: &Asked<'_>, tier: Tier, prompt_tokens: u64) -> Option<Sheet<'a>> {
        self.sheet_from(Layer::Contract, asked, tier, prompt_tokens)
    }

    /// The same of those that are no contract's.
    pub(super) fn list_sheet<'a>(&'a self, asked: &Asked<'_>, tier: Tier, prompt_tokens: u64) -> Option<Sheet<'a>> {
        self.sheet_from(Layer::Own, asked, tier, prompt_tokens)
    }

    fn sheet_from<'a>(&'a self, layer: Layer, asked: &Asked<'_>, tier: Tier, prompt_tokens: u64) -> Option<Sheet<'a>> {
        let lists = self.lists.iter().filter(|listed| listed.layer >= layer);
        lists.flat_map(|listed| asked.names().map(move |name| (listed, name))).find_map(|(listed, name)| {
            let (kind, model, rows) = listed.list.name_of(name, asked.model)?;
            let there: Vec<&PriceRow> =
                rows.iter().filter(|row| row.tier == tier && row.period.has(asked.day)).collect();
            let (mut rows, elsewhere) = in_region(&there, asked.region);
            rows.retain(|row| row.above_tokens == 0 || prompt_tokens > row.above_tokens);
            if rows.is_empty() {
                return None;
            }
            rows.sort_by_key(|row| std::cmp::Reverse(row.above_tokens));
            let estimated = elsewhere.then_some(EstimateReason::Region).into_iter().collect();
            let discount = if listed.layer == Layer::Contract { Discount::default() } else { self.discount(asked) };
            Some(Sheet { layer: listed.layer, list: &listed.name, kind, model, rows, discount, estimated })
        })
    }

    /// What it costs when bytes of a provider leave a cloud: the term of its own name before those of its kind, and of
    /// these that of its region, or else the one that names none. Of equals that of the later list holds. `None` where nobody says, which is not free.
    pub fn egress(&self, asked: &Asked<'_>, bytes: Leaving) -> Option<(&str, &Egress)> {
        let terms = self.lists.iter().flat_map(|listed| listed.list.egress.iter().map(|term| (&*listed.name, term)));
        let holds = terms.filter(|(_, term)| {
            let region = term.region.is_none() || term.region.as_deref() == asked.region;
            asked.rank(&term.kind).is_some() && region && term.bytes == bytes && term.period.has(asked.day)
        });
        let says = |term: &Egress| (asked.rank(&term.kind), term.region.is_some());
        holds.reduce(|best, one| if says(one.1) > says(best.1) { one } else { best })
    }

    /// Every rate of egress that may hold on a day, of its region or of all, and the names of their lists.
    pub fn egress_terms(&self, asked: &Asked<'_>) -> Vec<(&str, &Egress)> {
        let terms = self.lists.iter().flat_map(|listed| listed.list.egress.iter().map(|term| (&*listed.name, term)));
        let is_there = |region: Option<&str>| region.is_none() || asked.region.is_none() || region == asked.region;
        let holds = |term: &Egress| asked.rank(&term.kind).is_some() && term.period.has(asked.day);
        terms.filter(|(_, term)| holds(term) && is_there(term.region.as_deref())).collect()
    }

    /// What is paid whether it is used or not, and the names of the lists that say so.
    pub fn commitments(&self) -> impl Iterator<Item = (&str, &Commitment)> {
        self.lists.iter().flat_map(|listed| listed.list.commitments.iter().map(|term| (&*listed.name, term)))
    }

    fn discount(&self, asked: &Asked<'_>) -> Discount {
        self.discount_term(asked).map(|(_, term)| term.percent).unwrap_or_default()
    }

    /// What is taken off prices that are not of a contract, and the name of the list: of several terms one of the provider's own name, and of these the one whose name says most.
    pub fn discount_term(&self, asked: &Asked<'_>) -> Option<(&str, &DiscountTerm)> {
        let terms = self.lists.iter().flat_map(|listed| listed.list.discounts.iter().map(|term| (&*listed.name, term)));
        let holds = terms.filter(|(_, term)| {
            let model = term.model.as_deref().is_none_or(|name| stands_for(name, asked.model));
            asked.rank(&term.kind).is_some() && model && term.period.has(asked.day)
        });
        let says = |term: &DiscountTerm| {
            let model = term.model.as_ref().map(|name| (!name.contains('*'), name.len()));
            (asked.rank(&term.kind), model)
        };
        // Of equals the first one holds, which is of the later list.
        holds.reduce(|best, term| if says(term.1) > says(best.1) { term } else { best })
    }
}

/// The rows of a region, or else those of every other one, or else those that name none; and whether the region was
/// stated, has no rows, and others have.
fn in_region<'a>(rows: &[&'a PriceRow], region: Option<&str>) -> (Vec<&'a PriceRow>, bool) {
    let of = |region: Option<&str>| -> Vec<&'a PriceRow> {
        rows.iter().copied().filter(|row| row.region.as_deref() == region).collect()
    };
    let Some(region) = region else { return (of(None), false) };
    for one in [region, "*"] {
        let found = of(Some(one));
        if !found.is_empty() {
            return (found, false);
        }
    }
    (of(None), rows.iter().any(|row| row.region.is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Arc<PriceList> {
        let head = "currency = \"USD\"\nsource = \"s\"\ndate = 2026-11-21\n";
        let (top, rest) = text.split_once("[").map_or((text, String::new()), |(top, rest)| (top, format!("[{rest}")));
        Arc::new(PriceList::parse(&format!("{top}{head}{rest}")).unwrap())
    }

    fn prices(lists: &[&str]) -> Prices {
        lists
            .iter()
            .enumerate()
            .fold(Prices::default(), |prices, (at, text)| prices.with(&format!("l{at}"), list(text)))
    }

    fn input(prices: &Prices, model: &str, region: Option<&str>, tier: Tier, day: &str, prompt: u64) -> String {
        let asked = Asked { provider: None, kind: "k", model, region, day: day.parse().unwrap() };
        let Some(sheet) = prices.sheet(&asked, tier, prompt) else { return "nothing".to_owned() };
        let rate = sheet.rate(Charge::Input).unwrap();
        let sure = if sheet.estimated.is_empty() { "" } else { " estimated" };
        rate.map_or_else(|| "no input".to_owned(), |(rate, _)| format!("{}{sure}", rate.amount))
    }

    #[test]
    fn the_lists_that_ship_are_read_and_each_row_has_a_source() {
        for (name, text) in BUILT_IN {
            let read = PriceList::parse(text).unwrap();
            assert!(!read.is_empty(), "{name}");
            for (kind, model, rows) in read.models() {
                assert!(!rows.is_empty() && rows.iter().all(|row| row.source.len() > 3), "{kind}/{model}");
            }
        }
        let models: usize = Prices::built_in().lists().map(|(_, _, list)| list.len()).sum();
        assert!(models > 3_000, "{models}");
    }

    #[test]
    fn a_contract_holds_before_own_prices_and_a_later_list_before_an_earlier_one() {
        let own = "[prices.k]\nm = { input = 2 }\nn = { input = 3 }";
        let contract = "contract = true\n[prices.k]\nm = { input = 1 }";
        for order in [[own, contract], [contract, own]] {
            let prices = prices(&order);
            assert_eq!(input(&prices, "m", None, Tier::Standard, "2026-01-01", 1), "1");
            assert_eq!(input(&prices, "n", None, Tier::Standard, "2026-01-01", 1), "3");
        }
        let later = prices(&[own, "[prices.k]\nm = { input = 9 }"]);
        assert_eq!(input(&later, "m", None, Tier::Standard, "2026-01-01", 1), "9");
        let asked = Asked {
            provider: None,
            kind: "openai",
            model: "gpt-5.4",
            region: None,
            day: "2026-11-30".parse().unwrap(),
        };
        let shipped = Prices::built_in().with("own", list("[prices.openai]\n\"gpt-5.4\" = { input = 7 }"));
        assert_eq!(shipped.sheet(&asked, Tier::Standard, 1).unwrap().layer, Layer::Own);
        // What the own list does not speak of is asked of the next one.
        assert_eq!(shipped.sheet(&asked, Tier::Batch, 1).unwrap().layer, Layer::Shipped);
    }

    #[test]
    fn what_is_stated_under_a_providers_own_name_holds_before_what_its_kind_has() {
        let contract = "contract = true
[prices.k]
m = { input = 2 }
n = { input = 3 }
[prices.ours]
m = { input = 1 }
[[discounts]]
kind = \"k\"
model = \"p\"
percent = 10
[[discounts]]
kind = \"ours\"
percent = 50
[[egress]]
kind = \"k\"
region = \"eu\"
gigabyte = 1
[[egress]]
kind = \"ours\"
gigabyte = 2";
        let prices = prices(&["[prices.k]\np = { input = 8 }", contract]);
        let asked = |provider, model| {
            let day = "2026-01-01".parse().unwrap();
            let asked = Asked { provider, kind: "k", model, region: Some("eu"), day };
            let sheet = prices.sheet(&asked, Tier::Standard, 1).unwrap();
            let (rate, _) = sheet.rate(Charge::Input).unwrap().unwrap();
            let (_, egress) = prices.egress(&asked, Leaving::Answers).unwrap();
            format!("{} of {}, {}", rate.amount, sheet.kind, egress.rate.amount)
        };
        let ours = Some("ours");
        assert_eq!([asked(None, "m"), asked(ours, "m")], ["2 of k, 1", "1 of ours, 2"]);
        assert_eq!([asked(ours, "n"), asked(ours, "p")], ["3 of k, 2", "4 of k, 2"]);
        assert_eq!(asked(None, "p"), "7.2 of k, 1");
    }

    #[test]
    fn names_days_tiers_lengths_and_regions_choose_the_row() {
        let prices = prices(&["[prices.k]
\"m-*\" = { input = 1 }
\"m-1*\" = { input = 2 }
\"m-1\" = [
    { input = 3, until = 2026-06-01 },
    { input = 4, from = 2026-06-01 },
    { input = 5, tier = \"batch\" },
    { input = 6, from = 2026-06-01, above_tokens = 1000 },
    { output = 9, from = 2026-06-01, above_tokens = 2000 },
    { input = 7, from = 2026-06-01, region = \"eu\" },
]
\"m-2\" = [{ input = 8, region = \"*\" }, { input = 9, region = \"global\" }]"]);
        let at = |model, region, tier, day, prompt| input(&prices, model, region, tier, day, prompt);
        let standard = Tier::Standard;
        assert_eq!(at("m-3", None, standard, "2026-01-01", 1), "1");
        assert_eq!(at("m-12", None, standard, "2026-01-01", 1), "2");
        assert_eq!(at("m-1", None, standard, "2026-05-31", 5_000), "3");
        assert_eq!(at("m-1", None, standard, "2026-06-01", 1_000), "4");
        assert_eq!(at("m-1", None, standard, "2026-06-01", 1_001), "6");
        // A band that does not speak of input has that of the band beneath it.
        assert_eq!(at("m-1", None, standard, "2026-06-01", 2_001), "6");
        assert_eq!(at("m-1", None, Tier::Batch, "2026-06-01", 1), "5");
        assert_eq!(at("m-1", None, Tier::Flex, "2026-06-01", 1), "nothing");
        assert_eq!(at("m-1", Some("eu"), standard, "2026-06-01", 1), "7");
        assert_eq!(at("m-1", Some("us"), standard, "2026-06-01", 1), "4 estimated");
        assert_eq!(at("m-2", Some("us"), standard, "2026-06-01", 1), "8");
        assert_eq!(at("m-2", Some("global"), standard, "2026-06-01", 1), "9");
        assert_eq!(at("m-2", None, standard, "2026-06-01", 1), "nothing");
        assert_eq!(at("x", None, standard, "2026-06-01", 1), "nothing");
    }

    #[test]
    fn a_discount_comes_off_list_prices_and_not_off_those_of_a_contract() {
        let own = "[prices.k]\nm = { input = 2 }\nn = { input = 2 }\no = { input = 2 }";
        let contract = "contract = true
[prices.k]
o = { input = 1.5 }
[[discounts]]
kind = \"k\"
percent = 10
until = 2027-01-01
[[discounts]]
kind = \"k\"
model = \"m*\"
percent = 12.5";
        let prices = prices(&[own, contract]);
        let at = |model, day| input(&prices, model, None, Tier::Standard, day, 1);
        assert_eq!([at("m", "2026-01-01"), at("n", "2026-01-01"), at("o", "2026-01-01")], ["1.75", "1.8", "1.5"]);
        assert_eq!([at("m", "2027-01-01"), at("n", "2027-01-01")], ["1.75", "2"]);
    }

    #[test]
    fn bytes_that_leave_cost_by_region_and_direction() {
        let terms = "contract = true
[[egress]]
kind = \"k\"
gigabyte = 0.05
[[egress]]
kind = \"k\"
region = \"eu\"
gigabyte = 0.09
[[egress]]
kind = \"k\"
bytes = \"requests\"
gigabyte = 0.02";
        let prices = prices(&[terms]);
        let at = |region, bytes| {
            let asked = Asked { provider: None, kind: "k", model: "m", region, day: "2026-01-01".parse().unwrap() };
            prices.egress(&asked, bytes).map(|(_, term)| term.rate.amount.to_string())
        };
        assert_eq!(at(None, Leaving::Answers).as_deref(), Some("0.05"));
        assert_eq!(at(Some("us"), Leaving::Answers).as_deref(), Some("0.05"));
        assert_eq!(at(Some("eu"), Leaving::Answers).as_deref(), Some("0.09"));
        assert_eq!(at(Some("eu"), Leaving::Requests).as_deref(), Some("0.02"));
        let elsewhere =
            Asked { provider: None, kind: "j", model: "m", region: None, day: "2026-01-01".parse().unwrap() };
        assert_eq!(prices.egress(&elsewhere, Leaving::Answers), None);
    }

    #[test]
    fn an_imported_price_of_names_that_look_alike_is_an_estimate() {
        let asked = Asked {
            provider: None,
            kind: "anthropic",
            model: "claude-2.7",
            region: None,
            day: "2026-11-30".parse().unwrap(),
        };
        let prices = Prices::built_in();
        let sheet = prices.sheet(&asked, Tier::Standard, 1).unwrap();
        let (_, row) = sheet.rate(Charge::Input).unwrap().unwrap();
        assert_eq!((sheet.model, row.estimated.as_slice()), ("claude-2*", &[EstimateReason::NameAlike][..]));
    }

    #[test]
    fn bedrock_has_the_same_prices_in_both_of_its_dialects() {
        let prices = Prices::built_in();
        let sheet = |kind| {
            let model = "anthropic.claude-3-5-sonnet-20241022-v2:0";
            prices.sheet(
                &Asked { provider: None, kind, model, region: None, day: "2026-11-30".parse().unwrap() },
                Tier::Standard,
                1,
            )
        };
        assert!(sheet("bedrock").is_some());
        assert_eq!(sheet("bedrock"), sheet("bedrock_anthropic"));
    }
}
