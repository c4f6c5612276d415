//! JSON Schema, drafts 3 to 2020-12, with the errors of Python's `jsonschema`: their words, their order, their paths. It is
//! our own because these are the result of the filter, and because no crate reads draft 3.

use super::Stop;
use super::failure::{Failure, sort};
use super::references::{Place, Registry};
use crate::template::eval::{charge, check_stack};
use crate::template::object::failed;
use crate::value::{Map, Value, py_repr};
use std::cmp::Ordering;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Draft {
    D3,
    D4,
    D6,
    D7,
    D2019,
    D2020,
}

impl Draft {
    /// The values of the option.
    pub const OPTIONS: [(&str, Self); 6] = [
        ("draft3", Self::D3),
        ("draft4", Self::D4),
        ("draft6", Self::D6),
        ("draft7", Self::D7),
        ("2019-09", Self::D2019),
        ("2020-12", Self::D2020),
    ];

    pub fn of_option(name: &str) -> Option<Self> {
        Self::OPTIONS.iter().find(|(known, _)| *known == name).map(|(_, draft)| *draft)
    }

    /// What a schema says of itself; the last one if it says nothing.
    fn of_schema(schema: &Value) -> Self {
        let address = schema.get("$schema").and_then(Value::as_str).unwrap_or_default();
        match address.trim_end_matches('#') {
            "http://json-schema.org/draft-03/schema" => Self::D3,
            "http://json-schema.org/draft-04/schema" => Self::D4,
            "http://json-schema.org/draft-06/schema" => Self::D6,
            "http://json-schema.org/draft-07/schema" => Self::D7,
            "https://json-schema.org/draft/2019-09/schema" => Self::D2019,
            _ => Self::D2020,
        }
    }
}

/// All errors of data, in the order of the data.
pub fn errors(
    data: &Value,
    schema: &Value,
    draft: Option<Draft>,
    check_format: bool,
) -> Result<Vec<Value>, Stop> {
    if schema.is_null() {
        return Ok(Vec::new());
    }
    let draft = draft.unwrap_or_else(|| Draft::of_schema(schema));
    let (registry, base) = Registry::new(schema, draft)?;
    let mut validator = Validator {
        draft,
        check_format,
        registry: &registry,
        path: Vec::new(),
        schema_path: Vec::new(),
        scopes: vec![base.clone()],
        checks: 0,
    };
    let mut out = Vec::new();
    validator.check(data, schema, &base, &mut out)?;
    sort(&mut out)?;
    Ok(out.into_iter().map(Failure::into_value).collect())
}

/// References can double the work with every step; no data needs as many.
const MOST_CHECKS: usize = 3_000_000;

pub struct Validator<'r> {
    pub draft: Draft,
    pub check_format: bool,
    pub registry: &'r Registry,
    pub path: Vec<Value>,
    pub schema_path: Vec<Value>,
    /// The addresses of the schemas on the way here.
    pub scopes: Vec<String>,
    /// How often something was checked.
    checks: usize,
}

/// A keyword with what it is about.
#[derive(Clone, Copy)]
pub struct Keyword<'k> {
    pub name: &'k str,
    pub value: &'k Value,
    pub instance: &'k Value,
    pub schema: &'k Value,
    pub members: &'k Map,
    pub base: &'k str,
}

pub type Checked<T = ()> = Result<T, Stop>;
pub type Failures = Vec<Failure>;

