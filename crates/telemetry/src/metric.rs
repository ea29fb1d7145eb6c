//! Every metric, once: its names, its unit, its labels and what it says. The reference, both forms of export and the
//! check of the dashboard are made of this list.

/// What kind of figure a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows while the process lives.
    Counter,
    /// It goes up and down.
    Gauge,
    /// It counts values in buckets.
    Histogram,
}

impl Kind {
    /// The word in the exposition.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// What a metric is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things, which the name says.
    None,
    /// Seconds. They are kept as microseconds.
    Seconds,
    /// Bytes.
    Bytes,
}

impl Unit {
    /// The word at the end of the name.
    pub const fn as_str(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Seconds => Some("seconds"),
            Self::Bytes => Some("bytes"),
        }
    }

    /// The unit as OpenTelemetry writes it (UCUM).
    pub const fn ucum(self) -> &'static str {
        match self {
            Self::None => "1",
            Self::Seconds => "s",
            Self::Bytes => "By",
        }
    }

    /// How many of what is counted make one.
    pub const fn scale(self) -> u32 {
        match self {
            Self::Seconds => 1_000_000,
            Self::None | Self::Bytes => 1,
        }
    }
}

/// A metric.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name for Prometheus, as it is asked for: counters end in `_total`.
    pub name: &'static str,
    /// Its name for OpenTelemetry.
    pub otel: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// Its unit.
    pub unit: Unit,
    /// The names of its labels, in the order of their values.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($constant:ident = $name:literal, $otel:literal, $kind:ident, $unit:ident, [$($label:literal),*], $help:literal;)*) => {
        $(#[doc = concat!("`", $name, "`")]
        pub const $constant: &Metric = &Metric {
            name: $name, otel: $otel, kind: Kind::$kind, unit: Unit::$unit, labels: &[$($label),*], help: $help,
        };)*

        /// All of them, in the order in which they are told.
        pub const ALL: &[&Metric] = &[$($constant),*];
    };
}

