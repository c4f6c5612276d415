//! Length-prefixed MessagePack.

use serde::{Serialize, de::DeserializeOwned};
use std::io::{self, Read, Write};

/// A peer that announces more than this is broken or hostile.
pub const MAX_FRAME: u32 = 64 * 1024 * 1024;

/// Room is made for so much before it arrives: for a whole piece of a content.
const READ_AHEAD: usize = super::BLOB_CHUNK + 1024;

#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("the connection was closed")]
    Closed,
    #[error("the peer announced a message of {0} bytes; {MAX_FRAME} are allowed")]
    TooLarge(u32),
    #[error("the peer sent a malformed message: {0}")]
    Malformed(String),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Writes one message and flushes.
///
/// # Errors
/// What the writer says; a message over [`MAX_FRAME`] is refused.
pub fn write_frame<T: Serialize>(writer: &mut impl Write, message: &T) -> Result<(), FrameError> {
    writer.write_all(&frame(message)?)?;
    writer.flush()?;
    Ok(())
}

/// One message as the bytes to send.
///
/// # Errors
/// A message over [`MAX_FRAME`] is refused.
pub fn frame<T: Serialize>(message: &T) -> Result<Vec<u8>, FrameError> {
    let mut frame = Vec::with_capacity(256);
    frame.extend([0; 4]);
    rmp_serde::encode::write_named(&mut frame, message).map_err(|e| FrameError::Malformed(e.to_string()))?;
    let length = u32::try_from(frame.len() - 4).unwrap_or(u32::MAX);
    if length > MAX_FRAME {
        return Err(FrameError::TooLarge(length));
    }
    frame[..4].copy_from_slice(&length.to_be_bytes());
    Ok(frame)
}

/// Reads one message.
///
/// # Errors
/// [`FrameError::Closed`] at a clean end of the stream between messages.
pub fn read_frame<T: DeserializeOwned>(reader: &mut impl Read) -> Result<T, FrameError> {
    let mut length = [0; 4];
    match reader.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(FrameError::Closed),
        other => other?,
    }
    let length = u32::from_be_bytes(length);
    if length > MAX_FRAME {
        return Err(FrameError::TooLarge(length));
    }
    // The buffer grows with what really arrives, not with what was announced.
    let mut body = Vec::with_capacity((length as usize).min(READ_AHEAD));
    reader.take(u64::from(length)).read_to_end(&mut body)?;
    if body.len() < length as usize {
        return Err(FrameError::Closed);
    }
    rmp_serde::from_slice(&body).map_err(|e| FrameError::Malformed(e.to_string()))
}