impl Validator<'_> {
    pub fn check(&mut self, instance: &Value, schema: &Value, base: &str, out: &mut Failures) -> Checked {
        check_stack()?;
        self.checks += 1;
        if self.checks > MOST_CHECKS {
            let millions = MOST_CHECKS / 1_000_000;
            return Err(
                failed(format!("the data has to be checked more than {millions} million times")).into()
            );
        }
        match schema {
            Value::Bool(true) => return Ok(()),
            Value::Bool(false) => {
                out.push(Failure {
                    path: self.path.clone(),
                    schema_path: self.schema_path.clone(),
                    message: format!("False schema does not allow {}", py_repr(instance)),
                    validator: Value::Null,
                    expected: Value::Null,
                    found: instance.clone(),
                    schema: schema.clone(),
                });
                return Ok(());
            }
            _ => {}
        }
        let Some(members) = schema.as_map() else { return Err(no_attribute(schema, "get")) };
        let base = self.registry.base_of(schema, base);
        let entered = self.scopes.last() != Some(&base);
        if entered {
            self.scopes.push(base.clone());
        }
        // Until draft 7, what stands beside a reference means nothing.
        let reference = members.get("$ref").filter(|value| self.draft <= Draft::D7 && !value.is_null());
        for (name, value) in members {
            let Some(name) = name.as_str() else { continue };
            if reference.is_some() && name != "$ref" {
                continue;
            }
            let keyword = Keyword { name, value, instance, schema, members, base: &base };
            let shown = !matches!(name, "if" | "$ref");
            if shown {
                self.schema_path.push(Value::str(name));
            }
            self.keyword(&keyword, out)?;
            if shown {
                self.schema_path.pop();
            }
        }
        if entered {
            self.scopes.pop();
        }
        Ok(())
    }

    /// Checks a part of the data, or the data with a part of the schema.
    pub fn descend(
        &mut self,
        instance: &Value,
        schema: &Value,
        base: &str,
        [path, schema_path]: [Option<Value>; 2],
        out: &mut Failures,
    ) -> Checked {
        // Python's validator does not say where such a schema stands.
        if matches!(schema, Value::Bool(false)) {
            return self.check(instance, schema, base, out);
        }
        let (part, place) = (path.is_some(), schema_path.is_some());
        self.path.extend(path);
        self.schema_path.extend(schema_path);
        self.check(instance, schema, base, out)?;
        if part {
            self.path.pop();
        }
        if place {
            self.schema_path.pop();
        }
        Ok(())
    }

    pub fn is_valid(&mut self, instance: &Value, schema: &Value, base: &str) -> Checked<bool> {
        let mut out = Failures::new();
        self.check(instance, schema, base, &mut out)?;
        Ok(out.is_empty())
    }

    pub fn resolve(&self, reference: &Value, base: &str) -> Checked<Place> {
        match reference.as_str() {
            Some(reference) => self.registry.resolve(reference, base, &self.scopes),
            None => Err(no_attribute(reference, "startswith")),
        }
    }

    /// Checks with the schema of another place.
    pub fn check_at(&mut self, place: &Place, instance: &Value, out: &mut Failures) -> Checked {
        let entered = self.scopes.last() != Some(&place.base);
        if entered {
            self.scopes.push(place.base.clone());
        }
        self.check(instance, &place.schema, &place.base, out)?;
        if entered {
            self.scopes.pop();
        }
        Ok(())
    }

    pub fn fail(&self, keyword: &Keyword, message: String, out: &mut Failures) -> Checked {
        charge(message.len() + 64 * (self.path.len() + self.schema_path.len() + 8))?;
        out.push(Failure {
            path: self.path.clone(),
            schema_path: self.schema_path.clone(),
            message,
            validator: Value::str(keyword.name),
            expected: keyword.value.clone(),
            found: keyword.instance.clone(),
            schema: keyword.schema.clone(),
        });
        Ok(())
    }

    pub fn is_type(&self, keyword: &Keyword, name: &Value) -> Checked<bool> {
        let instance = keyword.instance;
        let whole = |f: f64| f.fract() == 0.0;
        Ok(match name.as_str() {
            Some("array") => instance.as_list().is_some(),
            Some("boolean") => instance.as_bool().is_some(),
            Some("null") => instance.is_null(),
            Some("number") => is_number(instance),
            Some("object") => instance.as_map().is_some(),
            Some("string") => instance.as_str().is_some(),
            Some("integer") => match instance {
                Value::Int(_) | Value::Big(_) => true,
                Value::Float(f) => self.draft >= Draft::D6 && whole(*f),
                _ => false,
            },
            Some("any") if self.draft == Draft::D3 => true,
            None if matches!(name, Value::Map(_) | Value::List(_)) => {
                return Err(Stop::Criteria(format!("unhashable type: '{}'", name.type_name())));
            }
            _ => {
                return Err(Stop::Criteria(format!(
                    "Unknown type {} for validator with schema:\n    {}\n\nWhile checking instance:\n    {}",
                    py_repr(name),
                    pretty(keyword.schema),
                    pretty(instance)
                )));
            }
        })
    }
}

