//! Heads and bodies of answers in HTTP/1.1 (RFC 9112), read strictly.
//!
//! What two readers could frame differently is refused: a length beside a transfer coding, two lengths, a coding other
//! than `chunked`, a line that ends in a bare line feed. It holds no socket, so that every split of the bytes can be
//! tested.

use bytes::{Buf as _, Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Version};

/// The largest head of an answer.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// The most headers of an answer.
const HEADERS_MAX: usize = 128;
/// The longest line that gives the size of a chunk, extensions included.
const SIZE_LINE_BYTES_MAX: usize = 1024;
/// The largest trailer.
const TRAILER_BYTES_MAX: usize = 16 * 1024;

/// Why bytes are not an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an answer in HTTP/1.1: {0}")]
pub(super) struct FramingError(&'static str);

/// The head of an answer.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) response: Response<()>,
    pub(super) body: Framing,
    /// Whether the connection may carry another request once the body is whole.
    pub(super) reusable: bool,
}

/// How far a body has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many bytes are left.
    Length(u64),
    /// Chunks are left.
    Chunked(Chunk),
    /// It ends with the connection.
    UntilClose,
    /// It is whole.
    Done,
}

/// Where in a chunked body the reader stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunk {
    /// Before the size of a chunk.
    Size,
    /// Within its data.
    Data(u64),
    /// Before the line end after its data.
    DataEnd,
    /// After the last chunk, with so many bytes of trailer read.
    Trailer(usize),
}

/// Takes a whole head out of the buffer, if one is there. Heads of interim answers are passed over.
pub(super) fn head(buffer: &mut BytesMut) -> Result<Option<Head>, FramingError> {
    loop {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut parsed = httparse::Response::new(&mut headers);
        let size = match parsed.parse(buffer) {
            Ok(httparse::Status::Complete(size)) => size,
            Ok(httparse::Status::Partial) if buffer.len() > HEAD_BYTES_MAX => {
                return Err(FramingError("the head is too large"));
            }
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(FramingError("the head cannot be read")),
        };
        if has_bare_line_feed(buffer.get(..size).unwrap_or_default()) {
            return Err(FramingError("a line ends in a bare line feed"));
        }
        let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or(FramingError("no status"))?;
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(FramingError("another protocol was not asked for"));
        }
        if status.is_informational() {
            buffer.advance(size);
            continue;
        }
        let old = parsed.version == Some(0);
        let mut response = Response::new(());
        *response.status_mut() = status;
        *response.version_mut() = if old { Version::HTTP_10 } else { Version::HTTP_11 };
        let map = response.headers_mut();
        map.reserve(parsed.headers.len());
        for header in parsed.headers.iter() {
            let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| FramingError("a header's name"))?;
            let value = HeaderValue::from_bytes(header.value).map_err(|_| FramingError("a header's value"))?;
            map.append(name, value);
        }
        let body = framing(status, response.headers())?;
        let reusable = !old && body != Framing::UntilClose && !says_close(response.headers());
        buffer.advance(size);
        return Ok(Some(Head { response, body, reusable }));
    }
}

/// The parser takes them; empty lines before the head are looked at too.
fn has_bare_line_feed(head: &[u8]) -> bool {
    head.split_inclusive(|byte| *byte == b'\n').any(|line| !line.ends_with(b"\r\n"))
}

fn framing(status: StatusCode, headers: &HeaderMap) -> Result<Framing, FramingError> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let (coding, length) = (codings.next(), lengths.next());
    if codings.next().is_some() || lengths.next().is_some() || (coding.is_some() && length.is_some()) {
        return Err(FramingError("its length is said twice"));
    }
    if matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        return Ok(Framing::Done);
    }
    if let Some(coding) = coding {
        let chunked = coding.as_bytes().eq_ignore_ascii_case(b"chunked");
        return if chunked {
            Ok(Framing::Chunked(Chunk::Size))
        } else {
            Err(FramingError("an unknown transfer coding"))
        };
    }
    let Some(length) = length else { return Ok(Framing::UntilClose) };
    let digits = length.to_str().ok().filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()));
    match digits.and_then(|digits| digits.parse().ok()) {
        Some(0) => Ok(Framing::Done),
        Some(length) => Ok(Framing::Length(length)),
        None => Err(FramingError("its length is no number")),
    }
}

