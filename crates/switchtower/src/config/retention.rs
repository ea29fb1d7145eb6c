//! What is kept of prompts and answers, and under which key.

use super::checked::{choice, named, reference, required, whole};
use super::problem::{Findings, Place};
use super::ready::{Resolver, Secrets};
use super::secrets::Reference;
use super::written::{self, At};
use serde_json::Number;
use std::time::Duration;
use switchtower_gateway::{Keeps, Rule, RuleName, Rules, Share};
use switchtower_providers::Operation;
use switchtower_vault::{MasterKey, Part};

const DAY_S: u64 = 86_400;
/// A hundred years.
const KEEP_DAYS_MAX: u64 = 36_500;
/// How much of one part is kept where nobody says otherwise.
const ITEM_BYTES: u64 = 1 << 20;
/// How much may wait where nobody says otherwise.
const QUEUE_BYTES: u64 = 64 << 20;

/// How content is kept, where any is.
#[derive(Debug, Clone, PartialEq)]
pub struct Retention {
    /// The master key; nothing where none is named, so that nothing can be kept.
    pub master: Option<MasterKey>,
    /// Master keys of before.
    pub former: Vec<MasterKey>,
    /// How much of one part is kept, in bytes.
    pub item_bytes_max: usize,
    /// How many bytes may wait to be kept.
    pub queue_bytes_max: usize,
}

impl Default for Retention {
    fn default() -> Self {
        let size = |bytes| usize::try_from(bytes).unwrap_or(usize::MAX);
        let (item_bytes_max, queue_bytes_max) = (size(ITEM_BYTES), size(QUEUE_BYTES));
        Self { master: None, former: Vec::new(), item_bytes_max, queue_bytes_max }
    }
}

/// The section with values that are valid in themselves.
#[derive(Debug, Default)]
pub(super) struct Checked {
    key: Option<At<Reference>>,
    former: Vec<At<Reference>>,
    item_bytes_max: Option<u64>,
    queue_bytes_max: Option<u64>,
    rules: Vec<CheckedRule>,
    /// Whether a key is written, be it valid or not.
    key_given: bool,
}

#[derive(Debug)]
struct CheckedRule {
    place: Place,
    /// Nothing where it has a mistake of its own.
    rule: Option<Rule>,
    keys: Vec<At<String>>,
    teams: Vec<At<String>>,
    use_cases: Vec<At<String>>,
    deployments: Vec<At<String>>,
    providers: Vec<At<String>>,
}

pub(super) fn check(written: Option<&written::Retention>, findings: &mut Findings) -> Checked {
    let Some(written) = written else { return Checked::default() };
    let former = written.former_keys.iter().flat_map(|at| &at.value);
    let rules: Vec<CheckedRule> = written.rules.iter().flat_map(|at| &at.value).map(|at| rule(at, findings)).collect();
    for (place, one) in rules.iter().enumerate() {
        let name = |rule: &CheckedRule| rule.rule.as_ref().map(|rule| rule.name.clone());
        if let Some(twice) = name(one)
            && rules.iter().take(place).any(|before| name(before).as_ref() == Some(&twice))
        {
            findings.add(&one.place, format!("two rules of retention are called '{twice}'"));
        }
        let covers = |before: &&Rule| one.rule.as_ref().is_some_and(|rule| before.covers(rule));
        if let Some(before) = rules.iter().take(place).filter_map(|before| before.rule.as_ref()).find(covers) {
            let message = format!(
                "'{}' holds for no request, since rule '{}' before it holds for all that it fits",
                one.place.key, before.name
            );
            findings.add_with(&one.place, message, "put the narrower rule first");
        }
    }
    Checked {
        key: reference(written.key.as_ref(), findings),
        former: former.filter_map(|at| reference(Some(at), findings)).collect(),
        item_bytes_max: whole(written.item_bytes_max.as_ref(), 1024..=(16 << 20), findings),
        queue_bytes_max: whole(written.queue_bytes_max.as_ref(), (1 << 20)..=(16 << 30), findings),
        rules,
        key_given: written.key.is_some(),
    }
}

