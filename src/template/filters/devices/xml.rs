//! `parse_xml`: what paths find in a document.

use super::path::{Path, Tree};
use super::spec::{Spec, input};
use crate::template::eval::{Call, charge};
use crate::template::object::{Res, V, failed};
use crate::value::{Map, Value};

pub fn parse_xml(c: &mut Call) -> Res<V> {
    let text = input(c, "parse_xml works on string input, but given input of :")?.to_owned();
    charge(text.len())?;
    let spec = Spec::load(c, "parse_xml")?;
    let tree = Tree::parse(&text)?;
    let mut out = Map::new();
    for key in spec.keys() {
        let (name, attributes, value) = key?;
        let Some(items) = attributes.get("items") else {
            out.insert(name.clone(), value);
            continue;
        };
        let top = attributes.get("top").ok_or_else(|| failed("'top'"))?;
        let items = items
            .as_map()
            .ok_or_else(|| failed(format!("'{}' object has no attribute 'items'", items.type_name())))?;
        let rows = rows(&tree, top.as_str().unwrap_or_default(), items)?;
        let value = match &value {
            Value::Map(shape) => spec.shaped(shape, &rows)?,
            value => Value::list(rows.iter().map(|row| spec.of_item(value, row)).collect::<Res<_>>()?),
        };
        out.insert(name.clone(), value);
    }
    V::from_value(&Value::map(out))
}

/// What the paths of `items` find in each element at `top`.
fn rows(tree: &Tree, top: &str, items: &Map) -> Res<Vec<Value>> {
    let mut paths = Vec::new();
    for (name, path) in items {
        let Some(path) = path.as_str() else {
            return Err(failed(format!("'{}' object has no attribute 'split'", path.type_name())));
        };
        // A path that cannot be followed finds nothing.
        paths.push((name, Path::parse(path).ok(), path.rsplit('/').next().is_some_and(|s| s.contains('@'))));
    }
    let mut out = Vec::new();
    for element in Path::parse(top)?.find(tree, tree.root())? {
        let mut row = Map::new();
        for (name, path, attributes) in &paths {
            let elements = match path {
                Some(path) => path.find(tree, element)?,
                None => Vec::new(),
            };
            charge(200 * (elements.len() + 1))?;
            let found = elements.into_iter().map(|element| match attributes {
                true => tree.attributes(element),
                false => tree.text(element),
            });
            let mut found: Vec<Value> = found.collect();
            row.insert(
                (*name).clone(),
                match found.len() {
                    0 => Value::Null,
                    1 => found.remove(0),
                    _ => Value::list(found),
                },
            );
        }
        out.push(Value::map(row));
    }
    Ok(out)
}
