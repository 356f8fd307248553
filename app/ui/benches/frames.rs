//! The CPU time of one frame of the whole designer at 1920 × 1080: logic, layout and tessellation, without a GPU.
//!
//! Pipelines of 100, 1,000 and 5,000 nodes with twice as many wires are panned, a node of them is dragged, and 500 wires
//! change their rates, each at three zooms. Before anything is measured the canvas must show what an independent count
//! over the pipeline says, and a click must meet the node that stands there. Prints one JSON line for each measurement;
//! a word on the command line picks the lines that contain it. Time is the thread's own CPU time, so a busy machine
//! disturbs little.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::rc::Rc;
use std::time::Duration;

use egui::{Context, Event, Key, Modifiers, PointerButton, Pos2, RawInput, Rect, Vec2, pos2, vec2};
use millrace_model::run::{NodeMetrics, RunMetrics, RunState, WireMetrics};
use millrace_model::{NodeId, Pipeline};
use millrace_protocol::Polled;
use millrace_ui::{Designer, theme};
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;

use support::{FakeLink, Host};

const SCREEN: Vec2 = vec2(1_920.0, 1_080.0);
/// Between the corners of neighbours.
const STEP: (i32, i32) = (272, 128);
/// Every node of these pipelines has this size.
const NODE: Vec2 = vec2(176.0, 76.0);
const FRAME_MS: f64 = 1_000.0 / 60.0;
const NUM_FRAMES: usize = 180;
/// Wires whose rates change while the pipeline runs.
const NUM_LIVE: usize = 500;

fn main() {
    // Cargo passes `--bench`; anything else is a word of the person's.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let wanted: Vec<&String> = wanted.iter().filter(|word| *word != "frames").collect();
    for num_nodes in [100, 1_000, 5_000] {
        for is_accessible in [false, true] {
            for view in ["zoom 1", "zoom 0.3", "fit"] {
                for work in ["pan", "drag", "rates"] {
                    let suffix = if is_accessible { ", accessibility tree" } else { "" };
                    let name = format!("{num_nodes} nodes, {view}, {work}{suffix}");
                    if wanted.iter().all(|word| name.contains(word.as_str())) {
                        measure(num_nodes, view, work, is_accessible, &name);
                    }
                }
            }
        }
    }
}

fn measure(num_nodes: usize, view: &str, work: &str, is_accessible: bool, name: &str) {
    let mut stage = Stage::open(num_nodes, is_accessible);
    stage.look(view);
    stage.check_what_is_seen();
    let grabbed = stage.check_that_a_click_meets();
    let middle = stage.designer.canvas_view().viewport.center();
    let mut times = Vec::new();
    let mut num_vertices = 0;
    match work {
        "rates" => stage.press_key(Modifiers::COMMAND, Key::Enter),
        "pan" => stage.button(middle, PointerButton::Middle, true),
        _ => stage.button(grabbed, PointerButton::Primary, true),
    }
    for frame in 0..NUM_FRAMES + 20 {
        let angle = frame as f32 / 15.0;
        let round = vec2(angle.cos() - 1.0, angle.sin()) * 150.0;
        let events = match work {
            "rates" => Vec::new(),
            "pan" => vec![Event::PointerMoved(middle + round)],
            _ => vec![Event::PointerMoved(grabbed + round)],
        };
        let (time, vertices) = stage.frame(events);
        if frame >= 20 {
            times.push(time);
            num_vertices = num_vertices.max(vertices);
        }
    }
    if work == "rates" {
        assert!(
            stage.designer.session().live.rates.wires().filter(|(_, rate)| rate.rows > 0.0).count()
                >= NUM_LIVE.min(num_nodes),
            "rates came"
        );
    }
    stage.check_what_is_seen();
    times.sort();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize].as_secs_f64() * 1_000.0;
    let round = |ms: f64| (ms * 100.0).round() / 100.0;
    let view = stage.designer.canvas_view();
    println!(
        "{}",
        json!({
            "bench": "frames", "case": name, "p50_ms": round(at(0.5)), "p95_ms": round(at(0.95)),
            "max_ms": round(at(1.0)), "nodes_seen": view.num_nodes, "wires_seen": view.num_wires,
            "vertices": num_vertices,
        })
    );
}

/// The designer with one big pipeline, without a window.
struct Stage {
    ctx: Context,
    designer: Designer,
    host: Rc<RefCell<Host>>,
    num_frames: u64,
    /// What the next poll will bring, made outside the frame as a host in its own process would.
    next_poll: Rc<RefCell<Option<Polled>>>,
    run: Box<dyn FnMut() -> Polled>,
}

