//! Breakpoints, pauses and steps.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use millrace_model::run::{Breakpoint, Standstill};
use millrace_protocol::{Frame, Halt, Move};

use super::*;

fn hot_wire() -> Wire {
    Wire::new("devices.rows".parse().expect("an end"), "hot.rows".parse().expect("an end"))
}

/// Every poll finds the run halted before the second of three rows.
fn halted(poll: &Poll) -> Polled {
    let rows: ArrayRef = Arc::new(Int64Array::from(vec![40, 95, 41]));
    let rows = RecordBatch::try_from_iter([("temperature", rows)]).expect("a column");
    let halt = Halt { number: 1, wire: hot_wire(), row: 1, rows: Frame::from_batch(&rows).expect("a frame") };
    let mut polled = running(poll, RunState::Running);
    polled.metrics.standstill = Some(Standstill::Halted { wire: hot_wire(), number: 1 });
    polled.halt = Some(halt).filter(|halt| halt.number > poll.halt);
    polled
}

fn moves(bench: &Bench) -> Vec<Move> {
    let host = bench.host.borrow();
    host.heard
        .iter()
        .filter_map(|request| if let Request::MoveRun { how, .. } = request { Some(*how) } else { None })
        .collect()
}

/// What the last request about breakpoints asked for.
fn breakpoints(bench: &Bench) -> Vec<Breakpoint> {
    let host = bench.host.borrow();
    let last = host.heard.iter().rev().find_map(|request| match request {
        Request::StartRun { breakpoints, .. } | Request::SetBreakpoints { breakpoints, .. } => {
            Some(breakpoints.clone())
        }
        _ => None,
    });
    last.expect("breakpoints were asked for")
}

#[test]
fn a_breakpoint_is_set_on_a_wire_and_the_run_begins_with_it() {
    let mut bench = Bench::open(FLEET);
    let text = bench.text();
    bench.click("wire devices.rows → hot.rows");
    bench.press(Modifiers::NONE, Key::F9);
    bench.step();
    bench.harness.get_by_label("Where (empty: at every batch)").click();
    bench.step();
    bench.harness.get_by_label("Where (empty: at every batch)").type_text("temperature > 90");
    bench.step();
    bench.press(Modifiers::NONE, Key::Enter);
    bench.step();
    assert_eq!(bench.text(), text, "the pipeline does not know of it");
    bench.host.borrow_mut().polled = Some(Box::new(|poll| running(poll, RunState::Running)));
    bench.click("Run");
    let set = Breakpoint { wire: hot_wire(), condition: "temperature > 90".to_owned() };
    assert_eq!(breakpoints(&bench), [set]);
    bench.wait(300.0);
    bench.click("Halt the run here");
    assert_eq!(breakpoints(&bench), [], "it is off and still known");
    bench.click("Halt the run here");
    assert_eq!(breakpoints(&bench).len(), 1);
    bench.press(Modifiers::SHIFT, Key::F9);
    assert_eq!(breakpoints(&bench), []);
    assert!(!bench.has("Where (empty: at every batch)"));
}

#[test]
fn a_halt_shows_its_row_and_the_run_goes_on_by_a_step_or_for_good() {
    let mut bench = Bench::open(FLEET);
    bench.host.borrow_mut().polled = Some(Box::new(halted));
    bench.click("Run");
    bench.wait(300.0);
    assert!(bench.has_text("The run has halted before a row goes from “Devices” to “Hot”."));
    assert!(bench.has_text("This batch waits before the wire, for its row 2 of 3."));
    assert!(bench.has_text("95"));
    assert!(bench.has_text("Halted"));
    bench.press(Modifiers::NONE, Key::F10);
    bench.press(Modifiers::NONE, Key::F7);
    assert_eq!(moves(&bench), [Move::Step, Move::Resume]);
    bench.host.borrow_mut().polled = Some(Box::new(|poll| running(poll, RunState::Running)));
    bench.wait(300.0);
    assert!(!bench.has_text("The run has halted"));
    assert!(!bench.has_text("This batch waits"));
    bench.click("Pause");
    assert_eq!(moves(&bench).last(), Some(&Move::Pause));
}
