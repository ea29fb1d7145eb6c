//! The first pass: what stands in the file, each value with its place. It knows the names of all settings and the shape
//! of their values, and nothing of what they mean.
//!
//! Each `section!` is the one list of its settings: the fields that later passes read, the names that are known, and the
//! rows of the reference all come from it.

use super::problem::{Findings, Place};
use serde_json::{Number, Value as Json};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub(super) place: Place,
    pub(super) value: T,
}

impl<T> At<T> {
    /// Another value at the same place.
    pub(super) fn with<U>(&self, value: U) -> At<U> {
        At { place: self.place.clone(), value }
    }
}

/// Sections or texts that the operator names.
pub(super) type Named<T> = Vec<(At<String>, T)>;

/// One row of the reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) key: String,
    pub(super) kind: &'static str,
    pub(super) default: &'static str,
    pub(super) meaning: &'static str,
    /// The only words that it may be, where these are known beforehand.
    pub(super) words: Vec<&'static str>,
}

/// One setting of a section as it was written, or not.
#[derive(Debug)]
pub(super) struct Setting<'a> {
    pub(super) name: &'static str,
    pub(super) default: &'static str,
    pub(super) given: Option<(&'a Place, Json)>,
}

/// What a value can be written as.
pub(super) trait Shape: Sized {
    /// Reads a value; nothing where it is something else, which is then noted.
    fn take(value: &Spanned<DeValue<'_>>, key: &str, findings: &mut Findings) -> Option<Self>;

    /// Adds what the reference says of it.
    fn rows(row: Row, rows: &mut Vec<Row>);

    /// Whether it is a value, and not a section or several.
    const IS_VALUE: bool;

    /// The value, for people and programs.
    fn shown(&self) -> Json;

    /// Takes what another file says of the same: only lists and names can be added to.
    fn join(ours: &mut At<Self>, other: At<Self>, findings: &mut Findings) {
        findings.add_again(&other.place, format!("'{}' stands in two files", other.place.key), &ours.place);
    }
}

/// What sections have in common.
pub(super) trait Section {
    /// The names of its settings.
    const NAMES: &'static [&'static str];

    /// Where a setting stands.
    fn place(&self, name: &str) -> Option<&Place>;

    /// Every setting that is a value.
    fn settings(&self) -> Vec<Setting<'_>>;

    /// Takes what another file says; what both say is noted.
    fn join(&mut self, other: Self, findings: &mut Findings);
}

macro_rules! section {
    ($name:ident { $($field:ident: $type:ty = $default:literal, $meaning:literal $(, $words:expr)?;)* }) => {
        #[derive(Debug, Clone, Default)]
        pub(super) struct $name {
            $(pub(super) $field: Option<At<$type>>,)*
        }

        impl Section for $name {
            const NAMES: &'static [&'static str] = &[$(stringify!($field)),*];

            fn place(&self, name: &str) -> Option<&Place> {
                $(if name == stringify!($field) { return self.$field.as_ref().map(|at| &at.place); })*
                None
            }

            fn settings(&self) -> Vec<Setting<'_>> {
                let mut settings = Vec::new();
                $(if <$type as Shape>::IS_VALUE {
                    settings.push(Setting {
                        name: stringify!($field),
                        default: $default,
                        given: self.$field.as_ref().map(|at| (&at.place, at.value.shown())),
                    });
                })*
                settings
            }

            fn join(&mut self, other: Self, findings: &mut Findings) {
                $(match (&mut self.$field, other.$field) {
                    (Some(ours), Some(other)) => <$type as Shape>::join(ours, other, findings),
                    (ours @ None, other) => *ours = other,
                    (Some(_), None) => {}
                })*
            }
        }

        impl Shape for $name {
            fn take(value: &Spanned<DeValue<'_>>, key: &str, findings: &mut Findings) -> Option<Self> {
                Some(Self::of(table(value, key, findings)?, key, findings))
            }

            const IS_VALUE: bool = false;

            fn shown(&self) -> Json {
                Json::Null
            }

            fn rows(row: Row, rows: &mut Vec<Row>) {
                let dot = if row.key.is_empty() { "" } else { "." };
                $(<$type as Shape>::rows(
                    Row {
                        key: format!("{}{dot}{}", row.key, stringify!($field)),
                        kind: "",
                        default: $default,
                        meaning: $meaning,
                        words: [Vec::<&'static str>::new() $(, $words.into_iter().collect())?].concat(),
                    },
                    rows,
                );)*
            }
        }

        impl $name {
            fn of(table: &DeTable<'_>, key: &str, findings: &mut Findings) -> Self {
                let mut section = Self::default();
                for (name, value) in table {
                    let path = join(key, name.get_ref());
                    match name.get_ref().as_ref() {
                        $(stringify!($field) => {
                            section.$field = <$type as Shape>::take(value, &path, findings)
                                .map(|taken| At { place: findings.place(start(name, value), path), value: taken });
                        })*
                        unknown => {
                            let section = if key.is_empty() { String::new() } else { format!(" in [{key}]") };
                            let what = if value.get_ref().is_table() && key.is_empty() { "section" } else { "setting" };
                            let place = findings.place(name.span(), path);
                            findings.unknown(
                                &place,
                                format!("unknown {what} '{unknown}'{section}"),
                                unknown,
                                Self::NAMES.iter().copied(),
                            );
                        }
                    }
                }
                section
            }
        }
    };
}

