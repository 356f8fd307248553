//! "Did you mean …?": the nearest of the known names to a misspelt one.

/// The known name that `name` most likely stands for, if one is near enough to be worth offering.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| {
            let lengths = [candidate, wanted.as_str()].map(|name| name.chars().count());
            // Where no letter is the same, it is another name, however short.
            let is_another = *distance > 0 && *distance >= lengths[0].max(lengths[1]);
            *distance <= 1 + lengths[0].min(lengths[1]) / 3 && !is_another
        })
        .min()
        .map(|(_, candidate)| candidate)
}

const QUESTION: &str = " Did you mean `";

/// `" Did you mean `x`?"`, or the list of what there is when nothing is near and the list is short.
pub fn hint<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(name, known.iter().copied()) {
        Some(candidate) => format!("{QUESTION}{candidate}`?"),
        None if known.is_empty() || known.len() > 12 => String::new(),
        None => format!(" There is: {}.", known.join(", ")),
    }
}

/// Why `name` is no column of `whose`, such as `The input`: with the nearest name, or all there are.
pub fn no_column<'a>(whose: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    if !name.trim().is_empty() {
        return format!("{whose} has no column `{name}`.{}", hint(name, known));
    }
    let choice =
        if known.is_empty() || known.len() > 12 { String::new() } else { format!(" There is: {}.", known.join(", ")) };
    format!("No column is named here: choose one.{choice}")
}

/// The misspelt name and the meant one in a message that [`hint`] was added to: what stands in backquotes before the
/// question, and in it.
pub fn read(message: &str) -> Option<(&str, &str)> {
    let (said, asked) = message.split_once(QUESTION)?;
    let (meant, _) = asked.split_once("`?")?;
    let (before, _) = said.rsplit_once('`')?;
    let (_, misspelt) = before.rsplit_once('`')?;
    (!misspelt.is_empty()).then_some((misspelt, meant))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_names_are_read_from_a_message_with_a_hint() {
        let message = format!("`on` has no column `temprature`.{}", hint("temprature", ["temperature", "site"]));
        assert_eq!(read(&message), Some(("temprature", "temperature")));
        assert_eq!(read("The input has no column `xyzzy`. There is: a, b."), None);
        assert_eq!(read("Something else. Did you mean `x`?"), None);
    }

    #[test]
    fn a_typo_finds_its_name_and_nonsense_finds_none() {
        let known = ["temperature", "humidity", "device_id"];
        assert_eq!(nearest("temprature", known), Some("temperature"));
        assert_eq!(nearest("DEVICE_ID", known), Some("device_id"));
        assert_eq!(nearest("xyzzy", known), None);
        assert_eq!(["x", "", "N", "nn"].map(|name| nearest(name, ["n"])), [None, None, Some("n"), Some("n")]);
        assert_eq!(
            no_column("The input", "hmidity", known),
            "The input has no column `hmidity`. Did you mean `humidity`?"
        );
        assert_eq!(
            no_column("The input", " ", known),
            "No column is named here: choose one. There is: temperature, humidity, device_id."
        );
        assert_eq!(hint("xyzzy", known), " There is: temperature, humidity, device_id.");
    }
}
