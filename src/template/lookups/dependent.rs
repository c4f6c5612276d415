//! The lookup `community.general.dependent`: lists that depend on what was chosen of those before them.

use super::Lookup;
use crate::diag::Span;
use crate::template::eval::{Eval, charge};
use crate::template::object::{Entries, Res, V, failed, key_of, repr, text};
use crate::template::syntax::{self, Source};
use crate::value::{Value, marks};
use std::sync::Arc;

/// A list with its name: given, or an expression of the author's.
struct Level {
    name: Value,
    values: V,
}

pub fn dependent(lookup: &mut Lookup) -> Res<Vec<V>> {
    let mut levels: Vec<Level> = Vec::new();
    for (index, term) in lookup.terms.iter().enumerate() {
        let V::Dict(term) = term else {
            let class = term.type_name();
            return Err(failed(format!("Parameter {index} must be a dictionary, got <class '{class}'>")));
        };
        let entries = term.entries()?;
        let count = entries.len();
        let (1, Some((name, values))) = (count, entries.into_iter().next()) else {
            return Err(failed(format!(
                "Parameter {index} must be a one-element dictionary, got {count} elements"
            )));
        };
        let shown = text(&V::from_value(&name)?)?;
        if !matches!(values, V::Str(_) | V::Dict(_)) && !values.is_sequence() {
            return Err(failed(format!(
                "Parameter {} (index {index}) must have a value of type string, dictionary or list, got type \
                 <class '{}'>",
                crate::value::py_repr(&name),
                values.type_name()
            )));
        }
        if levels.iter().any(|level| level.name == name) {
            return Err(failed(format!("The variable '{shown}' appears more than once")));
        }
        levels.push(Level { name, values });
    }
    let mut out = Vec::new();
    if !levels.is_empty() {
        choose(lookup, &levels, &Entries::default(), &mut out)?;
    }
    Ok(out)
}

/// Goes through the values of the first list, with what was chosen of those before it.
fn choose(lookup: &Lookup, levels: &[Level], chosen: &Entries, out: &mut Vec<V>) -> Res<()> {
    crate::template::eval::check_stack()?;
    let Some((level, rest)) = levels.split_first() else {
        charge(256 * (chosen.len() + 1))?;
        out.push(V::dict(chosen.clone()));
        return Ok(());
    };
    let values = match &level.values {
        V::Str(expression) => evaluated(lookup, &level.name, expression, chosen)?,
        values => values.clone(),
    };
    let values = match &values {
        V::Dict(dict) => {
            let pair = |(key, value)| Ok(V::record([("key", V::from_value(&key)?), ("value", value)]));
            dict.entries()?.into_iter().map(pair).collect::<Res<Vec<V>>>()?
        }
        values => values.items()?,
    };
    for value in values {
        let mut chosen = chosen.clone();
        chosen.insert(key_of(&V::from_value(&level.name)?)?, value);
        choose(lookup, rest, &chosen, out)?;
    }
    Ok(())
}

/// The list or mapping that an expression means, with the values chosen so far as `item`.
fn evaluated(lookup: &Lookup, name: &Value, expression: &Arc<str>, chosen: &Entries) -> Res<V> {
    let item = V::dict(chosen.clone());
    let shown = repr(&item)?;
    let name = crate::value::py_repr(name);
    let caught =
        |message: &str| failed(format!("Caught \"{message}\" while evaluating {name} with item == {shown}"));
    // What a host sent, or a template made, is data and never evaluated.
    if !marks::is_authored(expression) {
        return Err(caught("Encountered untrusted template or expression."));
    }
    let parsed = syntax::expression(expression).map_err(|problems| {
        let message = problems.first().map_or("", |problem| &problem.message);
        caught(&format!("Syntax error in expression: {message}"))
    })?;
    let span = Span::synthetic("<unknown>", expression);
    let source = Arc::new(Source::of_text(expression, &span));
    let mut eval = Eval::new(lookup.eval.ctx, &source);
    eval.define("item", item.clone());
    let value = eval.need(&parsed).map_err(|error| match error.kind {
        crate::template::TemplateErrorKind::Unknown => error,
        _ => caught(&error.message),
    })?;
    if matches!(value, V::Dict(_) | V::Str(_)) || value.is_sequence() {
        return Ok(value);
    }
    let class = value.type_name();
    Err(failed(format!(
        "Did not obtain dictionary or list while evaluating {name} with item == {shown}, but <class '{class}'>"
    )))
}
