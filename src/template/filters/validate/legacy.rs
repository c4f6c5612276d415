//! Keywords that later drafts have no more, or another meaning for.

use super::schema::{Checked, Draft, Failures, Keyword, Validator, items, members};
use crate::value::{Map, Value, py_repr};

fn place(index: usize) -> Option<Value> {
    i64::try_from(index).ok().map(Value::Int)
}

fn listed(value: &Value) -> Checked<&[Value]> {
    if value.as_str().is_some() { Ok(std::slice::from_ref(value)) } else { items(value) }
}

impl Validator<'_> {
    /// Draft 3: names of types, and schemas.
    pub fn type_3(&mut self, k: &Keyword, out: &mut Failures) -> Checked {
        let types = listed(k.value)?;
        for kind in types {
            let holds = match kind.as_map() {
                Some(_) => self.is_valid(k.instance, kind, k.base)?,
                None => self.is_type(k, kind)?,
            };
            if holds {
                return Ok(());
            }
        }
        let shown: Vec<String> = types.iter().map(|kind| py_repr(kind.get("name").unwrap_or(kind))).collect();
        self.fail(k, format!("{} is not of type {}", py_repr(k.instance), shown.join(", ")), out)
    }

    /// Draft 3: each says itself whether it is required.
    pub fn properties_3(&mut self, k: &Keyword, out: &mut Failures) -> Checked {
        let Some(instance) = k.instance.as_map() else { return Ok(()) };
        for (name, schema) in members(k.value)? {
            if let Some(value) = instance.get(name) {
                self.descend(value, schema, k.base, [Some(name.clone()), Some(name.clone())], out)?;
                continue;
            }
            let Some(required) = schema.get("required").filter(|required| required.truthy()) else {
                continue;
            };
            self.path.push(name.clone());
            self.schema_path.extend([name.clone(), Value::str("required")]);
            let missing = Keyword { name: "required", value: required, ..*k };
            self.fail(&missing, format!("{} is a required property", py_repr(name)), out)?;
            self.path.pop();
            self.schema_path.truncate(self.schema_path.len() - 2);
        }
        Ok(())
    }

    pub fn dependencies(&mut self, k: &Keyword, out: &mut Failures) -> Checked {
        let Some(instance) = k.instance.as_map() else { return Ok(()) };
        for (name, dependency) in members(k.value)? {
            if !instance.contains_key(name) {
                continue;
            }
            match dependency {
                Value::List(needed) => self.needs(k, name, needed, out)?,
                Value::Str(_) if self.draft == Draft::D3 => {
                    self.needs(k, name, std::slice::from_ref(dependency), out)?;
                }
                schema => self.descend(k.instance, schema, k.base, [None, Some(name.clone())], out)?,
            }
        }
        Ok(())
    }

    pub fn disallow(&mut self, k: &Keyword, out: &mut Failures) -> Checked {
        for kind in listed(k.value)? {
            let types = Value::list(vec![kind.clone()]);
            let schema = Value::map(Map::from_iter([(Value::str("type"), types)]));
            if self.is_valid(k.instance, &schema, k.base)? {
                let message = format!("{} is disallowed for {}", py_repr(kind), py_repr(k.instance));
                self.fail(k, message, out)?;
            }
        }
        Ok(())
    }

    pub fn extends(&mut self, k: &Keyword, out: &mut Failures) -> Checked {
        if k.value.as_map().is_some() {
            return self.descend(k.instance, k.value, k.base, [None, None], out);
        }
        for (index, schema) in items(k.value)?.iter().enumerate() {
            self.descend(k.instance, schema, k.base, [None, place(index)], out)?;
        }
        Ok(())
    }

    /// One schema for all items, or one for each.
    pub fn items_before_2020(&mut self, k: &Keyword, out: &mut Failures) -> Checked {
        match k.value {
            Value::List(schemas) => self.each_with(k, schemas, out),
            // Until draft 4 no schema is `true` or `false`.
            other
                if self.draft <= Draft::D4 && other.as_map().is_none() && k.instance.as_list().is_some() =>
            {
                items(other).map(|_| ())
            }
            _ => self.each_from(k, 0, out),
        }
    }

    pub fn additional_items(&mut self, k: &Keyword, out: &mut Failures) -> Checked {
        let Some(instance) = k.instance.as_list() else { return Ok(()) };
        let known = match k.members.get("items") {
            Some(Value::List(schemas)) => schemas.len(),
            // Then every item is known.
            _ => return Ok(()),
        };
        if k.value.as_map().is_some() {
            return self.each_from(k, known, out);
        }
        if k.value.truthy() || instance.len() <= known {
            return Ok(());
        }
        let more = super::keywords::extras(&instance[known..]);
        self.fail(k, format!("Additional items are not allowed ({more} unexpected)"), out)
    }

    pub fn contains_any(&mut self, k: &Keyword, out: &mut Failures) -> Checked {
        let Some(instance) = k.instance.as_list() else { return Ok(()) };
        for item in instance {
            if self.is_valid(item, k.value, k.base)? {
                return Ok(());
            }
        }
        let message = format!("None of {} are valid under the given schema", py_repr(k.instance));
        self.fail(k, message, out)
    }
}
