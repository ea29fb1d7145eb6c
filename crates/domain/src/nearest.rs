//! The names that a misspelt one may have meant.

/// Up to three of the known names that are near to the given one, nearest first.
///
/// Near means at most a third of the characters differ (one edit at the least), or one is contained in the other. A
/// name with a `/` is also near by what follows it: people ask for a model and forget its provider.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let given = given.to_lowercase();
    let mut scored: Vec<(usize, &str)> = known
        .into_iter()
        .filter_map(|name| {
            let lower = name.to_lowercase();
            let model = lower.rsplit_once('/').map_or(lower.as_str(), |(_, model)| model);
            let lower = if strsim::osa_distance(&given, model) < strsim::osa_distance(&given, &lower) {
                model.to_owned()
            } else {
                lower
            };
            let distance = strsim::osa_distance(&given, &lower);
            let allowed = (given.chars().count().max(lower.chars().count()) / 3).max(1);
            let contained = given.len() >= 3 && (lower.contains(&given) || given.contains(&lower));
            (distance <= allowed || contained).then_some((distance, name))
        })
        .collect();
    scored.sort();
    scored.dedup();
    scored.into_iter().take(3).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_found() {
        assert_eq!(nearest("gtp-5", ["gpt-5", "claude-sonnet", "gpt-5-mini"]), vec!["gpt-5"]);
        assert_eq!(nearest("sim-1", ["openai/gpt-5", "sim/sim-1"]), vec!["sim/sim-1"]);
        assert_eq!(nearest("sim-2", ["sim/sim-1", "openai/gpt-5"]), vec!["sim/sim-1"]);
        assert!(nearest("zebra", ["gpt-5", "claude"]).is_empty());
    }
}
