//! The helper's command line. Only the bootstrap and the helper itself write it.

use std::ffi::OsString;
use std::path::PathBuf;

#[derive(Debug, PartialEq, Eq)]
pub enum Options {
    Serve(Serve),
    /// Exit 0 if this program has that SHA-256.
    Verify(String),
    /// Start a background job with the request on the standard input; its file.
    Job(PathBuf),
    /// Be that job.
    JobRun(PathBuf),
    /// Run a command with a terminal as its controlling one.
    Terminal {
        terminal: PathBuf,
        command: Vec<OsString>,
    },
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Serve {
    /// The login's umask (the bootstrap works with a private one).
    pub umask: Option<u32>,
    /// Where to work: the login's home.
    pub directory: Option<PathBuf>,
    /// Files and folders to remove at once, now that the program runs.
    pub remove: Vec<PathBuf>,
}

pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Options, String> {
    let mut words = words.into_iter();
    let mut serve = Serve::default();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{} wants a value", word.to_string_lossy()));
        match word.to_string_lossy().as_ref() {
            "--umask" => {
                let text = value()?;
                let mask = u32::from_str_radix(&text.to_string_lossy(), 8).ok().filter(|mask| *mask <= 0o777);
                serve.umask = Some(mask.ok_or(format!("bad umask {}", text.to_string_lossy()))?);
            }
            "--directory" => serve.directory = Some(value()?.into()),
            "--remove" => serve.remove.push(value()?.into()),
            "--verify" => return Ok(Options::Verify(value()?.to_string_lossy().into_owned())),
            "--job" => return Ok(Options::Job(value()?.into())),
            "--job-run" => return Ok(Options::JobRun(value()?.into())),
            "--terminal" => {
                let terminal = value()?.into();
                return Ok(Options::Terminal { terminal, command: words.collect() });
            }
            other => {
                return Err(format!(
                    "this program is started by ekumen, not by hand (unknown option {other})"
                ));
            }
        }
    }
    Ok(Options::Serve(serve))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(line: &str) -> Result<Options, String> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn reads_what_the_bootstrap_writes() {
        let serve = Serve {
            umask: Some(0o22),
            directory: Some("/root".into()),
            remove: vec!["/tmp/a".into(), "/tmp/b".into()],
        };
        assert_eq!(
            options("--umask 0022 --directory /root --remove /tmp/a --remove /tmp/b"),
            Ok(Options::Serve(serve))
        );
        assert_eq!(options(""), Ok(Options::Serve(Serve::default())));
        assert_eq!(options("--job /tmp/j1.2"), Ok(Options::Job("/tmp/j1.2".into())));
        assert_eq!(options("--job-run /tmp/j1.2"), Ok(Options::JobRun("/tmp/j1.2".into())));
        assert_eq!(options("--verify ab"), Ok(Options::Verify("ab".into())));
        let command = vec!["su".into(), "--umask".into()];
        assert_eq!(
            options("--terminal /dev/pts/1 su --umask"),
            Ok(Options::Terminal { terminal: "/dev/pts/1".into(), command })
        );
    }

    #[test]
    fn refuses_the_rest() {
        for line in ["--umask", "--umask 9", "--umask 7777", "--help", "serve"] {
            assert!(options(line).is_err(), "{line}");
        }
    }
}