section!(Written {
    include: Vec<At<String>> = "none", "Further files of this configuration, relative to this one. A `*` in the name of a file stands for any characters. Nothing may stand in two files, but `[[keys]]` and sections of different names.";
    catalogue: Vec<At<String>> = "none", "Files with facts about models, relative to this one, laid over those that ship with the product; a later one corrects an earlier one.";
    prices: Vec<At<String>> = "none", "Files with prices of models, relative to this one: your own, and with `contract = true` at their top those of a contract. A contract holds before your own prices, and these before those that ship with the product; a later file holds before an earlier one. They speak of kinds of provider, or of providers by their names here; a name that is neither is an error.";
    listen: Listen = "", "";
    listeners: Named<Listener> = "", "";
    limits: Limits = "", "";
    connections: Connections = "", "";
    translation: Translation = "", "";
    state: State = "", "";
    ledger: Ledger = "", "";
    projection: Projection = "", "";
    admin: Admin = "", "";
    telemetry: Telemetry = "", "";
    retention: Retention = "", "";
    secrets: Secrets = "", "";
    keys: Vec<At<Key>> = "", "";
    providers: Named<Provider> = "", "";
    deployments: Named<Deployment> = "", "";
    aliases: Named<String> = "", "The name of a deployment, or `PROVIDER/MODEL`, that clients may also call `NAME`. An alias never leads to another alias.";
});

section!(Listen {
    address: String = "127.0.0.1:8080", "Where clients reach the gateway: an IP address and a port, or `unix:PATH` for a socket in the file system. An address that other machines can reach requires `[[keys]]`. Port 0 takes any free port. Where `[listeners]` names others and this is left out, only those are there.";
    certificate: String = "none", "A file with the certificate that clients are shown, in PEM form, ours first. With it, TLS is spoken, and HTTP/2 where the client has it. Read again when it changes.";
    key: String = "none", "A reference to the key of that certificate, in PEM form.";
    client_ca: String = "none", "A file of certificates in PEM form: clients show one that is signed by one of these. It admits nobody by itself; `[[keys]]` do.";
    client_certificates: String = "`required` with `client_ca`", "Whether a client without a certificate is turned away: `required` or `optional`.", ["required", "optional"];
    proxy_protocol: bool = "false", "Whether each connection must begin with a header of the PROXY protocol, version 1 or 2. It requires `[[keys]]`, since callers are elsewhere.";
    socket_mode: String = "`0600` for a socket", "The mode of the socket in the file system, in octal digits.";
    threads: u64 = "one for each core", "Threads that serve requests, from 1 to 1024.";
    shutdown_grace_ms: u64 = "30000", "How long answers that are under way may still take when the process is asked to stop, from 0 to 3600000.";
    keep_alive_ms: u64 = "15000", "How long a provider may be silent in a stream before the client gets a comment that keeps its connection open, from 100 to 600000.";
});

section!(Listener {
    address: String = "required", "As in `[listen]`, and so is the rest of this section.";
    certificate: String = "none", "As in `[listen]`.";
    key: String = "none", "As in `[listen]`.";
    client_ca: String = "none", "As in `[listen]`.";
    client_certificates: String = "`required` with `client_ca`", "As in `[listen]`.", ["required", "optional"];
    proxy_protocol: bool = "false", "As in `[listen]`.";
    socket_mode: String = "`0600` for a socket", "As in `[listen]`.";
});

section!(Limits {
    body_bytes_max: u64 = "33554432", "The largest body of a request, from 1 to 1073741824.";
    body_time_ms_max: u64 = "60000", "How long a client may take to send a body, from 1 to 3600000.";
    header_bytes_max: u64 = "65536", "The largest head of a request, from 8192 to 1048576.";
    headers_max: u64 = "64", "The most headers of a request, from 8 to 1000.";
    event_bytes_max: u64 = "4194304", "The largest event of a provider's stream, from 1024 to 1073741824.";
    answer_bytes_max: u64 = "67108864", "The largest whole answer of a provider, from 1024 to 1073741824.";
    depth_max: u64 = "96", "The deepest nesting of a body, from 4 to 120.";
    tools_max: u64 = "512", "The most tools that a request may offer, from 0 to 100000.";
    open_requests_max: u64 = "10000", "The most requests that are open at once, from 1 to 1000000.";
    connections_max: u64 = "20000", "The most connections of clients that are open at once, from 1 to 1000000; more are closed as they come.";
    header_time_ms_max: u64 = "30000", "How long a client may take to send the head of a request, and how long its connection may be unused, from 1 to 3600000.";
});

