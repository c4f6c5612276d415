//! minijinja's syntax tree to ours.

use super::ir::{Arg, Block, Body, Cmp, Ex, For, Kind, Macro, Pos, Program, Routed, Stmt, Target};
use super::problem::{Named, Problem, of_collection};
use super::{Syntax, depth, prepare};
use crate::template::object::{Arith, V};
use crate::template::{Term, filters, lookups, tests};
use crate::value::marks;
use minijinja::machinery::{self, Span, ast};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// A whole template.
///
/// # Errors
/// The syntax error, or all unknown filters and tests.
pub fn template(text: &str, syntax: &Syntax) -> Result<Program, Vec<Problem>> {
    if let Some(at) = depth::too_deep(text, syntax) {
        return Err(vec![nests_too_deep(at)]);
    }
    let config = syntax.config().map_err(|error| vec![problem(&error, "")])?;
    let prepared = prepare::template(text, syntax);
    match machinery::parse(&prepared, "", config.clone()) {
        Ok(parsed) => lower(&parsed, syntax),
        Err(error) => {
            // Jinja allows tuples without parentheses in `{{ }}` and `for`.
            let Some(retry) = parenthesised(&prepared, syntax) else {
                return Err(vec![problem(&error, &prepared)]);
            };
            match machinery::parse(&retry, "", config) {
                Ok(parsed) => lower(&parsed, syntax),
                Err(_) => Err(vec![problem(&error, &prepared)]),
            }
        }
    }
}

fn lower(parsed: &ast::Stmt, syntax: &Syntax) -> Result<Program, Vec<Problem>> {
    let ast::Stmt::Template(template) = parsed else { return Err(Vec::new()) };
    let mut lower = Lower {
        raw_strings: syntax.raw_strings,
        raw: false,
        embedded: false,
        in_template: true,
        blocks: Vec::new(),
        problems: Vec::new(),
        suspects: Vec::new(),
        names: HashMap::new(),
        conditional: 0,
        more: (false, false),
    };
    let body = lower.body(&template.children);
    if lower.problems.is_empty() {
        Ok(Program { body, suspects: lower.suspects, blocks: lower.blocks })
    } else {
        // What is only found wanting when it is used is told of, too.
        let certain = lower.suspects.into_iter().filter(|suspect| !suspect.doubtful);
        Err(lower.problems.into_iter().chain(certain).collect())
    }
}

/// A bare expression.
///
/// # Errors
/// The syntax error, or all unknown filters and tests.
pub fn expression(text: &str) -> Result<Ex, Vec<Problem>> {
    if let Some(at) = depth::expression_too_deep(text) {
        return Err(vec![nests_too_deep(at)]);
    }
    let prepared = prepare::expression(text);
    let parsed = machinery::parse_expr(&prepared).map_err(|error| vec![problem(&error, &prepared)])?;
    let mut lower = Lower {
        raw_strings: false,
        raw: false,
        embedded: true,
        in_template: false,
        blocks: Vec::new(),
        problems: Vec::new(),
        suspects: Vec::new(),
        names: HashMap::new(),
        conditional: 0,
        more: (false, false),
    };
    let expression = lower.expr(&parsed);
    if lower.problems.is_empty() { Ok(expression) } else { Err(lower.problems) }
}

fn nests_too_deep(at: usize) -> Problem {
    let start = u32::try_from(at).unwrap_or(0);
    Problem::at("it nests too deep, or chains too many operators", Pos { start, end: start + 1 })
}

