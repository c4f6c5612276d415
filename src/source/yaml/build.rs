//! Parser events to nodes, without recursion: a hostile file can exhaust neither the stack nor memory.

use super::adapt::{Adapted, Fix};
use super::{Loaded, explain, scalar};
use crate::diag::{Diagnostic, Diagnostics, Severity, SourceFile, Span};
use crate::source::{Node, NodeKind};
use crate::value::{Value, py_repr};
use base64::Engine as _;
use saphyr_parser::{Event, Parser, ScalarStyle, Tag};
use std::collections::HashMap;
use std::sync::Arc;

/// Deeper nesting is refused. Real files stay below 30.
pub const MAX_DEPTH: usize = 200;
/// How many values aliases may add to a document.
const ALIAS_BUDGET: usize = 1_000_000;
/// How often a text is read again because it uses a freedom that only YAML 1.1 gives.
const RETRIES: usize = 500;

/// The documents of a text; more than one is an error when `single`.
pub fn documents(file: &Arc<SourceFile>, single: bool) -> Result<Vec<Loaded>, Diagnostic> {
    refuse_controls(file)?;
    let mut text = Adapted::new(&file.text);
    for _ in 0..RETRIES {
        match attempt(file, &text, single) {
            Ok(documents) => return Ok(documents),
            Err(Failure::Retry { fix, error }) => {
                if !text.apply(fix) {
                    return Err(*error);
                }
            }
            Err(Failure::Final(error)) => return Err(*error),
        }
    }
    match attempt(file, &text, single) {
        Ok(documents) => Ok(documents),
        Err(Failure::Final(error) | Failure::Retry { error, .. }) => Err(*error),
    }
}

enum Failure {
    Final(Box<Diagnostic>),
    /// There is a change that may help.
    Retry {
        fix: Fix,
        error: Box<Diagnostic>,
    },
}

impl From<Diagnostic> for Failure {
    fn from(error: Diagnostic) -> Self {
        Failure::Final(Box::new(error))
    }
}

/// PyYAML's printable characters; the rest is refused before parsing, as it does.
fn refuse_controls(file: &Arc<SourceFile>) -> Result<(), Diagnostic> {
    let printable = |c: char| {
        matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
            || c >= '\u{10000}'
    };
    if file.text.bytes().all(|b| matches!(b, b'\t' | b'\n' | b'\r' | b' '..=b'~')) {
        return Ok(());
    }
    let (mut line, mut column) = (1, 1);
    for (position, c) in file.text.chars().enumerate() {
        if !printable(c) {
            return Err(explain::at(
                file,
                line,
                column,
                1,
                &format!(
                    "unacceptable character #x{:04x}: control characters are not allowed, position {position}",
                    c as u32
                ),
            ));
        }
        column += 1;
        if c == '\n' {
            (line, column) = (line + 1, 1);
        }
    }
    Ok(())
}

