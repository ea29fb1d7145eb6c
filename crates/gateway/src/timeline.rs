//! When what happened to one request, where its caller asks for that and the operator permits it: rooms, and each piece of
//! the answer. It has times and lengths, never what was said.

use crate::clock::micros;
use crate::settings::Settings;
use http::HeaderMap;
use std::time::Instant;
use switchtower_domain::{Refusal, RefusalCode};
use switchtower_ledger::record;

/// How a caller asks for it.
const HEADER: &str = "x-switchtower-trace";
const WISH: &[u8] = b"tokens";
/// The most pieces that go on record; a record must stay small. Of those beyond it there is a count.
const PIECES_MAX: usize = 4096;

/// What is noted of one request.
#[derive(Debug)]
pub(crate) struct Timeline {
    began: Instant,
    rooms: Vec<record::Room>,
    /// For each piece, the microseconds since the one before, and how many bytes came and left.
    pieces: Vec<(u64, u64, u64)>,
    last_us: u64,
    left_out: u64,
}

impl Timeline {
    /// One for a request that asks for it; whether it may, [`check`] says.
    pub(crate) fn wished(headers: &HeaderMap, began: Instant) -> Option<Box<Self>> {
        let wished = headers.get(HEADER).is_some_and(|wish| wish.as_bytes() == WISH);
        wished.then(|| Box::new(Self { began, rooms: Vec::new(), pieces: Vec::new(), last_us: 0, left_out: 0 }))
    }

    fn now(&self) -> u64 {
        micros(self.began.elapsed())
    }

    /// The request leaves a room.
    pub(crate) fn passed(&mut self, room: &'static str) {
        self.rooms.push(record::Room { room: room.into(), at_us: self.now() });
    }

    /// A piece of the answer came.
    pub(crate) fn received(&mut self, bytes: u64) {
        let now_us = self.now();
        if self.pieces.len() == PIECES_MAX {
            self.left_out += 1;
            return;
        }
        self.pieces.push((now_us.saturating_sub(self.last_us), bytes, 0));
        self.last_us = now_us;
    }

    /// Bytes leave for the client, which the last piece led to.
    pub(crate) fn sent(&mut self, bytes: u64) {
        if let Some((_, _, sent)) = self.pieces.last_mut().filter(|_| self.left_out == 0) {
            *sent += bytes;
        }
    }

    /// As it goes on record.
    pub(crate) fn on_record(&self) -> record::Timeline {
        record::Timeline {
            rooms: self.rooms.clone(),
            gaps_us: self.pieces.iter().map(|(gap, _, _)| *gap).collect(),
            received: self.pieces.iter().map(|(_, received, _)| *received).collect(),
            sent: self.pieces.iter().map(|(_, _, sent)| *sent).collect(),
            left_out: self.left_out,
        }
    }
}

/// Who asks in vain must not believe that it was heard.
pub(crate) fn check(settings: &Settings, headers: &HeaderMap) -> Result<(), Refusal> {
    let refuse =
        |message: &str| Err(Refusal::new(RefusalCode::InvalidRequest, format!("the header {HEADER} {message}")));
    let mut wishes = headers.get_all(HEADER).iter();
    let Some(wish) = wishes.next() else { return Ok(()) };
    if wish.as_bytes() != WISH || wishes.next().is_some() {
        return refuse("must be 'tokens', said once, or left out");
    }
    if settings.timelines { Ok(()) } else { refuse("asks for what is not permitted here (telemetry.timelines)") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_bounded_and_those_beyond_are_counted() {
        let mut headers = HeaderMap::new();
        assert!(Timeline::wished(&headers, Instant::now()).is_none());
        headers.insert(HEADER, http::HeaderValue::from_static("tokens"));
        let mut timeline = Timeline::wished(&headers, Instant::now()).unwrap();
        for _ in 0..PIECES_MAX + 3 {
            timeline.received(2);
            timeline.sent(3);
        }
        let told = timeline.on_record();
        assert_eq!((told.gaps_us.len(), told.received.len(), told.left_out), (PIECES_MAX, PIECES_MAX, 3));
        assert_eq!((told.received.iter().sum::<u64>(), told.sent.iter().sum::<u64>()), (8192, 12_288));
    }
}
