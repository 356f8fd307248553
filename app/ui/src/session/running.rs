//! Runs: starting, stopping, and polling for what is to be seen.

use std::collections::BTreeMap;

use millrace_model::filter::Filters;
use millrace_model::run::EditCost;
use millrace_model::view::Look;
use millrace_model::{NodeId, Wire};
use millrace_protocol::{Failure, FailureCode, ImageFormat, Move, Poll, Replay, Request, Response, Seen};

use crate::standing::Mark;

use super::{
    CORE_WAIT, IDLE_POLL_INTERVAL_MS, LONGEST_POLL_INTERVAL_MS, PARTS_FOR_DRAWING, POLL_INTERVAL_MS, Pending, Session,
};

impl Session {
    /// Runs what is on the canvas, saved or not.
    pub fn run(&mut self) {
        self.run_with(None, false);
    }

    /// The same on what was captured, or with a capture from the first row on.
    pub(super) fn run_with(&mut self, replay: Option<Replay>, capture: bool) {
        if self.live.is_running() {
            return;
        }
        let Some(document) = &self.document else { return };
        let (project, text) = (document.project(), document.pipeline().to_text());
        self.live.is_starting = true;
        self.replayed = replay;
        let breakpoints = self.live.breakpoints();
        let parameters = BTreeMap::new();
        self.send(Request::StartRun { project, text, parameters, breakpoints, replay, capture }, Pending::Start);
    }

    /// Stops the run gracefully; while it is stopping, at once.
    pub fn stop(&mut self) {
        let Some(run) = self.live.run.filter(|_| self.live.is_running()) else { return };
        let now = self.live.is_stopping() || self.pending.values().any(|(_, pending)| matches!(pending, Pending::Stop));
        self.send(Request::StopRun { run, now }, Pending::Stop);
        self.poll_due = Some(self.now_ms());
    }

    /// Sets a breakpoint, or takes it away.
    pub fn set_breakpoint(&mut self, wire: Wire, mark: Option<Mark>) {
        match mark {
            Some(mark) => _ = self.live.marks.insert(wire, mark),
            None => _ = self.live.marks.remove(&wire),
        }
        self.send_breakpoints();
    }

    pub fn clear_breakpoints(&mut self) {
        self.live.marks.clear();
        self.send_breakpoints();
    }

    fn send_breakpoints(&mut self) {
        if let Some(run) = self.live.run.filter(|_| self.live.is_running()) {
            let breakpoints = self.live.breakpoints();
            self.send(Request::SetBreakpoints { run, breakpoints }, Pending::Plain { done: None });
        }
    }

    /// Pauses the run, lets it go on, or lets it take a step.
    pub fn move_run(&mut self, how: Move) {
        if let Some(run) = self.live.run.filter(|_| self.live.is_running()) {
            self.send(Request::MoveRun { run, how }, Pending::Plain { done: None });
            self.poll_due = Some(self.now_ms());
        }
    }

    /// Asks what it costs to bring what is drawn into the run that goes on.
    pub(super) fn ask_edit_cost(&mut self) {
        self.edit_run(false);
    }

    /// Brings what is drawn into the run that goes on.
    pub fn apply_to_run(&mut self) {
        self.edit_run(true);
    }

    fn edit_run(&mut self, apply: bool) {
        let (Some(run), Some(document)) = (self.live.run, &self.document) else { return };
        if !self.live.is_running() || self.live.is_stopping() {
            return;
        }
        let (text, generation) = (document.pipeline().to_text(), document.generation());
        self.send(Request::EditRun { run, text, apply }, Pending::EditRun { generation, apply });
    }

    pub(super) fn edit_run_answered(&mut self, generation: u64, apply: bool, result: Result<Response, Failure>) {
        let is_current = self.document.as_ref().is_some_and(|document| document.generation() == generation);
        match result {
            Ok(Response::EditCost(EditCost::Nodes { nodes })) if apply => {
                self.live.edit_cost = is_current.then_some(EditCost::Nothing);
                let titles: Vec<String> = nodes.iter().map(|restart| format!("“{}”", restart.title)).collect();
                self.say(format!("The run goes on with the changed {}.", titles.join(", ")));
            }
            Ok(Response::EditCost(cost)) if is_current => self.live.edit_cost = Some(cost),
            // A pipeline with faults cannot be brought into the run; the list of problems says so.
            Err(_) if !apply => self.live.edit_cost = None,
            Err(failure) => self.say_error(failure.message),
            Ok(_) => {}
        }
    }

    /// Stops the run, and runs what is drawn once it is over.
    pub fn restart(&mut self) {
        if self.live.is_running() {
            self.live.restarts = true;
            if !self.live.is_stopping() {
                self.stop();
            }
        } else {
            self.run();
        }
    }

    /// Wants the rows of this wire, or of none, from the next poll on.
    pub fn tap(&mut self, wire: Option<Wire>) {
        self.live.tap_wire(wire);
        if self.live.run.is_some() {
            self.poll_due = Some(self.now_ms());
        }
    }

    pub(super) fn start_answered(&mut self, result: Result<Response, Failure>) {
        self.live.is_starting = false;
        match result {
            Ok(Response::RunStarted { run }) => {
                self.live.follow(run);
                self.poll_due = Some(self.now_ms());
            }
            Ok(_) => self.say_error("The host did not say which run it started.".to_owned()),
            Err(failure) => {
                if !failure.diagnostics.is_empty() {
                    self.checked.diagnostics = failure.diagnostics;
                    self.wants_problems = true;
                }
                self.say_error(failure.message);
            }
        }
    }