fn attempt(file: &Arc<SourceFile>, text: &Adapted, single: bool) -> Result<Vec<Loaded>, Failure> {
    let mut builder = Builder::new(file, text);
    let mut documents = Vec::new();
    let mut flow = 0usize;
    for item in Parser::new_from_str(text.text()) {
        let (event, span) = match item {
            Ok(item) => item,
            Err(error) => {
                let (line, column) = (error.marker().line(), error.marker().col());
                let shown = text.column(line, column) + 1;
                let diagnostic = explain::syntax(file, line, shown, error.info());
                let fix = match error.info() {
                    info if info.contains("':' must be followed") => Some(Fix::Tab { line, column }),
                    info if flow > 0 && info.contains("tabs disallowed") => Some(Fix::Tab { line, column }),
                    // The first blanks of a quoted text's further lines are not part of it.
                    "tab cannot be used as indentation" => Some(Fix::Tab { line, column }),
                    "invalid indentation" | "invalid indentation in flow construct" => {
                        Some(Fix::Indent { line })
                    }
                    "invalid indentation in quoted scalar" => Some(Fix::IndentQuoted { line, column }),
                    _ => None,
                };
                return Err(match fix {
                    Some(fix) => Failure::Retry { fix, error: Box::new(diagnostic) },
                    None => diagnostic.into(),
                });
            }
        };
        match event {
            Event::DocumentStart(_) => {
                if single && !documents.is_empty() {
                    let what = "Expected a single document in the stream but found another document.";
                    return Err(builder.error(&builder.span(&span), what).into());
                }
                builder.anchors.clear();
            }
            Event::DocumentEnd => {
                let warnings = std::mem::take(&mut builder.warnings);
                let node = builder
                    .root
                    .take()
                    .unwrap_or_else(|| Node::new(NodeKind::Null, Span::new(file, 1, 1, 0)));
                documents.push(Loaded { node, warnings });
            }
            Event::Alias(id) => {
                let place = builder.span(&span);
                let node = builder.alias(id, place)?;
                builder.finish(node, 0)?;
            }
            Event::Scalar(text, style, anchor, tag) => {
                let place = builder.span(&span);
                let merge = text == "<<"
                    && match tag.as_deref() {
                        None => style == ScalarStyle::Plain,
                        Some(tag) => tag_name(tag) == "tag:yaml.org,2002:merge",
                    };
                if merge && builder.at_key() {
                    builder.merge_next();
                    continue;
                }
                let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                let text = match text.strip_suffix('\n') {
                    Some(body)
                        if is_block && builder.text.ends_inside(&span, tag.is_some() || anchor > 0) =>
                    {
                        body.into()
                    }
                    _ => text,
                };
                let kind = builder.scalar(&text, style, tag.as_deref(), &place)?;
                builder.finish(Node::new(kind, place), anchor)?;
            }
            Event::SequenceStart(anchor, tag) => {
                flow += usize::from(!span.is_empty() || flow > 0);
                let place = builder.span(&span);
                builder.open(Kind::List(Vec::new()), anchor, tag.as_deref(), place)?;
            }
            Event::MappingStart(anchor, tag) => {
                flow += usize::from(!span.is_empty() || flow > 0);
                let place = builder.span(&span);
                builder.open(Kind::Map(Entries::default()), anchor, tag.as_deref(), place)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                flow = flow.saturating_sub(1);
                builder.close()?;
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd => {}
        }
    }
    Ok(documents)
}

/// A collection that is being read.
struct Frame {
    kind: Kind,
    span: Span,
    anchor: usize,
    /// Inside `!unsafe`.
    is_unsafe: bool,
    shape: Shape,
}

enum Kind {
    List(Vec<Node>),
    Map(Entries),
}

/// What a collection's tag makes of it.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Plain,
    /// `!!set`: a mapping with keys only, which becomes a list.
    Set,
    /// `!!omap`, `!!pairs`: a list of one-entry mappings, which becomes a list of pairs.
    Pairs,
}

#[derive(Default)]
struct Entries {
    list: Vec<(Node, Node)>,
    /// Where each key is, once there are enough for it to pay.
    index: Option<HashMap<Value, usize>>,
    key: Option<Node>,
    /// The value to come belongs to `<<`.
    merging: bool,
    merged: Vec<(Node, Node)>,
}

impl Entries {
    fn position(&self, key: &Node) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(&key.to_value()).copied(),
            None => self.list.iter().position(|(known, _)| same_key(known, key)),
        }
    }

    /// Puts an entry in; the old key if there was one (a mapping keeps the place of the first).
    fn put(&mut self, key: Node, value: Node) -> Option<Node> {
        if let Some(at) = self.position(&key) {
            self.list[at].1 = value;
            return Some(std::mem::replace(&mut self.list[at].0, key));
        }
        if let Some(index) = &mut self.index {
            index.insert(key.to_value(), self.list.len());
        }
        self.list.push((key, value));
        if self.index.is_none() && self.list.len() > 12 {
            let entries = self.list.iter().enumerate();
            self.index = Some(entries.map(|(at, (key, _))| (key.to_value(), at)).collect());
        }
        None
    }
}

