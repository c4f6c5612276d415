//! The lookup `community.general.random_pet`: adverbs, an adjective and the name of an animal.

use super::Lookup;
use crate::template::eval::charge;
use crate::template::object::{Res, V, failed};
use crate::template::random::Random;
use petname::lang::english::Petnames;

/// Words beyond this are no name.
const MOST: i64 = 10_000;

pub fn random_pet(lookup: &mut Lookup) -> Res<Vec<V>> {
    let number = |name: &str, default: i64| lookup.option(name).and_then(V::as_i64).unwrap_or(default);
    let words = number("words", 2);
    if words > MOST {
        return Err(failed(format!("a name of {words} words is too long")));
    }
    let longest = usize::try_from(number("length", 6)).unwrap_or(0).max(3);
    let separator = lookup.text("separator")?.unwrap_or_else(|| "-".to_owned());
    charge(usize::try_from(words).unwrap_or(0).saturating_mul(separator.len() + longest.min(20)))?;
    let names = Petnames::default();
    let mut random = Random::new(None)?;
    // No adverb has fewer than four letters.
    let mut pick = |words: &[&str], longest: usize| -> Res<String> {
        let fitting: Vec<&str> = words.iter().copied().filter(|word| word.len() <= longest).collect();
        if fitting.is_empty() {
            return Err(failed(format!("there is no word of at most {longest} letters")));
        }
        Ok(fitting[random.index(fitting.len())].to_owned())
    };
    let mut out = Vec::new();
    // What is less than a word is two, as one that makes no sense.
    for _ in 2..words {
        out.push(pick(&names.adverbs, longest.max(4))?);
    }
    if words != 1 {
        out.push(pick(&names.adjectives, longest)?);
    }
    out.push(pick(&names.nouns, longest)?);
    let prefix = lookup.text("prefix")?.filter(|prefix| !prefix.is_empty());
    out.splice(0..0, prefix);
    Ok(vec![V::from(out.join(&separator))])
}