    pub(super) fn poll_if_due(&mut self, now: f64, visible_views: &[NodeId]) {
        if self.poll_due.is_none_or(|due| due > now) || self.is_polling() || !self.link.is_seen() {
            return;
        }
        self.poll_due = None;
        let Some(run) = self.live.run else { return };
        let poll = Poll {
            run,
            taps: self.live.tapped.iter().map(|wire| self.live.carrier(wire).clone()).collect(),
            views: visible_views.iter().map(|id| (id.clone(), self.live.view_version(id))).collect(),
            parts: self
                .live
                .looks
                .iter()
                .filter(|(id, _)| visible_views.contains(id))
                .map(|(id, look)| (id.clone(), (*look, self.live.part_version(id, look))))
                .collect(),
            filters: self.live.filters.clone(),
            log_from: self.live.log_from(),
            halt: self.live.halted.as_ref().map_or(0, |halted| halted.number),
        };
        let filters = poll.filters.clone();
        self.send(Request::Poll(poll), Pending::Poll { filters });
    }

    pub(super) fn is_polling(&self) -> bool {
        self.pending.values().any(|(_, pending)| matches!(pending, Pending::Poll { .. }))
    }

    pub(super) fn poll_answered(&mut self, filters: Option<&Filters>, result: Result<Response, Failure>) {
        let now = self.now_ms();
        match result {
            Ok(Response::Polled(polled)) => {
                let was_running = self.live.is_running();
                let was_capturing = self.live.capturing.is_some();
                let halt = polled.halt.as_ref().map(|halt| halt.wire.clone());
                if let Err(error) = self.live.take_in(polled, filters) {
                    self.say_error(error.to_string());
                }
                if let Some(wire) = halt {
                    self.live.tap_wire(Some(self.live.drawn(&wire)));
                    self.wants_data = true;
                }
                if was_capturing && self.live.capturing.is_none() {
                    self.list_captures();
                }
                let is_running = self.live.is_running();
                let interval = if is_running { self.poll_interval_ms() } else { IDLE_POLL_INTERVAL_MS };
                self.poll_due = Some(now + interval);
                if was_running && !is_running {
                    self.run_is_over();
                }
            }
            Err(failure) if failure.code == FailureCode::NotFound => {
                // The host has forgotten the run: what was seen of it stays.
                self.live.run = None;
            }
            Err(failure) => {
                self.say_error(failure.message);
                self.poll_due = Some(now + IDLE_POLL_INTERVAL_MS);
            }
            Ok(_) => self.poll_due = Some(now + IDLE_POLL_INTERVAL_MS),
        }
    }

    /// When the run is looked at again. The view must not slow the run: without a graphics card a frame takes a core for
    /// many milliseconds, which a run that wants all cores then lacks. So the pace falls until the run lacks little.
    fn poll_interval_ms(&mut self) -> f64 {
        let longest_ms = self.link.frame_cost_ms() * PARTS_FOR_DRAWING;
        let longest_ms = longest_ms.clamp(POLL_INTERVAL_MS, LONGEST_POLL_INTERVAL_MS);
        let step = if self.live.rates.core_wait() > CORE_WAIT { 1.5 } else { 0.9 };
        self.poll_interval_ms = (self.poll_interval_ms * step).clamp(POLL_INTERVAL_MS, longest_ms);
        self.poll_interval_ms
    }

    /// Filters the views of what is shown, from the next poll on.
    pub fn filter_views(&mut self, filters: Option<&Filters>) {
        if self.live.filters.as_ref() != filters {
            self.live.filters = filters.cloned();
            if self.live.run.is_some() {
                self.poll_due = Some(self.now_ms());
            }
        }
    }

    fn run_is_over(&mut self) {
        self.live.edit_cost = None;
        if std::mem::take(&mut self.live.restarts) {
            // A replay stays one: sinks that wrote nothing must not begin to.
            self.run_with(self.replayed, false);
            return;
        }
        let Some(metrics) = &self.live.metrics else { return };
        match &metrics.failure {
            Some(failure) => {
                let text = failure.message.clone();
                self.say_error(text);
            }
            None => {
                let rows = crate::format::counted(metrics.num_source_rows(), "row");
                let text = format!("{}: {rows} in {}", metrics.state.word(), crate::format::clock(metrics.elapsed_ms));
                self.say(text);
            }
        }
    }

    /// Asks for the newest records of an unwired port.
    pub fn ask_recent_rows(&mut self, node: NodeId, port: String) {
        if let Some(run) = self.live.run {
            let pending = Pending::RecentRows { node: node.clone(), port: port.clone() };
            self.send(Request::RecentRows { run, node, port }, pending);
        }
    }

    /// Looks at a part of a view, and asks for it soon.
    pub fn look_at(&mut self, node: NodeId, look: Option<Look>) {
        self.live.look_at(node, look);
        if self.live.run.is_some() {
            let soon = self.now_ms() + POLL_INTERVAL_MS;
            self.poll_due = self.poll_due.map(|due| due.min(soon));
        }
    }

    /// Asks for a view as a picture, which is then handed to the person.
    pub fn export_view(&mut self, node: NodeId, seen: Seen, format: ImageFormat, (width, height): (u32, u32)) {
        let Some(run) = self.live.run else {
            self.say_error("There is no picture to save before the first run.".to_owned());
            return;
        };
        let extension = match format {
            ImageFormat::Svg => "svg",
            ImageFormat::Png => "png",
        };
        let pending = Pending::View { file_name: format!("{node}.{extension}") };
        self.send(Request::RenderView { run, node, seen, format, width, height }, pending);
    }
}
