//! Input that wants too much: every case must end with an error that says where, in bounded time and memory.

#[path = "../fuzz/entries.rs"]
mod entries;

use ekumen::diag::Span;
use ekumen::source::{Node, NodeKind, yaml};
use ekumen::template::{Context, Engine, LookupEnv, Scope, Settings, TemplateError, Term, Var};
use ekumen::value::Value;
use std::sync::Arc;

struct Vars(Vec<(&'static str, Term)>);

impl Scope for Vars {
    fn get(&self, name: &str) -> Option<Var> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, term)| Var::Term(term.clone()))
    }

    fn names(&self) -> Vec<Arc<str>> {
        self.0.iter().map(|(name, _)| Arc::from(*name)).collect()
    }
}

fn node(text: &str) -> Node {
    Node::new(NodeKind::Str(text.into()), Span::synthetic("hostile.yml", text))
}

fn render(text: &str) -> Result<Value, TemplateError> {
    let engine = Engine::with_limit(Settings::default(), 500_000);
    let loops = [("a", "{{ b }}"), ("b", "{{ c }}"), ("c", "{{ a }}"), ("me", "x{{ me }}")];
    let scope = Vars(loops.map(|(name, text)| (name, engine.compile(&node(text)))).into());
    let context = Context::new(&engine, Arc::new(scope), Arc::new(LookupEnv::default()));
    context.render(&engine.compile(&node(text)))
}

