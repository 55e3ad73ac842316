//! The name that was probably meant.

/// The candidate that is nearest to `name`, if one is near enough to be a slip of the hand.
pub(crate) fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A long list from a server, or a long name, is not worth the time.
    let near = candidates.into_iter().take(1000).filter(|candidate| candidate.len() <= 128).map(|candidate| {
        let is_part = candidate.len() > 3 && name.len() > 3 && (candidate.contains(name) || name.contains(candidate));
        (if is_part { 1 } else { distance(&name.to_lowercase(), &candidate.to_lowercase()) }, candidate)
    });
    let slips = match name.chars().count() {
        0..=2 => 0,
        3..=5 => 2,
        _ => 3,
    };
    near.filter(|(distance, _)| *distance <= slips)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// ` (did you mean X?)`, or nothing.
pub(crate) fn hint<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    closest(name, candidates)
        .map(|meant| format!(" (did you mean `{}`?)", crate::output::one_line(meant)))
        .unwrap_or_default()
}

/// Characters to put in, take out or change (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().take(128).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, right) in b.iter().enumerate() {
            let changed = diagonal + usize::from(left != *right);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_hand_are_found() {
        let names = ["text", "steps", "get_events", "Titel"];
        for (slip, meant) in [
            ("txt", Some("text")),
            ("step", Some("steps")),
            ("getevents", Some("get_events")),
            ("events", Some("get_events")),
            ("titel", Some("Titel")),
            ("banana", None),
            ("", None),
        ] {
            assert_eq!(closest(slip, names), meant, "{slip}");
        }
    }

    #[test]
    fn the_distance_is_the_number_of_changes() {
        for (a, b, changes) in [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("größe", "grösse", 2)] {
            assert_eq!(distance(a, b), changes, "{a} {b}");
        }
    }
}
