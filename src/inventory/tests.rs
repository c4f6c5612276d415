use super::*;
use crate::diag::Span;
use crate::source::{Node, NodeKind, Settings};
use crate::template::Engine;
use crate::value::Value;
use std::sync::Arc;

fn inventory(text: &str) -> Inventory {
    let dir = tempfile::tempdir().expect("temporary folder");
    let path = dir.path().join("hosts");
    std::fs::write(&path, text).expect("written");
    let (inventory, diagnostics) =
        load(&[path.to_string_lossy().into_owned()], &Settings::defaults()).expect("loads");
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    inventory
}

const TREE: &str = "z9\n[web]\nw2\nw1\n[deep]\nd1\nw1\n[db]\ndb2\ndb1\n[parent:children]\ndeep\nweb\n[parent]\np1\n\
    [grand:children]\nparent\ndb\n[other:children]\ndeep\n[grand]\ng1\n";

#[test]
fn patterns_select_what_ansible_selects() {
    let inventory = inventory(TREE);
    for (pattern, limit, hosts, warning) in [
        ("all", None, "z9 g1 p1 db2 db1 d1 w1 w2", ""),
        ("*", None, "z9 g1 p1 db2 db1 d1 w1 w2", ""),
        ("grand", None, "g1 p1 db2 db1 d1 w1 w2", ""),
        ("parent", None, "p1 d1 w1 w2", ""),
        ("w*", None, "w2 w1", ""),
        ("w?", None, "w2 w1", ""),
        ("w1:z9", None, "w1 z9", ""),
        ("w1 z9", None, "w1 z9", ""),
        ("w1, z9", None, "w1 z9", ""),
        ("z9,w1:w2", None, "z9", "Could not match supplied host pattern, ignoring: w1:w2"),
        ("all:&deep", None, "d1 w1", ""),
        ("grand:!db", None, "g1 p1 d1 w1 w2", ""),
        ("!web", None, "z9 g1 p1 db2 db1 d1", ""),
        ("all:!web:&grand", None, "g1 p1 db2 db1 d1", ""),
        ("~w.*", None, "w2 w1", ""),
        ("~d", None, "d1 w1 db2 db1", ""),
        ("parent[0]", None, "p1", ""),
        ("parent[-1]", None, "w2", ""),
        ("parent[1:]", None, "d1 w1 w2", ""),
        ("parent[1:2]", None, "d1 w1", ""),
        ("parent[5]", None, "", ""),
        ("grand[0]:z9", None, "g1 z9", ""),
        ("web[a]", None, "", "Could not match supplied host pattern, ignoring: web[a]"),
        ("w[12]", None, "", "Could not match supplied host pattern, ignoring: w"),
        ("web[0-1]", None, "w2 w1", "Use [x:y] inclusive subscripts instead of [x-y] which has been removed"),
        ("nope:w1", None, "w1", "Could not match supplied host pattern, ignoring: nope"),
        ("localhost", None, "localhost", ""),
        ("w1:22", None, "", "Could not match supplied host pattern, ignoring: w1:22"),
        ("", None, "z9 g1 p1 db2 db1 d1 w1 w2", ""),
        ("web", Some("w1,db"), "w1", ""),
        ("web", Some("!w1"), "w2", ""),
        ("web", Some(""), "w2 w1", ""),
        ("localhost", Some("w1"), "", ""),
    ] {
        let (found, warnings) = inventory.select(pattern, limit).expect(pattern);
        assert_eq!(found.join(" "), hosts, "{pattern} {limit:?}");
        assert_eq!(
            warnings.iter().map(|w| w.summary.as_str()).collect::<Vec<_>>().join("|"),
            warning,
            "{pattern}"
        );
    }
    assert_eq!(inventory.select("~(", None).expect_err("no regex").summary, "Invalid host list pattern: ~(");
    assert_eq!(
        inventory.select("all", Some("@/none")).expect_err("no file").summary,
        "Unable to find limit file /none"
    );
}

