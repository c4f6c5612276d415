//! Where each host stands in a play: a stack of blocks, of which the innermost has the next task.

use crate::playbook::{ActionKind, Block, Item, Task};
use std::sync::Arc;

/// A place in the play that can be compared: hosts at the smallest place go first, so that all stay in step.
pub type Place = Vec<usize>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    Main,
    Rescue,
    Always,
}

/// Where a failure leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caught {
    /// To a `rescue`, or to `always` sections on the way to it.
    Rescued,
    /// `always` runs, then the host is out.
    Failing,
    Out,
}

#[derive(Clone)]
struct Frame {
    kind: FrameKind,
    index: usize,
}

#[derive(Clone)]
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
pub struct Failure {
    /// It counts as rescued: a `rescue` runs next, or after the `always` sections on the way to it. (A handler's failure counts so
    /// wherever the outermost block has a `rescue`, even if it is past that.)
    pub rescued: bool,
    /// Nothing more runs on the host, not even handlers.
    pub over: bool,
}

/// Where the hosts of a batch are together. It only moves forward, and begins anew when no host has anything left in front of it:
/// a host that is thrown back (by a failure of another, by `clear_host_errors`) waits until then.
pub struct Cursor {
    at: Option<Place>,
    /// The flushes that end the sections are one task at several places.
    flushes: Vec<Place>,
}

impl Cursor {
    /// In front of the sections of a play.
    pub fn new(sections: &Block) -> Self {
        let last = |item: &Item| match item {
            Item::Block(block) => block.main.last().and_then(|last| match last {
                Item::Task(task) if is_section_flush(task) => Some(block.main.len() - 1),
                _ => None,
            }),
            Item::Task(_) => None,
        };
        let flushes = sections.main.iter().enumerate();
        let flushes = flushes.filter_map(|(index, item)| Some(vec![0, index, 0, last(item)?])).collect();
        Self { at: None, flushes }
    }

    /// The task that comes first, of those that hosts have next.
    pub fn step(&mut self, next: &[(Arc<Task>, Place)]) -> Option<Arc<Task>> {
        let ahead = |place: &&Place| self.at.as_ref().is_none_or(|at| *place > at);
        let places = |task: &Task, place| -> Vec<&Place> {
            if is_section_flush(task) && self.flushes.contains(place) {
                self.flushes.iter().collect()
            } else {
                vec![place]
            }
        };
        let first = next
            .iter()
            .filter_map(|(task, place)| Some((places(task, place).into_iter().filter(ahead).min()?, task)))
            .min_by_key(|(place, _)| *place);
        let (place, task) = first
            .or_else(|| next.iter().map(|(task, place)| (place, task)).min_by_key(|(place, _)| *place))?;
        let (place, task) = (place.clone(), task.clone());
        self.at = Some(place);
        Some(task)
    }
}

/// One host's way through a play.
pub struct Walk {
    /// Right behind the last task that it took part in, still in that task's block: there, a failure of others catches it.
    at: Position,
    /// In front of its next task, from when that was looked for.
    next: Option<Position>,
    /// What was notified and waits for the next flush: only there is it known which handlers answer to these names.
    notified: Vec<String>,
    /// Handlers of a flush that began and have not run, by their index in the play's list. Those notified by a later one wait here for the next flush.
    flushing: Vec<usize>,
    /// A failure was not caught by the innermost block, and the host has taken no step since: another one adds nothing.
    fell_through: bool,
    /// `--start-at-task`: nothing before this place runs, but for the task that gathers facts.
    start: Option<Place>,
    pub unreachable: bool,
    /// It ended by `end_host`, `end_play` or the like.
    pub ended: bool,
}

#[derive(Clone)]
struct Position {
    frames: Vec<Frame>,
    failed: bool,
    /// Handlers run even though the host failed.
    force_handlers: bool,
    /// A failed host on its way to its last flush.
    last_flush: bool,
    /// The handler at which the next flush begins: behind one that failed in the flush before (as Ansible has it), else the
    /// first.
    first_handler: usize,
}

