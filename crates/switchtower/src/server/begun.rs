//! A connection whose first bytes were looked at.

use bytes::{Buf as _, BytesMut};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

/// Enough for most first requests, so that they are read at once.
const READ_BYTES: usize = 4096;
/// What HTTP/2 begins with, and no request of HTTP/1 does (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A stream with what was read of it beforehand.
#[derive(Debug)]
pub(super) struct Begun<S> {
    read: BytesMut,
    stream: S,
}

impl<S: AsyncRead + Unpin> Begun<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { read: BytesMut::new(), stream }
    }

    /// What was read and is not taken yet.
    pub(super) fn read(&mut self) -> &mut BytesMut {
        &mut self.read
    }

    /// Reads more; says how much, 0 being the end.
    pub(super) async fn more(&mut self) -> io::Result<usize> {
        self.read.reserve(READ_BYTES);
        self.stream.read_buf(&mut self.read).await
    }

    /// Whether the client begins with HTTP/2 without asking. It reads no further than it takes to know.
    pub(super) async fn is_http2(&mut self) -> io::Result<bool> {
        loop {
            let known = self.read.len().min(PREFACE.len());
            if self.read.get(..known) != PREFACE.get(..known) {
                return Ok(false);
            }
            if known == PREFACE.len() {
                return Ok(true);
            }
            if self.more().await? == 0 {
                return Ok(false);
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Begun<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.read.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let count = self.read.len().min(buffer.remaining());
        buffer.put_slice(self.read.get(..count).unwrap_or_default());
        self.read.advance(count);
        if self.read.is_empty() {
            // An open connection keeps no buffer that it does not need.
            self.read = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Begun<S> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt as _;

    #[tokio::test]
    async fn the_beginning_is_known_and_still_there() {
        for (begin, is_http2) in
            [("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nrest", true), ("PRINT / HTTP/1.1\r\n", false), ("P", false), ("", false)]
        {
            let (mut client, server) = tokio::io::duplex(3);
            let writing = tokio::spawn(async move { client.write_all(begin.as_bytes()).await });
            let mut server = Begun::new(server);
            assert_eq!(server.is_http2().await.unwrap(), is_http2, "{begin}");
            let mut all = String::new();
            server.read_to_string(&mut all).await.unwrap();
            assert_eq!(all, begin);
            writing.await.unwrap().unwrap();
        }
    }
}