section!(Connections {
    connect_timeout_ms: u64 = "10000", "How long it may take until a connection to a provider is there, from 1 to 600000.";
    proxy: String = "none", "An outbound proxy for all providers that name none of their own, as in `http://proxy.example:3128`: a tunnel (CONNECT) to what is reached over TLS, whole addresses for what is not.";
    proxy_credential: String = "none", "A reference to what that proxy is shown, as `USER:PASSWORD`.";
    unused_ms_max: u64 = "60000", "How long a connection to a provider is kept that nobody uses, from 0 to 3600000.";
    unused_per_provider_max: u64 = "256", "How many such connections each thread keeps, from 0 to 10000.";
});

section!(Translation {
    strict: bool = "false", "Whether a request that cannot be carried over whole is refused, as with the header `x-switchtower-strict: true`, and not answered with a notice.";
});

section!(State {
    key: String = "one of the process", "A reference to what seals the ids of what providers keep, and whose it is what only an account can read: `env:NAME`, `file:PATH` or `cmd:PROGRAM ARGUMENTS`, at least 16 characters long. Replicas that clients reach with the same ids need the same one; without it ids are good until the process ends.";
});

section!(Ledger {
    data: String = "`switchtower` in the state folder of XDG", "The folder with the ledger and its keys, relative to this file; `--data` of the command line goes first. One gateway writes to it.";
    origin: String = "a name of its own", "The name of the log in its checkpoints, such as `example.com/switchtower`, for a ledger that is begun. One that is there keeps its name.";
    fsync: String = "\"interval\"", "When the disk is made to have a record: `always` is before anybody is told that it is written; `interval` is at the latest after `fsync_interval_ms`. A killed process loses nothing under either; a machine that loses power loses at most the records of one interval.", ["always", "interval"];
    fsync_interval_ms: u64 = "1000", "That interval, from 1 to 60000.";
    commit_wait_ms: u64 = "0", "How long the writer waits for more records once it has one, from 0 to 1000. Records that come while it writes are one group in any case.";
    queue_max: u64 = "10000", "The most records that wait for the writer, from 1 to 1000000; who brings more waits for a place.";
    wait_ms_max: u64 = "5000", "How long a record may wait for its place, and again to be written, from 1 to 600000. Requests whose record does not come through are refused with `ledger_unavailable`.";
    segment_bytes: u64 = "67108864", "The size at which a file of records is full, from 65536 to 4294967296.";
    checkpoint_interval_ms: u64 = "60000", "How often a checkpoint is signed, where something was written, from 100 to 86400000.";
    keep_days: u64 = "for ever", "How many days records are kept, from 1 to 36500. A file of records goes when all of them are older; their hashes stay, and what is left is verified as before.";
    witnesses: Vec<At<String>> = "none", "Who keeps checkpoints. A folder: each checkpoint is left there, and those of other logs there are registered in this one, so that replicas hold each other. An address, `https://witness.example/log`, and behind it the witness's key if it is known: it is asked to sign each checkpoint, as [c2sp.org/tlog-witness](https://c2sp.org/tlog-witness) has it.";
});

section!(Projection {
    store: String = "\"none\"", "Whether the ledger is also kept in tables, for queries: `sqlite` is a file `projection.db` beside the ledger, `postgresql` a database that replicas may share. Requests never wait for it.", ["none", "sqlite", "postgresql"];
    url: String = "none", "A reference to the address of the database, as `postgresql://user:password@host:5432/name`; `?sslmode=verify-full` asks for TLS.";
});

section!(Admin {
    address: String = "none", "Where operators reach `/metrics`, `/healthz` and `/readyz`, apart from applications: an IP address and a port. Port 0 takes any free port. Without it nothing is there.";
    key: String = "none", "A reference to the key that `/metrics` asks for, as `authorization: Bearer KEY`. Required where other machines can reach the address; `/healthz` and `/readyz` ask for none.";
});

section!(Telemetry {
    otlp: String = "`OTEL_EXPORTER_OTLP_ENDPOINT`", "A receiver of OTLP over HTTP, as in `http://collector:4318`: traces go to `/v1/traces` beneath it, metrics to `/v1/metrics`. Without it, and without the variable, nothing is exported.";
    headers: Named<String> = "`OTEL_EXPORTER_OTLP_HEADERS`", "Headers that each request to it carries. A value may be a reference, `env:NAME`, `file:PATH` or `cmd:PROGRAM ARGUMENTS`, and must be one where it is a credential or the header's name says so.";
    signals: Vec<At<String>> = "both", "What is exported: `traces`, `metrics`.", ["traces", "metrics"];
    sample: Number = "1", "The share of traces that are exported, from 0 to 1. Where a caller names its trace, the caller's own choice holds.";
    semconv: String = "\"1.41\"", "The names of OpenTelemetry's conventions for generative AI: those of version 1.41, or those that come `next`.", ["1.41", "next"];
    service: String = "`OTEL_SERVICE_NAME`, or `switchtower`", "What the gateway is called there, as `service.name`.";
    compression: String = "\"gzip\"", "Whether bodies are compressed: `gzip` or `none`.", ["gzip", "none"];
    interval_ms: u64 = "60000", "How often metrics are exported, from 100 to 3600000.";
    timeout_ms: u64 = "10000", "How long one request to the receiver may take, from 100 to 600000.";
    queue_max: u64 = "10000", "How many requests may wait until their traces are exported, from 1 to 1000000; more are dropped and counted.";
    timelines: bool = "false", "Whether callers may ask, with `x-switchtower-trace: tokens`, that it goes on record when each piece of an answer came: times and lengths, never what was said. Where it is not permitted, who asks is refused.";
    deployments_max: u64 = "500", "How many deployments, each with each of its models, have figures of their own, from 1 to 100000; the others are counted as one, `other`.";
});