/// The most memory that this process has used, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[test]
fn templates_that_want_too_much_end_with_an_error() {
    let deep = |open: &str, inner: &str, close: &str, times: usize| {
        format!("{{{{ {}{inner}{} }}}}", open.repeat(times), close.repeat(times))
    };
    let cases: Vec<(&str, String)> = vec![
        ("a text of a gigabyte", "{{ 'a' * 10**9 }}".into()),
        ("a list of a billion", "{{ [0] * 10**9 }}".into()),
        ("a tuple of a billion", "{{ (0, 1) * 10**9 }}".into()),
        ("a range of a billion", "{{ range(10**9) | list }}".into()),
        ("the sum of a range of a billion", "{{ range(10**9) | sum }}".into()),
        ("the largest range", "{{ range(-9223372036854775807, 9223372036854775807) | length }}{{ range(10**9) | last }}".into()),
        ("a loop over a billion", "{% for i in range(10**9) %}{{ i }}{% endfor %}".into()),
        ("loops in loops", "{% for i in range(10**5) %}{% for j in range(10**5) %}{% endfor %}{% endfor %}".into()),
        ("doubling", "{% set ns = namespace(t='a') %}{% for i in range(100) %}{% set ns.t = ns.t ~ ns.t %}{% endfor %}{{ ns.t }}".into()),
        ("doubling by +", "{% set ns = namespace(t='a') %}{% for i in range(100) %}{% set ns.t = ns.t + ns.t %}{% endfor %}{{ ns.t }}".into()),
        ("doubling a list", "{% set ns = namespace(t=[1]) %}{% for i in range(100) %}{% set ns.t = ns.t + ns.t %}{% endfor %}{{ ns.t }}".into()),
        ("doubling in place", "{% set l = [1] %}{% for i in range(100) %}{% set _ = l.extend(l) %}{% endfor %}{{ l }}".into()),
        ("doubling by join", "{% set ns = namespace(t='aa') %}{% for i in range(100) %}{% set ns.t = [ns.t, ns.t] | join %}{% endfor %}{{ ns.t }}".into()),
        ("a replacement that is long", "{{ ('a' * 10**4) | replace('a', 'b' * 10**5) }}".into()),
        ("a match that is replaced by a long text", "{{ ('a' * 10**4) | regex_replace('a', 'b' * 10**5) }}".into()),
        ("doubling by format", "{% set ns = namespace(t='a') %}{% for i in range(100) %}{% set ns.t = '%s%s' % (ns.t, ns.t) %}{% endfor %}{{ ns.t }}".into()),
        ("doubling by braces", "{% set ns = namespace(t='a') %}{% for i in range(100) %}{% set ns.t = '{0}{0}'.format(ns.t) %}{% endfor %}{{ ns.t }}".into()),
        ("doubling by nesting", "{% set ns = namespace(t=[1]) %}{% for i in range(100) %}{% set ns.t = [ns.t, ns.t] %}{% endfor %}{{ ns.t }}".into()),
        ("nesting to JSON", "{% set ns = namespace(t=[1]) %}{% for i in range(100) %}{% set ns.t = [ns.t, ns.t] %}{% endfor %}{{ ns.t | to_json | length }}".into()),
        ("nesting to YAML", "{% set ns = namespace(t=[1]) %}{% for i in range(100) %}{% set ns.t = [ns.t, ns.t] %}{% endfor %}{{ ns.t | to_nice_yaml | length }}".into()),
        ("nesting flattened", "{% set ns = namespace(t=[1]) %}{% for i in range(100) %}{% set ns.t = [ns.t, ns.t] %}{% endfor %}{{ ns.t | flatten | length }}".into()),
        ("nesting compared", "{% set ns = namespace(t=[1], u=[1]) %}{% for i in range(100) %}{% set ns.t = [ns.t, ns.t] %}{% set ns.u = [ns.u, ns.u] %}{% endfor %}{{ ns.t == ns.u }}".into()),
        ("a list in itself", "{% set l = [] %}{% set _ = l.append(l) %}{{ l }}".into()),
        ("a mapping in itself", "{% set d = {} %}{% set _ = d.update({'d': d}) %}{{ d | to_json }}".into()),
        ("a wide number", "{{ '%1000000000d' % 1 }}".into()),
        ("a precise number", "{{ '%.1000000000f' % 1 }}".into()),
        ("a wide field", "{{ '{:1000000000}'.format(1) }}".into()),
        ("a wide text", "{{ 'x'.ljust(10**10) }}".into()),
        ("a text in the middle", "{{ 'x'.center(10**10) }}{{ 'x' | center(10**10) }}".into()),
        ("zeros", "{{ '1'.zfill(10**10) }}".into()),
        ("wide tabs", "{{ ('\t' * 1000).expandtabs(10**9) }}".into()),
        ("an indent of a billion", "{{ 'a\nb' | indent(10**9) }}".into()),
        ("a billion batches", "{{ [1] | batch(10**9, 'x') | list | length }}".into()),
        ("a billion slices", "{{ [1] | slice(10**10) | list }}".into()),
        ("a product", "{{ range(1000) | product(range(1000), range(1000)) | list | length }}".into()),
        ("permutations", "{{ range(20) | permutations | list | length }}".into()),
        ("combinations", "{{ range(60) | combinations(30) | list | length }}".into()),
        ("a repeated product", "{{ [1, 2] | product(repeat=64) | list | length }}".into()),
        ("a large power", "{{ 2 ** 100000000 }}".into()),
        ("squares of squares", "{% set ns = namespace(n=10) %}{% for i in range(64) %}{% set ns.n = ns.n * ns.n %}{% endfor %}{{ ns.n }}".into()),
        ("a long sequence", "{{ query('sequence', 'start=0 end=10000000000') | length }}".into()),
        ("a random text of a gigabyte", "{{ lookup('password', '/dev/null', length=10000000000) | length }}".into()),
        ("indented JSON", "{{ [[[1]]] | to_nice_json(indent=10**9) }}".into()),
        ("a macro that calls itself", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}".into()),
        ("a macro that calls itself twice", "{% macro m(n) %}{{ m(n + 1) }}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}".into()),
        ("macros that call each other", "{% macro m(f, n) %}{% if n %}{{ f(f, n - 1) }}{{ f(f, n - 1) }}{% endif %}{% endmacro %}{{ m(m, 100) }}".into()),
        ("a recursive loop without end", "{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}".into()),
        ("a caller without end", "{% macro m() %}{% call m() %}{{ caller() }}{% endcall %}{% endmacro %}{{ m() }}".into()),
        ("variables in a circle", "{{ a }}".into()),
        ("a variable in itself", "{{ me }}".into()),
        ("a pattern that runs away", "{{ ('a' * 50 ~ 'b') is match('(a+)+$') }}{{ ('x' * 5000) | regex_search('(x+x+)+y\\1') }}".into()),
        ("a pattern without end", "{{ 'a' | regex_replace('(((a{1000}){1000}){1000}){1000}', '') }}".into()),
        ("a schema that is itself", "{{ {'a': 1} | ansible.utils.validate({'$ref': '#'}) }}".into()),
        ("schemas that fan out", "{% set ns = namespace(d={'a0': {}}) %}{% for i in range(60) %}{% set r = {'$ref': '#/$defs/a' ~ i} %}{% set _ = ns.d.update({'a' ~ (i + 1): {'allOf': [r, r]}}) %}{% endfor %}{{ 1 | ansible.utils.validate({'$ref': '#/$defs/a60', '$defs': ns.d}) }}".into()),
        ("a pattern of a schema that runs away", "{{ {'a': 'x' * 5000} | ansible.utils.validate({'properties': {'a': {'pattern': '(x+x+)+y\\1'}}}) }}".into()),
        ("a billion choices", "{{ query('community.general.dependent', {'a': range(1000) | list}, {'b': range(1000) | list}, {'c': range(1000) | list}) }}".into()),
        ("a name of a billion words", "{{ lookup('community.general.random_pet', words=10**9) }}".into()),
        ("a deep pattern", "{{ 'a' | regex_search('(' * 100000 ~ ')' * 100000) }}".into()),
        ("deep JSON", "{{ ('[' * 1000000) | from_json }}".into()),
        ("deep YAML", "{{ ('[' * 1000000) | from_yaml }}".into()),
        ("deep parentheses", deep("(", "1", ")", 100_000)),
        ("deep lists", deep("[", "1", "]", 100_000)),
        ("deep mappings", deep("{1:", "1", "}", 100_000)),
        ("deep negation", deep("not ", "1", "", 100_000)),
        ("deep minus", deep("- ", "1", "", 100_000)),
        ("a long sum", deep("1 + ", "1", "", 100_000)),
        ("a long power", deep("1 ** ", "1", "", 100_000)),
        ("a long comparison", deep("1 < ", "1", "", 100_000)),
        ("a long path", format!("{{{{ x{} }}}}", ".a".repeat(100_000))),
        ("a long chain of items", format!("{{{{ x{} }}}}", "[0]".repeat(100_000))),
        ("a long chain of filters", format!("{{{{ 1{} }}}}", " | string".repeat(100_000))),
        ("a long chain of calls", format!("{{{{ x{} }}}}", "()".repeat(100_000))),
        ("a long chain of ifs", deep("1 if x else ", "1", "", 100_000)),
        ("a long chain of ands", deep("x and ", "1", "", 100_000)),
        ("deep ifs", format!("{}{}", "{% if x %}".repeat(100_000), "{% endif %}".repeat(100_000))),
        ("many elifs", format!("{{% if x %}}{}{{% endif %}}", "{% elif x %}".repeat(100_000))),
    ];
    for (what, text) in cases {
        let begin = std::time::Instant::now();
        let result = std::thread::Builder::new()
            .stack_size(2 << 20)
            .spawn(move || render(&text))
            .unwrap()
            .join()
            .unwrap_or_else(|_| panic!("{what}: panicked"));
        let took = begin.elapsed();
        if std::env::var_os("HOSTILE").is_some() {
            let shown = match &result {
                Ok(value) => format!("{value:?}"),
                Err(error) => error.message.clone(),
            };
            println!(
                "{what}: {took:?}, peak {} MiB: {}",
                peak(),
                shown.chars().take(150).collect::<String>()
            );
        }
        let error = result.err().unwrap_or_else(|| panic!("{what}: no error"));
        assert!(!error.trace.is_empty(), "{what}: {} has no place", error.message);
        assert!(peak() < 1500, "{what}: {} MiB", peak());
    }
}

