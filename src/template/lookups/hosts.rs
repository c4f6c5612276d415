//! `inventory_hostnames`: hosts of a pattern.

use super::Lookup;
use crate::template::object::{Res, V, text};
use std::collections::BTreeSet;

pub fn inventory_hostnames(lookup: &mut Lookup) -> Res<Vec<V>> {
    let hosts = lookup.eval.ctx.env().hosts.clone();
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    if let Some(V::Dict(dict)) = lookup.eval.ctx.variable("groups")? {
        for (name, members) in dict.entries()? {
            let members = members.items()?.iter().map(text).collect::<Res<_>>()?;
            groups.push((name.as_str().unwrap_or("").to_owned(), members));
        }
    }
    let matching = |pattern: &str| -> BTreeSet<String> {
        if matches!(pattern, "all" | "*") {
            return hosts.iter().cloned().collect();
        }
        let Ok(glob) = glob::Pattern::new(pattern) else { return BTreeSet::new() };
        let mut found: BTreeSet<String> = groups
            .iter()
            .filter(|(name, _)| glob.matches(name))
            .flat_map(|(_, members)| members.clone())
            .collect();
        found.extend(hosts.iter().filter(|host| glob.matches(host)).cloned());
        found
    };
    let mut chosen: BTreeSet<String> = BTreeSet::new();
    let patterns: Vec<String> = lookup
        .texts()?
        .iter()
        .flat_map(|term| term.split([',', ':']).map(|part| part.trim().to_owned()).collect::<Vec<_>>())
        .filter(|part| !part.is_empty())
        .collect();
    // Plain patterns first, then intersections, then exclusions.
    for pattern in patterns.iter().filter(|p| !p.starts_with(['!', '&'])) {
        chosen.extend(matching(pattern));
    }
    if patterns.iter().all(|p| p.starts_with(['!', '&'])) && !patterns.is_empty() {
        chosen = matching("all");
    }
    for pattern in patterns.iter().filter_map(|p| p.strip_prefix('&')) {
        let these = matching(pattern);
        chosen.retain(|host| these.contains(host));
    }
    for pattern in patterns.iter().filter_map(|p| p.strip_prefix('!')) {
        let these = matching(pattern);
        chosen.retain(|host| !these.contains(host));
    }
    Ok(hosts.iter().filter(|host| chosen.contains(*host)).map(V::str).collect())
}
