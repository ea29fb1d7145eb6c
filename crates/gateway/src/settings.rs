//! What an operator can set about the path of a request.

use crate::holder::Holder;
use crate::trace::SampleRate;
use crate::{Rules, SealKey};
use sha2::{Digest as _, Sha256};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq as _;
use switchtower_catalogue::prices::Prices;
use switchtower_domain::{Secret, limits};
use switchtower_ledger::record::Digest;

/// The settings of a gateway.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who may ask.
    pub access: Access,
    /// The bounds on what is taken in.
    pub limits: Limits,
    /// Whether every request is treated as if it carried `x-switchtower-strict: true`.
    pub strict: bool,
    /// How long a provider may be silent in a stream before the client gets a comment that keeps its connection open.
    pub keep_alive: Duration,
    /// What seals the ids of what providers keep.
    pub seal: SealKey,
    /// What models cost.
    pub prices: Arc<Prices>,
    /// What is kept of prompts and answers; nothing where no rule says so.
    pub retention: Rules,
    /// What is in force, as records refer to it.
    pub digests: Digests,
    /// The share of traces that are kept where callers begin none themselves; nothing where no traces are made here.
    pub sample: Option<SampleRate>,
    /// Whether callers may have put on record when each piece of an answer came.
    pub timelines: bool,
}

/// What is in force, by the digests of its content, which is in the journal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Digests {
    /// That of the configuration.
    pub configuration: Digest,
    /// That of the catalogue.
    pub catalogue: Digest,
    /// That of the prices.
    pub prices: Digest,
}

impl Settings {
    /// Settings with the usual bounds.
    pub fn new(access: Access) -> Self {
        Self {
            access,
            limits: Limits::default(),
            strict: false,
            keep_alive: Duration::from_secs(15),
            seal: SealKey::of_this_process(),
            prices: Prices::built_in(),
            retention: Rules::default(),
            digests: Digests::default(),
            sample: None,
            timelines: false,
        }
    }

    /// Checks that the bounds can be kept.
    ///
    /// # Errors
    /// [`SettingsError`] names the first setting that cannot, and what it may be.
    pub fn check(&self) -> Result<(), SettingsError> {
        self.limits.check().into_iter().next().map_or(Ok(()), Err)
    }
}

/// Deeper than this no parser of ours reads.
const DEPTH_MAX: usize = 120;

/// A bound that cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{setting}' is {found}; it must be from {min} to {max}")]
pub struct SettingsError {
    /// The setting.
    pub setting: &'static str,
    /// What it is.
    pub found: usize,
    /// The least that it may be.
    pub min: usize,
    /// The most that it may be.
    pub max: usize,
}

/// Bounds on what is taken in. Each is the name of its setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest body of a request.
    pub body_bytes_max: usize,
    /// How long a client may take to send a body.
    pub body_time_max: Duration,
    /// The largest head of a request.
    pub header_bytes_max: usize,
    /// The most headers of a request.
    pub headers_max: usize,
    /// The largest event of a provider's stream.
    pub event_bytes_max: usize,
    /// The largest whole answer of a provider.
    pub answer_bytes_max: usize,
    /// The deepest nesting of a body.
    pub depth_max: usize,
    /// The most tools that a request may offer.
    pub tools_max: usize,
    /// The most requests that are open at once.
    pub open_requests_max: usize,
}

impl Limits {
    /// The bounds that cannot be kept, all of them.
    pub fn check(&self) -> Vec<SettingsError> {
        let bounds = [
            ("limits.body_bytes_max", self.body_bytes_max, 1, 1 << 30),
            ("limits.header_bytes_max", self.header_bytes_max, 8192, 1 << 20),
            ("limits.headers_max", self.headers_max, 8, 1000),
            ("limits.event_bytes_max", self.event_bytes_max, 1024, 1 << 30),
            ("limits.answer_bytes_max", self.answer_bytes_max, 1024, 1 << 30),
            ("limits.depth_max", self.depth_max, 4, DEPTH_MAX),
            ("limits.tools_max", self.tools_max, 0, 100_000),
            ("limits.open_requests_max", self.open_requests_max, 1, 1_000_000),
        ];
        let errors = bounds.into_iter().filter(|(_, found, min, max)| !(min..=max).contains(&found));
        errors.map(|(setting, found, min, max)| SettingsError { setting, found, min, max }).collect()
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: limits::BODY_BYTES_MAX,
            body_time_max: Duration::from_secs(60),
            header_bytes_max: limits::HEADER_BYTES_MAX,
            headers_max: limits::HEADERS_MAX,
            event_bytes_max: limits::EVENT_BYTES_MAX,
            answer_bytes_max: limits::ANSWER_BYTES_MAX,
            depth_max: limits::DEPTH_MAX,
            tools_max: limits::TOOLS_MAX,
            open_requests_max: 10_000,
        }
    }
}

