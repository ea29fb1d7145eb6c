//! Entries about requests.

use super::money::{Costs, Sum};
use super::scalar::{Digest, Pseudonym, RequestId, SpanId, Text, TraceId};

record! {
    /// A call begins. It is written before any byte goes to a provider.
    Opened = 1 "opened" {
        /// The id of the request, as in `x-request-id`.
        0 request: RequestId,
        /// Who asks, as a pseudonym under a key of the tenant that can be destroyed; unsaid where no keys are configured.
        1 caller: Option<Pseudonym>,
        /// Whose the caller is.
        2 tenant: Text,
        /// What the client speaks.
        3 client: Text,
        /// What is asked for: `answers`, `count_tokens`, `embeddings` and so on.
        4 operation: Text,
        /// The name that was asked for, where it is one of the configuration.
        5 asked: Option<Text>,
        /// A keyed digest of it, where it is not.
        6 asked_digest: Option<Digest>,
        /// The deployment that was chosen.
        7 deployment: Text,
        /// Its provider, by its name in the configuration.
        8 provider: Text,
        /// Where that is, as far as the configuration says.
        9 region: Option<Text>,
        /// The model, by the provider's name.
        10 model: Text,
        /// What is spoken with the provider.
        11 spoken: Text,
        /// How bytes travel: `forward`, `transform`, `count` or `service`.
        12 carriage: Text,
        /// Whether the answer is streamed.
        13 streamed: bool,
        /// The length of the request's body as it came, in bytes.
        14 bytes_in: u64,
        /// A keyed digest of the request's body as it came.
        15 prompt: Option<Digest>,
        /// What the request lost on its way.
        16 lost: Vec<Lost>,
        /// The digest of the configuration in force, whose content is in the journal.
        17 configuration: Digest,
        /// The digest of the catalogue in force, likewise.
        18 catalogue: Digest,
        /// Whether the provider was permitted to keep what it is sent.
        19 kept_by_provider: bool,
        /// The most tokens that may be generated, as the request bounds them, for all answers together.
        20 output_max: Option<u64>,
        /// The digest of the prices in force, likewise.
        21 prices: Digest,
        /// Whose spending it is, as the configuration says of the caller's key.
        22 team: Option<Text>,
        /// What the caller uses models for, likewise.
        23 use_case: Option<Text>,
        /// What it may cost at most, where `model` is a digest, so that nobody could look up its price when a crash leaves it open.
        24 reserved: Option<Costs>,
        /// Where it stands in a trace, if it does.
        30 trace: Option<Trace>,
        /// The kind of the provider by the catalogue, if it has one.
        31 provider_kind: Option<Text>,
        /// The host that is sent to, with its port where that is not the usual one.
        32 host: Text,
        /// The rule of retention that holds for the request; unsaid where none does, so that nothing is kept.
        40 retention: Option<Text>,
        /// Whether content is to be kept by that rule, or was not drawn.
        41 keeps_content: bool,
    }
}

