//! What the parent and the worker say to each other: JSON, its length before it, over the worker's
//! standard input and output. One request, one reply.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::failure::Cause;

/// The worker's first word: parent and worker are of the same build.
pub(super) const HELLO: &[u8] = concat!("git-fleet ", env!("CARGO_PKG_VERSION")).as_bytes();

/// Most bytes of one message: an object and its live form, several times over.
const MESSAGE_BYTES_MAX: usize = 32 << 20;

/// What the parent asks.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request<A> {
    /// Whether a script is Lua, and defines the function.
    Check {
        /// The script.
        text: String,
        /// Name of the function.
        function: String,
    },
    /// Runs a script, then calls its function.
    Call {
        /// Names the script's text.
        script: String,
        /// The text, if the worker has not seen it yet.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        /// Name of the function.
        function: String,
        /// How many results it has.
        n_results: usize,
        /// What `os.time()` says, in seconds since 1970.
        now: i64,
        /// What it is called with: a list.
        arguments: A,
    },
}

/// A request on its way out: the arguments are JSON already.
pub(super) type Outgoing<'a> = Request<&'a RawValue>;
/// A request as the worker reads it.
pub(super) type Incoming = Request<Vec<Value>>;

/// What a script returned, or why it did not.
pub(super) type Reply = Result<Vec<Value>, Cause>;

/// What the worker answers.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Answered {
    pub(super) reply: Reply,
    /// Whether the script asked for the time: it may answer otherwise at another.
    pub(super) read_clock: bool,
}

/// A message with its length before it.
pub(super) fn framed(message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(message.len() + 4);
    bytes.extend((message.len() as u32).to_le_bytes());
    bytes.extend(message);
    bytes
}

/// Reads one message; `None` at the end of the stream.
pub(super) fn read(from: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    if let Err(error) = from.read_exact(&mut length) {
        return match error.kind() {
            io::ErrorKind::UnexpectedEof => Ok(None),
            _ => Err(error),
        };
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > MESSAGE_BYTES_MAX {
        let why = format!("a message of {length} bytes; the most is {MESSAGE_BYTES_MAX}");
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    let mut message = vec![0; length];
    from.read_exact(&mut message)?;
    Ok(Some(message))
}

/// Writes one message.
pub(super) fn write(to: &mut impl Write, message: &[u8]) -> io::Result<()> {
    to.write_all(&framed(message))?;
    to.flush()
}
