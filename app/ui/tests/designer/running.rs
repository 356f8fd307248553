//! Runs, taps and faults.

use super::*;

#[test]
fn run_starts_what_is_on_the_canvas_and_stop_twice_ends_at_once() {
    let mut bench = Bench::open(FLEET);
    bench.host.borrow_mut().polled = Some(Box::new(|poll| running(poll, RunState::Running)));
    bench.click("node Hot");
    bench.press(Modifiers::NONE, Key::D);
    bench.click("Run");
    let text = bench.pipeline().to_text();
    let started = bench
        .host
        .borrow()
        .heard
        .iter()
        .any(|request| matches!(request, Request::StartRun { project: 1, text: sent, .. } if *sent == text));
    assert!(started, "the run has the edit that was not saved yet");
    bench.wait(300.0);
    assert!(bench.has("00:01:01"), "run time");
    bench.click("Stop");
    bench.host.borrow_mut().polled = Some(Box::new(|poll| running(poll, RunState::Stopping)));
    bench.wait(300.0);
    bench.click("Stop now");
    let stops: Vec<bool> = bench
        .host
        .borrow()
        .heard
        .iter()
        .filter_map(|request| match request {
            Request::StopRun { now, .. } => Some(*now),
            _ => None,
        })
        .collect();
    assert_eq!(stops, [false, true]);
    bench.host.borrow_mut().polled = Some(Box::new(|poll| running(poll, RunState::Stopped)));
    bench.wait(300.0);
    assert!(bench.has("Run"));
    assert!(bench.has_text("1.2 k rows"));
}

#[test]
fn a_run_that_is_refused_says_why() {
    let mut bench = Bench::open(FLEET);
    let mut failure = Failure::new(FailureCode::InvalidPipeline, "The pipeline has 1 fault.");
    failure.diagnostics = vec![
        Diagnostic::error("unknown_column", "There is no column `temprature`.").at_node(&"hot".parse().expect("an id")),
    ];
    bench.host.borrow_mut().start_failure = Some(failure);
    bench.click("Run");
    bench.step();
    assert!(bench.has_text("The pipeline has 1 fault."));
    assert!(bench.has("status of Hot: Has an error: There is no column `temprature`."));
    assert!(bench.has("Run"), "it can be tried again");
}

#[test]
fn a_clicked_wire_is_tapped_while_the_run_goes_on() {
    let mut bench = Bench::open(FLEET);
    bench.host.borrow_mut().polled = Some(Box::new(|poll| running(poll, RunState::Running)));
    bench.click("Run");
    bench.click("wire devices.rows → hot.rows");
    bench.wait(300.0);
    let last = bench.host.borrow().heard.iter().rev().find_map(|request| match request {
        Request::Poll(poll) => Some(poll.clone()),
        _ => None,
    });
    let poll = last.expect("a run is polled");
    assert_eq!(poll.taps.iter().map(Wire::to_string).collect::<Vec<_>>(), ["devices.rows → hot.rows"]);
    assert_eq!(poll.views.keys().map(|id| id.as_str()).collect::<Vec<_>>(), ["chart"], "what is seen is asked for");
}

#[test]
fn faults_are_shown_at_their_node() {
    let mut bench = Bench::open(EMPTY);
    bench.click("Search nodes");
    bench.harness.get_by_label("Search nodes").type_text("filter");
    bench.press(Modifiers::NONE, Key::Enter);
    bench.wait(300.0);
    assert!(bench.has_text("status of Filter: Has an error"));
    bench.press(Modifiers::COMMAND, Key::Z);
    bench.wait(300.0);
    assert!(!bench.has_text("status of Filter"));
}

#[test]
fn a_node_tells_its_latency_and_the_source_that_holds_its_watermark_back() {
    const TWO: &str = r#"{
      "format": 1, "name": "Two",
      "nodes": {
        "fast": {"kind": "ingest.simulate_devices", "title": "Fast"},
        "slow": {"kind": "ingest.simulate_devices", "title": "Slow"},
        "hot": {"kind": "process.filter", "title": "Hot", "params": {"condition": "true"}},
        "both": {"kind": "process.union", "title": "Both"}
      },
      "wires": [
        {"from": "fast.rows", "to": "both.rows"}, {"from": "slow.rows", "to": "hot.rows"},
        {"from": "hot.rows", "to": "both.rows"}
      ]
    }"#;
    let mut bench = Bench::open(TWO);
    let polls = std::cell::Cell::new(0);
    bench.host.borrow_mut().polled = Some(Box::new(move |poll| {
        polls.set(polls.get() + 1);
        let id = |text: &str| -> millrace_model::NodeId { text.parse().expect("an id") };
        let node = |watermark_us, held_by: Option<&str>| NodeMetrics {
            rows_in: 10,
            batches_in: 4 * polls.get(),
            busy_us: 6_000 * polls.get(),
            watermark_us: Some(watermark_us),
            watermark_held_by: held_by.map(id),
            state_bytes: 2_048,
            ..NodeMetrics::default()
        };
        let mut polled = running(poll, RunState::Running);
        polled.metrics.elapsed_ms += 200 * polls.get();
        polled.metrics.nodes = BTreeMap::from([
            (id("fast"), node(9_000_000, None)),
            (id("slow"), node(5_000_000, None)),
            (id("hot"), node(5_000_000, None)),
            (id("both"), node(5_000_000, Some("hot"))),
        ]);
        polled
    }));
    bench.click("node Both");
    bench.click("Run");
    bench.wait(600.0);
    bench.wait(600.0);
    for words in ["Hot (4.0 s), by Slow", "1 ms a batch", "2.0 kB"] {
        assert!(bench.has_text(words), "{words}");
    }
}

