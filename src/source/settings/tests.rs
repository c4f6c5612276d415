use super::*;

fn around(directory: &Path, variables: &[(&str, &str)]) -> Surroundings {
    Surroundings {
        variables: variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        working_directory: directory.to_owned(),
        home: PathBuf::from("/home/u"),
        name: Name::Ansible,
    }
}

fn load(config: &str, variables: &[(&str, &str)]) -> Result<Settings, String> {
    let directory = tempfile::tempdir().expect("temporary folder");
    std::fs::write(directory.path().join("ansible.cfg"), config).expect("written");
    match Settings::load(around(directory.path(), variables)) {
        Ok((settings, _)) => Ok(settings),
        Err(error) => Err(error.summary.replace(&*directory.path().to_string_lossy(), "/d")),
    }
}

fn show(config: &str, variables: &[(&str, &str)], name: &str) -> String {
    match load(config, variables) {
        Ok(settings) => {
            let base = settings.surroundings().working_directory.to_string_lossy().into_owned();
            format!("{} {}", settings.origin(name), crate::value::py_repr(settings.get(name)))
                .replace(&base, "/d")
        }
        Err(error) => error,
    }
}

#[test]
fn values_and_origins_are_ansibles() {
    let forks = "[defaults]\nforks = 7\n";
    for (config, variables, name, expected) in [
        ("", &[][..], "DEFAULT_FORKS", "default 5"),
        (forks, &[], "DEFAULT_FORKS", "/d/ansible.cfg 7"),
        (forks, &[("ANSIBLE_FORKS", "9")], "DEFAULT_FORKS", "env: ANSIBLE_FORKS 9"),
        (forks, &[("ANSIBLE_FORKS", "")], "DEFAULT_FORKS", "/d/ansible.cfg 7"),
        ("[defaults]\nFORKS: 8 ; few\n", &[], "DEFAULT_FORKS", "/d/ansible.cfg 8"),
        ("[defaults]\n  forks=8\n  timeout=9\n", &[], "DEFAULT_TIMEOUT", "/d/ansible.cfg 9"),
        (
            "[defaults]\nforks=8 # c\n",
            &[],
            "DEFAULT_FORKS",
            "Config 'DEFAULT_FORKS' from '/d/ansible.cfg' has an invalid value: Invalid value provided for 'integer': '8 # c'",
        ),
        (
            "[defaults]\ngathering=wrong\n",
            &[],
            "DEFAULT_GATHERING",
            "Invalid value 'wrong' for config 'DEFAULT_GATHERING'. Valid values are: implicit, explicit, smart",
        ),
        ("[defaults]\nhost_key_checking = maybe\n", &[], "HOST_KEY_CHECKING", "/d/ansible.cfg False"),
        ("[defaults]\nremote_user=\"bob\"\n", &[], "DEFAULT_REMOTE_USER", "/d/ansible.cfg 'bob'"),
        ("[defaults]\nremote_user=bob # x\n", &[], "DEFAULT_REMOTE_USER", "/d/ansible.cfg 'bob # x'"),
        ("[defaults]\nansible_managed = a\n   b\n", &[], "DEFAULT_MANAGED_STR", "/d/ansible.cfg 'a\\nb'"),
        (
            "[defaults]\ninventory = hosts,~/x, /abs:y\n",
            &[],
            "DEFAULT_HOST_LIST",
            "/d/ansible.cfg ['/d/hosts', '/home/u/x', '/abs:y']",
        ),
        (
            "[defaults]\nroles_path = roles:~/r:{{CWD}}/z:$X/w:$Y\n",
            &[("X", "/x")],
            "DEFAULT_ROLES_PATH",
            "/d/ansible.cfg ['/d/roles', '/home/u/r', '/d/z', '/x/w', '/d/$Y']",
        ),
        ("[defaults]\nroles_path=\ncallbacks_enabled=\n", &[], "CALLBACKS_ENABLED", "/d/ansible.cfg ['']"),
        (
            "",
            &[],
            "DEFAULT_ROLES_PATH",
            "default ['/home/u/.ansible/roles', '/usr/share/ansible/roles', '/etc/ansible/roles']",
        ),
        ("", &[("ANSIBLE_HOME", "/h")], "DEFAULT_LOCAL_TMP", "default '/h/tmp'"),
        ("", &[("ANSIBLE_NOCOLOR", "0"), ("NO_COLOR", "1")], "ANSIBLE_NOCOLOR", "env: NO_COLOR True"),
        (
            "[defaults]\ninventory_ignore_extensions = .a\n[inventory]\nignore_extensions = .b, .c\n",
            &[],
            "INVENTORY_IGNORE_EXTS",
            "/d/ansible.cfg ['.b', '.c']",
        ),
        ("[ssh_connection]\nssh_args = \"-o A=b -C\"\n", &[], "ssh.ssh_args", "/d/ansible.cfg '-o A=b -C'"),
        ("[ssh_connection]\npipelining = True\n", &[], "ssh.pipelining", "/d/ansible.cfg True"),
        ("[ssh_connection]\npipelining = True\n", &[], "ANSIBLE_PIPELINING", "default False"),
        (
            "forks=3\n",
            &[],
            "",
            "Error reading config file (/d/ansible.cfg): File contains no section headers.\nfile: '<string>', line: 1\n'forks=3\\n'",
        ),
        (
            "[defaults]\nforks=3\nforks=4\n",
            &[],
            "",
            "Error reading config file (/d/ansible.cfg): While reading from '<string>' [line  3]: option 'forks' in section 'defaults' already exists",
        ),
        (
            "[defaults]\nforks\n",
            &[],
            "",
            "Error reading config file (/d/ansible.cfg): Source contains parsing errors: '<string>'\n\t[line  2]: 'forks\\n'",
        ),
    ] {
        assert_eq!(show(config, variables, name), expected, "{config:?} {variables:?}");
    }
}

#[test]
fn forks_are_more_under_our_own_name() {
    let directory = tempfile::tempdir().expect("temporary folder");
    let around = Surroundings { name: Name::Ekumen, ..around(directory.path(), &[]) };
    let (mut settings, _) = Settings::load(around).expect("valid");
    assert_eq!((settings.int("DEFAULT_FORKS"), settings.is_set("DEFAULT_FORKS")), (50, false));
    settings.set_flag("DEFAULT_FORKS", 3, "--forks");
    assert_eq!(
        (settings.int("DEFAULT_FORKS"), settings.origin("DEFAULT_FORKS").to_string()),
        (3, "cli: --forks".into())
    );
}

#[test]
fn a_world_writable_directory_is_no_source() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().expect("temporary folder");
    std::fs::write(directory.path().join("ansible.cfg"), "[defaults]\nforks=7\n").expect("written");
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o777)).expect("allowed");
    let (settings, warnings) = Settings::load(around(directory.path(), &[])).expect("valid");
    assert_eq!(settings.int("DEFAULT_FORKS"), 5);
    assert!(
        warnings[0].summary.starts_with("Ansible is being run in a world writable directory ("),
        "{warnings:?}"
    );
    let named = directory.path().join("ansible.cfg").to_string_lossy().into_owned();
    let (settings, _) =
        Settings::load(around(directory.path(), &[("ANSIBLE_CONFIG", &named)])).expect("valid");
    assert_eq!(settings.int("DEFAULT_FORKS"), 7);
}

#[test]
fn the_table_has_no_name_twice() {
    let mut names: Vec<_> = TABLE.iter().map(|row| row.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), TABLE.len());
}
