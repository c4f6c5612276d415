//! Symbolic and hard links.

use super::{Draft, Step};
use crate::modules::kit::attributes::state;
use crate::modules::kit::{Failure, path};
use crate::value::Value;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

impl Draft<'_> {
    pub(super) fn link(&mut self, path: &str) -> Result<(), Failure> {
        let (place, follow, force) = (Path::new(path), self.args.follow, self.args.force);
        let found = state(place);
        let current = std::fs::read_link(place).ok().map(|target| target.to_string_lossy().into_owned());
        let wanted = match &self.args.src {
            Some(src) => Some(self.host.path(src)),
            None => current.clone().filter(|_| follow && place.exists()),
        };
        let directory = if found == "directory" { path } else { path::parent(path) };
        if let Some(src) = &wanted
            && !force
            && !Path::new(&path::join(directory, src)).exists()
        {
            let absolute = path::join(directory, src);
            let msg = format!(
                "src file does not exist, use 'force=yes' if you really want to create the link: {absolute}"
            );
            return Err(self.failure(path, msg).with("src", src.as_str()));
        }
        match found {
            "directory" if !force => {
                return Err(
                    self.failure(path, format!("refusing to convert from directory to symlink for {path}"))
                );
            }
            "directory" if std::fs::read_dir(place).is_ok_and(|mut entries| entries.next().is_some()) => {
                let msg = format!("the directory {path} is not empty, refusing to convert it");
                return Err(self.failure(path, msg));
            }
            "file" | "hard" if !force => {
                return Err(
                    self.failure(path, format!("refusing to convert from {found} to symlink for {path}"))
                );
            }
            "absent" if wanted.is_none() => {
                return Err(Failure::new("src is required for creating new symlinks"));
            }
            _ => {}
        }
        self.result.insert("src".into(), Value::from(wanted.as_deref()));
        let new = match (&wanted, found) {
            (None, _) => false,
            (Some(wanted), "link") => {
                let other = current.as_ref() != Some(wanted);
                if other {
                    self.note("src", Value::from(current), wanted.as_str());
                }
                other
            }
            (Some(_), _) => {
                self.note("state", found, "link");
                true
            }
        };
        if new && let Some(target) = wanted.clone() {
            self.steps.push(Step::Symlink { path: place.to_owned(), target });
        }
        // Where the link will lead.
        let target = match &wanted {
            Some(src) => PathBuf::from(path::join(path::parent(path), src)),
            None => place.to_owned(),
        };
        match (follow, target.exists()) {
            (true, true) => {
                let target = path::real(&target);
                self.existing_attributes(&target, true)?;
                self.times(&target, "preserve")
            }
            (true, false) => {
                self.host.warn_in(
                    crate::protocol::Mode::Apply,
                    "Cannot set fs attributes on a non-existent symlink target. follow should be set to False to avoid this.",
                );
                Ok(())
            }
            (false, _) if new => self.new_attributes_of_link(place),
            (false, _) => {
                self.existing_attributes(place, false)?;
                self.times(place, "preserve")
            }
        }
    }

    /// A new link is ours; it has no mode.
    fn new_attributes_of_link(&mut self, path: &Path) -> Result<(), Failure> {
        self.attributes.mode = None;
        self.new_attributes(path, false)
    }

    pub(super) fn hard(&mut self, path: &str) -> Result<(), Failure> {
        let place = Path::new(path);
        let found = state(place);
        let source = self.args.src.as_ref().map(|src| self.host.path(src));
        self.result.insert("src".into(), Value::from(source.as_deref()));
        let Some(source) = source else {
            if found == "absent" {
                return Err(Failure::new("src is required for creating new hardlinks"));
            }
            self.existing_attributes(place, self.args.follow)?;
            return self.times(place, "preserve");
        };
        let fail = |draft: &Self, msg: &str| {
            let failure =
                crate::modules::kit::attributes::failure_at(draft.host, path, "dest", Failure::new(msg));
            Err(failure.with("src", source.as_str()))
        };
        let Ok(origin) = std::fs::metadata(&source) else {
            return fail(self, "src does not exist");
        };
        let same = std::fs::symlink_metadata(place)
            .is_ok_and(|there| (there.dev(), there.ino()) == (origin.dev(), origin.ino()));
        if same {
            self.existing_attributes(place, self.args.follow)?;
            return self.times(place, "preserve");
        }
        match found {
            "hard" if !self.args.force => {
                return fail(self, "Cannot link, different hard link exists at destination");
            }
            "file" if !self.args.force => return fail(self, "Cannot link, file exists at destination"),
            "link" if !self.args.force => return fail(self, "Cannot link, file exists at destination"),
            "directory" => return fail(self, "Cannot link, directory exists at destination"),
            _ => {}
        }
        if found != "hard" {
            self.note("state", found, "hard");
        }
        self.steps.push(Step::HardLink { path: place.to_owned(), source: source.clone().into() });
        // The attributes are those of the file that both names mean.
        self.existing_attributes(Path::new(&source), self.args.follow)?;
        self.times(Path::new(&source), "preserve")
    }
}