#[test]
fn what_takes_long_is_said_and_a_start_that_is_given_up_runs_nothing() {
    let mut bench = Bench::open(FLEET);
    bench.host.borrow_mut().polled = Some(Box::new(|poll| running(poll, RunState::Running)));
    bench.host.borrow_mut().holds = Some(|request| matches!(request, Request::StartRun { .. }));
    bench.click("Run");
    bench.wait(200.0);
    assert!(!bench.has_text("Starting the run"), "not yet worth a word");
    bench.wait(600.0);
    assert!(bench.has_text("Starting the run"));
    bench.click("Cancel");
    bench.wait(100.0);
    assert!(!bench.has_text("Starting the run") && bench.has("Run"));
    let held = std::mem::take(&mut bench.host.borrow_mut().held);
    bench.host.borrow_mut().answers.extend(held);
    bench.wait(300.0);
    let stopped = Request::StopRun { run: 7, now: true };
    assert!(bench.host.borrow().heard.contains(&stopped), "the run that started all the same is stopped");
    assert!(bench.has("Run"));
}

#[test]
fn a_run_that_lacks_cores_is_looked_at_less_often_where_drawing_is_dear() {
    let polls_in_ten_seconds = |frame_cost_ms: f64, threads_waiting: f64| {
        let mut bench = Bench::open(FLEET);
        bench.host.borrow_mut().frame_cost_ms = frame_cost_ms;
        let start_ms = bench.host.borrow().now_ms;
        let polls = Rc::new(std::cell::Cell::new(0));
        let heard = polls.clone();
        let clock = Rc::new(std::cell::Cell::new(start_ms));
        let now = clock.clone();
        bench.host.borrow_mut().polled = Some(Box::new(move |poll| {
            heard.set(heard.get() + 1);
            let elapsed_ms = now.get() - start_ms;
            let mut polled = running(poll, RunState::Running);
            polled.metrics.elapsed_ms = elapsed_ms as u64;
            polled.metrics.cpu = Some(CpuUse { used_ms: 0, waited_ms: (elapsed_ms * threads_waiting) as u64 });
            polled
        }));
        bench.click("Run");
        let go_on = |bench: &mut Bench| {
            for _ in 0..200 {
                bench.wait(50.0);
                clock.set(bench.host.borrow().now_ms);
            }
        };
        go_on(&mut bench);
        polls.set(0);
        go_on(&mut bench);
        polls.get()
    };
    let usual = polls_in_ten_seconds(0.0, 0.0);
    assert!(usual > 60, "{usual} polls");
    assert_eq!(polls_in_ten_seconds(0.0, 2.0), usual, "a graphics card draws for next to nothing");
    assert_eq!(polls_in_ten_seconds(50.0, 0.0), usual, "nobody lacks what drawing takes");
    let slow = polls_in_ten_seconds(50.0, 2.0);
    assert!((5..10).contains(&slow), "{slow} polls");
    let middling = polls_in_ten_seconds(5.0, 2.0);
    assert!((15..25).contains(&middling), "{middling} polls: a part in a hundred");
}

#[test]
fn a_run_is_asked_how_it_goes_without_a_frame_and_not_at_all_where_nobody_sees_it() {
    let mut bench = Bench::open(FLEET);
    bench.host.borrow_mut().beats = true;
    bench.host.borrow_mut().polled = Some(Box::new(|poll| running(poll, RunState::Running)));
    bench.click("Run");
    bench.wait(600.0);
    let host = bench.host.clone();
    let polls = || host.borrow().heard.iter().filter(|request| matches!(request, Request::Poll(_))).count();
    // Whatever the answers say at first has been drawn; a poll may be on its way.
    let designer = bench.harness.state_mut();
    designer.beat();
    let (before, wait) = (polls(), designer.session().wait());
    assert_eq!(wait.frame_ms, None, "nothing will change before the host says something");
    let beat_ms = wait.beat_ms.expect("the next poll is due some time");
    assert!((1.0..=100.0).contains(&beat_ms), "{beat_ms}");
    for _ in 0..10 {
        host.borrow_mut().now_ms += designer.next_beat_ms().expect("the run goes on");
        designer.beat();
        // This one takes the answer in, which in the page comes with a frame.
        designer.beat();
    }
    assert_eq!(polls() - before, 10);

    host.borrow_mut().is_seen = false;
    let before = polls();
    host.borrow_mut().now_ms += 5_000.0;
    assert_eq!((designer.beat(), polls()), (None, before), "a hidden page costs the run nothing");
    // What was done last is saved all the same.
    host.borrow_mut().is_seen = true;
    bench.select(&["hot"]);
    bench.press(Modifiers::NONE, Key::Delete);
    host.borrow_mut().is_seen = false;
    let saves = bench.saves();
    let designer = bench.harness.state_mut();
    for _ in 0..20 {
        let Some(beat_ms) = designer.next_beat_ms() else { break };
        host.borrow_mut().now_ms += beat_ms;
        designer.beat();
    }
    assert_eq!(bench.saves(), saves + 1);
}
