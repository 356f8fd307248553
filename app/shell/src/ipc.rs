//! The two doors between page and host: one command for calls, one channel for news.
//!
//! Both carry the very bytes that the WebSocket of `millrace serve` carries: `handle` takes a [`Call`] and gives a
//! [`ServerMessage::Answer`], the channel gives [`ServerMessage::Event`]s.

use std::sync::{Arc, Mutex, PoisonError};

use millrace_host::{Event, Host};
use millrace_protocol::{Call, ServerMessage, decode, encode};
use tauri::State;
use tauri::async_runtime::JoinHandle;
use tauri::ipc::{Channel, InvokeBody, InvokeResponseBody, Request, Response};
use tokio::sync::broadcast::error::RecvError;

/// Answers one call.
///
/// # Errors
/// When the body is not the bytes of a call: the page is of another version.
#[tauri::command]
pub async fn handle(request: Request<'_>, host: State<'_, Arc<Host>>) -> Result<Response, String> {
    let InvokeBody::Raw(bytes) = request.body() else {
        return Err("a call is sent as raw bytes".to_owned());
    };
    let call: Call = decode(bytes).map_err(|error| error.to_string())?;
    let host = Arc::clone(&host);
    let result = host.handle(call.request).await;
    Ok(Response::new(encode(&ServerMessage::Answer { id: call.id, result })))
}

/// The task that sends news to the page; a page that loads again takes the place of the one before.
#[derive(Debug, Default)]
pub struct Subscription(Mutex<Option<JoinHandle<()>>>);

impl Subscription {
    fn replace(&self, task: JoinHandle<()>) {
        let before = self.0.lock().unwrap_or_else(PoisonError::into_inner).replace(task);
        if let Some(before) = before {
            before.abort();
        }
    }
}

/// Sends all news from now on to `channel`.
#[tauri::command]
pub async fn subscribe(
    channel: Channel<InvokeResponseBody>,
    host: State<'_, Arc<Host>>,
    subscription: State<'_, Subscription>,
) -> Result<(), String> {
    let mut news = host.subscribe();
    subscription.replace(tauri::async_runtime::spawn(async move {
        loop {
            let event = match news.recv().await {
                Ok(event) => event,
                // Some news were missed; the list of projects is looked at again, runs are polled anyway.
                Err(RecvError::Lagged(_)) => Event::ProjectsChanged,
                Err(RecvError::Closed) => return,
            };
            if channel.send(InvokeResponseBody::Raw(encode(&ServerMessage::Event(event)))).is_err() {
                return;
            }
        }
    }));
    Ok(())
}
