//! The cost of a usage.
//!
//! A usage counts every token of the prompt in `input` and every token that was generated in `output`; all other counts
//! are parts of the two. So each part is charged once, at its own rate, and taken off the whole before the rest is.

use super::{Asked, Layer, Prices, Sheet, Tier};
use std::borrow::Cow;
use switchtower_domain::{Amount, Charge, Cost, CostLine, EstimateReason, MoneyError, UnknownReason, Usage};

impl Prices {
    /// What a usage costs.
    ///
    /// - Tokens read from a cache are charged at their own rate and not again as input; likewise those written to it. Where
    ///   the lifetime of what was written is not told, it is the one of five minutes, and an estimate if that matters.
    /// - Reasoning is charged as output, unless a row states a rate for it. Images and films of a prompt are charged as
    ///   input, unless a row states a rate for them: vendors state one price for "text, image, video"
    ///   (<https://ai.google.dev/gemini-api/docs/pricing>). Audio always needs a rate of its own, and so do images that
    ///   are generated.
    /// - The whole prompt chooses the band of its length, at the tier that the provider reports.
    /// - What was used and has no rate makes the cost unknown, and is named.
    /// - Where a provider says which of its counts it bills, as Cohere does, those are charged.
    pub fn price(&self, asked: &Asked<'_>, usage: &Usage) -> Cost {
        let usage = &*billed(usage);
        if usage.input.is_none() && usage.output.is_none() && units(usage, "search_units").is_none() {
            return Cost::unknown(UnknownReason::NoUsage);
        }
        let Some(tier) = Tier::reported(usage.service_tier.as_deref()) else {
            return Cost::unknown(UnknownReason::NoPriceOfTier);
        };
        let Some(sheet) = self.sheet(asked, tier, usage.input.unwrap_or_default()) else {
            let knows = self.knows(asked);
            return Cost::unknown(if knows { UnknownReason::NoPriceOfTier } else { UnknownReason::NoPrice });
        };
        let list =
            (sheet.layer == Layer::Contract).then(|| self.list_sheet(asked, tier, usage.input.unwrap_or_default()));
        let list = list.as_ref().map_or(Some(&sheet), Option::as_ref);
        let mut bill =
            Bill { sheet: &sheet, list, lines: Vec::new(), estimated: sheet.estimated.clone(), unknown: Vec::new() };
        let made = bill.usage(usage);
        let Bill { lines, estimated, unknown, .. } = bill;
        made.and_then(|()| Cost::new(lines, estimated, unknown))
            .unwrap_or_else(|_: MoneyError| Cost::unknown(UnknownReason::Overflow))
    }
}

/// The usage that is billed.
///
/// Cohere reports the tokens that its model saw and, in `billed_units`, those that it charges for: fewer, for what it adds
/// to a prompt is free. It states no price for what it read from its cache
/// (<https://docs.cohere.com/docs/how-does-cohere-pricing-work>, unread; recorded usage has both).
///
/// Where a total is all that is reported, as with Voyage's vectors, it is the input. Where the total is the input, nothing
/// was generated, also if nobody says so.
fn billed(usage: &Usage) -> Cow<'_, Usage> {
    match (units(usage, "input_tokens"), units(usage, "output_tokens")) {
        (None, None) => {}
        (input, output) => return Cow::Owned(Usage { input, output, cache_read: None, ..usage.clone() }),
    }
    match (usage.input, usage.output, usage.total) {
        (None, None, Some(total)) => Cow::Owned(Usage { input: Some(total), ..usage.clone() }),
        (Some(input), None, Some(total)) if input == total => Cow::Owned(Usage { output: Some(0), ..usage.clone() }),
        _ => Cow::Borrowed(usage),
    }
}

/// One of the units that Cohere bills, which it writes as `4453` or `4453.0`.
fn units(usage: &Usage, name: &str) -> Option<u64> {
    let number = usage.extras.get("billed_units")?.get(name)?.as_number()?.to_string();
    let atto = number.parse::<Amount>().ok()?.atto();
    if atto % Amount::ATTO_PER_UNIT == 0 { u64::try_from(atto / Amount::ATTO_PER_UNIT).ok() } else { None }
}

/// A cost that is being made.
struct Bill<'a> {
    sheet: &'a Sheet<'a>,
    /// The prices before contracts.
    list: Option<&'a Sheet<'a>>,
    lines: Vec<CostLine>,
    estimated: Vec<EstimateReason>,
    unknown: Vec<UnknownReason>,
}

