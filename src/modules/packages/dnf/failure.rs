//! What dnf says when it refuses, in Ansible's words.

use super::command::{Generation, Refusal, Step};
use super::steps::is_file;
use crate::modules::kit::{Failure, Output};
use crate::value::Value;

/// The failure of a task.
pub fn failure(generation: Generation, step: &Step, refusal: Refusal) -> Failure {
    match refusal {
        Refusal::NotRun(failure) => failure,
        Refusal::Said(output) => said(generation, step, &output),
    }
}

/// A failure of that message, as modules of that generation give them.
pub fn failed(generation: Generation, msg: impl Into<String>, failures: Option<Vec<String>>) -> Failure {
    let mut failure = Failure::new(msg);
    if generation == Generation::Four {
        failure = failure.with("results", Value::list(Vec::new()));
    }
    let failures = match generation {
        Generation::Four => failures,
        Generation::Five => Some(failures.unwrap_or_default()),
    };
    match failures {
        Some(failures) => failure.with("failures", failures).with("rc", 1),
        None => failure,
    }
}

fn said(generation: Generation, step: &Step, output: &Output) -> Failure {
    let (stdout, stderr) = (output.stdout(), output.stderr());
    let lines = || stdout.lines().chain(stderr.lines());
    let mut missing: Vec<String> = lines().filter_map(|line| not_to_be_had(generation, line)).collect();
    if stderr.contains("Error: There are no enabled repositories") && step.verb == "install" {
        missing = step.words.iter().map(|word| format!("No package {word} available.")).collect();
    }
    if !missing.is_empty() {
        return failed(generation, "Failed to install some of the specified packages", Some(missing));
    }
    if generation == Generation::Four {
        let group = |line: &str| {
            let rest = line.strip_prefix("Module or Group '")?;
            Some(rest.strip_suffix("' is not available.")?.to_owned())
        };
        if let Some(group) = lines().find_map(group) {
            return failed(generation, format!("No group {group} available."), None);
        }
        if let Some((_, problems)) = stderr.split_once("Error: \n Problem") {
            let text = format!("Depsolve Error occurred: \n Problem{}", problems.trim_end());
            return failed(generation, text, Some(Vec::new()));
        }
    }
    if let Some((_, problems)) = stderr.split_once("Failed to resolve the transaction:\nProblem") {
        let problems = problems.split("\nYou can try to add to command line:").next().unwrap_or(problems);
        let problems = problems.split("\nProblem").map(|problem| format!("Problem{}", problem.trim_end()));
        return failed(generation, "Depsolve Error occurred", Some(problems.collect()));
    }
    let mut urls = step.words.iter().filter(|word| is_file(word) && word.contains("://"));
    if let Some((url, line)) = urls.find_map(|url| Some((url, lines().rfind(|line| curl(line, url))?))) {
        let reason = line.trim().trim_start_matches("Librepo error: ");
        return Failure::new(format!("Failure downloading {url}, {reason}"));
    }
    if generation == Generation::Four && stderr.contains("Error: Transaction failed") {
        let said = lines().filter(|line| line.starts_with("error: ")).map(Value::from).collect();
        let failure =
            failed(generation, "Failed to install some of the specified packages", Some(Vec::new()));
        return failure.with("failures", Value::list(vec![Value::list(said)]));
    }
    if generation == Generation::Five && stderr.contains("Transaction failed: Rpm transaction failed.") {
        let said = stderr.lines().filter_map(|line| line.strip_prefix(">>> ")).map(str::to_owned).collect();
        return failed(generation, "Failed to install some of the specified packages", Some(said));
    }
    if let Some(reason) = lines().find(|line| line.starts_with("OpenPGP check for package ")) {
        return failed(generation, format!("Failed to validate GPG signatures: {reason}"), None);
    }
    let unsigned = |line: &str| {
        let package = line.strip_prefix("Package ")?.strip_suffix(".rpm is not signed")?;
        Some(format!("Failed to validate GPG signature for {package}: {line}"))
    };
    if let Some(text) = lines().find_map(unsigned) {
        return Failure::new(text);
    }
    let text = match stderr.trim().rsplit_once("Error: ") {
        Some((_, reason)) if generation == Generation::Four && !reason.trim().is_empty() => {
            reason.trim().to_owned()
        }
        _ => complaint(&stderr).unwrap_or_else(|| stdout.trim().to_owned()),
    };
    let mut failure = failed(generation, text, matches!(generation, Generation::Five).then(Vec::new));
    failure = failure.with("rc", 1);
    failure
}

/// Whether a line says why there is nothing to be had from a URL.
fn curl(line: &str, url: &str) -> bool {
    line.contains("Curl error") && line.contains(url)
}

