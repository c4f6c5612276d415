//! Argument specifications: what a role or a module may be given, in the form that Ansible's own have.

use super::argument_types::{Type, convert};
use crate::value::{Map, Value, py_str};
use std::collections::BTreeSet;

/// What is wrong with arguments, in Ansible's words; empty if nothing is.
pub fn problems(given: &Map, options: &Map) -> Vec<String> {
    let mut problems = Problems::default();
    problems.level(given.clone(), options, &Map::new(), &[]);
    if !problems.strangers.is_empty() {
        let strangers: Vec<String> = problems.strangers.into_iter().collect();
        problems.errors.push(format!(
            "{}. Supported parameters include: {}.",
            strangers.join(", "),
            problems.supported
        ));
    }
    problems.errors
}

/// Where something is inside of which options.
type Path<'a> = [&'a str];

#[derive(Default)]
struct Problems {
    errors: Vec<String>,
    /// Arguments that nobody asked for, which are named last, and what is known where the last of them is.
    strangers: BTreeSet<String>,
    supported: String,
}

/// An argument of a specification.
struct Argument<'a> {
    name: String,
    spec: &'a Value,
    wanted: Type,
}

impl<'a> Argument<'a> {
    fn all(options: &'a Map) -> Vec<Self> {
        let argument = |(name, spec): (&Value, &'a Value)| {
            let wanted =
                spec.get("type").filter(|wanted| !wanted.is_null()).map_or_else(|| "str".to_owned(), py_str);
            Argument { name: py_str(name), spec, wanted: Type::named(&wanted) }
        };
        options.iter().map(argument).collect()
    }

    fn says(&self, word: &str) -> bool {
        self.spec.get(word).is_some_and(Value::truthy)
    }

    fn aliases(&self) -> Vec<String> {
        self.spec.get("aliases").and_then(Value::as_list).unwrap_or_default().iter().map(py_str).collect()
    }

    fn default(&self) -> Option<&'a Value> {
        self.spec.get("default").filter(|value| !value.is_null())
    }

    fn elements(&self) -> Option<String> {
        self.spec.get("elements").filter(|value| !value.is_null()).map(py_str)
    }

    /// The options inside, where its type has any.
    fn inner(&self) -> Option<&'a Map> {
        let nested = match self.wanted {
            Type::Dict => true,
            Type::List => self.elements().as_deref() == Some("dict"),
            _ => false,
        };
        self.spec.get("options").and_then(Value::as_map).filter(|_| nested)
    }
}

fn found_in(path: &Path) -> String {
    if path.is_empty() { String::new() } else { format!(" found in {}", path.join(" -> ")) }
}

/// The same in quotes, after the name of an argument.
fn found_in_quotes(path: &Path) -> String {
    if path.is_empty() { String::new() } else { format!(" found in '{}'", path.join(" -> ")) }
}

impl Problems {
    /// Checks what was given against the options; `rules` says what has to be given together and what not, `path` inside of
    /// which option both are.
    fn level(&mut self, mut given: Map, options: &Map, rules: &Map, path: &Path) {
        let arguments = Argument::all(options);
        for argument in &arguments {
            for alias in argument.aliases() {
                if let Some(value) = given.get(alias.as_str()).cloned() {
                    given.insert(argument.name.as_str().into(), value);
                }
            }
        }
        self.unsupported(&given, &arguments, path);
        self.unreadable(&given, &arguments);
        self.exclusive(&given, rules, path);
        self.required(&mut given, &arguments, path);
        for argument in &arguments {
            self.types(&mut given, argument, path);
        }
        for argument in &arguments {
            self.choices(&given, argument, path);
        }
        self.dependencies(&given, rules, path);
        for argument in &arguments {
            self.inside(&given, argument, path);
        }
    }

    fn unsupported(&mut self, given: &Map, arguments: &[Argument], path: &Path) {
        let mut aliases: Vec<String> = arguments.iter().flat_map(Argument::aliases).collect();
        let known =
            |key: &String| arguments.iter().any(|argument| argument.name == *key) || aliases.contains(key);
        let strangers: Vec<String> = given.keys().map(py_str).filter(|key| !known(key)).collect();
        if strangers.is_empty() {
            return;
        }
        let whole = |key: &String| path.iter().copied().chain([key.as_str()]).collect::<Vec<_>>().join(".");
        self.strangers.extend(strangers.iter().map(whole));
        let mut supported: Vec<&str> = arguments.iter().map(|argument| argument.name.as_str()).collect();
        supported.sort_unstable();
        aliases.sort();
        self.supported = supported.join(", ");
        if !aliases.is_empty() {
            self.supported += &format!(" ({})", aliases.join(", "));
        }
    }

