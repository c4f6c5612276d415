//! A YAML value that knows where it was written.

use crate::diag::Span;
use crate::value::{Map, Value};
use std::sync::Arc;

/// What an author wrote: a value with its place. Texts in it may hold templates.
#[derive(Clone, Debug)]
pub struct Node {
    pub kind: NodeKind,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum NodeKind {
    Null,
    Bool(bool),
    Int(i64),
    /// An integer outside `i64`, as [`Value::Big`] has it.
    Big(Arc<str>),
    Float(f64),
    Str(Arc<str>),
    /// `!unsafe`: a text (or, through the tag on a collection, all texts in it) that is never a template.
    Unsafe(Arc<str>),
    /// `!!binary` that is no text.
    Bytes(Arc<[u8]>),
    /// `!vault`: the ciphertext as it stands in the file.
    Vault(Arc<str>),
    List(Vec<Node>),
    /// In the order written; a repeated key keeps its last value (and the loader warned).
    Map(Vec<(Node, Node)>),
}

/// The member that makes a mapping in JSON a text that is never a template.
const UNSAFE_MARK: &str = "__ansible_unsafe";
/// The same for a text that is encrypted.
const VAULT_MARK: &str = "__ansible_vault";

impl Node {
    pub fn new(kind: NodeKind, span: Span) -> Self {
        Self { kind, span }
    }

    /// The value of a mapping's entry, as a variable: a collection stands where its name stands, not where its first
    /// member does.
    pub fn named_by(mut self, key: &Node) -> Self {
        if matches!(self.kind, NodeKind::List(_) | NodeKind::Map(_)) {
            self.span = key.span.clone();
        }
        self
    }

    /// The text of an ordinary or unsafe string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Str(s) | NodeKind::Unsafe(s) => Some(s),
            _ => None,
        }
    }

    pub fn as_list(&self) -> Option<&[Node]> {
        match &self.kind {
            NodeKind::List(items) => Some(items),
            _ => None,
        }
    }

    pub fn as_map(&self) -> Option<&[(Node, Node)]> {
        match &self.kind {
            NodeKind::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The member `key` of a mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|(_, value)| value)
    }

    /// The member `key` of a mapping, with the key's own node.
    pub fn entry(&self, key: &str) -> Option<(&Node, &Node)> {
        self.as_map()?.iter().find(|(k, _)| k.as_str() == Some(key)).map(|(k, v)| (k, v))
    }

    pub fn is_null(&self) -> bool {
        matches!(self.kind, NodeKind::Null)
    }

    /// What kind of thing this is, in a user's words (`a list`, `a mapping`, `a text`, …).
    pub fn describe(&self) -> &'static str {
        match self.kind {
            NodeKind::Vault(_) => "an encrypted text",
            _ => self.to_value().describe(),
        }
    }

    /// The plain value, templates left as the text they are.
    pub fn to_value(&self) -> Value {
        match &self.kind {
            NodeKind::Null => Value::Null,
            NodeKind::Bool(b) => Value::Bool(*b),
            NodeKind::Int(i) => Value::Int(*i),
            NodeKind::Big(digits) => Value::Big(digits.clone()),
            NodeKind::Float(f) => Value::Float(*f),
            NodeKind::Str(s) | NodeKind::Unsafe(s) | NodeKind::Vault(s) => Value::Str(s.clone()),
            NodeKind::Bytes(bytes) => Value::Bytes(bytes.clone()),
            NodeKind::List(items) => Value::list(items.iter().map(Node::to_value).collect()),
            NodeKind::Map(entries) => {
                Value::map(entries.iter().map(|(k, v)| (k.to_value(), v.to_value())).collect::<Map>())
            }
        }
    }

    /// With the texts that JSON marks, as data (`{"__ansible_unsafe": "…"}`) or as encrypted (`{"__ansible_vault": "…"}`), as what
    /// they are.
    pub fn untagged(&self) -> Self {
        let marked = |mark: &str| self.get(mark).and_then(Self::as_str);
        let kind = match &self.kind {
            NodeKind::Map(entries) => match (marked(UNSAFE_MARK), marked(VAULT_MARK)) {
                (Some(text), _) => NodeKind::Unsafe(text.into()),
                (None, Some(text)) => NodeKind::Vault(text.into()),
                (None, None) => NodeKind::Map(
                    entries.iter().map(|(key, value)| (key.clone(), value.untagged())).collect(),
                ),
            },
            NodeKind::List(items) => NodeKind::List(items.iter().map(Self::untagged).collect()),
            other => other.clone(),
        };
        Self::new(kind, self.span.clone())
    }

    /// The first mark of a text on something that is none: the mark and what it is on.
    pub fn wrong_mark(&self) -> Option<(&'static str, &Self)> {
        match &self.kind {
            NodeKind::Map(entries) => {
                let own =
                    [UNSAFE_MARK, VAULT_MARK].into_iter().find_map(|mark| Some((mark, self.get(mark)?)));
                match own {
                    Some((mark, value)) => value.as_str().is_none().then_some((mark, value)),
                    None => entries.iter().find_map(|(_, value)| value.wrong_mark()),
                }
            }
            NodeKind::List(items) => items.iter().find_map(Self::wrong_mark),
            _ => None,
        }
    }

    /// Data, all of it at one place: its texts are never templates.
    pub fn from_data(value: &Value, span: &Span) -> Self {
        let kind = match value {
            Value::Str(s) => NodeKind::Unsafe(s.clone()),
            Value::List(items) => NodeKind::List(items.iter().map(|v| Self::from_data(v, span)).collect()),
            Value::Map(map) => NodeKind::Map(
                map.iter().map(|(k, v)| (Self::from_value(k, span), Self::from_data(v, span))).collect(),
            ),
            other => return Self::from_value(other, span),
        };
        Self::new(kind, span.clone())
    }

    /// A value that came from elsewhere (a JSON inventory, `-e`), all of it at one place. Its texts may hold
    /// templates: only for what the user gave.
    pub fn from_value(value: &Value, span: &Span) -> Self {
        let kind = match value {
            Value::Null | Value::Unknown(_) => NodeKind::Null,
            Value::Bool(b) => NodeKind::Bool(*b),
            Value::Int(i) => NodeKind::Int(*i),
            Value::Float(f) => NodeKind::Float(*f),
            Value::Big(digits) => NodeKind::Big(digits.clone()),
            Value::Str(s) => NodeKind::Str(s.clone()),
            Value::Bytes(bytes) => NodeKind::Bytes(bytes.clone()),
            Value::List(items) => NodeKind::List(items.iter().map(|v| Self::from_value(v, span)).collect()),
            Value::Map(map) => NodeKind::Map(
                map.iter().map(|(k, v)| (Self::from_value(k, span), Self::from_value(v, span))).collect(),
            ),
        };
        Self::new(kind, span.clone())
    }
}