impl Walk {
    /// At the start of the sections of a play.
    pub fn new(sections: Arc<Block>, force_handlers: bool) -> Self {
        let frames = vec![Frame::block(sections, None)];
        Self {
            at: Position { frames, failed: false, force_handlers, last_flush: false, first_handler: 0 },
            next: None,
            notified: vec![],
            flushing: vec![],
            fell_through: false,
            start: None,
            unreachable: false,
            ended: false,
        }
    }

    fn view(&self) -> &Position {
        self.next.as_ref().unwrap_or(&self.at)
    }

    /// Whether the host failed, and nothing rescued it.
    pub fn failed(&self) -> bool {
        self.view().failed
    }

    /// Whether the host failed and has nothing left to do, not even handlers that run all the same.
    pub fn is_out(&self) -> bool {
        self.failed() && self.view().frames.is_empty()
    }

    /// Begins at the first task that is meant; false if there is none.
    pub fn start_at(&mut self, mut meant: impl FnMut(&Arc<Task>) -> bool) -> bool {
        let mut scout = Walk {
            at: self.at.clone(),
            notified: vec![],
            flushing: vec![],
            next: None,
            start: None,
            ..*self
        };
        while let Some((task, place)) = scout.peek(&[], true) {
            if meant(&task) {
                self.start = Some(place);
                return true;
            }
            scout.step();
            scout.advance();
        }
        false
    }

    /// A task changed something: who answers to this name is to run. In a flush, those that do now.
    pub fn notify(&mut self, name: &str, handlers: &[usize]) {
        if self.at.frames.iter().any(|frame| matches!(frame.kind, FrameKind::Handlers)) {
            self.add(handlers);
        } else if !self.notified.iter().any(|other| other == name) {
            self.notified.push(name.to_owned());
        }
    }

    fn add(&mut self, handlers: &[usize]) {
        for handler in handlers {
            if !self.flushing.contains(handler) {
                self.flushing.push(*handler);
            }
        }
    }

    /// Whether handlers were notified that have not run.
    pub fn awaits_handlers(&self) -> bool {
        !self.notified.is_empty() || self.is_flushing()
    }

    /// The handlers of a flush that have not run, by their index in the play's list.
    pub fn flushing(&self) -> &[usize] {
        &self.flushing
    }

    /// Whether handlers of a flush have not run.
    pub fn is_flushing(&self) -> bool {
        !self.flushing.is_empty()
    }

    /// The next task and its place; `None` at the end. While no host is flushing (`quiet`), the flush that ends a section is
    /// passed by if nothing was notified. The host stays where it is: see [`Walk::step`].
    pub fn peek(&mut self, handlers: &[Arc<Task>], quiet: bool) -> Option<(Arc<Task>, Place)> {
        if self.unreachable || self.ended {
            self.next = None;
            return None;
        }
        let mut next = self.at.clone();
        let found = loop {
            let Some((task, place)) = next.next(handlers, &self.flushing) else { break None };
            let early = self.start.as_ref().is_some_and(|start| place < *start) && !is_gathering(&task);
            if early || (quiet && !self.awaits_handlers() && is_section_flush(&task)) {
                next.advance();
                continue;
            }
            break Some((task, place));
        };
        self.next = Some(next);
        found
    }

    /// The host takes part in the task that was found last.
    pub fn step(&mut self) {
        self.fell_through = false;
        if let Some(next) = self.next.take() {
            self.at = next;
        }
    }

    /// The handler that is next has had its turn.
    fn handler_done(&mut self) {
        if let Some(Frame { kind: FrameKind::Handlers, index }) = self.at.frames.last() {
            let done = *index;
            self.flushing.retain(|handler| *handler != done);
        }
    }

    /// A handler of the flush has run for this host, too.
    pub fn forget(&mut self, handler: usize) {
        self.flushing.retain(|other| *other != handler);
    }

