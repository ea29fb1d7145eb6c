//! The port through which requests leave. The roof supplies the client; everything that speaks HTTP outwards goes
//! through this one, so that pools, proxies and trust roots have one home.

use bytes::Bytes;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

/// A body that comes as it comes; dropping it ends the exchange at once.
pub type ResponseBody = Pin<Box<dyn http_body::Body<Data = Bytes, Error = TransportError> + Send>>;

/// The future of [`Transport::send`]; dropping it ends the exchange at once.
pub type TransportFuture<'a> =
    Pin<Box<dyn Future<Output = Result<http::Response<ResponseBody>, TransportError>> + Send + 'a>>;

/// Sends one request and gives the answer's head as soon as it is there.
pub trait Transport: Send + Sync + fmt::Debug {
    /// Sends a request to the absolute URI it names. Redirects are not followed and nothing is decompressed.
    fn send(&self, request: http::Request<Bytes>) -> TransportFuture<'_>;
}

/// The way by which requests leave where it is not the usual one: by an outbound proxy, under other roots of trust, with
/// a certificate of our own. A request carries it among its extensions; what it stands for, the transport alone knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Way(pub usize);

/// Why no answer came, or no more of it.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// No connection could be made.
    #[error("cannot connect: {reason}")]
    Connect {
        /// What the system said.
        reason: String,
    },
    /// The connection broke before the exchange was whole.
    #[error("connection broke: {reason}")]
    Broken {
        /// What the system said.
        reason: String,
    },
    /// What came is no answer in HTTP, or could be read as two.
    #[error("{reason}")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing came in time.
    #[error("nothing came within {waited_ms} ms")]
    TimedOut {
        /// How long was waited.
        waited_ms: u64,
    },
}