section!(Retention {
    key: String = "none", "A reference to the master key of what is kept: `env:NAME`, `file:PATH` or `cmd:PROGRAM ARGUMENTS`, such as a command that asks a key management service. It is 32 random bytes in base64 or hexadecimal digits, and wraps the keys that seal content. Without it nothing can be kept.";
    former_keys: Vec<At<String>> = "none", "References to master keys of before. Where one of them wraps a key of kept content, that is wrapped by `key` when the gateway starts, and on `switchtower retention rotate-key`.";
    item_bytes_max: u64 = "1048576", "How much of one body is kept, from 1024 to 16777216; how much was left out is on record.";
    queue_bytes_max: u64 = "67108864", "How many bytes of content may wait to be kept, from 1048576 to 17179869184. What comes beyond is not kept, which is on record, or refused where a rule says `required`.";
    rules: Vec<At<RetentionRule>> = "", "";
});

section!(RetentionRule {
    name: String = "required", "What the rule is called on record. The first rule that fits a request decides what is kept of it; where none fits, nothing is.";
    keys: Vec<At<String>> = "any", "Names of `[[keys]]`: it fits what their holders ask.";
    teams: Vec<At<String>> = "any", "Names of teams that `[[keys]]` state, likewise.";
    use_cases: Vec<At<String>> = "any", "Names of use cases that `[[keys]]` state, likewise.";
    deployments: Vec<At<String>> = "any", "Names of deployments, or `PROVIDER/MODEL`: it fits what they are asked.";
    providers: Vec<At<String>> = "any", "Names of providers, likewise.";
    operations: Vec<At<String>> = "any", "What is asked for, likewise: `answers`, `count_tokens`, or one of the services, as at a provider.", ["answers", "count_tokens", "embeddings", "rerank", "completions", "fim", "moderations", "generate", "first_chat", "invoke"];
    content: String = "required", "How much is kept of what it fits: `none`, `sample` or `all`.", ["none", "sample", "all"];
    sample_percent: Number = "none", "How many of a hundred requests a sample has, from 0 to 100. Which ones is drawn from their ids under a key of the ledger.";
    parts: Vec<At<String>> = "`request` and `answer`", "What is kept of them: `request` (the body as it came), `answer` (the body as the client got it), or both.", ["request", "answer"];
    keep_days: u64 = "none", "For how many days, from 1 to 36500. It is never kept for longer, and destroyed up to a part of 24 of that time sooner, together with what was kept at about that time.";
    keep_seconds: u64 = "none", "The same in seconds, from 1 to 3153600000.";
    required: bool = "false", "Whether a request is refused with `retention_unavailable` where what is to be kept of it cannot be. It then waits until its content is kept.";
});

section!(Secrets {
    command_timeout_ms: u64 = "10000", "How long a command of `cmd:` may take, from 1 to 600000.";
    command_interval_ms: u64 = "300000", "How often commands of `cmd:` are run again, from 0 to 86400000; 0 is with every change of the configuration only.";
});

section!(Key {
    name: String = "required", "What you call the holder of this key.";
    secret: String = "required", "A reference to the key: `env:NAME`, `file:PATH` or `cmd:PROGRAM ARGUMENTS`.";
    team: String = "none", "Whose spending it is, as `switchtower cost --by team` and records tell it.";
    use_case: String = "none", "What the holder of this key uses models for, as `switchtower cost --by use-case` and records tell it.";
});