metrics! {
    REQUESTS = "switchtower_requests_total", "switchtower.requests", Counter, None,
        ["deployment", "provider", "model", "client", "operation", "outcome", "code"],
        "Requests that ended, by how: answered, refused, broke_off, abandoned, crashed; told (the gateway answered by itself); turned_away (before it was known whose they were).";
    DURATION = "switchtower_request_duration_seconds", "switchtower.request.duration", Histogram, Seconds,
        ["deployment", "provider", "model", "client", "operation", "outcome"],
        "Time from the beginning of a request to its end, for calls of providers.";
    FIRST_TOKEN = "switchtower_time_to_first_token_seconds", "switchtower.time_to_first_token", Histogram, Seconds,
        ["deployment", "provider", "model", "client", "operation"],
        "Time from the beginning of a request to the first piece of a streamed answer.";
    PER_TOKEN = "switchtower_time_per_output_token_seconds", "switchtower.time_per_output_token", Histogram, Seconds,
        ["deployment", "provider", "model", "client", "operation"],
        "Time for each token of a streamed answer after the first piece, averaged over the answer.";
    GAP_MEDIAN = "switchtower_stream_gap_median_seconds", "switchtower.stream.gap.median", Histogram, Seconds,
        ["deployment", "provider", "model", "client", "operation"],
        "The median of the times between pieces, one value for each streamed answer.";
    GAP_HIGH = "switchtower_stream_gap_p99_seconds", "switchtower.stream.gap.p99", Histogram, Seconds,
        ["deployment", "provider", "model", "client", "operation"],
        "The 99th percentile of the times between pieces, one value for each streamed answer.";
    TOKENS = "switchtower_tokens_total", "switchtower.tokens", Counter, None,
        ["deployment", "provider", "model", "client", "operation", "kind", "counted"],
        "Tokens, by kind; cache_read, cache_write and input_* are part of input, reasoning and output_* of output. Whether the provider reported them, or they are an estimate, is apart.";
    BYTES = "switchtower_bytes_total", "switchtower.io", Counter, Bytes,
        ["deployment", "provider", "model", "client", "operation", "direction"],
        "Bytes of bodies of calls: from_client, to_provider, from_provider, to_client.";
    ATTEMPTS = "switchtower_attempts_total", "switchtower.attempts", Counter, None,
        ["deployment", "provider", "model", "failure"],
        "Attempts at providers, by the class of their failure; none where there was none.";
    HEAD = "switchtower_provider_head_seconds", "switchtower.provider.head", Histogram, Seconds,
        ["deployment", "provider", "model"],
        "Time from the sending of an attempt to the head of the provider's answer.";
    COST = "switchtower_cost_total", "switchtower.cost", Counter, None,
        ["deployment", "provider", "model", "currency", "status"],
        "What calls cost, in units of the currency, by how sure that is: exact; estimated; unknown, of which it is the part that is known. Figures of different status are not to be added up.";
    REPORTED_COST = "switchtower_reported_cost_total", "switchtower.reported_cost", Counter, None,
        ["deployment", "provider", "model", "currency", "by"],
        "What attempts cost whose provider says it itself, by provider and by what is worked out here for the same attempts: the two differ by what a list of prices does not know.";
    PRICED = "switchtower_priced_calls_total", "switchtower.priced_calls", Counter, None,
        ["deployment", "provider", "model", "status"],
        "Calls that are charged for, by how sure it is what they cost.";
    NOTICES = "switchtower_notices_total", "switchtower.notices", Counter, None,
        ["deployment", "provider", "model", "client", "of", "class"],
        "What was lost in translation, of requests and of answers, by class.";
    OPEN_CALLS = "switchtower_open_calls", "switchtower.open_calls", Gauge, None, [],
        "Calls that are open on record.";
    OPEN_REQUESTS = "switchtower_open_requests", "switchtower.open_requests", Gauge, None, [],
        "Requests that are open.";
    OTHER = "switchtower_labels_overflowed_total", "switchtower.labels.overflowed", Counter, None, [],
        "Calls whose deployment is counted as other, since as many deployments have series as may.";
    LEDGER_RECORDS = "switchtower_ledger_records", "switchtower.ledger.records", Gauge, None, [],
        "Records in the ledger.";
    LEDGER_UNSYNCED = "switchtower_ledger_unsynced_records", "switchtower.ledger.unsynced_records", Gauge, None, [],
        "Records that are written and that the disk is not known to have yet.";
    LEDGER_QUEUE = "switchtower_ledger_queue_records", "switchtower.ledger.queue", Gauge, None, [],
        "Records that wait for the writer.";
    LEDGER_COMMITS = "switchtower_ledger_commits_total", "switchtower.ledger.commits", Counter, None, [],
        "Groups of records that were written.";
    LEDGER_COMMIT_TIME = "switchtower_ledger_commit_seconds_total", "switchtower.ledger.commit.time", Counter, Seconds, [],
        "How long the writing of groups took, together.";
    LEDGER_COMMIT_MAX = "switchtower_ledger_commit_max_seconds", "switchtower.ledger.commit.max", Gauge, Seconds, [],
        "The longest writing of a group since the start.";
    LEDGER_BYTES = "switchtower_ledger_written_bytes_total", "switchtower.ledger.written", Counter, Bytes, [],
        "Bytes that were written to the ledger.";
    LEDGER_REFUSED = "switchtower_ledger_refused_records_total", "switchtower.ledger.refused", Counter, None, [],
        "Records that could not be written. Their requests were refused with ledger_unavailable.";
    LEDGER_FAILING = "switchtower_ledger_failing", "switchtower.ledger.failing", Gauge, None, [],
        "1 where the last group could not be written.";
    LEDGER_WITNESS_CONFLICTS = "switchtower_ledger_witness_conflicts", "switchtower.ledger.witness.conflicts", Gauge, None, [],
        "Folders of witnesses with a checkpoint of this ledger that it does not continue: it was rolled back, or its name is another's.";
    LEDGER_OTHERS_CONTRADICTED = "switchtower_ledger_others_contradicted_total", "switchtower.ledger.others.contradicted", Counter, None, [],
        "Checkpoints of other ledgers in folders of witnesses that did not continue what was seen of them before.";
    LEDGER_DISK_FREE = "switchtower_ledger_disk_free_bytes", "switchtower.ledger.disk.free", Gauge, Bytes, [],
        "Room on the disk of the ledger.";
    PROJECTION_BEHIND = "switchtower_projection_behind_records", "switchtower.projection.behind", Gauge, None, [],
        "Records that are not in the tables yet, where the ledger is kept in tables as well.";
    PROJECTION_LAG = "switchtower_projection_lag_seconds", "switchtower.projection.lag", Gauge, Seconds, [],
        "How long ago the oldest record was written that is not in the tables yet.";
    PROJECTION_FAILING = "switchtower_projection_failing", "switchtower.projection.failing", Gauge, None, [],
        "1 where the store of the tables does not take records now. Requests go on.";
    PROJECTION_FAILURES = "switchtower_projection_failures_total", "switchtower.projection.failures", Counter, None, [],
        "How often the store of the tables failed.";
    RELOADS = "switchtower_config_reloads_total", "switchtower.config.reloads", Counter, None, ["outcome"],
        "Changed configurations that were put in force (ok), or were not (failed).";
    RELOAD_OK = "switchtower_config_last_reload_successful", "switchtower.config.last_reload_successful", Gauge, None, [],
        "1 where what is in force is what the files say, as of the last look that found a change.";
    EXPORTED = "switchtower_otlp_items_total", "switchtower.otlp.items", Counter, None, ["signal", "outcome"],
        "Spans and collections of metrics that were exported over OTLP, or dropped, and why: queue_full, failed, rejected (by the receiver), stopped.";
    EXPORT_QUEUE = "switchtower_otlp_queue_spans", "switchtower.otlp.queue", Gauge, None, [],
        "Calls and refusals whose spans wait to be exported, those that are being sent included.";
    READY = "switchtower_ready", "switchtower.ready", Gauge, None, ["check"],
        "1 for each check of readiness that holds.";
    BUILD = "switchtower_build_info", "switchtower.build_info", Gauge, None, ["version"],
        "1, with the version.";
    STARTED = "process_start_time_seconds", "process.start_time", Gauge, Seconds, [],
        "When the process started, in seconds since 1970.";
}

/// Metrics as the reference tells them.
pub fn reference() -> String {
    let rows = ALL.iter().map(|metric| {
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let Metric { name, otel, kind, help, .. } = metric;
        format!("| `{name}` | `{otel}` | {} | {} | {help} |\n", kind.as_str(), labels.join(" "))
    });
    let head = "| Metric | Over OTLP | Kind | Labels | Says |\n| --- | --- | --- | --- | --- |\n".to_owned();
    std::iter::once(head).chain(rows).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_given_once_and_say_kind_and_unit() {
        for (place, metric) in ALL.iter().enumerate() {
            let name = metric.name;
            assert!(ALL.iter().skip(place + 1).all(|other| other.name != name && other.otel != metric.otel), "{name}");
            assert_eq!(name.ends_with("_total"), metric.kind == Kind::Counter, "{name}");
            let bare = name.strip_suffix("_total").unwrap_or(name);
            assert!(metric.unit.as_str().is_none_or(|unit| bare.ends_with(unit)), "{name}");
        }
    }
}
