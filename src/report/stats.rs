//! What `set_stats` has collected.

use crate::runner::TaskResult;
use crate::value::{Map, Value};
use std::collections::BTreeMap;

/// The custom statistics of a run.
#[derive(Debug, Default)]
pub struct CustomStats {
    pub run: Map,
    pub hosts: BTreeMap<String, Map>,
}

impl CustomStats {
    pub fn is_empty(&self) -> bool {
        self.run.is_empty() && self.hosts.is_empty()
    }

    /// Takes in what a result (or the items of one) says.
    pub fn take(&mut self, host: &str, result: &TaskResult) {
        if result.skipped || result.unreachable {
            return;
        }
        if let Some(items) = &result.items {
            items.iter().for_each(|item| self.take(host, item));
            return;
        }
        let Some(stats) = result.data.get("ansible_stats").and_then(Value::as_map) else { return };
        let says =
            |name: &str, default: bool| stats.get(name).and_then(Value::ansible_bool).unwrap_or(default);
        let data = stats.get("data").and_then(Value::as_map).cloned().unwrap_or_default();
        let slot = match says("per_host", false) {
            true => self.hosts.entry(host.to_owned()).or_default(),
            false => &mut self.run,
        };
        for (name, value) in data {
            match slot.get_mut(&name).filter(|_| says("aggregate", true)) {
                Some(known) => add(known, value),
                None => {
                    slot.insert(name, value);
                }
            }
        }
    }
}

/// Numbers add up, texts and lists are put together, mappings merged; what is of another kind is left out.
fn add(known: &mut Value, value: Value) {
    let sum = match (&*known, &value) {
        (Value::Int(a), Value::Int(b)) => Value::Int(a.saturating_add(*b)),
        (Value::Float(a), Value::Float(b)) => Value::Float(a + b),
        (Value::Str(a), Value::Str(b)) => Value::from(format!("{a}{b}")),
        (Value::List(a), Value::List(b)) => Value::list(a.iter().chain(b.iter()).cloned().collect()),
        (Value::Map(a), Value::Map(b)) => {
            let mut merged = (**a).clone();
            for (name, value) in b.iter() {
                match (merged.get_mut(name), value) {
                    (Some(known @ Value::Map(_)), Value::Map(_)) => add(known, value.clone()),
                    _ => {
                        merged.insert(name.clone(), value.clone());
                    }
                }
            }
            Value::map(merged)
        }
        _ => return,
    };
    *known = sum;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::from_json;

    #[test]
    fn stats_add_up() {
        let cases = [
            (
                vec![r#"{"data": {"n": 1, "l": [1]}}"#, r#"{"data": {"n": 2, "l": [2]}}"#],
                r#"{"n": 3, "l": [1, 2]}"#,
            ),
            (vec![r#"{"data": {"n": 1}}"#, r#"{"data": {"n": 2}, "aggregate": false}"#], r#"{"n": 2}"#),
            (vec![r#"{"data": {"n": 1}}"#, r#"{"data": {"n": "x"}}"#], r#"{"n": 1}"#),
            (
                vec![
                    r#"{"data": {"d": {"a": 1, "b": {"c": 1}}}}"#,
                    r#"{"data": {"d": {"a": 2, "b": {"d": 2}}}}"#,
                ],
                r#"{"d": {"a": 2, "b": {"c": 1, "d": 2}}}"#,
            ),
        ];
        for (given, wanted) in cases {
            let mut stats = CustomStats::default();
            for text in &given {
                let result = TaskResult::default().with("ansible_stats", from_json(text).expect("JSON"));
                stats.take("a", &result);
            }
            assert_eq!(Value::map(stats.run), from_json(wanted).expect("JSON"), "{given:?}");
        }
    }
}