/// What dnf 5 prints beside its progress.
fn complaint(stderr: &str) -> Option<String> {
    let progress = |line: &&str| {
        !(line.trim().is_empty()
            || line.starts_with(['[', '>', ' ', '-'])
            || line.starts_with("Updating and loading")
            || line.starts_with("Repositories loaded")
            || line.starts_with("Total size of")
            || line.starts_with("After this operation")
            || line.starts_with("Running transaction"))
    };
    let text = stderr.lines().filter(progress).collect::<Vec<_>>().join("\n");
    (!text.is_empty()).then_some(text)
}

/// A word that stands for no package, in the words that its absence has.
fn not_to_be_had(generation: Generation, line: &str) -> Option<String> {
    if let Some(word) = line.strip_prefix("No match for argument: ") {
        return Some(match (generation, word) {
            (Generation::Four, "") => " No match for argument".to_owned(),
            _ => format!("No package {word} available."),
        });
    }
    if let Some(word) = line.strip_prefix("All matches were filtered out by exclude filtering for argument: ")
    {
        return Some(format!("{word} {line}"));
    }
    (line.starts_with("Argument '") && line.ends_with("matches only excluded packages."))
        .then(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(generation: Generation, stdout: &str, stderr: &str) -> (String, Option<Value>) {
        let output = Output { rc: 1, stdout: stdout.into(), stderr: stderr.into() };
        let step = Step { verb: "install", words: vec!["http://h/a.rpm".into(), "b".into()] };
        let failure = said(generation, &step, &output);
        (failure.msg, failure.result.get("failures").cloned())
    }

    #[test]
    fn refusals_have_ansibles_words() {
        let list =
            |texts: &[&str]| Some(Value::from(texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>()));
        let some = "Failed to install some of the specified packages";
        use Generation::{Five, Four};
        assert_eq!(
            told(
                Four,
                "No match for argument: a\nNo match for argument: b\n",
                "Error: Unable to find a match: a b\n"
            ),
            (some.into(), list(&["No package a available.", "No package b available."]))
        );
        assert_eq!(
            told(
                Five,
                "",
                "Failed to resolve the transaction:\nArgument 'a' matches only excluded packages.\n"
            ),
            (some.into(), list(&["Argument 'a' matches only excluded packages."]))
        );
        assert_eq!(
            told(Four, "", "Module or Group 'g' is not available.\nError: Nothing to do.\n"),
            ("No group g available.".into(), None)
        );
        assert_eq!(
            told(Four, "(try to add)\n", "Error: \n Problem: conflicting requests\n  - nothing provides x\n")
                .0,
            "Depsolve Error occurred: \n Problem: conflicting requests\n  - nothing provides x"
        );
        assert_eq!(
            told(
                Five,
                "",
                "Failed to resolve the transaction:\nProblem: p\n  - q\nYou can try to add to command line:\n  --x\n"
            ),
            ("Depsolve Error occurred".into(), list(&["Problem: p\n  - q"]))
        );
        assert_eq!(
            told(Four, "", "Package libek-one-1.0-1.noarch.rpm is not signed\nError: GPG check FAILED\n").0,
            "Failed to validate GPG signature for libek-one-1.0-1.noarch: Package libek-one-1.0-1.noarch.rpm is not signed"
        );
        assert_eq!(
            told(
                Four,
                "",
                "Error: Failed to download metadata for repo 'gone': Cannot download repomd.xml\n"
            )
            .0,
            "Failed to download metadata for repo 'gone': Cannot download repomd.xml"
        );
        assert_eq!(
            told(Four, "", "Curl error (7): Couldn't connect to server for http://h/a.rpm [no]\n").0,
            "Failure downloading http://h/a.rpm, Curl error (7): Couldn't connect to server for http://h/a.rpm [no]"
        );
        assert_eq!(
            told(Four, "", "Error: There are no enabled repositories in \"/etc/yum.repos.d\".\n").1,
            list(&["No package http://h/a.rpm available.", "No package b available."])
        );
        let text = ">>> Running %pre scriptlet: a\n>>> Error in %pre scriptlet: a\nTransaction failed: Rpm transaction failed.\n";
        assert_eq!(
            told(Five, "", text),
            (some.into(), list(&["Running %pre scriptlet: a", "Error in %pre scriptlet: a"]))
        );
        let text = "Transaction failed: Signature verification failed.\nOpenPGP check for package \"a\" has failed: The package is not signed.\n";
        assert_eq!(
            told(Five, "", text).0,
            "Failed to validate GPG signatures: OpenPGP check for package \"a\" has failed: The package is not signed."
        );
        assert_eq!(
            told(Five, "", "Updating and loading repositories:\n gone 100%\nFailed to download metadata\n").0,
            "Failed to download metadata"
        );
    }
}