fn same_key(a: &Node, b: &Node) -> bool {
    match (a.as_str(), b.as_str()) {
        (Some(a), Some(b)) => a == b,
        (None, None) => a.to_value() == b.to_value(),
        _ => false,
    }
}

/// An anchored value that is complete, with what using it costs.
struct Anchored {
    node: Node,
    size: usize,
    depth: usize,
}

struct Builder<'a> {
    file: &'a Arc<SourceFile>,
    text: &'a Adapted,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Anchored>,
    budget: usize,
    root: Option<Node>,
    warnings: Diagnostics,
}

impl<'a> Builder<'a> {
    fn new(file: &'a Arc<SourceFile>, text: &'a Adapted) -> Self {
        Self {
            file,
            text,
            stack: Vec::new(),
            anchors: HashMap::new(),
            budget: ALIAS_BUDGET,
            root: None,
            warnings: Vec::new(),
        }
    }

    fn span(&self, span: &saphyr_parser::Span) -> Span {
        let to_u32 = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let width = if span.start.line() == span.end.line() { span.len() } else { 1 };
        let column = self.text.column(span.start.line(), span.start.col()) + 1;
        Span::new(self.file, to_u32(span.start.line()), to_u32(column), to_u32(width))
    }

    fn error(&self, span: &Span, what: &str) -> Diagnostic {
        explain::at(self.file, span.line as usize, span.column as usize, span.width as usize, what)
    }

    fn in_unsafe(&self) -> bool {
        self.stack.last().is_some_and(|frame| frame.is_unsafe)
    }

    fn at_key(&self) -> bool {
        matches!(self.stack.last(), Some(Frame { kind: Kind::Map(map), .. }) if map.key.is_none() && !map.merging)
    }

    fn merge_next(&mut self) {
        if let Some(Frame { kind: Kind::Map(map), .. }) = self.stack.last_mut() {
            map.merging = true;
        }
    }

    fn alias(&mut self, id: usize, place: Span) -> Result<Node, Diagnostic> {
        let Some(Anchored { node, size, depth }) = self.anchors.get(&id) else {
            return Err(self.error(&place, "Found unconstructable recursive node."));
        };
        if self.stack.len() + depth > MAX_DEPTH {
            return Err(self.too_deep(&place));
        }
        let Some(left) = self.budget.checked_sub(*size) else {
            let what = format!("Aliases expand to more than {ALIAS_BUDGET} values.");
            return Err(self.error(&place, &what));
        };
        let mut node = node.clone();
        self.budget = left;
        if self.in_unsafe() {
            make_unsafe(&mut node);
        }
        Ok(node)
    }

    fn too_deep(&self, place: &Span) -> Diagnostic {
        self.error(place, &format!("Nesting is deeper than {MAX_DEPTH} levels."))
    }