impl Stage {
    fn open(num_nodes: usize, is_accessible: bool) -> Self {
        let text = big_pipeline(num_nodes);
        let host = Host::with(&text);
        let (pipeline, _) = Pipeline::parse(&text).expect("the pipeline is well formed");
        let next_poll = Rc::new(RefCell::new(None));
        let coming = next_poll.clone();
        let poll = move |_: &_| coming.take().expect("every frame is preceded by a poll's answer");
        host.borrow_mut().polled = Some(Box::new(poll));
        let ctx = Context::default();
        theme::apply(&ctx);
        if is_accessible {
            ctx.enable_accesskit();
        }
        let designer = Designer::with_link(Box::new(FakeLink(host.clone())));
        let mut stage = Self { ctx, designer, host, num_frames: 0, next_poll, run: Box::new(running(&pipeline)) };
        for _ in 0..40 {
            stage.frame(Vec::new());
        }
        stage
    }

    /// Draws one frame; gives its CPU time and the number of vertices that a GPU would get.
    fn frame(&mut self, events: Vec<Event>) -> (Duration, usize) {
        self.host.borrow_mut().now_ms += FRAME_MS;
        self.num_frames += 1;
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, SCREEN)),
            time: Some(self.num_frames as f64 * FRAME_MS / 1_000.0),
            events,
            ..RawInput::default()
        };
        self.next_poll.borrow_mut().get_or_insert_with(&mut self.run);
        let started = cpu_time();
        let mut output = self.ctx.run_ui(input, |ui| self.designer.ui(ui));
        let shapes = std::mem::take(&mut output.shapes);
        let primitives = self.ctx.tessellate(shapes, output.pixels_per_point);
        let time = cpu_time() - started;
        output.drop_without_applying_deltas();
        let vertices = primitives.iter().map(|primitive| match &primitive.primitive {
            egui::epaint::Primitive::Mesh(mesh) => mesh.vertices.len(),
            egui::epaint::Primitive::Callback(_) => 0,
        });
        (time, vertices.sum())
    }

    fn press_key(&mut self, modifiers: Modifiers, key: Key) {
        for pressed in [true, false] {
            self.frame(vec![Event::Key { key, physical_key: None, pressed, repeat: false, modifiers }]);
        }
    }

    fn button(&mut self, pos: Pos2, button: PointerButton, pressed: bool) {
        for _ in 0..3 {
            self.frame(vec![Event::PointerMoved(pos)]);
        }
        self.frame(vec![Event::PointerButton { pos, button, pressed, modifiers: Modifiers::NONE }]);
    }

    fn look(&mut self, view: &str) {
        let middle = self.designer.canvas_view().viewport.center();
        self.frame(vec![Event::PointerMoved(middle)]);
        match view {
            "fit" => self.press_key(Modifiers::NONE, Key::F),
            _ => {
                self.press_key(Modifiers::NONE, Key::Num0);
                if view == "zoom 0.3" {
                    self.frame(vec![Event::Zoom(0.3)]);
                }
            }
        }
        for _ in 0..20 {
            self.frame(Vec::new());
        }
    }

    fn pipeline(&self) -> &Pipeline {
        self.designer.session().document.as_ref().expect("a project is open").pipeline()
    }

    fn rects(&self) -> BTreeMap<&NodeId, Rect> {
        let pipeline = self.pipeline();
        let place = |id| pipeline.position(id).expect("every node is placed");
        let rect = |id| Rect::from_min_size(pos2(place(id).x as f32, place(id).y as f32), NODE);
        pipeline.node_ids().map(|id| (id, rect(id))).collect()
    }

    /// Every node in view is drawn, and every wire that ends at one of them; what is out of view is not.
    fn check_what_is_seen(&self) {
        let view = self.designer.canvas_view();
        let rects = self.rects();
        let is_seen = |id: &NodeId| view.seen_in_canvas.intersects(rects[id]);
        let num_nodes = rects.keys().filter(|id| is_seen(id)).count();
        let num_near = rects.values().filter(|rect| view.seen_in_canvas.expand(200.0).intersects(**rect)).count();
        assert!((num_nodes..=num_near).contains(&view.num_nodes), "{num_nodes} nodes are in view: {view:?}");
        let wires = self.pipeline().wires();
        // A node may be in view by its corner while its port, and so its wire, is just outside.
        let is_whole = |id: &NodeId| view.seen_in_canvas.contains_rect(rects[id]);
        let num_wires = wires.iter().filter(|wire| is_whole(&wire.from.node) || is_whole(&wire.to.node)).count();
        assert!(num_nodes > 0 && (num_wires..=wires.len()).contains(&view.num_wires), "{num_wires} wires: {view:?}");
    }

    /// Clicks the node nearest to the middle; gives where it is on the screen.
    fn check_that_a_click_meets(&mut self) -> Pos2 {
        let view = self.designer.canvas_view();
        let rects = self.rects();
        let distance = |rect: &Rect| rect.center().distance(view.seen_in_canvas.center());
        let nearest = rects.iter().min_by(|a, b| distance(a.1).total_cmp(&distance(b.1)));
        let (id, rect) = nearest.map(|(id, rect)| ((*id).clone(), *rect)).expect("there are nodes");
        let part = (rect.center() - view.seen_in_canvas.min) / view.seen_in_canvas.size();
        let pos = view.viewport.min + part * view.viewport.size();
        self.button(pos, PointerButton::Primary, true);
        self.button(pos, PointerButton::Primary, false);
        self.frame(Vec::new());
        assert_eq!(self.designer.selection().single_node(), Some(&id), "a click meets the node at {pos}");
        // So that the next press is no double click.
        self.host.borrow_mut().now_ms += 1_000.0;
        self.num_frames += 60;
        pos
    }
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).expect("nanoseconds are below a billion"))
}

