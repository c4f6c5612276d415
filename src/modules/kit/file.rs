//! Writing files so that nobody ever sees half of one.

use super::{
    Attributes, Command, Failure, Output, Target, attributes, error_at_bytes, os_error, path, python_error,
    selinux,
};
use rustix::fs::{AtFlags, CWD, Gid, Mode, OFlags, Uid};
use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// What a file is to contain.
pub enum Content {
    Bytes(Vec<u8>),
    /// All of an open file.
    File(File),
    /// The same, of a file that has no name yet and may become the one that is written.
    Unnamed(File),
}

/// A file to write, whole.
pub struct Replacement<'r> {
    /// Where; a link at this place is replaced, not followed (see [`path::real`]).
    pub path: &'r Path,
    pub content: Content,
    pub attributes: &'r Attributes,
    /// Keep the old file beside the new one.
    pub backup: bool,
    /// A command that must accept the new file (`%s`) before it takes its place.
    pub validate: Option<&'r str>,
    /// Wait until the disk has it.
    pub durable: bool,
}

impl<'r> Replacement<'r> {
    pub fn new(path: &'r Path, content: Content, attributes: &'r Attributes) -> Self {
        Self { path, content, attributes, backup: false, validate: None, durable: true }
    }
}

/// Why [`replace`] did not.
pub enum Refused {
    /// The validation command says no.
    Invalid(Output),
    Failed(Failure),
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Refused {
    /// As `copy` words it.
    pub fn into_failure(self) -> Failure {
        match self {
            Self::Failed(failure) => failure,
            Self::Invalid(output) => Failure::new("failed to validate")
                .with("exit_status", output.rc)
                .with("stdout", output.stdout())
                .with("stderr", output.stderr()),
        }
    }

    /// As the modules that edit files word it.
    pub fn into_edit_failure(self) -> Failure {
        match self {
            Self::Failed(failure) => failure,
            Self::Invalid(output) => {
                Failure::new(format!("failed to validate: rc:{} error:{}", output.rc, output.stderr()))
            }
        }
    }
}

/// Writes a file through a temporary one in the same directory: new content and attributes appear at once, or
/// nothing changes. A file that is replaced leaves its owner, group, mode and extended attributes to the new one.
/// The path of the backup, if there is one.
///
/// # Errors
/// [`Refused`]; the old file is still there.
pub fn replace(target: &mut Target, new: Replacement) -> Result<Option<String>, Refused> {
    if let Some(command) = new.validate
        && !command.contains("%s")
    {
        return Err(Failure::new(format!("validate must contain %s: {command}")).into());
    }
    let old = std::fs::symlink_metadata(new.path).ok();
    let directory = new.path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = match Temporary::adopt(directory, &new.content) {
        Some(temporary) => temporary,
        None => match Temporary::create(directory) {
            Ok(mut temporary) => {
                let written = write_content(&mut temporary.file, new.content);
                written.map_err(|error| no_space(new.path, &error))?;
                temporary
            }
            Err(error) if new.attributes.unsafe_writes && old.is_some() => {
                return in_place(target, new, &error);
            }
            Err(error) => return Err(not_writable(directory, &error).into()),
        },
    };
    if let Some(command) = new.validate {
        validate(target, command, &temporary.path)?;
    }
    let backup = match &old {
        Some(old) if new.backup && old.is_file() => Some(backup(target, new.path)?),
        _ => None,
    };
    match old.as_ref().filter(|old| old.is_file()) {
        Some(old) => inherit(&temporary, new.path, old)?,
        None => {
            chmod(&temporary, 0o666 & !super::mode::umask())?;
            if selinux::enabled()
                && let Some(context) = selinux::default_context(&target.probe(), new.path)
            {
                selinux::set_context(&temporary.path, &context)?;
            }
        }
    }
    // Nobody knows the temporary file: what is wrong is wrong with the one that is to be.
    let named = |failure: Failure| failure.about(&temporary.path, new.path);
    new.attributes.without_flags().apply(target, &temporary.path, false).map_err(named)?;
    if new.durable {
        temporary.file.sync_all().map_err(|error| no_space(new.path, &error))?;
    }
    match std::fs::rename(&temporary.path, new.path) {
        Ok(()) => temporary.keep(),
        Err(error) if new.attributes.unsafe_writes && old.is_some() => {
            copy_over(&temporary.path, new.path)
                .map_err(|_| could_not_replace(&temporary, new.path, &error))?;
        }
        Err(error) => return Err(could_not_replace(&temporary, new.path, &error).into()),
    }
    if new.attributes.flags.is_some() {
        new.attributes.apply(target, new.path, false)?;
    }
    Ok(backup)
}

/// A copy of the file at `path` beside it, named as Ansible names backups; its path.
///
/// # Errors
/// Ansible's sentence.
pub fn backup(target: &mut Target, path: &Path) -> Result<String, Failure> {
    let now = super::clock::now(&target.probe());
    let mut name = OsString::from(path);
    name.push(format!(".{}.{}~", std::process::id(), now.strftime("%Y-%m-%d@%H:%M:%S")));
    let backup = PathBuf::from(name);
    let failed = |error: &std::io::Error| {
        Failure::new(format!(
            "Could not make backup of {} to {}: {}",
            path.display(),
            backup.display(),
            os_error(error)
        ))
    };
    let old = std::fs::metadata(path).map_err(|error| failed(&error))?;
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut temporary = Temporary::create(directory).map_err(|error| failed(&error))?;
    let content = File::open(path).map_err(|error| failed(&error))?;
    write_content(&mut temporary.file, Content::File(content)).map_err(|error| failed(&error))?;
    inherit(&temporary, path, &old)?;
    let times = std::fs::FileTimes::new();
    let times = old.accessed().map_or(times, |at| times.set_accessed(at));
    let times = old.modified().map_or(times, |at| times.set_modified(at));
    temporary.file.set_times(times).map_err(|error| failed(&error))?;
    std::fs::rename(&temporary.path, &backup).map_err(|error| failed(&error))?;
    temporary.keep();
    Ok(backup.to_string_lossy().into_owned())
}

/// Runs a validation command on the file that `%s` stands for.
fn validate(target: &mut Target, command: &str, file: &Path) -> Result<(), Refused> {
    let words = super::words::split(command).map_err(Failure::new)?;
    let argv = words.iter().map(|word| substitute(word, file));
    let output = target.run(&Command::new(argv))?;
    if output.success() { Ok(()) } else { Err(Refused::Invalid(output)) }
}

fn substitute(word: &str, file: &Path) -> OsString {
    let mut out = OsString::new();
    for (index, part) in word.split("%s").enumerate() {
        if index > 0 {
            out.push(file);
        }
        // `%%` is how the command writes a percent sign.
        out.push(part.replace("%%", "%"));
    }
    out
}

/// Creates directories down to `path`, each with these attributes; those created, topmost first.
///
/// # Errors
/// Ansible's sentence.
pub fn create_directories(
    target: &mut Target,
    path: &Path,
    attributes: &Attributes,
) -> Result<Vec<PathBuf>, Failure> {
    let mut missing: Vec<&Path> =
        path.ancestors().take_while(|p| !p.as_os_str().is_empty() && !p.exists()).collect();
    missing.reverse();
    let mut created = Vec::new();
    for directory in missing {
        match std::fs::create_dir(directory) {
            Ok(()) => {}
            // Somebody else was faster.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && directory.is_dir() => continue,
            Err(error) => {
                let (shown, why) = (directory.display(), python_error(&error));
                return Err(Failure::new(format!(
                    "There was an issue creating {shown} as requested: {why}: b'{shown}'"
                )));
            }
        }
        attributes.apply(target, directory, false)?;
        created.push(directory.to_owned());
    }
    Ok(created)
}

/// A file of our own in the directory where it is to stay; removed unless it is kept.
struct Temporary {
    path: PathBuf,
    file: File,
    kept: bool,
}

impl Temporary {
    /// A file nobody else can open, under a name nobody can know.
    fn create(directory: &Path) -> std::io::Result<Self> {
        let path = unused_name(directory)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::open(&path, flags, Mode::from_raw_mode(0o600))?;
        Ok(Self { path, file: file.into(), kept: false })
    }

