//! Texts in files that spreadsheets open: there, what begins like a formula is one.

use switchtower_domain::Amount;

/// What a text begins with that spreadsheets work out.
/// Source: <https://owasp.org/www-community/attacks/CSV_Injection>
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// The text of a cell, with `'` before it where it would be worked out. Numbers stay numbers.
pub(crate) fn text(text: String) -> String {
    if text.starts_with(FORMULA) && text.parse::<Amount>().is_err() { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_no_formula_and_a_number_stays_one() {
        for formula in ["=1+1", "+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "-"] {
            assert_eq!(text(formula.to_owned()), format!("'{formula}"));
        }
        for plain in ["", "-2", "-0.5", "gpt-x", "'=1", "a=b", "[{}]"] {
            assert_eq!(text(plain.to_owned()), plain);
        }
    }
}