    fn open(&mut self, kind: Kind, anchor: usize, tag: Option<&Tag>, span: Span) -> Result<(), Diagnostic> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(self.too_deep(&span));
        }
        let mut is_unsafe = self.in_unsafe();
        let mut shape = Shape::Plain;
        if let Some(tag) = tag {
            let is_map = matches!(kind, Kind::Map(_));
            match (tag_name(tag).as_str(), is_map) {
                ("!unsafe", _) => is_unsafe = true,
                ("!" | "tag:yaml.org,2002:map", true) | ("!" | "tag:yaml.org,2002:seq", false) => {}
                ("tag:yaml.org,2002:set", true) => shape = Shape::Set,
                ("tag:yaml.org,2002:omap" | "tag:yaml.org,2002:pairs", false) => shape = Shape::Pairs,
                (name, _) => return Err(self.unknown_tag(name, &span)),
            }
        }
        self.stack.push(Frame { kind, span, anchor, is_unsafe, shape });
        Ok(())
    }

    fn unknown_tag(&self, name: &str, span: &Span) -> Diagnostic {
        self.error(span, &format!("Could not determine a constructor for the tag '{name}'."))
    }

    fn close(&mut self) -> Result<(), Diagnostic> {
        let Some(frame) = self.stack.pop() else { return Ok(()) };
        let Frame { kind, span, anchor, shape, .. } = frame;
        let kind = match (kind, shape) {
            (Kind::List(items), Shape::Pairs) => NodeKind::List(items.into_iter().map(pair).collect()),
            (Kind::List(items), _) => NodeKind::List(items),
            (Kind::Map(entries), Shape::Set) => {
                NodeKind::List(entries.list.into_iter().map(|(key, _)| key).collect())
            }
            (Kind::Map(entries), _) => NodeKind::Map(with_merged(entries)),
        };
        self.finish(Node::new(kind, span), anchor)
    }

    /// A complete value goes where it belongs.
    fn finish(&mut self, node: Node, anchor: usize) -> Result<(), Diagnostic> {
        if anchor > 0 {
            let (size, depth) = measure(&node);
            self.anchors.insert(anchor, Anchored { node: node.clone(), size, depth });
        }
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        let map = match &mut frame.kind {
            Kind::List(items) => {
                items.push(node);
                return Ok(());
            }
            Kind::Map(map) => map,
        };
        if map.merging {
            map.merging = false;
            let add = self.merge_sources(node)?;
            if let Some(Frame { kind: Kind::Map(map), .. }) = self.stack.last_mut() {
                map.merged.extend(add);
            }
            return Ok(());
        }
        let Some(key) = map.key.take() else {
            if matches!(node.kind, NodeKind::List(_) | NodeKind::Map(_)) {
                let (line, column) = (node.span.line as usize, node.span.column as usize);
                if let Some(hint) = explain::template_start(self.file, line, column) {
                    return Err(hint);
                }
                return Err(self.error(&node.span, "While constructing a mapping found unhashable key."));
            }
            map.key = Some(node);
            return Ok(());
        };
        let place = key.span.clone();
        if let Some(first) = map.put(key, node) {
            let summary = format!("Found duplicate mapping key {}.", py_repr(&first.to_value()));
            self.warnings.push(
                Diagnostic::new(Severity::Warning, "duplicate-key", summary)
                    .at(&place)
                    .related(&first.span, "The first one is here")
                    .help("Using last defined value only."),
            );
        }
        Ok(())
    }

    /// The entries that `<<: node` brings, weakest first.
    fn merge_sources(&self, node: Node) -> Result<Vec<(Node, Node)>, Diagnostic> {
        let place = node.span.clone();
        match node.kind {
            NodeKind::Map(entries) => Ok(entries),
            NodeKind::List(items) => {
                let mut all = Vec::new();
                for item in items.into_iter().rev() {
                    match item.kind {
                        NodeKind::Map(entries) => all.extend(entries),
                        _ => {
                            let what = format!(
                                "While constructing a mapping expected a mapping for merging, but found {}.",
                                yaml_kind(&item)
                            );
                            return Err(self.error(&item.span, &what));
                        }
                    }
                }
                Ok(all)
            }
            _ => Err(self.error(
                &place,
                "While constructing a mapping expected a mapping or list of mappings for merging, but found scalar.",
            )),
        }
    }

    fn scalar(
        &self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        place: &Span,
    ) -> Result<NodeKind, Diagnostic> {
        let plain_text = |text: &str| match self.in_unsafe() {
            true => NodeKind::Unsafe(text.into()),
            false => NodeKind::Str(text.into()),
        };
        let Some(tag) = tag else {
            return Ok(match style {
                ScalarStyle::Plain => match scalar::resolve(text) {
                    NodeKind::Str(text) if self.in_unsafe() => NodeKind::Unsafe(text),
                    kind => kind,
                },
                _ => plain_text(text),
            });
        };
        let name = tag_name(tag);
        let bad = |what: String| self.error(place, &what);
        Ok(match name.as_str() {
            "!unsafe" => NodeKind::Unsafe(text.into()),
            "!vault" | "!vault-encrypted" => NodeKind::Vault(text.into()),
            "!" | "tag:yaml.org,2002:str" | "tag:yaml.org,2002:timestamp" => plain_text(text),
            "tag:yaml.org,2002:null" => NodeKind::Null,
            "tag:yaml.org,2002:int" => scalar::integer(text)
                .ok_or_else(|| bad(format!("invalid literal for int() with base 10: '{text}'")))?,
            "tag:yaml.org,2002:float" => NodeKind::Float(
                scalar::float(text)
                    .ok_or_else(|| bad(format!("could not convert string to float: '{text}'")))?,
            ),
            "tag:yaml.org,2002:bool" => NodeKind::Bool(
                scalar::boolean(&text.to_ascii_lowercase())
                    .ok_or_else(|| bad(format!("'{text}' is not a boolean")))?,
            ),
            "tag:yaml.org,2002:binary" => {
                let compact: String = text.split_whitespace().collect();
                let bytes = base64::engine::general_purpose::STANDARD
                    .decode(compact)
                    .map_err(|error| bad(format!("failed to decode base64 data: {error}")))?;
                match String::from_utf8(bytes) {
                    Ok(text) => plain_text(&text),
                    Err(other) => NodeKind::Bytes(other.into_bytes().into()),
                }
            }
            name => return Err(self.unknown_tag(name, place)),
        })
    }
}

