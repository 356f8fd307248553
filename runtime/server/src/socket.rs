//! The protocol over a WebSocket: one binary message is one MessagePack value.
//!
//! Each client has three bounded things: calls under way, messages waiting to be sent, and the time that sending one may
//! take. When a client does not read, its own calls wait, then its connection is closed; the host and its runs notice
//! nothing.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use millrace_host::{Event, Host};
use millrace_protocol::{Call, ServerMessage, decode, encode};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Semaphore, broadcast, mpsc};
use tokio::task::JoinSet;

use crate::Shared;

/// Calls of one client that may be under way; the next one is read when one of them is answered.
const MAX_CALLS: usize = 16;
/// Messages that may wait to be sent.
const MAX_WAITING: usize = 16;
/// A client that does not take a message for so long is gone.
const SEND_LIMIT: Duration = Duration::from_secs(30);
/// Drafts and pipelines stay far below; anything larger is not ours.
const MAX_MESSAGE_BYTES: usize = 32 << 20;

pub(crate) async fn upgrade(State(shared): State<Shared>, upgrade: WebSocketUpgrade) -> Response {
    upgrade
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_frame_size(MAX_MESSAGE_BYTES)
        .on_upgrade(|socket| talk(socket, shared))
}

/// Why a connection ends from our side.
enum End {
    /// The client has closed it, or is gone.
    Left,
    /// The client said something that is not of this protocol.
    Misspoke(String),
    Closing,
}

async fn talk(socket: WebSocket, mut shared: Shared) {
    let (sink, stream) = socket.split();
    let (outbox, waiting) = mpsc::channel(MAX_WAITING);
    let mut tasks = JoinSet::new();
    tasks.spawn(tell_news(shared.host.subscribe(), outbox.clone()));
    let mut sending = tokio::spawn(send_all(sink, waiting));
    let end = tokio::select! {
        end = listen(stream, Arc::clone(&shared.host), outbox.clone()) => end,
        _ = &mut sending => End::Left,
        _ = shared.closing.wait_for(|is_closing| *is_closing) => End::Closing,
    };
    let close = match end {
        End::Left => None,
        End::Misspoke(reason) => Some((close_code::PROTOCOL, reason)),
        End::Closing => Some((close_code::AWAY, "Millrace is shutting down".to_owned())),
    };
    if let Some((code, reason)) = close {
        // The reason of a close frame has room for 123 bytes.
        let reason: String = reason.chars().take(60).collect();
        let frame = CloseFrame { code, reason: reason.into() };
        let _ = tokio::time::timeout(Duration::from_secs(1), outbox.send(Message::Close(Some(frame)))).await;
    }
    // Without the last sender the sending task ends by itself, after what waits was sent.
    tasks.shutdown().await;
    drop(outbox);
    if !sending.is_finished() && tokio::time::timeout(Duration::from_secs(1), &mut sending).await.is_err() {
        sending.abort();
    }
}

/// Reads calls and has each one answered by a task of its own, so that a slow one holds up no other. The tasks are not
/// cut off when the client leaves: a save that has arrived is saved.
async fn listen(mut stream: SplitStream<WebSocket>, host: Arc<Host>, outbox: mpsc::Sender<Message>) -> End {
    let places = Arc::new(Semaphore::new(MAX_CALLS));
    while let Some(message) = stream.next().await {
        let bytes = match message {
            Ok(Message::Binary(bytes)) => bytes,
            Ok(Message::Ping(_) | Message::Pong(_)) => continue,
            Ok(Message::Text(_)) => return End::Misspoke("messages must be binary".to_owned()),
            Ok(Message::Close(_)) | Err(_) => return End::Left,
        };
        let call: Call = match decode(&bytes) {
            Ok(call) => call,
            Err(error) => return End::Misspoke(error.to_string()),
        };
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return End::Left };
        let (host, outbox) = (Arc::clone(&host), outbox.clone());
        tokio::spawn(async move {
            let result = host.handle(call.request).await;
            let answer = encode(&ServerMessage::Answer { id: call.id, result });
            // A client that has left needs no answer.
            let _ = outbox.send(Message::Binary(answer.into())).await;
            drop(place);
        });
    }
    End::Left
}

async fn tell_news(mut news: broadcast::Receiver<Event>, outbox: mpsc::Sender<Message>) {
    loop {
        let event = match news.recv().await {
            Ok(event) => event,
            // Too slow to hear everything: look at the projects again, and at runs by polling.
            Err(RecvError::Lagged(_)) => Event::ProjectsChanged,
            Err(RecvError::Closed) => return,
        };
        let message = encode(&ServerMessage::Event(event));
        if outbox.send(Message::Binary(message.into())).await.is_err() {
            return;
        }
    }
}

async fn send_all(mut sink: SplitSink<WebSocket, Message>, mut waiting: mpsc::Receiver<Message>) {
    while let Some(message) = waiting.recv().await {
        let is_last = matches!(message, Message::Close(_));
        let is_sent = matches!(tokio::time::timeout(SEND_LIMIT, sink.send(message)).await, Ok(Ok(())));
        if !is_sent || is_last {
            return;
        }
    }
}
