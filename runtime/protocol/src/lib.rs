//! What the designer and the host say to each other: requests, responses, events, and data as Arrow IPC frames.
//!
//! One message is one MessagePack value (named fields); Tauri carries it as a raw IPC body, the WebSocket as a binary
//! message. The protocol owns no state. A new request is a variant of [`Request`] and one of [`Response`]; the host
//! answers it in its one `handle`.

mod capture;
mod frame;
mod message;
mod within;

pub use capture::{Capture, CaptureId, Capturing, Replay, Replaying};
pub use frame::{Frame, FrameError};
pub use message::*;
pub use within::{within, without_series};

/// Bytes of a message.
///
/// # Panics
/// Never for the types of this crate: they have no map with keys other than strings and no failing `Serialize`.
pub fn encode<T: serde::Serialize>(message: &T) -> Vec<u8> {
    rmp_serde::to_vec_named(message).expect("protocol messages can always be written")
}

/// # Errors
/// When the bytes are not a `T`: the other side is of another version, or is not a Millrace.
pub fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    rmp_serde::from_slice(bytes).map_err(|source| DecodeError { reason: source.to_string() })
}

/// Bytes that are not a message of this protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the message cannot be read ({reason}): both sides must be the same version of Millrace")]
pub struct DecodeError {
    pub reason: String,
}
