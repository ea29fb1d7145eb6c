//! The simulator as a server of its own: HTTP/1.1 over TCP.

use crate::body::{SimBody, SimBodyError};
use crate::sim::Sim;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::error::Error;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long answers that are under way may still take after shutdown was asked for.
pub const GRACE: Duration = Duration::from_secs(10);
/// Pause after a failed accept, so that a machine without file handles is not kept busy.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// Serves until `shutdown` is ready, then lets answers that are under way end within [`GRACE`].
///
/// Dropping the future stops accepting; connections that are open then end on their own.
pub async fn serve(listener: TcpListener, sim: Sim, shutdown: impl Future<Output = ()>) {
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                drop(tasks.spawn(connection(stream, sim.clone(), stop.clone())));
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
    drop(listener);
    stop.cancel();
    tasks.close();
    // A stalled answer never ends by itself, hence the bound.
    let _ = tokio::time::timeout(GRACE, tasks.wait()).await;
}

async fn connection(stream: TcpStream, sim: Sim, stop: CancellationToken) {
    // Events are small and must not wait for each other.
    let _ = stream.set_nodelay(true);
    // Boxed, since hyper gives the socket back only from a connection that may be moved.
    let service = service_fn(|request| Box::pin(answer(&sim, request)));
    let mut connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    let ended = loop {
        tokio::select! {
            ended = poll_fn(|cx| connection.poll_without_shutdown(cx)) => break ended,
            () = stop.cancelled(), if !stop.is_cancelled() => {
                std::pin::Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    if ended.is_err_and(|error| is_reset(&error)) {
        // With no time to linger, closing the socket sends a reset instead of an orderly end.
        let _ = connection.into_parts().io.into_inner().set_zero_linger();
    }
}

async fn answer(sim: &Sim, request: Request<Incoming>) -> Result<Response<SimBody>, SimBodyError> {
    let (head, body) = request.into_parts();
    let max = sim.body_bytes_max();
    let response = match Limited::new(body, max).collect().await {
        Ok(body) => sim.answer(Request::from_parts(head, body.to_bytes())).await,
        Err(_) => sim.too_large(&Request::from_parts(head, Bytes::new())),
    };
    match response.body().resets_before_head() {
        true => Err(SimBodyError::Reset),
        false => Ok(response),
    }
}

fn is_reset(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<SimBodyError>());
    cause == Some(&SimBodyError::Reset)
}
