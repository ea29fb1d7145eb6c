//! The reference of settings, written from the list that the reader itself uses.

use super::written::{Row, rows};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/configuration.md");
const BEGIN: &str = "<!-- settings: written by a test, do not edit -->\n";
const END: &str = "<!-- end of settings -->\n";

/// `SWITCHTOWER_UPDATE_DOCS=1` rewrites it.
#[test]
fn the_reference_lists_every_setting() {
    let text = std::fs::read_to_string(FILE).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the mark where the settings begin");
    let (_, after) = rest.split_once(END).expect("the mark where the settings end");
    let wanted = format!("{before}{BEGIN}{}{END}{after}", tables());
    if std::env::var_os("SWITCHTOWER_UPDATE_DOCS").is_some() {
        std::fs::write(FILE, wanted).unwrap();
    } else {
        assert_eq!(text, wanted, "stale; run the test with SWITCHTOWER_UPDATE_DOCS=1");
    }
}

fn tables() -> String {
    let mut text = String::new();
    let mut section = None;
    for Row { key, kind, default, meaning, .. } in rows() {
        let (of, name) = split(&key);
        if section.as_deref() != Some(of) {
            let heading = match of.strip_suffix("[]") {
                Some(list) => format!("`[[{list}]]`"),
                None if of.is_empty() => "At the top".to_owned(),
                None => format!("`[{of}]`"),
            };
            text += &format!("\n### {heading}\n\n| Setting | Type | Default | Meaning |\n| --- | --- | --- | --- |\n");
            section = Some(of.to_owned());
        }
        let literal =
            default.starts_with(|c: char| c.is_ascii_digit() || c == '"') || matches!(default, "true" | "false");
        let default = if literal { format!("`{default}`") } else { default.to_owned() };
        text += &format!("| `{name}` | {kind} | {default} | {meaning} |\n");
    }
    text.push('\n');
    text
}

/// The section of a setting and its name there; a table of texts counts as one setting.
fn split(key: &str) -> (&str, &str) {
    for (open, inner) in [
        (".headers.NAME", ".headers.NAME"),
        (".quirks.renamed.NAME", ".renamed.NAME"),
        (".quirks.finish_reasons.NAME", ".finish_reasons.NAME"),
    ] {
        if key.ends_with(open) {
            let section = key.strip_suffix(inner).unwrap();
            return (section, key.strip_prefix(section).unwrap().trim_start_matches('.'));
        }
    }
    key.rsplit_once('.').unwrap_or(("", key))
}
