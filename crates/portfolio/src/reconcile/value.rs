//! What the cells of an export say. What could be read in two ways is not read.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use switchtower_domain::{Amount, Currency};

/// Signs that stand for a currency. That of the dollar may stand for others of that name, where a column says so.
pub(super) const SIGNS: [(char, &str); 3] = [('$', "USD"), ('€', "EUR"), ('£', "GBP")];

/// A text of the bill as it is shown: what could move a terminal's cursor, or turn its text around, is spelt out.
pub(super) fn shown(text: &str) -> String {
    let is_hidden = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
    };
    text.chars().fold(String::with_capacity(text.len()), |mut shown, letter| {
        if is_hidden(letter) {
            shown.extend(letter.escape_default())
        } else {
            shown.push(letter)
        }
        shown
    })
}

/// A day: one such as 2026-11-30 or 20261130, also with a time behind it, or seconds since 1970. A time with an offset
/// belongs to its day in UTC.
pub(super) fn day(text: &str) -> Option<Date> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        if text.len() == 8 {
            return Date::strptime("%Y%m%d", text).ok();
        }
        return jiff::Timestamp::from_second(text.parse().ok()?).ok().map(utc);
    }
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Some(utc(at));
    }
    let (day, time) = (text.get(..10)?, text.get(10..)?);
    // A time without an offset is one of UTC.
    let at = time.strip_suffix("UTC").unwrap_or(time).trim_end();
    if !at.is_empty() && format!("{day}{at}").parse::<DateTime>().is_err() {
        return None;
    }
    day.parse().ok()
}

fn utc(at: jiff::Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// A whole number; also one with commas between thousands, and with zeros behind a point. Three zeros there may as well
/// be thousands: that is no number.
pub(super) fn whole(text: &str) -> Option<u64> {
    let (digits, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() == 3 || !fraction.bytes().all(|digit| digit == b'0') {
        return None;
    }
    let mut groups = digits.split(',');
    let first = groups.next()?;
    let mut joined = first.to_owned();
    for group in groups {
        if group.len() != 3 || first.is_empty() || first.len() > 3 {
            return None;
        }
        joined.push_str(group);
    }
    joined.bytes().all(|byte| byte.is_ascii_digit()).then(|| joined.parse().ok())?
}

/// An amount as it stands in a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) amount: Amount,
    /// The currency whose code or sign stands beside it.
    pub(super) currency: Option<Currency>,
    /// Whether the sign is one that several currencies have.
    pub(super) is_dollar: bool,
    /// Whether it has more decimals than an amount, and was rounded.
    pub(super) rounded: bool,
}

/// An amount, with the sign or the code of a currency on either side. It is negative with a minus before either, or in
/// parentheses.
pub(super) fn amount(text: &str) -> Option<Written> {
    let inner = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    let (text, currency_out) = currency(inner.unwrap_or(text).trim());
    let minus = text.strip_prefix('-');
    let (number, currency_in) = currency(minus.unwrap_or(text).trim());
    if inner.is_some() && (minus.is_some() || number.starts_with('-')) || minus.is_some() && number.starts_with('-') {
        return None;
    }
    if currency_out.is_some() && currency_in.is_some() {
        return None;
    }
    let negative = inner.is_some() || minus.is_some();
    let number = if negative { format!("-{number}") } else { number.to_owned() };
    let (amount, rounded) = Amount::parse_rounded(&number).ok()?;
    let currency = currency_out.or(currency_in);
    let is_dollar =
        text.contains('$') || inner.unwrap_or_default().contains('$') || currency.is_some_and(|(_, sign)| sign);
    Some(Written { amount, currency: currency.map(|(currency, _)| currency), is_dollar, rounded })
}

/// A text without the currency on one side of it; whether that was the sign of the dollar.
fn currency(text: &str) -> (&str, Option<(Currency, bool)>) {
    for (sign, code) in SIGNS {
        if let Some(rest) = text.strip_prefix(sign).or_else(|| text.strip_suffix(sign)) {
            return (rest.trim(), Currency::new(code).ok().map(|currency| (currency, sign == '$')));
        }
    }
    let code = |code: Option<&str>| Currency::new(&code?.to_ascii_uppercase()).ok();
    if let (Some(found), Some(rest)) = (code(text.get(..3)), text.get(3..)) {
        return (rest.trim(), Some((found, false)));
    }
    let at = text.len().saturating_sub(3);
    if let (Some(found), Some(rest)) = (code(text.get(at..)), text.get(..at)) {
        return (rest.trim(), Some((found, false)));
    }
    (text, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_in_one_way_only() {
        let told = |text| day(text).map(|day| day.to_string());
        for (text, expected) in [
            ("2026-11-30", "2026-11-30"),
            ("20261130", "2026-11-30"),
            ("2026-11-30T23:30:00-05:00", "2026-12-01"),
            ("2026-11-30T00:30:00+01:00", "2026-11-29"),
            ("2026-11-30T00:00:00Z", "2026-11-30"),
            ("2026-11-30 12:00:00", "2026-11-30"),
            ("2026-11-30 12:00:00 UTC", "2026-11-30"),
            ("1795257000", "2026-11-21"),
        ] {
            assert_eq!(told(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["", "20261330", "30.11.2026", "2026-11-30x", "2026-11-30 12:00 EST", "2026-11-31"] {
            assert_eq!(told(text), None, "{text}");
        }
    }

    #[test]
    fn whole_numbers_are_read_in_one_way_only() {
        let read = ["250", "250.0", "250.00", "1,250", "1,234,567"].map(whole);
        assert_eq!(read, [Some(250), Some(250), Some(250), Some(1250), Some(1_234_567)]);
        for text in ["250.000", "1.5", "1,25", "1250,000", ",250", "1,,250", "-1", "+1", "", "18446744073709551616"] {
            assert_eq!(whole(text), None, "{text}");
        }
    }

    #[test]
    fn amounts_have_a_sign_and_a_currency_on_either_side() {
        let told = |text| {
            amount(text).map(|written| {
                let code = written.currency.map_or("", |currency| currency.as_str());
                format!("{} {code}{}", written.amount, if written.rounded { " rounded" } else { "" })
            })
        };
        for (text, expected) in [
            ("5", "5 "),
            ("(5)", "-5 "),
            ("($5)", "-5 USD"),
            ("-$5", "-5 USD"),
            ("$-5", "-5 USD"),
            ("5 €", "5 EUR"),
            ("EUR 5", "5 EUR"),
            ("-5 gbp", "-5 GBP"),
            ("£1.5e-3", "0.0015 GBP"),
            ("0.0000000000000000005", "0  rounded"),
            ("0.0000000000000000015", "0.000000000000000002  rounded"),
        ] {
            assert_eq!(told(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["", "-", "(-5)", "--5", "-$-5", "$5 EUR", "5 credits", "1,5", "(5", "€"] {
            assert_eq!(told(text), None, "{text}");
        }
    }
}
