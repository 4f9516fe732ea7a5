//! WebSocket connections to an API server (RFC 6455), as much as running a command in a pod needs.
//!
//! Written here because what is needed is small: the upgrade goes through [`Api`], which has the
//! credentials, and hyper hands the connection over; what is left is the framing. Messages of any
//! number of frames are read, extensions are never agreed on, and text is not told from bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Request, StatusCode, header};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use kube::client::Body;
use sha1::{Digest as _, Sha1};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::wire::{Api, RequestError, chain, collect, refusal, transport};

/// What both sides mix into the key, so that neither takes another protocol for this one (RFC 6455, 1.3).
const MAGIC: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// In place of a length: it follows in 16 bits.
const LEN_16: u8 = 0x7e;
/// Or in 64.
const LEN_64: u8 = 0x7f;

/// Largest message that is read. Servers send 32 KiB at a time; more than this is no output of a command.
const MESSAGE_LEN_MAX: usize = 16 << 20;

/// Which end of the connection we are: a client masks what it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one that connected.
    Client,
    /// The one that was connected to.
    Server,
}

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Bytes.
    Data(Vec<u8>),
    /// To be answered with a pong of the same bytes.
    Ping(Vec<u8>),
    /// The other side sends nothing more.
    Closed,
}

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// Bytes.
    Data = 2,
    /// Nothing more comes.
    Close = 8,
    /// The answer to a ping.
    Pong = 10,
}

/// What the server answers to `key`.
#[must_use]
pub fn accept_of(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update(MAGIC);
    STANDARD.encode(hash.finalize())
}

impl Api {
    /// Asks for a WebSocket at `path`, in one of the subprotocols, the preferred first. Gives the
    /// connection and the subprotocol that the server chose.
    ///
    /// # Errors
    /// The server refuses, cannot be reached, or answers with something else.
    pub async fn websocket(
        &self,
        path: &str,
        protocols: &[&str],
    ) -> Result<(TokioIo<Upgraded>, String), RequestError> {
        let key = STANDARD.encode(fastrand::u128(..).to_be_bytes());
        let request = Request::get(path)
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, "websocket")
            .header(header::SEC_WEBSOCKET_VERSION, "13")
            .header(header::SEC_WEBSOCKET_KEY, &key)
            .header(header::SEC_WEBSOCKET_PROTOCOL, protocols.join(", "))
            .body(Body::empty())
            .map_err(|error| RequestError::Nonsense(format!("no request to `{path}`: {error}")))?;
        let response = self.client.send(request).await.map_err(|error| transport(&error))?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            let (parts, body) = response.into_parts();
            if parts.status.is_success() {
                let told = "it does not switch to a WebSocket".to_owned();
                return Err(RequestError::Nonsense(told));
            }
            let body = collect(body).await.unwrap_or_default();
            return Err(refusal(parts.status, None, &body));
        }
        let text = |name| response.headers().get(name).and_then(|text| text.to_str().ok());
        if text(header::SEC_WEBSOCKET_ACCEPT) != Some(&*accept_of(&key)) {
            let told = "it switches to a WebSocket without the proof that it knows what that is";
            return Err(RequestError::Nonsense(told.to_owned()));
        }
        let chosen = text(header::SEC_WEBSOCKET_PROTOCOL).unwrap_or_default().to_owned();
        if !protocols.contains(&&*chosen) {
            let told = format!("it chooses the subprotocol `{chosen}`, which was not offered");
            return Err(RequestError::Nonsense(told));
        }
        let upgraded = hyper::upgrade::on(response).await;
        let upgraded = upgraded.map_err(|error| RequestError::Unreachable(chain(&error)))?;
        Ok((TokioIo::new(upgraded), chosen))
    }
}

/// The half that reads.
#[derive(Debug)]
pub struct Reader<R>(R);

impl<R: AsyncRead + Unpin> Reader<R> {
    /// Reads messages from `stream`.
    pub fn new(stream: R) -> Self {
        Self(stream)
    }

