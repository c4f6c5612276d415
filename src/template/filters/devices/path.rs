//! Documents and paths in them, as Python's ElementTree understands them.

use crate::template::TemplateError;
use crate::template::eval::{charge, check_stack};
use crate::template::object::{Res, failed};
use crate::value::Value;
use quick_xml::XmlVersion;
use quick_xml::errors::IllFormedError;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{QName, ResolveResult};
use quick_xml::reader::NsReader;

/// Elements nested deeper than this are no document that anybody wrote.
const DEEPEST: usize = 200;

struct Element {
    /// `{namespace}name`, or the name alone.
    tag: String,
    attributes: Vec<(String, String)>,
    /// What stands before the first child.
    text: String,
    /// What stands after it, before the next element.
    tail: String,
    children: Vec<usize>,
    parent: usize,
}

/// All elements in document order; the first one is the root.
pub struct Tree(Vec<Element>);

fn at(place: u64, text: &str, message: &str) -> TemplateError {
    let place = usize::try_from(place).unwrap_or(0).min(text.len());
    let before = String::from_utf8_lossy(&text.as_bytes()[..place]).into_owned();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count());
    failed(format!("{message}: line {line}, column {column}"))
}

fn name_in(namespace: &ResolveResult, local: &str) -> String {
    match namespace {
        ResolveResult::Bound(namespace) => format!("{{{}}}{local}", namespace.as_ref()),
        _ => local.to_owned(),
    }
}

impl Tree {
    pub fn parse(text: &str) -> Res<Self> {
        let mut reader = NsReader::from_str(text);
        let mut elements: Vec<Element> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        loop {
            let begin = reader.buffer_position();
            let event = match reader.read_event() {
                Ok(event) => event,
                Err(quick_xml::Error::IllFormed(IllFormedError::MismatchedEndTag { .. })) => {
                    return Err(at(begin + 2, text, "mismatched tag"));
                }
                Err(quick_xml::Error::Syntax(_)) => return Err(at(begin, text, "unclosed token")),
                Err(_) => return Err(at(begin, text, "not well-formed (invalid token)")),
            };
            let is_start = matches!(event, Event::Start(_));
            match event {
                Event::Start(tag) | Event::Empty(tag) => {
                    if open.is_empty() && !elements.is_empty() {
                        return Err(at(begin, text, "junk after document element"));
                    }
                    if open.len() >= DEEPEST {
                        return Err(failed("the document is nested too deep"));
                    }
                    charge(2 * size_of::<Element>())?;
                    let parent = open.last().copied().unwrap_or(0);
                    let place = elements.len();
                    let element = element(&reader, &tag, parent)
                        .ok_or_else(|| at(begin, text, "not well-formed (invalid token)"))?;
                    elements.push(element);
                    if let Some(parent) = open.last() {
                        elements[*parent].children.push(place);
                    }
                    if is_start {
                        open.push(place);
                    }
                }
                Event::End(_) => {
                    open.pop();
                }
                Event::Text(part) => write(&mut elements, &open, &part.xml10_content())
                    .ok_or_else(|| at(begin, text, "syntax error"))?,
                Event::CData(part) => write(&mut elements, &open, &part.xml10_content())
                    .ok_or_else(|| at(begin, text, "syntax error"))?,
                Event::GeneralRef(entity) => {
                    let character = match entity.resolve_char_ref() {
                        Ok(Some(character)) => character,
                        _ => match &*entity {
                            "amp" => '&',
                            "lt" => '<',
                            "gt" => '>',
                            "quot" => '"',
                            "apos" => '\'',
                            // Entities of a document type can be larger than the document.
                            _ => return Err(at(begin, text, "undefined entity")),
                        },
                    };
                    write(&mut elements, &open, character.encode_utf8(&mut [0; 4]))
                        .ok_or_else(|| at(begin, text, "syntax error"))?;
                }
                Event::DocType(_) | Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
                Event::Eof => break,
            }
        }
        if elements.is_empty() || !open.is_empty() {
            return Err(at(reader.buffer_position(), text, "no element found"));
        }
        Ok(Self(elements))
    }

    pub fn root(&self) -> usize {
        0
    }

    /// The text before the first child; nothing if there is none.
    pub fn text(&self, element: usize) -> Value {
        match self.0[element].text.as_str() {
            "" => Value::Null,
            text => Value::str(text),
        }
    }

    pub fn attributes(&self, element: usize) -> Value {
        let attributes = self.0[element].attributes.iter();
        Value::object(attributes.map(|(name, value)| (name, Value::str(value))))
    }

