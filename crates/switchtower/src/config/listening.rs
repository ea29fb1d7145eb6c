//! Where the gateway listens: addresses, TLS, certificates of clients, the PROXY protocol.

use super::checked::{choice, reference};
use super::leaving::path;
use super::problem::{Findings, Place};
use super::ready::{Resolver, Secrets};
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
        }
        let address = address(listener.address.as_ref(), findings);
        let checked = listener!(listener, format!("listeners.{}", name.value), address, findings);
        listeners.extend(listener.address.is_some().then_some(checked));
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
            (Some(certificate), Some(key)) if self.secrets == Secrets::Read => Some(self.certified(certificate, key)?),
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

#[cfg(test)]
mod tests {
    use crate::config::{Around, Ready, Secrets, parse};
    use crate::environment::Environment;
    use std::path::Path;

    fn read(text: &str) -> Result<Ready, String> {
        let outside = Environment::from([("KEY", "secret-value")]);
        let around = Around {
            outside: &outside,
            folder: Path::new("conf"),
            built_in: &[],
            listen: None,
            secrets: Secrets::Read,
        };
        parse("c.toml", text, &around).map_err(|problems| problems.to_string())
    }

    fn listening(text: &str) -> Vec<String> {
        let listeners = read(text).unwrap().server.listeners;
        listeners
            .iter()
            .map(|listener| format!("{} {} {:o}", listener.name, listener.address, listener.socket_mode))
            .collect()
    }

    const KEYED: &str = "[[keys]]\nname = \"a\"\nsecret = \"env:KEY\"\n";

    #[test]
    fn it_listens_where_it_is_told() {
        assert_eq!(listening(""), ["listen 127.0.0.1:8080 600"]);
        assert_eq!(
            listening("[listen]\nthreads = 2\n[listeners.a]\naddress = \"localhost:1\""),
            ["listeners.a 127.0.0.1:1 600"]
        );
        assert_eq!(
            listening(
                "[listen]\naddress = \"[::1]:1\"\n[listeners.a]\naddress = \"unix:run/a.sock\"\nsocket_mode = \"0660\""
            ),
            ["listen [::1]:1 600", "listeners.a unix:conf/run/a.sock 660"]
        );
        assert_eq!(listening(&format!("[listen]\naddress = \"0.0.0.0:1\"\nproxy_protocol = true\n{KEYED}")).len(), 1);
    }

    #[test]
    fn every_mistake_is_told() {
        let text = "[listen]\nproxy_protocol = true\nsocket_mode = \"9\"\n[listeners.a]\naddress = \"0.0.0.0:1\"\ncertificate = \"none.pem\"\nclient_certificates = \"maybe\"\n[listeners.b]\naddress = \"0.0.0.0:1\"\nsocket_mode = \"0600\"\nclient_ca = \"none.pem\"\nproxy_protocol = true\n[listeners.c]\nkey = \"env:KEY\"\n[listeners.d]\naddress = \"unix:\"";
        insta::assert_snapshot!(read(text).unwrap_err(), @r#"
        c.toml:2:1: 'listen.proxy_protocol' is about no listener, since [listen] has no address; add 'listen.address', or say it in [listeners.NAME]
        c.toml:3:1: 'listen.socket_mode' is about no listener, since [listen] has no address; add 'listen.address', or say it in [listeners.NAME]
        c.toml:5:1: '0.0.0.0:1' can be reached from other machines, and no key is asked for; add [[keys]], or listen on 127.0.0.1
        c.toml:6:1: 'listeners.a.certificate' says nothing without 'key'; add 'key'
        c.toml:7:1: 'listeners.a.client_certificates' is 'maybe'; expected 'required' or 'optional'
        c.toml:9:1: '0.0.0.0:1' is listened on already, first at c.toml:5:1
        c.toml:9:1: '0.0.0.0:1' can be reached from other machines, and no key is asked for; add [[keys]], or listen on 127.0.0.1
        c.toml:10:1: 'listeners.b.socket_mode' says nothing without 'address = "unix:…"'; leave it out
        c.toml:11:1: 'listeners.b.client_ca' says nothing without 'certificate'; certificates of clients are shown over TLS only
        c.toml:11:1: 'listeners.b.client_ca': 'none.pem' cannot be read (entity not found)
        c.toml:12:1: 'listeners.b.proxy_protocol' lets callers of other machines in, and no key is asked for; add [[keys]]
        c.toml:13:12: 'listeners.c' lacks 'address', which is required
        c.toml:16:1: 'unix:' is not an address to listen on; write an IP address and a port, such as '127.0.0.1:8080' or '[::1]:8080', or 'unix:PATH'
        "#);
    }
}
