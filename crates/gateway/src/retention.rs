//! What is kept of prompts and answers: nothing, but for what a rule says.
//!
//! Rules stand in an order, and the first that fits a request decides. Whether one request of a sample is kept is drawn
//! from its id under a key: who has the key finds the same draw again, and nobody else can tell.

use crate::holder::Holder;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use switchtower_domain::{NameError, TeamName, TenantName, UseCaseName};
use switchtower_ledger::Pseudonyms;
use switchtower_ledger::record::RequestId;
use switchtower_providers::Operation;
use switchtower_vault::Part;

/// So that the draw is told from other digests under the same key.
const DRAW_LABEL: &[u8] = b"retention\0";
/// The parts of a whole that a share is counted in.
const MILLION: u32 = 1_000_000;

/// The name of a rule, as it stands on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleName(Arc<str>);

impl RuleName {
    /// Checks a text and makes it a name.
    ///
    /// # Errors
    /// [`NameError`] says what is wrong with it.
    pub fn new(text: String) -> Result<Self, NameError> {
        // The same letters as a tenant's.
        TenantName::new(text).map(|name| Self(name.as_str().into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A share of all requests, in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share(u32);

impl Share {
    /// So many of a million; nothing for more than all of them.
    pub fn of_million(millionths: u32) -> Option<Self> {
        (millionths <= MILLION).then_some(Self(millionths))
    }

    /// How many of a million.
    pub const fn millionths(self) -> u32 {
        self.0
    }

    /// Whether a draw is within the share.
    const fn has(self, draw: u64) -> bool {
        // The high half of a product is the draw as a number below a million, each as likely as the others.
        let drawn = ((draw as u128 * MILLION as u128) >> 64) as u64;
        drawn < self.0 as u64
    }
}

/// What a rule keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeps {
    /// Nothing.
    Nothing,
    /// A share of the requests that fit.
    Sample(Share),
    /// Each of them.
    All,
}

/// A rule. What it does not name, it does not ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What it is called on record.
    pub name: RuleName,
    /// The names of callers' keys.
    pub keys: Option<Vec<String>>,
    /// The teams of their holders.
    pub teams: Option<Vec<String>>,
    /// What their holders use models for.
    pub use_cases: Option<Vec<String>>,
    /// The names of deployments.
    pub deployments: Option<Vec<String>>,
    /// The names of providers.
    pub providers: Option<Vec<String>>,
    /// What is asked for.
    pub operations: Option<Vec<Operation>>,
    /// What it keeps of requests that fit.
    pub keeps: Keeps,
    /// Which parts of them.
    pub parts: Vec<Part>,
    /// For how long.
    pub keep: Duration,
    /// Whether a request is refused where what is to be kept of it cannot be kept.
    pub required: bool,
}

/// The rules in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules(Arc<[Rule]>);

/// What rules look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) holder: Option<&'a Holder>,
    pub(crate) deployment: &'a str,
    pub(crate) provider: &'a str,
    pub(crate) operation: &'a str,
}

impl Rule {
    /// Whether it holds for every request that another one fits, so that the other never comes to hold behind it.
    pub fn covers(&self, other: &Self) -> bool {
        fn within<T: PartialEq>(list: Option<&Vec<T>>, of: Option<&Vec<T>>) -> bool {
            of.is_none_or(|of| list.is_some_and(|list| list.iter().all(|one| of.contains(one))))
        }
        within(other.keys.as_ref(), self.keys.as_ref())
            && within(other.teams.as_ref(), self.teams.as_ref())
            && within(other.use_cases.as_ref(), self.use_cases.as_ref())
            && within(other.deployments.as_ref(), self.deployments.as_ref())
            && within(other.providers.as_ref(), self.providers.as_ref())
            && within(other.operations.as_ref(), self.operations.as_ref())
    }

    fn fits(&self, asked: Asked<'_>) -> bool {
        let names = |wanted: &Option<Vec<String>>, name: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted.iter().any(|wanted| wanted == name))
        };
        // What is not known of a caller fits no rule that asks for it.
        let known = |wanted: &Option<Vec<String>>, name: Option<&str>| {
            wanted.is_none() || name.is_some_and(|name| names(wanted, name))
        };
        let operation = self.operations.as_ref();
        let holder = asked.holder;
        known(&self.keys, holder.map(|holder| holder.name.as_str()))
            && known(&self.teams, holder.and_then(|holder| holder.team.as_ref()).map(TeamName::as_str))
            && known(&self.use_cases, holder.and_then(|holder| holder.use_case.as_ref()).map(UseCaseName::as_str))
            && names(&self.deployments, asked.deployment)
            && names(&self.providers, asked.provider)
            && operation.is_none_or(|wanted| wanted.iter().any(|wanted| wanted.as_str() == asked.operation))
    }
}

impl Rules {
    /// Rules in an order.
    pub fn new(rules: Vec<Rule>) -> Self {
        Self(rules.into())
    }

