//! "Did you mean …?": the nearest of the known names to a misspelt one.

/// The known name that `name` most likely stands for, if one is near enough to be worth offering.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count().min(wanted.chars().count()) / 3)
        .min()
        .map(|(_, candidate)| candidate)
}

/// `" Did you mean `x`?"`, or the list of what there is when nothing is near and the list is short.
pub fn hint<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(name, known.iter().copied()) {
        Some(candidate) => format!(" Did you mean `{candidate}`?"),
        None if known.is_empty() || known.len() > 12 => String::new(),
        None => format!(" There is: {}.", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_finds_its_name_and_nonsense_finds_none() {
        let known = ["temperature", "humidity", "device_id"];
        assert_eq!(nearest("temprature", known), Some("temperature"));
        assert_eq!(nearest("DEVICE_ID", known), Some("device_id"));
        assert_eq!(nearest("xyzzy", known), None);
        assert_eq!(hint("xyzzy", known), " There is: temperature, humidity, device_id.");
    }
}
