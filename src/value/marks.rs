//! What is known of a text besides its characters: that an author wrote it, what it was decrypted from, or where it came from.
//!
//! As with the placeholder `omit`, a text is known by its identity: whoever passes it on passes on what is known of it, and a
//! text made of it is another one. Texts that nobody holds any more are forgotten.

use crate::diag::Span;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

/// Something that is known of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It was decrypted from this.
    Vaulted(Arc<str>),
    /// Where it came from, for people.
    Origin(Arc<str>),
}

#[derive(Default)]
struct Marks {
    /// By address, which nothing else can have while the weak reference is there.
    known: HashMap<usize, (Weak<str>, Mark)>,
    /// As soon as there are this many, those that are gone are forgotten.
    room: usize,
}

/// Holds what [`author`] refers to, with the places where it was written.
#[derive(Default)]
struct Authored {
    texts: Vec<(Weak<str>, Option<Span>)>,
    room: usize,
}

static AUTHORED: LazyLock<Mutex<Authored>> = LazyLock::new(Mutex::default);
static MARKS: LazyLock<Mutex<Marks>> = LazyLock::new(Mutex::default);
/// Most runs mark nothing, and need not ask.
static ANY: AtomicBool = AtomicBool::new(false);

fn address(text: &Arc<str>) -> usize {
    Arc::as_ptr(text).cast::<u8>().addr()
}

/// Remembers something of a text.
pub fn mark(text: &Arc<str>, mark: Mark) {
    let mut marks = MARKS.lock().unwrap_or_else(PoisonError::into_inner);
    if marks.known.len() >= marks.room {
        marks.known.retain(|_, (text, _)| text.strong_count() > 0);
        marks.room = (marks.known.len() * 2).max(64);
    }
    marks.known.insert(address(text), (Arc::downgrade(text), mark));
    ANY.store(true, Ordering::Release);
}

/// What is known of a text.
pub fn of(text: &Arc<str>) -> Option<Mark> {
    if !ANY.load(Ordering::Acquire) {
        return None;
    }
    let marks = MARKS.lock().unwrap_or_else(PoisonError::into_inner);
    marks.known.get(&address(text)).map(|(_, mark)| mark.clone())
}

/// Notes that a text is what an author wrote. That is kept as a weak reference, so asking for it takes no lock.
pub fn author(text: &Arc<str>) {
    author_at(text, None);
}

/// The same, with the place where it was written.
pub fn author_at(text: &Arc<str>, place: Option<&Span>) {
    if Arc::weak_count(text) == 0 {
        let mut authored = AUTHORED.lock().unwrap_or_else(PoisonError::into_inner);
        if authored.texts.len() >= authored.room {
            authored.texts.retain(|(text, _)| text.strong_count() > 0);
            authored.room = (authored.texts.len() * 2).max(64);
        }
        authored.texts.push((Arc::downgrade(text), place.cloned()));
    }
}

/// Where an author wrote a text. Looks through all there are: for messages only.
pub fn place(text: &Arc<str>) -> Option<Span> {
    if !is_authored(text) {
        return None;
    }
    let authored = AUTHORED.lock().unwrap_or_else(PoisonError::into_inner);
    let same =
        |(known, _): &&(Weak<str>, Option<Span>)| known.as_ptr().cast::<u8>() == Arc::as_ptr(text).cast();
    authored.texts.iter().find(same).and_then(|(_, place)| place.clone())
}

/// Whether a text is what an author wrote, and not what a template made or a host sent.
pub fn is_authored(text: &Arc<str>) -> bool {
    Arc::weak_count(text) > 0 && !matches!(of(text), Some(Mark::Origin(_)))
}

/// What a text was decrypted from.
pub fn cipher(text: &Arc<str>) -> Option<Arc<str>> {
    match of(text) {
        Some(Mark::Vaulted(sealed)) => Some(sealed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_known_by_its_identity() {
        let text: Arc<str> = "plain".into();
        mark(&text, Mark::Vaulted("sealed".into()));
        assert_eq!(cipher(&text.clone()).as_deref(), Some("sealed"));
        let same: Arc<str> = "plain".into();
        assert_eq!(of(&same), None);
    }

    #[test]
    fn what_was_made_of_an_authors_text_is_not_authored() {
        let text: Arc<str> = "written".into();
        assert!(!is_authored(&text));
        author(&text);
        assert!(is_authored(&text.clone()));
        assert!(!is_authored(&Arc::from(text.to_string())));
        let found: Arc<str> = "found".into();
        mark(&found, Mark::Origin("somewhere".into()));
        assert!(!is_authored(&found));
    }

    #[test]
    fn texts_that_are_gone_are_forgotten() {
        for i in 0..10_000 {
            mark(&Arc::from(i.to_string()), Mark::Origin("nowhere".into()));
            author(&Arc::from(i.to_string()));
        }
        assert!(AUTHORED.lock().expect("nobody panicked").texts.len() < 5_000);
        assert!(MARKS.lock().expect("nobody panicked").known.len() < 5_000);
    }
}