fn rule(at: &At<written::RetentionRule>, findings: &mut Findings) -> CheckedRule {
    let At { place, value: written } = at;
    let list = |list: &Option<At<Vec<At<String>>>>| list.as_ref().map(|at| at.value.clone());
    let (keys, teams, use_cases) = (list(&written.keys), list(&written.teams), list(&written.use_cases));
    let (deployments, providers) = (list(&written.deployments), list(&written.providers));
    let texts = |list: &Option<Vec<At<String>>>| -> Option<Vec<String>> {
        list.as_ref().map(|list| list.iter().map(|at| at.value.clone()).collect())
    };
    let name = required(written.name.as_ref(), "name", place, findings);
    let name = name.and_then(|at| named(at, RuleName::new, findings));
    let keeps = keeps(written, place, findings);
    let keep = keep(written, place, keeps, findings);
    let operations = operations(written.operations.as_ref(), findings);
    let parts = parts(written.parts.as_ref(), findings);
    let made = || {
        Some(Rule {
            name: name?,
            keys: texts(&keys),
            teams: texts(&teams),
            use_cases: texts(&use_cases),
            deployments: texts(&deployments),
            providers: texts(&providers),
            operations,
            keeps: keeps?,
            parts,
            keep: keep?,
            required: written.required.as_ref().is_some_and(|at| at.value),
        })
    };
    CheckedRule {
        place: place.clone(),
        rule: made(),
        keys: keys.unwrap_or_default(),
        teams: teams.unwrap_or_default(),
        use_cases: use_cases.unwrap_or_default(),
        deployments: deployments.unwrap_or_default(),
        providers: providers.unwrap_or_default(),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Nothing,
    Sample,
    All,
}

fn keeps(written: &written::RetentionRule, place: &Place, findings: &mut Findings) -> Option<Keeps> {
    let words = [("none", Content::Nothing), ("sample", Content::Sample), ("all", Content::All)];
    let content = choice(required(written.content.as_ref(), "content", place, findings), &words, findings)?;
    match (content, &written.sample_percent) {
        (Content::Sample, Some(at)) => {
            let share = millionths(&at.value).and_then(Share::of_million);
            if share.is_none() {
                let message = format!(
                    "'{}' is {}; it must be from 0 to 100, with at most four digits after the point",
                    at.place.key, at.value
                );
                findings.add(&at.place, message);
            }
            share.map(Keeps::Sample)
        }
        (Content::Sample, None) => {
            let message = format!("'{}' keeps a sample, and lacks 'sample_percent'", place.key);
            findings.add(place, message);
            None
        }
        (Content::Nothing | Content::All, Some(at)) => {
            findings.add(&at.place, format!("'{}' is for content = \"sample\"", at.place.key));
            None
        }
        (Content::Nothing, None) => Some(Keeps::Nothing),
        (Content::All, None) => Some(Keeps::All),
    }
}

/// A percentage in millionths of the whole, exactly: a number that is written with a point is no fraction of two.
fn millionths(percent: &Number) -> Option<u32> {
    let text = percent.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    if fraction.len() > 4 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let whole: u32 = whole.parse().ok().filter(|whole| *whole <= 100)?;
    Some(whole * 10_000 + format!("{fraction:0<4}").parse::<u32>().ok()?)
}

fn keep(
    written: &written::RetentionRule,
    place: &Place,
    keeps: Option<Keeps>,
    findings: &mut Findings,
) -> Option<Duration> {
    let days = whole(written.keep_days.as_ref(), 1..=KEEP_DAYS_MAX, findings).map(|days| days * DAY_S);
    let seconds = whole(written.keep_seconds.as_ref(), 1..=KEEP_DAYS_MAX * DAY_S, findings);
    match (&written.keep_days, &written.keep_seconds) {
        (Some(days), Some(seconds)) => {
            let message = format!("'{}' and '{}' are the same setting", days.place.key, seconds.place.key);
            findings.add_with(&seconds.place, message, "leave one of them out");
            None
        }
        (None, None) if keeps == Some(Keeps::Nothing) => Some(Duration::ZERO),
        (None, None) => {
            let message = format!("'{}' does not say for how long", place.key);
            findings.add_with(place, message, "add 'keep_days' or 'keep_seconds'");
            None
        }
        (Some(at), None) | (None, Some(at)) if keeps == Some(Keeps::Nothing) => {
            findings.add(&at.place, format!("'{}' is said of a rule that keeps nothing", at.place.key));
            None
        }
        _ => days.or(seconds).map(Duration::from_secs),
    }
}

fn operations(at: Option<&At<Vec<At<String>>>>, findings: &mut Findings) -> Option<Vec<Operation>> {
    let known: Vec<(&str, Operation)> = [Operation::Answer, Operation::CountTokens]
        .into_iter()
        .chain(Operation::SERVICES)
        .map(|operation| (operation.as_str(), operation))
        .collect();
    Some(at?.value.iter().filter_map(|at| choice(Some(at), &known, findings)).collect())
}

fn parts(at: Option<&At<Vec<At<String>>>>, findings: &mut Findings) -> Vec<Part> {
    let Some(at) = at else { return Part::ALL.to_vec() };
    if at.value.is_empty() {
        findings.add(&at.place, format!("'{}' is empty; name 'request', 'answer' or both", at.place.key));
    }
    let words = Part::ALL.map(|part| (part.as_str(), part));
    at.value.iter().filter_map(|at| choice(Some(at), &words, findings)).collect()
}

/// The names that rules may lead to.
pub(super) struct Names<'a> {
    pub(super) keys: &'a [String],
    pub(super) teams: &'a [&'a str],
    pub(super) use_cases: &'a [&'a str],
    pub(super) deployments: &'a [&'a str],
    pub(super) providers: &'a [&'a str],
}

