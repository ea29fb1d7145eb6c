//! A connection that sends prepared requests and reads the answers: HTTP/1.1 by hand, because the
//! generator must cost less than what it measures.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use bytes::{Buf, Bytes, BytesMut};
use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::answers::TOKEN;

const HEAD_BYTES_MAX: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    buffer: BytesMut,
}

/// How the rest of an answer's body is delimited.
#[derive(Debug, Clone, Copy)]
enum Framing {
    Length(usize),
    /// Bytes left in the current chunk.
    Chunked(usize),
    Ended,
}

impl Connection {
    pub(super) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("failed to connect to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: BytesMut::with_capacity(8 * 1024) })
    }

    /// Sends a request and reads its whole answer.
    pub(super) async fn exchange(&mut self, request: &[u8]) -> Result<()> {
        let mut framing = self.send(request).await?;
        while self.part(&mut framing).await?.is_some() {}
        Ok(())
    }

    /// Sends a request and reads its answer until the first token has come.
    pub(super) async fn begin_stream(&mut self, request: &[u8]) -> Result<Open> {
        let mut framing = self.send(request).await?;
        let mut seen = Vec::new();
        while let Some(part) = self.part(&mut framing).await? {
            seen.extend_from_slice(&part);
            if memmem::find(&seen, TOKEN).is_some() {
                return Ok(Open { framing });
            }
        }
        bail!("the stream ended without a token: {}", String::from_utf8_lossy(&seen))
    }

    /// Reads the rest of a stream.
    pub(super) async fn finish_stream(&mut self, open: Open) -> Result<()> {
        let mut framing = open.framing;
        while self.part(&mut framing).await?.is_some() {}
        Ok(())
    }

    async fn send(&mut self, request: &[u8]) -> Result<Framing> {
        self.stream.write_all(request).await.context("failed to send")?;
        let (status, mut framing) = self.head().await?;
        if status != 200 {
            let mut body = Vec::new();
            while let Some(part) = self.part(&mut framing).await? {
                body.extend_from_slice(&part);
            }
            bail!("answered with status {status}: {}", String::from_utf8_lossy(&body));
        }
        Ok(framing)
    }

    async fn head(&mut self) -> Result<(u16, Framing)> {
        let end = loop {
            if let Some(end) = memmem::find(&self.buffer, b"\r\n\r\n") {
                break end + 4;
            }
            if self.buffer.len() > HEAD_BYTES_MAX {
                bail!("the head of the answer is longer than {HEAD_BYTES_MAX} bytes");
            }
            self.fill().await?;
        };
        let head = self.buffer.split_to(end);
        parse_head(&head).with_context(|| format!("not an HTTP answer: {}", String::from_utf8_lossy(&head)))
    }

    /// The next piece of the body; none after its end.
    async fn part(&mut self, framing: &mut Framing) -> Result<Option<Bytes>> {
        loop {
            match *framing {
                Framing::Ended | Framing::Length(0) => return Ok(None),
                Framing::Length(left) => {
                    let piece = self.take(left).await?;
                    *framing = Framing::Length(left - piece.len());
                    return Ok(Some(piece));
                }
                Framing::Chunked(0) => *framing = self.next_chunk().await?,
                Framing::Chunked(left) => {
                    let piece = self.take(left).await?;
                    let left = left - piece.len();
                    *framing = Framing::Chunked(left);
                    if left == 0 {
                        self.line().await?;
                    }
                    return Ok(Some(piece));
                }
            }
        }
    }

    async fn next_chunk(&mut self) -> Result<Framing> {
        let line = self.line().await?;
        let size = std::str::from_utf8(&line).ok().and_then(|line| {
            let digits = line.split(';').next()?.trim();
            usize::from_str_radix(digits, 16).ok()
        });
        match size {
            None => bail!("not the size of a chunk: {}", String::from_utf8_lossy(&line)),
            Some(0) => {
                while !self.line().await?.is_empty() {}
                Ok(Framing::Ended)
            }
            Some(size) => Ok(Framing::Chunked(size)),
        }
    }

    /// At least one byte and at most `limit`.
    async fn take(&mut self, limit: usize) -> Result<Bytes> {
        if self.buffer.is_empty() {
            self.fill().await?;
        }
        Ok(self.buffer.split_to(limit.min(self.buffer.len())).freeze())
    }

    async fn line(&mut self) -> Result<Bytes> {
        loop {
            if let Some(end) = memmem::find(&self.buffer, b"\r\n") {
                let line = self.buffer.split_to(end).freeze();
                self.buffer.advance(2);
                return Ok(line);
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> Result<()> {
        self.buffer.reserve(4 * 1024);
        if self.stream.read_buf(&mut self.buffer).await.context("failed to receive")? == 0 {
            bail!("the connection was closed in the middle of an answer");
        }
        Ok(())
    }
}

/// A stream whose first token has come.
#[derive(Debug)]
pub(super) struct Open {
    framing: Framing,
}

fn parse_head(head: &[u8]) -> Option<(u16, Framing)> {
    let head = std::str::from_utf8(head).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let mut framing = Framing::Ended;
    for line in lines {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        if name.eq_ignore_ascii_case("content-length") {
            framing = Framing::Length(value.trim().parse().ok()?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            framing = Framing::Chunked(0);
        }
    }
    Some((status, framing))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// A connection that is answered so; the server is given too, because it must outlive the reading.
    async fn answered(answer: &'static [u8]) -> (Connection, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connection = Connection::open(listener.local_addr().unwrap()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        // One byte at a time, so that every boundary is met.
        for byte in answer {
            server.write_all(std::slice::from_ref(byte)).await.unwrap();
        }
        (connection, server)
    }

    #[tokio::test]
    async fn answers_with_a_length_follow_each_other() {
        let (mut connection, _server) =
            answered(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                .await;
        connection.exchange(b"x").await.unwrap();
        connection.exchange(b"x").await.unwrap();
        assert!(connection.buffer.is_empty());
    }

    #[tokio::test]
    async fn a_chunked_stream_is_read_to_its_token_and_to_its_end() {
        let (mut connection, _server) = answered(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nlor\r\n4;x=y\r\nem i\r\n2\r\nab\r\n0\r\n\r\n",
        )
        .await;
        let open = connection.begin_stream(b"x").await.unwrap();
        connection.finish_stream(open).await.unwrap();
        assert!(connection.buffer.is_empty());
    }

    #[tokio::test]
    async fn a_refusal_is_told_with_its_body() {
        let (mut connection, _server) = answered(b"HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\nlost").await;
        let error = connection.exchange(b"x").await.unwrap_err();
        assert_eq!(error.to_string(), "answered with status 404: lost");
    }
}
