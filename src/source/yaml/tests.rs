use super::*;

fn file(text: &str) -> Arc<SourceFile> {
    Arc::new(SourceFile { path: "/p/x.yml".into(), text: text.into() })
}

fn json(text: &str) -> String {
    match parse(&file(text)) {
        Ok(loaded) => crate::value::to_json(&loaded.node.to_value()),
        Err(error) => format!(
            "{} @{}",
            error.summary,
            error.span.map(|s| format!("{}:{}", s.line, s.column)).unwrap_or_default()
        ),
    }
}

#[test]
fn documents_mean_what_they_mean_to_ansible() {
    for (text, expected) in [
        ("", "null"),
        ("# only a comment\n", "null"),
        ("---\n...\n", "null"),
        ("\u{feff}a: 1\n", r#"{"a": 1}"#),
        (
            "base: &b {x: 1, y: 2}\nd:\n  <<: *b\n  x: 3\n",
            r#"{"base": {"x": 1, "y": 2}, "d": {"x": 3, "y": 2}}"#,
        ),
        ("e:\n  <<: [{y: 5}, {x: 1, y: 2}]\n", r#"{"e": {"x": 1, "y": 5}}"#),
        ("a: !unsafe {x: '{{ y }}', z: 1}\n", r#"{"a": {"x": "{{ y }}", "z": 1}}"#),
        (
            "a: !!str 12\nb: !!int '12'\nc: !!float 3\nd: !!bool 'yes'\ne: !!null ''\nf: ! 12\n",
            r#"{"a": "12", "b": 12, "c": 3.0, "d": true, "e": null, "f": "12"}"#,
        ),
        (
            "v: !!binary aGVsbG8=\nw: !!set {a, b}\nx: !!omap [a: 1]\n",
            r#"{"v": "hello", "w": ["a", "b"], "x": [["a", 1]]}"#,
        ),
        ("v: !!binary /wD+\n", "{\"v\": \"\u{fffd}\\u0000\u{fffd}\"}"),
        ("a:\tb\nc:\t\td\n", r#"{"a": "b", "c": "d"}"#),
        ("a: [\n\t1,\n\t2\n]\n", r#"{"a": [1, 2]}"#),
        ("k:\n  a: [\n 1,\n'x\ny',\n {b: 2}\n]\n  c: 3\n", r#"{"k": {"a": [1, "x y", {"b": 2}], "c": 3}}"#),
        ("k:\n  a: \"x\\\n  y\nz\"\n  b: !!str 'it''s\n\nw'\n", r#"{"k": {"a": "xy z", "b": "it's\nw"}}"#),
        ("{\n\t\"a\": 1e3, \"b\": \"\\ud83d\\ude00\"}", r#"{"a": 1000.0, "b": "😀"}"#),
        ("{\"a\": 1,}", r#"{"a": 1}"#),
        ("a: &x [1]\nb: *x\n", r#"{"a": [1], "b": [1]}"#),
        ("a: 1\nb: 2\na: 3\n", r#"{"a": 3, "b": 2}"#),
        // A block at the very end of a file without a line end.
        ("a: |\n  text", r#"{"a": "text"}"#),
        ("a: >\n  text", r#"{"a": "text"}"#),
        ("a: |+\n  text", r#"{"a": "text"}"#),
        ("a: !!str |\n  text", r#"{"a": "text"}"#),
        ("a: |\n  text\n   ", r#"{"a": "text\n "}"#),
        ("a: |\n  text\n ", r#"{"a": "text\n"}"#),
        ("a: |\n  text\n\n  ", r#"{"a": "text\n"}"#),
        ("a: |\n  text\n# comment", r#"{"a": "text\n"}"#),
        ("a: |\n  text\nb: 1", r#"{"a": "text\n", "b": 1}"#),
        ("\"<<\": 1\n", r#"{"<<": 1}"#),
        // Errors, in Ansible's words.
        (
            "foo: {{ bar }}\n",
            "YAML parsing failed: This may be an issue with missing quotes around a template block. @1:6",
        ),
        (
            "foo: {{ bar }}/x\n",
            "YAML parsing failed: This may be an issue with missing quotes around a template block. @1:6",
        ),
        (
            "- a: 1\n  b:\n  - {{ x }}\n",
            "YAML parsing failed: This may be an issue with missing quotes around a template block. @3:5",
        ),
        (
            "foo: bar: baz\n",
            "YAML parsing failed: Colons in unquoted values must be followed by a non-space character. @1:9",
        ),
        ("a:\n\tb: 1\n", "YAML parsing failed: Tabs are usually invalid in YAML. @2:1"),
        (
            "a: 'b\n",
            "YAML parsing failed: While scanning a quoted scalar found unexpected end of stream. @1:4",
        ),
        (
            "a: 'b' c\n",
            "YAML parsing failed: Values starting with a quote must end with the same quote. @1:4",
        ),
        ("a: !foo b\n", "YAML parsing failed: Could not determine a constructor for the tag '!foo'. @1:4"),
        (
            "---\na: 1\n---\nb: 2\n",
            "YAML parsing failed: Expected a single document in the stream but found another document. @3:1",
        ),
        (
            "a: @b\n",
            "YAML parsing failed: While scanning for the next token found character that cannot start any token. @1:4",
        ),
        ("a: *y\n", "YAML parsing failed: Found undefined alias. @1:4"),
        ("a: &y\n  b: *y\n", "YAML parsing failed: Found unconstructable recursive node. @2:6"),
        ("? [a]\n: b\n", "YAML parsing failed: While constructing a mapping found unhashable key. @1:3"),
        (
            "<<: x\n",
            "YAML parsing failed: While constructing a mapping expected a mapping or list of mappings for merging, but found scalar. @1:5",
        ),
        (
            "- a\nb: c\n",
            "YAML parsing failed: While parsing a block collection did not find expected '-' indicator. @2:1",
        ),
        (
            "a: \u{7}b\n",
            "YAML parsing failed: unacceptable character #x0007: control characters are not allowed, position 3 @1:4",
        ),
    ] {
        assert_eq!(json(text), expected, "{text:?}");
    }
}

#[test]
fn keys_and_values_know_their_place() {
    let loaded = parse(&file("- name: x\n  when: [a, \"b\"]\n  v: !vault |\n    abc\n")).expect("valid");
    let task = &loaded.node.as_list().expect("list")[0];
    assert_eq!(task.span.to_string(), "/p/x.yml:1:3");
    let (key, value) = task.entry("when").expect("there");
    assert_eq!((key.span.to_string().as_str(), key.span.width), ("/p/x.yml:2:3", 4));
    assert_eq!(value.as_list().expect("list")[1].span.to_string(), "/p/x.yml:2:13");
    assert!(matches!(&task.get("v").expect("there").kind, NodeKind::Vault(text) if &**text == "abc\n"));
}

#[test]
fn places_are_the_files_where_the_text_was_adapted() {
    let loaded = parse(&file("k:\n  a: [\n 1,\nb]\n")).expect("valid");
    let items = loaded.node.get("k").and_then(|k| k.get("a")).and_then(Node::as_list).expect("a list");
    let places: Vec<String> = items.iter().map(|item| item.span.to_string()).collect();
    assert_eq!(places, ["/p/x.yml:3:2", "/p/x.yml:4:1"]);
}

#[test]
fn a_repeated_key_warns_and_a_merge_does_not() {
    let loaded = parse(&file("a: 1\na: 2\nd:\n  <<: {x: 1}\n  x: 2\n")).expect("valid");
    assert_eq!(loaded.warnings.len(), 1, "{:?}", loaded.warnings);
    let warning = &loaded.warnings[0];
    assert_eq!(warning.summary, "Found duplicate mapping key 'a'.");
    assert_eq!(warning.span.as_ref().map(ToString::to_string).as_deref(), Some("/p/x.yml:2:1"));
}

#[test]
fn hostile_files_end_in_an_error() {
    let bomb: String = std::iter::once("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned())
        .chain((1..9).map(|i| format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 10].join(", "))))
        .collect();
    assert!(json(&bomb).contains("Aliases expand to more than"), "{}", json(&bomb));
    let chain: String = std::iter::once("a0: &a0 [x]\n".to_owned())
        .chain((1..300).map(|i| format!("a{i}: &a{i} [*a{}]\n", i - 1)))
        .collect();
    assert!(json(&chain).contains("Nesting is deeper"), "{}", json(&chain));
    for open in ["[", "{a: ", "- "] {
        assert!(parse(&file(&open.repeat(50_000))).is_err(), "{open}");
    }
}

#[test]
fn no_text_makes_it_panic() {
    // A small generator with a fixed seed: the characters that matter to YAML, in every mixture.
    let alphabet: Vec<char> =
        "ab1 :-?{}[]!&*<>|'\"\\#%@`,~=.\n\n  \t\r\u{feff}é\u{2028}0x_e+".chars().collect();
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for _ in 0..20_000 {
        let length = next() % 40;
        let text: String = (0..length).map(|_| alphabet[(next() % alphabet.len() as u64) as usize]).collect();
        let _ = parse(&file(&text));
        let _ = parse_all(&file(&text));
    }
    for _ in 0..2_000 {
        let bytes: Vec<u8> = (0..next() % 60).map(|_| (next() % 256) as u8).collect();
        if let Ok(file) = source_file(Path::new("x"), bytes) {
            let _ = parse(&file);
        }
    }
}

/// `tests/source/record.py` recorded what PyYAML makes of these texts.
#[test]
fn plain_scalars_are_pyyamls() {
    let recorded: Vec<(String, String, serde_json::Value)> =
        serde_json::from_str(include_str!("../../../tests/source/scalars.json")).expect("recorded data");
    assert!(recorded.len() > 2000);
    for (text, kind, value) in &recorded {
        let ours = scalar::resolve(text);
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let fits = match (kind.as_str(), &ours) {
            ("null", NodeKind::Null) => true,
            ("bool", NodeKind::Bool(b)) => b.to_string() == value,
            ("int", NodeKind::Int(i)) => i.to_string() == value,
            ("bigint", NodeKind::Big(digits)) => **digits == *value,
            ("float", NodeKind::Float(f)) => crate::value::float_repr(*f) == value,
            ("str", NodeKind::Str(s)) => **s == *value,
            // Dates, integers in many parts of sixty and what PyYAML chokes on stay the text that was written.
            ("date" | "bigint" | "error", NodeKind::Str(s)) => **s == **text,
            _ => false,
        };
        assert!(fits, "{text:?}: {ours:?}, PyYAML: {kind} {value}");
    }
}

#[test]
fn an_encrypted_file_is_read_and_not_shown() {
    use crate::value::Secret;
    let password = Secret::new("open sesame");
    let dir = tempfile::tempdir().expect("temporary folder");
    let path = dir.path().join("all.yml");
    let reader = |password: Secret| {
        let secret = vault::VaultSecret { id: "default".into(), password };
        Reader::new(Arc::new(Vault::new(vec![secret], false)))
    };
    for (text, good) in [("a: 1\nb: hidden treasure\n", true), ("a: [hidden treasure\n", false)] {
        std::fs::write(&path, vault::encrypt(text.as_bytes(), &password, None, None).expect("sealed"))
            .expect("written");
        match reader(password.clone()).load(&path) {
            Ok(loaded) => {
                assert!(good);
                let value = loaded.node.get("b").expect("there");
                assert_eq!((value.as_str(), value.span.line), (Some("hidden treasure"), 2));
                assert_eq!(&*value.span.file.text, "");
            }
            Err(error) => {
                assert!(!good);
                let shown = crate::diag::render(&error);
                assert!(!shown.contains("treasure") && shown.contains("all.yml"), "{shown}");
            }
        }
        let error = reader(Secret::new("wrong one")).load(&path).expect_err("wrong password");
        assert!(
            error.summary.starts_with("Decryption failed (no vault secrets were found that could decrypt).")
        );
    }
}
