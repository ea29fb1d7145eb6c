//! The PROXY protocol, versions 1 and 2: the header by which a load balancer says on whose behalf it connects.
//! Source: <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What a connection of version 2 begins with.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The longest header of version 1, its line end included.
const LINE_BYTES_MAX: usize = 107;
/// The most that may follow the first 16 bytes of version 2; addresses and a few additions take less.
const REST_BYTES_MAX: usize = 2048;

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// How many bytes it has.
    pub(super) length: usize,
    /// Who connected to the load balancer; `None` where it speaks for itself, as for a check of health.
    pub(super) source: Option<SocketAddr>,
}

/// Why bytes are no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum HeaderError {
    /// It begins otherwise.
    #[error("the connection does not begin with a header of the PROXY protocol")]
    Absent,
    /// It begins like one and is none.
    #[error("the header of the PROXY protocol cannot be read")]
    Malformed,
    /// It is longer than is taken.
    #[error("the header of the PROXY protocol is too long")]
    TooLong,
}

/// Reads a header; `None` where more bytes are needed.
///
/// # Errors
/// [`HeaderError`] as soon as it is certain that there is none.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<Header>, HeaderError> {
    let begins = |with: &[u8]| {
        let known = bytes.len().min(with.len());
        bytes.get(..known) == with.get(..known)
    };
    if begins(SIGNATURE) {
        return version_2(bytes);
    }
    if begins(b"PROXY ") { version_1(bytes) } else { Err(HeaderError::Absent) }
}

fn version_1(bytes: &[u8]) -> Result<Option<Header>, HeaderError> {
    let within = bytes.get(..LINE_BYTES_MAX).unwrap_or(bytes);
    let Some(end) = within.windows(2).position(|pair| pair == b"\r\n") else {
        return if bytes.len() < LINE_BYTES_MAX { Ok(None) } else { Err(HeaderError::TooLong) };
    };
    let line = within.get(..end).and_then(|line| std::str::from_utf8(line).ok()).ok_or(HeaderError::Malformed)?;
    let words: Vec<&str> = line.split(' ').collect();
    let source = match words.as_slice() {
        ["PROXY", "UNKNOWN", ..] => None,
        ["PROXY", family, source, target, source_port, target_port] => {
            let address = |text: &str| -> Option<IpAddr> {
                match *family {
                    "TCP4" => text.parse().map(IpAddr::V4).ok(),
                    "TCP6" => text.parse().map(IpAddr::V6).ok(),
                    _ => None,
                }
            };
            let (source, _) = address(source).zip(address(target)).ok_or(HeaderError::Malformed)?;
            let (port, _) = port(source_port).zip(port(target_port)).ok_or(HeaderError::Malformed)?;
            Some(SocketAddr::new(source, port))
        }
        _ => return Err(HeaderError::Malformed),
    };
    Ok(Some(Header { length: end + 2, source }))
}