record! {
    /// A call has ended. It is written before the client gets the end of its answer.
    Closed = 2 "closed" {
        /// The number of the record that opened it.
        0 opened: u64,
        /// The id of the request.
        1 request: RequestId,
        /// How it ended: `answered`, `refused` (with a code), `broke_off` (a stream, with a code), `abandoned` (the client
        /// went away), or `crashed` (the gateway did; what is said of use is an estimate).
        2 outcome: Text,
        /// The HTTP status that the client got; 0 where it went away before.
        3 status: u16,
        /// The code of the refusal, or of the error in the stream.
        4 code: Option<Text>,
        /// Each attempt at a provider, in order.
        5 attempts: Vec<Attempt>,
        /// The model that answered, as the provider says it.
        6 model: Option<Text>,
        /// The provider's mark for the configuration that served it.
        7 fingerprint: Option<Text>,
        /// Why the model stopped.
        8 stop: Option<Text>,
        /// What was used, all attempts together.
        9 usage: Option<Counts>,
        /// Microseconds from the beginning of the request to the first piece of the answer.
        10 first_us: Option<u64>,
        /// The median of the microseconds between pieces of a stream.
        11 gap_p50_us: Option<u64>,
        /// Their 99th percentile.
        12 gap_p99_us: Option<u64>,
        /// Microseconds from the beginning of the request to its end.
        13 total_us: u64,
        /// The length of the answer's body as the client got it, in bytes.
        14 bytes_out: u64,
        /// A keyed digest of it.
        15 answer: Option<Digest>,
        /// What the answer lost on its way.
        16 lost: Vec<Lost>,
        /// What it cost, all attempts together, without what bytes cost. Unsaid where nothing is charged for.
        17 cost: Option<Costs>,
        /// When what happened, piece by piece, where the caller asked for that and the operator permits it.
        30 timeline: Option<Box<Timeline>>,
        /// What of the content was to be kept and is not, since the queue to its keeper was full: `request`, `answer`.
        40 unkept: Vec<Text>,
    }
}

record! {
    /// When what happened to a call: times and lengths, never what was said.
    Timeline = 0 "timeline" {
        /// The rooms that the request left, in order.
        0 rooms: Vec<Room>,
        /// For each piece of the provider's answer the microseconds since the one before; of the first, since the beginning
        /// of the request.
        1 gaps_us: Vec<u64>,
        /// For each piece, how many bytes came.
        2 received: Vec<u64>,
        /// For each piece, how many bytes left for the client until the next one came.
        3 sent: Vec<u64>,
        /// How many pieces there were beyond those.
        4 left_out: u64,
    }
}

record! {
    /// When a request left a room.
    Room = 0 "room" {
        /// The room.
        0 room: Text,
        /// Microseconds from the beginning of the request.
        1 at_us: u64,
    }
}

record! {
    /// An attempt at a provider.
    Attempt = 0 "attempt" {
        /// The deployment.
        0 deployment: Text,
        /// Its provider.
        1 provider: Text,
        /// The class of its failure, if it failed.
        2 failure: Option<Text>,
        /// The status of the provider's answer.
        3 status: Option<u16>,
        /// Microseconds from the beginning of the request to that of the attempt.
        4 began_us: u64,
        /// Microseconds from the beginning of the request to the head of the provider's answer.
        5 head_us: Option<u64>,
        /// Microseconds from the beginning of the request to the end of the attempt.
        6 ended_us: u64,
        /// The provider's id for the request.
        7 provider_request_id: Option<Text>,
        /// What was used.
        8 usage: Option<Counts>,
        /// How many bytes of body were sent to the provider.
        9 bytes_sent: u64,
        /// How many came back.
        10 bytes_received: u64,
        /// What it cost. Unsaid where nothing is charged for.
        11 cost: Option<Costs>,
        /// What the provider itself says that it cost.
        12 reported: Option<Sum>,
        /// What it cost that bytes left a cloud. Unsaid where nobody states a price of that.
        13 egress: Option<Costs>,
        /// Its span in the trace of the request.
        30 span: Option<SpanId>,
    }
}

