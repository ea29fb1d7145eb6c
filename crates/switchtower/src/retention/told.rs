//! What is kept, for people and programs.

use crate::config::columns;
use anyhow::Result;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use switchtower_vault::{KeptRow, Report, Shown};

pub(super) fn report(report: &Report, json: bool, out: &mut dyn Write) -> Result<()> {
    if json {
        return Ok(writeln!(out, "{:#}", of_report(report))?);
    }
    if report.kept.is_empty() {
        writeln!(out, "nothing is kept of any prompt or answer")?;
    } else {
        let heads = ["TENANT", "RULE", "PARTS", "BYTES", "OLDEST", "DESTROYED FROM", "DESTROYED UNTIL"];
        let mut rows = vec![heads.map(str::to_owned)];
        rows.extend(report.kept.iter().map(|row| {
            let KeptRow { tenant, rule, items, bytes, oldest_us, first_until_us, last_until_us } = row;
            [
                tenant.clone(),
                rule.clone(),
                items.to_string(),
                bytes.to_string(),
                moment(*oldest_us),
                moment(*first_until_us),
                moment(*last_until_us),
            ]
        }));
        write!(out, "{}", columns(&rows))?;
    }
    let counted = |counts: &BTreeMap<String, u64>| {
        let counts: Vec<String> = counts.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        if counts.is_empty() { "none".to_owned() } else { counts.join(", ") }
    };
    writeln!(out, "\n{} parts were kept by the {} records there are", report.ever, report.records)?;
    writeln!(out, "gone since: {}", counted(&report.destroyed))?;
    writeln!(out, "not kept, and should have been: {}", counted(&report.unkept))?;
    writeln!(out, "read by somebody: {} times", report.shown)?;
    if report.findings.is_empty() {
        writeln!(
            out,
            "\nproved: every part has its record and every record its part, as it was sealed; nothing else is there,"
        )?;
        writeln!(out, "and what is past its time is gone, on record")?;
    }
    for finding in &report.findings {
        writeln!(out, "WRONG  {finding}")?;
    }
    Ok(())
}

fn of_report(report: &Report) -> Value {
    let kept = report.kept.iter().map(|row| {
        let KeptRow { tenant, rule, items, bytes, oldest_us, first_until_us, last_until_us } = row;
        json!({
            "tenant": tenant,
            "rule": rule,
            "parts": items,
            "bytes": bytes,
            "oldest": moment(*oldest_us),
            "destroyed_from": moment(*first_until_us),
            "destroyed_until": moment(*last_until_us),
        })
    });
    json!({
        "kept": kept.collect::<Vec<_>>(),
        "ever": report.ever,
        "records": report.records,
        "gone": report.destroyed,
        "not_kept": report.unkept,
        "read": report.shown,
        "proved": report.findings.is_empty(),
        "findings": report.findings.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

/// Content as it was; as JSON in base64 where it is no text.
pub(super) fn content(shown: &[Shown], json: bool, out: &mut dyn Write) -> Result<()> {
    if json {
        let list: Vec<Value> = shown.iter().map(of_shown).collect();
        return Ok(writeln!(out, "{:#}", Value::from(list))?);
    }
    for Shown { tenant, part, bytes, left_out, until_s } in shown {
        let (part, until) = (part.as_str(), moment(until_s.saturating_mul(1_000_000)));
        writeln!(out, "--- {part} of '{tenant}', {} bytes, {left_out} left out, destroyed at {until}", bytes.len())?;
        out.write_all(bytes)?;
        writeln!(out)?;
    }
    Ok(())
}

fn of_shown(shown: &Shown) -> Value {
    let Shown { tenant, part, bytes, left_out, until_s } = shown;
    let until = moment(until_s.saturating_mul(1_000_000));
    let mut told = json!({"tenant": tenant, "part": part.as_str(), "left_out": left_out, "destroyed_at": until});
    let (name, content) = match std::str::from_utf8(bytes) {
        Ok(text) => ("text", text.to_owned()),
        Err(_) => ("base64", BASE64_STANDARD.encode(bytes.as_slice())),
    };
    if let Some(told) = told.as_object_mut() {
        told.insert(name.to_owned(), content.into());
    }
    told
}

fn moment(at_us: u64) -> String {
    let moment = i64::try_from(at_us).ok().and_then(|at| Timestamp::from_microsecond(at).ok());
    moment.map_or_else(|| at_us.to_string(), |moment| format!("{moment:.0}"))
}
