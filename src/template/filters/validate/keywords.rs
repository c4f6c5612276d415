//! The keywords that a schema is made of.

use super::formats;
use super::schema::{
    Checked, Draft, Failures, Keyword, Validator, canonical, compare, equal, has_rest, is_number, items,
    members,
};
use super::{Stop, evaluated};
use crate::template::eval::charge;
use crate::template::regex::{self, Flags};
use crate::value::{Value, py_repr, py_str};
use std::cmp::Ordering;
use std::collections::HashSet;

/// Whether a pattern is found in a text.
pub fn found(pattern: &Value, text: &str) -> Checked<bool> {
    let pattern = pattern
        .as_str()
        .ok_or_else(|| Stop::Criteria("first argument must be string or compiled pattern".to_owned()))?;
    let regex =
        regex::compile(pattern, Flags::default()).map_err(|error| Stop::Criteria(error.message.clone()))?;
    Ok(regex.is_match(text).map_err(regex::runaway)?)
}

/// `'a', 'b' were`: what should not be there.
pub fn extras(extras: &[Value]) -> String {
    let shown: Vec<String> = extras.iter().map(py_repr).collect();
    format!("{} {}", shown.join(", "), if shown.len() == 1 { "was" } else { "were" })
}

fn place(index: usize) -> Option<Value> {
    Some(Value::Int(i64::try_from(index).unwrap_or(i64::MAX)))
}

