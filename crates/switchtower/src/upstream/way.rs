//! The ways by which requests leave: through which proxy, under which roots of trust, with which certificate.

use super::UpstreamSettings;
use super::proxy::Proxy;
use anyhow::{Context as _, Result};
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// One way. Two that are equal share their connections.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WaySettings {
    /// How long it may take until a connection is there, where that differs.
    pub connect: Option<Duration>,
    /// What stands between.
    pub proxy: Option<Proxy>,
    /// The only roots that are trusted; those of the system where there are none.
    pub roots: Option<Roots>,
    /// What the provider is shown of us.
    pub identity: Option<Identity>,
    /// Which HTTP is spoken.
    pub version: HttpVersion,
}

/// Which HTTP is spoken with a provider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HttpVersion {
    /// HTTP/2 where it is agreed on over TLS, HTTP/1.1 otherwise.
    #[default]
    Agreed,
    /// HTTP/1.1.
    One,
    /// HTTP/2 without asking, also in plain.
    Two,
}

/// Why certificates or keys cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// There is no certificate.
    #[error("holds no certificate in PEM form")]
    NoCertificate,
    /// A certificate cannot be read.
    #[error("holds a certificate that cannot be read")]
    Certificate,
    /// There is no key that can be read.
    #[error("holds no private key in PEM form")]
    NoKey,
    /// The key is of a kind that is not supported.
    #[error("holds a private key of a kind that is not supported")]
    Key,
    /// The key is that of another certificate.
    #[error("is not the key of that certificate")]
    OtherKey,
}

impl PemError {
    /// Whether it is about the key.
    pub const fn is_of_key(self) -> bool {
        matches!(self, Self::NoKey | Self::Key | Self::OtherKey)
    }
}

/// Roots of trust.
#[derive(Clone, PartialEq)]
pub struct Roots(Vec<CertificateDer<'static>>);

impl Roots {
    /// Those of a bundle in PEM form.
    ///
    /// # Errors
    /// [`PemError`] where one cannot be read or there are none.
    pub fn of_pem(pem: &str) -> Result<Self, PemError> {
        let roots = Self(certificates(pem)?);
        roots.store().map(|_| roots)
    }

    /// The same, for verifying.
    ///
    /// # Errors
    /// [`PemError::Certificate`] where one is no root.
    pub fn store(&self) -> Result<RootCertStore, PemError> {
        let mut store = RootCertStore::empty();
        for root in &self.0 {
            store.add(root.clone()).map_err(|_| PemError::Certificate)?;
        }
        Ok(store)
    }
}

/// A certificate with its key.
#[derive(Clone)]
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: Arc<PrivateKeyDer<'static>>,
}

impl Identity {
    /// A chain of certificates, ours first, and the key of ours, both in PEM form.
    ///
    /// # Errors
    /// [`PemError`] says which of the two is wrong; the key never appears in it.
    pub fn of_pem(chain: &str, key: &str) -> Result<Self, PemError> {
        let chain = certificates(chain)?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| PemError::NoKey)?;
        let identity = Self { chain, key: Arc::new(key) };
        identity.certified()?;
        Ok(identity)
    }

    /// The same, for signing.
    ///
    /// # Errors
    /// [`PemError`] where the key cannot be used or belongs to another certificate.
    pub fn certified(&self) -> Result<CertifiedKey, PemError> {
        match CertifiedKey::from_der(self.chain.clone(), self.key.clone_key(), &default_provider()) {
            Ok(certified) => Ok(certified),
            Err(rustls::Error::InconsistentKeys(_)) => Err(PemError::OtherKey),
            Err(rustls::Error::InvalidCertificate(_)) => Err(PemError::Certificate),
            Err(_) => Err(PemError::Key),
        }
    }
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        self.chain == other.chain && self.key == other.key
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({} certificates, ***)", self.chain.len())
    }
}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Roots({})", self.0.len())
    }
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match found {
        Ok(list) if list.is_empty() => Err(PemError::NoCertificate),
        Ok(list) => Ok(list),
        Err(_) => Err(PemError::Certificate),
    }
}