impl Bill<'_> {
    fn usage(&mut self, usage: &Usage) -> Result<(), MoneyError> {
        self.prompt(usage)?;
        self.generated(usage)?;
        if self.has(Charge::Request) {
            self.charge(Charge::Request, units(usage, "search_units").unwrap_or(1))?;
        }
        self.charge(Charge::WebSearch, usage.web_searches.unwrap_or_default())?;
        self.charge(Charge::WebFetch, usage.web_fetches.unwrap_or_default())
    }

    fn prompt(&mut self, usage: &Usage) -> Result<(), MoneyError> {
        let Some(input) = usage.input else {
            if self.has(Charge::Input) {
                self.unknown.push(UnknownReason::NoCountOf(Charge::Input));
            }
            return Ok(());
        };
        let read = usage.cache_read.unwrap_or_default();
        let Some(written) = self.written(usage) else { return Ok(()) };
        // Kinds that have a rate of their own, or need one.
        let apart = |charge: Charge, count: Option<u64>, needs: bool| {
            let own = needs || self.has(charge);
            (charge, if own { count.unwrap_or_default() } else { 0 })
        };
        let mut kinds = [
            apart(Charge::InputAudio, usage.input_audio, true),
            apart(Charge::InputImage, usage.input_image, false),
            apart(Charge::InputVideo, usage.input_video, false),
        ];
        let of_kinds = kinds.iter().try_fold(0_u64, |sum, (_, count)| sum.checked_add(*count));
        let of_cache = written.iter().try_fold(read, |sum, (_, count)| sum.checked_add(*count));
        let (Some(text), Some(cached)) = (of_kinds.and_then(|sum| input.checked_sub(sum)), of_cache) else {
            self.unknown.push(UnknownReason::Contradiction(Charge::Input));
            return Ok(());
        };
        if cached > input {
            self.unknown.push(UnknownReason::Contradiction(Charge::CacheRead));
            return Ok(());
        }
        // Nobody says which of the tokens came from a cache, the text or the others: it is taken to be the text first.
        let some = |part: u64| part > 0 && part < input && text < input;
        if some(cached) && self.differ(&kinds, Charge::Input, |kind| kind)?
            || some(read) && self.differ(&kinds, Charge::CacheRead, |kind| self.read_of(kind))?
        {
            self.estimated.push(EstimateReason::CachedKind);
        }
        self.charge(Charge::Input, text.saturating_sub(cached))?;
        let mut beyond = cached.saturating_sub(text);
        let mut read_beyond = beyond.min(read);
        let mut read_of_kinds = [(Charge::CacheReadAudio, 0), (Charge::CacheReadImage, 0)];
        for (charge, count) in &mut kinds {
            let taken = beyond.min(*count);
            beyond -= taken;
            *count -= taken;
            let taken = taken.min(read_beyond);
            read_beyond -= taken;
            let own = self.read_of(*charge);
            if let Some((_, count)) = read_of_kinds.iter_mut().find(|(of, _)| *of == own) {
                *count = taken;
            }
        }
        let of_kinds: u64 = read_of_kinds.iter().map(|(_, count)| count).sum();
        self.charge(Charge::CacheRead, read.saturating_sub(of_kinds))?;
        for (charge, count) in written.into_iter().chain(kinds).chain(read_of_kinds) {
            self.charge(charge, count)?;
        }
        Ok(())
    }

    /// What was written to a cache, by lifetime; nothing where the counts contradict each other.
    fn written(&mut self, usage: &Usage) -> Option<[(Charge, u64); 2]> {
        let short = usage.cache_write_5m.unwrap_or_default();
        let long = usage.cache_write_1h.unwrap_or_default();
        let told = short.checked_add(long);
        let untold = told.and_then(|told| usage.cache_write.unwrap_or(told).checked_sub(told));
        let Some(untold) = untold else {
            self.unknown.push(UnknownReason::Contradiction(Charge::CacheWrite5m));
            return None;
        };
        let rates = [Charge::CacheWrite5m, Charge::CacheWrite1h].map(|charge| self.sheet.rate(charge).ok().flatten());
        if untold > 0 && matches!(rates, [Some((short, _)), Some((long, _))] if short != long) {
            self.estimated.push(EstimateReason::CacheLifetime);
        }
        Some([(Charge::CacheWrite5m, short.saturating_add(untold)), (Charge::CacheWrite1h, long)])
    }

    fn generated(&mut self, usage: &Usage) -> Result<(), MoneyError> {
        let Some(output) = usage.output else {
            // Vectors and rankings have no output to count; an answer has one.
            let free = self.sheet.rate(Charge::Output)?.is_none_or(|(rate, _)| rate.amount.atto() == 0);
            if !free {
                self.unknown.push(UnknownReason::NoCountOf(Charge::Output));
            }
            return Ok(());
        };
        let reasoning = usage.reasoning.unwrap_or_default();
        let parts = [
            (Charge::Reasoning, if self.has(Charge::Reasoning) { reasoning } else { 0 }),
            (Charge::OutputAudio, usage.output_audio.unwrap_or_default()),
            (Charge::OutputImage, usage.output_image.unwrap_or_default()),
        ];
        let sum = parts.iter().try_fold(0_u64, |sum, (_, count)| sum.checked_add(*count));
        let rest = sum.and_then(|sum| output.checked_sub(sum));
        let Some(rest) = rest.filter(|_| reasoning <= output) else {
            self.unknown.push(UnknownReason::Contradiction(Charge::Output));
            return Ok(());
        };
        for (charge, count) in [(Charge::Output, rest)].into_iter().chain(parts) {
            self.charge(charge, count)?;
        }
        Ok(())
    }

    fn has(&self, charge: Charge) -> bool {
        self.sheet.rows.iter().any(|row| row.rates.contains_key(&charge))
    }

    /// What tokens of a kind are charged as where they were read from a cache.
    fn read_of(&self, kind: Charge) -> Charge {
        let own = match kind {
            Charge::InputAudio => Charge::CacheReadAudio,
            Charge::InputImage => Charge::CacheReadImage,
            _ => Charge::CacheRead,
        };
        if self.has(own) { own } else { Charge::CacheRead }
    }

    /// Whether one of the kinds that were used costs other than text does.
    fn differ(
        &self,
        kinds: &[(Charge, u64)],
        text: Charge,
        charged_as: impl Fn(Charge) -> Charge,
    ) -> Result<bool, MoneyError> {
        let amount = |charge| self.sheet.rate(charge).map(|found| found.map(|(rate, _)| rate.amount));
        let text = amount(text)?;
        for (charge, _) in kinds.iter().filter(|(_, count)| *count > 0) {
            if amount(charged_as(*charge))? != text {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Charges for so many of something; nothing for none.
    fn charge(&mut self, charge: Charge, quantity: u64) -> Result<(), MoneyError> {
        if quantity == 0 {
            return Ok(());
        }
        let Some((rate, row)) = self.sheet.rate(charge)? else {
            self.unknown.push(UnknownReason::NoPriceFor(charge));
            return Ok(());
        };
        self.estimated.extend(&row.estimated);
        if charge == Charge::WebSearch {
            self.estimated.extend(row.search_estimated);
        }
        let amount = rate.times(quantity)?;
        let row_name = format!("{} {}", self.sheet.list, row.name(self.sheet.kind, self.sheet.model));
        let list = self.list.and_then(|sheet| sheet.stated(charge));
        let list = list.filter(|(list, at)| list.per == rate.per && at.currency == row.currency).map(|(list, _)| list);
        self.lines.push(CostLine { charge, quantity, rate, list, amount, currency: row.currency, row: row_name });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::prices::{Asked, PriceList, Prices};
    use std::sync::Arc;
    use switchtower_domain::{Charge, Cost, CostStatus, EstimateReason, Extras, Rate, UnknownReason, Usage};

    const LIST: &str = "currency = \"USD\"\nsource = \"s\"\ndate = 2026-11-21\n[prices.k]
plain = { input = 3, output = 15 }
cached = { input = 3, cache_read = 0.3, cache_write_5m = 3.75, cache_write_1h = 6, output = 15, web_search = 0.01 }
audio = { input = 3, cache_read = 0.3, input_audio = 30, cache_read_audio = 2, output = 15, output_audio = 60 }
reasoner = { input = 3, output = 15, reasoning = 20, request = 0.005 }
vectors = { input = 0.1 }
hours = { input = 3, output = 15, estimated = [\"hour\"] }
";

    fn cost(model: &str, usage: &Usage) -> Cost {
        let prices = Prices::default().with("l", Arc::new(PriceList::parse(LIST).unwrap()));
        prices
            .price(&Asked { provider: None, kind: "k", model, region: None, day: "2026-11-21".parse().unwrap() }, usage)
    }

    fn told(model: &str, usage: &Usage) -> String {
        let cost = cost(model, usage);
        let lines: Vec<String> = cost.lines().iter().map(|line| format!("{} {}", line.charge, line.quantity)).collect();
        let totals: Vec<String> = cost.totals().iter().map(ToString::to_string).collect();
        format!("{}: {} = {}", cost.status().as_str(), lines.join(", "), totals.join(", "))
    }

    fn usage(input: u64, output: u64) -> Usage {
        Usage { input: Some(input), output: Some(output), ..Usage::default() }
    }

    #[test]
    fn what_was_read_from_a_cache_is_charged_once() {
        let usage = Usage { cache_read: Some(60), ..usage(100, 10) };
        assert_eq!(told("cached", &usage), "exact: input 40, cache_read 60, output 10 = 0.000288 USD");
        assert_eq!(cost("cached", &usage).lines()[0].row, "l k/cached");
        assert_eq!(told("plain", &usage), "unknown: input 40, output 10 = 0.00027 USD");
        let unknown = CostStatus::Unknown(vec![UnknownReason::NoPriceFor(Charge::CacheRead)]);
        assert_eq!(cost("plain", &usage).status(), &unknown);
    }

    #[test]
    fn a_line_has_the_list_price_before_contracts_and_discounts() {
        let contract = "contract = true\ncurrency = \"USD\"\nsource = \"c\"\ndate = 2026-11-21
[prices.k]\nplain = { input = 2, output = 10 }\nonly = { input = 2 }
[[discounts]]\nkind = \"k\"\npercent = 50";
        let prices = Prices::default()
            .with("l", Arc::new(PriceList::parse(LIST).unwrap()))
            .with("c", Arc::new(PriceList::parse(contract).unwrap()));
        let rates = |model, usage: &Usage| -> Vec<(String, Option<String>)> {
            let asked = Asked { provider: None, kind: "k", model, region: None, day: "2026-11-21".parse().unwrap() };
            let cost = prices.price(&asked, usage);
            let told = |rate: Rate| rate.amount.to_string();
            cost.lines().iter().map(|line| (told(line.rate), line.list.map(told))).collect()
        };
        let told = |rate: &str, list: Option<&str>| (rate.to_owned(), list.map(str::to_owned));
        assert_eq!(rates("plain", &usage(1, 1)), [told("2", Some("3")), told("10", Some("15"))]);
        assert_eq!(rates("cached", &usage(1, 0)), [told("1.5", Some("3"))]);
        assert_eq!(rates("only", &usage(1, 0)), [told("2", None)]);
    }

    #[test]
    fn a_write_to_a_cache_costs_by_its_lifetime() {
        let told_lifetimes =
            Usage { cache_write: Some(30), cache_write_5m: Some(10), cache_write_1h: Some(20), ..usage(100, 0) };
        assert_eq!(
            told("cached", &told_lifetimes),
            "exact: input 70, cache_write_5m 10, cache_write_1h 20 = 0.0003675 USD"
        );
        let untold = Usage { cache_write: Some(30), ..usage(100, 0) };
        assert_eq!(told("cached", &untold), "estimated: input 70, cache_write_5m 30 = 0.0003225 USD");
        assert_eq!(cost("cached", &untold).status(), &CostStatus::Estimated(vec![EstimateReason::CacheLifetime]));
        let wrong = Usage { cache_write: Some(5), cache_write_1h: Some(20), ..usage(100, 0) };
        let contradiction = UnknownReason::Contradiction(Charge::CacheWrite5m);
        assert_eq!(cost("cached", &wrong).status(), &CostStatus::Unknown(vec![contradiction]));
    }

    #[test]
    fn audio_needs_a_price_and_images_of_a_prompt_are_input() {
        let media = Usage { input_image: Some(50), input_video: Some(20), input_audio: Some(10), ..usage(100, 0) };
        assert_eq!(told("audio", &media), "exact: input 90, input_audio 10 = 0.00057 USD");
        assert_eq!(told("plain", &media), "unknown: input 90 = 0.00027 USD");
        let spoken = Usage { output_audio: Some(4), ..usage(0, 10) };
        assert_eq!(told("audio", &spoken), "exact: output 6, output_audio 4 = 0.00033 USD");
        let drawn = Usage { output_image: Some(4), ..usage(0, 10) };
        assert_eq!(told("audio", &drawn), "unknown: output 6 = 0.00009 USD");
    }

    #[test]
    fn what_of_the_audio_was_cached_is_an_estimate_unless_all_was() {
        let some = Usage { input_audio: Some(50), cache_read: Some(60), ..usage(100, 0) };
        assert_eq!(
            told("audio", &some),
            "estimated: cache_read 50, input_audio 40, cache_read_audio 10 = 0.001235 USD"
        );
        let all = Usage { input_audio: Some(50), cache_read: Some(100), ..usage(100, 0) };
        assert_eq!(told("audio", &all), "exact: cache_read 50, cache_read_audio 50 = 0.000115 USD");
    }

    #[test]
    fn reasoning_is_output_unless_it_has_a_price_and_requests_count() {
        let usage = Usage { reasoning: Some(8), ..usage(0, 10) };
        assert_eq!(told("plain", &usage), "exact: output 10 = 0.00015 USD");
        assert_eq!(told("reasoner", &usage), "exact: output 2, reasoning 8, request 1 = 0.00519 USD");
        let wrong = Usage { reasoning: Some(11), ..usage };
        let contradiction = UnknownReason::Contradiction(Charge::Output);
        assert_eq!(cost("plain", &wrong).status(), &CostStatus::Unknown(vec![contradiction]));
    }

    #[test]
    fn what_cohere_bills_is_charged_and_not_what_its_model_saw() {
        let extras = serde_json::json!({"billed_units": {"input_tokens": 60, "output_tokens": 4.0}});
        let Some(fields) = extras.as_object() else { unreachable!("it is an object") };
        let extras = Extras::new(fields.clone(), Vec::new());
        let usage = Usage { cache_read: Some(20), extras, ..usage(100, 10) };
        assert_eq!(told("plain", &usage), "exact: input 60, output 4 = 0.00024 USD");
    }

    #[test]
    fn searches_cost_and_a_fetch_without_a_price_is_unknown() {
        let usage = Usage { web_searches: Some(3), web_fetches: Some(1), ..usage(0, 0) };
        assert_eq!(told("cached", &usage), "unknown: web_search 3 = 0.03 USD");
    }

    #[test]
    fn what_is_missing_is_unknown_and_never_zero() {
        let status = |model: &str, usage: &Usage| cost(model, usage).status().clone();
        let unknown = |reason| CostStatus::Unknown(vec![reason]);
        assert_eq!(status("nobody", &usage(1, 1)), unknown(UnknownReason::NoPrice));
        assert_eq!(status("plain", &Usage::default()), unknown(UnknownReason::NoUsage));
        let tier = |word: &str| Usage { service_tier: Some(word.to_owned()), ..usage(1, 1) };
        assert_eq!(status("plain", &tier("flex")), unknown(UnknownReason::NoPriceOfTier));
        assert_eq!(status("plain", &tier("scale")), unknown(UnknownReason::NoPriceOfTier));
        assert_eq!(status("plain", &tier("default")), CostStatus::Exact);
        let no_output = Usage { output: None, ..usage(5, 0) };
        assert_eq!(status("plain", &no_output), unknown(UnknownReason::NoCountOf(Charge::Output)));
        assert_eq!(status("vectors", &no_output), CostStatus::Exact);
        let no_input = Usage { input: None, ..usage(0, 5) };
        assert_eq!(status("plain", &no_input), unknown(UnknownReason::NoCountOf(Charge::Input)));
        // A total that is the input says that there was no output; one that is alone is the input.
        assert_eq!(status("plain", &Usage { total: Some(5), ..no_output }), CostStatus::Exact);
        let alone = Usage { total: Some(5), ..Usage::default() };
        assert_eq!(told("vectors", &alone), "exact: input 5 = 0.0000005 USD");
        assert_eq!(status("plain", &alone), unknown(UnknownReason::NoCountOf(Charge::Output)));
        let too_many = Usage { cache_read: Some(101), ..usage(100, 0) };
        assert_eq!(status("cached", &too_many), unknown(UnknownReason::Contradiction(Charge::CacheRead)));
        assert_eq!(status("hours", &usage(1, 1)), CostStatus::Estimated(vec![EstimateReason::Hour]));
    }
}