    /// Gives a name to a file that has none; `None` where that cannot be done, and it has to be copied.
    fn adopt(directory: &Path, content: &Content) -> Option<Self> {
        let Content::Unnamed(file) = content else { return None };
        let path = unused_name(directory).ok()?;
        let file = file.try_clone().ok()?;
        let nameless = format!("/proc/self/fd/{}", file.as_raw_fd());
        rustix::fs::linkat(CWD, nameless, CWD, &path, AtFlags::SYMLINK_FOLLOW).ok()?;
        Some(Self { path, file, kept: false })
    }

    fn keep(&mut self) {
        self.kept = true;
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.kept {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn write_content(file: &mut File, content: Content) -> std::io::Result<()> {
    match content {
        Content::Bytes(bytes) => file.write_all(&bytes),
        Content::File(mut source) | Content::Unnamed(mut source) => {
            std::io::copy(&mut source, file).map(drop)
        }
    }
}

/// Gives a new file what the old one had.
fn inherit(temporary: &Temporary, path: &Path, old: &Metadata) -> Result<(), Failure> {
    let new = temporary.file.metadata().map_err(|error| no_space(path, &error))?;
    if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
        let (uid, gid) = (Uid::from_raw(old.uid()), Gid::from_raw(old.gid()));
        // Only root may give files away; for everybody else the file becomes theirs, as with Ansible.
        if rustix::fs::fchown(&temporary.file, Some(uid), Some(gid)).is_err() {
            let _ = rustix::fs::fchown(&temporary.file, None, Some(gid));
        }
    }
    chmod(temporary, old.mode() & 0o7777)?;
    copy_xattrs(path, temporary);
    Ok(())
}

/// Copies what extended attributes (access lists, contexts, labels) can be copied.
fn copy_xattrs(from: &Path, to: &Temporary) {
    let Ok(length) = rustix::fs::listxattr_query(from) else { return };
    let mut names = vec![0; length];
    let Ok(length) = rustix::fs::listxattr(from, &mut names[..]) else { return };
    for name in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let Ok(size) = rustix::fs::getxattr_query(from, name) else { continue };
        let mut value = vec![0; size];
        if let Ok(size) = rustix::fs::getxattr(from, name, &mut value[..]) {
            // Some (capabilities, trusted.*) need rights that we may not have.
            let _ = rustix::fs::fsetxattr(&to.file, name, &value[..size], rustix::fs::XattrFlags::empty());
        }
    }
}

fn chmod(temporary: &Temporary, bits: u32) -> Result<(), Failure> {
    temporary
        .file
        .set_permissions(std::fs::Permissions::from_mode(bits))
        .map_err(|error| Failure::new("chmod failed").with("details", os_error(&error)))
}

/// Writes into the existing file: whoever reads meanwhile sees half of it.
fn in_place(
    target: &mut Target,
    new: Replacement,
    cause: &std::io::Error,
) -> Result<Option<String>, Refused> {
    if new.validate.is_some() || new.backup {
        return Err(not_writable(new.path.parent().unwrap_or(Path::new(".")), cause).into());
    }
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .truncate(true)
        .open(new.path)
        .map_err(|error| no_space(new.path, &error))?;
    write_content(&mut file, new.content).map_err(|error| no_space(new.path, &error))?;
    new.attributes.apply(target, new.path, false)?;
    Ok(None)
}

fn copy_over(from: &Path, to: &Path) -> std::io::Result<()> {
    let mut source = File::open(from)?;
    let mut file = std::fs::OpenOptions::new().write(true).truncate(true).open(to)?;
    std::io::copy(&mut source, &mut file)?;
    file.sync_all()
}

fn not_writable(directory: &Path, error: &std::io::Error) -> Failure {
    let shown = directory.to_string_lossy();
    let why = error_at_bytes(error, &shown);
    Failure::crash(&format!("The destination directory '{shown}' is not writable by the current user: {why}"))
}

fn no_space(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("Could not write {}: {}", path.display(), os_error(error)))
}

fn could_not_replace(temporary: &Temporary, path: &Path, error: &std::io::Error) -> Failure {
    let (from, to, why) = (temporary.path.display(), path.display(), os_error(error));
    Failure::new(format!("Could not replace file: {from} to {to}: {why}"))
}

/// The metadata of what is at `path`, a link followed if asked; `None` if there is nothing.
pub fn metadata(path: &Path, follow: bool) -> Option<Metadata> {
    attributes::metadata(path, follow).ok()
}

/// Where writing to `path` ends up: at the end of the links, if they are to be followed.
pub fn destination(path: &Path, follow: bool) -> PathBuf {
    if follow && path.is_symlink() { path::real(path) } else { path.to_owned() }
}

/// An empty file with the mode that the umask leaves; one that is there stays as it is.
///
/// # Errors
/// What the operating system says.
pub fn create_empty(target: &mut Target, path: &Path) -> std::io::Result<()> {
    let _ = target;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::from_raw_mode(0o666))?;
    Ok(())
}

