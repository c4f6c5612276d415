//! Host patterns of inventory sources: `web[01:10:2].example.org:2222`.

/// The name (ranges not expanded) and the port, if one is given.
pub fn host_and_port(text: &str) -> (&str, Option<u16>) {
    let number = |port: &str| match port.bytes().all(|b| b.is_ascii_digit()) {
        true => port.parse::<u16>().ok(),
        false => None,
    };
    if let Some(rest) = text.strip_prefix('[')
        && let Some((inner, port)) = rest.rsplit_once("]:")
        && !inner.contains(['[', ']'])
        && let Some(port) = number(port)
    {
        return (inner, Some(port));
    }
    let mut depth = 0usize;
    let colons: Vec<usize> = text
        .char_indices()
        .filter(|(_, c)| {
            depth = match c {
                '[' => depth + 1,
                ']' => depth.saturating_sub(1),
                _ => depth,
            };
            *c == ':' && depth == 0
        })
        .map(|(at, _)| at)
        .collect();
    match colons[..] {
        // More than one colon: an IPv6 address.
        [at] if at > 0 => match number(&text[at + 1..]) {
            Some(port) => (&text[..at], Some(port)),
            None => (text, None),
        },
        _ => (text, None),
    }
}

/// All names a pattern with ranges stands for, the last range changing fastest.
///
/// # Errors
/// A malformed range, in Ansible's words.
pub fn expand(pattern: &str) -> Result<Vec<String>, String> {
    let Some(open) = pattern.find('[') else { return Ok(vec![pattern.to_owned()]) };
    let Some(close) = pattern[open..].find(']').map(|at| open + at) else {
        return Err(format!("host range '{pattern}' has no closing bracket"));
    };
    let (head, range, tail) = (&pattern[..open], &pattern[open + 1..close], &pattern[close + 1..]);
    let values = values(range)?;
    let tails = expand(tail)?;
    let mut names = Vec::with_capacity(values.len() * tails.len());
    for value in &values {
        names.extend(tails.iter().map(|tail| format!("{head}{value}{tail}")));
    }
    Ok(names)
}

/// More hosts than this in one range are a slip of the keyboard.
const LARGEST: usize = 1_000_000;

fn values(range: &str) -> Result<Vec<String>, String> {
    let parts: Vec<&str> = range.split(':').collect();
    let (begin, end, step) = match parts[..] {
        [begin, end] => (begin, end, 1),
        [begin, end, step] => {
            let step: usize =
                step.parse().map_err(|_| format!("invalid literal for int() with base 10: '{step}'"))?;
            (begin, end, step)
        }
        _ => return Err("host range must be begin:end or begin:end:step".into()),
    };
    if end.is_empty() {
        return Err("host range must specify end value".into());
    }
    if step == 0 {
        return Err("range() arg 3 must not be zero".into());
    }
    let begin = if begin.is_empty() { "0" } else { begin };
    let width = if begin.len() > 1 && begin.starts_with('0') { begin.len() } else { 0 };
    if width > 0 && begin.len() != end.len() {
        return Err("host range must specify equal-length begin and end formats".into());
    }
    const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let letter = |text: &str| if text.len() == 1 { LETTERS.find(text) } else { None };
    if let (Some(first), Some(last)) = (letter(begin), letter(end)) {
        if first > last {
            return Err("host range must have begin <= end".into());
        }
        return Ok(LETTERS[first..=last].chars().step_by(step).map(String::from).collect());
    }
    let number = |text: &str| {
        text.parse::<usize>().map_err(|_| format!("invalid literal for int() with base 10: '{text}'"))
    };
    let (first, last) = (number(begin)?, number(end)?);
    if last.saturating_sub(first) / step > LARGEST {
        return Err(format!("host range [{range}] stands for more than {LARGEST} hosts"));
    }
    Ok((first..=last).step_by(step).map(|n| format!("{n:0width$}")).collect())
}

/// All host names a source's pattern stands for, and their port.
///
/// # Errors
/// A malformed range, in Ansible's words.
pub fn expand_hosts(pattern: &str) -> Result<(Vec<String>, Option<u16>), String> {
    if pattern.ends_with(':') {
        return Err(format!(
            "Invalid host pattern '{pattern}' supplied, ending in ':' is not allowed, this character is reserved to provide a port."
        ));
    }
    let (name, port) = host_and_port(pattern);
    Ok((expand(name)?, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_ports() {
        for (pattern, names, port) in [
            ("h", "h", None),
            ("h:22", "h", Some(22)),
            ("h:abc", "h:abc", None),
            ("[fe80::1]:22", "fe80::1", Some(22)),
            ("fe80::2", "fe80::2", None),
            ("a:b:c", "a:b:c", None),
            ("web[01:03]", "web01 web02 web03", None),
            ("n[1:9:4]", "n1 n5 n9", None),
            ("n[:2]", "n0 n1 n2", None),
            ("h[3:1]", "", None),
            ("db-[a:b].x[1:2]:22", "db-a.x1 db-a.x2 db-b.x1 db-b.x2", Some(22)),
        ] {
            let (found, at) = expand_hosts(pattern).expect(pattern);
            assert_eq!((found.join(" ").as_str(), at), (names, port), "{pattern}");
        }
        for (pattern, error) in [
            ("h[01:3]", "host range must specify equal-length begin and end formats"),
            ("h[1:]", "host range must specify end value"),
            ("h[1:3:0]", "range() arg 3 must not be zero"),
            ("h[b:a]", "host range must have begin <= end"),
            ("h[a:3]", "invalid literal for int() with base 10: 'a'"),
            ("h[0:99999999999]", "host range [0:99999999999] stands for more than 1000000 hosts"),
        ] {
            assert_eq!(expand_hosts(pattern).expect_err(pattern), error);
        }
    }
}