/// The full name of a tag: `!vault`, `tag:yaml.org,2002:str`.
fn tag_name(tag: &Tag) -> String {
    format!("{}{}", tag.handle, tag.suffix)
}

fn yaml_kind(node: &Node) -> &'static str {
    match node.kind {
        NodeKind::List(_) => "sequence",
        NodeKind::Map(_) => "mapping",
        _ => "scalar",
    }
}

/// `{a: 1}` in an `!!omap` as `[a, 1]`.
fn pair(node: Node) -> Node {
    match node.kind {
        NodeKind::Map(mut entries) if entries.len() == 1 => {
            let (key, value) = entries.remove(0);
            Node::new(NodeKind::List(vec![key, value]), node.span)
        }
        kind => Node::new(kind, node.span),
    }
}

/// Merged entries come first and lose against those written in the mapping itself.
fn with_merged(entries: Entries) -> Vec<(Node, Node)> {
    if entries.merged.is_empty() {
        return entries.list;
    }
    let mut all = Entries::default();
    for (key, value) in entries.merged.into_iter().chain(entries.list) {
        all.put(key, value);
    }
    all.list
}

fn make_unsafe(node: &mut Node) {
    match &mut node.kind {
        NodeKind::Str(text) => node.kind = NodeKind::Unsafe(text.clone()),
        NodeKind::List(items) => items.iter_mut().for_each(make_unsafe),
        NodeKind::Map(entries) => entries.iter_mut().for_each(|(key, value)| {
            make_unsafe(key);
            make_unsafe(value);
        }),
        _ => {}
    }
}

/// How many values a node holds, and how deep.
fn measure(node: &Node) -> (usize, usize) {
    let add = |(size, depth): (usize, usize), (s, d): (usize, usize)| (size + s, depth.max(d + 1));
    match &node.kind {
        NodeKind::List(items) => items.iter().map(measure).fold((1, 0), add),
        NodeKind::Map(entries) => {
            entries.iter().flat_map(|(key, value)| [measure(key), measure(value)]).fold((1, 0), add)
        }
        _ => (1, 0),
    }
}
