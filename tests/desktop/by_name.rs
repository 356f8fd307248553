//! The designer in a browser as a screen reader or a browser driver meets it: nothing is found by its place or colour,
//! everything by role and name in the hidden elements over the canvas.

use std::process::Command;
use std::time::{Duration, Instant};

use fantoccini::key::Key;
use millrace_tests::cli;
use serde_json::{Value, json};

use crate::browser::{Browser, start_and_read_line, wait_until_saved};
use crate::machine::PATIENCE;

impl Browser {
    /// Runs a script over the mirrored elements; `all` holds them, `arguments` what is given.
    pub async fn ask(&self, script: &str, arguments: Vec<Value>) -> Value {
        let all = "const all = [...document.querySelectorAll('#accessibility *')];\
             const role = e => e.getAttribute('role') ?? ({ INPUT: 'textbox', TEXTAREA: 'textbox' })[e.tagName];\
             const name = e => e.getAttribute('aria-label')\
               ?? (e.getAttribute('aria-labelledby') ?? '').split(' ').map(id => document.getElementById(id)?.textContent ?? '').join(' ').trim();\
             const find = (r, n) => all.find(e => role(e) === r && name(e) === n);";
        self.client.execute(&format!("{all}{script}"), arguments).await.expect("the page runs scripts")
    }

