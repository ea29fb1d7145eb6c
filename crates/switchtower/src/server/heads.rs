//! Heads of requests as they come from the socket, to know of a length that stands beside a transfer coding.
//!
//! Such a request is two requests to readers that disagree about which of the two counts (RFC 9112, section 6.3), and
//! it is refused. But hyper takes the length away before anybody sees it, so the bytes are followed here: lines of
//! heads, and no more of a body than how long it is. Where the follower cannot be certain that it reads as hyper does,
//! it doubts everything that comes later on the connection.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The longest part of a line that is kept: a name with a length, or the size of a chunk.
const LINE_BYTES_MAX: usize = 128;

/// From which head on, counted from zero, a transfer coding may stand beside a length.
#[derive(Debug, Clone)]
pub(super) struct Doubt(Arc<AtomicUsize>);

impl Doubt {
    /// Whether it concerns a head.
    pub(super) fn about(&self, head: usize) -> bool {
        head >= self.0.load(Ordering::Relaxed)
    }
}

/// A connection whose incoming heads are looked at.
#[derive(Debug)]
pub(super) struct Watched<S> {
    stream: S,
    heads: Heads,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, heads: Heads::new() }
    }

    pub(super) fn doubt(&self) -> Doubt {
        self.heads.doubt.clone()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.heads.see(buffer.filled().get(before..).unwrap_or_default());
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[derive(Debug)]
struct Heads {
    at: At,
    /// The beginning of the line that is being read.
    line: Vec<u8>,
    /// How many heads are whole.
    whole: usize,
    doubt: Doubt,
}

/// Where the follower stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Head(Said),
    /// So many bytes of a body are left.
    Body(u64),
    ChunkSize,
    /// So many bytes of a chunk are left, the end of its line included.
    Chunk(u64),
    Trailer,
    /// Nothing is certain any more.
    Lost,
}

/// What a head has said so far about its body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Said {
    /// Its first line.
    begun: bool,
    length: Option<u64>,
    coded: bool,
}

impl Heads {
    fn new() -> Self {
        let doubt = Doubt(Arc::new(AtomicUsize::new(usize::MAX)));
        Self { at: At::Head(Said::default()), line: Vec::new(), whole: 0, doubt }
    }

    fn see(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match self.at {
                At::Lost => return,
                At::Body(left) | At::Chunk(left) => {
                    let taken = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    bytes = bytes.get(taken..).unwrap_or_default();
                    let left = left - taken as u64;
                    self.at = match self.at {
                        At::Chunk(_) if left == 0 => At::ChunkSize,
                        At::Chunk(_) => At::Chunk(left),
                        _ if left == 0 => At::Head(Said::default()),
                        _ => At::Body(left),
                    };
                }
                At::Head(_) | At::ChunkSize | At::Trailer => bytes = self.see_line(bytes),
            }
        }
    }

    /// Takes bytes up to the end of a line, and gives those after it.
    fn see_line<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let (part, rest) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
        // A line that is too long is known by its lacking a line feed.
        if self.line.len() < LINE_BYTES_MAX {
            let kept = part.len().min(LINE_BYTES_MAX - self.line.len());
            self.line.extend_from_slice(part.get(..kept).unwrap_or_default());
        }
        if end.is_none() {
            return rest;
        }
        let line = std::mem::take(&mut self.line);
        self.at = self.after(&line);
        if self.at == At::Lost {
            // What is read of this head, or else of the next one, is the first that is doubted.
            self.doubt.0.fetch_min(self.whole, Ordering::Relaxed);
        }
        self.line = line;
        self.line.clear();
        rest
    }

    /// Where a line leads to; it ends in its line feed, unless it is too long.
    fn after(&mut self, line: &[u8]) -> At {
        let strict = line.strip_suffix(b"\r\n");
        let text = strict.or_else(|| line.strip_suffix(b"\n"));
        match (self.at, text) {
            (At::Head(said), Some(b"")) => self.after_head(said),
            (At::Head(said), text) => said.and(line, text.is_some()).map_or(At::Lost, At::Head),
            // Within chunks, hyper takes a bare line feed for a part of the line.
            (At::ChunkSize, _) => strict.and_then(chunk_size).map_or(At::Lost, |size| match size {
                0 => At::Trailer,
                size => At::Chunk(size.saturating_add(2)),
            }),
            (At::Trailer, _) => match strict {
                Some(b"") => At::Head(Said::default()),
                Some(_) => At::Trailer,
                None => At::Lost,
            },
            (at, _) => at,
        }
    }

    fn after_head(&mut self, said: Said) -> At {
        if !said.begun {
            // Empty lines before a request are passed over.
            return At::Head(said);
        }
        if said.coded && said.length.is_some() {
            return At::Lost;
        }
        self.whole += 1;
        match said.length {
            _ if said.coded => At::ChunkSize,
            None | Some(0) => At::Head(Said::default()),
            Some(length) => At::Body(length),
        }
    }
}

impl Said {
    /// What is known with another line; `None` where its length cannot be read.
    fn and(mut self, line: &[u8], is_whole: bool) -> Option<Self> {
        if !self.begun {
            self.begun = true;
            return Some(self);
        }
        let value = |name: &[u8]| {
            let (start, rest) = (line.get(..name.len())?, line.get(name.len()..)?);
            start.eq_ignore_ascii_case(name).then_some(rest)
        };
        if value(b"transfer-encoding:").is_some() {
            self.coded = true;
        } else if let Some(length) = value(b"content-length:") {
            let digits = std::str::from_utf8(length.trim_ascii()).ok().filter(|_| is_whole)?;
            self.length = Some(digits.parse().ok()?);
        }
        Some(self)
    }
}

fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|byte| matches!(byte, b';' | b' ' | b'\t')).next()?;
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "\r\nPOST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello";
    const CHUNKED: &str = "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1b;x=y\r\ncontent-length: 5\r\ntransfer\r\n0\r\nx: y\r\n\r\n";
    const BOTH: &str = "POST / HTTP/1.1\nTransfer-Encoding: chunked\nhost: a\nCONTENT-LENGTH: 5\n\n0\r\n\r\n";

    /// The first head that is doubted.
    fn doubted(bytes: &str, size: usize) -> Option<usize> {
        let mut heads = Heads::new();
        bytes.as_bytes().chunks(size).for_each(|piece| heads.see(piece));
        (0..9).find(|head| heads.doubt.about(*head))
    }

    #[test]
    fn both_lengths_are_seen_in_whichever_request_they_stand() {
        for size in [1, 2, 7, 1000] {
            assert_eq!(doubted(&[PLAIN, CHUNKED, PLAIN, "GET / HTTP/1.1\r\n\r\n", CHUNKED].concat(), size), None);
            assert_eq!(doubted(BOTH, size), Some(0));
            assert_eq!(doubted(&[PLAIN, CHUNKED, BOTH].concat(), size), Some(2));
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_doubted() {
        let chunked = |rest: &str| format!("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n{rest}");
        assert_eq!(doubted(&chunked("0\r\nx: y\n\r\n"), 1000), Some(1));
        assert_eq!(doubted(&chunked("5\nhello\r\n0\r\n\r\n"), 1000), Some(1));
        assert_eq!(doubted(&chunked(&format!("{}5\r\nhello\r\n", "0".repeat(500))), 1000), Some(1));
        let padded = format!("POST / HTTP/1.1\r\ncontent-length:{}5\r\n\r\nhello", " ".repeat(500));
        assert_eq!(doubted(&padded, 1000), Some(0));
    }
}