fn yaml_bomb() -> String {
    let mut text = String::from("a0: &a0 [x, x]\n");
    for i in 1..60 {
        text.push_str(&format!("a{i}: &a{i} [*a{}, *a{}]\n", i - 1, i - 1));
    }
    text
}

#[test]
fn yaml_that_wants_too_much_ends_with_an_error() {
    let flow = |open: &str, close: &str| format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
    let block: String = (0..20_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    let cases = [
        ("deep lists", flow("[", "]")),
        ("deep mappings", flow("{a: ", "}")),
        ("open lists", "[".repeat(100_000)),
        ("deep blocks", block),
        ("deep sequences", "- ".repeat(100_000)),
        ("aliases of aliases", yaml_bomb()),
        ("merges of merges", {
            let mut text = String::from("a0: &a0 {x: 1, y: 2}\n");
            for i in 1..60 {
                text.push_str(&format!(
                    "a{i}: &a{i} {{k{i}: [*a{}, *a{}], <<: *a{}}}\n",
                    i - 1,
                    i - 1,
                    i - 1
                ));
            }
            text
        }),
        ("an alias in itself", "a: &a [*a]\n".into()),
    ];
    for (what, text) in cases {
        let begin = std::time::Instant::now();
        let result = std::thread::Builder::new()
            .stack_size(2 << 20)
            .spawn(move || yaml::parse_text("hostile.yml", &text).map(|_| ()))
            .unwrap()
            .join()
            .unwrap_or_else(|_| panic!("{what}: panicked"));
        if std::env::var_os("HOSTILE").is_some() {
            println!(
                "{what}: {:?}, peak {} MiB: {:?}",
                begin.elapsed(),
                peak(),
                result.as_ref().err().map(|e| &e.summary)
            );
        }
        let error = result.err().unwrap_or_else(|| panic!("{what}: no error"));
        assert!(error.span.is_some(), "{what}: {} has no place", error.summary);
        assert!(peak() < 1500, "{what}: {} MiB", peak());
    }
}

/// Random changes to real templates and documents: whatever they become, they give a value or an error. Set
/// `EKUMEN_MUTATIONS` for more of them (a million take some ten minutes).
#[test]
fn mutations_give_values_or_errors() {
    let many: u64 = std::env::var("EKUMEN_MUTATIONS").ok().and_then(|many| many.parse().ok()).unwrap_or(3000);
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/templates");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let texts: Vec<String> = files
        .iter()
        .filter(|path| path.extension().is_some_and(|e| e == "txt"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    let documents: Vec<&str> =
        texts.iter().filter_map(|text| text.split_once("\n---\n")).map(|(head, _)| head).collect();
    // Lookups reach outside; this test does not.
    let lines: Vec<&str> = texts
        .iter()
        .filter_map(|text| text.split_once("\n---\n"))
        .flat_map(|(_, cases)| cases.lines())
        .filter(|line| !line.contains("lookup(") && !line.contains("query(") && !line.contains("q("))
        .collect();
    let seed: u64 = std::env::var("EKUMEN_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut dice = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    let tokens = [
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "#}",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "|",
        ".",
        ",",
        ":",
        "'",
        "\"",
        "\\",
        "-",
        "+",
        "*",
        "**",
        "//",
        "%",
        "~",
        "=",
        "==",
        "!",
        "not ",
        " is ",
        " in ",
        " if ",
        " else ",
        "for i in ",
        "set x = ",
        "endif",
        "endfor",
        "raw",
        "endraw",
        "\n",
        "\t",
        "\u{a0}",
        "é",
        "\u{1f600}",
        "\0",
        "9223372036854775807",
        "-9223372036854775808",
        "1e400",
        "0x",
        "&a ",
        "*a",
        "<<: ",
        "!vault ",
        "!unsafe ",
        "- ",
        "? ",
        "|-\n",
        ">+\n",
        "---\n",
        "...\n",
        "#",
    ];
    let mut mutated = |from: &str, other: &str| -> String {
        let mut text: Vec<char> = from.chars().collect();
        for _ in 0..1 + dice(4) {
            let at = dice(text.len() + 1);
            match dice(5) {
                0 => drop(text.splice(at..at, tokens[dice(tokens.len())].chars())),
                1 if at < text.len() => drop(text.remove(at)),
                2 => {
                    let end = (at + dice(20)).min(text.len());
                    text.drain(at..end);
                }
                3 => {
                    let end = (at + dice(20)).min(text.len());
                    let part: Vec<char> = text[at..end].to_vec();
                    text.splice(at..at, part);
                }
                _ => {
                    let part: Vec<char> = other.chars().skip(dice(other.len())).take(dice(30)).collect();
                    text.splice(at..at, part);
                }
            }
        }
        text.into_iter().collect()
    };
    // Nothing at all, and each piece alone.
    for text in std::iter::once("").chain(tokens) {
        entries::load(text);
        entries::render(text);
    }
    let mut at = seed as usize;
    for round in 0..many {
        at = at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let pick = |list: &[&str], salt: usize| list[(at >> 20).wrapping_add(salt) % list.len()].to_owned();
        if round % 8 == 0 {
            let text = mutated(&pick(&documents, 0), &pick(&documents, 7));
            entries::load(&text);
            continue;
        }
        let text = mutated(&pick(&lines, 0), &pick(&lines, 7919));
        let result = std::panic::catch_unwind(|| entries::render(&text));
        assert!(result.is_ok(), "a panic at {text:?}");
    }
}