section!(Provider {
    kind: String = "its own name", "A row of the catalogue to take dialect, base URL, key and quirks from.";
    dialect: String = "that of its kind", "What it speaks: `openai_chat`, `openai_responses` or `anthropic_messages`; of a row that speaks several, this one alone. Required with a name that is no row of the catalogue.", switchtower_dialect::ALL.iter().map(|dialect| dialect.id().as_str());
    dialects: Vec<At<String>> = "those of its kind", "What it speaks, the best first, in place of `dialect`. A client is answered in its own dialect where that is among them.", switchtower_dialect::ALL.iter().map(|dialect| dialect.id().as_str());
    base_url: String = "that of its kind", "Where it is, as the vendor's own SDK has it: with `/v1` for `openai_chat` and `openai_responses`, without it for `anthropic_messages`. No credential stands in it.";
    key: String = "the variable of its kind", "A reference to its key: `env:NAME`, `file:PATH` with a path relative to this file, or `cmd:PROGRAM ARGUMENTS`. Never the key itself.";
    key_style: String = "that of its kind", "How the key is shown: `bearer`, `x-api-key`, `api-key`, `x-goog-api-key` or `none`.", ["bearer", "x-api-key", "api-key", "x-goog-api-key", "none"];
    api_version: String = "none", "A version that each address beneath the base URL names as `api-version`, as Azure wants it. Addresses are then those of deployments, unless the base URL ends in `/v1` or `/models`.";
    operations: Vec<At<String>> = "those of its kind", "What it has: `answers`, `embeddings`, `rerank`, `completions`, `fim`, `moderations`, `generate` (of Ollama), `first_chat` (of Cohere), `invoke` (of Bedrock). The others are refused by name.", ["answers", "embeddings", "rerank", "completions", "fim", "moderations", "generate", "first_chat", "invoke"];
    credential: String = "\"deployment\"", "Whose credential is shown: `deployment` is the one in `key`; `caller` forwards the caller's own and excludes both `key` and `[[keys]]`.", ["deployment", "caller"];
    retention: String = "\"off\"", "What happens to fields that ask the provider to keep what is sent: `off` changes them to what does not ask for it (refused where the request is strict), `refuse` refuses the request, `allow` passes them on.", ["off", "refuse", "allow"];
    account: String = "one of its own", "What you call the account that it is. Reasoning, containers and ids of responses go back only to the account that made them; providers with the same name here, or the same vendor's model at several clouds where the vendor says so, take them from each other.";
    max_output_tokens: u64 = "that of its kind", "The bound that is asked for where a dialect requires one and the caller named none.";
    first_byte_timeout_ms: u64 = "300000", "How long the head of an answer may take, from 1 to 86400000.";
    idle_timeout_ms: u64 = "120000", "How long an answer may pause, from 1 to 86400000.";
    total_timeout_ms: u64 = "3600000", "How long the whole answer may take, from 1 to 86400000.";
    region: String = "none", "Where it runs, by its vendor's name for it. `${region}` in the base URL stands for it.";
    connect_timeout_ms: u64 = "that of `[connections]`", "How long it may take until a connection is there, from 1 to 600000.";
    http_version: String = "\"agreed\"", "Which HTTP is spoken: `agreed` is HTTP/2 where both agree on it over TLS and HTTP/1.1 otherwise, `1.1` is that alone, `2` is HTTP/2 without asking, also over plain TCP.", ["agreed", "1.1", "2"];
    proxy: String = "that of `[connections]`", "An outbound proxy of its own, or `none`.";
    proxy_credential: String = "that of `[connections]`", "A reference to what the proxy is shown, as `USER:PASSWORD`. Where this section names a proxy, no other credential is shown to it.";
    ca_bundle: String = "the roots of the system", "A file of certificates in PEM form, relative to this one: the only roots that are trusted.";
    client_certificate: String = "none", "A file with the certificate that the provider is shown, in PEM form, ours first.";
    client_key: String = "none", "A reference to the key of that certificate, in PEM form.";
    headers: Named<String> = "none", "Headers that each request to it carries. A value may be a reference, `env:NAME`, `file:PATH` or `cmd:PROGRAM ARGUMENTS`, and must be one where it is a credential or the header's name says so.";
    passed_headers: Vec<At<String>> = "those of its kind", "Further headers of the caller that are passed on to it.";
    trace_context: bool = "false", "Whether it is told to which trace a request belongs: `traceparent` with the span of the attempt, and the caller's `tracestate`. What is passed by `passed_headers` is the caller's own instead.";
    models: Vec<At<String>> = "none", "Models that listings show as `PROVIDER/MODEL`; others can be asked for all the same.";
    project: String = "`GOOGLE_CLOUD_PROJECT`", "The project at Google Cloud. `${project}` in the base URL stands for it.";
    identity: Identity = "", "";
    quirks: Quirks = "", "";
});

