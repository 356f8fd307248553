//! The designer in Debian's chromium, without a window, against `millrace serve`.

use std::cell::Cell;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::actions::{InputSource, KeyAction, KeyActions, MouseActions, PointerAction};
use fantoccini::key::Key;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use millrace_tests::cli;
use serde_json::{Map, json};

use crate::look::{self, Canvas};
use crate::machine::{PATIENCE, Running, picture_folder, tool};

use crate::picture::Picture;
use crate::project::{self, CHART, DEVICES, write_pipeline};

const WIDTH: u32 = 1440;
const HEIGHT: u32 = 900;

/// Starts a program that prints a line with its address, and gives the line.
pub fn start_and_read_line(command: &mut Command, is_wanted: impl Fn(&str) -> bool) -> (Running, String) {
    let mut running = Running::start(command.stdout(Stdio::piped()));
    let mut output = BufReader::new(running.child().stdout.take().expect("it is piped"));
    let mut line = String::new();
    while !is_wanted(&line) {
        line.clear();
        let num_read = output.read_line(&mut line).expect("it prints text");
        assert!(num_read > 0, "{command:?} ended before it said where it can be reached");
    }
    // Read on, so that the program never waits for a full pipe.
    std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
    (running, line.trim().to_owned())
}

pub struct Browser {
    pub client: Client,
    driver: Running,
}

impl Drop for Browser {
    /// Ends the browser with its driver, also where a test has failed and closed nothing.
    fn drop(&mut self) {
        let group = format!("-{}", self.driver.child().id());
        // They may be over already.
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
    }
}

impl Browser {
    pub async fn open(address: &str, profile: &Path) -> Self {
        let (driver, line) = start_and_read_line(
            tool("chromedriver").args(["--port=0"]).stderr(Stdio::null()).process_group(0),
            |line| line.contains("started successfully on port"),
        );
        let port = line.trim_end_matches('.').rsplit(' ').next().expect("the line ends with a port").to_owned();
        let size = format!("--window-size={WIDTH},{HEIGHT}");
        let profile = format!("--user-data-dir={}", profile.display());
        // Without a GPU chromium draws WebGL in software only when told so; as root it refuses its sandbox.
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--use-angle=swiftshader",
            "--enable-unsafe-swiftshader",
            "--force-dark-mode",
            &size,
            &profile,
        ];
        let capabilities: Map<String, serde_json::Value> =
            [("goog:chromeOptions".to_owned(), json!({ "args": arguments }))].into_iter().collect();
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("chromedriver opens a browser");
        client.goto(address).await.expect("the designer's page loads");
        Self { client, driver }
    }

    pub async fn picture(&self, step: &str) -> Picture {
        let png = self.client.screenshot().await.expect("the browser gives a picture");
        let path = picture_folder().join(format!("browser-{step}.png"));
        std::fs::write(&path, png).expect("the target folder can be written");
        Picture::of_png(&path)
    }

    /// Holds `modifiers`, presses `key`, and lets go.
    pub async fn press(&self, modifiers: &[Key], key: char) {
        let code = |key: &Key| char::from(*key);
        let mut keys = KeyActions::new("keys".to_owned());
        for modifier in modifiers {
            keys = keys.then(KeyAction::Down { value: code(modifier) });
        }
        keys = keys.then(KeyAction::Down { value: key }).then(KeyAction::Pause { duration: Duration::from_millis(60) });
        keys = keys.then(KeyAction::Up { value: key });
        for modifier in modifiers.iter().rev() {
            keys = keys.then(KeyAction::Up { value: code(modifier) });
        }
        self.client.perform_actions(keys).await.expect("the browser takes keys");
    }

    pub async fn type_text(&self, text: &str) {
        for character in text.chars() {
            self.press(&[], character).await;
        }
    }

    async fn click(&self, (x, y): (usize, usize)) {
        let mouse = MouseActions::new("mouse".to_owned())
            .then(PointerAction::MoveTo { duration: None, x: x as f64, y: y as f64 })
            .then(PointerAction::Down { button: 0 })
            .then(PointerAction::Pause { duration: Duration::from_millis(100) })
            .then(PointerAction::Up { button: 0 });
        self.client.perform_actions(mouse).await.expect("the browser takes the mouse");
    }

    /// Takes pictures until one shows what is asked for.
    async fn wait_for<T>(&self, step: &str, look: impl Fn(&Picture) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let picture = self.picture(step).await;
            if let Some(value) = look(&picture) {
                return value;
            }
            if Instant::now() > deadline {
                let notice = self.notice().await.unwrap_or_default();
                panic!("waited {} s in vain for {step}; the page says: {notice:?}", PATIENCE.as_secs());
            }
        }
    }

    /// What the page says instead of the designer, if it does.
    async fn notice(&self) -> Option<String> {
        let script = "const n = document.getElementById('notice'); return n && !n.hidden ? n.innerText : null;";
        let value = self.client.execute(script, Vec::new()).await.expect("the page runs scripts");
        value.as_str().map(str::to_owned)
    }
}

