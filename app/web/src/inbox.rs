//! What the page's callbacks leave for the next frame. Everything runs on the page's one thread.

use std::cell::RefCell;

use millrace_protocol::{ServerMessage, decode};
use millrace_ui::link::{LinkState, Picked};

use crate::frame_clock::request_frame;

/// Messages and picked files that came, and how the link stands.
pub struct Inbox {
    ctx: egui::Context,
    messages: RefCell<Vec<ServerMessage>>,
    picked: RefCell<Vec<Picked>>,
    state: RefCell<LinkState>,
}

impl Inbox {
    pub fn new(ctx: egui::Context) -> Self {
        Self {
            ctx,
            messages: RefCell::default(),
            picked: RefCell::default(),
            state: RefCell::new(LinkState::Connecting),
        }
    }

    pub fn push(&self, message: ServerMessage) {
        self.messages.borrow_mut().push(message);
        request_frame(&self.ctx);
    }

    /// Takes in the bytes of one message.
    pub fn push_bytes(&self, bytes: &[u8]) {
        match decode::<ServerMessage>(bytes) {
            Ok(message) => self.push(message),
            Err(error) => self.set_state(LinkState::Lost(sentence(&error.to_string()))),
        }
    }

    pub fn push_picked(&self, picked: Picked) {
        self.picked.borrow_mut().push(picked);
        request_frame(&self.ctx);
    }

    pub fn set_state(&self, state: LinkState) {
        self.state.replace(state);
        request_frame(&self.ctx);
    }

    pub fn state(&self) -> LinkState {
        self.state.borrow().clone()
    }

    pub fn take_messages(&self) -> Vec<ServerMessage> {
        self.messages.take()
    }

    pub fn take_picked(&self) -> Vec<Picked> {
        self.picked.take()
    }
}

/// `text` with a capital letter and a full stop.
pub fn sentence(text: &str) -> String {
    let mut letters = text.trim_end_matches('.').chars();
    let first: String = letters.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
