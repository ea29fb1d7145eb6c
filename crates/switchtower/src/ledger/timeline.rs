//! When what happened to one call, as a chart for the terminal: rooms, attempts, and each piece of the answer.

use super::show::{beginning, tell_beginless};
use anyhow::{Context as _, Result};
use std::fmt::Write as _;
use std::io::Write;
use switchtower_ledger::Entries;
use switchtower_ledger::journal::disk::Disk;
use switchtower_ledger::record::{Body, Closed, Opened, RequestId, Timeline};

/// How many columns stand for the whole time.
const WIDTH: usize = 60;
/// How wide what stands before them is.
const NAME_WIDTH: usize = 14;
/// From nothing to the most in one column.
const LEVELS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Shows the chart of a call; false where there is none.
pub(super) fn show(disk: &dyn Disk, request: &str, out: &mut dyn Write) -> Result<bool> {
    let id = RequestId::parse(request).with_context(|| format!("'{request}' is no id of a request"))?;
    let mut entries = Entries::from(disk, 0);
    let mut begun = None;
    while let Some((_, entry)) = entries.read()? {
        match entry.body {
            Body::Opened(opened) if opened.request == id => begun = Some(opened),
            Body::Closed(closed) if closed.request == id => {
                if begun.is_none() {
                    tell_beginless(&closed);
                }
                write!(out, "{}", chart(&begun.unwrap_or_default(), &closed))?;
                return Ok(true);
            }
            _ => {}
        }
    }
    match begun {
        Some(_) => writeln!(out, "{request}: the call has not ended")?,
        None => writeln!(out, "{request}: no call is on record of it{}", beginning(disk)?)?,
    }
    Ok(false)
}

fn chart(opened: &Opened, closed: &Closed) -> String {
    let chart = Chart { total_us: closed.total_us.max(1) };
    let mut text = format!(
        "{} {} {} in {}: {} ({}, {}), {}{}\n\n",
        closed.request,
        closed.outcome,
        closed.status,
        millis(closed.total_us),
        opened.deployment,
        opened.provider,
        opened.model,
        opened.client,
        if opened.streamed { ", streamed" } else { "" }
    );
    let end = millis(closed.total_us);
    // Writing to memory cannot fail.
    let _ = writeln!(text, "{:NAME_WIDTH$}0{end:>1$}", "", WIDTH - 1);
    if let Some(timeline) = &closed.timeline {
        let mut before_us = 0;
        for room in &timeline.rooms {
            let bar = chart.bar(&[(before_us, room.at_us, '█')]);
            chart.line(&mut text, &room.room, &bar, &millis(room.at_us.saturating_sub(before_us)));
            before_us = room.at_us;
        }
    }
    for (number, attempt) in closed.attempts.iter().enumerate() {
        let head_us = attempt.head_us.unwrap_or(attempt.ended_us);
        let bar = chart.bar(&[(attempt.began_us, head_us, '░'), (head_us, attempt.ended_us, '█')]);
        let status = attempt.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        let failure = attempt.failure.as_deref().map(|class| format!(", {class}")).unwrap_or_default();
        let head =
            attempt.head_us.map(|head| format!(", head after {}", millis(head.saturating_sub(attempt.began_us))));
        let what = format!("{}: {status}{failure}{}", attempt.deployment, head.unwrap_or_default());
        chart.line(&mut text, &format!("attempt {}", number + 1), &bar, &what);
    }
    match &closed.timeline {
        Some(timeline) => chart.pieces(&mut text, timeline),
        None => text
            .push_str("\nNo timeline is on record: it is asked for with the header 'x-switchtower-trace: tokens'.\n"),
    }
    text
}

struct Chart {
    total_us: u64,
}

impl Chart {
    fn line(&self, text: &mut String, name: &str, bar: &str, what: &str) {
        let _ = writeln!(text, "{name:NAME_WIDTH$}{bar}  {what}");
    }

    /// The column of a moment.
    fn column(&self, at_us: u64) -> usize {
        let column = u128::from(at_us) * WIDTH as u128 / u128::from(self.total_us);
        usize::try_from(column).unwrap_or(WIDTH).min(WIDTH - 1)
    }

    /// Spans of time, each in its own sign; none is too short to be seen.
    fn bar(&self, spans: &[(u64, u64, char)]) -> String {
        let mut columns = [' '; WIDTH];
        for (from_us, to_us, sign) in spans {
            let (from, to) = (self.column(*from_us), self.column(*to_us));
            let seen = columns.iter_mut().skip(from).take((to - from.min(to)).max(1));
            seen.for_each(|column| *column = *sign);
        }
        columns.iter().collect()
    }

