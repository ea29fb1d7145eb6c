//! Server-sent events: <https://html.spec.whatwg.org/multipage/server-sent-events.html>.
//!
//! The reader keeps each event's bytes beside what they say, so that a stream can be forwarded as it came.

use crate::WireEvent;
use bytes::{Buf, Bytes, BytesMut};

/// Cuts a stream of bytes into events, wherever the bytes were cut.
#[derive(Debug)]
pub struct Reader {
    buffer: BytesMut,
    /// How far the buffer was looked through for the end of an event.
    looked: usize,
    event_bytes_max: usize,
    begun: bool,
    /// Whether each line is the data of an event.
    lines: bool,
}

/// One event as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawEvent {
    /// Its bytes, the empty line at its end included.
    pub bytes: Bytes,
}

/// An event larger than allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event is larger than {max} bytes")]
pub struct EventTooLarge {
    /// The bound.
    pub max: usize,
}

impl Reader {
    /// A reader of events up to a size.
    pub fn new(event_bytes_max: usize) -> Self {
        Self { buffer: BytesMut::new(), looked: 0, event_bytes_max, begun: false, lines: false }
    }

    /// A reader of data that stands in a line each, given as the events that it would be.
    pub fn of_lines(event_bytes_max: usize) -> Self {
        Self { lines: true, ..Self::new(event_bytes_max) }
    }

    /// Takes bytes as they come.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        if !self.begun && self.buffer.len() >= 3 {
            self.begun = true;
            if self.buffer.starts_with(b"\xef\xbb\xbf") {
                self.buffer.advance(3);
            }
        }
    }

    /// The next whole event, if there is one.
    ///
    /// # Errors
    /// [`EventTooLarge`] where an event exceeds the bound, whole or not.
    pub fn next_event(&mut self) -> Result<Option<RawEvent>, EventTooLarge> {
        if self.lines {
            return self.next_line();
        }
        let end = self.end();
        let size = end.unwrap_or(self.buffer.len());
        if size > self.event_bytes_max {
            return Err(EventTooLarge { max: self.event_bytes_max });
        }
        let Some(end) = end else { return Ok(None) };
        self.looked = 0;
        Ok(Some(RawEvent { bytes: self.buffer.split_to(end).freeze() }))
    }

    fn next_line(&mut self) -> Result<Option<RawEvent>, EventTooLarge> {
        loop {
            let rest = self.buffer.get(self.looked..).unwrap_or_default();
            let end = memchr::memchr(b'\n', rest).map(|end| self.looked + end + 1);
            let size = end.unwrap_or(self.buffer.len());
            if size > self.event_bytes_max {
                return Err(EventTooLarge { max: self.event_bytes_max });
            }
            let Some(end) = end else {
                self.looked = self.buffer.len();
                return Ok(None);
            };
            self.looked = 0;
            let line = self.buffer.split_to(end).freeze();
            if !line.trim_ascii().is_empty() {
                return Ok(Some(event_of_line(&line)));
            }
        }
    }

    /// What is left when no more bytes come: an event without the empty line at its end, if anything.
    pub fn rest(&mut self) -> Option<RawEvent> {
        self.looked = 0;
        let bytes = self.buffer.split().freeze();
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return None;
        }
        Some(if self.lines { event_of_line(&bytes) } else { RawEvent { bytes } })
    }

    /// Where the first event ends: after an empty line.
    fn end(&mut self) -> Option<usize> {
        let mut from = self.looked;
        loop {
            let rest = self.buffer.get(from..)?;
            let line_end = from + memchr::memchr2(b'\n', b'\r', rest)?;
            // Where a line feed may follow a carriage return that is the last byte so far, wait for it.
            let next = after_line(&self.buffer, line_end)?;
            match self.buffer.get(next) {
                Some(b'\n') => return Some(next + 1),
                Some(b'\r') => match after_line(&self.buffer, next) {
                    Some(end) => return Some(end),
                    None => {
                        self.looked = from;
                        return None;
                    }
                },
                Some(_) => from = next,
                None => {
                    self.looked = from;
                    return None;
                }
            }
        }
    }
}

/// The event whose data a line is.
fn event_of_line(line: &[u8]) -> RawEvent {
    let mut bytes = BytesMut::from(&b"data: "[..]);
    bytes.extend_from_slice(line.trim_ascii());
    bytes.extend_from_slice(b"\n\n");
    RawEvent { bytes: bytes.freeze() }
}

/// The place after the line end at `at`, if it is certain.
fn after_line(buffer: &[u8], at: usize) -> Option<usize> {
    match (buffer.get(at)?, buffer.get(at + 1)) {
        (b'\r', Some(b'\n')) => Some(at + 2),
        (b'\r', None) => None,
        _ => Some(at + 1),
    }
}

