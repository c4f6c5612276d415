//! What the template layer promises beside the language itself: laziness, scopes, unknown results, `omit`,
//! places in errors, files and limits.

use ekumen::diag::{SourceFile, Span};
use ekumen::source::{Node, NodeKind, yaml};
use ekumen::template::{
    Context, Engine, Expr, LookupEnv, Scope, Settings, TemplateError, TemplateErrorKind, Term, Var, is_omit,
    omit,
};
use ekumen::value::{Map, Value, to_json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Default)]
struct Vars {
    vars: BTreeMap<Arc<str>, Var>,
    reads: AtomicUsize,
}

impl Scope for Vars {
    fn get(&self, name: &str) -> Option<Var> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.vars.get(name).cloned()
    }

    fn names(&self) -> Vec<Arc<str>> {
        self.vars.keys().cloned().collect()
    }
}

fn vars(engine: &Engine, text: &str) -> Vars {
    let node = yaml::parse_text("vars", text).unwrap().node;
    let entries = node.as_map().unwrap();
    let vars = entries.iter().map(|(k, v)| (Arc::from(k.as_str().unwrap()), Var::Term(engine.compile(v))));
    Vars { vars: vars.collect(), reads: AtomicUsize::new(0) }
}

fn text(template: &str) -> Node {
    Node::new(NodeKind::Str(template.into()), Span::synthetic("<test>", template))
}

fn context(engine: &Arc<Engine>, vars: Vars) -> Context {
    Context::new(engine, Arc::new(vars), Arc::new(LookupEnv::default()))
}

fn render(ctx: &Context, engine: &Engine, template: &str) -> Result<Value, String> {
    ctx.render(&engine.compile(&text(template))).map_err(TemplateError::into_message)
}

fn expr(engine: &Engine, condition: &str) -> Expr {
    engine.compile_expr(&text(condition)).unwrap()
}

#[test]
fn filters_that_go_away_say_so() {
    let engine = Engine::new();
    let ctx = context(&engine, vars(&engine, "{}"));
    let filter = "{{ '' | ansible.netcommon.parse_cli('tests/templates/specs/vlan.yml') }}";
    assert!(render(&ctx, &engine, filter).is_ok());
    let warnings: Vec<String> = engine.take_warnings().into_iter().map(|warning| warning.summary).collect();
    assert_eq!(
        warnings,
        [
            "The 'parse_cli' filter is deprecated and will be removed in a future release after 2027-02-01. Use 'ansible.utils.cli_parse' instead."
        ]
    );
}

