//! The designer's link to a host in this very process: journeys drive the real designer and the real host together.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use millrace_host::Host;
use millrace_protocol::{Call, ServerMessage};
use millrace_ui::link::{DialogRequest, Link, LinkState, Picked};
use tokio::runtime::Handle;

/// Answers calls on the given runtime; dialogs are answered with nothing, as by a person who cancels.
pub struct HostLink {
    host: Arc<Host>,
    runtime: Handle,
    answers: (Sender<ServerMessage>, Receiver<ServerMessage>),
    started: Instant,
}

impl HostLink {
    pub fn new(host: Arc<Host>, runtime: Handle) -> Self {
        Self { host, runtime, answers: channel(), started: Instant::now() }
    }
}

impl Link for HostLink {
    fn send(&mut self, call: Call) {
        let (host, answer) = (self.host.clone(), self.answers.0.clone());
        self.runtime.spawn(async move {
            let result = host.handle(call.request).await;
            // The designer may be gone by now, and then nobody waits for the answer.
            let _ = answer.send(ServerMessage::Answer { id: call.id, result });
        });
    }

    fn receive(&mut self) -> Vec<ServerMessage> {
        self.answers.1.try_iter().collect()
    }

    fn state(&self) -> LinkState {
        LinkState::Open
    }

    fn open_dialog(&mut self, _: DialogRequest) {}

    fn take_picked(&mut self) -> Vec<Picked> {
        Vec::new()
    }

    fn download(&mut self, _: &str, _: &[u8]) {}

    fn now_ms(&self) -> f64 {
        self.started.elapsed().as_secs_f64() * 1e3
    }
}
