//! Where operators reach what is theirs, and what is told of requests to whom.

use super::checked::{choice, count, headers, number, reference, whole};
use super::problem::Findings;
use super::ready::Resolver;
use super::secrets::{Outside, Reference};
use super::written::{self, At};
use crate::admin::AdminSettings;
use crate::observing::ObservingSettings;
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use std::net::SocketAddr;
use std::time::Duration;
use switchtower_gateway::{Access, CallerKey, SampleRate};
use switchtower_telemetry::TelemetrySettings;
use switchtower_telemetry::otlp::OtlpSettings;
use switchtower_telemetry::semconv::Profile;

/// The section `[admin]` with values that are valid in themselves.
#[derive(Debug)]
pub(super) struct Admin {
    address: Option<At<SocketAddr>>,
    key: Option<At<Reference>>,
}

/// Where operators reach what is theirs.
pub(super) fn admin(written: Option<&written::Admin>, findings: &mut Findings) -> Admin {
    let written = written.cloned().unwrap_or_default();
    let address = written.address.as_ref().and_then(|at| match at.value.parse() {
        Ok(address) => Some(at.with(address)),
        Err(_) => {
            let message = format!("'{}' is no IP address with a port, such as 127.0.0.1:9464", at.place.key);
            findings.add(&at.place, message);
            None
        }
    });
    if let (None, Some(key)) = (&written.address, &written.key) {
        let message = format!("'{}' says nothing without 'address'", key.place.key);
        findings.add_with(&key.place, message, "add 'admin.address'");
    }
    Admin { address, key: reference(written.key.as_ref(), findings) }
}

/// The section `[telemetry]` with values that are valid in themselves.
#[derive(Debug)]
pub(super) struct Checked {
    otlp: Option<At<String>>,
    headers: (HeaderMap, Vec<(HeaderName, At<Reference>)>),
    headers_given: bool,
    /// Whether traces are exported, and metrics.
    signals: (bool, bool),
    sample: SampleRate,
    pub(super) timelines: bool,
    profile: Profile,
    service: Option<String>,
    gzip: bool,
    interval: Duration,
    timeout: Duration,
    queue_max: usize,
    deployments_max: usize,
}

/// What is told of requests.
pub(super) fn check(written: Option<&written::Telemetry>, findings: &mut Findings) -> Checked {
    let written = written.cloned().unwrap_or_default();
    let millis = |at: Option<&At<u64>>, range, usual: u64, findings: &mut Findings| {
        Duration::from_millis(whole(at, range, findings).unwrap_or(usual))
    };
    let otlp = written.otlp.filter(|at| match OtlpSettings::new(&at.value) {
        Ok(_) => true,
        Err(error) => {
            findings.add(&at.place, format!("'{}': {error}", at.place.key));
            false
        }
    });
    let mut signals = (true, true);
    if let Some(given) = &written.signals {
        let known = [("traces", (true, false)), ("metrics", (false, true))];
        let chosen = given.value.iter().filter_map(|at| choice(Some(at), &known, findings));
        signals = chosen.fold((false, false), |all, one| (all.0 || one.0, all.1 || one.1));
    }
    let share = number(written.sample.as_ref(), 1.0, findings).and_then(|share| share.as_f64());
    Checked {
        otlp,
        // A receiver may want a credential in any of them.
        headers: headers(written.headers.as_ref(), &["authorization", "x-api-key"], findings),
        headers_given: written.headers.is_some(),
        signals,
        sample: SampleRate::new(share.unwrap_or(1.0)).unwrap_or(SampleRate::ALL),
        timelines: written.timelines.is_some_and(|at| at.value),
        profile: choice(written.semconv.as_ref(), &Profile::WORDS, findings).unwrap_or_default(),
        service: written.service.map(|at| at.value),
        gzip: choice(written.compression.as_ref(), &[("gzip", true), ("none", false)], findings).unwrap_or(true),
        interval: millis(written.interval_ms.as_ref(), 100..=3_600_000, 60_000, findings),
        timeout: millis(written.timeout_ms.as_ref(), 100..=600_000, 10_000, findings),
        queue_max: count(written.queue_max.as_ref(), 1..=1_000_000, findings).unwrap_or(10_000),
        deployments_max: count(written.deployments_max.as_ref(), 1..=100_000, findings).unwrap_or(500),
    }
}

