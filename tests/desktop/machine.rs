//! Programs under test and programs that help: where they are, that they end with the test, and waiting for things.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Long enough for two busy cores without a GPU; a passing test never waits for it.
pub const PATIENCE: Duration = Duration::from_secs(90);

const LOOK_INTERVAL: Duration = Duration::from_millis(150);

/// The desktop program.
pub fn designer() -> PathBuf {
    millrace_tests::program("MILLRACE_DESIGNER", "millrace-designer")
}

/// A helping program that set-up installs.
pub fn tool(name: &str) -> Command {
    let path = env::var_os("PATH").unwrap_or_default();
    let is_there = env::split_paths(&path).any(|folder| folder.join(name).is_file());
    assert!(is_there, "`{name}` is not installed: run `cargo xtask setup --tests`, which installs what the tests need");
    Command::new(name)
}

/// Runs a command to its end and gives its standard output.
#[track_caller]
pub fn output_of(command: &mut Command) -> Vec<u8> {
    let output: Output = command.stdin(Stdio::null()).output().expect("the program can be started");
    assert!(
        output.status.success(),
        "{command:?} failed ({}):\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// A program that is ended when the test is over, however it ends.
pub struct Running {
    child: Child,
    name: String,
}

impl Running {
    pub fn start(command: &mut Command) -> Self {
        let name = command.get_program().display().to_string();
        let child = command.stdin(Stdio::null()).spawn().unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        Self { child, name }
    }

    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Asks the program to end, as a session that is closed does, and gives its exit code.
    #[track_caller]
    pub fn end_gracefully(&mut self) -> Option<i32> {
        output_of(Command::new("kill").args(["-TERM", &self.child.id().to_string()]));
        self.wait()
    }

    /// Waits for the end and gives the exit code.
    #[track_caller]
    pub fn wait(&mut self) -> Option<i32> {
        let name = self.name.clone();
        wait_for(&format!("the end of {name}"), || self.child.try_wait().expect("it is a child of this program")).code()
    }

    /// Fails if the program has ended.
    #[track_caller]
    pub fn assert_alive(&mut self) {
        let ended = self.child.try_wait().expect("it is a child of this program");
        assert!(ended.is_none(), "{} has ended too early: {ended:?}", self.name);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may be over already; either way it is after this.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Looks again and again until there is a value.
#[track_caller]
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = look() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited {} s in vain for {what}", PATIENCE.as_secs());
        std::thread::sleep(LOOK_INTERVAL);
    }
}

/// Where pictures of failures go.
pub fn picture_folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("desktop");
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    folder
}
