//! The map, for people and programs.

use super::Place;
use crate::config::columns;
use anyhow::Result;
use serde_json::{Value, json};
use std::io::Write;

pub(super) fn tell(places: &[Place], json: bool, out: &mut dyn Write) -> Result<()> {
    if json {
        let list: Vec<Value> = places.iter().map(of_place).collect();
        return Ok(writeln!(out, "{:#}", Value::from(list))?);
    }
    let mut rows = vec![["WHAT", "NAME", "AT", "GETS"].map(str::to_owned)];
    for place in places {
        let Place { kind, name, at, region, gets, terms: _ } = place;
        let at = region.as_ref().map_or_else(|| at.clone(), |region| format!("{at} ({region})"));
        let gets: Vec<&str> = gets.iter().map(|reach| reach.as_str()).collect();
        rows.push([kind.as_str().to_owned(), name.clone(), at, gets.join("; ")]);
    }
    write!(out, "{}", columns(&rows))?;
    for place in places.iter().filter(|place| !place.terms.is_empty()) {
        writeln!(out, "\n{} {}, {}", place.kind.as_str(), place.name, place.at)?;
        for term in &place.terms {
            writeln!(out, "  {term}")?;
        }
    }
    writeln!(out, "\nlists of prices and of models are read, and nothing leaves for them")?;
    Ok(())
}

fn of_place(place: &Place) -> Value {
    let Place { kind, name, at, region, gets, terms } = place;
    let gets: Vec<&str> = gets.iter().map(|reach| reach.as_str()).collect();
    json!({"what": kind.as_str(), "name": name, "at": at, "region": region, "gets": gets, "terms": terms})
}
