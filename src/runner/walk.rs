//! Where each host stands in a play: a stack of blocks, of which the innermost has the next task.

use crate::playbook::{Block, Item, Task};
use std::sync::Arc;

/// A place in the play that can be compared: hosts at the smallest place go first, so that all stay in step.
pub type Place = Vec<usize>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    Main,
    Rescue,
    Always,
}

struct Frame {
    kind: FrameKind,
    index: usize,
}

enum FrameKind {
    Block {
        block: Arc<Block>,
        section: Section,
        /// A failure waits for the end of `always`.
        failing: bool,
        /// The order among what other hosts included at the same place (included blocks only).
        ordinals: Option<Vec<usize>>,
    },
    /// `flush_handlers`: the notified ones, in the order of the play's list.
    Handlers,
}

/// What a failure led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterFailure {
    /// A `rescue` runs next, or after the `always` sections on the way to it.
    Rescued,
    /// `always` runs, then the host is out.
    Failing,
    Out,
}

/// One host's way through a play.
pub struct Walk {
    frames: Vec<Frame>,
    /// Handlers to run, by their index in the play's list.
    pub notified: Vec<usize>,
    pub failed: bool,
    pub unreachable: bool,
    /// It ended by `end_host`, `end_play` or the like.
    pub ended: bool,
    /// Handlers run even though the host failed.
    force_handlers: bool,
    /// A failed host on its way to its last flush.
    last_flush: bool,
}

impl Walk {
    /// At the start of the sections of a play.
    pub fn new(sections: Arc<Block>, force_handlers: bool) -> Self {
        Self {
            frames: vec![Frame::block(sections, None)],
            notified: vec![],
            failed: false,
            unreachable: false,
            ended: false,
            force_handlers,
            last_flush: false,
        }
    }

    /// Whether the host takes part.
    pub fn live(&self) -> bool {
        !self.unreachable && !self.ended && (!self.failed || !self.frames.is_empty())
    }

    /// The next task and its place; `None` at the end.
    pub fn peek(&mut self, handlers: &[Arc<Task>]) -> Option<(Arc<Task>, Place)> {
        loop {
            if self.unreachable || self.ended {
                return None;
            }
            let frame = self.frames.last_mut()?;
            match &mut frame.kind {
                FrameKind::Handlers => {
                    let next = self.notified.iter().copied().filter(|handler| *handler >= frame.index).min();
                    match next.and_then(|index| handlers.get(index).map(|task| (index, task))) {
                        Some((index, task)) => {
                            frame.index = index;
                            return Some((task.clone(), self.place()));
                        }
                        None => self.leave(),
                    }
                }
                FrameKind::Block { block, section, failing, .. } => {
                    let items = section_items(block, *section);
                    match items.get(frame.index) {
                        Some(Item::Task(task)) => {
                            let task = task.clone();
                            return Some((task, self.place()));
                        }
                        Some(Item::Block(inner)) => {
                            let inner = Frame::block(inner.clone(), None);
                            self.frames.push(inner);
                        }
                        None if *section != Section::Always && !block.always.is_empty() => {
                            *section = Section::Always;
                            frame.index = 0;
                        }
                        None if *failing => {
                            self.frames.pop();
                            self.unwind();
                        }
                        None => self.leave(),
                    }
                }
            }
        }
    }

    fn place(&self) -> Place {
        let mut place = Vec::with_capacity(self.frames.len() * 2);
        for frame in &self.frames {
            match &frame.kind {
                FrameKind::Handlers => place.push(0),
                FrameKind::Block { section, ordinals, .. } => {
                    place.push(*section as usize);
                    if let Some(ordinal) = ordinals.as_ref().and_then(|ordinals| ordinals.get(frame.index)) {
                        place.push(*ordinal);
                    }
                }
            }
            place.push(frame.index);
        }
        place
    }

    /// The innermost frame is done: its parent goes on behind it.
    fn leave(&mut self) {
        self.frames.pop();
        if let Some(parent) = self.frames.last_mut() {
            parent.index += 1;
        }
        self.end_last_flush();
    }

    /// The flush of a failed host is over.
    fn end_last_flush(&mut self) {
        if self.last_flush && self.frames.len() == 2 {
            self.frames.clear();
        }
    }

