//! What the ledger takes of a call, beside everything else that a gateway does for it: the digest of a request of 2 kB, the
//! record that opens the call, the digest of an answer of 1 kB, the record that closes it, and being told of both.
//!
//! `records_of_a_call SECONDS` prints one line of JSON: how many calls a second that were, and how much time
//! each took of the thread that answers and of the ledger's own. `cargo xtask bench` shows it as the row `ledger`.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that cannot go on has failed")]

use rustix::time::{ClockId, clock_gettime};
use std::hint::black_box;
use std::time::{Duration, Instant};
use switchtower_ledger::record::{Attempt, Closed, Costs, Counts, Digest, Opened, RequestId, Sum};
use switchtower_ledger::{Ledger, LedgerSettings};

const REQUEST: [u8; 2048] = [b'q'; 2048];
const ANSWER: [u8; 1088] = [b'a'; 1088];
/// As many as wait for a group of records together, as at the connections of the bench.
const CALLS_AT_ONCE: usize = 32;

/// That of the gateway.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The beginning of a call, as the gateway writes it of a plain request.
fn opened(request: RequestId, prompt: Digest) -> Opened {
    Opened {
        request,
        tenant: "default".into(),
        client: "openai_chat".into(),
        operation: "answers".into(),
        asked: Some("support".to_owned().into()),
        deployment: "support".to_owned().into(),
        provider: "openai-eu".to_owned().into(),
        region: Some("eu-central-1".to_owned().into()),
        model: "gpt-5-mini".to_owned().into(),
        spoken: "openai_chat".into(),
        carriage: "forward".into(),
        bytes_in: REQUEST.len() as u64,
        prompt: Some(prompt),
        host: "api.openai.example".to_owned().into(),
        ..Opened::default()
    }
}

/// Its end, likewise.
fn closed(request: RequestId, answer: Digest) -> Closed {
    let usage = Some(Counts {
        input: Some(412),
        cache_read: Some(0),
        output: Some(118),
        total: Some(530),
        ..Counts::default()
    });
    let total = Sum { amount: "0.000339".to_owned().into(), currency: "USD".into() };
    let cost = Some(Costs { status: "exact".into(), totals: vec![total], ..Costs::default() });
    let attempt = Attempt {
        deployment: "support".to_owned().into(),
        provider: "openai-eu".to_owned().into(),
        status: Some(200),
        began_us: 41,
        head_us: Some(412_000),
        ended_us: 1_300_000,
        provider_request_id: Some("req_7f3c2a9d51e84b06".to_owned().into()),
        usage: usage.clone(),
        bytes_sent: REQUEST.len() as u64,
        bytes_received: ANSWER.len() as u64,
        cost: cost.clone(),
        ..Attempt::default()
    };
    Closed {
        request,
        outcome: "answered".into(),
        status: 200,
        attempts: vec![attempt],
        model: Some("gpt-5-mini-2026-08-01".to_owned().into()),
        fingerprint: Some("fp_44709d6fcb".to_owned().into()),
        stop: Some("end_turn".to_owned().into()),
        usage,
        first_us: Some(412_100),
        total_us: 1_300_100,
        bytes_out: ANSWER.len() as u64,
        answer: Some(answer),
        cost,
        ..Closed::default()
    }
}

async fn call(ledger: &Ledger, number: u128) {
    let request = RequestId(number.to_be_bytes());
    let prompt = ledger.pseudonyms().digest(black_box(&REQUEST));
    let call = ledger.begin(opened(request, prompt)).await.unwrap();
    let answer = ledger.pseudonyms().digest(black_box(&ANSWER));
    let _receipt = call.close(closed(request, answer)).await.unwrap();
}

fn at_work(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap())
}

fn main() {
    let seconds = std::env::args().nth(1).map_or(1.0, |word| word.parse().unwrap());
    let length = Duration::from_secs_f64(seconds);
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let (ledger, keeping, _) = Ledger::open(&LedgerSettings::new(folder.path()), &|_, _| Default::default()).unwrap();
    let (at_desk, clerk) = ledger.at_desk();
    drop(runtime.spawn(clerk.run()));
    let (began, here, everywhere) = (Instant::now(), at_work(ClockId::ThreadCPUTime), at_work(ClockId::ProcessCPUTime));
    let calls: u32 = runtime.block_on(async {
        let mut callers = tokio::task::JoinSet::new();
        for _ in 0..CALLS_AT_ONCE {
            let ledger = at_desk.clone();
            callers.spawn(async move {
                let mut calls = 0;
                while began.elapsed() < length {
                    call(&ledger, u128::from(calls)).await;
                    calls += 1;
                }
                calls
            });
        }
        let mut all = 0;
        while let Some(calls) = callers.join_next().await {
            all += calls.unwrap();
        }
        all
    });
    let took = began.elapsed().as_secs_f64();
    let (here, everywhere) = (at_work(ClockId::ThreadCPUTime) - here, at_work(ClockId::ProcessCPUTime) - everywhere);
    let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(calls);
    let told = serde_json::json!({
        "calls_per_second": f64::from(calls) / took,
        "answering_us": each(here),
        "writing_us": each(everywhere.saturating_sub(here)),
    });
    println!("{told}");
    drop((at_desk, runtime));
    keeping.stop(&ledger, 0).unwrap();
}