#[test]
fn what_a_host_sent_is_no_expression_of_dependent() {
    let engine = Engine::new();
    let mut vars = vars(&engine, "{mine: '[1, 2]'}");
    vars.vars.insert("sent".into(), Var::Value(Value::str("lookup('env', 'HOME')")));
    let ctx = context(&engine, vars);
    let choose = |name: &str| {
        render(&ctx, &engine, &format!("{{{{ query('community.general.dependent', {{'a': {name}}}) }}}}"))
    };
    // What an author wrote is one.
    assert_eq!(to_json(&choose("mine").unwrap()), r#"[{"a": 1}, {"a": 2}]"#);
    assert_eq!(
        choose("sent").unwrap_err(),
        "The lookup plugin 'community.general.dependent' failed: Caught \"Encountered untrusted template or \
         expression.\" while evaluating 'a' with item == {}"
    );
}

#[test]
fn what_is_unknown_is_never_taken_for_false() {
    let engine = Engine::new();
    let mut vars = vars(&engine, "{known: 1, derived: '{{ r.stdout }}'}");
    vars.vars.insert("r".into(), Var::Value(Value::Unknown("not run in drift".into())));
    let mut partly = Map::new();
    partly.insert("rc".into(), Value::Unknown("no rc".into()));
    partly.insert("sure".into(), Value::Int(1));
    vars.vars.insert("p".into(), Var::Value(Value::map(partly)));
    let ctx = context(&engine, vars);
    for condition in [
        "r.rc == 0",
        "r is changed",
        "r is defined",
        "r is not defined",
        "not r",
        "r",
        "p.rc == 0",
        "p.rc is defined",
        "derived is search('x')",
        "known == 1 and r.rc == 0",
        "'x' in r",
        "r | default(false)",
        "[r] | length == 1",
    ] {
        let error = ctx.condition(&expr(&engine, condition)).unwrap_err();
        assert_eq!(error.kind, TemplateErrorKind::Unknown, "{condition}");
    }
    for template in
        ["{{ r.stdout }}", "x{{ r }}", "{{ p }}", "{{ [p.rc] }}", "{% if r %}{% endif %}", "{{ derived }}"]
    {
        let error = ctx.render(&engine.compile(&text(template))).unwrap_err();
        assert_eq!(error.kind, TemplateErrorKind::Unknown, "{template}");
    }
    assert_eq!(ctx.condition(&expr(&engine, "known == 2 and r.rc == 0")).ok(), Some(false));
    assert_eq!(ctx.condition(&expr(&engine, "p.sure == 1")).ok(), Some(true));
    let error = ctx.condition(&expr(&engine, "p.rc == 0")).unwrap_err();
    assert_eq!(error.message, "no rc");
}

#[test]
fn omitted_members_are_left_out() {
    let engine = Engine::new();
    let ctx = context(
        &engine,
        vars(&engine, "{a: '{{ omit }}', m: {x: '{{ omit }}', y: 1, l: ['{{ omit }}', 2]}}"),
    );
    assert!(is_omit(&render(&ctx, &engine, "{{ omit }}").unwrap()));
    assert!(is_omit(&render(&ctx, &engine, "{{ a }}").unwrap()));
    assert!(is_omit(&render(&ctx, &engine, "{{ nope | default(omit) }}").unwrap()));
    assert_eq!(to_json(&render(&ctx, &engine, "{{ m }}").unwrap()), r#"{"y": 1, "l": [2]}"#);
    let node = yaml::parse_text("args", "{path: /x, mode: '{{ nope | default(omit) }}', l: ['{{ omit }}']}")
        .unwrap();
    assert_eq!(to_json(&ctx.render(&engine.compile(&node.node)).unwrap()), r#"{"path": "/x", "l": []}"#);
    assert!(is_omit(&omit()));
    assert!(!is_omit(&Value::from("<<Omit>>")));
}

#[test]
fn variables_render_when_they_are_read_and_once() {
    let engine = Engine::new();
    let scope = Arc::new(vars(
        &engine,
        "{base: 5, used: '{{ base + 1 }}', broken: '{{ 1 / 0 }}', m: {good: '{{ used }}', bad: '{{ broken }}'}}",
    ));
    let ctx = Context::new(&engine, scope.clone(), Arc::new(LookupEnv::default()));
    assert_eq!(render(&ctx, &engine, "{{ m.good }}"), Ok(Value::Int(6)));
    let before = scope.reads.load(Ordering::Relaxed);
    assert_eq!(render(&ctx, &engine, "{{ used + used + m.good }}"), Ok(Value::Int(18)));
    assert_eq!(scope.reads.load(Ordering::Relaxed), before, "kept values are not asked for again");
    assert!(render(&ctx, &engine, "{{ m.bad }}").unwrap_err().contains("division by zero"));
    assert!(render(&ctx, &engine, "{{ m }}").is_err());
    assert_eq!(render(&ctx, &engine, "{{ m | length }}"), Ok(Value::Int(2)));
}

#[test]
fn changes_last_for_one_rendering() {
    let engine = Engine::new();
    let mut vars = vars(&engine, "{plain: [1], lazy: ['{{ 1 }}'], whole: '{{ [1] }}'}");
    vars.vars.insert("data".into(), Var::Value(Value::list(vec![Value::Int(1)])));
    let ctx = context(&engine, vars);
    for name in ["plain", "lazy", "whole", "data"] {
        let template = format!("{{% set _ = {name}.append(2) %}}{{{{ {name} }}}}");
        for _ in 0..2 {
            assert_eq!(to_json(&render(&ctx, &engine, &template).unwrap()), "[1, 2]", "{name}");
        }
        assert_eq!(to_json(&render(&ctx, &engine, &format!("{{{{ {name} }}}}")).unwrap()), "[1]", "{name}");
    }
}

#[test]
fn data_is_never_a_template() {
    let engine = Engine::new();
    let mut vars = vars(&engine, "{secret: 1, via: '{{ fact }}', through: '{{ fact }} {{ m.x }}'}");
    vars.vars.insert("fact".into(), Var::Value("{{ secret }}".into()));
    vars.vars.insert("m".into(), Var::Value(Value::object([("x", "{{ secret }}")])));
    let ctx = context(&engine, vars);
    for (template, expected) in [
        ("{{ fact }}", "{{ secret }}"),
        ("{{ via }}", "{{ secret }}"),
        ("{{ through }}", "{{ secret }} {{ secret }}"),
        ("{{ m.x ~ '' }}", "{{ secret }}"),
        ("{{ [fact] | first }}", "{{ secret }}"),
        ("{{ lookup('vars', 'fact') }}", "{{ secret }}"),
    ] {
        assert_eq!(render(&ctx, &engine, template), Ok(expected.into()), "{template}");
    }
    assert!(ctx.condition(&expr(&engine, "fact")).is_err());
    assert!(ctx.condition(&expr(&engine, "{{ fact }}")).is_err());
}

#[test]
fn other_hosts_render_in_their_own_scope() {
    let engine = Engine::new();
    struct Hosts(BTreeMap<&'static str, Arc<dyn Scope>>);
    impl Scope for Hosts {
        fn get(&self, name: &str) -> Option<Var> {
            self.0.get(name).cloned().map(Var::Scope)
        }
        fn names(&self) -> Vec<Arc<str>> {
            self.0.keys().map(|name| Arc::from(*name)).collect()
        }
    }
    let one = |text: &str| -> Arc<dyn Scope> { Arc::new(vars(&engine, text)) };
    let hosts = Hosts(BTreeMap::from([
        ("a", one("{name: a, hello: 'I am {{ name }}'}")),
        ("b", one("{name: b, hello: 'I am {{ name }}', only: 1}")),
    ]));
    let mut here = vars(&engine, "{name: here, hello: 'I am {{ name }}', other: a}");
    here.vars.insert("hostvars".into(), Var::Scope(Arc::new(hosts)));
    let ctx = context(&engine, here);
    for (template, expected) in [
        ("{{ hello }} {{ hostvars.a.hello }} {{ hostvars['b'].hello }}", "I am here I am a I am b"),
        ("{{ hostvars[other]['name'] }}", "a"),
        ("{{ hostvars.b.only }}|{{ hostvars.a.only | default('-') }}", "1|-"),
        ("{{ hostvars | list | join(',') }} {{ hostvars | length }}", "a,b 2"),
        ("{{ ['a', 'b'] | map('extract', hostvars, 'name') | join('+') }}", "a+b"),
        ("{% for h in hostvars %}{{ hostvars[h].hello }};{% endfor %}", "I am a;I am b;"),
        ("{{ hostvars.values() | map(attribute='name') | list | join }}", "ab"),
        ("{{ 'a' in hostvars }} {{ 'c' in hostvars }} {{ hostvars.c is defined }}", "True False False"),
        ("{{ hostvars.a | dict2items | map(attribute='key') | join(',') }}", "hello,name"),
    ] {
        assert_eq!(render(&ctx, &engine, template), Ok(expected.into()), "{template}");
    }
    assert_eq!(
        render(&ctx, &engine, "{{ hostvars.c.x }}").unwrap_err(),
        "object of type 'HostVars' has no attribute 'c'".replace("HostVars", "dict")
    );
}

#[test]
fn loops_of_variables_are_errors() {
    let engine = Engine::new();
    let ctx = context(
        &engine,
        vars(
            &engine,
            "{a: '{{ b }}', b: '{{ a }}', self_: '{{ self_ + 1 }}', m: {x: '{{ m.y }}', y: '{{ m.x }}', z: '{{ m.w }}', w: 1}}",
        ),
    );
    for template in ["{{ a }}", "{{ self_ }}", "{{ m.x }}", "{{ a | default(1) }}"] {
        let error = render(&ctx, &engine, template).unwrap_err();
        assert!(error.starts_with("Recursive loop detected in template"), "{template}: {error}");
    }
    assert_eq!(render(&ctx, &engine, "{{ m.z }}"), Ok(Value::Int(1)));
}

#[test]
fn errors_point_at_what_the_author_wrote() {
    let source = "- name: first\n  x: \"a {{ nope }}\"\n  y: |\n    one\n    two {{ lost.x }}\n  z: \"{{ y2 }}\"\n  y2: >\n    long\n    {{ gone }}\n  bad: \"{{ 1 | bogus }}\"\n  open: '{{ a'\n";
    let file = Arc::new(SourceFile { path: "/p/site.yml".into(), text: source.into() });
    let node = yaml::parse(&file).unwrap().node;
    let task = &node.as_list().unwrap()[0];
    let engine = Engine::new();
    let mut scope = Vars::default();
    scope.vars.insert("y2".into(), Var::Term(engine.compile(task.get("y2").unwrap())));
    let ctx = context(&engine, scope);
    let places = |name: &str| -> (String, Vec<String>) {
        let error = ctx.render(&engine.compile(task.get(name).unwrap())).unwrap_err();
        (error.message.clone(), error.trace.iter().map(ToString::to_string).collect())
    };
    let place = |name: &str| places(name).1.first().cloned().unwrap_or_default();
    assert_eq!(place("x"), "/p/site.yml:2:12");
    assert_eq!(place("y"), "/p/site.yml:5:12");
    let (message, trace) = places("z");
    assert_eq!(message, "'gone' is undefined");
    assert_eq!(trace, ["/p/site.yml:9:8", "/p/site.yml:6:10"]);
    let found = engine.check(&engine.compile(task));
    let found: Vec<_> = found.iter().map(|d| format!("{} {}", d.span.as_ref().unwrap(), d.summary)).collect();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].starts_with("/p/site.yml:10:") && found[0].ends_with("No filter named 'bogus'."),
        "{found:?}"
    );
    assert!(found[1].starts_with("/p/site.yml:11:"), "{found:?}");
}

#[test]
fn unknown_names_are_found_before_anything_runs() {
    let engine = Engine::new();
    for (template, expected) in [
        ("{{ x | nope }}", "unknown-filter Syntax error in template: No filter named 'nope'."),
        ("{{ x is nope }}", "unknown-test Syntax error in template: No test named 'nope'."),
        ("{{ lookup('a.b.c', 1) }}", "unknown-lookup The lookup plugin 'a.b.c' was not found."),
        ("{% if x | nope %}{% endif %}", "unknown-filter Syntax error in template: No filter named 'nope'."),
    ] {
        let found: Vec<String> = engine
            .check(&engine.compile(&text(template)))
            .iter()
            .map(|found| format!("{} {}", found.code, found.summary))
            .collect();
        assert_eq!(found, [expected], "{template}");
    }
    assert!(engine.compile_expr(&text("x is nope")).is_err());
    assert!(engine.check(&engine.compile(&text("{{ lookup('env', 'X') | upper }}"))).is_empty());
}

#[test]
fn broken_conditionals_are_refused_or_taken_by_their_truth() {
    let strict = Engine::new();
    let lenient = Engine::with_settings(Settings { allow_broken_conditionals: true, ..Settings::default() });
    for engine in [&strict, &lenient] {
        let ctx = context(engine, vars(engine, "{n: 5, s: '', c: 'n == 5'}"));
        assert_eq!(ctx.condition(&expr(engine, "n == 5")).ok(), Some(true));
        assert_eq!(ctx.condition(&expr(engine, "{{ c }}")).ok(), Some(true));
        assert!(engine.take_warnings().is_empty(), "a text that is a condition");
        assert_eq!(ctx.condition(&expr(engine, "{{ n == 5 }}")).ok(), Some(true));
        let broken = ctx.condition(&expr(engine, "n"));
        let warnings = engine.take_warnings();
        assert!(warnings.iter().any(|w| w.summary.starts_with("Conditionals should not be surrounded")));
        if engine.settings().allow_broken_conditionals {
            assert_eq!(broken.ok(), Some(true));
            assert_eq!(ctx.condition(&expr(engine, "s")).ok(), Some(false));
            assert!(warnings.iter().any(|w| w.code == "broken-conditional"));
        } else {
            assert_eq!(
                broken.unwrap_err().message,
                "Conditional result (True) was derived from value of type 'int' at '<test>:1:1'. Conditionals must have a boolean result."
            );
        }
    }
    for engine in [&strict, &lenient] {
        let ctx = context(engine, Vars::default());
        let answers: Vec<Result<bool, String>> = ["", "{{ '' }}"]
            .iter()
            .map(|empty| ctx.condition(&expr(engine, empty)).map_err(TemplateError::into_message))
            .collect();
        let five = Node::new(NodeKind::Int(5), Span::synthetic("x", ""));
        let five =
            engine.compile_expr(&five).map(|five| ctx.condition(&five).map_err(TemplateError::into_message));
        if engine.settings().allow_broken_conditionals {
            assert_eq!(answers, [Ok(true), Ok(true)]);
            assert_eq!(five, Ok(Ok(true)));
            let warned = engine.take_warnings();
            assert!(
                warned.iter().any(|w| w.summary.starts_with("Empty conditional expression was evaluated"))
            );
        } else {
            let refusal = || Err("Empty conditional expressions are not allowed.".to_owned());
            assert_eq!(answers, [refusal(), refusal()]);
            assert_eq!(five, Ok(Err("Conditional expressions must be strings.".to_owned())));
        }
    }
    assert_eq!(
        strict
            .compile_expr(&Node::new(NodeKind::Bool(true), Span::synthetic("x", "")))
            .map(|e| { context(&strict, Vars::default()).condition(&e).unwrap() }),
        Ok(true)
    );
}

#[test]
fn templates_use_other_files() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(
        "role/templates/base.j2",
        "<{% block title %}base{% endblock %}|{% block body %}b{% endblock %}>\n",
    );
    write("role/templates/part.j2", "part {{ who }} {{ local | default('-') }}\n");
    write(
        "role/templates/macros.j2",
        "{% macro hi(n) %}hi {{ n }} {{ who }}{% endmacro %}{% set version = 3 %}",
    );
    write("role/templates/mid.j2", "{% extends 'base.j2' %}{% block title %}mid {{ super() }}{% endblock %}");
    write("role/files/data.txt", "content\n\n");
    write("play/files/other.txt", "from play");
    write("play/templates/late.j2", "late");
    write("role/Debian.yml", "x: 1");
    write("role/vars/RedHat.yml", "x: 1");
    write("play/table.csv", "a,1,x\nb,2,\"y,z\"\n");
    write("play/conf.ini", "[main]\nKey = value\nother: 2\n[second]\nkey=b\n");
    let engine = Engine::new();
    let env = LookupEnv {
        search_path: vec![dir.path().join("role"), dir.path().join("play")],
        playbook_dir: dir.path().join("play"),
        hosts: Arc::new(vec!["h1".into(), "h2".into(), "web1".into()]),
        settings: Arc::new(BTreeMap::from([("DEFAULT_FORKS".into(), Value::Int(50))])),
    };
    let scope = vars(&engine, "{who: me, groups: {web: [web1], all: [h1, h2, web1]}}");
    let ctx = Context::new(&engine, Arc::new(scope), Arc::new(env));
    let file = |text: &str| -> Result<String, String> {
        let path = dir.path().join("role/templates/main.j2");
        let file = engine.compile_file(&path, text, &Value::Null).map_err(|error| error.summary)?;
        ctx.render_file(&file).map_err(TemplateError::into_message)
    };
    for (template, expected) in [
        ("{% include 'part.j2' %}", "part me -"),
        ("{% set local = 1 %}{% include 'part.j2' %}", "part me 1"),
        ("{% for local in [1, 2] %}{% include 'part.j2' %}{% endfor %}", "part me 1part me 2"),
        ("{% include ['none.j2', 'late.j2'] %}", "late"),
        ("{% include 'none.j2' ignore missing %}x", "x"),
        ("{% import 'macros.j2' as m %}{{ m.hi('x') }} {{ m.version }}", "hi x me 3"),
        (
            "{% from 'macros.j2' import hi as hello, version with context %}{{ hello('y') }}{{ version }}",
            "hi y me3",
        ),
        ("{% extends 'base.j2' %}ignored{% block body %}mine {{ who }}{% endblock %}", "<base|mine me>"),
        ("{% extends 'mid.j2' %}{% block title %}top {{ super() }}{% endblock %}", "<top mid base|b>"),
        ("{% extends 'base.j2' %}{% set x = 5 %}{% block body %}{{ x }}{% endblock %}", "<base|5>"),
        ("{{ lookup('file', 'data.txt') }}|{{ lookup('file', 'other.txt') }}", "content|from play"),
        ("{{ lookup('template', 'part.j2') }}", "part me -\n"),
        ("{{ lookup('template', 'part.j2', template_vars={'local': 7}) }}", "part me 7\n"),
        // As a function it looks in the role itself, in none of its folders (as Ansible's does).
        ("{{ lookup('first_found', ['RedHat.yml', 'Debian.yml']) | basename }}", "Debian.yml"),
        ("{{ query('fileglob', '*.txt') | map('basename') | list }}", "['data.txt']"),
        ("{{ lookup('csvfile', 'b file=table.csv delimiter=, col=2') }}", "y,z"),
        ("{{ lookup('csvfile', 'q', file='table.csv', delimiter=',', default='none') }}", "none"),
        (
            "{{ lookup('ini', 'key', section='main', file='conf.ini') }} {{ lookup('ini', 'key section=second file=conf.ini') }}",
            "value b",
        ),
        (
            "{{ query('inventory_hostnames', 'all:!web') }} {{ query('inventory_hostnames', 'web') }}",
            "['h1', 'h2'] ['web1']",
        ),
        ("{{ lookup('config', 'DEFAULT_FORKS') }}", "50"),
    ] {
        assert_eq!(file(template), Ok(expected.to_owned()), "{template}");
    }
    assert!(file("{% include 'none.j2' %}").unwrap_err().contains("none.j2"));
    assert!(file("{% extends 'main.j2' %}").is_err());
    let path = dir.path().join("role/templates/x.j2");
    let broken = engine.compile_file(&path, "#jinja2: trim_blocks: False\nline\n{{ a b }}\n", &Value::Null);
    assert!(broken.err().unwrap().span.unwrap().to_string().ends_with("x.j2:3:6"));
}

#[test]
fn passwords_are_made_once_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Engine::new();
    let ctx = context(&engine, Vars::default());
    let path = dir.path().join("secrets/db");
    let template =
        format!("{{{{ lookup('password', '{} length=12 chars=ascii_lowercase') }}}}", path.display());
    let first = render(&ctx, &engine, &template).unwrap();
    assert_eq!(first.as_str().map(str::len), Some(12));
    assert_eq!(render(&ctx, &engine, &template), Ok(first.clone()));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{}\n", first.as_str().unwrap()));
    let hash = format!("{{{{ lookup('password', '{} encrypt=sha512_crypt') }}}}", path.display());
    let hashed = render(&ctx, &engine, &hash).unwrap();
    assert!(hashed.as_str().unwrap().starts_with("$6$"), "{hashed:?}");
    assert_eq!(render(&ctx, &engine, &hash), Ok(hashed));
}