section!(Identity {
    kind: String = "the cloud of its kind", "Which cloud gives the tokens that this provider is shown, or the keys that requests to it are signed with: `google`, `azure` or `aws`. The section may be empty: what it leaves out is found where the cloud's own tools find it, in their variables, in the files of their tools, or at the machine.", ["google", "azure", "aws"];
    credentials: String = "Application Default Credentials", "Google: a reference to a JSON text as Google's tools write it, of a service account, an authorized user or an external account (workload identity federation). Without it: the file that `GOOGLE_APPLICATION_CREDENTIALS` names, that of `gcloud`, or the metadata server.";
    tenant: String = "`AZURE_TENANT_ID`", "Azure: the tenant of Entra ID.";
    client: String = "`AZURE_CLIENT_ID`", "Azure: the client id of the application, or of one managed identity of several.";
    secret: String = "`AZURE_CLIENT_SECRET`", "Azure: a reference to the client's secret. Without this and the next two, and without their variables, the managed identity of the machine is taken.";
    certificate: String = "`AZURE_CLIENT_CERTIFICATE_PATH`", "Azure: a reference to the client's certificate with its private key (RSA), in one PEM text.";
    token_file: String = "`AZURE_FEDERATED_TOKEN_FILE`", "Azure: the file in which the platform puts the token of a workload, read anew each time.";
    authority: String = "https://login.microsoftonline.com", "Azure: where Entra ID is.";
    metadata: String = "the cloud's own", "Where the machine knows of itself: for Google a host, for Azure a URL.";
    profile: String = "`AWS_PROFILE`", "AWS: the profile whose keys or single sign-on are taken. Without it: the variables of AWS, a web identity, the usual profile, the role of the container or of the instance.";
});

section!(Quirks {
    max_tokens_field: String = "that of its kind", "Which field bounds the generated tokens: `max_tokens`, `max_completion_tokens` or `either`.", ["max_tokens", "max_completion_tokens", "either"];
    default_max_tokens: u64 = "that of its kind", "The same as `max_output_tokens`, by the catalogue's name.";
    reasoning_field: String = "that of its kind", "Where reasoning of earlier turns is taken back: `reasoning_content`, `reasoning`, `reasoning_details` or `thinking_parts`.", ["reasoning_content", "reasoning", "reasoning_details", "thinking_parts"];
    thinking: String = "that of its kind", "How it is asked to think: `adaptive` (by an effort) or `budget` (by a number of tokens).", ["adaptive", "budget"];
    cache_markers: bool = "that of its kind", "Whether it takes `cache_control` in Chat Completions.";
    mistral_words: bool = "that of its kind", "Whether it takes words of Mistral's own in Chat Completions: `prefix`, `document_url`, addresses of images alone. Where it does not, they are said as OpenAI has them, or left out with a notice.";
    developer_role: bool = "that of its kind", "Whether it knows the role `developer`.";
    cached_tokens_field: String = "that of its kind", "The field of `usage` that counts cached tokens.";
    output_excludes_reasoning: bool = "that of its kind", "Whether `completion_tokens` leaves reasoning out.";
    stream_ending: String = "that of its kind", "What ends a stream: `marker`, or `stop_reason` where the marker may be missing.", ["marker", "stop_reason"];
    stream_usage: String = "that of its kind", "When a stream reports usage: `asked`, `always`, or `refused` where it does not take `stream_options`.", ["asked", "always", "refused"];
    finish_reasons: Named<String> = "that of its kind", "Words of its own for why an answer ended, each with what it means: `stop`, `length`, `tool_calls` or `content_filter`.", ["stop", "length", "tool_calls", "content_filter"];
    forbidden: Vec<At<String>> = "that of its kind", "Top-level fields that it does not take.";
    renamed: Named<String> = "that of its kind", "Top-level fields that it calls by another name.";
    keeps_unasked: bool = "that of its kind", "Whether it keeps answers of `openai_responses` unless it is told not to, so that `store` must be said.";
});

section!(Deployment {
    provider: String = "required", "The name of a provider in this configuration.";
    model: String = "required", "The provider's name for the model.";
    max_output_tokens: u64 = "that of the provider", "As at a provider.";
    first_byte_timeout_ms: u64 = "that of the provider", "As at a provider.";
    idle_timeout_ms: u64 = "that of the provider", "As at a provider.";
    total_timeout_ms: u64 = "that of the provider", "As at a provider.";
    region: String = "that of the provider", "As at a provider. Where the provider's base URL has `${region}`, this one stands there.";
    connect_timeout_ms: u64 = "that of the provider", "As at a provider.";
    http_version: String = "that of the provider", "As at a provider.", ["agreed", "1.1", "2"];
    proxy: String = "that of the provider", "As at a provider.";
    proxy_credential: String = "that of the provider", "As at a provider. Where this section names a proxy, that of the provider is not shown.";
    ca_bundle: String = "those of the provider", "As at a provider.";
    client_certificate: String = "that of the provider", "As at a provider. Where this section names one, it names its key as well.";
    client_key: String = "that of the provider", "As at a provider.";
    headers: Named<String> = "none", "Headers that each request carries, on top of the provider's. References as at a provider.";
    facts_of: String = "its own kind and model", "The model whose facts hold for this one, as `KIND/MODEL` of the catalogue: for names of your own, such as those of Azure.";
    facts: DeploymentFacts = "", "";
    limits: DeploymentLimits = "", "";
    defaults: DeploymentDefaults = "", "";
});