/// minijinja's complaint in Jinja's words, where those are known.
fn problem(error: &minijinja::Error, text: &str) -> Problem {
    let range = error.range().unwrap_or(0..0);
    let message = error.detail().map_or_else(|| error.to_string(), ToOwned::to_owned);
    let found = text.get(range.clone()).unwrap_or("").trim();
    let message = if let Some(tag) = message.strip_prefix("unknown statement ") {
        format!("Encountered unknown tag '{tag}'.")
    } else if message.ends_with(", expected end of variable block") && !found.is_empty() {
        format!("expected token 'end of print statement', got '{found}'")
    } else {
        match &*message {
            "unexpected input after expression" => "chunk after expression".to_owned(),
            "unexpected end of comment" => "Missing end of comment tag".to_owned(),
            "unexpected end of variable block" => nothing_there(text, range.start, "print statement"),
            "unexpected end of block" => nothing_there(text, range.start, "statement block"),
            "unexpected end of input, expected expression" => "unexpected 'end of template'".to_owned(),
            "unexpected end of input, expected end of block" => "Unexpected end of template.".to_owned(),
            other => other.replace('`', "'"),
        }
    };
    Problem::at(message, Pos { start: range.start as u32, end: range.end as u32 })
}

/// Where an expression should be, but the block ends: after an operator, or before there was anything.
fn nothing_there(text: &str, at: usize, block: &str) -> String {
    let before = text.get(..at).unwrap_or("").trim_end();
    let after_operator = if block == "print statement" {
        !before.trim_end_matches(['-', '+']).ends_with("{{")
    } else {
        let word = before.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or("");
        let assigned = before.ends_with('=') && !before.trim_end_matches('=').ends_with(['!', '<', '>']);
        match word {
            "" => !assigned || before.ends_with("=="),
            word => matches!(word, "and" | "or" | "not" | "is"),
        }
    };
    match after_operator {
        true => format!("unexpected 'end of {block}'"),
        false => format!("Expected an expression, got 'end of {block}'"),
    }
}

/// Puts parentheses around the list in `{% for x in a, b %}` and in `{{ a, b }}`.
fn parenthesised(text: &str, syntax: &Syntax) -> Option<String> {
    let mut out = text.to_owned();
    for (open, close, keyword) in
        [(&syntax.variable.0, &syntax.variable.1, ""), (&syntax.block.0, &syntax.block.1, " in ")]
    {
        let mut from = 0;
        while let Some(start) = out[from..].find(open.as_str()).map(|at| from + at + open.len()) {
            let Some(end) = out[start..].find(close.as_str()).map(|at| start + at) else { break };
            from = end;
            let inside = &out[start..end];
            let begin = if keyword.is_empty() {
                Some(0)
            } else if inside.trim_start_matches(['-', '+', ' ']).starts_with("for ") {
                inside.find(keyword).map(|at| at + keyword.len())
            } else {
                None
            };
            let Some(begin) = begin else { continue };
            let body = inside[begin..].trim_matches(['-', '+', ' ']);
            if !has_top_level_comma(body) {
                continue;
            }
            let at = start + begin + inside[begin..].find(body)?;
            out.replace_range(at..at + body.len(), &format!("({body})"));
            from += 2;
        }
    }
    (out != text).then_some(out)
}

fn has_top_level_comma(text: &str) -> bool {
    let mut depth = 0;
    let mut quote = None;
    for c in text.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth -= 1,
            (None, ',') if depth == 0 => return true,
            _ => {}
        }
    }
    false
}

/// The name of the variable that every loop sets.
pub fn loop_name() -> &'static Arc<str> {
    static NAME: OnceLock<Arc<str>> = OnceLock::new();
    NAME.get_or_init(|| "loop".into())
}

struct Lower {
    raw_strings: bool,
    /// Inside `{{ }}` of a text whose backslashes stay.
    raw: bool,
    /// Templates in the texts of this expression are rendered.
    embedded: bool,
    /// What is lowered is a template, not a bare expression.
    in_template: bool,
    blocks: Vec<Arc<Block>>,
    problems: Vec<Problem>,
    /// See [`Program::suspects`].
    suspects: Vec<Problem>,
    /// Each name once, so that the same names are the same memory when they are compared.
    names: HashMap<String, Arc<str>>,
    /// How many branches deep: Jinja lets what is unknown in one stand until the branch is taken.
    conditional: usize,
    /// Whether `varargs` and `kwargs` were used so far in the macro being lowered.
    more: (bool, bool),
}

