//! `vars_prompt`: what a play asks before it begins.

use super::event::Event;
use super::play::{Runner, Stop};
use super::prompts;
use crate::diag::Diagnostic;
use crate::playbook::{Attr, Play, PromptSpec};
use crate::source::{Node, NodeKind};
use crate::template::{Context, Salt, Term, password_hash};
use crate::value::{Value, py_str};
use crate::vars::Terms;
use std::sync::Arc;

impl Runner<'_> {
    /// The answers. What `-e` says is not asked.
    pub(super) fn vars_prompts(&mut self, play: &Arc<Play>) -> Result<Terms, Stop> {
        let context = self.shared.play_context(play, None, "");
        let mut answers = Terms::new();
        let asked = |spec: &&PromptSpec| !self.shared.store.extra.contains_key(spec.name.as_str());
        let open: Vec<&PromptSpec> = play.prompts.iter().filter(asked).collect();
        if open.is_empty() {
            return Ok(answers);
        }
        let interactive = prompts::is_interactive();
        if !interactive {
            let text = "Not prompting as we are not in interactive mode";
            self.emit(&Event::Problem(Diagnostic::warning("prompt", text)));
        }
        self.emit(&Event::Terminal { wanted: true });
        for spec in open {
            let answer = self.answer(spec, &context, interactive)?;
            answers.insert(spec.name.as_str(), answer, spec.prompt.as_ref().map(|attr| attr.span.clone()));
        }
        self.emit(&Event::Terminal { wanted: false });
        Ok(answers)
    }

    /// One answer. Who sits at the keyboard is an author: what they type may be a template, unless `unsafe` says that it is data.
    fn answer(&self, spec: &PromptSpec, context: &Context, interactive: bool) -> Result<Term, Stop> {
        let broken = |message: String, attr: &Attr| {
            Stop::Broken(Box::new(Diagnostic::error("prompt", message).at(&attr.span)))
        };
        let render = |attr: &Option<Attr>| match attr {
            None => Ok(None),
            Some(attr) => match context.render(&attr.term) {
                Ok(value) => Ok(Some(value).filter(|value| !value.is_null())),
                Err(error) => Err(broken(error.into_message(), attr)),
            },
        };
        let truth = |attr: &Option<Attr>, default: bool| {
            render(attr).map(|value| value.and_then(|value| value.ansible_bool()).unwrap_or(default))
        };
        let default = render(&spec.default)?;
        let text = render(&spec.prompt)?.map_or_else(|| spec.name.clone(), |text| py_str(&text));
        let shown = match &default {
            Some(default) => format!("{text} [{}]: ", py_str(default)),
            None => format!("{text}: "),
        };
        let echo = !truth(&spec.private, true)?;
        let confirm = truth(&spec.confirm, false)?;
        let typed = if interactive { typed(&shown, echo, confirm) } else { None };
        let answer = match typed.filter(|text| !text.is_empty()) {
            Some(text) => Value::from(text),
            // Python's word for nothing is what the variable holds.
            None => default.unwrap_or_else(|| if interactive { "" } else { "None" }.into()),
        };
        if let (Some(method), Some(attr)) = (render(&spec.encrypt)?, &spec.encrypt) {
            let salt = render(&spec.salt)?.map(|salt| py_str(&salt));
            let size = render(&spec.salt_size)?.and_then(|size| py_str(&size).trim().parse().ok());
            let salt = Salt { text: salt.as_deref(), size };
            let hashed = password_hash(&py_str(&answer), &py_str(&method), salt);
            return hashed
                .map(|text| Term::Data(text.into()))
                .map_err(|error| broken(error.into_message(), attr));
        }
        Ok(match answer {
            Value::Str(text) if !truth(&spec.is_unsafe, false)? => {
                let place = crate::diag::Span::synthetic("<vars_prompt>", &text);
                self.shared.engine.compile(&Node::new(NodeKind::Str(text), place))
            }
            other => Term::Data(other),
        })
    }
}

/// What the user types, twice the same where it has to be confirmed.
fn typed(prompt: &str, echo: bool, confirm: bool) -> Option<String> {
    loop {
        let first = prompts::read_line(prompt, echo)?;
        if !confirm || prompts::read_line(&format!("confirm {prompt}"), echo)? == first {
            return Some(first);
        }
        prompts::say("***** VALUES ENTERED DO NOT MATCH ****\n");
    }
}