/// A symbolic link at `path`, in place of what is there (an empty directory, too).
///
/// # Errors
/// Ansible's sentence.
pub fn symlink(target: &mut Target, path: &Path, to: &Path) -> Result<(), Failure> {
    link_at(target, path, to, |temporary| std::os::unix::fs::symlink(to, temporary))
}

/// A hard link at `path` to the file `source`, in place of what is there.
///
/// # Errors
/// Ansible's sentence.
pub fn hard_link(target: &mut Target, path: &Path, source: &Path) -> Result<(), Failure> {
    // The source may be a link itself: it is the file that gets another name.
    let source = std::fs::canonicalize(source).unwrap_or_else(|_| source.to_owned());
    link_at(target, path, &source, |temporary| std::fs::hard_link(&source, temporary))
}

fn link_at(
    target: &mut Target,
    path: &Path,
    to: &Path,
    make: impl Fn(&Path) -> std::io::Result<()>,
) -> Result<(), Failure> {
    let failed = |error: &std::io::Error| {
        let errno = error.raw_os_error().unwrap_or(0);
        let (from, to, why) = (to.display(), path.display(), os_error(error));
        Failure::new(format!("Error while linking: [Errno {errno}] {why}: b'{from}' -> b'{to}'"))
    };
    match std::fs::symlink_metadata(path) {
        Err(_) => return make(path).map_err(|error| failed(&error)),
        Ok(found) if found.is_dir() => {
            std::fs::remove_dir(path).map_err(|error| failed(&error))?;
            return make(path).map_err(|error| failed(&error));
        }
        Ok(_) => {}
    }
    let directory = path.parent().unwrap_or(Path::new("/"));
    let temporary = unused_name(directory).map_err(|error| failed(&error))?;
    make(&temporary).map_err(|error| failed(&error))?;
    let renamed = std::fs::rename(&temporary, path).map_err(|error| failed(&error));
    // Renaming one name of a file over another does nothing at all, and leaves the first one.
    let _ = std::fs::remove_file(&temporary);
    let _ = target;
    renamed
}