#[test]
fn a_limit_file_has_a_pattern_per_line() {
    let inventory = inventory(TREE);
    let dir = tempfile::tempdir().expect("temporary folder");
    let path = dir.path().join("limit");
    std::fs::write(&path, "w1\n\nd1\n").expect("written");
    let (found, _) = inventory.select("all", Some(&format!("@{}", path.display()))).expect("reads");
    assert_eq!(found, ["d1", "w1"]);
}

#[test]
fn groups_know_their_members() {
    let mut inventory = inventory(TREE);
    let names = |inventory: &Inventory, host: &str| {
        inventory.groups_of(host).iter().map(|group| group.name.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(&inventory, "w1"), "deep grand other parent web");
    assert_eq!(names(&inventory, "z9"), "ungrouped");
    assert_eq!(inventory.groups_map().get("other"), Some(&Value::from(vec!["d1", "w1"])));
    assert_eq!(inventory.host_names().len(), 8);
    assert!(inventory.add_host("new", &["fresh".into(), "web".into()]));
    assert!(!inventory.add_host("new", &["web".into()]));
    assert_eq!(names(&inventory, "new"), "fresh grand parent web");
    assert_eq!(inventory.hosts().count(), 9);
    assert_eq!(inventory.host_names().len(), 9, "views follow changes");
    assert_eq!(inventory.groups_map().get("fresh"), Some(&Value::from(vec!["new"])));
    assert!(inventory.add_child("by_os", "fresh"));
    assert_eq!(names(&inventory, "new"), "by_os fresh grand parent web");
    assert!(!inventory.add_child("fresh", "by_os"), "that would be a loop");
}

#[test]
fn layers_come_weakest_first() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("inside")).expect("made");
        std::fs::write(path, text).expect("written");
    };
    write(
        "inv/hosts",
        "[web]\nw1 v=host\n[web:vars]\nv=web\n[a]\nw1\n[a:vars]\nv=a\n[z:children]\na\n[all:vars]\nv=all\n[a:vars]\nansible_group_priority=5\n",
    );
    write("inv/group_vars/all.yml", "v: 1\n");
    write("inv/group_vars/web/b.yml", "v: 2\n");
    write("inv/group_vars/web/a/x.yaml", "v: 3\n");
    write("inv/group_vars/web/.c.yml", "v: 4\n");
    write("inv/group_vars/web/c.txt", "v: 5\n");
    write("inv/host_vars/w1", "v: 6\n");
    write("inv/host_vars/w1.yml", "v: 7\n");
    write("play/group_vars/all", "v: 8\n");
    write("play/host_vars/w1.json", "{\"v\": 9}\n");
    let source = dir.path().join("inv/hosts").to_string_lossy().into_owned();
    let (inventory, diagnostics) = load(&[source], &Settings::defaults()).expect("loads");
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let layers = inventory.var_layers("w1", Some(&dir.path().join("play"))).expect("reads");
    let shown: Vec<String> = layers
        .iter()
        .map(|layer| format!("{layer} = {}", crate::value::py_str(&layer.vars["v"].to_value())))
        .map(|line| line.replace(&*dir.path().to_string_lossy(), ""))
        .collect();
    assert_eq!(
        shown,
        [
            "group 'all' (inventory) = all",
            "group 'web' (inventory) = web",
            "group 'a' (inventory) = a",
            "group 'all' (/inv/group_vars/all.yml) = 1",
            "group 'all' (/play/group_vars/all) = 8",
            "group 'web' (/inv/group_vars/web/a/x.yaml) = 3",
            "group 'web' (/inv/group_vars/web/b.yml) = 2",
            "host 'w1' (inventory) = host",
            "host 'w1' (/inv/host_vars/w1) = 6",
            "host 'w1' (/play/host_vars/w1.json) = 9",
        ]
    );
}

