//! Owner, group, mode, `chattr` flags and SELinux context of files: the arguments that all file modules share.
//!
//! A module declares its arguments with the [`file_args!`](crate::file_args) macro, which adds these to its own
//! (serde's `flatten` would lose the check for unknown arguments), and asks for them with `file_args()`.

use super::mode::{self, ModeArg};
use super::{Failure, Probe, Target, error_at_bytes, flags, os_error, selinux, users};
use crate::protocol::Mode;
use crate::value::{Map, Value};
use rustix::fs::{AtFlags, CWD, Gid, Uid};
use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// Declares a struct of module arguments with the common file arguments added:
///
/// ```ignore
/// file_args! {
///     #[derive(Deserialize)]
///     #[serde(deny_unknown_fields)]
///     pub struct Args {
///         path: String,
///     }
/// }
/// ```
///
/// The last own field needs its comma.
#[macro_export]
macro_rules! file_args {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($body:tt)* }) => {
        $(#[$meta])*
        $vis struct $name {
            $($body)*
            /// The permissions the file should have: octal, as a text, or symbolic (`u=rw,g=r,o=`).
            mode: Option<$crate::value::Value>,
            /// The user that should own the file, by name or number.
            owner: Option<String>,
            /// The group that should own the file, by name or number.
            group: Option<String>,
            /// Flags as `lsattr` shows them; `=` is assumed, `+` and `-` add and remove.
            #[serde(alias = "attr")]
            attributes: Option<String>,
            /// The user part of the SELinux context; `_default` takes the policy's.
            seuser: Option<String>,
            /// The role part of the SELinux context.
            serole: Option<String>,
            /// The type part of the SELinux context.
            setype: Option<String>,
            /// The level part of the SELinux context.
            selevel: Option<String>,
            /// Write in place where the file cannot be replaced (a file mounted into a container).
            #[serde(default)]
            unsafe_writes: bool,
        }

        impl $name {
            /// The common file arguments.
            fn file_args(&self) -> $crate::modules::kit::FileArgs {
                $crate::modules::kit::FileArgs {
                    mode: self.mode.clone(),
                    owner: self.owner.clone(),
                    group: self.group.clone(),
                    attributes: self.attributes.clone(),
                    context: [
                        self.seuser.clone(),
                        self.serole.clone(),
                        self.setype.clone(),
                        self.selevel.clone(),
                    ],
                    unsafe_writes: self.unsafe_writes,
                }
            }
        }
    };
}

/// The common file arguments as given.
#[derive(Clone, Debug, Default)]
pub struct FileArgs {
    pub mode: Option<Value>,
    pub owner: Option<String>,
    pub group: Option<String>,
    pub attributes: Option<String>,
    /// SELinux user, role, type and level.
    pub context: [Option<String>; 4],
    pub unsafe_writes: bool,
}

impl FileArgs {
    /// Reads the arguments; users and groups that do not exist are an error only where they are needed.
    ///
    /// # Errors
    /// A mode that is none.
    pub fn resolve(&self, host: &Probe) -> Result<Attributes, Failure> {
        let mode = self.mode.as_ref().filter(|mode| !mode.is_null()).map(ModeArg::parse).transpose()?;
        let owner = self.owner.as_ref().map(|name| match name.parse() {
            Ok(uid) => Ok(uid),
            Err(_) => users::user_by_name(host, name).map(|user| user.uid).ok_or_else(|| name.clone()),
        });
        let group = self.group.as_ref().map(|name| match name.parse() {
            Ok(gid) => Ok(gid),
            Err(_) => users::group_by_name(host, name).map(|group| group.gid).ok_or_else(|| name.clone()),
        });
        let selinux = selinux::enabled() && self.context.iter().any(Option::is_some);
        Ok(Attributes {
            mode,
            owner,
            group,
            flags: self.attributes.clone().filter(|flags| !flags.is_empty()),
            context: selinux.then(|| self.context.clone()),
            unsafe_writes: self.unsafe_writes,
        })
    }
}

/// The attributes a file should have.
#[derive(Clone, Debug, Default)]
pub struct Attributes {
    pub mode: Option<ModeArg>,
    /// The number, or the name of somebody who does not exist (yet: a task before this one may be about to
    /// create them, and in a check it will not have done so).
    pub owner: Option<Result<u32, String>>,
    pub group: Option<Result<u32, String>>,
    /// A change of `chattr` flags.
    pub flags: Option<String>,
    /// Parts of the SELinux context; `None` where SELinux is off.
    pub context: Option<[Option<String>; 4]>,
    pub unsafe_writes: bool,
}

/// What of a file's attributes is not as it should be.
#[derive(Clone, Debug, Default)]
pub struct Differences {
    /// The members of a diff: only what differs.
    pub before: Map,
    pub after: Map,
    pub mode: Option<u32>,
    pub owner: Option<u32>,
    pub group: Option<u32>,
    flags: Option<String>,
    context: Option<String>,
    /// Why this cannot be done.
    missing: Option<String>,
}

