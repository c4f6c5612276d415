//! What the control machine and the helper on a host say to each other.
//!
//! One byte stream each way (the helper's stdin and stdout), of frames: a 4-byte big-endian length,
//! then one MessagePack message. The helper speaks first ([`Reply::Hello`]). A task is one
//! [`Request::Task`] and, in the end, one [`Reply::Done`]; a task that needs file contents which the
//! host does not have yet asks with [`Reply::Need`] in between. Requests may be sent ahead; tasks of
//! one identity run in the order sent. A task is ended early by its `timeout`, and all are when the connection closes.

mod frame;

pub use frame::{FrameError, MAX_FRAME, frame, read_frame, write_frame};

use crate::value::Value;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Changes whenever a message changes its shape.
pub const VERSION: u32 = 4;

/// Contents up to this size travel inside the request that needs them ([`TaskRequest::blobs`]).
pub const INLINE_BLOB: usize = 32 * 1024;

/// The size of the pieces in which larger contents travel: small enough that allocators keep the room for the next one.
pub const BLOB_CHUNK: usize = 64 * 1024;

/// Files larger than this are hashed while they travel, if they have to travel at all.
pub const HASHED_LATER: u64 = 16 * 1024 * 1024;

/// SHA-1 of a content, lower-case hex: what names it on the wire (and what Ansible calls `checksum`). A content that is
/// not hashed yet has some other name, unique on the connection, until [`Request::Sum`] or its last piece tells.
pub type Digest = String;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Request {
    Task(TaskRequest),
    /// A piece of a content that was asked for, in order; the last one tells the SHA-1 of the whole.
    Blob {
        name: Digest,
        #[serde(with = "bytes")]
        data: Vec<u8>,
        end: Option<Digest>,
    },
    /// The SHA-1 of a content, asked for by [`Reply::Sum`].
    Sum {
        name: Digest,
        digest: Digest,
    },
    /// The content cannot be had (the file vanished or changed since); the task that needs it fails.
    NoBlob {
        name: Digest,
        why: String,
    },
    Ping,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TaskRequest {
    /// Chosen by the control machine, unique on the connection.
    pub id: u64,
    /// Who to become first; `None` is the login user.
    pub identity: Option<Box<Become>>,
    /// The short name of a module (`copy`, `apt`).
    pub module: String,
    /// The module's arguments, a mapping.
    pub args: Value,
    pub mode: Mode,
    /// Texts for a diff are wanted, of files that are sent only up to this size in bytes.
    pub diff: Option<u64>,
    /// Added to the environment of the processes that the task starts.
    pub environment: Vec<(String, String)>,
    /// After so many seconds the task is ended and fails.
    pub timeout: Option<u32>,
    /// Contents that `args` names by digest.
    pub blobs: Vec<(Digest, Blob)>,
    /// Let it run on after the connection has ended (`async`): the answer comes at once and says where the result will be.
    /// `timeout` is its limit.
    pub job: Option<Box<Job>>,
}

/// A task in the background.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// Where its result is left; `~` is the home of the user that the task runs as.
    pub folder: String,
    /// Tells it apart from others.
    pub number: u64,
}

/// Bytes that are packed as such.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Blob(#[serde(with = "bytes")] pub Arc<Vec<u8>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// Plan, then apply.
    Apply,
    /// Plan only.
    Check,
}

/// Another user to act as.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Become {
    /// `sudo`, `su`, `doas` or `runuser`.
    pub method: String,
    /// The program, if not the one of that name in `PATH`.
    pub exe: Option<String>,
    pub user: String,
    /// Options as one text, split like a shell would.
    pub flags: Option<String>,
    pub password: Option<String>,
    /// What a prompt for the password says before its colon, where the method cannot be told what to ask; anything if empty.
    pub prompts: Vec<String>,
    /// So many seconds may pass until the program runs or asks for the password.
    pub patience: u32,
    /// The message when they have passed.
    pub too_late: String,
}

impl std::fmt::Debug for Become {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.user)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Reply {
    Hello(Hello),
    /// These contents are needed before the task can go on.
    Need {
        id: u64,
        names: Vec<Digest>,
    },
    /// What is this content's SHA-1? If it is not `have`, the host needs the content, too.
    Sum {
        id: u64,
        name: Digest,
        have: Option<Digest>,
    },
    /// What a running command prints, as it prints it (for the live display only).
    Output {
        id: u64,
        text: String,
    },
    /// A piece of a file that a task sends to the control machine (`fetch`).
    Data {
        id: u64,
        #[serde(with = "bytes")]
        data: Vec<u8>,
    },
    Done {
        id: u64,
        outcome: Outcome,
    },
    Pong,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Hello {
    pub version: u32,
    pub pid: u32,
    /// The user name the helper runs as.
    pub user: String,
}

/// How a task ended on the host.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// The module's result: what `register` sees (`changed` and `failed` are in it, too).
    pub result: Value,
    pub changed: bool,
    pub failed: bool,
    /// What the operating system said, where the result's `msg` does not say it.
    pub cause: Option<String>,
    /// Why a check could not tell whether the task would change anything.
    pub unknown: Option<String>,
    /// Nobody was there to run it: the other identity did not appear in time.
    pub unreachable: bool,
    pub diff: Vec<Diff>,
    pub warnings: Vec<String>,
}

/// Before and after, as Ansible's `diff` has them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Diff {
    pub before_header: Option<String>,
    pub after_header: Option<String>,
    /// Text, or a mapping of attributes that is shown as JSON.
    pub before: Value,
    pub after: Value,
    /// A diff made elsewhere (a package manager's), shown as it is.
    pub prepared: Option<String>,
}

/// Byte strings as MessagePack `bin`, not as arrays of numbers.
mod bytes {
    use serde::de::{Deserializer, Error, Visitor};
    use serde::ser::Serializer;
    use std::sync::Arc;

    pub fn serialize<S: Serializer, T: AsBytes>(data: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(data.as_bytes())
    }

    pub fn deserialize<'de, D: Deserializer<'de>, T: AsBytes>(deserializer: D) -> Result<T, D::Error> {
        struct BytesVisitor;
        impl<'de> Visitor<'de> for BytesVisitor {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
            fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
                Ok(bytes)
            }
        }
        deserializer.deserialize_byte_buf(BytesVisitor).map(T::make)
    }

    pub trait AsBytes {
        fn as_bytes(&self) -> &[u8];
        fn make(bytes: Vec<u8>) -> Self;
    }

    impl AsBytes for Vec<u8> {
        fn as_bytes(&self) -> &[u8] {
            self
        }
        fn make(bytes: Vec<u8>) -> Self {
            bytes
        }
    }

    impl AsBytes for Arc<Vec<u8>> {
        fn as_bytes(&self) -> &[u8] {
            self
        }
        fn make(bytes: Vec<u8>) -> Self {
            Arc::new(bytes)
        }
    }
}