#[test]
fn errors_are_at_their_place() {
    let dir = tempfile::tempdir().expect("temporary folder");
    for (name, text, summary, place) in [
        (
            "a.ini",
            "h a=1\nh b\n",
            "Failed to parse inventory with 'ini' plugin: Failed to parse inventory: Expected key=value host variable assignment, got: b",
            "2:1",
        ),
        (
            "b.ini",
            "[g:foo]\n",
            "Failed to parse inventory with 'ini' plugin: Failed to parse inventory: Section [g:foo] has unknown type: foo",
            "1:1",
        ),
        (
            "c.ini",
            "[a:children]\nb\n[b:children]\na\n",
            "Failed to parse inventory with 'ini' plugin: Failed to parse inventory: Adding group 'a' as child to 'b' creates a recursive dependency loop.",
            "4:1",
        ),
        (
            "d.ini",
            "h\n[g:vars]\na=1\n",
            "Failed to parse inventory with 'ini' plugin: Failed to parse inventory: Section [g:vars] not valid for undefined group 'g'.",
            "2:1",
        ),
        (
            "e.ini",
            "[g:children]\n  xx\n",
            "Failed to parse inventory with 'ini' plugin: Failed to parse inventory: Section [g:children] includes undefined group 'xx'.",
            "2:3",
        ),
        (
            "f.ini",
            "h a=\"x\n",
            "Failed to parse inventory with 'ini' plugin: Failed to parse inventory: Error parsing host definition 'h a=\"x': No closing quotation",
            "1:1",
        ),
        (
            "g.yml",
            "g1:\n  hosts: [a]\n",
            "Failed to parse inventory with 'yaml' plugin: Invalid \"hosts\" entry for \"g1\" group, requires a dictionary, found \"list\" instead.",
            "2:10",
        ),
        (
            "h.yml",
            "all:\n  hosts:\n    1:\n",
            "Failed to parse inventory with 'yaml' plugin: Host pattern 1 must be a string. Enclose integers/floats in quotation marks.",
            "3:5",
        ),
    ] {
        let path = dir.path().join(name);
        std::fs::write(&path, text).expect("written");
        let (_, diagnostics) =
            load(&[path.to_string_lossy().into_owned()], &Settings::defaults()).expect("loads");
        assert_eq!(diagnostics[0].summary, summary, "{text}");
        let span = diagnostics[0].span.as_ref().expect("has a place");
        assert_eq!(format!("{}:{}", span.line, span.column), place, "{text}");
        assert_eq!(
            diagnostics[1].summary,
            format!("Unable to parse {} as an inventory source", path.display())
        );
    }
}

fn parsed(text: &str) -> crate::value::Value {
    crate::source::yaml::parse_text("expected", text).expect("valid").node.to_value()
}