    /// The next task is done (or skipped).
    pub fn advance(&mut self) {
        self.handler_done();
        self.at.advance();
    }

    /// In place of the next task (an include): these blocks, with their order among all hosts' blocks.
    pub fn include(&mut self, blocks: Vec<Arc<Block>>, ordinals: Vec<usize>) {
        let Some(first) = blocks.first() else { return self.advance() };
        self.handler_done();
        let sequence = Block {
            level: first.level.clone(),
            name: None,
            span: first.span.clone(),
            main: blocks.into_iter().map(Item::Block).collect(),
            rescue: vec![],
            always: vec![],
        };
        self.at.frames.push(Frame::block(Arc::new(sequence), Some(ordinals)));
    }

    /// In place of the next task (`flush_handlers`): the handlers that answer to what was notified.
    pub fn flush(&mut self, mut find: impl FnMut(&str) -> Vec<usize>) {
        for name in std::mem::take(&mut self.notified) {
            self.add(&find(&name));
        }
        self.at.frames.push(Frame { kind: FrameKind::Handlers, index: self.at.first_handler });
    }

    /// Whether the innermost block catches a failure: with `rescue`, or for as long as its `always` takes.
    fn catches(&self) -> bool {
        let mut blocks = self.at.frames.iter().rev();
        // What was included counts from the host's first step in it.
        let innermost = blocks.find(|frame| matches!(frame.kind, FrameKind::Block { ordinals: None, .. }));
        innermost.is_some_and(|frame| match &frame.kind {
            FrameKind::Block { block, section, .. } => {
                frame.rescues() || (*section != Section::Always && !block.always.is_empty())
            }
            FrameKind::Handlers => false,
        })
    }

    /// The task failed, or another host's failure is everybody's. Several failures of one step each leave a block: what the
    /// innermost one catches, the next leaves again.
    pub fn fail(&mut self) -> Failure {
        self.next = None;
        if self.fell_through {
            return self.failure(false);
        }
        self.fell_through = !self.catches();
        let flush = self.at.frames.iter().position(|frame| matches!(frame.kind, FrameKind::Handlers));
        let flushing = flush.is_some();
        // Ansible counts the tasks of a file that a handler includes as handlers of this flush, and goes by that number in the next.
        let steps = |frame: &Frame| match frame.kind {
            FrameKind::Block { ordinals: None, .. } => frame.index,
            FrameKind::Handlers | FrameKind::Block { .. } => frame.index + 1,
        };
        if let Some(flush) = flush {
            self.at.first_handler = self.at.frames[flush..].iter().map(steps).sum();
        }
        let outermost = self.at.outermost().is_some_and(|(_, block, ..)| !block.rescue.is_empty());
        // A handler that failed is not run again. In the flush that ends a section, nor is any other after it.
        self.handler_done();
        self.at.force_handlers &= !self.at.in_last_flush();
        let caught = self.at.unwind();
        self.failure(caught == Caught::Rescued || (flushing && outermost))
    }

    fn failure(&self, rescued: bool) -> Failure {
        Failure { rescued, over: self.at.failed && (self.at.frames.is_empty() || !self.awaits_handlers()) }
    }

    /// The host is out, nothing more runs on it. If that leaves a block unfinished in which it failed, it stays failed: the
    /// outermost block counts, in its `always`, or in a block or file inside its `rescue`, unless the play forces handlers (as
    /// Ansible has it).
    pub fn end(&mut self) {
        self.next = None;
        let unfinished = self.at.outermost().is_some_and(|(depth, _, section, failing)| match section {
            Section::Main => false,
            Section::Rescue => depth + 1 < self.at.frames.len(),
            Section::Always => failing,
        });
        self.at.frames.clear();
        self.at.failed |= unfinished && !self.at.force_handlers;
        self.ended = true;
    }