    /// What should have options inside and cannot be read at all.
    fn unreadable(&mut self, given: &Map, arguments: &[Argument]) {
        for argument in arguments {
            let (Some(options), Some(value)) = (argument.inner(), given.get(argument.name.as_str())) else {
                continue;
            };
            let values = match value {
                Value::Null => continue,
                Value::List(items) => items.to_vec(),
                other => vec![other.clone()],
            };
            for value in values {
                match (&value, convert(&value, Type::Dict)) {
                    (_, Ok(Value::Map(map))) => self.unreadable(&map, &Argument::all(options)),
                    (Value::Str(_), Err(reason)) => self.errors.push(reason),
                    _ => self.errors.push(format!(
                        "Value '{}' in the sub parameter field '{}' must be a {}, not '{}'",
                        py_str(&value),
                        argument.name,
                        if argument.wanted == Type::List { "list" } else { "dict" },
                        value.type_name()
                    )),
                }
            }
        }
    }

    fn exclusive(&mut self, given: &Map, rules: &Map, path: &Path) {
        let groups = groups(rules.get("mutually_exclusive"));
        let both: Vec<String> = groups
            .iter()
            .filter(|group| group.iter().filter(|name| given.contains_key(name.as_str())).count() > 1)
            .map(|group| group.join("|"))
            .collect();
        if !both.is_empty() {
            self.errors.push(format!(
                "parameters are mutually exclusive: {}{}",
                both.join(", "),
                found_in(path)
            ));
        }
    }

    /// Names what is missing, and fills in defaults.
    fn required(&mut self, given: &mut Map, arguments: &[Argument], path: &Path) {
        let missing =
            |argument: &&Argument| argument.says("required") && !given.contains_key(argument.name.as_str());
        for argument in
            arguments.iter().filter(|argument| argument.says("required") && argument.default().is_some())
        {
            self.errors.push(format!(
                "internal error: required and default are mutually exclusive for {}",
                argument.name
            ));
        }
        let missing: Vec<&str> = arguments
            .iter()
            .filter(missing)
            .filter(|argument| argument.default().is_none())
            .map(|argument| argument.name.as_str())
            .collect();
        if !missing.is_empty() {
            self.errors.push(format!("missing required arguments: {}{}", missing.join(", "), found_in(path)));
        }
        for argument in arguments {
            if let Some(default) = argument.default() {
                given.entry(argument.name.as_str().into()).or_insert_with(|| default.clone());
            }
        }
    }

    /// Makes the value, and what a list holds, of the type that is asked for.
    fn types(&mut self, given: &mut Map, argument: &Argument, path: &Path) {
        let name = &argument.name;
        let Some(value) = given.get_mut(name.as_str()).filter(|value| !value.is_null()) else { return };
        match convert(value, argument.wanted.clone()) {
            Ok(converted) => *value = converted,
            Err(reason) => {
                let place = match path {
                    [] => " ".to_owned(),
                    path => format!("{}. ", found_in_quotes(path)),
                };
                return self.errors.push(format!(
                    "argument '{name}' is of type {}{place}and we were unable to convert to {}: {reason}",
                    value.type_name(),
                    argument.wanted.name(),
                ));
            }
        }
        let Some(elements) = argument.elements() else { return };
        let items = match &*value {
            Value::List(items) => items.to_vec(),
            other => {
                self.errors.push(format!(
                    "Invalid type {} for option '{}', elements value check is supported only with 'list' type",
                    other.type_name(),
                    py_str(other)
                ));
                match other {
                    Value::Str(text) => text.chars().map(|c| Value::from(c.to_string())).collect(),
                    Value::Map(map) => map.keys().cloned().collect(),
                    _ => return,
                }
            }
        };
        let mut good = Vec::new();
        for item in items {
            match convert(&item, Type::named(&elements)) {
                Ok(item) => good.push(item),
                Err(reason) => self.errors.push(format!(
                    "Elements value for option '{name}'{} is of type {} and we were unable to convert to {elements}: {reason}",
                    found_in_quotes(path),
                    item.type_name()
                )),
            }
        }
        *value = Value::list(good);
    }

    fn choices(&mut self, given: &Map, argument: &Argument, path: &Path) {
        let name = &argument.name;
        let Some(choices) = argument.spec.get("choices").filter(|choices| !choices.is_null()) else { return };
        let Some(choices) = choices.as_list() else {
            let choices = py_str(choices);
            return self
                .errors
                .push(format!("internal error: choices for argument {name} are not iterable: {choices}"));
        };
        let Some(value) = given.get(name.as_str()) else { return };
        let listed = choices.iter().map(py_str).collect::<Vec<_>>().join(", ");
        let found = found_in(path);
        match value.as_list() {
            Some(items) => {
                let strange: Vec<String> =
                    items.iter().filter(|item| !choices.contains(item)).map(py_str).collect();
                if !strange.is_empty() {
                    let strange = strange.join(", ");
                    self.errors.push(format!(
                        "value of {name} must be one or more of: {listed}. Got no match for: {strange}{found}"
                    ));
                }
            }
            None if choices.contains(value) || is_the_only_boolean_of_it(choices, value) => {}
            None => {
                self.errors
                    .push(format!("value of {name} must be one of: {listed}, got: {}{found}", py_str(value)));
            }
        }
    }

