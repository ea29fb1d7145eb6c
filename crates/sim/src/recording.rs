//! Recorded exchanges with real providers: one JSON file for each.
//!
//! ```
//! use switchtower_sim::recording::{Body, Exchange};
//!
//! let text = r#"{"source": "example", "index": 0, "licence": "MIT", "provider": "openai", "api": "openai.chat",
//!     "dialect": "openai.chat", "fidelity": "wire", "streaming": false, "features": [], "request": null,
//!     "response": {"status": 200, "headers": {"content-type": "application/json"}, "body_text": "{}"}}"#;
//! let exchange = Exchange::parse(text)?;
//! assert_eq!(exchange.response.body, Body::Text("{}".into()));
//! # Ok::<(), switchtower_sim::recording::ExchangeError>(())
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// Largest recording read from a folder, in bytes.
pub const EXCHANGE_BYTES_MAX: u64 = 64 << 20;
/// Deepest nesting of folders that is looked into.
const FOLDERS_MAX: usize = 16;

/// One request and the answer that a provider gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Exchange {
    /// Where it was recorded: `owner/repo@commit:path`.
    pub source: String,
    /// Position within that recording.
    pub index: u64,
    /// Licence of the source.
    pub licence: String,
    /// Whose answer it is, such as `openai`.
    pub provider: String,
    /// Which call it is, such as `openai.chat`.
    pub api: String,
    /// The wire format, such as `openai.chat`.
    pub dialect: String,
    /// How near to the wire the recording is.
    pub fidelity: Fidelity,
    /// True if the answer is a stream.
    pub streaming: bool,
    /// What the exchange shows, such as `tool_call`.
    pub features: Vec<String>,
    /// The request; `None` when only the answer was recorded.
    pub request: Option<Request>,
    /// Method and address, where the request itself is missing.
    pub request_hint: Option<RequestHint>,
    /// The answer.
    pub response: Response,
}

/// How near to the wire a recording is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Fidelity {
    /// The body as it was.
    Wire,
    /// JSON that was written anew.
    WireReserialised,
    /// JSON that was written anew, with ids replaced and the host unknown.
    WireNormalised,
    /// Only the answer.
    ResponseOnly,
    /// Only the answer, its events as recorded and the framing added.
    ResponseOnlyReconstructedFraming,
    /// Rebuilt from objects of a client library.
    Reconstructed,
}

/// A recorded request.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The HTTP method.
    pub method: String,
    /// The whole address.
    pub url: String,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as JSON; text that is not JSON is a JSON string.
    pub body: Option<Value>,
}

/// Where a request went that was not recorded itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RequestHint {
    /// The HTTP method.
    pub method: String,
    /// The whole address.
    pub url: String,
}

/// A recorded answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
}

/// A recorded body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Text as it was.
    Text(String),
    /// Bytes that were in base64.
    Bytes(Bytes),
    /// None was recorded.
    Empty,
}

impl Body {
    /// The bytes of the body.
    pub fn to_bytes(&self) -> Bytes {
        match self {
            Self::Text(text) => Bytes::copy_from_slice(text.as_bytes()),
            Self::Bytes(bytes) => bytes.clone(),
            Self::Empty => Bytes::new(),
        }
    }
}

/// Why a text is not a recorded exchange.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// The text is not JSON, or a field is missing or of another type.
    #[error("not a recorded exchange: {0}")]
    Shape(#[from] serde_json::Error),
    /// `body_base64` is not base64.
    #[error("response.body_base64 is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    /// The status is not one of HTTP.
    #[error("response.status {found} is not between 100 and 599")]
    Status {
        /// The status as written.
        found: u16,
    },
    /// A header has a value that is neither text nor a number.
    #[error("header `{name}` has a value that is not text")]
    Header {
        /// The header.
        name: String,
    },
}

/// Why a folder of recordings cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// A file or folder cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file is no recording.
    #[error("{}: {source}", path.display())]
    Exchange {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: ExchangeError,
    },
    /// A file is too large.
    #[error("{} has {bytes} bytes, at most {EXCHANGE_BYTES_MAX} are read", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// Folders are nested too deep.
    #[error("{} lies more than {FOLDERS_MAX} folders deep", path.display())]
    TooDeep {
        /// The folder.
        path: PathBuf,
    },
}

#[derive(Deserialize)]
struct Written {
    source: String,
    index: u64,
    licence: String,
    provider: String,
    api: String,
    dialect: String,
    fidelity: Fidelity,
    streaming: bool,
    #[serde(default)]
    features: Vec<String>,
    request: Option<WrittenRequest>,
    request_hint: Option<RequestHint>,
    response: WrittenResponse,
}

