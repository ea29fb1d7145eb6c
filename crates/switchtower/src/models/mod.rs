//! `switchtower models`: what can be asked for, and what is known of it; and the import of facts that others collected.

pub mod at;

use crate::config::{columns, today};
use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use switchtower_catalogue::import::{Imported, Project, import};
use switchtower_catalogue::{Catalogue, Modality, ModelFacts};
use switchtower_gateway::Directory;

/// Data larger than this is not what a project published.
const DATA_BYTES_MAX: u64 = 256 << 20;

/// A model and what is known of it.
#[derive(Debug)]
pub struct Row {
    name: String,
    provider: String,
    facts: Option<ModelFacts>,
}

/// What can be asked for, in the order of listings.
pub fn of_directory(directory: &Directory) -> Vec<Row> {
    let rows = directory.cards().iter().map(|card| Row {
        name: card.id.clone(),
        provider: card.owner.clone(),
        facts: directory.find(&card.id).and_then(|deployment| deployment.facts.as_deref().cloned()),
    });
    rows.collect()
}

/// What the catalogue knows, of one kind of provider or of all.
pub fn known(catalogue: &Catalogue, kind: Option<&str>) -> Vec<Row> {
    let models = catalogue.models().filter(|(of, ..)| kind.is_none_or(|kind| kind == *of));
    let row = |(kind, model, facts): (&str, &str, &std::sync::Arc<ModelFacts>)| Row {
        name: format!("{kind}/{model}"),
        provider: kind.to_owned(),
        facts: Some((**facts).clone()),
    };
    models.map(row).collect()
}

/// Writes a table, or JSON.
///
/// # Errors
/// Those of the output.
pub fn tell(rows: &[Row], as_json: bool, out: &mut dyn Write) -> Result<()> {
    if as_json {
        let list = rows.iter().map(|row| {
            let Row { name, provider, facts } = row;
            json!({"name": name, "provider": provider, "facts": facts})
        });
        return Ok(writeln!(out, "{:#}", list.collect::<Value>())?);
    }
    let head = ["NAME", "GIVES", "TAKES", "TOOLS", "SCHEMA", "REASONING", "CONTEXT", "OUTPUT", "SOURCE"];
    let mut table = vec![head.map(str::to_owned)];
    table.extend(rows.iter().map(line));
    out.write_all(columns(&table).as_bytes())?;
    if rows.iter().any(|row| row.facts.is_none()) {
        writeln!(out, "\n? is what nobody stated; a request is refused only for what a fact says no to")?;
    }
    Ok(())
}

fn line(row: &Row) -> [String; 9] {
    let nothing = ModelFacts::default();
    let facts = row.facts.as_ref().unwrap_or(&nothing);
    let truth = |fact: Option<bool>| fact.map_or("?", |has| if has { "yes" } else { "no" }).to_owned();
    let count = |fact: Option<u64>| fact.map_or_else(|| "?".to_owned(), |count| count.to_string());
    let taken: Vec<&str> =
        Modality::ALL.into_iter().filter(|one| facts.takes(*one) == Some(true)).map(Modality::as_str).collect();
    let tools = match (facts.tools, facts.parallel_tools) {
        (Some(true), Some(true)) => "parallel".to_owned(),
        (tools, _) => truth(tools),
    };
    let source = row.facts.as_ref().map(|facts| format!("{}, {}", facts.source, facts.date));
    [
        row.name.clone(),
        facts.serves.map_or("?", switchtower_catalogue::Serves::as_str).to_owned(),
        if taken.is_empty() { "?".to_owned() } else { taken.join("+") },
        tools,
        truth(facts.structured_output),
        truth(facts.reasoning),
        count(facts.context_tokens),
        count(facts.output_tokens_max),
        source.unwrap_or_default(),
    ]
}

/// What an import is told.
#[derive(Debug, Clone, Copy)]
pub struct Import<'a> {
    /// Whose data it is.
    pub project: Project,
    /// The data, as the project publishes it or compressed with gzip.
    pub file: &'a Path,
    /// What the source is to be called.
    pub source: &'a str,
    /// The day on which the data was taken; today where nobody says.
    pub date: Option<&'a str>,
    /// A catalogue that the facts are laid over.
    pub onto: Option<&'a Path>,
    /// Where the catalogue goes; to the output where nobody says.
    pub out: Option<&'a Path>,
}