fn pos(span: Span) -> Pos {
    Pos { start: span.start_offset, end: span.end_offset }
}

impl Lower {
    fn body(&mut self, stmts: &[ast::Stmt]) -> Body {
        stmts.iter().map(|stmt| self.stmt(stmt)).collect()
    }

    fn stmt(&mut self, stmt: &ast::Stmt) -> Stmt {
        match stmt {
            ast::Stmt::Template(template) => Stmt::Group(self.body(&template.children)),
            ast::Stmt::EmitRaw(raw) => {
                let text = if raw.raw.contains('\r') {
                    raw.raw.replace("\r\n", "\n").replace('\r', "\n")
                } else {
                    raw.raw.to_owned()
                };
                Stmt::Raw(text.into())
            }
            ast::Stmt::EmitExpr(emit) => {
                self.raw = self.raw_strings;
                let expression = self.expr(&emit.expr);
                self.raw = false;
                Stmt::Emit(expression)
            }
            ast::Stmt::IfCond(cond) => {
                let test = self.expr(&cond.expr);
                self.conditional += 1;
                let (yes, no) = (self.body(&cond.true_body), self.body(&cond.false_body));
                self.conditional -= 1;
                Stmt::If(test, yes, no)
            }
            ast::Stmt::ForLoop(each) => {
                let target = self.target(&each.target);
                let iter = self.expr(&each.iter);
                let filter = each.filter_expr.as_ref().map(|filter| self.expr(filter));
                let (body, otherwise) = (self.body(&each.body), self.body(&each.else_body));
                Stmt::For(Arc::new(For {
                    pos: pos(each.iter.span()),
                    target,
                    iter,
                    filter,
                    recursive: each.recursive,
                    plain: !each.recursive && For::is_plain(&body) && For::is_plain(&otherwise),
                    body,
                    otherwise,
                }))
            }
            ast::Stmt::WithBlock(with) => Stmt::With(
                with.assignments
                    .iter()
                    .map(|(target, expr)| (self.target(target), self.expr(expr)))
                    .collect(),
                self.body(&with.body),
            ),
            ast::Stmt::Set(set) => Stmt::Set(self.target(&set.target), self.expr(&set.expr)),
            ast::Stmt::SetBlock(set) => Stmt::SetBlock(
                self.target(&set.target),
                set.filter.as_ref().map(|filter| self.expr(filter)),
                self.body(&set.body),
            ),
            ast::Stmt::AutoEscape(escape) => Stmt::Group(self.body(&escape.body)),
            ast::Stmt::FilterBlock(block) => Stmt::Filter(self.expr(&block.filter), self.body(&block.body)),
            ast::Stmt::Block(block) => {
                let name: Arc<str> = block.name.into();
                let body = self.body(&block.body);
                self.blocks.push(Arc::new(Block { name: name.clone(), required: block.required, body }));
                Stmt::Block(name, pos(block.span()))
            }
            ast::Stmt::Import(import) => Stmt::Import(self.expr(&import.expr), self.name(&import.name)),
            ast::Stmt::FromImport(import) => {
                let names = import
                    .names
                    .iter()
                    .map(|(name, alias)| {
                        let name = self.name(name);
                        let alias = alias.as_ref().map_or_else(|| name.clone(), |alias| self.name(alias));
                        (name, alias)
                    })
                    .collect();
                Stmt::FromImport(self.expr(&import.expr), names)
            }
            ast::Stmt::Extends(extends) => Stmt::Extends(self.expr(&extends.name)),
            ast::Stmt::Include(include) => Stmt::Include(self.expr(&include.name), include.ignore_missing),
            ast::Stmt::Macro(definition) => Stmt::Macro(self.definition(definition)),
            ast::Stmt::CallBlock(call) => Stmt::CallBlock(
                self.expr(&call.call.expr),
                self.args(&call.call.args),
                self.definition(&call.macro_decl),
                pos(call.call.span()),
            ),
            ast::Stmt::Continue(_) => Stmt::Continue,
            ast::Stmt::Break(_) => Stmt::Break,
            ast::Stmt::Do(call) => {
                let callee = self.expr(&call.call.expr);
                let args = self.args(&call.call.args);
                Stmt::Do(Ex { pos: pos(call.call.span()), kind: Kind::Call(Box::new(callee), args) })
            }
        }
    }

