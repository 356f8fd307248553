//! A virtual display with a window manager, and hands on its mouse and keyboard.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::machine::{PATIENCE, Running, output_of, picture_folder, tool, wait_for};
use crate::picture::Picture;

pub const WIDTH: usize = 1440;
pub const HEIGHT: usize = 900;

/// A display of its own, gone with this value.
pub struct Screen {
    pub display: String,
    name: &'static str,
    _window_manager: Running,
    _server: Running,
}

impl Screen {
    /// A new display under a number that nobody else has.
    pub fn new(name: &'static str) -> Self {
        let geometry = format!("{WIDTH}x{HEIGHT}x24");
        let mut server = Running::start(
            tool("Xvfb")
                .args(["-displayfd", "1", "-screen", "0", &geometry, "-nolisten", "tcp", "-noreset"])
                .stdout(Stdio::piped())
                .stderr(Stdio::null()),
        );
        let output = server.child().stdout.take().expect("it is piped");
        let mut number = String::new();
        BufReader::new(output).read_line(&mut number).expect("Xvfb says its display's number");
        assert!(!number.trim().is_empty(), "Xvfb ended before it had a display");
        let display = format!(":{}", number.trim());
        let window_manager =
            Running::start(tool("openbox").env("DISPLAY", &display).stdout(Stdio::null()).stderr(Stdio::null()));
        Self { display, name, _window_manager: window_manager, _server: server }
    }

    pub fn picture(&self) -> Picture {
        Picture::of_display(&self.display, WIDTH, HEIGHT)
    }

    /// Looks again and again until the screen shows what is asked for; keeps a picture of what it shows instead.
    #[track_caller]
    pub fn wait_for<T>(&self, what: &str, look: impl Fn(&Picture) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let picture = self.picture();
            if let Some(value) = look(&picture) {
                return value;
            }
            if Instant::now() > deadline {
                self.keep("failed");
                panic!(
                    "waited {} s in vain for {what}; see the picture in {}",
                    PATIENCE.as_secs(),
                    picture_folder().display()
                );
            }
        }
    }

    /// Keeps what is seen now under the test's name and `step`.
    pub fn keep(&self, step: &str) {
        self.picture().save(&picture_folder().join(format!("{}-{step}.png", self.name)));
    }

    fn hands(&self, words: &[&str]) -> String {
        let output = output_of(tool("xdotool").args(words).env("DISPLAY", &self.display));
        String::from_utf8_lossy(&output).into_owned()
    }

    /// Waits for a window of this title and puts it over the whole screen.
    pub fn take_window(&self, title: &str) {
        let pattern = format!("^{title}$");
        let find = || {
            // xdotool fails while there is none.
            let output = Command::new("xdotool")
                .args(["search", "--onlyvisible", "--name", &pattern])
                .env("DISPLAY", &self.display)
                .output()
                .expect("xdotool is installed");
            String::from_utf8_lossy(&output.stdout).lines().next_back().map(str::to_owned)
        };
        let window = wait_for(&format!("a window called {title}"), find);
        self.hands(&["windowactivate", "--sync", &window]);
        self.hands(&["windowmove", &window, "0", "0", "windowsize", &window, &WIDTH.to_string(), &HEIGHT.to_string()]);
    }

    pub fn key(&self, keys: &str) {
        self.hands(&["key", "--clearmodifiers", keys]);
    }

    pub fn type_text(&self, text: &str) {
        self.hands(&["type", "--delay", "60", text]);
    }

    pub fn move_to(&self, (x, y): (usize, usize)) {
        self.hands(&["mousemove", "--sync", &x.to_string(), &y.to_string()]);
    }

    pub fn click(&self, place: (usize, usize)) {
        self.move_to(place);
        self.hands(&["mousedown", "1", "sleep", "0.1", "mouseup", "1"]);
    }

    /// Presses, moves in steps as a hand does, and lets go.
    pub fn drag(&self, from: (usize, usize), to: (usize, usize)) {
        const STEPS: usize = 12;
        self.move_to(from);
        // A hand rests on what it grabs; each pause is longer than a frame drawn without a GPU.
        self.hands(&["sleep", "0.4", "mousedown", "1", "sleep", "0.4"]);
        for step in 1..=STEPS {
            let between = |a: usize, b: usize| (a * (STEPS - step) + b * step) / STEPS;
            self.move_to((between(from.0, to.0), between(from.1, to.1)));
            self.hands(&["sleep", "0.08"]);
        }
        self.hands(&["sleep", "0.4", "mouseup", "1"]);
    }
}
