//! The simulator in process, behind the same port as every other provider.

use bytes::Bytes;
use http::Request;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use switchtower_domain::{ResponseBody, Transport, TransportError, TransportFuture};
use switchtower_sim::{Sim, SimBody, SimBodyError};

/// The scheme of the simulator's addresses.
pub const SCHEME: &str = "sim";

/// Sends requests for the simulator to it and all others on.
#[derive(Debug)]
pub struct WithSim<T> {
    sim: Sim,
    others: T,
}

impl<T> WithSim<T> {
    /// A transport that knows the simulator.
    pub const fn new(sim: Sim, others: T) -> Self {
        Self { sim, others }
    }
}

impl<T: Transport> Transport for WithSim<T> {
    fn send(&self, request: Request<Bytes>) -> TransportFuture<'_> {
        if request.uri().scheme_str() != Some(SCHEME) {
            return self.others.send(request);
        }
        Box::pin(async move {
            let response = self.sim.answer(request).await;
            if response.body().resets_before_head() {
                return Err(broken(SimBodyError::Reset));
            }
            Ok(response.map(|body| -> ResponseBody { Box::pin(Simulated(body)) }))
        })
    }
}

fn broken(error: SimBodyError) -> TransportError {
    TransportError::Broken { reason: error.to_string() }
}

struct Simulated(SimBody);

impl Body for Simulated {
    type Data = Bytes;
    type Error = TransportError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
        Pin::new(&mut self.0).poll_frame(cx).map(|frame| frame.map(|frame| frame.map_err(broken)))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}