    fn definition(&mut self, definition: &ast::Macro) -> Arc<Macro> {
        let outer = std::mem::take(&mut self.more);
        let args = definition.args.iter().map(|arg| self.name(arg)).collect();
        let defaults = definition.defaults.iter().map(|default| self.expr(default)).collect();
        let body = self.body(&definition.body);
        let more = std::mem::replace(&mut self.more, outer);
        Arc::new(Macro { name: definition.name.into(), args, defaults, more, body })
    }

    fn name(&mut self, expr: &ast::Expr) -> Arc<str> {
        match expr {
            ast::Expr::Var(var) => self.interned(var.id),
            other => {
                self.problems.push(Problem::at("expected a name", pos(other.span())));
                "".into()
            }
        }
    }

    fn interned(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.names.get(name) {
            return known.clone();
        }
        // `loop` is set by every loop, under a name that all of them share.
        let new: Arc<str> = if name == "loop" { loop_name().clone() } else { name.into() };
        self.names.insert(name.to_owned(), new.clone());
        new
    }

    fn target(&mut self, expr: &ast::Expr) -> Target {
        match expr {
            ast::Expr::GetAttr(attr) => Target::Attr(Box::new(self.expr(&attr.expr)), attr.name.into()),
            ast::Expr::List(list) => Target::Tuple(list.items.iter().map(|item| self.target(item)).collect()),
            ast::Expr::Tuple(list) => {
                Target::Tuple(list.items.iter().map(|item| self.target(item)).collect())
            }
            other => Target::Name(self.name(other)),
        }
    }

    fn boxed(&mut self, expr: &ast::Expr) -> Box<Ex> {
        Box::new(self.expr(expr))
    }

    fn exprs(&mut self, exprs: &[ast::Expr]) -> Vec<Ex> {
        exprs.iter().map(|expr| self.expr(expr)).collect()
    }

    fn args(&mut self, args: &[ast::CallArg]) -> Vec<Arg> {
        args.iter()
            .map(|arg| match arg {
                ast::CallArg::Pos(expr) => Arg::Positional(self.expr(expr)),
                ast::CallArg::Kwarg(name, expr) => Arg::Named((*name).into(), self.expr(expr)),
                ast::CallArg::PosSplat(expr) => Arg::Splat(self.expr(expr)),
                ast::CallArg::KwargSplat(expr) => Arg::NamedSplat(self.expr(expr)),
            })
            .collect()
    }