    fn attribute(&self, element: usize, name: &str) -> Option<&str> {
        let attributes = &self.0[element].attributes;
        attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All text inside of an element.
    fn whole_text(&self, element: usize, out: &mut String) -> Res<()> {
        check_stack()?;
        out.push_str(&self.0[element].text);
        for child in &self.0[element].children {
            self.whole_text(*child, out)?;
            out.push_str(&self.0[*child].tail);
        }
        Ok(())
    }

    fn below(&self, element: usize, out: &mut Vec<usize>) -> Res<()> {
        check_stack()?;
        for child in &self.0[element].children {
            out.push(*child);
            self.below(*child, out)?;
        }
        Ok(())
    }
}

fn element(reader: &NsReader<&[u8]>, tag: &BytesStart, parent: usize) -> Option<Element> {
    let (namespace, local) = reader.resolver().resolve_element(tag.name());
    let mut attributes = Vec::new();
    for attribute in tag.attributes() {
        let attribute = attribute.ok()?;
        let QName(name) = attribute.key;
        if name == "xmlns" || name.starts_with("xmlns:") {
            continue;
        }
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?;
        let (namespace, local) = reader.resolver().resolve_attribute(attribute.key);
        attributes.push((name_in(&namespace, local.as_ref()), value.into_owned()));
    }
    let tag = name_in(&namespace, local.as_ref());
    Some(Element { tag, attributes, text: String::new(), tail: String::new(), children: Vec::new(), parent })
}

/// Text inside of the element that is open; outside there can only be white space.
fn write(elements: &mut [Element], open: &[usize], text: &str) -> Option<()> {
    match open.last() {
        Some(place) => match elements[*place].children.last().copied() {
            None => elements[*place].text.push_str(text),
            Some(before) => elements[before].tail.push_str(text),
        },
        None => return text.trim().is_empty().then_some(()),
    }
    Some(())
}

enum Condition {
    Attribute(String),
    /// An attribute that is, or is not, this.
    AttributeIs(String, String, bool),
    Child(String),
    ChildIs(String, String, bool),
    TextIs(String, bool),
    /// The one at this place among its siblings of the same name, from the first, or from the last.
    Place(usize, bool),
}

enum Step {
    Children(String),
    /// All elements below, of this name.
    Below(String),
    Here,
    Parent,
    Where(Condition),
}

pub struct Path(Vec<Step>);

fn names(wanted: &str, tag: &str) -> bool {
    match wanted {
        "*" | "{*}*" => true,
        wanted => {
            if let Some(local) = wanted.strip_prefix("{*}") {
                tag.rsplit('}').next() == Some(local)
            } else if let Some(local) = wanted.strip_prefix("{}") {
                !tag.starts_with('{') && (local == "*" || local == tag)
            } else if let Some(namespace) = wanted.strip_suffix('*') {
                tag.starts_with(namespace)
            } else {
                wanted == tag
            }
        }
    }
}

impl Path {
    /// # Errors
    /// It is none that ElementTree would follow.
    pub fn parse(path: &str) -> Res<Self> {
        let invalid = || failed("invalid path");
        if path.starts_with('/') {
            return Err(failed("cannot use absolute path on element"));
        }
        let mut steps = Vec::new();
        let mut rest = path;
        // A path that ends with a slash means what is below it.
        let whole = if path.ends_with('/') { Some(format!("{path}*")) } else { None };
        if let Some(whole) = &whole {
            rest = whole;
        }
        let mut below = false;
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('[') {
                let (condition, after) = condition(after).ok_or_else(|| failed("invalid predicate"))?;
                steps.push(Step::Where(condition));
                rest = after;
            } else {
                let (name, after) = name(rest);
                rest = after;
                match name {
                    "" => return Err(invalid()),
                    "." if !below => steps.push(Step::Here),
                    ".." if !below => steps.push(Step::Parent),
                    "." | ".." => return Err(invalid()),
                    name if below => steps.push(Step::Below(name.to_owned())),
                    name => steps.push(Step::Children(name.to_owned())),
                }
                below = false;
            }
            if let Some(after) = rest.strip_prefix("//") {
                (rest, below) = (after, true);
            } else if let Some(after) = rest.strip_prefix('/') {
                rest = after;
            } else if !rest.is_empty() && !rest.starts_with('[') {
                return Err(invalid());
            } else {
                continue;
            }
            if rest.is_empty() || rest.starts_with(['/', '[']) {
                return Err(invalid());
            }
        }
        Ok(Self(steps))
    }