section!(DeploymentFacts {
    tools: bool = "that of the catalogue", "Whether the model calls tools. What this section says holds in place of what the catalogue says; what neither says is left to the provider.";
    parallel_tools: bool = "that of the catalogue", "Whether it calls several in one turn.";
    structured_output: bool = "that of the catalogue", "Whether it keeps to a JSON Schema.";
    reasoning: bool = "that of the catalogue", "Whether it thinks before it answers.";
    context_tokens: u64 = "that of the catalogue", "The most tokens of a prompt, from 1 to 1000000000.";
    output_tokens_max: u64 = "that of the catalogue", "The most tokens of an answer, from 1 to 1000000000.";
    input: Contents = "", "";
    output: Contents = "", "";
});

section!(Contents {
    text: bool = "that of the catalogue", "Whether it takes or gives text.";
    image: bool = "that of the catalogue", "Likewise pictures.";
    audio: bool = "that of the catalogue", "Likewise sound.";
    video: bool = "that of the catalogue", "Likewise films.";
    document: bool = "that of the catalogue", "Likewise documents, such as PDF.";
});

section!(DeploymentLimits {
    open_requests_max: u64 = "none", "The most requests to it that are open at once, from 1 to 1000000; more are refused with 429 and its name. Requests for `PROVIDER/MODEL` do not count.";
});

section!(DeploymentDefaults {
    temperature: Number = "none", "Asked for where the caller names none, as all of these: from 0 to 2.";
    top_p: Number = "none", "From 0 to 1.";
    max_output_tokens: u64 = "none", "The bound on generated tokens, also where the dialect requires none, from 1 to 100000000.";
    reasoning_effort: String = "none", "How hard the model should think: `none`, `minimal`, `low`, `medium`, `high`, `xhigh` or `max`. Not where the caller says anything of thinking.", ["none", "minimal", "low", "medium", "high", "xhigh", "max"];
    seed: u64 = "none", "The seed of the draw.";
    stop: Vec<At<String>> = "none", "Texts that end the answer.";
});

/// Reads the file of that number. The first list holds what is not TOML at all.
pub(super) fn read(file: usize, text: &str) -> (Findings, Findings, Written) {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut syntax = Findings::of(file);
    for error in errors {
        let span = error.span().unwrap_or_default();
        let twice = (error.message() == "duplicate key").then(|| twice(text, &span));
        let message = format!("not TOML: {}", twice.as_deref().unwrap_or_else(|| error.message()));
        syntax.add(&syntax.place(span, String::new()), message);
    }
    let mut findings = Findings::of(file);
    let written = Written::of(document.get_ref(), "", &mut findings);
    (syntax, findings, written)
}

/// What is said of a section or a setting that is given again: which one, and where it was for sections.
fn twice(text: &str, span: &Range<usize>) -> String {
    let name = text.get(span.clone()).unwrap_or_default();
    let start = text.get(..span.start).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1);
    let Some(section) = text.get(start..).and_then(|rest| rest.lines().next()).and_then(header) else {
        return format!("'{name}' is given twice");
    };
    let first = text.lines().position(|line| header(line) == Some(section)).map_or(1, |line| line + 1);
    if text.get(..start).is_some_and(|before| before.lines().count() >= first) {
        format!("{section} is given twice, first on line {first}")
    } else {
        format!("{section}: '{name}' is given already, in another form")
    }
}

/// The head of a section, as it is written, if a line is one.
fn header(line: &str) -> Option<&str> {
    line.trim_start().starts_with('[').then(|| line.split('#').next().unwrap_or_default().trim())
}

/// Every setting, for the reference and the schema.
pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    let nothing = Row { key: String::new(), kind: "", default: "", meaning: "", words: Vec::new() };
    <Written as Shape>::rows(nothing, &mut rows);
    rows
}

impl Shape for String {
    const IS_VALUE: bool = true;

    fn shown(&self) -> Json {
        Json::from(self.as_str())
    }

    fn take(value: &Spanned<DeValue<'_>>, key: &str, findings: &mut Findings) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(text) => Some(text.clone().into_owned()),
            other => wrong(value, other, "a text in quotes", key, findings),
        }
    }

    fn rows(row: Row, rows: &mut Vec<Row>) {
        rows.push(Row { kind: "text", ..row });
    }
}

impl Shape for bool {
    const IS_VALUE: bool = true;

    fn shown(&self) -> Json {
        Json::from(*self)
    }

    fn take(value: &Spanned<DeValue<'_>>, key: &str, findings: &mut Findings) -> Option<Self> {
        match value.get_ref() {
            DeValue::Boolean(truth) => Some(*truth),
            other => wrong(value, other, "true or false", key, findings),
        }
    }

    fn rows(row: Row, rows: &mut Vec<Row>) {
        rows.push(Row { kind: "true or false", ..row });
    }
}

impl Shape for u64 {
    const IS_VALUE: bool = true;

    fn shown(&self) -> Json {
        Json::from(*self)
    }

    fn take(value: &Spanned<DeValue<'_>>, key: &str, findings: &mut Findings) -> Option<Self> {
        match value.get_ref() {
            DeValue::Integer(number) => {
                let whole = Self::from_str_radix(number.as_str(), number.radix()).ok();
                if whole.is_none() {
                    let place = findings.place(value.span(), key.to_owned());
                    findings.add(&place, format!("'{key}' is {number}; expected a whole number from 0 upwards"));
                }
                whole
            }
            other => wrong(value, other, "a whole number", key, findings),
        }
    }

