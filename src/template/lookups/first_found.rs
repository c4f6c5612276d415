//! `first_found`: the first of several files that exists.

use super::Lookup;
use crate::template::filters;
use crate::template::object::{Res, V, failed, text};

pub fn first_found(lookup: &mut Lookup) -> Res<Vec<V>> {
    let mut skip = lookup.flag("skip", false)?;
    let paths = texts(lookup.option("paths"), &[',', ';', ':'])?;
    let mut names = Vec::new();
    for term in lookup.terms.clone() {
        collect(&term, &paths, &mut names, &mut skip)?;
    }
    let files = texts(lookup.option("files"), &[',', ';'])?;
    add(&files, &paths, &mut names);
    // `with_first_found` says where the action looks; as a function it does not know, and looks in no such folder.
    let folder = lookup.text("_subdir")?.unwrap_or_default();
    for name in &names {
        if let Some(path) = lookup.eval.ctx.candidates(&folder, name).into_iter().find(|path| path.exists()) {
            return Ok(vec![V::from(filters::normal_path(&path.to_string_lossy()))]);
        }
    }
    if skip {
        return Ok(Vec::new());
    }
    Err(failed("No file was found when using first_found."))
}

fn texts(value: Option<&V>, separators: &[char]) -> Res<Vec<String>> {
    Ok(match value {
        None | Some(V::None) => Vec::new(),
        Some(V::Str(names)) => names.split(separators).map(|name| name.trim().to_owned()).collect(),
        Some(other) => other.items()?.iter().map(text).collect::<Res<_>>()?,
    })
}

fn add(files: &[String], paths: &[String], names: &mut Vec<String>) {
    if paths.is_empty() {
        names.extend_from_slice(files);
    } else if files.is_empty() {
        names.extend_from_slice(paths);
    }
    for path in paths {
        names.extend(files.iter().map(|file| format!("{}/{file}", path.trim_end_matches('/'))));
    }
}

fn collect(term: &V, paths: &[String], names: &mut Vec<String>, skip: &mut bool) -> Res<()> {
    match term {
        V::Dict(dict) => {
            let member = |name: &str| dict.get_str(name).transpose();
            if let Some(flag) = member("skip")? {
                *skip = flag.to_value()?.ansible_bool().unwrap_or(false);
            }
            let files = texts(member("files")?.as_ref(), &[',', ';'])?;
            let paths = texts(member("paths")?.as_ref(), &[',', ';', ':'])?;
            add(&files, &paths, names);
        }
        V::Str(name) => {
            let files: Vec<String> = name.split([',', ';']).map(|name| name.trim().to_owned()).collect();
            add(&files, paths, names);
        }
        V::List(_) | V::Tuple(_) => {
            for item in term.items()? {
                collect(&item, paths, names, skip)?;
            }
        }
        other => {
            return Err(failed(format!(
                "Invalid term supplied. A string, dict or list is required, not {}",
                other.type_name()
            )));
        }
    }
    Ok(())
}
