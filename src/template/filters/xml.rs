//! XML as `xmltodict` has it: attributes are members with `@`, texts `#text`, elements that come again lists.

use crate::template::eval::{Call, charge, check_stack};
use crate::template::object::{Res, V, failed};
use crate::value::{Map, Value, from_json, py_str};
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;
use std::sync::Arc;

/// Elements nested deeper than this are no document that anybody wrote.
const DEEPEST: usize = 200;

/// An element that is not closed yet.
struct Open {
    name: String,
    members: Map,
    text: String,
}

impl Open {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), members: Map::new(), text: String::new() }
    }

    /// The element of a tag with its attributes.
    fn of_tag(tag: &BytesStart) -> Option<Self> {
        let mut element = Self::new(tag.name().as_ref());
        for attribute in tag.attributes() {
            let attribute = attribute.ok()?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?;
            element.members.insert(Value::str(format!("@{}", attribute.key.as_ref())), Value::str(value));
        }
        Some(element)
    }

    /// A child; with one of that name before it, they are a list.
    fn add(&mut self, name: &str, value: Value) {
        match self.members.get_mut(name) {
            None => {
                self.members.insert(Value::str(name), value);
            }
            Some(Value::List(list)) => Arc::make_mut(list).push(value),
            Some(first) => *first = Value::list(vec![std::mem::take(first), value]),
        }
    }

    fn value(mut self) -> Value {
        let text = self.text.trim();
        match (self.members.is_empty(), text.is_empty()) {
            (true, true) => Value::Null,
            (true, false) => Value::str(text),
            (false, true) => Value::map(self.members),
            (false, false) => {
                self.members.insert(Value::str("#text"), Value::str(text));
                Value::map(self.members)
            }
        }
    }
}

/// The document as data; `None` if it is not well-formed.
fn parse(document: &str) -> Option<Value> {
    let mut reader = Reader::from_str(document);
    // The first is no element: the document is its child.
    let mut open = vec![Open::new("")];
    loop {
        match reader.read_event().ok()? {
            Event::Start(tag) if open.len() <= DEEPEST => open.push(Open::of_tag(&tag)?),
            Event::Start(_) => return None,
            Event::Empty(tag) => {
                let element = Open::of_tag(&tag)?;
                let name = element.name.clone();
                open.last_mut()?.add(&name, element.value());
            }
            Event::End(_) => {
                let element = open.pop()?;
                let name = element.name.clone();
                open.last_mut()?.add(&name, element.value());
            }
            Event::Text(part) => open.last_mut()?.text.push_str(&part.xml10_content()),
            Event::CData(part) => open.last_mut()?.text.push_str(&part.xml10_content()),
            Event::GeneralRef(entity) => {
                let character = match entity.resolve_char_ref().ok()? {
                    Some(character) => character,
                    None => match &*entity {
                        "amp" => '&',
                        "lt" => '<',
                        "gt" => '>',
                        "quot" => '"',
                        "apos" => '\'',
                        _ => return None,
                    },
                };
                open.last_mut()?.text.push(character);
            }
            // A document type can define entities that are larger than the document.
            Event::DocType(_) => return None,
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
            Event::Eof => break,
        }
    }
    let document = open.pop()?;
    let one = open.is_empty() && document.text.trim().is_empty() && document.members.len() == 1;
    let root = document.members.values().next()?;
    (one && !matches!(root, Value::List(_))).then(|| Value::map(document.members))
}

/// `engine`, of which there is one.
fn check_engine(c: &Call, plugin: &str) -> Res<()> {
    match c.text_or(0, "xmltodict")?.as_str() {
        "xmltodict" => Ok(()),
        other => Err(failed(format!("Error when using plugin '{plugin}': engine: {other} is not supported"))),
    }
}

pub fn from_xml(c: &mut Call) -> Res<V> {
    check_engine(c, "from_xml")?;
    let document = c.input()?;
    charge(document.len())?;
    match parse(&document) {
        Some(value) => V::from_value(&value),
        None => Err(failed("Error when using plugin 'from_xml': Input Xml is not valid")),
    }
}