    fn rows(row: Row, rows: &mut Vec<Row>) {
        rows.push(Row { kind: "whole number", ..row });
    }
}

impl Shape for Number {
    const IS_VALUE: bool = true;

    fn shown(&self) -> Json {
        Json::Number(self.clone())
    }

    fn take(value: &Spanned<DeValue<'_>>, key: &str, findings: &mut Findings) -> Option<Self> {
        let text = match value.get_ref() {
            DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
            DeValue::Float(number) => number.as_str(),
            other => return wrong(value, other, "a number", key, findings),
        };
        let number = text.parse().ok();
        if number.is_none() {
            findings
                .add(&findings.place(value.span(), key.to_owned()), format!("'{key}' is {text}; expected a number"));
        }
        number
    }

    fn rows(row: Row, rows: &mut Vec<Row>) {
        rows.push(Row { kind: "number", ..row });
    }
}

/// A list; a table counts as a wrong list, so that `[keys]` for `[[keys]]` is told apart from a misspelling.
impl<T: Shape> Shape for Vec<At<T>> {
    const IS_VALUE: bool = T::IS_VALUE;

    fn shown(&self) -> Json {
        self.iter().map(|at| at.value.shown()).collect()
    }

    fn take(value: &Spanned<DeValue<'_>>, key: &str, findings: &mut Findings) -> Option<Self> {
        let DeValue::Array(items) = value.get_ref() else {
            return wrong(value, value.get_ref(), &format!("a list, as in `[[{key}]]` or `[…]`"), key, findings);
        };
        let mut list = Self::new();
        for (number, item) in items.iter().enumerate() {
            let path = format!("{key}[{number}]");
            if let Some(taken) = T::take(item, &path, findings) {
                list.push(At { place: findings.place(item.span(), path), value: taken });
            }
        }
        Some(list)
    }

    fn rows(row: Row, rows: &mut Vec<Row>) {
        let mut inner = Vec::new();
        T::rows(Row { key: format!("{}[]", row.key), ..row }, &mut inner);
        if let [texts] = inner.as_mut_slice() {
            texts.key.truncate(texts.key.len() - 2);
            texts.kind = "list of texts";
        }
        rows.extend(inner);
    }

    fn join(ours: &mut At<Self>, other: At<Self>, _: &mut Findings) {
        ours.value.extend(other.value);
    }
}

impl<T: Shape> Shape for Named<T> {
    const IS_VALUE: bool = T::IS_VALUE;

    fn shown(&self) -> Json {
        self.iter().map(|(name, value)| (name.value.clone(), value.shown())).collect()
    }

    fn take(value: &Spanned<DeValue<'_>>, key: &str, findings: &mut Findings) -> Option<Self> {
        let mut named = Self::new();
        for (name, value) in table(value, key, findings)? {
            let path = join(key, name.get_ref());
            if let Some(taken) = T::take(value, &path, findings) {
                let name = At { place: findings.place(name.span(), path), value: name.get_ref().to_string() };
                named.push((name, taken));
            }
        }
        Some(named)
    }

    fn rows(row: Row, rows: &mut Vec<Row>) {
        T::rows(Row { key: format!("{}.NAME", row.key), ..row }, rows);
    }

    fn join(ours: &mut At<Self>, other: At<Self>, findings: &mut Findings) {
        for (name, value) in other.value {
            match ours.value.iter().find(|(known, _)| known.value == name.value) {
                Some((known, _)) => {
                    let message = format!("'{}' stands in two files", name.place.key);
                    findings.add_again(&name.place, message, &known.place);
                }
                None => ours.value.push((name, value)),
            }
        }
    }
}

fn table<'a, 'i>(value: &'a Spanned<DeValue<'i>>, key: &str, findings: &mut Findings) -> Option<&'a DeTable<'i>> {
    match value.get_ref() {
        DeValue::Table(table) => Some(table),
        other => wrong(value, other, &format!("a section, as in `[{key}]`"), key, findings),
    }
}

/// Notes a value of another shape. The value itself is not shown: it may be a key in the wrong place.
fn wrong<T>(
    value: &Spanned<DeValue<'_>>,
    found: &DeValue<'_>,
    expected: &str,
    key: &str,
    findings: &mut Findings,
) -> Option<T> {
    let found = match found {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    };
    findings.add(&findings.place(value.span(), key.to_owned()), format!("'{key}' is {found}; expected {expected}"));
    None
}

/// From the name to the end of the value.
fn start(name: &Spanned<DeString<'_>>, value: &Spanned<DeValue<'_>>) -> Range<usize> {
    name.span().start..value.span().end.max(name.span().end)
}

fn join(section: &str, name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    let name = if bare { name.to_owned() } else { format!("{name:?}") };
    if section.is_empty() { name } else { format!("{section}.{name}") }
}