impl RawEvent {
    /// The event's name, where it has one, and its data; `None` for what is no event: comments and empty lines.
    pub fn read(&self) -> Option<Parsed<'_>> {
        let mut name = None;
        let mut data: Option<Data<'_>> = None;
        for line in lines(&self.bytes) {
            let (field, value) = match memchr::memchr(b':', line) {
                Some(0) => continue,
                Some(colon) => {
                    let value = line.get(colon + 1..).unwrap_or_default();
                    (line.get(..colon).unwrap_or_default(), value.strip_prefix(b" ").unwrap_or(value))
                }
                None => (line, &b""[..]),
            };
            match field {
                b"event" => name = Some(value),
                b"data" => {
                    data = Some(match data {
                        None => Data::One(value),
                        Some(before) => Data::Several([before.as_slice(), b"\n", value].concat()),
                    });
                }
                _ => {}
            }
        }
        data.map(|data| Parsed { name, data })
    }

    /// Whether the bytes hold anything but fields, comments and empty lines of the format.
    pub fn is_foreign(&self) -> bool {
        lines(&self.bytes).any(|line| {
            let field = line.split(|byte| *byte == b':').next().unwrap_or_default();
            !line.is_empty() && !matches!(field, b"" | b"event" | b"data" | b"id" | b"retry")
        })
    }
}

/// An event's name and data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed<'a> {
    /// Its name.
    pub name: Option<&'a [u8]>,
    data: Data<'a>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Data<'a> {
    One(&'a [u8]),
    Several(Vec<u8>),
}

impl Data<'_> {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::One(line) => line,
            Self::Several(lines) => lines,
        }
    }
}

impl<'a> Parsed<'a> {
    /// An event that came in another framing.
    pub const fn new(name: Option<&'a [u8]>, data: &'a [u8]) -> Self {
        Self { name, data: Data::One(data) }
    }
}

impl Parsed<'_> {
    /// The data, its lines joined.
    pub fn data(&self) -> &[u8] {
        self.data.as_slice()
    }

    /// The event as the dialects read it; `None` where it is not UTF-8.
    pub fn to_wire(&self) -> Option<WireEvent> {
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
        let name = match self.name {
            Some(name) => Some(text(name)?),
            None => None,
        };
        Some(WireEvent { name, data: text(self.data())? })
    }
}

/// The lines, however they end; between the two bytes of some ends stands an empty one more.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut from = 0;
    memchr::memchr2_iter(b'\n', b'\r', bytes).chain([bytes.len()]).map(move |end| {
        let line = bytes.get(from..end).unwrap_or_default();
        from = end + 1;
        line
    })
}

/// Writes one event. Its data must be one line, as JSON without white space is.
pub fn write(event: &WireEvent, out: &mut Vec<u8>) {
    if let Some(name) = &event.name {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name.as_bytes());
        out.push(b'\n');
    }
    let mut rest = event.data.as_bytes();
    loop {
        let end = memchr::memchr(b'\n', rest);
        let (line, after) = rest.split_at(end.unwrap_or(rest.len()));
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line);
        out.push(b'\n');
        let Some(after) = after.get(1..) else { break };
        rest = after;
    }
    out.push(b'\n');
}

/// A comment that keeps a connection alive and that clients pass over.
pub const KEEP_ALIVE: &[u8] = b": keep-alive\n\n";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn events(pieces: &[&[u8]]) -> Vec<(Option<String>, String)> {
        let mut reader = Reader::new(1 << 20);
        let mut found = Vec::new();
        let mut take = |event: RawEvent| {
            if let Some(wire) = event.read().and_then(|parsed| parsed.to_wire()) {
                found.push((wire.name, wire.data));
            }
        };
        for piece in pieces {
            reader.push(piece);
            while let Some(event) = reader.next_event().unwrap() {
                take(event);
            }
        }
        if let Some(event) = reader.rest() {
            take(event);
        }
        found
    }

    #[test]
    fn every_form_of_the_format_is_read() {
        let text = "\u{feff}: hello\r\n\r\nevent: a\r\ndata: 1\r\ndata:2\r\rdata: x\nid: 7\n\n\n\ndata\n\ndata: last";
        assert_eq!(
            events(&[text.as_bytes()]),
            vec![(Some("a".into()), "1\n2".into()), (None, "x".into()), (None, String::new()), (None, "last".into())]
        );
    }

    #[test]
    fn large_events_are_refused_before_they_are_whole() {
        let mut reader = Reader::new(16);
        reader.push(b"data: 0123456789abcdef");
        assert_eq!(reader.next_event(), Err(EventTooLarge { max: 16 }));
    }

    #[test]
    fn what_is_no_event_is_known() {
        assert!(RawEvent { bytes: Bytes::from_static(b"<html>\n\n") }.is_foreign());
        assert!(!RawEvent { bytes: Bytes::from_static(b": ok\nid: 3\nretry: 1\n\n") }.is_foreign());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(name in prop::option::of("[a-z_.]{1,12}"), data in "[ -~\n]{0,60}") {
            let mut out = Vec::new();
            write(&WireEvent { name: name.clone(), data: data.clone() }, &mut out);
            prop_assert_eq!(events(&[&out]), vec![(name, data)]);
        }

        #[test]
        fn any_split_gives_the_same_events(
            text in "(event: [a-c]\r?\n|data: ?[x-z]{0,3}(\n|\r\n|\r)|:c\n|\n|\r\n){0,24}",
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let bytes = text.as_bytes();
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            places.extend([0, bytes.len()]);
            places.sort_unstable();
            let pieces: Vec<&[u8]> = places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            prop_assert_eq!(events(&pieces), events(&[bytes]));
            prop_assert_eq!(events(&single), events(&[bytes]));
        }
    }
}