#[derive(Deserialize)]
struct WrittenRequest {
    method: String,
    url: String,
    #[serde(default)]
    headers: Map<String, Value>,
    #[serde(default)]
    body: Option<Value>,
}

#[derive(Deserialize)]
struct WrittenResponse {
    status: u16,
    #[serde(default)]
    headers: Map<String, Value>,
    body_text: Option<String>,
    body_base64: Option<String>,
}

impl Exchange {
    /// Reads one exchange from the text of its file.
    ///
    /// # Errors
    /// When the text is not JSON of the right shape, or its base64 or status is wrong.
    pub fn parse(text: &str) -> Result<Self, ExchangeError> {
        let written: Written = serde_json::from_str(text)?;
        let response = written.response;
        if !(100..600).contains(&response.status) {
            return Err(ExchangeError::Status { found: response.status });
        }
        let body = match (response.body_text, response.body_base64) {
            (Some(text), _) => Body::Text(text),
            (None, Some(data)) => Body::Bytes(BASE64.decode(data)?.into()),
            (None, None) => Body::Empty,
        };
        let request = match written.request {
            Some(request) => Some(Request {
                method: request.method,
                url: request.url,
                headers: headers(request.headers)?,
                body: request.body,
            }),
            None => None,
        };
        Ok(Self {
            source: written.source,
            index: written.index,
            licence: written.licence,
            provider: written.provider,
            api: written.api,
            dialect: written.dialect,
            fidelity: written.fidelity,
            streaming: written.streaming,
            features: written.features,
            request,
            request_hint: written.request_hint,
            response: Response { status: response.status, headers: headers(response.headers)?, body },
        })
    }
}

fn headers(written: Map<String, Value>) -> Result<Vec<(String, String)>, ExchangeError> {
    let mut headers = Vec::with_capacity(written.len());
    for (name, value) in written {
        let value = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            _ => return Err(ExchangeError::Header { name }),
        };
        headers.push((name.to_ascii_lowercase(), value));
    }
    Ok(headers)
}

/// Loads every `.json` file below a folder, sorted by path.
///
/// Blocks on the disk; call it before serving, not while.
///
/// # Errors
/// At the first file or folder that cannot be read, is too large, or is no recording.
pub fn load_folder(folder: &Path) -> Result<Vec<(PathBuf, Exchange)>, FolderError> {
    let mut files = Vec::new();
    collect(folder, 0, &mut files)?;
    files.sort();
    let read = files.into_iter().map(|path| {
        let unreadable = |source| FolderError::Read { path: path.clone(), source };
        let bytes = std::fs::metadata(&path).map_err(unreadable)?.len();
        if bytes > EXCHANGE_BYTES_MAX {
            return Err(FolderError::TooLarge { path, bytes });
        }
        let text = std::fs::read_to_string(&path).map_err(unreadable)?;
        match Exchange::parse(&text) {
            Ok(exchange) => Ok((path, exchange)),
            Err(source) => Err(FolderError::Exchange { path, source }),
        }
    });
    read.collect()
}

fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), FolderError> {
    if depth > FOLDERS_MAX {
        return Err(FolderError::TooDeep { path: folder.to_owned() });
    }
    let unreadable = |source| FolderError::Read { path: folder.to_owned(), source };
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            collect(&path, depth + 1, files)?;
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = r#"{"source":"s","index":0,"licence":"MIT","provider":"p","api":"a","dialect":"d","fidelity":"wire",
        "streaming":false,"request":null,"response":{"status":200,"headers":{"X-A":3},"body_base64":"AAE="}}"#;

    #[test]
    fn both_kinds_of_body_and_mistakes() {
        let exchange = Exchange::parse(MINIMAL).unwrap();
        assert_eq!(exchange.response.body.to_bytes().as_ref(), [0, 1]);
        assert_eq!(exchange.response.headers, [("x-a".to_owned(), "3".to_owned())]);
        let error = |from: &str, to: &str| Exchange::parse(&MINIMAL.replace(from, to)).unwrap_err();
        assert!(matches!(error("AAE=", "?"), ExchangeError::Base64(_)));
        assert!(matches!(error("200", "99"), ExchangeError::Status { found: 99 }));
        assert!(matches!(error("\"wire\"", "\"weird\""), ExchangeError::Shape(_)));
        assert!(matches!(error("3}", "[]}"), ExchangeError::Header { .. }));
    }
}
