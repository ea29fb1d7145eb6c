//! Where the gateway listens: addresses, TLS, certificates of clients, the PROXY protocol.

use super::checked::{choice, reference};
use super::leaving::path;
use super::problem::{Findings, Place};
use super::ready::Resolver;
use super::secrets::Reference;
use super::written::{At, Written};
use crate::server::{ADDRESS, Address, ClientCertificates, ListenerSettings, SOCKET_MODE, TlsSettings};
use std::net::SocketAddr;
use std::path::PathBuf;
use switchtower_gateway::Access;

/// A listener whose values are valid in themselves.
#[derive(Debug)]
pub(super) struct Listener {
    name: String,
    pub(super) address: At<Address>,
    certificate: Option<At<PathBuf>>,
    key: Option<At<Reference>>,
    client_ca: Option<At<PathBuf>>,
    /// Whether a client's certificate is required.
    client_certificates: Option<At<bool>>,
    proxy_protocol: Option<At<bool>>,
    socket_mode: Option<At<u32>>,
}

/// Both sections have the same settings and are types of their own.
macro_rules! listener {
    ($written:expr, $name:expr, $address:expr, $findings:ident) => {
        Listener {
            name: $name,
            address: $address,
            certificate: path($written.certificate.as_ref(), $findings),
            key: reference($written.key.as_ref(), $findings),
            client_ca: path($written.client_ca.as_ref(), $findings),
            client_certificates: choice(
                $written.client_certificates.as_ref(),
                &[("required", true), ("optional", false)],
                $findings,
            )
            .zip($written.client_certificates.as_ref())
            .map(|(required, at)| at.with(required)),
            proxy_protocol: $written.proxy_protocol.clone(),
            socket_mode: mode($written.socket_mode.as_ref(), $findings),
        }
    };
}

/// Every listener. The one of `[listen]` is there unless others are named and it has no address.
pub(super) fn check(written: &Written, instead: Option<SocketAddr>, findings: &mut Findings) -> Vec<Listener> {
    let mut listeners = Vec::new();
    let main = written.listen.as_ref().map(|at| at.value.clone()).unwrap_or_default();
    let named = written.listeners.as_ref().map(|at| at.value.as_slice()).unwrap_or_default();
    if main.address.is_some() || named.is_empty() || instead.is_some() {
        let mut address = address(main.address.as_ref(), findings);
        if let Some(instead) = instead {
            address.value = Address::Tcp(instead);
        }
        listeners.push(listener!(main, "listen".to_owned(), address, findings));
    } else {
        let texts = [&main.certificate, &main.key, &main.client_ca, &main.client_certificates, &main.socket_mode];
        let places = texts.into_iter().flatten().map(|at| &at.place);
        for place in places.chain(main.proxy_protocol.as_ref().map(|at| &at.place)) {
            let message = format!("'{}' is about no listener, since [listen] has no address", place.key);
            findings.add_with(place, message, "add 'listen.address', or say it in [listeners.NAME]");
        }
    }
    for (name, listener) in named {
        if listener.address.is_none() {
            findings.add(&name.place, format!("'{}' lacks 'address', which is required", name.place.key));
            continue;
        }
        let address = address(listener.address.as_ref(), findings);
        listeners.push(listener!(listener, format!("listeners.{}", name.value), address, findings));
    }
    for (number, listener) in listeners.iter().enumerate() {
        let is_any_port = matches!(&listener.address.value, Address::Tcp(address) if address.port() == 0);
        let same = listeners.iter().take(number).find(|known| known.address.value == listener.address.value);
        if let Some(same) = same.filter(|_| !is_any_port) {
            let message = format!("'{}' is listened on already", listener.address.value);
            findings.add_again(&listener.address.place, message, &same.address.place);
        }
        listener.check(findings);
    }
    listeners
}

