//! Values that only an account can read, on their way back: freed of what says whose they are, and left out, or refused by
//! name, where that is another account than the one that is asked.

use super::decode::Decoded;
use crate::owner::Owner;
use crate::tag::{QUOTED_MARK, Tagged, untagged};
use crate::{Directory, Settings};
use memchr::memmem::Finder;
use serde_json::{Map, Value};
use std::cell::Cell;
use std::sync::LazyLock;
use switchtower_dialect::splice::Splice;
use switchtower_dialect::{Belongs, carried, dialect};
use switchtower_domain::{DialectId, Notice, NoticeClass, Refusal, RefusalCode};
use switchtower_providers::Deployment;

static MARK: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(QUOTED_MARK));

/// How reasoning of another dialect begins where it stands in base64.
pub(super) const CARRIED_IN_BASE64: &str = "c3R3MS";

/// What is asked of whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asking<'a> {
    pub(super) settings: &'a Settings,
    pub(super) directory: &'a Directory,
    pub(super) deployment: &'a Deployment,
    /// The deployment's account.
    pub(super) owner: Owner,
    pub(super) client: DialectId,
    /// Whether the provider speaks the client's dialect.
    pub(super) same: bool,
    pub(super) strict: bool,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Opened {
    pub(super) notices: Vec<Notice>,
    /// Whether a value is reasoning of another dialect.
    pub(super) carried: bool,
}

impl Asking<'_> {
    /// Opens the values of a request. A request without any costs one search.
    pub(super) fn open(self, decoded: &Decoded<'_>, splice: &mut Splice) -> Result<Opened, Refusal> {
        let mut opened = Opened::default();
        if MARK.find(decoded.body).is_none() {
            return Ok(opened);
        }
        let owned = dialect(self.client).owned();
        for field in decoded.scan.fields.iter().filter(|field| MARK.find(field.value).is_some()) {
            // A value that is the field itself is told by its name.
            let Some(text) = decoded.body.get(field.member.clone()) else { continue };
            let inner = field.place.start - field.member.start;
            let own = untagged(owned, &self.settings.seal, self.owner, text);
            let Some(own) = own.and_then(|own| String::from_utf8(own.get(inner..)?.to_vec()).ok()) else {
                return self.leave_out(decoded, splice);
            };
            opened.carried |= own.contains(CARRIED_IN_BASE64);
            if let Ok(name) = std::str::from_utf8(&field.key) {
                splice.set(name, own);
            }
        }
        Ok(opened)
    }

    /// What belongs elsewhere is rare, and is taken out of a tree.
    fn leave_out(self, decoded: &Decoded<'_>, splice: &mut Splice) -> Result<Opened, Refusal> {
        let Ok(mut body) = serde_json::from_slice::<Map<String, Value>>(decoded.body) else {
            return Ok(Opened::default());
        };
        let before = body.clone();
        let elsewhere = Cell::new(None);
        let whose = |text: &str| {
            let Some(tagged) = Tagged::read(&self.settings.seal, text) else { return Belongs::Unsaid };
            let belongs = tagged.belongs(self.owner);
            let value = tagged.value();
            if belongs == Belongs::Elsewhere && !self.same && !is_carried(&value) {
                // It says nothing to another dialect, which its encoder tells.
                return Belongs::Here(value);
            }
            if belongs == Belongs::Elsewhere {
                elsewhere.set(tagged.owner);
            }
            belongs
        };
        let left = dialect(self.client).owned().leave_out(&mut body, self.same, &whose);
        let notices = left.map_err(|inseparable| self.refusal(&inseparable.path, elsewhere.get()))?;
        if let Some(first) = notices.iter().find(|notice| notice.class == NoticeClass::Meaning).filter(|_| self.strict)
        {
            return Err(self.refusal(&first.path, elsewhere.get()));
        }
        let mut carried = false;
        for (name, value) in &before {
            match body.get(name) {
                None => splice.remove(name),
                Some(now) if now != value => {
                    let text = now.to_string();
                    carried |= text.contains(CARRIED_IN_BASE64);
                    splice.set(name, text);
                }
                Some(_) => {}
            }
        }
        Ok(Opened { notices, carried })
    }

    fn refusal(self, path: &str, owner: Option<Owner>) -> Refusal {
        let named = owner.and_then(|owner| self.directory.provider_of(owner));
        let whose = named.map_or_else(|| "another provider".to_owned(), |provider| format!("provider '{provider}'"));
        let message = format!(
            "'{path}' belongs to the account of {whose}, and no other can read it; deployment '{}' has another account; ask a deployment of the same account, or leave it out",
            self.deployment.name
        );
        Refusal::new(RefusalCode::StateElsewhere, message).param(path)
    }
}

fn is_carried(value: &str) -> bool {
    value.starts_with(carried::PREFIX) || value.starts_with(CARRIED_IN_BASE64)
}
