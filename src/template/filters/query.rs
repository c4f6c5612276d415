//! `json_query`: JMESPath.

use crate::template::eval::Call;
use crate::template::object::{Res, V, failed};
use crate::value::{Value, from_json, to_json};

pub fn json_query(c: &mut Call) -> Res<V> {
    let text = c.text_or(0, "")?;
    let expression = jmespath::compile(&text)
        .map_err(|error| failed(format!("JMESPathError in json_query filter plugin:\n{}", error.reason)))?;
    let data = to_json(&c.value.to_value()?);
    let wrong =
        |error: String| failed(format!("Error in jmespath.search in json_query filter plugin:\n{error}"));
    let data = jmespath::Variable::from_json(&data).map_err(wrong)?;
    let found = expression.search(data).map_err(|error| wrong(error.reason.to_string()))?;
    let text = serde_json::to_string(&found).map_err(|error| wrong(error.to_string()))?;
    V::from_value(&restored(from_json(&text).map_err(wrong)?))
}

/// JMESPath has but one kind of number: whole ones come back as floats.
fn restored(value: Value) -> Value {
    match value {
        Value::Float(f) if f.fract() == 0.0 && f.abs() < 9e15 => Value::Int(f as i64),
        Value::List(items) => Value::list(items.iter().cloned().map(restored).collect()),
        Value::Map(map) => Value::map(map.iter().map(|(k, v)| (k.clone(), restored(v.clone()))).collect()),
        other => other,
    }
}
