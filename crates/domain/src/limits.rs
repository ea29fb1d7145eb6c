//! Bounds that hold everywhere, each with its unit in its name. Bounds that an operator may move have these as
//! their defaults.

/// The longest name of a provider, a deployment, an alias or a model.
pub const NAME_BYTES_MAX: usize = 256;
/// The largest body of a request: images and documents travel in base64.
pub const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;
/// The largest head of a request, all headers together.
pub const HEADER_BYTES_MAX: usize = 64 * 1024;
/// The most headers of a request.
pub const HEADERS_MAX: usize = 64;
/// The deepest nesting of a body.
pub const DEPTH_MAX: usize = 96;
/// The most tools that a request may offer.
pub const TOOLS_MAX: usize = 512;
/// The largest single event of a stream.
pub const EVENT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The largest whole answer.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The largest body of a provider's error that is read.
pub const ERROR_BYTES_MAX: usize = 256 * 1024;
