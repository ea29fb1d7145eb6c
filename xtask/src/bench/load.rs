//! Ways to put load on a target: as much as it takes, at a fixed rate, and as many streams at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::client::Connection;
use super::subject::Target;

/// When a measurement ends: whichever comes first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    pub(super) time: Duration,
    pub(super) requests: usize,
}

/// Which moment of an answer ends a latency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    End,
    FirstToken,
}

/// Opens connections and uses each once, so that neither side meets anything for the first time.
pub(super) async fn connect(target: &Target, count: usize, request: &Bytes) -> Result<Vec<Connection>> {
    let mut connections = Vec::with_capacity(count);
    for _ in 0..count {
        let mut connection = Connection::open(target.address).await?;
        connection.exchange(request).await?;
        connections.push(connection);
    }
    Ok(connections)
}

/// Closed loop: every connection asks again as soon as it is answered. Gives the number of answers.
pub(super) async fn saturate(connections: Vec<Connection>, request: &Bytes, limit: Limit) -> Result<usize> {
    let taken = Arc::new(AtomicUsize::new(0));
    let end = Instant::now() + limit.time;
    let mut workers = JoinSet::new();
    for mut connection in connections {
        let (request, taken) = (request.clone(), Arc::clone(&taken));
        workers.spawn(async move {
            let mut answered = 0;
            while Instant::now() < end && taken.fetch_add(1, Ordering::Relaxed) < limit.requests {
                connection.exchange(&request).await?;
                answered += 1;
            }
            anyhow::Ok(answered)
        });
    }
    let mut answered = 0;
    while let Some(worker) = workers.join_next().await {
        answered += worker??;
    }
    Ok(answered)
}

/// Open loop: request number n is due at n / rate, whatever became of the others. Gives the latencies,
/// each from the time at which its request was due.
pub(super) async fn at_rate(
    connections: Vec<Connection>,
    request: &Bytes,
    rate: f64,
    time: Duration,
    until: Until,
) -> Result<Vec<Duration>> {
    let next = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let mut workers = JoinSet::new();
    for mut connection in connections {
        let (request, next) = (request.clone(), Arc::clone(&next));
        workers.spawn(async move {
            let mut latencies = Vec::new();
            loop {
                let number = u32::try_from(next.fetch_add(1, Ordering::Relaxed))?;
                let offset = Duration::from_secs_f64(f64::from(number) / rate);
                if offset >= time {
                    return anyhow::Ok(latencies);
                }
                let from = wait_until_due(start + offset).await;
                latencies.push(match until {
                    Until::End => {
                        connection.exchange(&request).await?;
                        from.elapsed()
                    }
                    Until::FirstToken => {
                        let open = connection.begin_stream(&request).await?;
                        let latency = from.elapsed();
                        connection.finish_stream(open).await?;
                        latency
                    }
                });
            }
        });
    }
    let mut latencies = Vec::new();
    while let Some(worker) = workers.join_next().await {
        latencies.extend(worker??);
    }
    Ok(latencies)
}

/// The moment from which a latency counts. A connection that was busy when its request was due counts
/// from then: the subject made it wait. One that was free counts from its waking: a timer that is late
/// is the generator's fault.
async fn wait_until_due(due: Instant) -> Instant {
    if Instant::now() >= due {
        return due;
    }
    sleep_until(due).await;
    Instant::now()
}

/// Runs one stream on each connection, evenly spread over `spread`, until all have ended.
pub(super) async fn run_streams(connections: Vec<Connection>, request: &Bytes, spread: Duration) -> Result<()> {
    let count = u32::try_from(connections.len().max(1))?;
    let mut workers = JoinSet::new();
    for (index, mut connection) in (0_u32..).zip(connections) {
        let request = request.clone();
        workers.spawn(async move {
            sleep(spread * index / count).await;
            connection.exchange(&request).await
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker??;
    }
    Ok(())
}

/// Opens streams that stay open, and waits until each has given its first token.
pub(super) async fn hold_streams(target: &Target, request: &Bytes, count: usize) -> Result<Vec<Connection>> {
    let mut held = Vec::with_capacity(count);
    for _ in 0..count {
        let mut connection = Connection::open(target.address).await?;
        connection.begin_stream(request).await?;
        held.push(connection);
    }
    Ok(held)
}