/// What is compared with what should be.
struct Found {
    uid: u32,
    gid: u32,
    mode: u32,
    directory: bool,
    link: bool,
}

impl From<&Metadata> for Found {
    fn from(found: &Metadata) -> Self {
        Self {
            uid: found.uid(),
            gid: found.gid(),
            mode: found.mode() & 0o7777,
            directory: found.is_dir(),
            link: found.is_symlink(),
        }
    }
}

impl Differences {
    pub fn is_empty(&self) -> bool {
        self.before.is_empty() && self.after.is_empty()
    }

    fn note(&mut self, name: &str, before: impl Into<Value>, after: impl Into<Value>) {
        self.before.insert(name.into(), before.into());
        self.after.insert(name.into(), after.into());
    }
}

impl Attributes {
    /// Whether anything is asked for.
    pub fn is_empty(&self) -> bool {
        self.mode.is_none()
            && self.owner.is_none()
            && self.group.is_none()
            && self.flags.is_none()
            && self.context.is_none()
    }

    /// The mode of a file that is created: the one asked for, else what the umask leaves.
    pub fn mode_of_new(&self, directory: bool) -> u32 {
        let umask = mode::umask();
        let default = if directory { 0o777 } else { 0o666 } & !umask;
        self.mode.as_ref().map_or(default, |mode| mode.bits(default, directory, umask))
    }

    /// What is not as it should be with the file at `path`; a link is looked through if `follow`.
    ///
    /// # Errors
    /// The file cannot be looked at.
    pub fn differences(&self, host: &Probe, path: &Path, follow: bool) -> Result<Differences, Failure> {
        let found = metadata(path, follow)
            .map_err(|error| Failure::new(format!("cannot stat {}: {}", path.display(), os_error(&error))))?;
        let mut differences = self.compare(host, &Found::from(&found))?;
        if let Some(change) = &self.flags
            && let Some(current) = flags::letters(path)
        {
            let wanted = flags::changed(&current, change)?;
            if wanted != current {
                differences.note("attributes", current, change.as_str());
                differences.flags = Some(wanted);
            }
        }
        if let Some(parts) = &self.context
            && let Some(current) = selinux::context(path)
        {
            let wanted = selinux::merge(&current, parts, || selinux::default_context(host, path));
            if wanted != current {
                differences.note("secontext", current, wanted.as_str());
                differences.context = Some(wanted);
            }
        }
        Ok(differences)
    }

    /// What will not be as it should be with a file that is about to be created at `path`, before its attributes
    /// are set: it will belong to us, with the mode that the umask leaves.
    ///
    /// # Errors
    /// None so far.
    pub fn differences_of_new(
        &self,
        host: &Probe,
        path: &Path,
        directory: bool,
    ) -> Result<Differences, Failure> {
        let default = if directory { 0o777 } else { 0o666 } & !mode::umask();
        let mut found = Found {
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
            mode: default,
            directory,
            link: false,
        };
        // In a directory with the set-group-ID bit, everything belongs to its group.
        let parent = path.ancestors().skip(1).find_map(|parent| std::fs::metadata(parent).ok());
        if let Some(parent) = parent.filter(|parent| parent.mode() & 0o2000 != 0) {
            found.gid = parent.gid();
            found.mode |= if directory { 0o2000 } else { 0 };
        }
        self.compare(host, &found)
    }

    fn compare(&self, host: &Probe, found: &Found) -> Result<Differences, Failure> {
        let mut differences = Differences::default();
        match &self.owner {
            Some(Ok(owner)) if *owner != found.uid => {
                differences.note("owner", found.uid, *owner);
                differences.owner = Some(*owner);
            }
            Some(Err(name)) => {
                host.warn_in(
                    Mode::Check,
                    format!("failed to look up user {name}. Create user up to this point in real play"),
                );
                differences.note("owner", found.uid, name.as_str());
                differences.missing = Some(format!("chown failed: failed to look up user {name}"));
            }
            _ => {}
        }
        match &self.group {
            Some(Ok(group)) if *group != found.gid => {
                differences.note("group", found.gid, *group);
                differences.group = Some(*group);
            }
            Some(Err(name)) => {
                host.warn_in(
                    Mode::Check,
                    format!("failed to look up group {name}. Create group up to this point in real play"),
                );
                differences.note("group", found.gid, name.as_str());
                let why = format!("chgrp failed: failed to look up group {name}");
                differences.missing.get_or_insert(why);
            }
            _ => {}
        }
        if let Some(wanted) = &self.mode
            // Links have no mode of their own.
            && !found.link
        {
            let wanted = wanted.bits(found.mode, found.directory, mode::umask());
            if wanted != found.mode {
                differences.note("mode", mode::text(found.mode), mode::text(wanted));
                differences.mode = Some(wanted);
            }
        }
        Ok(differences)
    }