/// Writes elements with one more indentation for each level.
struct Writer {
    indent: String,
    out: String,
}

impl Writer {
    /// The element `name`, once for each item of a list. `None` if a name is no text.
    fn element(&mut self, name: &str, value: &Value, depth: usize) -> Res<Option<()>> {
        check_stack()?;
        let single = std::slice::from_ref(value);
        for value in value.as_list().unwrap_or(single) {
            let empty = Map::new();
            let members = value.as_map().unwrap_or(&empty);
            let mut text = value.as_map().is_none().then(|| text_of(value)).filter(|_| !value.is_null());
            let mut children = Vec::new();
            let margin = self.indent.repeat(depth);
            self.out.push_str(&margin);
            self.out.push_str(&format!("<{name}"));
            for (key, member) in members {
                let Some(key) = key.as_str() else { return Ok(None) };
                if key == "#text" {
                    text = Some(text_of(member));
                } else if let Some(name) = key.strip_prefix('@') {
                    self.out.push_str(&format!(" {name}={}", quoted(&text_of(member))));
                } else if member.as_list().is_none_or(|items| !items.is_empty()) {
                    children.push((key, member));
                }
            }
            self.out.push('>');
            if !children.is_empty() {
                self.out.push('\n');
            }
            for (key, member) in &children {
                if self.element(key, member, depth + 1)?.is_none() {
                    return Ok(None);
                }
            }
            self.out.push_str(&escaped(&text.unwrap_or_default()));
            if !children.is_empty() {
                self.out.push_str(&margin);
            }
            self.out.push_str(&format!("</{name}>"));
            if depth > 0 {
                self.out.push('\n');
            }
            charge(self.indent.len() * depth + name.len() * 2)?;
        }
        Ok(Some(()))
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(flag) => flag.to_string(),
        other => py_str(other),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn quoted(text: &str) -> String {
    let text = escaped(text).replace('\n', "&#10;").replace('\r', "&#13;").replace('\t', "&#9;");
    match (text.contains('"'), text.contains('\'')) {
        (false, _) => format!("\"{text}\""),
        (true, false) => format!("'{text}'"),
        (true, true) => format!("\"{}\"", text.replace('"', "&quot;")),
    }
}

pub fn to_xml(c: &mut Call) -> Res<V> {
    let indent = match c.text_or(2, "tabs")?.as_str() {
        "tabs" => "\t".to_owned(),
        "spaces" => " ".repeat(usize::try_from(c.int_or(3, 4)?).unwrap_or(0).min(1000)),
        other => {
            return Err(failed(format!("['value of indent must be one of: tabs, spaces, got: {other}']")));
        }
    };
    let data = c.value.to_value()?;
    let data = match data.as_str().map(from_json) {
        None => data,
        Some(Ok(parsed)) if parsed.as_map().is_some() => parsed,
        Some(_) => {
            return Err(failed(
                "[\"argument 'data' is of type str and we were unable to convert to dict: dictionary \
                 requested, could not parse JSON or key=value\"]",
            ));
        }
    };
    let Some(elements) = data.as_map() else {
        let class = c.value.type_name();
        return Err(failed(format!(
            "[\"argument 'data' is of type {class} and we were unable to convert to dict: <class '{class}'> \
             cannot be converted to a dict\"]"
        )));
    };
    check_engine(c, "to_xml")?;
    let invalid = || failed("Error when using plugin 'to_xml': Input json is not valid");
    let mut writer = Writer { indent, out: String::new() };
    if c.flag_or(1, true)? {
        let roots = elements.values().map(|value| value.as_list().map_or(1, <[Value]>::len));
        if roots.sum::<usize>() != 1 {
            return Err(invalid());
        }
        writer.out.push_str("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
    }
    for (name, value) in elements {
        let name = name.as_str().ok_or_else(invalid)?;
        writer.element(name, value, 0)?.ok_or_else(invalid)?;
    }
    Ok(V::from(writer.out))
}
