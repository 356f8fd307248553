//! What an open window costs a run: the rows that pass while the designer shows the run, while its window is minimised,
//! and while nobody looks. `cargo xtask bench -- window` runs it against the release build.
//!
//! The run goes on all the time as fast as it can and wants both cores, and there is no graphics card, so what the
//! browser draws in software competes with the run for them: that is the worst case. The CPU seconds of the run's own process
//! are counted apart from that.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use fantoccini::key::Key;
use millrace_tests::cli;
use serde_json::{Value, json};

use crate::browser::{Browser, start_and_read_line};

const ROUNDS: usize = 3;
const SETTLE: Duration = Duration::from_secs(3);
/// A browser goes on to compile a page's code for a while after it has opened it.
const WARM_UP: Duration = Duration::from_secs(25);
const MEASURE: Duration = Duration::from_secs(10);

const LOOKS: [&str; 3] = ["closed", "minimised", "open"];

/// The painter clears the canvas once a frame.
const COUNT_FRAMES: &str = "const gl = document.querySelector('canvas').getContext('webgl2'); const clear = gl.clear.bind(gl);\
    window.frames_drawn = 0; gl.clear = mask => { window.frames_drawn += 1; clear(mask); };";

#[tokio::test]
#[allow(clippy::print_stdout, reason = "a bench talks to its user there")]
#[ignore = "a bench: cargo xtask bench -- window"]
async fn a_window_costs_a_run_little() {
    let folder = tempfile::tempdir().expect("a folder of its own");
    let total =
        json!([{ "name": "n", "expression": "count(*)" }, { "name": "mean", "expression": "avg(temperature)" }]);
    let pipeline = json!({
        "format": 1,
        "name": "Cost",
        "nodes": {
            "devices": { "kind": "ingest.simulate_devices", "params": {
                "devices": 1_000, "rate": 1_000.0, "pace": "as_fast_as_possible", "sites": 8,
            } },
            "filter": { "kind": "process.filter", "params": { "condition": "temperature > 20" } },
            "window": { "kind": "analyze.tumbling_window", "params": {
                "size": "10 s", "keys": ["site"], "aggregates": total,
            } },
            "chart": { "kind": "visualize.line_chart", "title": "Sites", "params": { "y": ["mean"], "series": "site" } },
        },
        "wires": [
            { "from": "devices.rows", "to": "filter.rows" },
            { "from": "filter.rows", "to": "window.rows" },
            { "from": "window.rows", "to": "chart.rows" },
        ],
    });
    std::fs::write(folder.path().join("cost.millrace.json"), format!("{pipeline:#}\n")).expect("it can be written");
    let mut serve = Command::new(cli());
    serve.args(["serve", "cost.millrace.json", "--bind", "127.0.0.1:0"]).current_dir(folder.path());
    let (mut server, address) = start_and_read_line(&mut serve, |line| line.starts_with("http"));
    let pid = server.child().id();

    let mut shares: [Vec<f64>; 3] = Default::default();
    let mut lines = Vec::new();
    for round in 0..ROUNDS {
        let browser = Browser::open(&address, &folder.path().join(format!("profile_{round}"))).await;
        if round == 0 {
            browser.press_name("button", "Run").await;
        }
        browser.wait_for_name("button", "Stop").await;
        browser.press(&[], 'f').await;
        let mut rates = [0.0; 3];
        tokio::time::sleep(WARM_UP).await;
        browser.client.execute(COUNT_FRAMES, Vec::new()).await.expect("the page runs scripts");
        rates[2] = rate(&address, pid, "open", &mut lines).await;
        let frames =
            browser.client.execute("return window.frames_drawn", Vec::new()).await.expect("the page runs scripts");
        lines.push(json!({ "bench": "window", "look": "open", "frames_a_second": frames.as_f64().expect("a number") / (SETTLE + MEASURE).as_secs_f64() }));
        browser.client.clone().minimize_window().await.expect("the window is minimised");
        let hidden = browser.client.execute("return document.hidden", Vec::new()).await.expect("the page runs scripts");
        assert_eq!(hidden, json!(true), "the page knows that it is not seen");
        rates[1] = rate(&address, pid, "minimised", &mut lines).await;
        browser.client.clone().close().await.expect("the browser closes");
        drop(browser);
        rates[0] = rate(&address, pid, "closed", &mut lines).await;
        for (shares, rate) in shares.iter_mut().zip(rates) {
            shares.push(rate / rates[0]);
        }
    }
    let middle = |mut shares: Vec<f64>| {
        shares.sort_by(f64::total_cmp);
        shares[ROUNDS / 2]
    };
    for line in &lines {
        println!("{line}");
    }
    let ratios: serde_json::Map<String, Value> =
        LOOKS.iter().zip(shares).map(|(look, shares)| ((*look).to_owned(), json!(middle(shares)))).collect();
    println!("{}", json!({ "bench": "window", "throughput_as_share_of_closed": ratios }));
    let browser = Browser::open(&address, &folder.path().join("profile_end")).await;
    browser.press_name("button", "Stop").await;
    browser.wait_for_name("button", "Run").await;
    browser.press(&[Key::Control], 's').await;
    browser.client.clone().close().await.expect("the browser closes");
    assert_eq!(server.end_gracefully(), Some(130), "the server ends in good order");
}

/// Rows a second from here on for a while, once things have settled.
async fn rate(address: &str, pid: u32, look: &str, lines: &mut Vec<Value>) -> f64 {
    tokio::time::sleep(SETTLE).await;
    let (start, rows, cpu) = (Instant::now(), rows_given(address), cpu_seconds(pid));
    tokio::time::sleep(MEASURE).await;
    let (seconds, rows) = (start.elapsed().as_secs_f64(), rows_given(address) - rows);
    assert!(rows > 0.0, "the run goes on");
    let cpu = cpu_seconds(pid) - cpu;
    lines.push(json!({
        "bench": "window", "look": look, "rows_per_second": rows / seconds, "rows_per_cpu_second": rows / cpu,
    }));
    rows / seconds
}

/// How many rows the source has given, as the server tells Prometheus.
fn rows_given(address: &str) -> f64 {
    let place = address.trim_start_matches("http://").split('/').next().expect("an address has a host");
    let mut connection = TcpStream::connect(place).expect("the server is there");
    write!(connection, "GET /metrics HTTP/1.0\r\nHost: {place}\r\n\r\n").expect("it listens");
    let mut page = String::new();
    connection.read_to_string(&mut page).expect("it answers");
    let of_source = |line: &&str| line.starts_with("millrace_node_rows_out_total") && line.contains("node=\"devices\"");
    let line = page.lines().find(of_source).expect("the run is told");
    line.rsplit(' ').next().and_then(|number| number.parse().ok()).expect("it ends with a number")
}

/// What a process has used of the CPU so far.
fn cpu_seconds(pid: u32) -> f64 {
    const TICKS_PER_SECOND: f64 = 100.0;
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("Linux tells what a process has used");
    let after_name = text.rsplit_once(')').expect("the name stands in brackets").1;
    let ticks: f64 = after_name.split_whitespace().skip(11).take(2).map(|n| n.parse::<f64>().expect("ticks")).sum();
    ticks / TICKS_PER_SECOND
}
