//! Templates that use other files: include, import, extends, blocks.

use super::env::Env;
use super::{Eval, Out};
use crate::template::engine::FileTemplate;
use crate::template::object::{Entries, Module, Object, Res, V, failed};
use crate::template::syntax::ir::Ex;
use crate::value::Value;
use std::sync::Arc;

/// A template file that another one extends.
pub type Loaded = Arc<FileTemplate>;

impl Eval<'_> {
    /// Runs a whole template: its body, then that of the one it extends.
    pub fn run(&mut self, file: &FileTemplate, out: &mut Out) -> Res<()> {
        self.add_blocks(file);
        self.source = file.source.clone();
        self.body(&file.program.body, out)?;
        let mut levels = 0;
        while let Some(parent) = self.parent.take() {
            levels += 1;
            if levels > 50 {
                return Err(failed("templates extend one another in a circle"));
            }
            self.source = parent.source.clone();
            self.body(&parent.program.body, out)?;
        }
        Ok(())
    }

    fn add_blocks(&mut self, file: &FileTemplate) {
        for block in &file.program.blocks {
            self.blocks.entry(block.name.clone()).or_default().push((block.clone(), file.source.clone()));
        }
    }

    fn load(&mut self, name: &V, ex: &Ex) -> Res<Option<Loaded>> {
        let names = match name {
            V::Str(_) => vec![name.clone()],
            other => other.items().map_err(|error| self.placed(error, ex.pos))?,
        };
        for name in names {
            let Some(name) = name.as_str() else { continue };
            if let Some(file) = self.ctx.load_template(name, &self.source)? {
                return Ok(Some(file));
            }
        }
        Ok(None)
    }

    fn load_or_fail(&mut self, ex: &Ex) -> Res<Loaded> {
        let name = self.need(ex)?;
        match self.load(&name, ex)? {
            Some(file) => Ok(file),
            None => Err(self.placed(not_found(&name), ex.pos)),
        }
    }

    pub(super) fn extends(&mut self, ex: &Ex) -> Res<()> {
        let file = self.load_or_fail(ex)?;
        self.add_blocks(&file);
        self.parent = Some(file);
        Ok(())
    }

    pub(super) fn include(&mut self, ex: &Ex, ignore_missing: bool, out: &mut Out) -> Res<()> {
        if self.parent.is_some() {
            return Ok(());
        }
        let name = self.need(ex)?;
        let Some(file) = self.load(&name, ex)? else {
            return if ignore_missing { Ok(()) } else { Err(self.placed(not_found(&name), ex.pos)) };
        };
        self.limits.enter().map_err(|error| self.placed(error, ex.pos))?;
        let outer = self.push();
        let source = self.source.clone();
        let blocks = std::mem::take(&mut self.blocks);
        let result = self.run(&file, out);
        self.blocks = blocks;
        self.source = source;
        self.env = outer;
        self.limits.leave();
        result
    }

    pub(super) fn import(&mut self, ex: &Ex) -> Res<V> {
        let file = self.load_or_fail(ex)?;
        self.limits.enter().map_err(|error| self.placed(error, ex.pos))?;
        // What the importing template has set is visible: harmless without `with context`, needed with it.
        let env = Env::child(&self.env);
        let outer = std::mem::replace(&mut self.env, env.clone());
        let source = self.source.clone();
        let blocks = std::mem::take(&mut self.blocks);
        let result = self.run(&file, &mut Out::default());
        self.blocks = blocks;
        self.source = source;
        self.env = outer;
        self.limits.leave();
        result?;
        let names: Entries = env.names().into_iter().map(|(name, value)| (Value::Str(name), value)).collect();
        Ok(V::object(Module(names)))
    }

    /// Renders the block of this name, `level` steps of `super()` up.
    pub(super) fn block(&mut self, name: &Arc<str>, level: usize, out: &mut Out) -> Res<()> {
        let Some((block, source)) = self.blocks.get(name).and_then(|levels| levels.get(level)).cloned()
        else {
            return Err(failed(format!("there is no parent block called '{name}'.")));
        };
        if block.required && level == 0 {
            return Err(failed(format!("Required block '{name}' not found")));
        }
        self.limits.enter()?;
        let outer = self.push();
        let outer_source = std::mem::replace(&mut self.source, source);
        let outer_block = self.current_block.replace((name.clone(), level));
        let outer_locals = std::mem::take(&mut self.locals);
        let result = self.body(&block.body, out);
        self.locals = outer_locals;
        self.current_block = outer_block;
        self.source = outer_source;
        self.env = outer;
        self.limits.leave();
        result.map(|_| ())
    }

    /// `super` and `self`.
    pub(super) fn special(&mut self, name: &str) -> Option<V> {
        match name {
            "super" => {
                let (name, level) = self.current_block.clone()?;
                Some(V::object(BlockRef { name, level: level + 1 }))
            }
            "self" => Some(V::object(Blocks)),
            _ => None,
        }
    }
}

fn not_found(name: &V) -> crate::template::TemplateError {
    match name.as_str() {
        Some(name) => failed(format!("the template file {name} could not be found for the search path")),
        None => failed("none of the templates given were found"),
    }
}

struct BlockRef {
    name: Arc<str>,
    level: usize,
}

impl Object for BlockRef {
    fn type_name(&self) -> &str {
        "BlockReference"
    }

    fn callable(&self) -> bool {
        true
    }

    fn call(&self, eval: &mut Eval, _: super::Args) -> Res<V> {
        let mut out = Out::default();
        eval.block(&self.name, self.level, &mut out)?;
        Ok(V::from(out.finish_text()?))
    }
}

/// `self`: the blocks of the template by name.
struct Blocks;

impl Object for Blocks {
    fn type_name(&self) -> &str {
        "TemplateReference"
    }

    fn get(&self, name: &str) -> Option<V> {
        Some(V::object(BlockRef { name: name.into(), level: 0 }))
    }
}
