//! Providers, what stands between, and who says to them who the gateway is.

use super::{Kind, Place, Reach};
use crate::upstream::WaySettings;
use std::collections::BTreeSet;
use switchtower_dialect::dialect;
use switchtower_domain::ModelName;
use switchtower_gateway::Directory;
use switchtower_providers::{Credential, Interface, Provider, RetentionPolicy};

/// Every provider with the places on the way to it. A deployment may be at another address, or another way, than the
/// provider that it is of.
pub(super) fn places(directory: &Directory, ways: &[WaySettings]) -> Vec<Place> {
    let mut places: Vec<Place> =
        directory.providers().flat_map(|provider| of_provider(provider, provider.name.as_str(), ways)).collect();
    for deployment in directory.deployments() {
        let provider = &deployment.provider;
        let called = format!("{} (deployment {})", provider.name, deployment.name);
        let usual = of_provider(provider, provider.name.as_str(), ways);
        let others = usual.iter().zip(of_provider(provider, &called, ways));
        let elsewhere = others.filter(|(usual, _)| !places.contains(usual)).map(|(_, place)| place);
        let elsewhere: Vec<Place> = elsewhere.collect();
        places.extend(elsewhere);
    }
    places
}

fn of_provider(provider: &Provider, called: &str, ways: &[WaySettings]) -> Vec<Place> {
    let Provider {
        name: _, // told by who asks
        kind: _, // a row of the catalogue
        main: _, // told by `interfaces`
        others: _,
        offers: _, // told by `hosts`
        credential,
        timeouts: _,
        retention,
        headers,
        passed_headers,
        models: _, // for listings
        way,
        account: _, // a name
        region,
        trace_context,
    } = provider;
    let mut terms = keeping(provider, *retention);
    let passed: BTreeSet<&str> = provider
        .interfaces()
        .flat_map(|interface| &interface.passed_headers)
        .chain(passed_headers)
        .map(|header| header.as_str())
        .collect();
    if !passed.is_empty() {
        terms.push(format!("headers of the caller that are passed on: {}", listed(passed)));
    }
    if *trace_context {
        terms.push("the trace that the request stands in, as 'traceparent'".to_owned());
    }
    let own: BTreeSet<&str> = headers.keys().map(|header| header.as_str()).collect();
    if !own.is_empty() {
        terms.push(format!("headers of the configuration: {}", listed(own)));
    }
    let mut places: Vec<Place> = hosts(provider)
        .into_iter()
        .map(|host| {
            let shown = !matches!(credential, Credential::None);
            let gets = [Reach::Content].into_iter().chain(shown.then_some(Reach::Credentials)).collect::<Vec<_>>();
            Place {
                region: region.as_ref().map(ToString::to_string),
                ..Place::new(Kind::Provider, called, host, &gets)
            }
            .on(terms.iter().cloned())
        })
        .collect();
    let settings = way.and_then(|way| ways.get(way.0));
    if let Some(proxy) = settings.and_then(|settings| settings.proxy.as_ref()) {
        // What is reached over TLS goes through a tunnel; what is not, in the clear.
        let plain = provider.main.endpoint.base().starts_with("http://");
        let gets = if plain { Reach::Content } else { Reach::Tunnelled };
        places.push(Place::new(Kind::Proxy, format!("to {called}"), format!("http://{}", proxy.address()), &[gets]));
    }
    match credential {
        Credential::Identity(identity) => places.push(cloud(called, identity.kind())),
        Credential::Aws(identity) => places.push(cloud(called, identity.kind())),
        Credential::Caller(_) => {
            places.iter_mut().for_each(|place| place.terms.push("the caller's own key is passed on".to_owned()));
        }
        Credential::None | Credential::Key { .. } | Credential::Missing { .. } => {}
    }
    places
}

fn cloud(called: &str, kind: &str) -> Place {
    Place::new(Kind::Cloud, format!("for {called}"), kind, &[Reach::Credentials])
}

/// The base addresses, of what is spoken and of services that are elsewhere.
fn hosts(provider: &Provider) -> BTreeSet<String> {
    let of_interface = |interface: &Interface| interface.endpoint.base().to_owned();
    let mut hosts: BTreeSet<String> = provider.interfaces().map(of_interface).collect();
    let bases: Vec<String> = hosts.iter().cloned().collect();
    if let Ok(model) = ModelName::new("model") {
        for operation in provider.offers.operations() {
            let Some(address) = provider.offers.address(operation, &model) else { continue };
            let (scheme, host) = (address.scheme_str().unwrap_or_default(), address.authority());
            let host = host.map_or_else(String::new, |host| format!("{scheme}://{host}"));
            if !bases.iter().any(|base| base.starts_with(&host)) {
                hosts.insert(host);
            }
        }
    }
    let built_in = |host: String| if host.starts_with("sim:") { "this process".to_owned() } else { host };
    hosts.into_iter().map(built_in).collect()
}

/// What a provider is told about keeping, field by field, as it is sent.
fn keeping(provider: &Provider, retention: RetentionPolicy) -> Vec<String> {
    let mut terms = Vec::new();
    for interface in provider.interfaces() {
        let fields = dialect(interface.dialect).retention().iter().map(|rule| {
            let field = rule.field;
            match retention {
                RetentionPolicy::Allow => format!("{field} as asked"),
                RetentionPolicy::Refuse => format!("{field} refused"),
                RetentionPolicy::Off => match rule.instead {
                    Some(value) if rule.unsaid && interface.variant.keeps_unasked => format!("{field}:{value} always"),
                    Some(value) => format!("{field}:{value} where it is asked"),
                    None => format!("{field} left out"),
                },
            }
        });
        let fields = fields.collect::<Vec<_>>().join(", ");
        let (spoken, none) = (interface.dialect.as_str(), "nothing in a request asks to keep it");
        terms.push(format!("{spoken}: {}", if fields.is_empty() { none } else { &fields }));
    }
    let word = match retention {
        RetentionPolicy::Off => "off",
        RetentionPolicy::Refuse => "refuse",
        RetentionPolicy::Allow => "allow",
    };
    terms.insert(0, format!("retention = \"{word}\""));
    terms
}

fn listed(words: BTreeSet<&str>) -> String {
    words.into_iter().collect::<Vec<_>>().join(", ")
}