#[test]
fn password_hashes_are_crypts() {
    let engine = Engine::new();
    let ctx = context(&engine, Vars::default());
    // As `openssl passwd` has them.
    for (template, expected) in [
        (
            "{{ 'Hello world!' | password_hash('sha512', 'saltstring', rounds=5000) }}",
            "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
        ),
        (
            "{{ 'Hello world!' | password_hash('sha256', 'saltstring', rounds=5000) }}",
            "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5",
        ),
        (
            "{{ 'Hello world!' | password_hash('sha256', 'saltstringsaltst', rounds=10000) }}",
            "$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA",
        ),
    ] {
        assert_eq!(render(&ctx, &engine, template), Ok(expected.into()), "{template}");
    }
}

#[test]
fn runaway_templates_end() {
    let engine = Engine::with_limit(Settings::default(), 100_000);
    let ctx = context(&engine, vars(&engine, "{n: 1}"));
    for template in [
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
        "{{ 'x' * 1000000000 }}",
        "{{ [1] * 1000000000 }}",
        "{{ 10 ** 10000000 }}",
        "{{ range(1000000000) | list }}",
        "{{ [1,2,3,4,5,6,7,8,9,10,11,12,13,14] | permutations | list | length }}",
        "{% set l = [] %}{% set _ = l.append(l) %}{{ l }}",
    ] {
        // On a thread with the stack that worker threads have.
        let (ctx, term) = (ctx.clone(), engine.compile(&text(template)));
        let error =
            std::thread::spawn(move || ctx.render(&term)).join().expect("no stack overflow").unwrap_err();
        assert_eq!(error.kind, TemplateErrorKind::Failed, "{template}: {}", error.message);
        assert!(!error.trace.is_empty(), "{template}");
    }
    let nested = format!("{{{{ {}1{} }}}}", "(".repeat(5000), ")".repeat(5000));
    let term = engine.compile(&text(&nested));
    assert!(std::thread::spawn(move || ctx.render(&term)).join().expect("no stack overflow").is_err());
}