/// A mapping on lines of its own if it is long.
fn pretty(value: &Value) -> String {
    let text = py_repr(value);
    match value.as_map() {
        Some(members) if text.chars().count() > 72 => {
            let members = members.iter().map(|(key, value)| format!("{}: {}", py_repr(key), py_repr(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(",\n     "))
        }
        _ => text,
    }
}

pub fn is_number(value: &Value) -> bool {
    matches!(value, Value::Int(_) | Value::Big(_) | Value::Float(_))
}

fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        Value::Big(digits) => digits.parse().ok(),
        Value::Bool(flag) => Some(f64::from(u8::from(*flag))),
        _ => None,
    }
}

/// How two numbers stand to each other.
pub fn compare(a: &Value, b: &Value) -> Checked<Ordering> {
    if let (Value::Int(a), Value::Int(b)) = (a, b) {
        return Ok(a.cmp(b));
    }
    match (float(a), float(b)) {
        (Some(a), Some(b)) => Ok(a.partial_cmp(&b).unwrap_or(Ordering::Equal)),
        _ => {
            let (a, b) = (a.type_name(), b.type_name());
            Err(Stop::Criteria(format!("'<' not supported between instances of '{a}' and '{b}'")))
        }
    }
}

/// Whether a number is no multiple of another.
pub fn has_rest(number: &Value, of: &Value) -> Checked<bool> {
    if let (Value::Int(number), Value::Int(of)) = (number, of) {
        return match of {
            0 => Err(Stop::Criteria("integer modulo by zero".to_owned())),
            of => Ok(number.wrapping_rem(*of) != 0),
        };
    }
    let (Some(a), Some(b)) = (float(number), float(of)) else {
        let (a, b) = (number.type_name(), of.type_name());
        return Err(Stop::Criteria(format!("unsupported operand type(s) for %: '{a}' and '{b}'")));
    };
    if b == 0.0 {
        return Err(Stop::Criteria("float division by zero".to_owned()));
    }
    Ok(match of {
        Value::Float(_) => (a / b).fract() != 0.0,
        _ => a % b != 0.0,
    })
}

/// Equal as JSON has it: 1 is 1.0, and neither is true.
pub fn equal(a: &Value, b: &Value) -> Checked<bool> {
    check_stack()?;
    Ok(match (a, b) {
        (Value::List(a), Value::List(b)) => {
            if a.len() != b.len() {
                return Ok(false);
            }
            for (a, b) in a.iter().zip(b.iter()) {
                if !equal(a, b)? {
                    return Ok(false);
                }
            }
            true
        }
        (Value::Map(a), Value::Map(b)) => {
            if a.len() != b.len() {
                return Ok(false);
            }
            for (key, a) in a.iter() {
                match b.get(key) {
                    Some(b) if equal(a, b)? => {}
                    _ => return Ok(false),
                }
            }
            true
        }
        (a, b) if is_number(a) && is_number(b) => compare(a, b)? == Ordering::Equal,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Bool(_), _) | (_, Value::Bool(_)) => false,
        (a, b) => a == b,
    })
}

/// A text that two values share only if they are equal.
pub fn canonical(value: &Value, out: &mut String) -> Checked {
    check_stack()?;
    match value {
        Value::Float(f) if f.fract() == 0.0 && f.abs() < 9e15 => out.push_str(&format!("{}", *f as i64)),
        Value::List(items) => {
            out.push('[');
            for item in items.iter() {
                canonical(item, out)?;
                out.push(',');
            }
            out.push(']');
        }
        Value::Map(members) => {
            let mut sorted: Vec<(String, &Value)> = members.iter().map(|(k, v)| (py_repr(k), v)).collect();
            sorted.sort_by(|a, b| a.0.cmp(&b.0));
            out.push('{');
            for (key, value) in sorted {
                out.push_str(&key);
                out.push(':');
                canonical(value, out)?;
                out.push(',');
            }
            out.push('}');
        }
        value => out.push_str(&py_repr(value)),
    }
    Ok(())
}

pub fn no_attribute(value: &Value, name: &str) -> Stop {
    Stop::Criteria(format!("'{}' object has no attribute '{name}'", value.type_name()))
}

/// The members of a keyword that is a mapping.
pub fn members(value: &Value) -> Checked<&Map> {
    value.as_map().ok_or_else(|| no_attribute(value, "items"))
}

/// The items of a keyword that is a list.
pub fn items(value: &Value) -> Checked<&[Value]> {
    value.as_list().ok_or_else(|| Stop::Criteria(format!("'{}' object is not iterable", value.type_name())))
}
