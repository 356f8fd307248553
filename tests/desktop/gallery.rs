//! The gallery of `docs/gallery`: each screen of the designer in both themes, taken from the real program.
//!
//! Not a test of the suite: `cargo xtask screenshots` runs it. Everything is reached by role and name, so a screen that
//! has lost its way in fails here instead of showing something else. The samples are copied first; nothing is written
//! into the repository but the pictures.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use fantoccini::key::Key;
use millrace_tests::{cli, repository};
use serde_json::json;

use crate::browser::{Browser, start_and_read_line};
use crate::machine::{PATIENCE, output_of, picture_folder, tool};

/// The most bytes of one picture, and of all of them: they stay in the repository for good.
const MOST_EACH: u64 = 150_000;
const MOST_IN_ALL: u64 = 3_000_000;
/// How long a run goes on before its picture is taken: enough for its charts to have a shape.
const RUN_TIME: Duration = Duration::from_secs(15);

/// The pictures in the order of the page that shows them, each with what is seen.
const SCREENS: [(&str, &str); 21] = [
    ("canvas", "A pipeline that runs: rates on every wire, charts in the nodes"),
    ("rows_of_a_wire", "The newest rows of a wire, with a look at each column"),
    ("breakpoint", "A run that halted before a row"),
    ("large_chart", "A chart, large"),
    ("dashboard", "A dashboard beside the canvas"),
    ("full_screen", "The same on the whole screen"),
    ("problems", "What is wrong, where, and what mends it"),
    ("help", "Help of a node beside the canvas"),
    ("commands", "Every command by name"),
    ("keys", "Every key, and changing it"),
    ("nested", "Inside of a nested pipeline"),
    ("revisions", "A state of before, held against the canvas"),
    ("projects", "Projects and templates"),
    ("tour", "The first-run tour"),
    ("empty", "An empty project"),
    ("anomaly_watch", "Template: anomaly watch"),
    ("lambda", "Template: lambda"),
    ("kappa", "Template: kappa"),
    ("charts", "Every kind of chart"),
    ("search_index", "Template: database to search index"),
    ("nine_hundred_nodes", "A pipeline of nine hundred nodes, laid out by the designer"),
];

/// The page that shows the pictures.
fn page() -> String {
    let mut page =
        "# The designer in pictures\n\nTaken from the real program by `cargo xtask screenshots`.\n".to_owned();
    for (name, caption) in SCREENS {
        page.push_str(&format!("\n## {caption}\n\n"));
        for theme in THEMES {
            page.push_str(&format!("![{caption}, {theme} theme]({name}-{theme}.png)\n"));
        }
    }
    page
}

const THEMES: [&str; 2] = ["dark", "light"];

struct Gallery {
    browser: Browser,
    folder: PathBuf,
    theme: &'static str,
}

impl Gallery {
    /// Keeps what is seen as `NAME-THEME.png`, with the few colours that a user interface has.
    async fn keep(&self, name: &str) {
        assert!(SCREENS.iter().any(|(known, _)| *known == name), "`{name}` has no caption");
        let taken = picture_folder().join("gallery.png");
        fs::write(&taken, self.browser.client.screenshot().await.expect("the browser gives a picture"))
            .expect("the target folder can be written");
        let path = self.folder.join(format!("{name}-{}.png", self.theme));
        let few = ["+dither", "-colors", "128", "-define", "png:compression-level=9", "-strip"];
        output_of(tool("convert").arg(&taken).args(few).arg(format!("png8:{}", path.display())));
    }

