//! An outbound proxy: a tunnel for what is encrypted, whole addresses for what is not.

use super::framing::head;
use bytes::BytesMut;
use http::HeaderValue;
use http::Uri;
use http::uri::Authority;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tower_service::Service;

/// A proxy and what it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Proxy {
    address: Authority,
    /// Marked sensitive, so that it never prints.
    authorization: Option<HeaderValue>,
}

/// Why a text is not the address of a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// It is none, or one with more than host and port.
    #[error("is not the address of a proxy; write it as 'http://proxy.example:3128'")]
    Address,
    /// It is reached in another way than over plain TCP.
    #[error("names a scheme other than http; the way to the proxy itself is plain")]
    Scheme,
    /// It holds a user or a password.
    #[error("holds a user or a password; these belong in 'proxy_credential'")]
    Credential,
}

impl Proxy {
    /// A proxy at an address such as `http://proxy.example:3128`.
    ///
    /// # Errors
    /// [`ProxyError`] says what is wrong with it; it never quotes the text, which may hold a password.
    pub fn new(address: &str) -> Result<Self, ProxyError> {
        let uri: Uri = address.parse().map_err(|_| ProxyError::Address)?;
        let authority = uri.authority().ok_or(ProxyError::Address)?;
        if authority.as_str().contains('@') {
            return Err(ProxyError::Credential);
        }
        match uri.scheme_str() {
            Some("http") => {}
            Some(_) => return Err(ProxyError::Scheme),
            None => return Err(ProxyError::Address),
        }
        if uri.path() != "/" || uri.query().is_some() || authority.host().is_empty() || address.contains('#') {
            return Err(ProxyError::Address);
        }
        Ok(Self { address: authority.clone(), authorization: None })
    }

    /// With a header that says who asks.
    #[must_use]
    pub fn with_authorization(mut self, mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        self.authorization = Some(value);
        self
    }

    pub(crate) const fn address(&self) -> &Authority {
        &self.address
    }

    pub(super) const fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }

    /// Asks for a tunnel to a host.
    async fn tunnel(&self, mut stream: TcpStream, to: &str) -> io::Result<TcpStream> {
        let mut request = format!("CONNECT {to} HTTP/1.1\r\nhost: {to}\r\n").into_bytes();
        if let Some(value) = &self.authorization {
            request.extend_from_slice(b"proxy-authorization: ");
            request.extend_from_slice(value.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        stream.write_all(&request).await?;
        let mut buffer = BytesMut::with_capacity(1024);
        loop {
            let found =
                head(&mut buffer).map_err(|error| io::Error::other(format!("the proxy's answer is {error}")))?;
            match found {
                Some(found) if !found.response.status().is_success() => {
                    let status = found.response.status().as_u16();
                    return Err(io::Error::other(format!("the proxy refused with status {status}")));
                }
                // Whoever is behind it speaks second.
                Some(_) if !buffer.is_empty() => return Err(io::Error::other("the proxy said more than it should")),
                Some(_) => return Ok(stream),
                None => {}
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Err(io::Error::other("the proxy closed the connection"));
            }
        }
    }
}

/// Makes connections to providers, by a proxy where there is one.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    direct: HttpConnector,
    proxy: Option<Arc<Proxy>>,
    within: Duration,
}

impl Connector {
    pub(super) fn new(direct: HttpConnector, proxy: Option<Proxy>, within: Duration) -> Self {
        Self { direct, proxy: proxy.map(Arc::new), within }
    }
}

type Connecting = Pin<Box<dyn Future<Output = io::Result<TokioIo<TcpStream>>> + Send>>;

impl Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Connecting;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.direct.poll_ready(cx).map_err(io::Error::other)
    }

    fn call(&mut self, to: Uri) -> Connecting {
        let Some(proxy) = self.proxy.clone() else {
            let connecting = self.direct.call(to);
            return Box::pin(async { connecting.await.map_err(io::Error::other) });
        };
        let by = Uri::builder().scheme("http").authority(proxy.address.clone()).path_and_query("/").build();
        let connecting = by.map(|by| self.direct.call(by));
        let within = self.within;
        Box::pin(async move {
            let connecting = connecting.map_err(io::Error::other)?;
            let tunnelling = async {
                let stream = connecting.await.map_err(io::Error::other)?.into_inner();
                proxy.tunnel(stream, &host_and_port(&to)?).await
            };
            match tokio::time::timeout(within, tunnelling).await {
                Ok(stream) => stream.map(TokioIo::new),
                Err(_) => Err(io::Error::other(format!("no tunnel within {} ms", within.as_millis()))),
            }
        })
    }
}

fn host_and_port(to: &Uri) -> io::Result<String> {
    let host = to.host().ok_or_else(|| io::Error::other("the address has no host"))?;
    let usual = if to.scheme_str() == Some("http") { 80 } else { 443 };
    let port = to.port_u16().unwrap_or(usual);
    Ok(format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_proxies_are_read() {
        assert_eq!(Proxy::new("http://proxy.example:3128").unwrap().address.as_str(), "proxy.example:3128");
        assert!(Proxy::new("http://[::1]:3128/").is_ok());
        for (wrong, error) in [
            ("proxy.example:3128", ProxyError::Address),
            ("http://proxy.example/path", ProxyError::Address),
            ("https://proxy.example", ProxyError::Scheme),
            ("socks5://proxy.example", ProxyError::Scheme),
            ("http://user:password@proxy.example", ProxyError::Credential),
        ] {
            let found = Proxy::new(wrong).unwrap_err();
            assert_eq!(found, error, "{wrong}");
            assert!(!found.to_string().contains(":password"));
        }
        let shown = Proxy::new("http://p:1").unwrap().with_authorization(HeaderValue::from_static("Basic c2VjcmV0"));
        assert!(!format!("{shown:?}").contains("c2VjcmV0"));
    }

    #[test]
    fn tunnels_lead_to_a_port() {
        let to = |uri: &str| host_and_port(&uri.parse().unwrap()).unwrap();
        assert_eq!(to("https://a.example/v1"), "a.example:443");
        assert_eq!(to("http://[::1]:9/"), "[::1]:9");
    }
}
