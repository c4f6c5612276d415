//! Tests of registered results.

use super::result_of;
use crate::diag::Diagnostic;
use crate::template::eval::Call;
use crate::template::object::{Res, V};

fn member(c: &Call, test: &str, name: &str) -> Res<Option<V>> {
    result_of(c, test)?.get_str(name).transpose()
}

pub fn flag(c: &Call, test: &str, name: &str) -> Res<bool> {
    member(c, test, name)?.map_or(Ok(false), |value| value.truth())
}

pub fn failed_flag(c: &mut Call, test: &str) -> Res<bool> {
    flag(c, test, "failed")
}

pub fn changed(c: &mut Call) -> Res<bool> {
    if let Some(value) = member(c, "changed", "changed")? {
        return value.truth();
    }
    // The result of a loop: whether any of its items changed.
    let Some(results) = member(c, "changed", "results")? else { return Ok(false) };
    for result in results.items()? {
        if let V::Dict(result) = result
            && let Some(value) = result.get_str("changed")
            && value?.truth()?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

pub fn timed_out(c: &mut Call) -> Res<bool> {
    match member(c, "timedout", "timedout")? {
        Some(V::Dict(dict)) => dict.get_str("period").map_or(Ok(false), |value| value?.truth()),
        _ => Ok(false),
    }
}

/// That a test is for jobs, and this is none.
fn no_job(c: &Call, test: &str) {
    let message = format!("The '{test}' test expects an async task, but a non-async task was tested");
    c.eval.ctx.engine().warn(Diagnostic::warning("no-job", message));
}

pub fn started(c: &mut Call) -> Res<bool> {
    match member(c, "started", "started")? {
        Some(value) => value.truth(),
        None => {
            no_job(c, "started");
            Ok(true)
        }
    }
}

pub fn finished(c: &mut Call) -> Res<bool> {
    let dict = result_of(c, "finished")?;
    match dict.get_str("finished") {
        Some(value) => value?.truth(),
        None if dict.get_str("ansible_job_id").is_some() => Ok(false),
        None => {
            no_job(c, "finished");
            Ok(true)
        }
    }
}
