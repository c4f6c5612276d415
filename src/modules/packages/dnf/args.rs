//! The arguments of `dnf` and `dnf5`.

use serde::Deserialize;

#[derive(Deserialize, Clone, Default)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// Packages: `tree`, `tree-2.1`, `tree >= 2`, `lib*`, `/usr/bin/tree`, `@group`, `*` (with `state=latest`), a package
    /// file or the URL of one.
    #[serde(default, alias = "pkg")]
    pub name: Vec<String>,
    /// Present if nothing else is said; absent with `autoremove`.
    pub state: Option<State>,
    /// Answers what packages there are, and changes nothing: `installed`, `updates`, `available`, `repos` or a name.
    pub list: Option<String>,
    /// The generation of dnf, if it is not to be found out.
    #[serde(default)]
    pub use_backend: Backend,
    /// Repositories to use, too, this time.
    #[serde(default)]
    pub enablerepo: Vec<String>,
    /// Repositories not to use this time.
    #[serde(default)]
    pub disablerepo: Vec<String>,
    /// Packages that must neither come nor change.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// Excludes of the configuration that do not count: `all`, `main` or a repository.
    pub disable_excludes: Option<String>,
    #[serde(default)]
    pub disable_plugin: Vec<String>,
    #[serde(default)]
    pub enable_plugin: Vec<String>,
    pub conf_file: Option<String>,
    #[serde(default)]
    pub disable_gpg_check: bool,
    /// Whether certificates of repositories are checked.
    #[serde(default = "yes")]
    pub sslverify: bool,
    /// Whether the certificate of a URL is checked.
    #[serde(default = "yes")]
    pub validate_certs: bool,
    /// Refresh what is known of the repositories first.
    #[serde(default, alias = "expire-cache")]
    pub update_cache: bool,
    /// Use only what is known of the repositories.
    #[serde(default)]
    pub cacheonly: bool,
    /// Remove what was installed for others and nothing needs any more.
    #[serde(default)]
    pub autoremove: bool,
    #[serde(default)]
    pub allow_downgrade: bool,
    /// Remove what stands in the way.
    #[serde(default)]
    pub allowerasing: bool,
    /// The newest version or none.
    pub best: Option<bool>,
    pub nobest: Option<bool>,
    /// Only updates that fix something, of those that `state=latest` finds.
    #[serde(default)]
    pub bugfix: bool,
    #[serde(default)]
    pub security: bool,
    /// Install nothing that is not there.
    #[serde(default)]
    pub update_only: bool,
    #[serde(default = "yes")]
    pub install_weak_deps: bool,
    #[serde(default)]
    pub skip_broken: bool,
    #[serde(default)]
    pub download_only: bool,
    pub download_dir: Option<String>,
    /// Another root to install under.
    pub installroot: Option<String>,
    pub releasever: Option<String>,
    /// How long to wait for another dnf, in seconds.
    #[serde(default = "lock_timeout")]
    pub lock_timeout: u64,
    /// It has no effect.
    #[serde(default, rename = "install_repoquery")]
    _install_repoquery: Option<bool>,
    /// Nothing has to be installed for this module.
    #[serde(default, rename = "auto_install_module_deps")]
    _auto_install_module_deps: Option<bool>,
}

/// In the order in which Ansible lists them.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Absent,
    Installed,
    Latest,
    Present,
    Removed,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Default)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    #[default]
    Auto,
    Dnf,
    Dnf4,
    Dnf5,
    Yum,
    Yum4,
}

fn yes() -> bool {
    true
}

fn lock_timeout() -> u64 {
    30
}

/// What is to be done with packages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Aim {
    Absent,
    Latest,
    Present,
}

impl Args {
    /// What is asked for, one by one.
    pub fn names(&self) -> Vec<String> {
        split(&self.name)
    }

    pub fn aim(&self) -> Aim {
        match self.state {
            None if self.autoremove => Aim::Absent,
            None | Some(State::Present | State::Installed) => Aim::Present,
            Some(State::Absent | State::Removed) => Aim::Absent,
            Some(State::Latest) => Aim::Latest,
        }
    }

    /// The root to install under, if it is not the host's own.
    pub fn root(&self) -> Option<&str> {
        self.installroot.as_deref().filter(|root| *root != "/")
    }
}

/// Lists may hold lists that are written with commas.
pub fn split(words: &[String]) -> Vec<String> {
    let parts = words.iter().flat_map(|word| word.split(','));
    parts.map(|word| word.trim().to_owned()).collect()
}
