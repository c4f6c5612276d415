//! What a template prints: one value keeps its type, more become text.

use super::limits::Limits;
use crate::template::is_omit;
use crate::template::object::{Res, V};
use crate::value::Value;

#[derive(Default)]
pub struct Out {
    single: Option<V>,
    text: Option<String>,
}

impl Out {
    pub fn raw(&mut self, text: &str) -> Res<()> {
        if self.single.is_none() && self.text.is_none() {
            self.single = Some(V::str(text));
            return Ok(());
        }
        let out = self.as_text()?;
        out.push_str(text);
        Limits::output(out.len())
    }

    /// # Errors
    /// A missing value.
    pub fn value(&mut self, value: V) -> Res<()> {
        if let V::Missing(missing) = &value {
            return Err(missing.error());
        }
        // Nothing is printed for nothing, and it does not make text of what stands beside it.
        let nothing = match &value {
            V::None => true,
            V::Str(text) => {
                is_omit(&Value::Str(text.clone())) && (self.single.is_some() || self.text.is_some())
            }
            _ => false,
        };
        if nothing {
            return Ok(());
        }
        if self.single.is_none() && self.text.is_none() {
            self.single = Some(value);
            return Ok(());
        }
        let out = self.as_text()?;
        write(&value, out)?;
        Limits::output(out.len())
    }

    fn as_text(&mut self) -> Res<&mut String> {
        if self.text.is_none() {
            let mut text = String::with_capacity(64);
            if let Some(first) = self.single.take() {
                write(&first, &mut text)?;
            }
            self.text = Some(text);
        }
        Ok(self.text.get_or_insert_default())
    }

    /// The one value, or the text; `None` if nothing was printed.
    pub fn finish(self) -> V {
        match (self.text, self.single) {
            (Some(text), _) => V::from(text),
            (None, Some(value)) => value,
            (None, None) => V::None,
        }
    }

    /// As text in any case.
    ///
    /// # Errors
    /// A value that has no text.
    pub fn finish_text(mut self) -> Res<String> {
        Ok(std::mem::take(self.as_text()?))
    }
}

/// A value among other text: nothing for `None` and `omit`, tuples as lists.
fn write(value: &V, out: &mut String) -> Res<()> {
    match value {
        V::None | V::Missing(_) => {}
        V::Str(s) => {
            if !is_omit(&Value::Str(s.clone())) {
                out.push_str(s);
            }
        }
        V::Int(_) | V::Bool(_) | V::Float(_) | V::Big(_) | V::Object(_) => {
            crate::template::object::write_text(value, out)?;
        }
        V::Bytes(bytes) => out.push_str(&String::from_utf8_lossy(bytes)),
        other => out.push_str(&crate::template::object::text_of_data(other)?),
    }
    Ok(())
}