    /// All elements that the path leads to.
    pub fn find(&self, tree: &Tree, from: usize) -> Res<Vec<usize>> {
        if self.0.is_empty() {
            return Ok(Vec::new());
        }
        let mut found = vec![from];
        for step in &self.0 {
            let mut next = Vec::new();
            match step {
                Step::Here => continue,
                Step::Children(name) => {
                    for element in found {
                        let children = tree.0[element].children.iter().copied();
                        next.extend(children.filter(|child| names(name, &tree.0[*child].tag)));
                    }
                }
                Step::Below(name) => {
                    for element in found {
                        let mut all = Vec::new();
                        tree.below(element, &mut all)?;
                        next.extend(all.into_iter().filter(|child| names(name, &tree.0[*child].tag)));
                        charge(size_of::<usize>() * next.len())?;
                    }
                }
                Step::Parent => {
                    for element in found {
                        // Where the search began there is no way up.
                        if element != from && !next.contains(&tree.0[element].parent) {
                            next.push(tree.0[element].parent);
                        }
                    }
                }
                Step::Where(condition) => {
                    for element in found {
                        if condition.holds(tree, element, from)? {
                            next.push(element);
                        }
                    }
                }
            }
            found = next;
        }
        Ok(found)
    }
}

/// The name that a path begins with; a namespace in it may have slashes.
fn name(path: &str) -> (&str, &str) {
    let skip = if path.starts_with('{') { path.find('}').unwrap_or(0) } else { 0 };
    let end = path[skip..].find(['/', '[']).map_or(path.len(), |end| end + skip);
    path.split_at(end)
}

/// A condition up to its closing bracket, and what comes after it.
fn condition(text: &str) -> Option<(Condition, &str)> {
    let mut quote = None;
    let end = text.char_indices().find(|(_, c)| match (quote, c) {
        (None, ']') => true,
        (None, '\'' | '"') => {
            quote = Some(*c);
            false
        }
        (Some(open), c) if open == *c => {
            quote = None;
            false
        }
        _ => false,
    });
    let (end, _) = end?;
    let (inner, after) = (text[..end].trim(), &text[end + 1..]);
    let unquoted = |text: &str| {
        let text = text.trim();
        let inner = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
        inner.or_else(|| text.strip_prefix('"').and_then(|text| text.strip_suffix('"'))).map(str::to_owned)
    };
    let compared = inner.find('=').map(|at| {
        let negated = inner[..at].ends_with('!');
        (inner[..at - usize::from(negated)].trim(), &inner[at + 1..], !negated)
    });
    let condition = match compared {
        Some((name, value, equal)) => {
            let value = unquoted(value)?;
            match (name, name.strip_prefix('@')) {
                ("" | ".", _) => Condition::TextIs(value, equal),
                (_, Some(name)) => Condition::AttributeIs(name.to_owned(), value, equal),
                (name, None) => Condition::ChildIs(name.to_owned(), value, equal),
            }
        }
        None => {
            if let Some(name) = inner.strip_prefix('@') {
                Condition::Attribute(name.to_owned())
            } else if let Ok(place) = inner.parse::<usize>() {
                Condition::Place(place.checked_sub(1)?, false)
            } else if let Some(rest) = inner.strip_prefix("last()") {
                let rest = rest.trim();
                let back = match rest.strip_prefix('-') {
                    Some(back) => back.trim().parse().ok()?,
                    None if rest.is_empty() => 0,
                    None => return None,
                };
                Condition::Place(back, true)
            } else if !inner.is_empty() && !inner.contains(['(', ')', '\'', '"', '@', '/']) {
                Condition::Child(inner.to_owned())
            } else {
                return None;
            }
        }
    };
    Some((condition, after))
}

impl Condition {
    fn holds(&self, tree: &Tree, element: usize, from: usize) -> Res<bool> {
        let children = || tree.0[element].children.iter().copied();
        let is = |element: usize, wanted: &str| -> Res<bool> {
            let mut text = String::new();
            tree.whole_text(element, &mut text)?;
            Ok(text == wanted)
        };
        Ok(match self {
            Self::Attribute(name) => tree.attribute(element, name).is_some(),
            Self::AttributeIs(name, value, equal) => {
                tree.attribute(element, name).is_some_and(|found| (found == value) == *equal)
            }
            Self::Child(name) => children().any(|child| names(name, &tree.0[child].tag)),
            Self::ChildIs(name, value, equal) => {
                for child in children().filter(|child| names(name, &tree.0[*child].tag)) {
                    if is(child, value)? == *equal {
                        return Ok(true);
                    }
                }
                false
            }
            Self::TextIs(value, equal) => is(element, value)? == *equal,
            Self::Place(place, from_end) => {
                if element == from {
                    return Ok(false);
                }
                let parent = &tree.0[tree.0[element].parent];
                let tag = &tree.0[element].tag;
                let mut like = parent.children.iter().filter(|child| tree.0[**child].tag == *tag);
                let found = if *from_end { like.rev().nth(*place) } else { like.nth(*place) };
                found == Some(&element)
            }
        })
    }
}