    /// How much there was in each column.
    fn levels(&self, values: impl Iterator<Item = (u64, u64)>) -> String {
        let mut columns = [0_u64; WIDTH];
        for (at_us, value) in values {
            if let Some(column) = columns.get_mut(self.column(at_us)) {
                *column += value;
            }
        }
        let most = columns.iter().max().copied().unwrap_or_default().max(1);
        let level = |value: &u64| {
            let level = value.saturating_mul(LEVELS.len() as u64 - 1).div_ceil(most);
            usize::try_from(level).ok().and_then(|level| LEVELS.get(level)).copied().unwrap_or(' ')
        };
        columns.iter().map(level).collect()
    }

    fn pieces(&self, text: &mut String, timeline: &Timeline) {
        let moments: Vec<u64> = timeline
            .gaps_us
            .iter()
            .scan(0_u64, |at_us, gap| {
                *at_us = at_us.saturating_add(*gap);
                Some(*at_us)
            })
            .collect();
        let at = |values: &[u64]| self.levels(moments.iter().copied().zip(values.iter().copied()));
        let total = |values: &[u64]| values.iter().sum::<u64>();
        let (received, sent) = (&timeline.received, &timeline.sent);
        self.line(text, "bytes in", &at(received), &format!("{} in {} pieces", total(received), received.len()));
        self.line(text, "bytes out", &at(sent), &total(sent).to_string());
        if let Some(first) = moments.first() {
            let _ = writeln!(text, "\nfirst piece after {}", millis(*first));
        }
        let mut between: Vec<(u64, usize)> = timeline.gaps_us.iter().copied().zip(1..).skip(1).collect();
        between.sort_unstable();
        if let (Some((median, _)), Some((longest, number))) = (between.get(between.len() / 2), between.last()) {
            let when = moments.get(number - 1).copied().unwrap_or_default();
            let _ = writeln!(
                text,
                "between pieces: median {}, longest {} before piece {number} at {}",
                millis(*median),
                millis(*longest),
                millis(when)
            );
        }
        if timeline.left_out > 0 {
            let _ = writeln!(text, "{} more pieces came that are not on record one by one", timeline.left_out);
        }
    }
}

/// Microseconds, for people.
fn millis(micros: u64) -> String {
    format!("{}.{:02} ms", micros / 1000, micros % 1000 / 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchtower_ledger::record::{Attempt, Room};

    fn closed(timeline: Option<Timeline>) -> Closed {
        let attempt = Attempt {
            deployment: "fast".into(),
            began_us: 1000,
            head_us: Some(4000),
            ended_us: 10_000,
            status: Some(200),
            ..Attempt::default()
        };
        Closed {
            outcome: "answered".into(),
            status: 200,
            total_us: 10_000,
            attempts: vec![attempt],
            timeline: timeline.map(Box::new),
            ..Closed::default()
        }
    }

    #[test]
    fn a_call_is_drawn() {
        let room = |room: &'static str, at_us| Room { room: room.into(), at_us };
        let timeline = Timeline {
            rooms: vec![room("accept", 20), room("record", 1000), room("call", 4000)],
            gaps_us: vec![4000, 1000, 3000, 500],
            received: vec![10, 10, 80, 10],
            sent: vec![0, 20, 80, 12],
            left_out: 2,
        };
        let opened = Opened {
            deployment: "fast".into(),
            provider: "sim".into(),
            model: "sim-1".into(),
            client: "openai_chat".into(),
            streamed: true,
            ..Opened::default()
        };
        insta::assert_snapshot!(chart(&opened, &closed(Some(timeline))));
    }

    #[test]
    fn without_a_timeline_it_says_how_to_get_one() {
        let text = chart(&Opened::default(), &closed(None));
        assert!(text.contains("attempt 1") && text.contains("x-switchtower-trace: tokens"), "{text}");
    }

    #[test]
    fn any_times_are_drawn_within_their_width() {
        let chart = Chart { total_us: 1 };
        for span in [(0, 0), (0, u64::MAX), (u64::MAX, 0), (5, 3)] {
            assert_eq!(chart.bar(&[(span.0, span.1, '█')]).chars().count(), WIDTH);
        }
        assert_eq!(chart.levels([(u64::MAX, u64::MAX / 2)].into_iter()).chars().count(), WIDTH);
    }
}