impl Resolver<'_> {
    /// Reads the key of `[admin]`; who others can reach asks for one.
    pub(super) fn admin(&mut self, checked: &Admin) -> Option<AdminSettings> {
        let key = match &checked.key {
            Some(reference) => Some(self.secret(reference)?),
            None => None,
        };
        let at = checked.address.as_ref()?;
        let access = match &key {
            Some(key) => Access::keys(vec![CallerKey::new("admin", key)]).ok(),
            None => match Access::keyless(at.value) {
                Ok(access) => Some(access),
                Err(_) => {
                    let message = format!("'{}' can be reached from other machines, and asks for no key", at.place.key);
                    self.findings.add_with(&at.place, message, "add 'admin.key', or take an address of this machine");
                    None
                }
            },
        };
        Some(AdminSettings { address: at.value, access: access? })
    }

    /// Reads what is secret of `[telemetry]`, and what the environment says where the section does not.
    pub(super) fn telemetry(&mut self, checked: &Checked) -> ObservingSettings {
        let outside = self.outside;
        let mut otlp = match &checked.otlp {
            Some(at) => OtlpSettings::new(&at.value).ok(),
            None => of_environment(outside),
        };
        if let Some(otlp) = &mut otlp {
            if checked.headers_given {
                otlp.headers = self.exporting_headers(checked);
            } else {
                otlp.headers = headers_of_environment(outside);
            }
            otlp.traces = otlp.traces.take().filter(|_| checked.signals.0);
            otlp.metrics = otlp.metrics.take().filter(|_| checked.signals.1);
            otlp.profile = checked.profile;
            otlp.gzip = checked.gzip;
            otlp.interval = checked.interval;
            otlp.timeout = checked.timeout;
            otlp.service = service(checked.service.as_deref(), outside);
        }
        ObservingSettings {
            otlp,
            sample: checked.sample,
            queue_max: checked.queue_max,
            figures: TelemetrySettings { deployments_max: checked.deployments_max },
        }
    }

    fn exporting_headers(&mut self, checked: &Checked) -> HeaderMap {
        let (mut headers, secret) = checked.headers.clone();
        for (name, reference) in secret {
            let Some(secret) = self.secret(&reference) else { continue };
            let Ok(mut value) = HeaderValue::try_from(secret.expose()) else {
                let At { place, value } = &reference;
                self.findings.add(place, format!("'{}': '{value}' has characters that no header can carry", place.key));
                continue;
            };
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        headers
    }
}

fn service(said: Option<&str>, outside: &dyn Outside) -> String {
    let variable = || outside.variable("OTEL_SERVICE_NAME").filter(|name| !name.trim().is_empty());
    said.map(str::to_owned).or_else(variable).unwrap_or_else(|| "switchtower".to_owned())
}

/// What the variables of OpenTelemetry say, where the configuration says nothing.
/// Source: <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>
pub(crate) fn observing_of_environment(outside: &dyn Outside) -> ObservingSettings {
    let mut otlp = of_environment(outside);
    if let Some(otlp) = &mut otlp {
        otlp.headers = headers_of_environment(outside);
        otlp.service = service(None, outside);
    }
    ObservingSettings { otlp, ..ObservingSettings::default() }
}

fn of_environment(outside: &dyn Outside) -> Option<OtlpSettings> {
    let said = |name: &str| outside.variable(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    if said("OTEL_SDK_DISABLED").is_some_and(|word| word.eq_ignore_ascii_case("true")) {
        return None;
    }
    let base = said("OTEL_EXPORTER_OTLP_ENDPOINT");
    let (traces, metrics) = (said("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), said("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"));
    let first = base.as_ref().or(traces.as_ref()).or(metrics.as_ref())?;
    if said("OTEL_EXPORTER_OTLP_PROTOCOL").is_some_and(|protocol| protocol != "http/protobuf") {
        tracing::warn!(
            "OTEL_EXPORTER_OTLP_PROTOCOL asks for what is not spoken here; OTLP is exported as http/protobuf"
        );
    }
    let refused = |error| tracing::warn!(%error, "an address of the environment is not exported to");
    let mut otlp = OtlpSettings::new(first).map_err(refused).ok()?;
    if base.is_none() {
        (otlp.traces, otlp.metrics) = (None, None);
    }
    for (address, own) in [(traces, &mut otlp.traces), (metrics, &mut otlp.metrics)] {
        if let Some(address) = address {
            *own = OtlpSettings::address(&address).map_err(refused).ok();
        }
    }
    Some(otlp)
}

/// Headers as `NAME=VALUE`, with commas between them.
fn headers_of_environment(outside: &dyn Outside) -> HeaderMap {
    let text = outside.variable("OTEL_EXPORTER_OTLP_HEADERS").unwrap_or_default();
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    let headers = pairs.filter_map(|(name, value)| {
        let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
        let mut value = HeaderValue::from_str(&value).ok()?;
        value.set_sensitive(true);
        Some((HeaderName::try_from(name.trim()).ok()?, value))
    });
    headers.collect()
}
