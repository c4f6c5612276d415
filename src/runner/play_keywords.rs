//! The keywords of a play that are rendered before it begins: `serial`, `order`, `strategy` and others.

use super::play::Stop;
use crate::diag::{Diagnostic, Span, did_you_mean};
use crate::playbook::{Attr, Kind, Play, keyword, unconverted};
use crate::template::Context;
use crate::value::{Value, py_str};

/// The names that `order` may have.
const ORDERS: &[&str] = &["inventory", "reverse_inventory", "sorted", "reverse_sorted", "shuffle"];

/// Those that are only a play's, in the order in which Ansible finds fault with them.
const OF_PLAYS: &[&str] = &[
    "force_handlers",
    "gather_facts",
    "gather_subset",
    "gather_timeout",
    "max_fail_percentage",
    "order",
    "serial",
    "strategy",
];

/// What is wrong with a play before it has hosts.
///
/// # Errors
/// The first of its keywords that cannot be rendered, or is not what it has to be.
pub fn check_play(play: &Play, context: &Context) -> Result<(), Diagnostic> {
    let names = [("hosts", Some(&play.hosts)), ("name", play.name.as_ref())];
    let checked = check_keywords(play, context).and_then(|()| {
        let mut named = names.iter().filter_map(|(name, attr)| Some((name, (*attr)?)));
        named.try_for_each(|(name, attr)| play_value(name, attr, context).map(drop))
    });
    match checked {
        Err(Stop::Content(problem) | Stop::Broken(problem) | Stop::Option(problem)) => Err(*problem),
        Ok(()) | Err(Stop::Playbook) => Ok(()),
    }
}

/// Refuses what cannot be rendered, or is not what it has to be, before anything runs.
pub(super) fn check_keywords(play: &Play, context: &Context) -> Result<(), Stop> {
    for name in OF_PLAYS {
        let Some(attr) = play.level.find(name) else { continue };
        let value = play_value(name, attr, context)?;
        if crate::template::is_omit(&value) {
            continue;
        }
        let kind = keyword(name).map_or(Kind::Other, |keyword| keyword.kind);
        let problem = match kind.check(&value) {
            Ok(()) => stranger(name, kind, &value).map(|why| wrong(name, &why, &attr.span)),
            Err(expected) => Some(unconverted(name, &value, expected, &attr.span)),
        };
        if let Some(problem) = problem {
            return Err(Stop::Content(Box::new(problem)));
        }
    }
    Ok(())
}

fn wrong(name: &str, why: &str, place: &Span) -> Diagnostic {
    Diagnostic::error("play-keyword", format!("Error processing keyword '{name}': {why}")).at(place)
}

/// What is wrong with the members of a list of texts.
fn stranger(name: &str, kind: Kind, value: &Value) -> Option<String> {
    if kind != Kind::Texts || value.is_null() {
        return None;
    }
    let items = value.as_list().unwrap_or(std::slice::from_ref(value));
    let stranger = items.iter().find(|item| item.as_str().is_none())?;
    Some(format!("Keyword '{name}' items must be of type 'str', not '{}'.", stranger.type_name()))
}

/// The value of a play's keyword.
pub(super) fn play_value(name: &str, attr: &Attr, context: &Context) -> Result<Value, Stop> {
    context.render(&attr.term).map_err(|error| {
        let place = error.trace.first().unwrap_or(&attr.span);
        Stop::Content(Box::new(wrong(name, &error.message, place)))
    })
}

/// The text of a play's keyword; `None` where nobody says it.
pub(super) fn play_text(play: &Play, context: &Context, name: &str) -> Result<Option<String>, Stop> {
    let Some(attr) = play.level.find(name) else { return Ok(None) };
    Ok(Some(play_value(name, attr, context)?).filter(|value| !value.is_null()).map(|value| py_str(&value)))
}

/// `serial`: numbers and shares of hosts, the last one for all that remain.
pub(super) fn batches(play: &Play, context: &Context, hosts: &[String]) -> Result<Vec<Vec<String>>, Stop> {
    let hosts = ordered(play, context, hosts)?;
    let Some(attr) = play.level.find("serial") else { return Ok(vec![hosts]) };
    let value = play_value("serial", attr, context)?;
    let steps: &[Value] = match &value {
        Value::List(items) => items,
        Value::Null => &[],
        omitted if crate::template::is_omit(omitted) => &[],
        other => std::slice::from_ref(other),
    };
    let size = |step: &Value| -> Result<usize, Stop> {
        step_size(step, hosts.len()).ok_or_else(|| {
            let text = format!("`serial` must be a number of hosts or a percentage, not `{}`", py_str(step));
            Stop::Broken(Box::new(Diagnostic::error("bad-serial", text).at(&attr.span)))
        })
    };
    let mut batches = Vec::new();
    let mut rest = hosts.as_slice();
    let mut step = 0;
    while !rest.is_empty() {
        let wanted = match steps.get(step.min(steps.len().saturating_sub(1))) {
            Some(step) => size(step)?,
            None => 0,
        };
        let count = if wanted == 0 { rest.len() } else { wanted.min(rest.len()) };
        let (batch, after) = rest.split_at(count);
        batches.push(batch.to_vec());
        rest = after;
        step += 1;
    }
    if batches.is_empty() {
        batches.push(vec![]);
    }
    Ok(batches)
}

/// How many of `all` hosts a step of `serial` means; 0 means those that are left.
fn step_size(step: &Value, all: usize) -> Option<usize> {
    let count = match step {
        Value::Bool(truth) => i64::from(*truth),
        Value::Int(count) => *count,
        Value::Float(count) => *count as i64,
        Value::Str(text) => match text.trim().strip_suffix('%') {
            Some(share) => {
                let share: f64 = share.trim().parse().ok()?;
                return Some(((share / 100.0 * all as f64) as usize).max(1));
            }
            None => text.trim().parse().ok()?,
        },
        _ => return None,
    };
    Some(usize::try_from(count).unwrap_or(0))
}

fn ordered(play: &Play, context: &Context, hosts: &[String]) -> Result<Vec<String>, Stop> {
    let mut hosts = hosts.to_vec();
    match play_text(play, context, "order")?.as_deref() {
        None | Some("inventory") => {}
        Some("reverse_inventory") => hosts.reverse(),
        Some("sorted") => hosts.sort(),
        Some("reverse_sorted") => {
            hosts.sort();
            hosts.reverse();
        }
        Some("shuffle") => {
            // Any order will do; one that differs from run to run without a generator of its own.
            let seed = std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .map(|t| t.subsec_nanos())
                .unwrap_or(0);
            hosts.sort_by_cached_key(|host| {
                use sha1::Digest;
                sha1::Sha1::digest(format!("{seed}{host}")).to_vec()
            });
        }
        Some(other) => {
            let message = format!("Invalid 'order' specified for inventory hosts: {other}");
            let place = play.level.find("order").map_or(&play.span, |attr| &attr.span);
            let help = match did_you_mean(other, ORDERS.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", ORDERS.join(", ")),
            };
            return Err(Stop::Option(Box::new(Diagnostic::error("bad-order", message).at(place).help(help))));
        }
    }
    Ok(hosts)
}