/// Makes a catalogue of data that a project published, and says on `told` what came of it.
///
/// # Errors
/// For files that cannot be read or written, and for data of another form.
pub fn import_file(asked: &Import<'_>, out: &mut dyn Write, told: &mut dyn Write) -> Result<()> {
    let name = asked.file.display();
    let data = read(asked.file).with_context(|| format!("failed to read {name}"))?;
    let data: Value = serde_json::from_slice(&data).with_context(|| format!("{name} is no JSON"))?;
    let date = match asked.date {
        Some(date) => date.parse::<jiff::civil::Date>().context("the date must be written as 2026-11-21")?.to_string(),
        None => today(),
    };
    let imported = import(asked.project, &data, asked.source, &date).map_err(|reason| anyhow!("{name}: {reason}"))?;
    let Imported { catalogue, left } = imported;
    if catalogue.is_empty() {
        bail!("{name} states no fact about a model of a provider that is known here");
    }
    let text = match asked.onto {
        Some(path) => {
            let name = path.display();
            let beneath = std::fs::read_to_string(path).with_context(|| format!("failed to read {name}"))?;
            let beneath = Catalogue::parse(&beneath).with_context(|| format!("{name} is no catalogue"))?;
            beneath.corrected(&catalogue).write()
        }
        None => catalogue.write(),
    };
    match asked.out {
        Some(path) => std::fs::write(path, text).with_context(|| format!("failed to write {}", path.display()))?,
        None => out.write_all(text.as_bytes())?,
    }
    writeln!(
        told,
        "{} models imported; {left} entries left out: not of a provider known here, or no facts",
        catalogue.len()
    )?;
    Ok(())
}

/// A file, unpacked where it is compressed.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    const GZIP: [u8; 2] = [0x1f, 0x8b];
    let limited = |source: &mut dyn Read| -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        source.take(DATA_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > DATA_BYTES_MAX {
            bail!("it is larger than {DATA_BYTES_MAX} bytes");
        }
        Ok(bytes)
    };
    let bytes = limited(&mut File::open(path)?)?;
    if bytes.starts_with(&GZIP) { limited(&mut flate2::read::MultiGzDecoder::new(bytes.as_slice())) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_imported_is_a_catalogue() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("data.json");
        std::fs::write(&file, r#"{"groq/m": {"litellm_provider": "groq", "mode": "chat", "max_input_tokens": 8}}"#)
            .unwrap();
        let asked = Import {
            project: Project::Litellm,
            file: &file,
            source: "theirs",
            date: Some("2026-11-21"),
            onto: None,
            out: None,
        };
        let (mut out, mut told) = (Vec::new(), Vec::new());
        import_file(&asked, &mut out, &mut told).unwrap();
        let catalogue = Catalogue::parse(std::str::from_utf8(&out).unwrap()).unwrap();
        assert_eq!(catalogue.find("groq", "m").unwrap().date, "2026-11-21");
        assert!(String::from_utf8(told).unwrap().starts_with("1 models imported; 0 entries"));
        let beneath = folder.path().join("beneath.toml");
        std::fs::write(&beneath, "[models.groq]\n\"m\" = { tools = true, source = \"a\", date = \"2026-01-01\" }")
            .unwrap();
        let mut both = Vec::new();
        import_file(&Import { onto: Some(&beneath), ..asked }, &mut both, &mut Vec::new()).unwrap();
        let both = Catalogue::parse(std::str::from_utf8(&both).unwrap()).unwrap();
        let facts = both.find("groq", "m").unwrap();
        assert_eq!((facts.tools, facts.context_tokens), (Some(true), Some(8)));
        assert!(import_file(&Import { date: Some("yesterday"), ..asked }, &mut out, &mut Vec::new()).is_err());
    }

    #[test]
    fn the_table_tells_no_from_unknown() {
        let catalogue = Catalogue::parse(
            "[models.k]\n\"m\" = { tools = false, input = { text = true, image = false }, source = \"a\", date = \"2026-01-01\" }",
        );
        let mut out = Vec::new();
        tell(&known(&catalogue.unwrap(), None), false, &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        let row: Vec<&str> = out.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(row, ["k/m", "?", "text", "no", "?", "?", "?", "?", "a,", "2026-01-01"]);
    }
}
