//! `[admin]` and `[telemetry]`, and what the environment says beside them.

use super::*;
use crate::environment::Environment;
use switchtower_telemetry::semconv::Profile;

#[test]
fn operators_elsewhere_need_a_key() {
    check(
        "[admin]\naddress = \"localhost:9464\"",
        &["2:1: 'admin.address' is no IP address with a port, such as 127.0.0.1:9464"],
    );
    check(
        "[admin]\naddress = \"0.0.0.0:9464\"",
        &[
            "2:1: 'admin.address' can be reached from other machines, and asks for no key; add 'admin.key', or take an address of this machine",
        ],
    );
    check("[admin]\nkey = \"env:APP_KEY\"", &["2:1: 'admin.key' says nothing without 'address'; add 'admin.address'"]);
    let ready = read("[admin]\naddress = \"0.0.0.0:9464\"\nkey = \"env:APP_KEY\"").unwrap();
    assert!(!ready.admin.unwrap().access.is_keyless());
}

#[test]
fn what_is_exported_is_checked() {
    check(
        "[telemetry]\notlp = \"collector:4318\"\nsample = 1.5\nsemconv = \"1.40\"\nsignals = [\"tracs\"]",
        &[
            "2:1: 'telemetry.otlp': 'collector:4318/v1/traces' is no address of a receiver of OTLP over HTTP, such as http://127.0.0.1:4318",
            "3:1: 'telemetry.sample' is 1.5; it must be from 0 to 1",
            "4:1: 'telemetry.semconv' is '1.40'; expected '1.41' or 'next'; did you mean '1.41'?",
            "5:12: 'telemetry.signals[0]' is 'tracs'; expected 'traces' or 'metrics'; did you mean 'traces'?",
        ],
    );
    check(
        "[telemetry.headers]\nauthorization = \"Bearer abc\"",
        &[
            "2:1: 'telemetry.headers.authorization' looks like a credential and is not a reference; write 'env:NAME' for an environment variable, 'file:PATH' for a file, or 'cmd:PROGRAM ARGUMENTS' for what a command says",
        ],
    );
}

#[test]
fn settings_of_export_come_through() {
    let ready = read(
        "[telemetry]\notlp = \"http://collector:4318\"\nsignals = [\"metrics\"]\nsemconv = \"next\"\ntimelines = true\n[telemetry.headers]\nauthorization = \"env:APP_KEY\"",
    )
    .unwrap();
    let otlp = ready.telemetry.otlp.unwrap();
    assert_eq!((otlp.traces, otlp.metrics.unwrap().to_string()), (None, "http://collector:4318/v1/metrics".to_owned()));
    assert_eq!((otlp.profile, &otlp.headers["authorization"]), (Profile::Next, &"app-secret-value".parse().unwrap()));
    assert!(otlp.headers["authorization"].is_sensitive() && ready.settings.timelines);
    // Nobody would get traces.
    assert_eq!(ready.settings.sample, None);
    assert_eq!(read("").unwrap().telemetry.otlp, None);
}

#[test]
fn the_environment_holds_where_the_configuration_says_nothing() {
    let of = |variables: &[(&str, &str)]| {
        let mut all = [("", ""); 4];
        all.iter_mut().zip(variables).for_each(|(to, from)| *to = *from);
        observing_of_environment(&Environment::from(all)).otlp
    };
    let otlp = of(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://one:4318"),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://two/metrics"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20b==,x=y"),
        ("OTEL_SERVICE_NAME", "tower"),
    ])
    .unwrap();
    let addresses = [otlp.traces, otlp.metrics].map(|address| address.unwrap().to_string());
    assert_eq!(addresses, ["http://one:4318/v1/traces", "http://two/metrics"]);
    assert_eq!((&otlp.headers["api-key"], otlp.service.as_str()), (&"a b==".parse().unwrap(), "tower"));
    let traces_alone = of(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://one/t")]).unwrap();
    assert_eq!((traces_alone.traces.unwrap().to_string(), traces_alone.metrics), ("http://one/t".to_owned(), None));
    assert_eq!(of(&[]), None);
    assert_eq!(of(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://one:4318"), ("OTEL_SDK_DISABLED", "true")]), None);
}