    /// Makes the attributes of the file at `path` what they should be; whether anything was to be done.
    ///
    /// # Errors
    /// Ansible's sentence for what could not be done.
    pub fn apply(&self, target: &mut Target, path: &Path, follow: bool) -> Result<bool, Failure> {
        if self.is_empty() {
            return Ok(false);
        }
        let differences = self.differences(&target.probe(), path, follow)?;
        differences.apply(path, follow)?;
        Ok(!differences.is_empty())
    }

    /// The same without the flags: an immutable file could not be renamed.
    pub(super) fn without_flags(&self) -> Self {
        Self { flags: None, ..self.clone() }
    }
}

impl Differences {
    /// Removes the differences.
    pub(super) fn apply(&self, path: &Path, follow: bool) -> Result<(), Failure> {
        if let Some(missing) = &self.missing {
            return Err(Failure::new(missing.as_str()));
        }
        if let Some(context) = &self.context {
            selinux::set_context(path, context)?;
        }
        let flags = if follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
        let shown = path.to_string_lossy();
        let details = |msg: &str, error: rustix::io::Errno| {
            let failure = Failure::new(msg).with("path", shown.as_ref());
            failure.because(error_at_bytes(&error.into(), &shown))
        };
        if let Some(owner) = self.owner {
            let owner = Uid::from_raw(owner);
            rustix::fs::chownat(CWD, path, Some(owner), None, flags)
                .map_err(|e| details("chown failed", e))?;
        }
        if let Some(group) = self.group {
            let group = Gid::from_raw(group);
            rustix::fs::chownat(CWD, path, None, Some(group), flags)
                .map_err(|e| details("chgrp failed", e))?;
        }
        // Changing the owner clears the set-user-ID bit, so the mode comes after it.
        if let Some(bits) = self.mode {
            chmod(path, bits, follow).map_err(|e| Failure::crash(&error_at_bytes(&e.into(), &shown)))?;
        }
        if let Some(letters) = &self.flags {
            flags::set(path, letters)?;
        }
        Ok(())
    }
}

/// `chmod`; where links are not to be followed, not even one that somebody has just put there (the kernel
/// has no flag for it that works everywhere).
fn chmod(path: &Path, bits: u32, follow: bool) -> rustix::io::Result<()> {
    use rustix::fs::{Mode, OFlags};
    use std::os::fd::AsRawFd;
    let mode = Mode::from_raw_mode(bits);
    if follow {
        return rustix::fs::chmod(path, mode);
    }
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty())?;
    if rustix::fs::FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode).is_symlink() {
        return Err(rustix::io::Errno::LOOP);
    }
    match rustix::fs::chmod(format!("/proc/self/fd/{}", file.as_raw_fd()), mode) {
        // Without /proc there is only the name.
        Err(rustix::io::Errno::NOENT) => rustix::fs::chmod(path, mode),
        other => other,
    }
}

/// The metadata of what is at `path`, or of what a link there leads to.
///
/// # Errors
/// What the operating system says.
pub fn metadata(path: &Path, follow: bool) -> std::io::Result<Metadata> {
    if follow { std::fs::metadata(path) } else { std::fs::symlink_metadata(path) }
}

/// Ansible's word for what a path is: `absent`, `link`, `directory`, `hard` (a file with several names) or `file`.
pub fn state(path: &Path) -> &'static str {
    match std::fs::symlink_metadata(path) {
        Err(_) => "absent",
        Ok(found) if found.is_symlink() => "link",
        Ok(found) if found.is_dir() => "directory",
        Ok(found) if found.nlink() > 1 => "hard",
        Ok(_) => "file",
    }
}

/// Adds what every result about a file tells of it: `uid`, `gid`, `owner`, `group`, `mode`, `state`, `size`
/// (and `secontext`); nothing if there is no file, or a link to nowhere.
pub fn describe(host: &Probe, path: &Path, result: &mut Map) {
    if !path.exists() {
        return;
    }
    let Ok(found) = std::fs::symlink_metadata(path) else { return };
    let (uid, gid) = (found.uid(), found.gid());
    let owner = users::user_by_id(host, uid).map_or_else(|| uid.to_string(), |user| user.name);
    let group = users::group_by_id(host, gid).map_or_else(|| gid.to_string(), |group| group.name);
    let mut set = |key: &str, value: Value| result.insert(key.into(), value);
    set("uid", uid.into());
    set("gid", gid.into());
    set("owner", owner.into());
    set("group", group.into());
    set("mode", mode::text(found.permissions().mode()).into());
    set("state", state(path).into());
    set("size", found.size().into());
    if selinux::enabled()
        && let Some(context) = selinux::context(path)
    {
        set("secontext", context.into());
    }
}

/// A failure about the file at `path`, with what results tell of it.
pub fn failure_at(host: &Probe, path: &str, key: &str, mut failure: Failure) -> Failure {
    if failure.is_crash() {
        return failure;
    }
    let mut result = Map::new();
    result.insert(key.into(), path.into());
    describe(host, Path::new(path), &mut result);
    result.extend(failure.result);
    failure.result = result;
    failure
}