    /// Keeps the picture once two that follow each other are the same.
    async fn keep_still(&self, name: &str) {
        let deadline = Instant::now() + PATIENCE;
        let mut before = Vec::new();
        loop {
            let now = self.browser.client.screenshot().await.expect("the browser gives a picture");
            if now == before {
                return self.keep(name).await;
            }
            assert!(Instant::now() < deadline, "{name} does not stand still");
            before = now;
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    /// Finds an action by its title and takes it with the keyboard, once the list has marked it.
    async fn command(&self, title: &str) {
        self.browser.press(&[Key::Control], 'k').await;
        self.browser.set_field("Find a command", title).await;
        let is_marked = "return find('option', arguments[0])?.getAttribute('aria-selected') === 'true'";
        self.browser.wait(&format!("{title} to be marked"), is_marked, vec![json!(format!("pick {title}"))]).await;
        self.browser.press(&[], char::from(Key::Enter)).await;
        self.browser.wait_until_gone("textbox", "Find a command").await;
    }

    /// Goes to the page of projects, where that is not what is seen.
    async fn projects(&self) {
        let is_there = "return find('textbox', 'Search projects') != null";
        if self.browser.ask(is_there, Vec::new()).await != json!(true) {
            self.command("Projects…").await;
            self.browser.wait_for_name("textbox", "Search projects").await;
        }
    }

    async fn open(&self, project: &str, node: &str) {
        self.projects().await;
        self.browser.press_name("button", &format!("open {project}")).await;
        self.browser.wait_until_gone("textbox", "Search projects").await;
        self.browser.wait_for_name("button", &format!("node {node}")).await;
        self.command("Zoom to fit").await;
    }

    /// Runs what is open until its charts have a shape, and keeps the picture; the run goes on.
    async fn run(&self, name: &str) {
        self.command("Run").await;
        self.browser.wait_for_name("button", "Stop").await;
        tokio::time::sleep(RUN_TIME).await;
        self.keep(name).await;
    }

    async fn stop(&self) {
        self.browser.press_name("button", "Stop").await;
        self.browser.wait_for_name("button", "Run").await;
    }

    /// Selects what has a name on the canvas: `node TITLE` or `wire FROM → TO`.
    async fn select(&self, name: &str) {
        self.browser.press_name("button", name).await;
        let is_selected = "return find('button', arguments[0])?.getAttribute('aria-pressed') === 'true'";
        self.browser.wait(&format!("{name} to be selected"), is_selected, vec![json!(name)]).await;
    }

    /// Opens the list of all commands and types into it.
    async fn find_command(&self, text: &str) {
        self.browser.press(&[Key::Control], 'k').await;
        self.browser.set_field("Find a command", text).await;
        let is_found = "return all.some(e => role(e) === 'option' && name(e).startsWith('pick '))";
        self.browser.wait("commands to be found", is_found, Vec::new()).await;
    }

    async fn all(&self) {
        self.projects().await;
        self.keep_still("projects").await;

        self.open("Anomaly watch", "Pumps").await;
        self.run("anomaly_watch").await;
        self.select("node z-score of each pump").await;
        self.command("Large view of the chart").await;
        self.keep("large_chart").await;
        self.browser.press(&[], char::from(Key::Escape)).await;
        self.command("New dashboard").await;
        self.browser.wait_for_name("tab", "Dashboard 1").await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        self.keep("dashboard").await;
        self.command("Full screen, or back").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.keep("full_screen").await;
        self.command("Full screen, or back").await;
        self.command("Back to the canvas").await;
        self.stop().await;

        self.fleet().await;

        for (project, node, name) in [
            ("Lambda: energy totals", "Live meters", "lambda"),
            ("Kappa: order log", "Order log", "kappa"),
            ("Chart gallery", "Devices", "charts"),
        ] {
            self.open(project, node).await;
            self.run(name).await;
            self.stop().await;
        }
        self.open("Database to search index", "Words of the text").await;
        self.command("Run").await;
        self.browser.wait_for_name("button", "Run").await;
        self.keep_still("search_index").await;

        self.open("Nine hundred nodes", "Region 1").await;
        self.keep_still("nine_hundred_nodes").await;
        self.command("New project").await;
        self.browser.wait_until_gone("button", "node Region 1").await;
        self.keep_still("empty").await;
    }

    /// The screens around one pipeline.
    async fn fleet(&self) {
        self.open("Fleet health", "Plant sensors").await;
        self.run("canvas").await;
        self.select("node Each second per site").await;
        self.command("Watch the node's output").await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        self.keep("rows_of_a_wire").await;
        self.select("wire working.rows → hot.rows").await;
        self.command("Set or remove a breakpoint on the wire").await;
        let is_halted = "return all.some(e => /^Halted/.test(name(e) || e.textContent))";
        self.browser.wait("the run to halt", is_halted, Vec::new()).await;
        // The clock goes on while the run stands.
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.keep("breakpoint").await;
        self.command("Remove all breakpoints").await;
        self.stop().await;

        self.select("node Each second per site").await;
        self.command("Help of the selected node").await;
        self.keep_still("help").await;
        self.browser.press(&[], char::from(Key::Escape)).await;
        self.find_command("align").await;
        self.keep_still("commands").await;
        self.browser.press(&[], char::from(Key::Escape)).await;
        self.browser.wait_until_gone("textbox", "Find a command").await;
        self.command("Keys").await;
        self.browser.wait_for_name("button", "close keys").await;
        self.keep_still("keys").await;
        self.browser.press_name("button", "close keys").await;
        self.browser.wait_until_gone("button", "close keys").await;
        self.command("Take the tour").await;
        self.browser.wait_for_name("button", "End the tour").await;
        self.keep_still("tour").await;
        self.browser.press_name("button", "End the tour").await;
        self.browser.wait_until_gone("button", "End the tour").await;

        self.select("node Too hot").await;
        self.browser.set_field("Condition", "temprature > 45").await;
        self.command("Problems").await;
        self.keep_still("problems").await;
        self.command("Undo").await;
        self.browser.set_field("Condition", "temperature > 50").await;
        self.command("Select upstream").await;
        self.command("Nest the selection").await;
        self.browser.wait_for_name("button", "node Nested pipeline").await;
        self.command("Open the nested pipeline").await;
        self.keep_still("nested").await;
        self.command("Go out of the nested pipeline").await;
        self.command("Revisions…").await;
        self.keep_still("revisions").await;
        self.browser.press(&[], char::from(Key::Escape)).await;
    }
}

/// Forty plants of five lines each, whose results meet by plant and by region; the designer lays them out.
fn nine_hundred_nodes() -> String {
    const PLANTS: usize = 40;
    const LINES: usize = 5;
    let (mut nodes, mut wires) = (BTreeMap::new(), Vec::new());
    let mut add = |id: &str, kind: &str, title: String, params: serde_json::Value| {
        nodes.insert(id.to_owned(), json!({ "kind": kind, "title": title, "params": params }));
    };
    let mut join =
        |from: &str, to: &str| wires.push(json!({ "from": format!("{from}.rows"), "to": format!("{to}.rows") }));
    let window = json!({ "size": "1 s", "keys": ["site"], "aggregates": [{ "name": "n", "expression": "count(*)" }] });
    for plant in 1..=PLANTS {
        let (all, kept) = (format!("all_{plant}"), format!("kept_{plant}"));
        add(&all, "process.union", format!("Plant {plant}"), json!({}));
        for line in 1..=LINES {
            let steps = [
                ("devices", "ingest.simulate_devices", "Devices", json!({})),
                ("working", "process.filter", "Working", json!({ "condition": "status <> 'off'" })),
                (
                    "fahrenheit",
                    "process.select",
                    "Convert",
                    json!({ "columns": [{ "name": "f", "expression": "temperature * 1.8 + 32" }] }),
                ),
                ("second", "analyze.tumbling_window", "Each second", window.clone()),
            ];
            let mut before: Option<String> = None;
            for (id, kind, title, params) in steps {
                let id = format!("{id}_{plant}_{line}");
                add(&id, kind, format!("{title} {plant}.{line}"), params);
                if let Some(before) = &before {
                    join(before, &id);
                }
                before = Some(id);
            }
            join(&before.expect("a line has steps"), &all);
        }
        add(&kept, "process.filter", format!("Busy {plant}"), json!({ "condition": "n > 1" }));
        join(&all, &kept);
        join(&kept, &format!("region_{}", plant % 4));
    }
    for region in 0..4 {
        let (id, end) = (format!("region_{region}"), format!("end_{region}"));
        add(&id, "process.union", format!("Region {}", region + 1), json!({}));
        add(&end, "store.discard", format!("Results {}", region + 1), json!({}));
        join(&id, &end);
    }
    let pipeline = json!({ "format": 1, "name": "Nine hundred nodes", "nodes": nodes, "wires": wires });
    format!("{pipeline:#}\n")
}

/// The samples with their data, copied to where their runs may write.
fn copy_samples(to: &Path) -> Vec<PathBuf> {
    let from = repository().join("projects");
    fs::create_dir_all(to.join("data")).expect("the folder can be made");
    for entry in fs::read_dir(from.join("data")).expect("the samples have data") {
        let path = entry.expect("a folder entry").path();
        fs::copy(&path, to.join("data").join(path.file_name().expect("a file"))).expect("the data can be copied");
    }
    let mut copied = vec![to.join("nine_hundred.millrace.json")];
    fs::write(&copied[0], nine_hundred_nodes()).expect("the folder can be written");
    for entry in fs::read_dir(&from).expect("the samples are there") {
        let path = entry.expect("a folder entry").path();
        if path.to_string_lossy().ends_with(".millrace.json") {
            let copy = to.join(path.file_name().expect("a file"));
            fs::copy(&path, &copy).expect("the sample can be copied");
            copied.push(copy);
        }
    }
    copied
}

#[tokio::test]
#[ignore = "takes the pictures of docs/gallery: cargo xtask screenshots"]
async fn gallery_of_screenshots() {
    let folder = std::env::var_os("MILLRACE_SCREENSHOTS").map_or_else(picture_folder, PathBuf::from);
    fs::create_dir_all(&folder).expect("the folder of the pictures can be made");
    for theme in THEMES {
        let work = tempfile::tempdir().expect("a folder of its own");
        let samples = copy_samples(&work.path().join("projects"));
        let mut serve = Command::new(cli());
        serve.arg("serve").args(samples).args(["--bind", "127.0.0.1:0", "--database"]);
        serve.arg(work.path().join("projects.db")).current_dir(work.path());
        let (mut server, address) = start_and_read_line(&mut serve, |line| line.starts_with("http"));
        let browser = Browser::open(&address, &work.path().join("profile")).await;
        let gallery = Gallery { browser, folder: folder.clone(), theme };
        gallery.browser.wait_for_name("button", "All commands").await;
        // The frame of the browser's window comes on top of what is seen.
        gallery.browser.client.set_window_size(1_440, 1_043).await.expect("the window can be made larger");
        gallery.browser.press_name("button", "End the tour").await;
        gallery.browser.wait_until_gone("button", "End the tour").await;
        if theme == "light" {
            gallery.command("Light or dark").await;
        }
        gallery.all().await;
        gallery.browser.client.clone().close().await.expect("the browser closes");
        assert_eq!(server.end_gracefully(), Some(130), "the server ends in good order");
    }
    fs::write(folder.join("README.md"), page()).expect("the page can be written");
    let sizes = fs::read_dir(&folder).expect("the pictures are there").filter_map(|entry| {
        let entry = entry.expect("a folder entry");
        let is_picture = entry.path().extension().is_some_and(|ending| ending == "png");
        is_picture.then(|| (entry.file_name(), entry.metadata().expect("a file has a size").len()))
    });
    let sizes: Vec<_> = sizes.collect();
    for (name, size) in &sizes {
        assert!(*size <= MOST_EACH, "{} has {size} bytes, at most {MOST_EACH} are kept", name.display());
    }
    let in_all: u64 = sizes.iter().map(|(_, size)| size).sum();
    assert!(in_all <= MOST_IN_ALL, "the pictures have {in_all} bytes, at most {MOST_IN_ALL} are kept");
}