/// The roots of the system, loaded once for all threads.
#[derive(Clone)]
pub struct Trust(ClientConfig);

impl Trust {
    /// The roots of the system, or where it has none those of Mozilla.
    ///
    /// # Errors
    /// Where no version of TLS can be spoken at all.
    pub fn of_system() -> Result<Self> {
        use hyper_rustls::ConfigBuilderExt as _;
        let provider = Arc::new(default_provider());
        let builder =
            || ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
        let config = match builder().context("failed to set up TLS")?.with_native_roots() {
            Ok(config) => config.with_no_client_auth(),
            Err(_) => builder().context("failed to set up TLS")?.with_webpki_roots().with_no_client_auth(),
        };
        Ok(Self(config))
    }

    /// How TLS is spoken on a way.
    ///
    /// # Errors
    /// For certificates that cannot be used, which a configuration that was checked does not have.
    pub(super) fn on(&self, way: &WaySettings) -> Result<ClientConfig> {
        let mut config = match &way.roots {
            None => self.0.clone(),
            Some(roots) => ClientConfig::builder_with_provider(Arc::new(default_provider()))
                .with_safe_default_protocol_versions()
                .context("failed to set up TLS")?
                .with_root_certificates(roots.store()?)
                .with_no_client_auth(),
        };
        if let Some(identity) = &way.identity {
            config.client_auth_cert_resolver = Arc::new(rustls::sign::SingleCertAndKey::from(identity.certified()?));
        }
        Ok(config)
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trust")
    }
}

/// Every way, ready to be connected by: the usual one and those of the configuration.
#[derive(Clone, Debug)]
pub struct Ways {
    pub(super) usual: Arc<Prepared>,
    pub(super) others: Vec<Arc<Prepared>>,
}

/// A way with what is made of its certificates.
pub(super) struct Prepared {
    pub(super) settings: WaySettings,
    pub(super) connections: UpstreamSettings,
    pub(super) tls: ClientConfig,
}

impl Ways {
    /// Prepares every way.
    ///
    /// # Errors
    /// As [`Trust::of_system`] and for certificates that cannot be used.
    pub fn new(trust: &Trust, connections: &UpstreamSettings, ways: Vec<WaySettings>) -> Result<Self> {
        let prepare = |settings: WaySettings| -> Result<Arc<Prepared>> {
            let tls = trust.on(&settings)?;
            let connect = settings.connect.unwrap_or(connections.connect);
            let connections = UpstreamSettings { connect, ..*connections };
            Ok(Arc::new(Prepared { settings, connections, tls }))
        };
        Ok(Self {
            usual: prepare(WaySettings::default())?,
            others: ways.into_iter().map(prepare).collect::<Result<_>>()?,
        })
    }
}

impl Prepared {
    /// Whether connections of one are as good for the other.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.settings == other.settings && self.connections == other.connections
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair};

    #[test]
    fn certificates_and_keys_belong_together() {
        let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let certificate =
            CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap().pem();
        let of = |chain: &str, key: &str| Identity::of_pem(chain, key).map(|_| ());
        assert_eq!(of(&certificate, &key.serialize_pem()), Ok(()));
        assert_eq!(of(&certificate, &other.serialize_pem()), Err(PemError::OtherKey));
        assert_eq!(of(&certificate, "nothing"), Err(PemError::NoKey));
        assert_eq!(of("nothing", &key.serialize_pem()), Err(PemError::NoCertificate));
        assert_eq!(Roots::of_pem(&key.serialize_pem()).err(), Some(PemError::NoCertificate));
        let broken = certificate.replace("MII", "MIJ");
        assert_eq!(Roots::of_pem(&broken).err(), Some(PemError::Certificate));
        let identity = Identity::of_pem(&certificate, &key.serialize_pem()).unwrap();
        assert_eq!(format!("{identity:?}"), "Identity(1 certificates, ***)");
    }
}