impl Listener {
    fn check(&self, findings: &mut Findings) {
        let mut lacks = |place: &Place, what: &str, hint: &str| {
            findings.add_with(place, format!("'{}' says nothing without '{what}'", place.key), hint);
        };
        match (&self.certificate, &self.key) {
            (Some(at), None) => lacks(&at.place, "key", "add 'key'"),
            (None, Some(at)) => lacks(&at.place, "certificate", "add 'certificate'"),
            _ => {}
        }
        match (&self.client_ca, &self.certificate, &self.client_certificates) {
            (Some(at), None, _) => lacks(&at.place, "certificate", "certificates of clients are shown over TLS only"),
            (None, _, Some(at)) => lacks(&at.place, "client_ca", "add 'client_ca'"),
            _ => {}
        }
        if let (Some(mode), Address::Tcp(_)) = (&self.socket_mode, &self.address.value) {
            lacks(&mode.place, "address = \"unix:…\"", "leave it out");
        }
    }

    fn is_behind_proxy(&self) -> bool {
        self.proxy_protocol.as_ref().is_some_and(|at| at.value)
    }
}

impl Resolver<'_> {
    /// Reads the certificates of a listener.
    pub(super) fn listener(&mut self, checked: &Listener) -> Option<ListenerSettings> {
        let identity = match (&checked.certificate, &checked.key) {
            (Some(certificate), Some(key)) => Some(self.certified(certificate, key)?),
            _ => None,
        };
        let required = checked.client_certificates.as_ref().is_none_or(|at| at.value);
        let clients = match &checked.client_ca {
            Some(at) => Some(ClientCertificates { roots: self.roots(at)?, required }),
            None => None,
        };
        let address = match &checked.address.value {
            Address::Unix(path) => Address::Unix(self.sources.folder(&checked.address.place).join(path)),
            tcp @ Address::Tcp(_) => tcp.clone(),
        };
        Some(ListenerSettings {
            name: checked.name.clone(),
            address,
            tls: identity.map(|identity| TlsSettings { identity, clients }),
            proxy_protocol: checked.is_behind_proxy(),
            socket_mode: checked.socket_mode.as_ref().map_or(SOCKET_MODE, |at| at.value),
        })
    }

    /// Access without keys, if nobody on another machine can reach any of the listeners.
    pub(super) fn keyless(&mut self, listeners: &[Listener]) -> Option<Access> {
        let mut access = Access::keyless(ADDRESS).ok();
        for listener in listeners {
            let At { place, value } = &listener.address;
            let open = match value {
                Address::Tcp(address) => Access::keyless(*address).is_err(),
                Address::Unix(_) => false,
            };
            if open {
                let message = format!("'{value}' can be reached from other machines, and no key is asked for");
                self.findings.add_with(place, message, "add [[keys]], or listen on 127.0.0.1");
                access = None;
            }
            if let Some(at) = listener.proxy_protocol.as_ref().filter(|at| at.value) {
                let message = format!("'{}' lets callers of other machines in, and no key is asked for", at.place.key);
                self.findings.add_with(&at.place, message, "add [[keys]]");
                access = None;
            }
        }
        access
    }
}

fn address(written: Option<&At<String>>, findings: &mut Findings) -> At<Address> {
    let usual = Address::Tcp(ADDRESS);
    let Some(at) = written else { return At { place: Place::default(), value: usual } };
    match at.value.parse() {
        Ok(address) => at.with(address),
        Err(error) => {
            findings.add_with(
                &at.place,
                format!("'{}' {error}", at.value),
                "write an IP address and a port, such as '127.0.0.1:8080' or '[::1]:8080', or 'unix:PATH'",
            );
            at.with(usual)
        }
    }
}

/// The mode of a socket, in the usual octal digits.
fn mode(written: Option<&At<String>>, findings: &mut Findings) -> Option<At<u32>> {
    let at = written?;
    let digits = (3..=4).contains(&at.value.len());
    match u32::from_str_radix(&at.value, 8) {
        Ok(mode) if digits && mode <= 0o777 => Some(at.with(mode)),
        _ => {
            let message = format!("'{}' is '{}'; expected a mode such as '0660'", at.place.key, at.value);
            findings.add(&at.place, message);
            None
        }
    }
}