/// Columns of nodes, each fed by two of the column before it, some from far.
fn big_pipeline(num_nodes: usize) -> String {
    let num_rows = ((num_nodes as f64).sqrt() * 1.3).ceil() as usize;
    let name = |index: usize| format!("n{index:04}");
    let (mut nodes, mut wires, mut places) = (String::new(), Vec::new(), String::new());
    for index in 0..num_nodes {
        let (column, row) = (index / num_rows, index % num_rows);
        let comma = if index == 0 { "" } else { "," };
        let kind = if column == 0 { "ingest.simulate_devices" } else { "process.union" };
        let title = format!("Rows of line {row} step {column}");
        write!(nodes, "{comma}\"{}\":{{\"kind\":\"{kind}\",\"title\":\"{title}\"}}", name(index))
            .expect("a text can grow");
        let (x, y) = (column as i32 * STEP.0, row as i32 * STEP.1);
        write!(places, "{comma}\"{}\":{{\"x\":{x},\"y\":{y}}}", name(index)).expect("a text can grow");
        if column > 0 {
            let far = if index % 20 == 0 { column.min(5) } else { 1 };
            wires.push((index - num_rows, index));
            wires.push(((column - far) * num_rows + (row + 3) % num_rows, index));
        }
    }
    // What the first column lacks.
    let rest = (0..).map(|index| (index, index + 2 * num_rows)).take(2 * num_nodes - wires.len());
    wires.extend(rest);
    wires.sort_unstable();
    wires.dedup();
    assert_eq!(wires.len(), 2 * num_nodes, "there are twice as many wires as nodes");
    let wires: Vec<String> = wires
        .iter()
        .map(|(from, to)| format!("{{\"from\":\"{}.rows\",\"to\":\"{}.rows\"}}", name(*from), name(*to)))
        .collect();
    format!(
        "{{\"format\":1,\"name\":\"Big\",\"nodes\":{{{nodes}}},\"wires\":[{}],\"layout\":{{\"nodes\":{{{places}}}}}}}",
        wires.join(",")
    )
}

/// A run in which every node has metrics and the first wires carry more rows at each poll.
fn running(pipeline: &Pipeline) -> impl FnMut() -> Polled + use<> {
    let nodes: BTreeMap<NodeId, NodeMetrics> = pipeline
        .node_ids()
        .map(|id| (id.clone(), NodeMetrics { rows_in: 10, rows_out: 10, ..NodeMetrics::default() }))
        .collect();
    let wires: Vec<WireMetrics> = pipeline
        .wires()
        .into_iter()
        .map(|wire| WireMetrics { wire, rows: 0, batches: 0, rows_injected: 0, fill: 0.0 })
        .collect();
    let mut metrics = RunMetrics {
        state: RunState::Running,
        elapsed_ms: 0,
        failure: None,
        nodes,
        wires,
        memory_bytes: 100_000_000,
        cpu: None,
        checkpoint: None,
        standstill: None,
    };
    let num_wires = metrics.wires.len();
    move || {
        metrics.elapsed_ms += 100;
        let round = metrics.elapsed_ms / 100;
        // The live wires lie spread over the pipeline.
        for (index, wire) in metrics.wires.iter_mut().step_by((num_wires / NUM_LIVE).max(1)).enumerate() {
            wire.rows += 1_000 + (index as u64 * 37 + round * 101) % 900;
            wire.fill = ((index as u64 + round) % 10) as f32 / 10.0;
        }
        Polled {
            metrics: metrics.clone(),
            taps: Vec::new(),
            views: BTreeMap::new(),
            parts: BTreeMap::new(),
            log: Vec::new(),
            halt: None,
            capturing: None,
            replaying: None,
        }
    }
}
