use super::*;
use crate::source::Settings;

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
    assert_eq!(inventory.check_limit("all", Some("nope")).expect_err("nothing left").summary, NO_HOSTS);
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
    assert_eq!(inventory.groups_map()["other"], ["d1", "w1"]);
    assert!(inventory.add_host("new", &["fresh".into(), "web".into()]));
    assert!(!inventory.add_host("new", &["web".into()]));
    assert_eq!(names(&inventory, "new"), "fresh grand parent web");
    assert_eq!(inventory.hosts().count(), 9);
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