    /// The next message. A connection that ends without a word is closed as well.
    ///
    /// # Errors
    /// The connection broke, or what came is no frame.
    pub async fn next(&mut self) -> std::io::Result<Message> {
        let mut message = Vec::new();
        loop {
            let mut head = [0; 2];
            match self.0.read_exact(&mut head).await {
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                    return Ok(Message::Closed);
                }
                Err(error) => return Err(error),
            }
            let (is_last, opcode, is_masked) =
                (head[0] & 0x80 != 0, head[0] & 0x0f, head[1] & 0x80 != 0);
            let len = match head[1] & 0x7f {
                LEN_16 => u64::from(self.0.read_u16().await?),
                LEN_64 => self.0.read_u64().await?,
                len => u64::from(len),
            };
            if head[0] & 0x70 != 0 || len > (MESSAGE_LEN_MAX - message.len()) as u64 {
                return Err(std::io::ErrorKind::InvalidData.into());
            }
            let mut mask = [0; 4];
            if is_masked {
                self.0.read_exact(&mut mask).await?;
            }
            let mut payload = vec![0; len as usize];
            self.0.read_exact(&mut payload).await?;
            payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
            match opcode {
                0..=2 => message.append(&mut payload),
                8 => return Ok(Message::Closed),
                // Between the frames of a message it would have to wait for the rest; no server does that.
                9 if message.is_empty() => return Ok(Message::Ping(payload)),
                9 | 10 => continue,
                _ => return Err(std::io::ErrorKind::InvalidData.into()),
            }
            if is_last {
                return Ok(Message::Data(message));
            }
        }
    }
}

/// The half that writes.
#[derive(Debug)]
pub struct Writer<W> {
    stream: W,
    side: Side,
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    /// Writes messages to `stream`, as the given side does.
    pub fn new(stream: W, side: Side) -> Self {
        Self { stream, side }
    }

    /// Sends one message in one frame.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn send(&mut self, opcode: Opcode, payload: &[u8]) -> std::io::Result<()> {
        let mask_bit = if self.side == Side::Client { 0x80 } else { 0 };
        let mut frame = Vec::with_capacity(payload.len() + 14);
        frame.push(0x80 | opcode as u8);
        match payload.len() {
            len @ 0..=125 => frame.push(mask_bit | len as u8),
            len @ 126..=0xffff => {
                frame.push(mask_bit | LEN_16);
                frame.extend((len as u16).to_be_bytes());
            }
            len => {
                frame.push(mask_bit | LEN_64);
                frame.extend((len as u64).to_be_bytes());
            }
        }
        if self.side == Side::Client {
            let mask = fastrand::u32(..).to_be_bytes();
            frame.extend(mask);
            frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        } else {
            frame.extend(payload);
        }
        self.stream.write_all(&frame).await?;
        self.stream.flush().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proof_is_that_of_the_rfc() {
        assert_eq!(accept_of("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[tokio::test]
    async fn messages_of_any_length_arrive_from_both_sides() {
        for side in [Side::Client, Side::Server] {
            let (ours, theirs) = tokio::io::duplex(1 << 20);
            let (mut writer, mut reader) = (Writer::new(ours, side), Reader::new(theirs));
            for len in [0, 1, 125, 126, 0xffff, 0x10000] {
                let payload: Vec<u8> = (0..len).map(|n| n as u8).collect();
                writer.send(Opcode::Data, &payload).await.unwrap();
                assert_eq!(reader.next().await.unwrap(), Message::Data(payload), "{side:?} {len}");
            }
            drop(writer);
            assert_eq!(reader.next().await.unwrap(), Message::Closed);
        }
    }

    #[tokio::test]
    async fn frames_make_a_message_and_too_long_ones_are_refused() {
        // The parts of the example in RFC 6455, 5.7, in bytes and with a ping behind them.
        let frames = [&b"\x02\x03Hel"[..], b"\x80\x02lo", b"\x89\x05Hello", b"\x88\x00"].concat();
        let mut reader = Reader::new(&*frames);
        assert_eq!(reader.next().await.unwrap(), Message::Data(b"Hello".to_vec()));
        assert_eq!(reader.next().await.unwrap(), Message::Ping(b"Hello".to_vec()));
        assert_eq!(reader.next().await.unwrap(), Message::Closed);
        let masked = b"\x82\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
        assert_eq!(
            Reader::new(&masked[..]).next().await.unwrap(),
            Message::Data(b"Hello".to_vec())
        );
        let endless = b"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff";
        let refused = Reader::new(&endless[..]).next().await.unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::InvalidData);
    }
}