record! {
    /// What was used, as the provider reports it, or as an estimate.
    Counts = 0 "counts" {
        /// All tokens of the prompt.
        0 input: Option<u64>,
        /// Of these, those read from a cache.
        1 cache_read: Option<u64>,
        /// Of these, those written to a cache, of any lifetime.
        2 cache_write: Option<u64>,
        /// Of these, those with a lifetime of five minutes.
        3 cache_write_5m: Option<u64>,
        /// Of these, those with a lifetime of one hour.
        4 cache_write_1h: Option<u64>,
        /// Audio tokens of the prompt.
        5 input_audio: Option<u64>,
        /// Image tokens of the prompt.
        6 input_image: Option<u64>,
        /// All tokens that were generated.
        7 output: Option<u64>,
        /// Of these, those of reasoning.
        8 reasoning: Option<u64>,
        /// Audio tokens that were generated.
        9 output_audio: Option<u64>,
        /// Image tokens that were generated.
        10 output_image: Option<u64>,
        /// Searches that the provider ran.
        11 web_searches: Option<u64>,
        /// The service tier that was charged.
        12 service_tier: Option<Text>,
        /// Why these are an estimate, if they are: `no_usage` (the provider reported none), `cut_off`, `crashed`.
        13 estimated: Option<Text>,
        /// Video tokens of the prompt.
        14 input_video: Option<u64>,
        /// Pages that the provider fetched.
        15 web_fetches: Option<u64>,
        /// The total that the provider states.
        16 total: Option<u64>,
    }
}

record! {
    /// Where a request stands in a trace (W3C Trace Context).
    Trace = 0 "trace" {
        /// The trace.
        0 id: TraceId,
        /// The span of the request.
        1 span: SpanId,
        /// The span of the caller, where the caller named one.
        2 parent: Option<SpanId>,
        /// Whether the trace is one of those that are kept.
        3 sampled: bool,
    }
}

record! {
    /// Something that was lost in translation.
    Lost = 0 "lost" {
        /// Where it stood in the message, with `*` for each name that no vendor documents.
        0 path: Text,
        /// `meaning` or `hint`.
        1 class: Text,
    }
}

record! {
    /// A request of a caller who is known was refused before anything was sent.
    Refused = 3 "refused" {
        /// The id of the request.
        0 request: RequestId,
        /// Who asked, as a pseudonym.
        1 caller: Option<Pseudonym>,
        /// Whose the caller is.
        2 tenant: Text,
        /// What the client speaks.
        3 client: Text,
        /// The code of the refusal.
        4 code: Text,
        /// The HTTP status that the client got.
        5 status: u16,
        /// What was asked for.
        6 operation: Text,
        /// The deployment that was chosen before.
        7 deployment: Option<Text>,
        /// The digest of the configuration in force.
        8 configuration: Digest,
        /// The caller's team, as the configuration says of the key.
        9 team: Option<Text>,
        /// What the caller uses models for, likewise.
        10 use_case: Option<Text>,
        /// Where the request stands in a trace, if it does.
        30 trace: Option<Trace>,
        /// Microseconds from the beginning of the request to this record.
        31 total_us: u64,
    }
}

record! {
    /// The gateway answered a request by itself: with a list of models, or an estimate of tokens.
    Told = 14 "told" {
        /// The id of the request.
        0 request: RequestId,
        /// Who asked, as a pseudonym.
        1 caller: Option<Pseudonym>,
        /// Whose the caller is.
        2 tenant: Text,
        /// What the client speaks.
        3 client: Text,
        /// What was asked for.
        4 operation: Text,
        /// The deployment that was asked about.
        5 deployment: Option<Text>,
        /// The digest of the configuration in force.
        6 configuration: Digest,
        /// The caller's team, as the configuration says of the key.
        7 team: Option<Text>,
        /// What the caller uses models for, likewise.
        8 use_case: Option<Text>,
        /// Where the request stands in a trace, if it does.
        30 trace: Option<Trace>,
        /// Microseconds from the beginning of the request to this record.
        31 total_us: u64,
    }
}

record! {
    /// Requests were turned away before it was known whose they were, counted over a time.
    TurnedAway = 4 "turned_away" {
        /// The beginning of that time, in microseconds since 1970.
        0 from_us: u64,
        /// Its end.
        1 until_us: u64,
        /// How many, by code.
        2 counts: Vec<TurnedAwayCount>,
    }
}

record! {
    /// How many were turned away with one code.
    TurnedAwayCount = 0 "turned_away_count" {
        /// The code of the refusal.
        0 code: Text,
        /// How many.
        1 count: u64,
    }
}