fn says_close(headers: &HeaderMap) -> bool {
    headers.get_all(CONNECTION).iter().any(|value| {
        value.as_bytes().split(|byte| *byte == b',').any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
    })
}

impl Framing {
    /// Takes the next piece of the body out of the buffer; `None` where more bytes are needed, or none.
    pub(super) fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<Bytes>, FramingError> {
        loop {
            match self {
                Self::Done => return Ok(None),
                Self::UntilClose => return Ok((!buffer.is_empty()).then(|| buffer.split().freeze())),
                Self::Length(left) => {
                    let Some(piece) = take(buffer, left) else { return Ok(None) };
                    if *left == 0 {
                        *self = Self::Done;
                    }
                    return Ok(Some(piece));
                }
                Self::Chunked(Chunk::Data(left)) => {
                    let Some(piece) = take(buffer, left) else { return Ok(None) };
                    if *left == 0 {
                        *self = Self::Chunked(Chunk::DataEnd);
                    }
                    return Ok(Some(piece));
                }
                Self::Chunked(chunk) => match chunk.step(buffer)? {
                    Step::Wait => return Ok(None),
                    Step::To(next) => *chunk = next,
                    Step::Whole => *self = Self::Done,
                },
            }
        }
    }

    /// Whether the body may end where the connection ends.
    pub(super) fn may_end(self) -> bool {
        matches!(self, Self::Done | Self::UntilClose)
    }
}

enum Step {
    Wait,
    To(Chunk),
    Whole,
}

impl Chunk {
    /// Reads what stands between the data of chunks.
    fn step(self, buffer: &mut BytesMut) -> Result<Step, FramingError> {
        match self {
            Self::Data(_) => Ok(Step::To(self)),
            Self::DataEnd => match buffer.get(..2) {
                Some(b"\r\n") => {
                    buffer.advance(2);
                    Ok(Step::To(Self::Size))
                }
                Some(_) => Err(FramingError("a chunk is longer than it said")),
                None => Ok(Step::Wait),
            },
            Self::Size => {
                let Some(line) = line(buffer, SIZE_LINE_BYTES_MAX)? else { return Ok(Step::Wait) };
                match chunk_size(&line)? {
                    0 => Ok(Step::To(Self::Trailer(0))),
                    size => Ok(Step::To(Self::Data(size))),
                }
            }
            Self::Trailer(read) => {
                let Some(line) = line(buffer, TRAILER_BYTES_MAX)? else { return Ok(Step::Wait) };
                let read = read + line.len();
                match line.is_empty() {
                    true => Ok(Step::Whole),
                    false if read > TRAILER_BYTES_MAX => Err(FramingError("the trailer is too large")),
                    false => Ok(Step::To(Self::Trailer(read))),
                }
            }
        }
    }
}

fn take(buffer: &mut BytesMut, left: &mut u64) -> Option<Bytes> {
    let size = buffer.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
    if size == 0 {
        return None;
    }
    *left -= size as u64;
    Some(buffer.split_to(size).freeze())
}

/// Takes a line out of the buffer, without its end.
fn line(buffer: &mut BytesMut, max: usize) -> Result<Option<Bytes>, FramingError> {
    let Some(end) = buffer.iter().take(max + 2).position(|byte| *byte == b'\n') else {
        return if buffer.len() > max { Err(FramingError("a line is too long")) } else { Ok(None) };
    };
    let line = buffer.split_to(end + 1).freeze();
    match line.strip_suffix(b"\r\n") {
        Some(text) => Ok(Some(line.slice(..text.len()))),
        None => Err(FramingError("a line ends in a bare line feed")),
    }
}