    fn expr(&mut self, expr: &ast::Expr) -> Ex {
        let at = pos(expr.span());
        let kind = match expr {
            ast::Expr::Var(var) => {
                self.more.0 |= var.id == "varargs";
                self.more.1 |= var.id == "kwargs";
                Kind::Var(self.interned(var.id))
            }
            ast::Expr::Const(constant) => match self.constant(&constant.value) {
                V::Str(text) if self.embedded && text.contains("{{") => {
                    Kind::Embedded { term: Term::embedded(&text), in_template: self.in_template }
                }
                value => {
                    // What is written in the arguments of a lookup may be its expression.
                    if self.embedded
                        && let V::Str(text) = &value
                    {
                        marks::author(text);
                    }
                    Kind::Const(value)
                }
            },
            ast::Expr::Slice(slice) => {
                let mut bound = |expr: &Option<ast::Expr>| expr.as_ref().map(|expr| self.boxed(expr));
                let bounds = [bound(&slice.start), bound(&slice.stop), bound(&slice.step)];
                Kind::Slice(self.boxed(&slice.expr), bounds)
            }
            ast::Expr::UnaryOp(unary) => match unary.op {
                ast::UnaryOpKind::Not => Kind::Not(self.boxed(&unary.expr)),
                ast::UnaryOpKind::Neg => Kind::Neg(self.boxed(&unary.expr)),
            },
            ast::Expr::BinOp(op) => self.binary(op),
            ast::Expr::Compare(compare) => Kind::Compare(
                self.boxed(&compare.expr),
                compare.ops.iter().map(|op| (comparison(op.op), self.expr(&op.expr))).collect(),
            ),
            ast::Expr::IfExpr(cond) => {
                self.conditional += 1;
                let test = self.boxed(&cond.test_expr);
                let yes = self.boxed(&cond.true_expr);
                let no = cond.false_expr.as_ref().map(|expr| self.boxed(expr));
                self.conditional -= 1;
                Kind::If(test, yes, no)
            }
            ast::Expr::Filter(filter) => {
                let name: String = filter.name.chars().filter(|c| !c.is_whitespace()).collect();
                let value = filter.expr.as_ref().map(|expr| self.boxed(expr));
                let args = self.args(&filter.args);
                match filters::find(&name) {
                    Some(def) => {
                        self.check_named(def.names[0], &args);
                        Kind::Filter(def, value, args)
                    }
                    None if of_collection(&name) => self.routed(Named::Filter, name, value, args, at),
                    None => self.unknown(Named::Filter, &name, at),
                }
            }
            ast::Expr::Test(test) => {
                let name: String = test.name.chars().filter(|c| !c.is_whitespace()).collect();
                let value = self.boxed(&test.expr);
                let args = self.args(&test.args);
                match tests::find(&name) {
                    Some(def) => Kind::Test(def, value, args),
                    None if of_collection(&name) => self.routed(Named::Test, name, Some(value), args, at),
                    None => self.unknown(Named::Test, &name, at),
                }
            }
            ast::Expr::GetAttr(attr) => Kind::Attr(self.boxed(&attr.expr), attr.name.into()),
            ast::Expr::GetItem(item) => Kind::Item(self.boxed(&item.expr), self.boxed(&item.subscript_expr)),
            ast::Expr::Call(call) => {
                let callee = self.boxed(&call.expr);
                // The terms of lookups may be templates still (their options may not).
                let lookup =
                    matches!(&callee.kind, Kind::Var(name) if matches!(&**name, "lookup" | "query" | "q"));
                let embedded = self.embedded;
                self.embedded |= lookup;
                let mut args = self.args(&call.args);
                self.embedded = embedded;
                if !embedded {
                    for arg in &mut args {
                        if let Arg::Named(_, Ex { kind, .. }) = arg
                            && let Kind::Embedded { term: Term::Template(template), .. } = kind
                        {
                            *kind = Kind::Const(V::str(template.text()));
                        }
                    }
                }
                if lookup
                    && let Some(Arg::Positional(Ex { kind: Kind::Const(V::Str(name)), pos })) = args.first()
                    && !lookups::exists(name)
                {
                    let doubtful = self.conditional > 0;
                    self.suspects.push(Problem::unknown(Named::Lookup, name, *pos, doubtful));
                }
                Kind::Call(callee, args)
            }
            ast::Expr::List(list) => Kind::List(self.exprs(&list.items)),
            ast::Expr::Tuple(tuple) => Kind::Tuple(self.exprs(&tuple.items)),
            ast::Expr::Map(map) => Kind::Dict(
                map.keys
                    .iter()
                    .zip(&map.values)
                    .map(|(key, value)| (self.expr(key), self.expr(value)))
                    .collect(),
            ),
        };
        Ex { pos: at, kind }
    }

    /// What a collection may know by another name: whether it does shows when it is used.
    fn routed(
        &mut self,
        named: Named,
        name: String,
        value: Option<Box<Ex>>,
        args: Vec<Arg>,
        pos: Pos,
    ) -> Kind {
        self.suspects.push(Problem::unknown(named, &name, pos, self.conditional > 0));
        let in_template = self.in_template;
        Kind::Routed(Box::new(Routed { named, name, in_template, value, args }))
    }