    /// `end_role`: everything up to the mark that the role is complete is left out.
    pub fn end_role(&mut self, role: usize) {
        let frames = &mut self.at.frames;
        while let Some(frame) = frames.last() {
            let inside = match &frame.kind {
                FrameKind::Block { block, .. } => block.level.role.as_ref().is_some_and(|own| own.id == role),
                FrameKind::Handlers => true,
            };
            if !inside || frames.len() == 1 {
                break;
            }
            frames.pop();
        }
        if let Some(frame) = frames.last_mut() {
            frame.index += 1;
        }
    }

    /// `clear_host_errors`: a host that has something left to do goes on as if nothing had been.
    pub fn forgive(&mut self) {
        self.unreachable = false;
        let over = self.view().frames.is_empty();
        self.at.failed = false;
        if over {
            self.at.frames.clear();
            return;
        }
        self.next = None;
        self.at.last_flush = false;
        for frame in &mut self.at.frames {
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

impl Position {
    /// Goes to the next task, of the handlers to the next of those that are `flushing`.
    fn next(&mut self, handlers: &[Arc<Task>], flushing: &[usize]) -> Option<(Arc<Task>, Place)> {
        loop {
            let frame = self.frames.last_mut()?;
            match &mut frame.kind {
                FrameKind::Handlers => {
                    let next = flushing.iter().copied().filter(|handler| *handler >= frame.index).min();
                    match next.and_then(|index| handlers.get(index).map(|task| (index, task))) {
                        Some((index, task)) => {
                            frame.index = index;
                            return Some((task.clone(), self.place()));
                        }
                        None => {
                            self.first_handler = 0;
                            self.leave();
                        }
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
        self.advance();
    }

    fn advance(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            frame.index += 1;
        }
        // The flush of a failed host is over.
        if self.last_flush && self.frames.len() == 2 {
            self.frames.clear();
        }
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

    /// The block that a play or one of its roles lists, around where the host is: its depth, itself, its section and whether it
    /// failed. What is imported or included stands inside one.
    fn outermost(&self) -> Option<(usize, &Arc<Block>, Section, bool)> {
        let of_play = |depth: usize| match &self.frames.get(depth)?.kind {
            FrameKind::Block { block, section, failing, .. } => Some((depth, block, *section, *failing)),
            FrameKind::Handlers => None,
        };
        let (depth, block, ..) = of_play(2)?;
        match &block.level.role {
            Some(role) if !role.by_task => of_play(depth + 1),
            _ => of_play(depth),
        }
    }

    fn unwind(&mut self) -> Caught {
        let section_now = self.frames.get(1).is_some().then(|| self.frames[0].index);
        while let Some(frame) = self.frames.last_mut() {
            if let FrameKind::Block { block, section, failing, .. } = &mut frame.kind {
                if *section == Section::Main && !block.rescue.is_empty() {
                    *section = Section::Rescue;
                    frame.index = 0;
                    return Caught::Rescued;
                }
                if *section != Section::Always && !block.always.is_empty() {
                    *section = Section::Always;
                    *failing = true;
                    frame.index = 0;
                    let outer = &self.frames[..self.frames.len() - 1];
                    return if outer.iter().any(Frame::rescues) { Caught::Rescued } else { Caught::Failing };
                }
            }
            if self.frames.len() == 1 {
                break;
            }
            self.frames.pop();
        }
        self.failed = true;
        self.go_to_last_flush(section_now);
        Caught::Out
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
        if !matches!(inner.main.get(last), Some(Item::Task(task)) if is_section_flush(task)) {
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

/// Whether this is the task that ends each section of a play.
pub fn is_section_flush(task: &Task) -> bool {
    task.implicit && task.action.kind == ActionKind::Meta && task.level.role.is_none()
}

fn is_gathering(task: &Task) -> bool {
    task.implicit && task.action.short == "gather_facts"
}

fn section_items(block: &Block, section: Section) -> &[Item] {
    match section {
        Section::Main => &block.main,
        Section::Rescue => &block.rescue,
        Section::Always => &block.always,
    }
}