#[test]
fn with_loops_use_lookups() {
    let engine = Engine::new();
    let ctx = context(&engine, vars(&engine, "{a: 1}"));
    let run = |name: &str, terms: &str| {
        let terms = yaml::parse_text("terms", terms).unwrap().node.to_value();
        ctx.lookup(name, terms.as_list().unwrap(), &Value::Null)
            .map(|v| to_json(&Value::list(v)))
            .map_err(TemplateError::into_message)
    };
    for (name, terms, expected) in [
        ("items", "[1, [2, 3], [[4]]]", "[1, 2, 3, [4]]"),
        ("ansible.builtin.items", "[a]", r#"["a"]"#),
        ("dict", "[{a: 1}]", r#"[{"key": "a", "value": 1}]"#),
        ("nested", "[[1, 2], [a]]", r#"[[1, "a"], [2, "a"]]"#),
        ("cartesian", "[[1, 2], [a]]", r#"[[1, "a"], [2, "a"]]"#),
        ("together", "[[1, 2], [a]]", r#"[[1, "a"], [2, null]]"#),
        ("indexed_items", "[[a, b]]", r#"[[0, "a"], [1, "b"]]"#),
        ("subelements", "[[{n: a, k: [1, 2]}], k]", r#"[[{"n": "a"}, 1], [{"n": "a"}, 2]]"#),
        ("sequence", "['start=1 end=3 format=x%02d']", r#"["x01", "x02", "x03"]"#),
        ("community.general.flattened", "[[1, [2]], 3]", "[1, 2, 3]"),
    ] {
        assert_eq!(run(name, terms), Ok(expected.to_owned()), "{name}");
    }
    assert_eq!(run("bogus", "[]").unwrap_err(), "The lookup plugin 'bogus' was not found.");
}

#[test]
fn constants_stay_what_they_are() {
    let engine = Engine::new();
    let compile = |text: &str| engine.compile(&yaml::parse_text("x", text).unwrap().node);
    assert!(matches!(compile("{a: [1, 'no {braces}']}"), Term::Const(_)));
    assert!(matches!(compile("!unsafe '{{ nope }}'"), Term::Data(_)));
    let term = compile("{a: [1, 'no {braces}'], b: !unsafe '{{ nope }}'}");
    let ctx = context(&engine, Vars::default());
    assert_eq!(to_json(&ctx.render(&term).unwrap()), r#"{"a": [1, "no {braces}"], "b": "{{ nope }}"}"#);
}

#[test]
fn json_query_is_jmespath() {
    let engine = Engine::new();
    let ctx = context(
        &engine,
        vars(&engine, "{d: {servers: [{name: a, port: 80, tags: [x]}, {name: b, port: 443}]}}"),
    );
    for (query, expected) in [
        ("servers[*].name", r#"["a", "b"]"#),
        ("servers[?port==`443`].name", r#"["b"]"#),
        ("servers[?name=='a'].port | [0]", "80"),
        ("length(servers)", "2"),
        ("servers[].{n: name, p: port}", r#"[{"n": "a", "p": 80}, {"n": "b", "p": 443}]"#),
        ("nope", "null"),
    ] {
        let template = format!("{{{{ d | community.general.json_query(\"{query}\") }}}}");
        let found = render(&ctx, &engine, &template).map(|value| to_json(&value));
        assert_eq!(found, Ok(expected.to_owned()), "{query}");
    }
    assert!(render(&ctx, &engine, "{{ d | json_query('[') }}").is_err());
}

#[test]
fn macros_keep_nothing() {
    let engine = Engine::new();
    let ctx = context(&engine, Vars::default());
    let resident = || {
        let pages = std::fs::read_to_string("/proc/self/statm").expect("this process's memory");
        pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("a number") * 4096
    };
    let template = "{% set big = 'x' * 100000 %}{% macro m(a) %}{{ big | length }}{{ a }}{% endmacro %}\
                    {% for i in [1, 2] %}{% macro n() %}{{ m(i) }}{% endmacro %}{{ n() }}{% endfor %}\
                    {% call m(3) %}{% endcall %}";
    let before = resident();
    for _ in 0..6000 {
        assert_eq!(
            render(&ctx, &engine, template).map(|value| to_json(&value)),
            Ok("\"100000110000021000003\"".into())
        );
    }
    assert!(resident() < before + 300_000_000, "{} bytes stay", resident() - before);
}