    fn unknown(&mut self, kind: Named, name: &str, pos: Pos) -> Kind {
        let problem = Problem::unknown(kind, name, pos, self.conditional > 0);
        let message = problem.message.as_str().into();
        if problem.doubtful { &mut self.suspects } else { &mut self.problems }.push(problem);
        Kind::Fail(message)
    }

    /// The filter or test that `map('name')`, `select('name')` and their like are told to use.
    fn check_named(&mut self, filter: &str, args: &[Arg]) {
        let (kind, at) = match filter {
            "map" => (Named::Filter, 0),
            "select" | "reject" => (Named::Test, 0),
            "selectattr" | "rejectattr" => (Named::Test, 1),
            _ => return,
        };
        if let Some(Arg::Positional(Ex { kind: Kind::Const(V::Str(name)), pos })) = args.get(at) {
            let known = match kind {
                Named::Filter => filters::find(name).is_some(),
                _ => tests::find(name).is_some(),
            };
            if !known {
                self.suspects.push(Problem::unknown(kind, name, *pos, true));
            }
        }
    }

    fn binary(&mut self, op: &ast::BinOp) -> Kind {
        use ast::BinOpKind as Op;
        let left = self.boxed(&op.left);
        let right = self.boxed(&op.right);
        let arith = |op, left, right| Kind::Arith(op, left, right);
        let compare = |cmp, left, right: Box<Ex>| Kind::Compare(left, vec![(cmp, *right)]);
        match op.op {
            Op::Eq => compare(Cmp::Eq, left, right),
            Op::Ne => compare(Cmp::Ne, left, right),
            Op::Lt => compare(Cmp::Lt, left, right),
            Op::Lte => compare(Cmp::Le, left, right),
            Op::Gt => compare(Cmp::Gt, left, right),
            Op::Gte => compare(Cmp::Ge, left, right),
            Op::In => compare(Cmp::In, left, right),
            Op::ScAnd => Kind::And(left, right),
            Op::ScOr => Kind::Or(left, right),
            Op::Add => arith(Arith::Add, left, right),
            Op::Sub => arith(Arith::Sub, left, right),
            Op::Mul => arith(Arith::Mul, left, right),
            Op::Div => arith(Arith::Div, left, right),
            Op::FloorDiv => arith(Arith::FloorDiv, left, right),
            Op::Rem => arith(Arith::Rem, left, right),
            Op::Pow => arith(Arith::Pow, left, right),
            Op::Concat => match *left {
                Ex { kind: Kind::Concat(mut parts), .. } => {
                    parts.push(*right);
                    Kind::Concat(parts)
                }
                left => Kind::Concat(vec![left, *right]),
            },
        }
    }

    fn constant(&self, value: &minijinja::Value) -> V {
        use minijinja::value::ValueKind;
        match value.kind() {
            ValueKind::Bool => V::Bool(value.is_true()),
            ValueKind::Number => {
                if value.is_integer() {
                    match value.as_i64() {
                        Some(i) => V::Int(i),
                        None => value.to_string().parse::<num_bigint::BigInt>().map_or(V::None, V::from),
                    }
                } else {
                    f64::try_from(value.clone()).map_or(V::None, V::Float)
                }
            }
            ValueKind::String => V::from(prepare::decode(value.as_str().unwrap_or(""), self.raw)),
            _ => V::None,
        }
    }
}

fn comparison(op: ast::CompareOpKind) -> Cmp {
    match op {
        ast::CompareOpKind::Eq => Cmp::Eq,
        ast::CompareOpKind::Ne => Cmp::Ne,
        ast::CompareOpKind::Lt => Cmp::Lt,
        ast::CompareOpKind::Lte => Cmp::Le,
        ast::CompareOpKind::Gt => Cmp::Gt,
        ast::CompareOpKind::Gte => Cmp::Ge,
        ast::CompareOpKind::In => Cmp::In,
        ast::CompareOpKind::NotIn => Cmp::NotIn,
    }
}
