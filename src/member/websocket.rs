//! WebSocket connections to an API server (RFC 6455).
//!
//! The upgrade goes through [`Api`], which has the credentials, and hyper hands the connection over;
//! the framing is tungstenite's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Request, StatusCode, header};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use kube::client::Body;
use sha1::{Digest as _, Sha1};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::wire::{Api, RequestError, chain, collect, refusal, transport};

/// What both sides mix into the key, so that neither takes another protocol for this one (RFC 6455, 1.3).
const MAGIC: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Largest message that is read. Servers send 32 KiB at a time; more than this is no output of a command.
const MESSAGE_LEN_MAX: usize = 16 << 20;

/// A connection that both sides speak in messages on.
pub type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Takes over a connection that was upgraded, as that side of it.
pub async fn socket(upgraded: Upgraded, role: Role) -> Socket {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_LEN_MAX))
        .max_frame_size(Some(MESSAGE_LEN_MAX));
    WebSocketStream::from_raw_socket(TokioIo::new(upgraded), role, Some(config)).await
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
    /// The server refuses, cannot be reached, does not answer in time, or answers with something else.
    pub async fn websocket(
        &self,
        path: &str,
        protocols: &[&str],
    ) -> Result<(Socket, String), RequestError> {
        let key = STANDARD.encode(fastrand::u128(..).to_be_bytes());
        let request = Request::get(path)
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, "websocket")
            .header(header::SEC_WEBSOCKET_VERSION, "13")
            .header(header::SEC_WEBSOCKET_KEY, &key)
            .header(header::SEC_WEBSOCKET_PROTOCOL, protocols.join(", "))
            .body(Body::empty())
            .map_err(|error| RequestError::Nonsense(format!("no request to `{path}`: {error}")))?;
        let sent = async { self.client.send(request).await.map_err(|error| transport(&error)) };
        let response = self.in_time(sent).await?;
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
        Ok((socket(upgraded, Role::Client).await, chosen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proof_is_that_of_the_rfc() {
        assert_eq!(accept_of("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
