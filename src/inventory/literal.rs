//! Values in INI inventories: Python literals where they are ones, texts otherwise.

use crate::diag::Span;
use crate::source::{Literal, Node, NodeKind};
use crate::value::Value;

/// What `text` means: a Python literal's value (tuples and sets as lists), or the text itself.
pub fn value(text: &str, span: &Span) -> Node {
    match Literal::parse(text) {
        Some(literal) => node(literal, span),
        None => Node::new(NodeKind::Str(text.into()), span.clone()),
    }
}

/// The value of a Python literal; `None` if the text is none.
pub fn python_literal(text: &str) -> Option<Value> {
    Some(node(Literal::parse(text)?, &Span::synthetic("a literal", "")).to_value())
}

fn node(literal: Literal, span: &Span) -> Node {
    let kind = match literal {
        Literal::None => NodeKind::Null,
        Literal::Bool(truth) => NodeKind::Bool(truth),
        Literal::Int(number) => NodeKind::Int(number),
        Literal::Big(number) => NodeKind::Big(number.to_string().into()),
        Literal::Float(number) => NodeKind::Float(number),
        Literal::Complex(text) | Literal::Str(text) => NodeKind::Str(text.into()),
        Literal::Ellipsis => NodeKind::Str("...".into()),
        Literal::Bytes(bytes) => NodeKind::Str(String::from_utf8_lossy(&bytes).into()),
        Literal::List(items) | Literal::Tuple(items) | Literal::Set(items) => {
            NodeKind::List(items.into_iter().map(|item| node(item, span)).collect())
        }
        Literal::Dict(entries) => NodeKind::Map(
            entries.into_iter().map(|(key, value)| (node(key, span), node(value, span))).collect(),
        ),
    };
    Node::new(kind, span.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::py_repr;

    #[test]
    fn literals_are_pythons_and_the_rest_is_text() {
        let span = Span::synthetic("t", "");
        for (text, expected) in [
            ("1", "1"),
            ("-5", "-5"),
            ("- 5", "-5"),
            ("[..., 1j, set(), {1, 2}, b'x']", "['...', '1j', [], [1, 2], 'x']"),
            ("+1", "1"),
            ("1_000", "1000"),
            ("0x1F", "31"),
            ("0o17", "15"),
            ("0b1", "1"),
            ("0777", "'0777'"),
            ("00", "0"),
            ("1e3", "1000.0"),
            (".5", "0.5"),
            ("5.", "5.0"),
            ("1e400", "inf"),
            ("1.2.3", "'1.2.3'"),
            ("10.0.0.1", "'10.0.0.1'"),
            ("1L", "'1L'"),
            ("1+1", "'1+1'"),
            ("--5", "'--5'"),
            ("True", "True"),
            ("true", "'true'"),
            ("None", "None"),
            ("yes", "'yes'"),
            ("'x' 'y'", "'xy'"),
            ("\"\"\"x\"\"\"", "'x'"),
            ("'a' # c", "'a'"),
            ("a # c", "'a # c'"),
            ("1 # c", "1"),
            ("# c", "'# c'"),
            ("r'\\x'", "'\\\\x'"),
            ("'\\t\\x41\\101'", "'\\tAA'"),
            ("b'x'", "'x'"),
            ("f'x'", "\"f'x'\""),
            ("\"a\"b", "'\"a\"b'"),
            ("'unterminated", "\"'unterminated\""),
            ("[True, None, 'x', \"y\", 1.5, -2,]", "[True, None, 'x', 'y', 1.5, -2]"),
            ("{'a': {'b': [1, (2, 3)]}}", "{'a': {'b': [1, [2, 3]]}}"),
            ("{1: 2, 'a': 3}", "{1: 2, 'a': 3}"),
            ("{1, 2}", "[1, 2]"),
            ("{}", "{}"),
            ("()", "[]"),
            ("(1)", "1"),
            ("(1,)", "[1]"),
            ("1,2", "[1, 2]"),
            ("[1,", "'[1,'"),
            ("[1] + [2]", "'[1] + [2]'"),
            ("set()", "[]"),
            ("{a:1}", "'{a:1}'"),
            ("", "''"),
            ("...", "'...'"),
            ("a=b", "'a=b'"),
            ("not True", "'not True'"),
        ] {
            assert_eq!(py_repr(&value(text, &span).to_value()), expected, "{text}");
        }
    }
}