fn chunk_size(line: &[u8]) -> Result<u64, FramingError> {
    const ERROR: FramingError = FramingError("the size of a chunk");
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii_end();
    if digits.is_empty() || digits.len() > 15 {
        return Err(ERROR);
    }
    digits.iter().try_fold(0, |size: u64, digit| {
        char::from(*digit).to_digit(16).map(|digit| size * 16 + u64::from(digit)).ok_or(ERROR)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The head and body of an answer that comes in pieces, and whether it was whole.
    fn read(bytes: &[u8], size: usize) -> Result<(u16, Vec<u8>, bool, bool), FramingError> {
        let mut buffer = BytesMut::new();
        let mut found: Option<Head> = None;
        let mut body = Vec::new();
        for piece in bytes.chunks(size) {
            buffer.extend_from_slice(piece);
            if found.is_none() {
                found = head(&mut buffer)?;
            }
            if let Some(head) = &mut found {
                while let Some(piece) = head.body.next(&mut buffer)? {
                    body.extend_from_slice(&piece);
                }
            }
        }
        let head = found.ok_or(FramingError("no head"))?;
        Ok((head.response.status().as_u16(), body, head.body.may_end(), head.reusable))
    }

    #[test]
    fn every_framing_is_read_wherever_it_is_cut() {
        for (bytes, expected) in [
            (&b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"[..], (200, "hello", true, true)),
            (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 \r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nx: y\r\n\r\n", (201, "hello", true, true)),
            (b"HTTP/1.1 200 OK\r\n\r\nhello", (200, "hello", true, false)),
            (b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello", (200, "hello", true, false)),
            (b"HTTP/1.1 200 OK\r\nconnection: x, Close\r\ncontent-length: 5\r\n\r\nhello", (200, "hello", true, false)),
            (b"HTTP/1.1 204 No Content\r\n\r\n", (204, "", true, true)),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", (200, "", true, true)),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello", (200, "hello", false, true)),
            (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", (200, "hello", false, true)),
        ] {
            for size in [1, 2, 3, 1000] {
                let (status, body, whole, reusable) = read(bytes, size).unwrap();
                assert_eq!((status, std::str::from_utf8(&body).unwrap(), whole, reusable), expected);
            }
        }
    }

    #[test]
    fn what_could_be_framed_in_two_ways_is_refused() {
        for head in [
            "content-length: 5\r\ntransfer-encoding: chunked",
            "content-length: 5\r\ncontent-length: 6",
            "content-length: 5, 5",
            "content-length: +5",
            "content-length: 99999999999999999999999",
            "transfer-encoding: gzip, chunked",
            "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
            "content-length : 5",
            "x: y\ncontent-length: 5",
        ] {
            let bytes = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\nhello");
            assert!(read(bytes.as_bytes(), 1000).is_err(), "{head}");
        }
        for body in
            ["5\nhello\r\n", "x\r\n", "\r\n", "-1\r\n", "5\r\nhelloo\r\n", "ffffffffffffffff\r\n", " 5\r\nhello"]
        {
            let bytes = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{body}0\r\n\r\n");
            assert!(read(bytes.as_bytes(), 1000).is_err(), "{body}");
        }
        assert!(read(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", 1000).is_err());
        assert!(read(b"HTTP/1.1 200 OK\ncontent-length: 5\n\nhello", 1000).is_err());
        assert!(read(b"SSH-2.0-OpenSSH\r\n\r\n", 1000).is_err());
    }

    #[test]
    fn lines_and_heads_are_bounded() {
        let long = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(HEAD_BYTES_MAX));
        assert!(read(long.as_bytes(), 4096).is_err());
        let long = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;{}", "y".repeat(2000));
        assert!(read(long.as_bytes(), 100).is_err());
    }

    proptest::proptest! {
        /// A body that was framed comes out as it went in, however the bytes are cut.
        #[test]
        fn a_chunked_body_is_read_as_it_was_written(pieces in proptest::collection::vec("[a-z\r\n]{1,40}", 0..6), size in 1_usize..64) {
            let mut bytes = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
            for piece in &pieces {
                bytes.extend_from_slice(format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes());
            }
            bytes.extend_from_slice(b"0\r\n\r\n");
            let (status, body, whole, reusable) = read(&bytes, size).unwrap();
            proptest::prop_assert_eq!((status, body, whole, reusable), (200, pieces.concat().into_bytes(), true, true));
        }

        /// Whatever a server sends is read or refused, alike at every cut.
        #[test]
        fn any_bytes_are_read_or_refused(
            head in "(content-length: [0-9]{1,3}\r\n|transfer-encoding: chunked\r\n|connection: close\r\n){0,2}",
            body in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..80),
            size in 1_usize..64,
        ) {
            let bytes = [format!("HTTP/1.1 200 OK\r\n{head}\r\n").as_bytes(), &body].concat();
            match (read(&bytes, size), read(&bytes, bytes.len())) {
                (Ok(cut), Ok(whole)) => proptest::prop_assert_eq!(cut, whole),
                (Err(_), Err(_)) => {}
                (cut, whole) => proptest::prop_assert!(false, "{:?} or {:?}", cut.is_ok(), whole.is_ok()),
            }
        }
    }
}
