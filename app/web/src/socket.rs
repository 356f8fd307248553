//! The way to a host over the WebSocket of `millrace serve`: one binary message for each message of the protocol.
//!
//! A lost connection is tried again with growing waits, for as long as the page is open. The callbacks of a socket are
//! dropped only from a timer, never from inside one of them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::{ArrayBuffer, Uint8Array};
use millrace_protocol::{Call, ServerMessage, encode};
use millrace_ui::link::{DialogRequest, Link, LinkState, Picked};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::{Closure, JsValue};
use web_sys::{BinaryType, CloseEvent, Event, MessageEvent, WebSocket};

use crate::backoff::delay_ms;
use crate::inbox::Inbox;
use crate::{files, page};

/// Where the host listens, on the server that the page came from.
const PATH: &str = "/api/socket";

/// A link over a WebSocket.
pub struct SocketLink {
    shared: Rc<Shared>,
}

struct Shared {
    inbox: Rc<Inbox>,
    connection: RefCell<Option<Connection>>,
    /// Tries since the last time that the connection stood.
    attempt: Cell<u32>,
}

/// A socket and what it calls back.
struct Connection {
    socket: WebSocket,
    _on_open: Closure<dyn FnMut(Event)>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_close: Closure<dyn FnMut(CloseEvent)>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
    }
}

impl SocketLink {
    /// Starts to connect; the state says when the link stands.
    pub fn open(ctx: &egui::Context) -> Self {
        let shared = Rc::new(Shared {
            inbox: Rc::new(Inbox::new(ctx.clone())),
            connection: RefCell::new(None),
            attempt: Cell::new(0),
        });
        shared.connect();
        Self { shared }
    }
}

impl Link for SocketLink {
    fn send(&mut self, call: Call) {
        if let Some(connection) = self.shared.connection.borrow().as_ref()
            && connection.socket.ready_state() == WebSocket::OPEN
        {
            // A socket that closes meanwhile says so by its close event.
            let _ = connection.socket.send_with_u8_array(&encode(&call));
        }
    }

    fn receive(&mut self) -> Vec<ServerMessage> {
        self.shared.inbox.take_messages()
    }

    fn state(&self) -> LinkState {
        self.shared.inbox.state()
    }

    fn open_dialog(&mut self, request: DialogRequest) {
        files::pick(&self.shared.inbox, request);
    }

    fn take_picked(&mut self) -> Vec<Picked> {
        self.shared.inbox.take_picked()
    }

    fn download(&mut self, name: &str, bytes: &[u8]) {
        files::download(name, bytes);
    }

    fn origin(&self) -> Option<String> {
        page::window().ok()?.location().origin().ok()
    }

    fn now_ms(&self) -> f64 {
        page::now_ms()
    }

    fn beats(&self) -> bool {
        true
    }

    fn is_seen(&self) -> bool {
        !page::is_hidden()
    }

    fn frame_cost_ms(&self) -> f64 {
        crate::frame_clock::cost_ms()
    }
}

impl Shared {
    fn connect(self: &Rc<Self>) {
        match self.try_connect() {
            Ok(connection) => _ = self.connection.replace(Some(connection)),
            Err(error) => {
                self.inbox.set_state(LinkState::Lost(format!(
                    "The runtime cannot be reached: {}.",
                    page::message_of(&error).trim_end_matches('.')
                )));
                self.retry();
            }
        }
    }

    fn try_connect(self: &Rc<Self>) -> Result<Connection, JsValue> {
        let location = page::window()?.location();
        let scheme = if location.protocol()? == "https:" { "wss" } else { "ws" };
        let socket = WebSocket::new(&format!("{scheme}://{}{PATH}", location.host()?))?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let shared = Rc::downgrade(self);
        let on_open = Closure::<dyn FnMut(Event)>::new(move |_| {
            if let Some(shared) = shared.upgrade() {
                shared.attempt.set(0);
                shared.inbox.set_state(LinkState::Open);
            }
        });
        let shared = Rc::downgrade(self);
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(shared) = shared.upgrade()
                && let Ok(buffer) = event.data().dyn_into::<ArrayBuffer>()
            {
                shared.inbox.push_bytes(&Uint8Array::new(&buffer).to_vec());
            }
        });
        let shared = Rc::downgrade(self);
        let on_close = Closure::<dyn FnMut(CloseEvent)>::new(move |event: CloseEvent| {
            if let Some(shared) = shared.upgrade() {
                shared.lost(&event.reason());
            }
        });
        socket.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        Ok(Connection { socket, _on_open: on_open, _on_message: on_message, _on_close: on_close })
    }

    fn lost(self: &Rc<Self>, reason: &str) {
        let reason = if reason.is_empty() {
            "Millrace's runtime does not answer. Is it still running?".to_owned()
        } else {
            format!("Millrace's runtime has closed the connection: {}.", reason.trim_end_matches('.'))
        };
        self.inbox.set_state(LinkState::Lost(format!("{reason} Trying again…")));
        self.retry();
    }

    fn retry(self: &Rc<Self>) {
        let attempt = self.attempt.get();
        self.attempt.set(attempt.saturating_add(1));
        let shared = self.clone();
        let again = Closure::once_into_js(move || shared.connect());
        let delay = i32::try_from(delay_ms(attempt)).unwrap_or(i32::MAX);
        if let Ok(window) = page::window() {
            let _ = window.set_timeout_with_callback_and_timeout_and_arguments_0(again.unchecked_ref(), delay);
        }
    }
}
