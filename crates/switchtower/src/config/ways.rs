//! Ways out: the files and secrets that settings of leaving refer to, read and put together.

use super::leaving::Leaving;
use super::ready::{Resolver, Secrets};
use super::secrets::Reference;
use super::written::At;
use crate::upstream::{Identity, Roots, WaySettings};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use std::path::PathBuf;
use switchtower_domain::Way;

/// The largest file of certificates that is read: all roots of a system are some hundred kilobytes.
const PEM_BYTES_MAX: u64 = 4 * 1024 * 1024;

impl Resolver<'_> {
    /// The way for these settings; none where they are the usual ones, or wrong.
    pub(super) fn way(&mut self, leaving: &Leaving) -> Option<Way> {
        let settings = WaySettings {
            connect: leaving.connect,
            proxy: self.proxy(leaving),
            roots: leaving.ca_bundle.as_ref().and_then(|at| self.roots(at)),
            identity: self.identity(leaving),
            version: leaving.version.unwrap_or_default(),
        };
        if settings == WaySettings::default() {
            return None;
        }
        let number = self.ways.iter().position(|known| *known == settings).unwrap_or_else(|| {
            self.ways.push(settings);
            self.ways.len() - 1
        });
        Some(Way(number))
    }

    /// The proxy that is meant, with what it is shown.
    pub(super) fn proxy(&mut self, leaving: &Leaving) -> Option<crate::upstream::Proxy> {
        let credential = leaving.proxy_credential.as_ref();
        let Some(proxy) = leaving.proxy.as_ref().and_then(|at| at.value.as_ref()) else {
            if let Some(At { place, .. }) = credential {
                let message = format!("'{}' is what a proxy is shown, and there is none", place.key);
                self.findings.add_with(place, message, "add 'proxy', or leave this out");
            }
            return None;
        };
        let Some(reference) = credential else { return Some(proxy.clone()) };
        let secret = self.secret(reference)?;
        if !secret.expose().contains(':') {
            let message = format!("'{}': '{}' is not of the form USER:PASSWORD", reference.place.key, reference.value);
            self.findings.add(&reference.place, message);
            return None;
        }
        let value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(secret.expose()))).ok()?;
        Some(proxy.clone().with_authorization(value))
    }

    /// The text of a file that is no secret.
    pub(super) fn text(&mut self, at: &At<PathBuf>) -> Option<String> {
        let path = self.sources.folder(&at.place).join(&at.value);
        let refused = |error: std::io::Error| {
            let message = format!("'{}': '{}' cannot be read ({})", at.place.key, at.value.display(), error.kind());
            self.findings.add(&at.place, message);
        };
        self.outside.file(&path, PEM_BYTES_MAX).map_err(refused).ok()
    }

    /// The roots of trust in a file.
    pub(super) fn roots(&mut self, at: &At<PathBuf>) -> Option<Roots> {
        let text = self.text(at)?;
        let refused = |error| {
            self.findings.add(&at.place, format!("'{}': '{}' {error}", at.place.key, at.value.display()));
        };
        Roots::of_pem(&text).map_err(refused).ok()
    }

    fn identity(&mut self, leaving: &Leaving) -> Option<Identity> {
        match (&leaving.client_certificate, &leaving.client_key) {
            (Some(_), Some(_)) if self.secrets == Secrets::Unread => None,
            (Some(certificate), Some(key)) => self.certified(certificate, key),
            (None, None) => None,
            (Some(At { place, .. }), None) => {
                let message = format!("'{}' has no key", place.key);
                self.findings.add_with(place, message, "add 'client_key'");
                None
            }
            (None, Some(At { place, .. })) => {
                let message = format!("'{}' has no certificate", place.key);
                self.findings.add_with(place, message, "add 'client_certificate'");
                None
            }
        }
    }

    /// A certificate with its key.
    pub(super) fn certified(&mut self, certificate: &At<PathBuf>, key: &At<Reference>) -> Option<Identity> {
        let chain = self.text(certificate);
        let key_text = self.secret(key);
        match Identity::of_pem(&chain?, key_text?.expose()) {
            Ok(identity) => Some(identity),
            Err(error) if error.is_of_key() => {
                self.findings.add(&key.place, format!("'{}': '{}' {error}", key.place.key, key.value));
                None
            }
            Err(error) => {
                let At { place, value } = certificate;
                self.findings.add(place, format!("'{}': '{}' {error}", place.key, value.display()));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Around, Ready, Secrets, load};
    use crate::environment::Environment;
    use crate::upstream::HttpVersion;
    use rcgen::{CertificateParams, KeyPair};
    use std::path::Path;
    use std::time::Duration;
    use switchtower_domain::Way;
    use switchtower_providers::Operation;

    /// A configuration in a folder with a certificate, its key and another one.
    fn read(text: &str) -> Result<Ready, String> {
        let folder = tempfile::tempdir().unwrap();
        let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let certificate = CertificateParams::new(vec!["a.example".to_owned()]).unwrap().self_signed(&key).unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("certificate.pem", &certificate.pem());
        write("key.pem", &key.serialize_pem());
        write("other.pem", &other.serialize_pem());
        write("c.toml", text);
        let outside = Environment::from([("PROXY", "user:proxy-password"), ("ODD", "proxy-password")]);
        let around =
            Around { outside: &outside, folder: Path::new(""), built_in: &[], listen: None, secrets: Secrets::Read };
        let place = format!("{}/", folder.path().display());
        let read = load(&folder.path().join("c.toml"), &around).map_err(|error| error.to_string().replace(&place, ""));
        assert!(!format!("{read:?}").contains("proxy-password"));
        read
    }

    const PROVIDER: &str =
        "[providers.p]\ndialect = \"openai_chat\"\nbase_url = \"https://${region}.a.example/v1\"\nregion = \"eu-1\"\n";

    #[test]
    fn a_deployment_leaves_as_its_provider_unless_it_says_otherwise() {
        let deployment =
            |name: &str, more: &str| format!("[deployments.{name}]\nprovider = \"p\"\nmodel = \"m\"\n{more}\n");
        let text = [
            PROVIDER,
            "proxy = \"http://127.0.0.1:3128\"\nproxy_credential = \"env:PROXY\"\nca_bundle = \"certificate.pem\"\n",
            &deployment("same", "total_timeout_ms = 5000000"),
            &deployment("same-way", "connect_timeout_ms = 7"),
            &deployment("moved", "region = \"us-1\""),
            &deployment("other", "proxy = \"http://127.0.0.1:3129\"\nhttp_version = \"2\""),
            &deployment("known", "client_certificate = \"certificate.pem\"\nclient_key = \"file:key.pem\""),
        ]
        .concat();
        let ready = read(&text).unwrap();
        let of = |name: &str| &ready.deployments.iter().find(|one| one.name.as_str() == name).unwrap().provider;
        let way = |name: &str| {
            let Some(Way(number)) = of(name).way else { panic!("{name} leaves as usual") };
            &ready.ways[number]
        };
        assert_eq!(of("same").way, ready.providers[0].way);
        assert_eq!(of("moved").way, of("same").way);
        let model = switchtower_domain::ModelName::new("m").unwrap();
        let address = |name: &str| {
            of(name).main.endpoint.address(Operation::Answer, &model, false).unwrap().host().unwrap().to_owned()
        };
        assert_eq!((address("same"), address("moved")), ("eu-1.a.example".to_owned(), "us-1.a.example".to_owned()));
        assert_eq!(of("moved").region.as_ref().unwrap().as_str(), "us-1");
        assert_eq!(way("same-way").connect, Some(Duration::from_millis(7)));
        assert_eq!((&way("same-way").proxy, &way("same-way").roots), (&way("same").proxy, &way("same").roots));
        assert!(way("same").roots.is_some() && way("same").identity.is_none() && way("known").identity.is_some());
        assert_ne!(way("other").proxy, way("same").proxy);
        assert_eq!(way("other").version, HttpVersion::Two);
        let shown = |name: &str| format!("{:?}", way(name).proxy);
        assert!(shown("same").contains("Sensitive") && !shown("other").contains("Sensitive"));
    }

    #[test]
    fn a_proxy_for_all_is_used_unless_a_provider_says_otherwise() {
        let provider = |name: &str, more: &str| {
            format!("[providers.{name}]\ndialect = \"openai_chat\"\nbase_url = \"https://a.example/v1\"\n{more}\n")
        };
        let text = [
            "[connections]\nproxy = \"http://127.0.0.1:1\"\nproxy_credential = \"env:PROXY\"\n",
            &provider("all", ""),
            &provider("direct", "proxy = \"none\""),
            &provider("own", "proxy = \"http://127.0.0.1:2\""),
            "[deployments.d]\nprovider = \"direct\"\nmodel = \"m\"\nconnect_timeout_ms = 5\n",
            "[deployments.e]\nprovider = \"all\"\nmodel = \"m\"\nproxy = \"none\"\n",
        ]
        .concat();
        let ready = read(&text).unwrap();
        let proxy = |way: Option<Way>| {
            way.and_then(|Way(number)| ready.ways[number].proxy.as_ref()).map(|proxy| format!("{proxy:?}"))
        };
        let of = |name: &str| proxy(ready.providers.iter().find(|one| one.name.as_str() == name).unwrap().way);
        assert!(of("all").unwrap().contains("Sensitive"));
        assert!(of("own").is_some_and(|own| own.contains("127.0.0.1:2") && !own.contains("Sensitive")));
        assert_eq!(of("direct"), None);
        for deployment in &ready.deployments {
            assert_eq!(proxy(deployment.provider.way), None, "{}", deployment.name);
        }
        let alone = read("[connections]\nproxy_credential = \"env:ODD\"").unwrap_err();
        assert!(
            alone.contains("'connections.proxy_credential' is what a proxy is shown, and there is none"),
            "{alone}"
        );
    }

    #[test]
    fn defaults_and_limits_reach_the_deployment() {
        let text = format!(
            "{PROVIDER}[deployments.d]\nprovider = \"p\"\nmodel = \"m\"\nlimits.open_requests_max = 3\n[deployments.d.defaults]\ntemperature = 0.20\ntop_p = 1\nmax_output_tokens = 9\nreasoning_effort = \"xhigh\"\nseed = 4\nstop = [\"a\"]\n"
        );
        let ready = read(&text).unwrap();
        let deployment = &ready.deployments[0];
        assert_eq!(deployment.gate.as_ref().unwrap().max(), 3);
        assert_eq!(deployment.defaults.temperature.as_ref().unwrap().to_string(), "0.20");
        assert_eq!(deployment.defaults.max_output_tokens, Some(9));
    }

    #[test]
    fn mistakes_are_told_by_name() {
        let text = format!(
            "{}[deployments.d]\nprovider = \"p\"\nmodel = \"m\"\nlimits.open_requests_max = 0\ndefaults = {{ temperature = 3, top_p = \"x\", reasoning_effort = \"hgh\" }}\nproxy = \"proxy:1\"\nproxy_credential = \"user:password\"\n",
            PROVIDER.replace("region = \"eu-1\"\n", "")
                + "proxy_credential = \"env:ODD\"\nca_bundle = \"none.pem\"\nclient_certificate = \"certificate.pem\"\nclient_key = \"file:other.pem\"\nhttp_version = \"3\"\n"
        );
        insta::assert_snapshot!(read(&text).unwrap_err(), @r"
        c.toml:3:1: 'providers.p.base_url' has ${region}, and no region is said; add 'region'
        c.toml:4:1: 'providers.p.proxy_credential' is what a proxy is shown, and there is none; add 'proxy', or leave this out
        c.toml:5:1: 'providers.p.ca_bundle': 'none.pem' cannot be read (entity not found)
        c.toml:7:1: 'providers.p.client_key': 'file:other.pem' is not the key of that certificate
        c.toml:8:1: 'providers.p.http_version' is '3'; expected 'agreed' or '1.1' or '2'; did you mean '2'?
        c.toml:12:8: 'deployments.d.limits.open_requests_max' is 0; it must be from 1 to 1000000
        c.toml:13:14: 'deployments.d.defaults.temperature' is 3; it must be from 0 to 2
        c.toml:13:39: 'deployments.d.defaults.top_p' is a text; expected a number
        c.toml:13:44: 'deployments.d.defaults.reasoning_effort' is 'hgh'; expected 'none' or 'minimal' or 'low' or 'medium' or 'high' or 'xhigh' or 'max'; did you mean 'high'?
        c.toml:14:1: 'deployments.d.proxy' is not the address of a proxy; write it as 'http://proxy.example:3128'
        c.toml:15:1: 'deployments.d.proxy_credential' is not a reference; secrets do not belong in this file; write 'env:NAME' for an environment variable, 'file:PATH' for a file, or 'cmd:PROGRAM ARGUMENTS' for what a command says
        ");
        let text = format!(
            "{PROVIDER}proxy = \"http://p:1\"\nproxy_credential = \"env:ODD\"\nca_bundle = \"key.pem\"\nclient_key = \"file:key.pem\"\n"
        );
        insta::assert_snapshot!(read(&text).unwrap_err(), @r"
        c.toml:6:1: 'providers.p.proxy_credential': 'env:ODD' is not of the form USER:PASSWORD
        c.toml:7:1: 'providers.p.ca_bundle': 'key.pem' holds no certificate in PEM form
        c.toml:8:1: 'providers.p.client_key' has no certificate; add 'client_certificate'
        ");
    }
}