impl Checked {
    /// The rules with names that lead somewhere, and how content is kept. `records` is how long records are kept.
    pub(super) fn resolve(
        &self,
        resolver: &mut Resolver<'_>,
        names: &Names<'_>,
        records: Option<Duration>,
    ) -> Option<(Rules, Retention)> {
        let master = self.key.as_ref().and_then(|reference| master_of(resolver, reference));
        let former: Vec<_> = self.former.iter().filter_map(|reference| master_of(resolver, reference)).collect();
        for rule in &self.rules {
            rule.check_names(names, resolver.findings);
        }
        let keeping = || self.rules.iter().filter(|one| one.keeps_anything());
        if let Some(rule) = keeping().next().filter(|_| !self.key_given) {
            let message =
                format!("'{}' keeps content, and there is no 'retention.key' to keep it under", rule.place.key);
            let hint = "add key = \"env:NAME\" to [retention]; 'openssl rand -base64 32' makes one".to_owned();
            resolver.findings.add_with(&rule.place, message, hint);
        }
        // Without its record nothing would prove what became of it.
        for rule in keeping().filter(|one| one.rule.as_ref().map(|rule| rule.keep) > records && records.is_some()) {
            let message =
                format!("'{}' keeps content for longer than 'ledger.keep_days' keeps records of it", rule.place.key);
            resolver.findings.add(&rule.place, message);
        }
        let usual = Retention::default();
        let size = |bytes: Option<u64>, usual| bytes.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(usual);
        let retention = Retention {
            master,
            former,
            item_bytes_max: size(self.item_bytes_max, usual.item_bytes_max),
            queue_bytes_max: size(self.queue_bytes_max, usual.queue_bytes_max),
        };
        let rules = self.rules.iter().map(|one| one.rule.clone()).collect::<Option<Vec<_>>>()?;
        Some((Rules::new(rules), retention))
    }
}

fn master_of(resolver: &mut Resolver<'_>, reference: &At<Reference>) -> Option<MasterKey> {
    if resolver.secrets == Secrets::Unread {
        return None;
    }
    let secret = resolver.secret(reference)?;
    let refused = |error| {
        let message = format!("'{}': what '{}' leads to {error}", reference.place.key, reference.value);
        resolver.findings.add(&reference.place, message);
    };
    MasterKey::parse(&secret).map_err(refused).ok()
}

impl CheckedRule {
    fn keeps_anything(&self) -> bool {
        self.rule.as_ref().is_some_and(|rule| rule.keeps != Keeps::Nothing)
    }

    fn check_names(&self, names: &Names<'_>, findings: &mut Findings) {
        let keys: Vec<&str> = names.keys.iter().map(String::as_str).collect();
        let models = |name: &str| name.split_once('/').is_some_and(|(provider, _)| names.providers.contains(&provider));
        for (list, known, what) in [
            (&self.keys, keys.as_slice(), "key"),
            (&self.teams, names.teams, "team"),
            (&self.use_cases, names.use_cases, "use case"),
            (&self.deployments, names.deployments, "deployment"),
            (&self.providers, names.providers, "provider"),
        ] {
            for at in list {
                let is_model = what == "deployment" && models(&at.value);
                if !known.contains(&at.value.as_str()) && !is_model {
                    let message = format!("'{}': there is no {what} '{}'", at.place.key, at.value);
                    findings.unknown(&at.place, message, &at.value, known.iter().copied());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_read_exactly() {
        let read = |text: &str| millionths(&serde_json::from_str(text).unwrap());
        assert_eq!(read("0.0001"), Some(1));
        assert_eq!((read("2.5"), read("100"), read("0")), (Some(25_000), Some(1_000_000), Some(0)));
        assert_eq!((read("100.0"), read("0.00001"), read("-1"), read("1e1")), (Some(1_000_000), None, None, None));
    }
}