    /// The next task is done (or skipped).
    pub fn advance(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            if matches!(frame.kind, FrameKind::Handlers) {
                let done = frame.index;
                self.notified.retain(|handler| *handler != done);
            }
            frame.index += 1;
        }
        self.end_last_flush();
    }

    /// In place of the next task (an include): these blocks, with their order among all hosts' blocks.
    pub fn include(&mut self, blocks: Vec<Arc<Block>>, ordinals: Vec<usize>) {
        let Some(first) = blocks.first() else { return self.advance() };
        if let Some(frame) = self.frames.last()
            && matches!(frame.kind, FrameKind::Handlers)
        {
            let done = frame.index;
            self.notified.retain(|handler| *handler != done);
        }
        let sequence = Block {
            level: first.level.clone(),
            name: None,
            span: first.span.clone(),
            main: blocks.into_iter().map(Item::Block).collect(),
            rescue: vec![],
            always: vec![],
        };
        self.frames.push(Frame::block(Arc::new(sequence), Some(ordinals)));
    }

    /// In place of the next task (`flush_handlers`): the notified handlers.
    pub fn flush(&mut self) {
        self.frames.push(Frame { kind: FrameKind::Handlers, index: 0 });
    }

    /// The next task failed.
    pub fn fail(&mut self) -> AfterFailure {
        // A handler that failed is not run again. In the flush that ends a section, nor is any other after it.
        if let Some(Frame { kind: FrameKind::Handlers, index }) = self.frames.last() {
            let done = *index;
            self.notified.retain(|handler| *handler != done);
        }
        self.force_handlers &= !self.in_last_flush();
        self.unwind()
    }

    /// Whether this is the flush that ends a section.
    fn in_last_flush(&self) -> bool {
        match self.frames.as_slice() {
            [_, Frame { kind: FrameKind::Block { block, section: Section::Main, .. }, index }, flush, ..] => {
                matches!(flush.kind, FrameKind::Handlers) && index + 1 == block.main.len()
            }
            _ => false,
        }
    }

    fn unwind(&mut self) -> AfterFailure {
        let section_now = self.frames.get(1).is_some().then(|| self.frames[0].index);
        while let Some(frame) = self.frames.last_mut() {
            if let FrameKind::Block { block, section, failing, .. } = &mut frame.kind {
                if *section == Section::Main && !block.rescue.is_empty() {
                    *section = Section::Rescue;
                    frame.index = 0;
                    return AfterFailure::Rescued;
                }
                if *section != Section::Always && !block.always.is_empty() {
                    *section = Section::Always;
                    *failing = true;
                    frame.index = 0;
                    let outer = &self.frames[..self.frames.len() - 1];
                    return if outer.iter().any(Frame::rescues) {
                        AfterFailure::Rescued
                    } else {
                        AfterFailure::Failing
                    };
                }
            }
            if self.frames.len() == 1 {
                break;
            }
            self.frames.pop();
        }
        self.failed = true;
        self.go_to_last_flush(section_now);
        AfterFailure::Out
    }

    /// With `force_handlers`, a failed host goes straight to the flush that ends its section.
    fn go_to_last_flush(&mut self, section: Option<usize>) {
        let again = self.last_flush;
        let (Some(section), Some(Frame { kind: FrameKind::Block { block, .. }, .. }), true, false) =
            (section, self.frames.first(), self.force_handlers, again)
        else {
            self.frames.clear();
            return;
        };
        let Some(Item::Block(inner)) = block.main.get(section) else {
            self.frames.clear();
            return;
        };
        let inner = inner.clone();
        let last = inner.main.len().saturating_sub(1);
        if !matches!(inner.main.get(last), Some(Item::Task(task)) if task.action.kind == crate::playbook::ActionKind::Meta)
        {
            self.frames.clear();
            return;
        }
        self.frames.truncate(1);
        if let Some(root) = self.frames.first_mut() {
            root.index = section;
        }
        let mut frame = Frame::block(inner, None);
        frame.index = last;
        self.frames.push(frame);
        self.last_flush = true;
    }

    /// The host is out, nothing more runs on it. In a block or file inside a rescue, this ends a rescue that had not come to its
    /// end: the host stays failed, unless the play forces handlers (as Ansible has it). True if that is so.
    pub fn end(&mut self) -> bool {
        let outer = &self.frames[..self.frames.len().saturating_sub(1)];
        let rescue = |frame: &Frame| matches!(&frame.kind, FrameKind::Block { section: Section::Rescue, .. });
        let unrescued = !self.force_handlers && outer.iter().any(rescue);
        self.failed |= unrescued;
        self.ended = true;
        self.frames.clear();
        unrescued
    }

    /// `end_role`: everything up to the mark that the role is complete is left out.
    pub fn end_role(&mut self, role: usize) {
        while let Some(frame) = self.frames.last() {
            let inside = match &frame.kind {
                FrameKind::Block { block, .. } => block.level.role.as_ref().is_some_and(|own| own.id == role),
                FrameKind::Handlers => true,
            };
            if !inside || self.frames.len() == 1 {
                break;
            }
            self.frames.pop();
        }
        if let Some(frame) = self.frames.last_mut() {
            frame.index += 1;
        }
    }

    /// `clear_host_errors`: a host that has something left to do goes on as if nothing had been.
    pub fn forgive(&mut self) {
        self.unreachable = false;
        if self.frames.is_empty() {
            return;
        }
        self.failed = false;
        self.last_flush = false;
        for frame in &mut self.frames {
            if let FrameKind::Block { failing, .. } = &mut frame.kind {
                *failing = false;
            }
        }
    }

    /// The next task found the host unreachable. Nothing more runs on it, unless it is forgiven.
    pub fn lose(&mut self) {
        self.advance();
        self.unreachable = true;
    }
}

impl Frame {
    /// Whether a failure inside is rescued here.
    fn rescues(&self) -> bool {
        matches!(&self.kind, FrameKind::Block { block, section: Section::Main, .. } if !block.rescue.is_empty())
    }

    fn block(block: Arc<Block>, ordinals: Option<Vec<usize>>) -> Self {
        Self { kind: FrameKind::Block { block, section: Section::Main, failing: false, ordinals }, index: 0 }
    }
}

fn section_items(block: &Block, section: Section) -> &[Item] {
    match section {
        Section::Main => &block.main,
        Section::Rescue => &block.rescue,
        Section::Always => &block.always,
    }
}