pub async fn wait_until_saved(database: &Path, what: &str, is_there: impl Fn(&serde_json::Value) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !project::saved(database).is_some_and(|saved| is_there(&saved)) {
        assert!(
            Instant::now() < deadline,
            "waited {} s in vain for {what} in the project database",
            PATIENCE.as_secs()
        );
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
}

#[tokio::test]
async fn the_same_designer_edits_and_runs_in_a_browser() {
    let folder = tempfile::tempdir().expect("a folder of its own");
    let database = folder.path().join("projects.db");
    let pipeline = write_pipeline(folder.path());
    let mut serve = Command::new(cli());
    serve.arg("serve").arg(&pipeline).args(["--bind", "127.0.0.1:0", "--database"]).arg(&database);
    let (mut server, address) = start_and_read_line(serve.current_dir(folder.path()), |line| line.starts_with("http"));
    let browser = Browser::open(&address, &folder.path().join("profile")).await;

    let before = Cell::new(None);
    let canvas = browser.wait_for("1-opened", |picture| Canvas::find_still(picture, DEVICES, &before)).await;
    assert_eq!(browser.notice().await, None, "the page's notice is gone");

    // The chart is selected by mouse, then renamed by keys.
    browser.click(canvas.place((CHART.0 + 80, CHART.1 + 20))).await;
    let around_chart = canvas.area(CHART, (248, 210));
    browser.wait_for("2-selected", |picture| look::is_selected(picture, around_chart)).await;
    let selected = browser.picture("2-selected").await;
    browser.press(&[], char::from(Key::F2)).await;
    browser.wait_for("2-renaming", |picture| (picture.num_changed(&selected, picture.all()) > 20).then_some(())).await;
    browser.press(&[Key::Control], 'a').await;
    browser.type_text("Seen").await;
    browser.press(&[], char::from(Key::Enter)).await;
    let has_title = |saved: &serde_json::Value| project::titles(saved).contains(&"Seen".to_owned());
    wait_until_saved(&database, "the new title", has_title).await;

    let run = browser.wait_for("3-edited", look::run_button).await;
    let before = browser.picture("3-edited").await;
    browser.click(run).await;
    let chart = canvas.area(CHART, (240, 172));
    browser.wait_for("4-running", |picture| (picture.num_changed(&before, chart) > 100).then_some(())).await;
    let stop = browser.wait_for("4-running", look::stop_button).await;
    browser.click(stop).await;
    browser.wait_for("5-stopped", look::run_button).await;
    project::assert_means_are_plausible(folder.path(), 4);

    browser.press(&[Key::Control], 'z').await;
    wait_until_saved(&database, "the old title", |saved| !has_title(saved)).await;
    browser.client.clone().close().await.expect("the browser closes");
    assert_eq!(server.end_gracefully(), Some(130), "the server ends in good order");
}