/// A port without signs or zeros before it.
fn port(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

fn version_2(bytes: &[u8]) -> Result<Option<Header>, HeaderError> {
    let Some([command, family, high, low]) = bytes.get(SIGNATURE.len()..SIGNATURE.len() + 4) else { return Ok(None) };
    let rest = usize::from(u16::from_be_bytes([*high, *low]));
    if rest > REST_BYTES_MAX {
        return Err(HeaderError::TooLong);
    }
    let length = SIGNATURE.len() + 4 + rest;
    // Said before the rest is there, so that nobody is waited for in vain.
    let is_proxied = match command {
        0x20 => false,
        0x21 => true,
        _ => return Err(HeaderError::Malformed),
    };
    let Some(rest) = bytes.get(SIGNATURE.len() + 4..length) else { return Ok(None) };
    let source = match family {
        _ if !is_proxied => None,
        0x11 => {
            let [a, b, c, d, _, _, _, _, high, low, _, _] = *rest.first_chunk::<12>().ok_or(HeaderError::Malformed)?;
            Some(SocketAddr::new(Ipv4Addr::new(a, b, c, d).into(), u16::from_be_bytes([high, low])))
        }
        0x21 => {
            let source = rest.first_chunk::<16>().ok_or(HeaderError::Malformed)?;
            let [high, low, _, _] =
                *rest.get(32..).and_then(|ports| ports.first_chunk::<4>()).ok_or(HeaderError::Malformed)?;
            Some(SocketAddr::new(Ipv6Addr::from(*source).into(), u16::from_be_bytes([high, low])))
        }
        // Unspecified, datagrams and Unix sockets: nobody whose address could be told.
        0x00 | 0x12 | 0x22 | 0x31 | 0x32 => None,
        _ => return Err(HeaderError::Malformed),
    };
    Ok(Some(Header { length, source }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A header of version 2.
    fn two(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[command, family], &length, rest].concat()
    }

    fn source(bytes: &[u8]) -> Option<String> {
        let header = parse(bytes).unwrap().unwrap();
        assert_eq!(header.length, bytes.len());
        header.source.map(|source| source.to_string())
    }

    #[test]
    fn both_versions_are_read() {
        assert_eq!(source(b"PROXY TCP4 1.2.3.4 5.6.7.8 99 443\r\n").unwrap(), "1.2.3.4:99");
        assert_eq!(source(b"PROXY TCP6 ::1 ::2 99 443\r\n").unwrap(), "[::1]:99");
        assert_eq!(source(b"PROXY UNKNOWN\r\n"), None);
        assert_eq!(source(b"PROXY UNKNOWN what ever\r\n"), None);
        assert_eq!(
            source(&two(0x21, 0x11, &[1, 2, 3, 4, 5, 6, 7, 8, 0, 99, 1, 187, 4, 0, 1, 0])).unwrap(),
            "1.2.3.4:99"
        );
        let mut six = [0; 36];
        (six[15], six[33]) = (1, 99);
        assert_eq!(source(&two(0x21, 0x21, &six)).unwrap(), "[::1]:99");
        assert_eq!(source(&two(0x20, 0x00, &[])), None);
    }

    #[test]
    fn what_is_no_header_is_refused() {
        for bytes in [
            "GET / HTTP/1.1\r\n",
            "PROXX",
            "PROXY TCP4 1.2.3.4 5.6.7.8 99\r\n",
            "PROXY TCP4 ::1 ::2 99 443\r\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 099 443\r\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 +99 443\r\n",
            "PROXY TCP4 1.2.3.4  5.6.7.8 99 443\r\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 99 65536\r\n",
            "PROXY \r\n",
        ] {
            assert!(parse(bytes.as_bytes()).is_err(), "{bytes}");
        }
        assert_eq!(parse(format!("PROXY UNKNOWN {}", "x".repeat(107)).as_bytes()), Err(HeaderError::TooLong));
        assert_eq!(parse(&two(0x11, 0x11, &[0; 12])), Err(HeaderError::Malformed));
        assert_eq!(parse(&two(0x21, 0x11, &[0; 11])), Err(HeaderError::Malformed));
        assert_eq!(parse(&two(0x21, 0x11, &[0; 3000])), Err(HeaderError::TooLong));
    }

    proptest! {
        #[test]
        fn a_header_is_the_same_wherever_it_is_cut(
            source: SocketAddr, is_new: bool, extra in proptest::collection::vec(any::<u8>(), 0..40), after in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let bytes = match (is_new, source.ip()) {
                (false, IpAddr::V4(ip)) => format!("PROXY TCP4 {ip} 1.1.1.1 {} 2\r\n", source.port()).into_bytes(),
                (false, IpAddr::V6(ip)) => format!("PROXY TCP6 {ip} ::1 {} 2\r\n", source.port()).into_bytes(),
                (true, IpAddr::V4(ip)) => {
                    two(0x21, 0x11, &[&ip.octets()[..], &[0; 4], &source.port().to_be_bytes(), &[0; 2], &extra].concat())
                }
                (true, IpAddr::V6(ip)) => {
                    two(0x21, 0x21, &[&ip.octets()[..], &[0; 16], &source.port().to_be_bytes(), &[0; 2], &extra].concat())
                }
            };
            for cut in 0..bytes.len() {
                prop_assert_eq!(parse(&bytes[..cut]), Ok(None));
            }
            let header = parse(&[bytes.clone(), after].concat()).unwrap().unwrap();
            prop_assert_eq!(header.length, bytes.len());
            prop_assert_eq!(header.source.map(|found| (found.ip(), found.port())), Some((source.ip(), source.port())));
        }

        #[test]
        fn no_bytes_panic_and_a_decision_is_final(bytes in proptest::collection::vec(any::<u8>(), 0..200), after in any::<u8>()) {
            let with = [SIGNATURE, &bytes].concat();
            for bytes in [bytes, with] {
                let first = parse(&bytes);
                if first != Ok(None) {
                    prop_assert_eq!(parse(&[bytes, vec![after]].concat()), first);
                }
            }
        }
    }
}