/// `tests/inventory/record.py` recorded what ansible-inventory prints for each of these inventories.
#[test]
fn inventories_are_shown_as_ansible_inventory_shows_them() {
    use crate::source::settings::{Name, Surroundings};
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inventory");
    let mut cases: Vec<_> =
        std::fs::read_dir(root).expect("cases").flatten().map(|entry| entry.path()).collect();
    cases.retain(|path| path.join("expected.json").exists());
    cases.sort();
    assert!(cases.len() > 30);
    let mut wrong = Vec::new();
    for case in &cases {
        let read = |name: &str| std::fs::read_to_string(case.join(name)).unwrap_or_default();
        let expected: serde_json::Value = serde_json::from_str(&read("expected.json")).expect("recorded");
        let mut words: Vec<String> = read("ARGS").split_whitespace().map(str::to_owned).collect();
        if words.is_empty() {
            let mut names: Vec<String> = std::fs::read_dir(case)
                .expect("a folder")
                .flatten()
                .filter_map(|entry| entry.file_name().into_string().ok())
                .filter(|name| name.starts_with("hosts"))
                .collect();
            names.sort();
            words = vec!["-i".into(), names.swap_remove(0)];
        }
        let playbook_dir =
            words.iter().position(|word| word == "--playbook-dir").map(|at| case.join(&words[at + 1]));
        let sources: Vec<String> =
            words.windows(2).filter(|pair| pair[0] == "-i").map(|pair| pair[1].clone()).collect();
        let variables = read("ENV")
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let around = Surroundings {
            variables,
            working_directory: case.clone(),
            home: "/nonexistent".into(),
            name: Name::Ansible,
        };
        let (settings, _) = Settings::load(around).expect("settings");
        let engine = Engine::new();
        let place = Span::synthetic("<command line>", "");
        let extra =
            words.windows(2).filter(|pair| pair[0] == "-e").filter_map(|pair| pair[1].split_once('='));
        let extra = extra.map(|(name, value)| {
            let node = Node::new(NodeKind::Str(value.into()), place.clone());
            (Arc::from(name), engine.compile(&node), None)
        });
        let given = Given { extra: Arc::new(extra.collect()), engine: engine.clone(), ..Given::default() };
        let (inventory, diagnostics) = load_with(&sources, &settings, &given).expect("loads");
        let vault = crate::source::vault::Vault::default();
        for (mode, recorded) in expected.as_object().expect("modes") {
            let has = |flag: &str| mode.contains(flag);
            let format = match mode.as_str() {
                mode if mode.contains("--yaml") => Format::Yaml,
                mode if mode.contains("--toml") => Format::Toml,
                _ => Format::Json,
            };
            let view = View {
                inventory: &inventory,
                playbook_dir: playbook_dir.as_deref(),
                export: has("--export"),
                extra: &given.extra,
                vault: &vault,
            };
            let after = |flag: &str| mode.split_once(flag).map(|(_, rest)| rest.trim());
            let shown = if let Some(host) = after("--host") {
                match &inventory.select(host, None).expect("valid").0[..] {
                    [name] => view.host(name, format).unwrap_or_default(),
                    _ => String::new(),
                }
            } else if has("--graph") {
                let start = if has("web") { "web" } else { "all" };
                match inventory.group(start) {
                    Some(group) => view.graph(group, has("--vars")).unwrap_or_default(),
                    None => String::new(),
                }
            } else {
                let (hosts, _) = inventory.select("all", after("--limit")).expect("valid");
                view.list(&hosts.into_iter().collect(), format).unwrap_or_default()
            };
            let text = recorded["out"].as_str().expect("text");
            // Dates are texts here, and shared values are written out where PyYAML uses an alias.
            let undated = |text: &str| text.replace("'2001-01-01'", "2001-01-01");
            let same = match text.contains("&id001") {
                true => parsed(text) == parsed(&shown),
                false => undated(&shown) == undated(text),
            };
            if !same {
                wrong.push(format!(
                    "{} {mode}\n{diagnostics:?}\n{}",
                    case.display(),
                    similar::TextDiff::from_lines(text, &shown).unified_diff().header("ansible", "ours")
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
}

#[test]
fn every_example_loads() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("inventories");
    let mut loaded = 0;
    for entry in std::fs::read_dir(folder).expect("examples").flatten().filter(|entry| entry.path().is_file())
    {
        let source = entry.path().to_string_lossy().into_owned();
        let (inventory, diagnostics) =
            load(std::slice::from_ref(&source), &Settings::defaults()).expect("loads");
        assert!(diagnostics.is_empty(), "{source}: {diagnostics:?}");
        let layers = inventory.var_layers("web1.example.org", None).expect("reads");
        let vars = inventory.merged(&layers);
        assert_eq!(vars["document_root"].as_str(), Some("/srv/www"), "{source}");
        assert_eq!(vars["http_port"].to_value().as_i64(), Some(8080), "{source}");
        loaded += 1;
    }
    assert!(loaded >= 3);
}