    /// Waits until the script gives something.
    pub async fn wait(&self, what: &str, script: &str, arguments: Vec<Value>) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let value = self.ask(script, arguments.clone()).await;
            if !value.is_null() && value != json!(false) {
                return value;
            }
            if Instant::now() > deadline {
                self.picture("by-name").await;
                let all = "return all.filter(e => role(e) || e.textContent).map(e => `${role(e)}: ${name(e) || e.textContent}`).join('\\n')";
                let there = self.ask(all, Vec::new()).await;
                panic!(
                    "waited {} s in vain for {what}; there are:\n{}",
                    PATIENCE.as_secs(),
                    there.as_str().unwrap_or_default()
                );
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn wait_for_name(&self, role: &str, name: &str) {
        let script = "return find(arguments[0], arguments[1]) != null";
        self.wait(&format!("{role} `{name}`"), script, vec![json!(role), json!(name)]).await;
    }

    pub async fn wait_until_gone(&self, role: &str, name: &str) {
        let script = "return find(arguments[0], arguments[1]) == null";
        self.wait(&format!("{role} `{name}` to be gone"), script, vec![json!(role), json!(name)]).await;
    }

    /// Presses an element, as a screen reader does.
    pub async fn press_name(&self, role: &str, name: &str) {
        let script = "const e = find(arguments[0], arguments[1]); if (!e) return false; e.click(); return true";
        self.wait(&format!("{role} `{name}`"), script, vec![json!(role), json!(name)]).await;
    }

    /// Puts text into a field, as a screen reader or a password manager does.
    pub async fn set_field(&self, name: &str, text: &str) {
        let script = "const e = find('textbox', arguments[0]); if (!e) return false; e.value = arguments[1];\
             e.dispatchEvent(new Event('input', { bubbles: true })); return true";
        self.wait(&format!("the field `{name}`"), script, vec![json!(name), json!(text)]).await;
    }
}

#[tokio::test]
async fn a_pipeline_is_built_run_and_watched_by_role_and_name_alone() {
    let folder = tempfile::tempdir().expect("a folder of its own");
    let database = folder.path().join("projects.db");
    let pipeline = folder.path().join("journey.millrace.json");
    let chart = json!({ "kind": "visualize.line_chart", "title": "Temperatures", "params": { "y": ["temperature"], "series": "device" } });
    let start = json!({ "format": 1, "name": "Journey", "nodes": { "chart": chart }, "wires": [] });
    std::fs::write(&pipeline, format!("{start:#}\n")).expect("the test's folder can be written");
    let mut serve = Command::new(cli());
    serve.arg("serve").arg(&pipeline).args(["--bind", "127.0.0.1:0", "--database"]).arg(&database);
    let (mut server, address) = start_and_read_line(serve.current_dir(folder.path()), |line| line.starts_with("http"));
    let browser = Browser::open(&address, &folder.path().join("profile")).await;

    for title in ["Simulate devices", "Filter"] {
        browser.press_name("button", &format!("add {title}")).await;
        browser.wait_for_name("button", &format!("node {title}")).await;
    }
    for (from, to) in [("Simulate devices", "Filter"), ("Filter", "Temperatures")] {
        let node = format!("node {from}");
        browser.press_name("button", &node).await;
        let is_selected = "return find('button', arguments[0])?.getAttribute('aria-pressed') === 'true'";
        browser.wait("the node to be selected", is_selected, vec![json!(node)]).await;
        browser.press(&[], 'w').await;
        browser.press_name("option", &format!("pick rows → {to} · rows")).await;
    }
    browser.wait_for_name("button", "wire filter.rows → chart.rows").await;

    browser.press_name("button", "node Filter").await;
    browser.set_field("Condition", "temperature > -100").await;
    let is_typed = |saved: &Value| saved["nodes"]["filter"]["params"]["condition"] == "temperature > -100";
    wait_until_saved(&database, "the condition", is_typed).await;

    browser.press_name("button", "Run").await;
    // What a reader is told of the node and of the chart while the run goes on.
    let running = "return find('button', 'node Filter')?.getAttribute('aria-description')?.includes('running')";
    browser.wait("the filter to be told as running", running, Vec::new()).await;
    let chart = "const words = all.filter(e => role(e) === 'img').map(name);\
         return words.find(words => /^Line chart.* \\d/.test(words)) ?? null";
    browser.wait("the chart with its newest values in words", chart, Vec::new()).await;
    browser.press_name("button", "Stop").await;
    browser.wait_for_name("button", "Run").await;

    // What is out of view is told as well, and comes into view when it is asked for.
    browser.press(&[], char::from(Key::Escape)).await;
    let is_unselected = "return find('button', 'node Filter')?.getAttribute('aria-pressed') === 'false'";
    browser.wait("nothing to be selected", is_unselected, Vec::new()).await;
    for _ in 0..20 {
        browser.press(&[Key::Control], char::from(Key::Down)).await;
    }
    let is_out_of_view = "const group = find('button', 'node Filter')?.parentElement;\
        return group != null && name(group) === 'out of view or seen from afar'";
    browser.wait("the node to go out of view", is_out_of_view, Vec::new()).await;
    browser.press_name("button", "node Filter").await;
    let is_selected = "return find('button', 'node Filter')?.getAttribute('aria-pressed') === 'true'";
    browser.wait("the node to come into view and be selected", is_selected, Vec::new()).await;
    browser.client.clone().close().await.expect("the browser closes");
    assert_eq!(server.end_gracefully(), Some(130), "the server ends in good order");
}

#[tokio::test]
async fn what_is_told_as_saved_is_there_after_the_server_was_killed_and_can_be_undone() {
    let folder = tempfile::tempdir().expect("a folder of its own");
    let database = folder.path().join("projects.db");
    let serve = |args: &[&str]| {
        let mut serve = Command::new(cli());
        serve.arg("serve").args(args).args(["--bind", "127.0.0.1:0", "--database"]).arg(&database);
        start_and_read_line(serve.current_dir(folder.path()), |line| line.starts_with("http"))
    };
    let devices = json!({ "kind": "ingest.simulate_devices", "title": "Devices" });
    let start = json!({ "format": 1, "name": "Journey", "nodes": { "devices": devices }, "wires": [] });
    let pipeline = folder.path().join("journey.millrace.json");
    std::fs::write(&pipeline, format!("{start:#}\n")).expect("the test's folder can be written");
    let (server, address) = serve(&["journey.millrace.json"]);
    let browser = Browser::open(&address, &folder.path().join("profile")).await;
    browser.press_name("button", "add Filter").await;
    browser.wait_for_name("button", "node Filter").await;
    browser.set_field("Condition", "temperature > 7").await;
    let is_saved = "return find('textbox', 'Condition')?.value === 'temperature > 7'
        && all.some(e => e.textContent === 'Saved')";
    browser.wait("the designer to say that it is saved", is_saved, Vec::new()).await;
    // SIGKILL: nothing is flushed, nothing is said.
    drop(server);
    drop(browser);

    let condition = |saved: &Value| saved["nodes"]["filter"]["params"]["condition"].clone();
    wait_until_saved(&database, "the condition", |saved| condition(saved) == "temperature > 7").await;
    let (mut server, address) = serve(&[]);
    let browser = Browser::open(&address, &folder.path().join("profile_2")).await;
    browser.wait_for_name("button", "node Filter").await;
    browser.press(&[Key::Control], 'z').await;
    wait_until_saved(&database, "the condition to be taken back", |saved| condition(saved).is_null()).await;
    browser.press(&[Key::Control], 'z').await;
    wait_until_saved(&database, "the filter to be taken back", |saved| saved["nodes"]["filter"].is_null()).await;
    browser.client.clone().close().await.expect("the browser closes");
    assert_eq!(server.end_gracefully(), Some(130), "the server ends in good order");
}