/// Who may ask.
#[derive(Debug, Clone)]
pub struct Access(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Keyless,
    Keys(Vec<CallerKey>),
}

/// Why nobody, or everybody, could ask.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// A gateway without keys would be reachable from elsewhere.
    #[error(
        "without keys the gateway serves this machine only, and {listen} can be reached from others; listen on 127.0.0.1 or configure keys"
    )]
    NotLoopback {
        /// Where it would listen.
        listen: SocketAddr,
    },
    /// There are no keys.
    #[error("no key is given, so nobody could ask")]
    NoKeys,
}

impl Access {
    /// Everybody on this machine, without a key.
    ///
    /// # Errors
    /// [`AccessError::NotLoopback`] where others could reach the address.
    pub const fn keyless(listen: SocketAddr) -> Result<Self, AccessError> {
        let loopback = match listen {
            SocketAddr::V4(address) => address.ip().is_loopback(),
            SocketAddr::V6(address) => address.ip().is_loopback(),
        };
        if loopback { Ok(Self(Kind::Keyless)) } else { Err(AccessError::NotLoopback { listen }) }
    }

    /// Whoever presents one of these keys.
    ///
    /// # Errors
    /// [`AccessError::NoKeys`] where there are none.
    pub fn keys(keys: Vec<CallerKey>) -> Result<Self, AccessError> {
        if keys.is_empty() { Err(AccessError::NoKeys) } else { Ok(Self(Kind::Keys(keys))) }
    }

    /// Whether no key is asked for.
    pub const fn is_keyless(&self) -> bool {
        matches!(self.0, Kind::Keyless)
    }

    /// The key of a name, with which signatures are made, and its holder.
    pub(crate) fn key_named(&self, name: &str) -> Option<(&Secret, &Arc<Holder>)> {
        let Kind::Keys(keys) = &self.0 else { return None };
        keys.iter().find(|key| key.holder.name == name).map(|key| (&key.secret, &key.holder))
    }

    /// The holder of the key that a caller presents, if it is known. It takes the same time for every wrong key.
    pub fn admits(&self, presented: &str) -> Option<&Arc<Holder>> {
        let Kind::Keys(keys) = &self.0 else { return None };
        let digest = digest(presented);
        let mut found = None;
        for key in keys {
            if key.digest.ct_eq(&digest).into() {
                found = Some(&key.holder);
            }
        }
        found
    }
}

/// A key that callers may present, or sign requests with.
#[derive(Debug, Clone)]
pub struct CallerKey {
    holder: Arc<Holder>,
    digest: [u8; 32],
    /// The key itself, which signatures are made with. It never prints.
    secret: Secret,
}

impl CallerKey {
    /// A key by name.
    pub fn new(name: impl Into<String>, key: &Secret) -> Self {
        Self::held_by(Holder { name: name.into(), team: None, use_case: None }, key)
    }

    /// A key with its holder.
    pub fn held_by(holder: Holder, key: &Secret) -> Self {
        Self { holder: Arc::new(holder), digest: digest(key.expose().trim()), secret: key.clone() }
    }
}

fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keyless_is_for_this_machine_only() {
        assert!(Access::keyless("127.0.0.1:8080".parse().unwrap()).is_ok());
        assert!(Access::keyless("[::1]:8080".parse().unwrap()).is_ok());
        assert!(Access::keyless("0.0.0.0:8080".parse().unwrap()).is_err());
        assert!(Access::keyless("10.1.2.3:80".parse().unwrap()).is_err());
    }

    #[test]
    fn only_a_known_key_is_admitted() {
        let key = |text: &str| CallerKey::new("team", &Secret::new(text));
        let access = Access::keys(vec![key("one"), key("two\n")]).unwrap();
        assert_eq!(access.admits("two").map(|holder| holder.name.as_str()), Some("team"));
        assert_eq!(access.admits("three"), None);
        assert_eq!(Access::keys(Vec::new()).err(), Some(AccessError::NoKeys));
    }

    #[test]
    fn bounds_that_cannot_be_kept_are_named() {
        let mut settings = Settings::new(Access::keyless("127.0.0.1:1".parse().unwrap()).unwrap());
        assert_eq!(settings.check(), Ok(()));
        settings.limits.depth_max = 500;
        assert_eq!(settings.check().unwrap_err().setting, "limits.depth_max");
    }
}