impl Validator<'_> {
    pub fn keyword(&mut self, k: &Keyword, out: &mut Failures) -> Checked {
        use Draft::{D3, D4, D6, D7, D2019, D2020};
        let draft = self.draft;
        match k.name {
            "$ref" => {
                let place = self.resolve(k.value, k.base)?;
                self.check_at(&place, k.instance, out)
            }
            "$dynamicRef" if draft == D2020 => {
                let place = self.resolve(k.value, k.base)?;
                self.check_at(&place, k.instance, out)
            }
            "$recursiveRef" if draft == D2019 => {
                let place = self.registry.recursive(k.base, &self.scopes)?;
                self.check_at(&place, k.instance, out)
            }
            "type" if draft == D3 => self.type_3(k, out),
            "type" => self.types(k, out),
            "properties" if draft == D3 => self.properties_3(k, out),
            "properties" => self.properties(k, out),
            "patternProperties" => self.pattern_properties(k, out),
            "additionalProperties" => self.additional_properties(k, out),
            "propertyNames" if draft >= D6 => self.property_names(k, out),
            "required" if draft >= D4 => self.required(k, out),
            "dependencies" if draft <= D7 => self.dependencies(k, out),
            "dependentRequired" if draft >= D2019 => self.dependent_required(k, out),
            "dependentSchemas" if draft >= D2019 => self.dependent_schemas(k, out),
            "disallow" if draft == D3 => self.disallow(k, out),
            "extends" if draft == D3 => self.extends(k, out),
            "items" if draft == D2020 => self.items(k, out),
            "items" => self.items_before_2020(k, out),
            "prefixItems" if draft == D2020 => self.each_with(k, items(k.value)?, out),
            "additionalItems" if draft < D2020 => self.additional_items(k, out),
            "contains" if draft >= D2019 => self.contains(k, out),
            "contains" if draft >= D6 => self.contains_any(k, out),
            "minItems" | "maxItems" => {
                let length = k.instance.as_list().map(<[Value]>::len);
                self.length(k, length, ["is too short", "is too long"], out)
            }
            "minLength" | "maxLength" => {
                let length = k.instance.as_str().map(|text| text.chars().count());
                self.length(k, length, ["is too short", "is too long"], out)
            }
            "minProperties" | "maxProperties" if draft >= D4 => {
                let length = k.instance.as_map().map(indexmap::IndexMap::len);
                let words = ["does not have enough properties", "has too many properties"];
                self.length(k, length, words, out)
            }
            "minimum" | "maximum" => self.limit(k, out),
            "exclusiveMinimum" | "exclusiveMaximum" if draft >= D6 => self.limit(k, out),
            "multipleOf" if draft >= D4 => self.multiple_of(k, out),
            "divisibleBy" if draft == D3 => self.multiple_of(k, out),
            "uniqueItems" => self.unique_items(k, out),
            "pattern" => match k.instance.as_str() {
                Some(text) if !found(k.value, text)? => {
                    let (instance, pattern) = (py_repr(k.instance), py_repr(k.value));
                    self.fail(k, format!("{instance} does not match {pattern}"), out)
                }
                _ => Ok(()),
            },
            "format" => match (k.instance.as_str(), k.value.as_str()) {
                (Some(text), Some(format)) if self.check_format && !formats::holds(text, format, draft) => {
                    let (instance, format) = (py_repr(k.instance), py_repr(k.value));
                    self.fail(k, format!("{instance} is not a {format}"), out)
                }
                _ => Ok(()),
            },
            "enum" => self.one_of_values(k, out),
            "const" if draft >= D6 => match equal(k.instance, k.value)? {
                true => Ok(()),
                false => self.fail(k, format!("{} was expected", py_repr(k.value)), out),
            },
            "allOf" if draft >= D4 => {
                for (index, schema) in items(k.value)?.iter().enumerate() {
                    self.descend(k.instance, schema, k.base, [None, place(index)], out)?;
                }
                Ok(())
            }
            "anyOf" if draft >= D4 => self.any_of(k, out),
            "oneOf" if draft >= D4 => self.one_of(k, out),
            "not" if draft >= D4 => match self.is_valid(k.instance, k.value, k.base)? {
                false => Ok(()),
                true => {
                    let (instance, schema) = (py_repr(k.instance), py_repr(k.value));
                    self.fail(k, format!("{instance} should not be valid under {schema}"), out)
                }
            },
            "if" if draft >= D7 => self.branch(k, out),
            "unevaluatedItems" if draft >= D2019 => self.unevaluated_items(k, out),
            "unevaluatedProperties" if draft >= D2019 => self.unevaluated_properties(k, out),
            _ => Ok(()),
        }
    }

    fn types(&self, k: &Keyword, out: &mut Failures) -> Checked {
        let single = std::slice::from_ref(k.value);
        let names = if k.value.as_str().is_some() { single } else { items(k.value)? };
        for name in names {
            if self.is_type(k, name)? {
                return Ok(());
            }
        }
        let shown: Vec<String> = names.iter().map(py_repr).collect();
        self.fail(k, format!("{} is not of type {}", py_repr(k.instance), shown.join(", ")), out)
    }

    fn properties(&mut self, k: &Keyword, out: &mut Failures) -> Checked {
        let Some(instance) = k.instance.as_map() else { return Ok(()) };
        for (name, schema) in members(k.value)? {
            if let Some(value) = instance.get(name) {
                self.descend(value, schema, k.base, [Some(name.clone()), Some(name.clone())], out)?;
            }
        }
        Ok(())
    }

    fn pattern_properties(&mut self, k: &Keyword, out: &mut Failures) -> Checked {
        let Some(instance) = k.instance.as_map() else { return Ok(()) };
        for (pattern, schema) in members(k.value)? {
            for (name, value) in instance {
                if found(pattern, &py_str(name))? {
                    let paths = [Some(name.clone()), Some(pattern.clone())];
                    self.descend(value, schema, k.base, paths, out)?;
                }
            }
        }
        Ok(())
    }

    fn additional_properties(&mut self, k: &Keyword, out: &mut Failures) -> Checked {
        let Some(instance) = k.instance.as_map() else { return Ok(()) };
        let known = k.members.get("properties").and_then(Value::as_map);
        let patterns = k.members.get("patternProperties").and_then(Value::as_map);
        let mut more = Vec::new();
        'names: for name in instance.keys() {
            if known.is_some_and(|known| known.contains_key(name)) {
                continue;
            }
            for pattern in patterns.into_iter().flat_map(indexmap::IndexMap::keys) {
                if found(pattern, &py_str(name))? {
                    continue 'names;
                }
            }
            more.push(name.clone());
        }
        if k.value.as_map().is_some() {
            for name in more {
                let Some(value) = instance.get(&name) else { continue };
                self.descend(value, k.value, k.base, [Some(name), None], out)?;
            }
            return Ok(());
        }
        if k.value.truthy() || more.is_empty() {
            return Ok(());
        }
        more.sort_by_key(py_str);
        let message = match patterns {
            Some(patterns) => {
                let verb = if more.len() == 1 { "does" } else { "do" };
                let shown: Vec<String> = more.iter().map(py_repr).collect();
                let mut patterns: Vec<String> = patterns.keys().map(py_str).collect();
                patterns.sort();
                let patterns: Vec<String> = patterns.iter().map(|p| py_repr(&Value::str(p))).collect();
                format!("{} {verb} not match any of the regexes: {}", shown.join(", "), patterns.join(", "))
            }
            None => format!("Additional properties are not allowed ({} unexpected)", extras(&more)),
        };
        self.fail(k, message, out)
    }

    fn property_names(&mut self, k: &Keyword, out: &mut Failures) -> Checked {
        for name in k.instance.as_map().into_iter().flat_map(indexmap::IndexMap::keys) {
            self.descend(name, k.value, k.base, [None, None], out)?;
        }
        Ok(())
    }

    fn required(&self, k: &Keyword, out: &mut Failures) -> Checked {
        let Some(instance) = k.instance.as_map() else { return Ok(()) };
        // A text is its letters to Python.
        let letters: Vec<Value> =
            k.value.as_str().into_iter().flat_map(str::chars).map(|c| Value::str(c.to_string())).collect();
        for name in if k.value.as_str().is_some() { &letters } else { items(k.value)? } {
            if !instance.contains_key(name) {
                self.fail(k, format!("{} is a required property", py_repr(name)), out)?;
            }
        }
        Ok(())
    }

    fn dependent_required(&self, k: &Keyword, out: &mut Failures) -> Checked {
        let Some(instance) = k.instance.as_map() else { return Ok(()) };
        for (name, needed) in members(k.value)? {
            if instance.contains_key(name) {
                self.needs(k, name, items(needed)?, out)?;
            }
        }
        Ok(())
    }

    /// What else has to be there if a member is.
    pub fn needs(&self, k: &Keyword, name: &Value, needed: &[Value], out: &mut Failures) -> Checked {
        for each in needed {
            if k.instance.as_map().is_some_and(|instance| !instance.contains_key(each)) {
                self.fail(k, format!("{} is a dependency of {}", py_repr(each), py_repr(name)), out)?;
            }
        }
        Ok(())
    }

    fn dependent_schemas(&mut self, k: &Keyword, out: &mut Failures) -> Checked {
        let Some(instance) = k.instance.as_map() else { return Ok(()) };
        for (name, schema) in members(k.value)? {
            if instance.contains_key(name) {
                self.descend(k.instance, schema, k.base, [None, Some(name.clone())], out)?;
            }
        }
        Ok(())
    }

    fn items(&mut self, k: &Keyword, out: &mut Failures) -> Checked {
        let Some(instance) = k.instance.as_list() else { return Ok(()) };
        let prefix = k.members.get("prefixItems").and_then(Value::as_list).map_or(0, <[Value]>::len);
        let extra = instance.len().saturating_sub(prefix);
        if extra == 0 {
            return Ok(());
        }
        if matches!(k.value, Value::Bool(false)) {
            let rest = match extra {
                1 => py_repr(&instance[prefix]),
                _ => py_repr(&Value::list(instance[prefix..].to_vec())),
            };
            let items = if prefix == 1 { "item" } else { "items" };
            let message = format!("Expected at most {prefix} {items} but found {extra} extra: {rest}");
            return self.fail(k, message, out);
        }
        for (index, item) in instance.iter().enumerate().skip(prefix) {
            self.descend(item, k.value, k.base, [place(index), None], out)?;
        }
        Ok(())
    }

    /// Each item with the schema at its place.
    pub fn each_with(&mut self, k: &Keyword, schemas: &[Value], out: &mut Failures) -> Checked {
        for (index, (item, schema)) in k.instance.as_list().into_iter().flatten().zip(schemas).enumerate() {
            self.descend(item, schema, k.base, [place(index), place(index)], out)?;
        }
        Ok(())
    }

    /// Each item from a place on with one schema.
    pub fn each_from(&mut self, k: &Keyword, first: usize, out: &mut Failures) -> Checked {
        for (index, item) in k.instance.as_list().into_iter().flatten().enumerate().skip(first) {
            self.descend(item, k.value, k.base, [place(index), None], out)?;
        }
        Ok(())
    }

    fn contains(&mut self, k: &Keyword, out: &mut Failures) -> Checked {
        let Some(instance) = k.instance.as_list() else { return Ok(()) };
        let whole = place(instance.len()).unwrap_or(Value::Null);
        let one = Value::Int(1);
        let least = k.members.get("minContains").unwrap_or(&one);
        let most = k.members.get("maxContains").unwrap_or(&whole);
        let count = |matches: usize| place(matches).unwrap_or(Value::Null);
        let mut matches = 0;
        for item in instance {
            if !self.is_valid(item, k.value, k.base)? {
                continue;
            }
            matches += 1;
            if compare(&count(matches), most)? == Ordering::Greater {
                let words = format!("(expected at most {})", py_str(most));
                let k = Keyword { name: "maxContains", value: most, ..*k };
                return self.fail(&k, format!("Too many items match the given schema {words}"), out);
            }
        }
        if compare(&count(matches), least)? != Ordering::Less {
            return Ok(());
        }
        if matches == 0 {
            let instance = py_repr(k.instance);
            let message = format!("{instance} does not contain items matching the given schema");
            return self.fail(k, message, out);
        }
        let words = format!("(expected at least {} but only {matches} matched)", py_str(least));
        let k = Keyword { name: "minContains", value: least, ..*k };
        self.fail(&k, format!("Too few items match the given schema {words}"), out)
    }

    fn length(&self, k: &Keyword, length: Option<usize>, words: [&str; 2], out: &mut Failures) -> Checked {
        let Some(length) = length.and_then(place) else { return Ok(()) };
        let order = compare(&length, k.value)?;
        let is = |number: i64| compare(k.value, &Value::Int(number)).is_ok_and(Ordering::is_eq);
        let words = match (k.name.starts_with("min"), order) {
            (true, Ordering::Less) if is(1) => "should be non-empty",
            (true, Ordering::Less) => words[0],
            (false, Ordering::Greater) if is(0) => "is expected to be empty",
            (false, Ordering::Greater) => words[1],
            _ => return Ok(()),
        };
        self.fail(k, format!("{} {words}", py_repr(k.instance)), out)
    }

    fn limit(&self, k: &Keyword, out: &mut Failures) -> Checked {
        if !is_number(k.instance) {
            return Ok(());
        }
        let order = compare(k.instance, k.value)?;
        let flagged = |name: &str| self.draft <= Draft::D4 && k.members.get(name).is_some_and(Value::truthy);
        let words = match (k.name, order) {
            ("minimum", Ordering::Equal) if flagged("exclusiveMinimum") => {
                "less than or equal to the minimum of"
            }
            ("minimum", Ordering::Less) if flagged("exclusiveMinimum") => {
                "less than or equal to the minimum of"
            }
            ("minimum", Ordering::Less) => "less than the minimum of",
            ("maximum", Ordering::Equal | Ordering::Greater) if flagged("exclusiveMaximum") => {
                "greater than or equal to the maximum of"
            }
            ("maximum", Ordering::Greater) => "greater than the maximum of",
            ("exclusiveMinimum", Ordering::Less | Ordering::Equal) => "less than or equal to the minimum of",
            ("exclusiveMaximum", Ordering::Greater | Ordering::Equal) => {
                "greater than or equal to the maximum of"
            }
            _ => return Ok(()),
        };
        self.fail(k, format!("{} is {words} {}", py_repr(k.instance), py_repr(k.value)), out)
    }

    fn multiple_of(&self, k: &Keyword, out: &mut Failures) -> Checked {
        if is_number(k.instance) && has_rest(k.instance, k.value)? {
            let message = format!("{} is not a multiple of {}", py_repr(k.instance), py_str(k.value));
            return self.fail(k, message, out);
        }
        Ok(())
    }

    fn unique_items(&self, k: &Keyword, out: &mut Failures) -> Checked {
        let Some(instance) = k.instance.as_list().filter(|_| k.value.truthy()) else { return Ok(()) };
        let mut seen = HashSet::new();
        for item in instance {
            let mut text = String::new();
            canonical(item, &mut text)?;
            charge(text.len())?;
            if !seen.insert(text) {
                return self.fail(k, format!("{} has non-unique elements", py_repr(k.instance)), out);
            }
        }
        Ok(())
    }

    fn one_of_values(&self, k: &Keyword, out: &mut Failures) -> Checked {
        for value in items(k.value)? {
            if equal(value, k.instance)? {
                return Ok(());
            }
        }
        self.fail(k, format!("{} is not one of {}", py_repr(k.instance), py_repr(k.value)), out)
    }

    fn any_of(&mut self, k: &Keyword, out: &mut Failures) -> Checked {
        for schema in items(k.value)? {
            if self.is_valid(k.instance, schema, k.base)? {
                return Ok(());
            }
        }
        let instance = py_repr(k.instance);
        self.fail(k, format!("{instance} is not valid under any of the given schemas"), out)
    }

    fn one_of(&mut self, k: &Keyword, out: &mut Failures) -> Checked {
        let mut valid = Vec::new();
        for schema in items(k.value)? {
            if self.is_valid(k.instance, schema, k.base)? {
                valid.push(py_repr(schema));
            }
        }
        let instance = py_repr(k.instance);
        match valid.len() {
            1 => Ok(()),
            0 => self.fail(k, format!("{instance} is not valid under any of the given schemas"), out),
            _ => {
                // The first one comes last.
                valid.rotate_left(1);
                self.fail(k, format!("{instance} is valid under each of {}", valid.join(", ")), out)
            }
        }
    }

    fn branch(&mut self, k: &Keyword, out: &mut Failures) -> Checked {
        let name = if self.is_valid(k.instance, k.value, k.base)? { "then" } else { "else" };
        match k.members.get(name) {
            Some(schema) => self.descend(k.instance, schema, k.base, [None, Some(Value::str(name))], out),
            None => Ok(()),
        }
    }

    fn unevaluated_items(&mut self, k: &Keyword, out: &mut Failures) -> Checked {
        let Some(instance) = k.instance.as_list() else { return Ok(()) };
        let known = evaluated::items(self, k.instance, k.schema, k.base)?;
        let more = instance.iter().enumerate().filter(|(index, _)| !known.contains(index));
        let more: Vec<Value> = more.map(|(_, item)| item.clone()).collect();
        if more.is_empty() {
            return Ok(());
        }
        self.fail(k, format!("Unevaluated items are not allowed ({} unexpected)", extras(&more)), out)
    }

    fn unevaluated_properties(&mut self, k: &Keyword, out: &mut Failures) -> Checked {
        let Some(instance) = k.instance.as_map() else { return Ok(()) };
        let known = evaluated::properties(self, k.instance, k.schema, k.base)?;
        let mut more = Vec::new();
        for (name, value) in instance {
            if known.contains(name) {
                continue;
            }
            let mut failures = Failures::new();
            self.check(value, k.value, k.base, &mut failures)?;
            more.extend(failures.iter().map(|_| name.clone()));
        }
        if more.is_empty() {
            return Ok(());
        }
        let message = match k.value {
            Value::Bool(false) => {
                more.sort_by_key(py_str);
                format!("Unevaluated properties are not allowed ({} unexpected)", extras(&more))
            }
            _ => format!(
                "Unevaluated properties are not valid under the given schema ({} unevaluated and invalid)",
                extras(&more)
            ),
        };
        self.fail(k, message, out)
    }
}