/// Removes what is at `path`, directories with all that is in them; links are not followed. Nothing there is
/// no error.
///
/// # Errors
/// Ansible's sentence.
pub fn remove(target: &mut Target, path: &Path) -> Result<(), Failure> {
    let _ = target;
    let directory = std::fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
    let removed = if directory { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            let (shown, why) = (path.display(), python_error(&error));
            Err(match directory {
                true => Failure::new(format!("rmtree failed: {why}: '{shown}'")),
                false => {
                    Failure::new("Unlinking failed.").because(error_at_bytes(&error, &path.to_string_lossy()))
                }
            })
        }
        _ => Ok(()),
    }
}

fn unused_name(directory: &Path) -> std::io::Result<PathBuf> {
    let mut random = [0; 10];
    rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())?;
    Ok(directory.join(format!(".ekumen-{}", super::digest::hex(&random))))
}

/// A new file or directory that only its owner can use, with a random name between `prefix` and `suffix`.
///
/// # Errors
/// The operating system's reason, worded as Python does.
pub fn create_temporary(
    target: &mut Target,
    place: &Path,
    prefix: &str,
    suffix: &str,
    directory: bool,
) -> Result<PathBuf, Failure> {
    use std::os::unix::fs::DirBuilderExt;
    let _ = target;
    let mut attempts = 0;
    loop {
        let path = place.join(format!("{prefix}{}{suffix}", random_word()?));
        let made = if directory {
            std::fs::DirBuilder::new().mode(0o700).create(&path)
        } else {
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            rustix::fs::open(&path, flags, Mode::from_raw_mode(0o600)).map(drop).map_err(Into::into)
        };
        match made {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && attempts < 100 => {
                attempts += 1
            }
            Err(error) => {
                let (errno, why) = (error.raw_os_error().unwrap_or(0), os_error(&error));
                return Err(Failure::new(format!("[Errno {errno}] {why}: '{}'", path.display())));
            }
        }
    }
}

/// Eight characters that nobody can guess.
fn random_word() -> Result<String, Failure> {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut random = [0; 8];
    rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())
        .map_err(|error| Failure::new(format!("no random numbers: {}", os_error(&error.into()))))?;
    Ok(random.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect())
}