    /// `required_together`, `required_one_of`, `required_if` and `required_by`: of each the first that is not kept.
    fn dependencies(&mut self, given: &Map, rules: &Map, path: &Path) {
        let found = found_in(path);
        let there = |name: &String| given.contains_key(name.as_str());
        let mut broken = Vec::new();
        let together = groups(rules.get("required_together"));
        if let Some(group) = together.iter().find(|group| group.iter().any(there) && !group.iter().all(there))
        {
            broken.push(format!("parameters are required together: {}", group.join(", ")));
        }
        let one_of = groups(rules.get("required_one_of"));
        if let Some(group) = one_of.iter().find(|group| !group.iter().any(there)) {
            broken.push(format!("one of the following is required: {}", group.join(", ")));
        }
        let conditions = rules.get("required_if").and_then(Value::as_list).unwrap_or_default();
        broken.extend(conditions.iter().find_map(|condition| {
            let condition = condition.as_list()?;
            let (key, value, needed) = (condition.first()?, condition.get(1)?, group(condition.get(2)?));
            let one_is_enough = condition.get(3).is_some_and(Value::truthy);
            let missing: Vec<String> = needed.iter().filter(|name| !there(name)).cloned().collect();
            let broken = given.get(key) == Some(value)
                && if one_is_enough { missing.len() == needed.len() } else { !missing.is_empty() };
            broken.then(|| {
                let how_many = if one_is_enough { "any" } else { "all" };
                let (key, value) = (py_str(key), py_str(value));
                format!(
                    "{key} is {value} but {how_many} of the following are missing: {}",
                    missing.join(", ")
                )
            })
        }));
        let by = rules.get("required_by").and_then(Value::as_map);
        broken.extend(by.into_iter().flatten().find_map(|(key, needed)| {
            given.get(key).filter(|value| !value.is_null())?;
            let missing: Vec<String> = group(needed).into_iter().filter(|name| !there(name)).collect();
            let key = py_str(key);
            (!missing.is_empty())
                .then(|| format!("missing parameter(s) required by '{key}': {}", missing.join(", ")))
        }));
        self.errors.extend(broken.into_iter().map(|text| text + &found));
    }

    /// The options inside of an argument.
    fn inside(&mut self, given: &Map, argument: &Argument, path: &Path) {
        let Some(options) = argument.inner() else { return };
        let value = given.get(argument.name.as_str()).filter(|value| !value.is_null());
        let values = match value {
            None if argument.says("apply_defaults") => vec![Value::map(Map::new())],
            None => return,
            Some(Value::List(items)) => items.to_vec(),
            Some(other) => vec![other.clone()],
        };
        let path: Vec<&str> = path.iter().copied().chain([argument.name.as_str()]).collect();
        let Some(rules) = argument.spec.as_map() else { return };
        for value in values {
            match value {
                Value::Map(map) => self.level((*map).clone(), options, rules, &path),
                _ => self
                    .errors
                    .push(format!("value of '{}' must be of type dict or list of dicts", argument.name)),
            }
        }
    }
}

/// `yes` is a boolean in YAML, and then a text that says `True`: what is meant is the only choice that is as true.
fn is_the_only_boolean_of_it(choices: &[Value], value: &Value) -> bool {
    let truth = match value.as_str() {
        Some("True") => true,
        Some("False") => false,
        _ => return false,
    };
    choices.iter().filter(|choice| choice.ansible_bool() == Some(truth)).count() == 1
}

/// Lists of names.
fn groups(rule: Option<&Value>) -> Vec<Vec<String>> {
    rule.and_then(Value::as_list).unwrap_or_default().iter().map(group).collect()
}

/// A list of names, or one name.
fn group(names: &Value) -> Vec<String> {
    match names {
        Value::List(names) => names.iter().map(py_str).collect(),
        one => vec![py_str(one)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_ansibles() {
        let text = include_str!("../../tests/argument_specs/cases.json");
        let cases = crate::value::from_json(text).expect("a list of cases");
        let mut wrong = Vec::new();
        for case in cases.as_list().expect("a list") {
            let [spec, given, expected] = case.as_list().expect("a case") else { panic!("three things") };
            let (spec, given) = (spec.as_map().expect("options"), given.as_map().expect("arguments"));
            let expected: Vec<String> = expected.as_list().expect("problems").iter().map(py_str).collect();
            let mut found = problems(given, spec);
            for text in &mut found {
                text.truncate(text.find(" Valid booleans").unwrap_or(text.len()));
            }
            if found != expected {
                wrong.push(format!("{}\n  {expected:#?}\n  {found:#?}", crate::value::to_json(case)));
            }
        }
        assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
    }
}