    /// The rules in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.0.iter()
    }

    /// Whether there is a request of which something would be kept.
    pub fn keep_anything(&self) -> bool {
        self.iter().any(|rule| rule.keeps != Keeps::Nothing)
    }

    /// The rule that holds for a request, and whether it is kept by it.
    pub(crate) fn decide(
        &self,
        asked: Asked<'_>,
        request: RequestId,
        pseudonyms: &Pseudonyms,
    ) -> Option<(&Rule, bool)> {
        let rule = self.iter().find(|rule| rule.fits(asked))?;
        let kept = match rule.keeps {
            Keeps::Nothing => false,
            Keeps::All => true,
            Keeps::Sample(share) => share.has(draw(request, pseudonyms)),
        };
        Some((rule, kept))
    }
}

/// A number that the id of a request comes out as under a key.
fn draw(request: RequestId, pseudonyms: &Pseudonyms) -> u64 {
    let digest = pseudonyms.digest(&[DRAW_LABEL, &request.0].concat());
    digest.0.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::LazyLock;

    fn rule(name: &str, keeps: Keeps) -> Rule {
        Rule {
            name: RuleName::new(name.to_owned()).unwrap(),
            keys: None,
            teams: None,
            use_cases: None,
            deployments: None,
            providers: None,
            operations: None,
            keeps,
            parts: Part::ALL.to_vec(),
            keep: Duration::from_secs(60),
            required: false,
        }
    }

    static HOLDER: LazyLock<Holder> = LazyLock::new(|| holder("app"));

    fn holder(name: &str) -> Holder {
        let (team, use_case) = (TeamName::new("search").ok(), UseCaseName::new("answers").ok());
        Holder { name: name.to_owned(), team, use_case }
    }

    fn asked() -> Asked<'static> {
        let operation = Operation::Answer.as_str();
        Asked { holder: Some(&HOLDER), deployment: "fast", provider: "openai", operation }
    }

    fn decided(rules: &Rules, asked: Asked<'_>, request: RequestId) -> Option<(String, bool)> {
        let pseudonyms = Pseudonyms::new([1; 32], [2; 32]);
        rules.decide(asked, request, &pseudonyms).map(|(rule, kept)| (rule.name.to_string(), kept))
    }

    #[test]
    fn the_first_rule_that_fits_decides_and_without_one_nothing_is_kept() {
        let id = RequestId([7; 16]);
        assert_eq!(decided(&Rules::default(), asked(), id), None);
        let other = holder("other");
        let of_ads = Holder { team: TeamName::new("ads").ok(), ..holder("app") };
        let of_drafts = Holder { use_case: UseCaseName::new("drafts").ok(), ..holder("app") };
        let some = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        let rules = Rules::new(vec![
            Rule { keys: some(&["other"]), ..rule("keys", Keeps::All) },
            Rule { teams: some(&["ads"]), ..rule("teams", Keeps::All) },
            Rule { use_cases: some(&["drafts"]), ..rule("use_cases", Keeps::All) },
            Rule { deployments: some(&["slow"]), ..rule("deployments", Keeps::All) },
            Rule { providers: some(&["x"]), ..rule("providers", Keeps::All) },
            Rule { operations: Some(vec![Operation::CountTokens]), ..rule("operations", Keeps::All) },
            Rule { keys: some(&["app"]), providers: some(&["openai"]), ..rule("none", Keeps::Nothing) },
            rule("rest", Keeps::All),
        ]);
        assert_eq!(decided(&rules, asked(), id), Some(("none".to_owned(), false)));
        for (asked, wanted) in [
            (Asked { holder: Some(&other), ..asked() }, "keys"),
            (Asked { deployment: "slow", ..asked() }, "deployments"),
            (Asked { provider: "x", ..asked() }, "providers"),
            (Asked { operation: Operation::CountTokens.as_str(), ..asked() }, "operations"),
            // Where no keys are configured, a rule for one holds for nobody, and likewise for a team.
            (Asked { holder: None, ..asked() }, "rest"),
            (Asked { holder: Some(&of_ads), ..asked() }, "teams"),
            (Asked { holder: Some(&of_drafts), ..asked() }, "use_cases"),
        ] {
            assert_eq!(decided(&rules, asked, id), Some((wanted.to_owned(), true)));
        }
        assert!(rules.keep_anything() && !Rules::new(vec![rule("none", Keeps::Nothing)]).keep_anything());
    }

    #[test]
    fn a_sample_is_as_large_as_was_said_and_comes_out_the_same_again() {
        let share = |millionths| Keeps::Sample(Share::of_million(millionths).unwrap());
        let kept = |keeps, number: u32| {
            let mut id = [0; 16];
            id[..4].copy_from_slice(&number.to_be_bytes());
            decided(&Rules::new(vec![rule("r", keeps)]), asked(), RequestId(id)).unwrap().1
        };
        let counted = |keeps| (0..20_000).filter(|number| kept(keeps, *number)).count();
        let quarter = counted(share(250_000));
        assert!((4700..5300).contains(&quarter), "{quarter}");
        assert_eq!(counted(share(250_000)), quarter);
        assert_eq!((counted(share(0)), counted(share(MILLION))), (0, 20_000));
        assert_eq!(Share::of_million(MILLION + 1), None);
    }
}
