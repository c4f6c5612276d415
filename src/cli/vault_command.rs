//! `ekumen vault`, `ansible-vault`: files and texts encrypted with a password.

use super::exit;
use super::options::print_error;
use super::setup::show;
use crate::diag::Diagnostic;
use crate::source::settings::{Name, Surroundings};
use crate::source::vault::{self, Vault, VaultSecret};
use crate::source::{Settings, args};
use crate::value::{Secret, str_repr};
use clap::{Args, Parser, Subcommand};
use std::io::{IsTerminal, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Encrypts and decrypts files and texts.
#[derive(Parser, Debug)]
#[command(disable_version_flag = true)]
struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
#[command(rename_all = "snake_case")]
enum Action {
    /// Write a new encrypted file with an editor
    Create(Files),
    /// Change an encrypted file with an editor
    Edit(Files),
    /// Show an encrypted file
    View(Files),
    /// Encrypt files, or standard input
    Encrypt(Files),
    /// Decrypt files, or standard input
    Decrypt(Files),
    /// Encrypt files with another password
    Rekey(Files),
    /// Encrypt a text, to put it into a YAML file
    EncryptString(Texts),
}

#[derive(Args, Debug)]
struct Files {
    #[command(flatten)]
    keys: Keys,
    /// Write here instead (`-` is standard output)
    #[arg(long, value_name = "FILE")]
    output: Option<String>,
    /// For `create`: open the editor even if this is no terminal
    #[arg(long)]
    skip_tty_check: bool,
    /// The files; standard input without any
    files: Vec<String>,
}

#[derive(Args, Debug)]
struct Texts {
    #[command(flatten)]
    keys: Keys,
    /// Write here instead (`-` is standard output)
    #[arg(long, value_name = "FILE")]
    output: Option<String>,
    /// The variable's name, one for each text
    #[arg(short, long, value_name = "NAME")]
    name: Vec<String>,
    /// Ask for the text
    #[arg(short, long)]
    prompt: bool,
    /// The variable's name for the text from standard input
    #[arg(long, value_name = "NAME")]
    stdin_name: Option<String>,
    /// The texts; standard input without any
    texts: Vec<String>,
}

#[derive(Args, Debug)]
struct Keys {
    /// A vault identity: LABEL@FILE, LABEL@prompt
    #[arg(long = "vault-id", value_name = "ID")]
    vault_ids: Vec<String>,
    /// A file (or program) with a vault password
    #[arg(long = "vault-password-file", visible_alias = "vault-pass-file", value_name = "FILE")]
    password_files: Vec<String>,
    /// Ask for the vault password
    #[arg(short = 'J', long = "ask-vault-password", visible_alias = "ask-vault-pass")]
    ask: bool,
    /// The label of the password to encrypt with, where there are several
    #[arg(long, value_name = "LABEL")]
    encrypt_vault_id: Option<String>,
    /// For `rekey`: the identity to encrypt with
    #[arg(long, value_name = "ID")]
    new_vault_id: Option<String>,
    /// For `rekey`: the file with the password to encrypt with
    #[arg(long, value_name = "FILE")]
    new_vault_password_file: Option<String>,
}

/// Wrong use of an option.
const USAGE: i32 = 5;

type Failure = (String, i32);

fn failed(what: impl ToString) -> Failure {
    (what.to_string(), exit::ERROR)
}

/// Runs the command; the exit code.
pub fn main(args: Vec<String>, name: Name) -> i32 {
    let options = match Options::try_parse_from(args) {
        Ok(options) => options,
        Err(error) => return super::run::usage(&error, name),
    };
    let settings = match Settings::load(Surroundings::of_process(name)) {
        Ok((settings, warnings)) => {
            warnings.iter().for_each(show);
            settings
        }
        Err(problem) => {
            show(&problem);
            return exit::of_settings(name);
        }
    };
    match run(&options.action, &settings) {
        Ok(()) => exit::OK,
        Err((what, code)) => {
            show(&Diagnostic::error("vault", what));
            code
        }
    }
}

fn run(action: &Action, settings: &Settings) -> Result<(), Failure> {
    match action {
        Action::Encrypt(files) => {
            let vault = open(&files.keys, settings)?;
            let with = encryptor(&files.keys.encrypt_vault_id, &vault, settings)?;
            each(files, |bytes, _| {
                if vault::is_encrypted(bytes) {
                    return Err(failed("input is already encrypted"));
                }
                encrypt(bytes, &with, settings)
            })?;
            say("Encryption successful");
        }
        Action::Decrypt(files) => {
            let vault = with_password(open(&files.keys, settings)?)?;
            each(files, |bytes, name| decrypt(&vault, bytes, name))?;
            say("Decryption successful");
        }
        Action::View(files) => {
            let vault = with_password(open(&files.keys, settings)?)?;
            for name in inputs(files) {
                let plain = decrypt(&vault, &read(name)?, name)?;
                write(None, &plain)?;
            }
        }
        Action::Rekey(files) => {
            let vault = with_password(open(&files.keys, settings)?)?;
            let sources: Vec<String> =
                files.keys.new_vault_id.iter().chain(&files.keys.new_vault_password_file).cloned().collect();
            let new = super::vault::named(&sources, false).map_err(|problem| failed(problem.summary))?;
            let with = encryptor(&None, &new, settings)?;
            for name in &files.files {
                let plain = decrypt(&vault, &read(name)?, &absolute(name))?;
                write(Some(Path::new(name)), &encrypt(&plain, &with, settings)?)?;
            }
            print_error("Rekey successful\n");
        }
        Action::Edit(files) => {
            let vault = with_password(open(&files.keys, settings)?)?;
            for name in &files.files {
                let sealed = read(name)?;
                let (plain, id) = open_sealed(&vault, &sealed, &absolute(name))?;
                // The same password again, unless another one is asked for.
                let with = match &files.keys.encrypt_vault_id {
                    Some(_) => encryptor(&files.keys.encrypt_vault_id, &vault, settings)?,
                    None => encryptor(&Some(id), &vault, settings)?,
                };
                let edited = edit(&plain, settings)?;
                if edited != plain {
                    write(Some(Path::new(name)), &encrypt(&edited, &with, settings)?)?;
                }
            }
        }
        Action::Create(files) => {
            let [name] = &files.files[..] else {
                return Err(("ansible-vault create can take only one filename argument".into(), USAGE));
            };
            if Path::new(name).exists() {
                return Err(failed(format!("{name} exists, please use 'edit' instead")));
            }
            let vault = open(&files.keys, settings)?;
            let with = encryptor(&files.keys.encrypt_vault_id, &vault, settings)?;
            if !std::io::stdout().is_terminal() && !files.skip_tty_check {
                return Err(("not a tty, editor cannot be opened".into(), USAGE));
            }
            let plain = edit(b"", settings)?;
            write(Some(Path::new(name)), &encrypt(&plain, &with, settings)?)?;
        }
        Action::EncryptString(texts) => encrypt_strings(texts, settings)?,
    }
    Ok(())
}

fn encrypt_strings(given: &Texts, settings: &Settings) -> Result<(), Failure> {
    let vault = open(&given.keys, settings)?;
    let with = encryptor(&given.keys.encrypt_vault_id, &vault, settings)?;
    let mut texts: Vec<(Option<String>, String)> = Vec::new();
    if given.prompt {
        let text = prompt("String to encrypt: ")?;
        texts.push((given.name.first().cloned(), text.expose().to_owned()));
    }
    for (number, text) in given.texts.iter().filter(|text| *text != "-").enumerate() {
        if text.is_empty() {
            return Err((
                "The plaintext provided from the command line args was empty, not encrypting".into(),
                USAGE,
            ));
        }
        texts.push((given.name.get(number).cloned(), text.clone()));
    }
    if texts.is_empty() || given.texts.iter().any(|text| text == "-") {
        if std::io::stdin().is_terminal() {
            print_error(
                "Reading plaintext input from stdin. (ctrl-d to end input, twice if your content does not already have a newline)\n",
            );
        }
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(failed)?;
        if text.is_empty() {
            return Err(("stdin was empty, not encrypting".into(), USAGE));
        }
        texts.push((given.stdin_name.clone(), text));
    }
    let mut out = String::new();
    for (name, text) in texts {
        let sealed = encrypt(text.as_bytes(), &with, settings)?;
        if let Some(name) = name {
            out.push_str(&format!("{name}: "));
        }
        out.push_str("!vault |\n");
        for line in String::from_utf8_lossy(&sealed).lines() {
            out.push_str(&format!("          {line}\n"));
        }
    }
    write(given.output.as_deref().filter(|file| *file != "-").map(Path::new), out.as_bytes())?;
    say("Encryption successful");
    Ok(())
}

/// What to read: the files, or standard input.
fn inputs(files: &Files) -> Vec<&str> {
    if files.files.is_empty() { vec!["-"] } else { files.files.iter().map(String::as_str).collect() }
}

/// Changes each file, or standard input to standard output.
fn each(files: &Files, change: impl Fn(&[u8], &str) -> Result<Vec<u8>, Failure>) -> Result<(), Failure> {
    let inputs = inputs(files);
    if files.output.is_some() && inputs.len() > 1 {
        return Err(("At most one input file may be used with the --output option".into(), USAGE));
    }
    for name in inputs {
        let changed = change(&read(name)?, &absolute(name))?;
        match files.output.as_deref() {
            Some("-") => write(None, &changed)?,
            Some(output) => write(Some(Path::new(output)), &changed)?,
            None if name == "-" => write(None, &changed)?,
            None => write(Some(Path::new(name)), &changed)?,
        }
    }
    Ok(())
}

fn absolute(name: &str) -> String {
    match name {
        "-" => "-".to_owned(),
        name => std::path::absolute(name)
            .map_or_else(|_| name.to_owned(), |path| path.to_string_lossy().into_owned()),
    }
}

fn read(name: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let done = match name {
        "-" => std::io::stdin().read_to_end(&mut bytes).map(drop),
        name => std::fs::read(name).map(|content| bytes = content),
    };
    done.map_err(|error| failed(format!("Unable to read source file ({}): {error}", absolute(name))))?;
    Ok(bytes)
}

/// Writes to standard output, or to a file that nobody else can read and that changes as a whole.
fn write(path: Option<&Path>, bytes: &[u8]) -> Result<(), Failure> {
    let Some(path) = path else {
        return std::io::stdout().lock().write_all(bytes).map_err(failed);
    };
    // A link stays one: what it points to is changed.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let broken = |error: std::io::Error| failed(format!("{} cannot be written: {error}", path.display()));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let temporary = folder.join(temporary_name());
    let written = private_file(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    if let Err(error) = written.and_then(|()| std::fs::rename(&temporary, &path)) {
        drop(std::fs::remove_file(&temporary));
        return Err(broken(error));
    }
    Ok(())
}

fn temporary_name() -> String {
    format!(".ekumen-vault-{}", uuid::Uuid::new_v4())
}

fn private_file(path: &Path) -> std::io::Result<std::fs::File> {
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// The passwords that the options or the settings name.
fn open(keys: &Keys, settings: &Settings) -> Result<Vault, Failure> {
    let (ids, files) = (&keys.vault_ids, &keys.password_files);
    super::vault::open(&super::vault::Keys { ids, files, ask: keys.ask }, settings)
        .map_err(|problem| failed(problem.summary))
}

fn with_password(vault: Vault) -> Result<Vault, Failure> {
    if !vault.is_empty() {
        return Ok(vault);
    }
    let password = prompt("Vault password: ")?;
    Ok(Vault::new(vec![VaultSecret { id: "default".into(), password }], false))
}

/// The password to encrypt with: the one that is asked for by its label, the only one, or a new one.
fn encryptor(wanted: &Option<String>, vault: &Vault, settings: &Settings) -> Result<VaultSecret, Failure> {
    let wanted = wanted.clone().or_else(|| settings.str("DEFAULT_VAULT_ENCRYPT_IDENTITY").map(str::to_owned));
    let mut labels: Vec<&str> = vault.secrets().iter().map(|secret| secret.id.as_str()).collect();
    labels.dedup();
    if let Some(wanted) = wanted {
        return vault.secrets().iter().find(|secret| secret.id == wanted).cloned().ok_or_else(|| {
            let known: Vec<String> = labels.iter().map(|label| str_repr(label)).collect();
            failed(format!(
                "Did not find a match for --encrypt-vault-id={wanted} in the known vault-ids [{}]",
                known.join(", ")
            ))
        });
    }
    match (vault.secrets(), labels.len()) {
        ([], _) => {
            let password = prompt("New Vault password: ")?;
            if prompt("Confirm New Vault password: ")?.expose() != password.expose() {
                return Err(failed("Passwords do not match"));
            }
            Ok(VaultSecret { id: "default".into(), password })
        }
        ([first, ..], 1) => Ok(first.clone()),
        _ => Err((
            format!(
                "The vault-ids {} are available to encrypt. Specify the vault-id to encrypt with --encrypt-vault-id",
                labels.join(",")
            ),
            USAGE,
        )),
    }
}

fn prompt(text: &str) -> Result<Secret, Failure> {
    rpassword::prompt_password(text)
        .map(Secret::new)
        .map_err(|error| failed(format!("no vault password could be read: {error}")))
}

fn encrypt(plain: &[u8], with: &VaultSecret, settings: &Settings) -> Result<Vec<u8>, Failure> {
    let salt = settings.str("VAULT_ENCRYPT_SALT").map(str::as_bytes);
    vault::encrypt(plain, &with.password, Some(&with.id), salt).map(String::into_bytes).map_err(failed)
}

fn decrypt(vault: &Vault, bytes: &[u8], name: &str) -> Result<Vec<u8>, Failure> {
    open_sealed(vault, bytes, name).map(|(plain, _)| plain)
}

/// The plain bytes, and the label of the password that opened them.
fn open_sealed(vault: &Vault, bytes: &[u8], name: &str) -> Result<(Vec<u8>, String), Failure> {
    if !vault::is_encrypted(bytes) {
        return Err(failed(format!("Input is not vault encrypted data. for {name}")));
    }
    let text = String::from_utf8_lossy(bytes);
    let (plain, id) = vault.decrypt(&text).map_err(|error| failed(format!("{error} for {name}")))?;
    Ok((plain, id.to_owned()))
}

/// The text after an editor had it. The file it is in is private and gone afterwards.
#[expect(clippy::disallowed_methods, reason = "the user's editor is a program of this machine")]
fn edit(plain: &[u8], settings: &Settings) -> Result<Vec<u8>, Failure> {
    struct Gone(PathBuf);
    impl Drop for Gone {
        fn drop(&mut self) {
            drop(std::fs::remove_file(&self.0));
        }
    }
    let file = Gone(std::env::temp_dir().join(temporary_name()));
    private_file(&file.0).and_then(|mut handle| handle.write_all(plain)).map_err(failed)?;
    let editor = settings.str("EDITOR").unwrap_or("vi");
    let words = args::split_args(editor).map_err(failed)?;
    let words: Vec<String> = words.iter().map(|word| args::unquote(word).to_owned()).collect();
    let Some((program, arguments)) = words.split_first() else {
        return Err(failed("the editor has no name"));
    };
    let status = std::process::Command::new(program)
        .args(arguments)
        .arg(&file.0)
        .status()
        .map_err(|error| failed(format!("Unable to execute the command \"{editor}\": {error}")))?;
    if !status.success() {
        return Err(failed(format!("the editor \"{editor}\" failed; nothing is changed")));
    }
    std::fs::read(&file.0).map_err(failed)
}

/// What went well, for people at a terminal.
fn say(text: &str) {
    if std::io::stdout().is_terminal() {
        print_error(&format!("{text}\n"));
    }
}
