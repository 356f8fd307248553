//! The inspector as a whole: what it pushes for a node, a wire, a pipeline.

use egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use millrace_model::card::Form;
use millrace_model::{
    Catalog, Diagnostic, Edit, Endpoint, Field, FieldKind, NodeCard, NodeId, Parameter, ParameterType, PortCard,
    Section, Wire,
};
use millrace_protocol::{Checked, Project};
use millrace_ui::actions::{Keymap, Situation};
use millrace_ui::bottom::{BottomState, bottom_ui};
use millrace_ui::command::{BottomTab, Command};
use millrace_ui::context::ViewContext;
use millrace_ui::document::Document;
use millrace_ui::editing::wiring::KnownRows;
use millrace_ui::inspector::{Inspector, inspector_ui};
use millrace_ui::live::Live;
use millrace_ui::selection::Selection;
use millrace_ui::theme::{self, Theme};
use serde_json::json;

/// Everything that a panel reads, and what it asked for.
pub struct Bench {
    pub catalog: Catalog,
    pub document: Document,
    pub checked: Checked,
    pub live: Live,
    pub selection: Selection,
    pub show_bottom: Option<BottomTab>,
    pub inspector: Inspector,
    pub bottom: BottomState,
    pub situation: Situation,
    pub keymap: Keymap,
    pub commands: Vec<Command>,
}

impl Bench {
    pub fn new(text: &str) -> Self {
        let project =
            Project { id: 1, version: 1, text: text.to_owned(), steps: Vec::new(), cursor: 0, folder: None, run: None };
        Self {
            catalog: catalog(),
            document: Document::open(project).expect("the text is a pipeline"),
            checked: Checked::default(),
            live: Live::default(),
            selection: Selection::default(),
            show_bottom: None,
            inspector: Inspector::default(),
            bottom: BottomState::default(),
            situation: Situation::default(),
            keymap: Keymap::default(),
            commands: Vec::new(),
        }
    }

    fn context(&mut self) -> (ViewContext<'_>, &mut Inspector, &mut BottomState) {
        let context = ViewContext {
            theme: Theme::dark(),
            catalog: &self.catalog,
            document: &self.document,
            checked: &self.checked,
            rows: KnownRows::default(),
            live: &self.live,
            selection: &self.selection,
            compared: None,
            captures: None,
            is_local: true,
            focus_param: None,
            focus_title: None,
            show_bottom: self.show_bottom,
            is_covered: false,
            situation: &self.situation,
            keymap: &self.keymap,
            commands: &mut self.commands,
        };
        (context, &mut self.inspector, &mut self.bottom)
    }

    /// Carries out the edits, as the designer does after a frame.
    fn apply(&mut self, from: usize) {
        for command in self.commands[from..].iter().cloned() {
            if let Command::Edit { label, edits, merge } = command {
                self.document.perform(label, edits, merge).expect("the edit fits the pipeline");
            }
        }
    }

    pub fn inspect(self) -> Harness<'static, Self> {
        Self::harness(self, (340.0, 900.0), |ui, bench| {
            let (mut context, inspector, _) = bench.context();
            inspector_ui(ui, inspector, &mut context);
        })
    }

    pub fn show_bottom(self) -> Harness<'static, Self> {
        Self::harness(self, (1_000.0, 260.0), |ui, bench| {
            let (mut context, _, bottom) = bench.context();
            bottom_ui(ui, &mut context, bottom);
        })
    }

    fn harness(self, size: (f32, f32), draw: fn(&mut egui::Ui, &mut Self)) -> Harness<'static, Self> {
        let builder = Harness::builder().with_size(size).with_context_setup(theme::apply);
        let mut harness = builder.build_ui_state(
            move |ui, bench: &mut Self| {
                let before = bench.commands.len();
                draw(ui, bench);
                bench.apply(before);
            },
            self,
        );
        harness.run();
        harness
    }
}

pub fn id(text: &str) -> NodeId {
    NodeId::new(text).expect("a plain word")
}

pub fn wire() -> Wire {
    Wire::new(Endpoint::new(id("plant"), "rows"), Endpoint::new(id("chart"), "rows"))
}

fn catalog() -> Catalog {
    let card = |kind: &str, title: &str, section, fields, inputs, outputs| NodeCard {
        kind: kind.to_owned(),
        section,
        title: title.to_owned(),
        summary: "Does its work".to_owned(),
        help: "Makes *rows* of numbers.".to_owned(),
        icon: "circle".to_owned(),
        form: Form { fields },
        inputs,
        outputs,
        headline: None,
        is_source: section == Section::Ingest,
        has_view: section == Section::Visualize,
        nesting: None,
        can_bypass: false,
    };
    let rate = Field {
        keeps_state: false,
        name: "rate".to_owned(),
        title: "Rate".to_owned(),
        help: "Rows a second. More is slower.".to_owned(),
        required: true,
        default: None,
        kind: FieldKind::Integer { min: Some(0.0), max: None },
    };
    Catalog::new([
        card("ingest.sensors", "Sensors", Section::Ingest, vec![rate], vec![], vec![PortCard::rows("")]),
        card("visualize.line", "Line chart", Section::Visualize, vec![], vec![PortCard::rows("")], vec![]),
    ])
}

fn bench() -> Bench {
    Bench::new(&pipeline_text())
}

/// The text of the pipeline in the form that the model writes.
pub fn pipeline_text() -> String {
    let mut pipeline = millrace_model::Pipeline::new("Fleet");
    let mut plant = millrace_model::Node::new(id("plant"), "ingest.sensors");
    plant.title = Some("Plant sensors".to_owned());
    let chart = millrace_model::Node::new(id("chart"), "visualize.line");
    let add = |node| Edit::AddNode { node, position: None };
    pipeline.apply(&[add(plant), add(chart), Edit::AddWire { wire: wire() }]).expect("the nodes are new");
    pipeline.to_text()
}

#[test]
fn typing_a_param_is_an_edit_in_words_that_merges_with_the_next_letter() {
    let mut bench = bench();
    bench.selection = Selection::node(id("plant"));
    let mut harness = bench.inspect();
    harness.get_by_role_and_label(Role::TextInput, "Rate").focus();
    harness.run();
    for letter in ["1", "2"] {
        harness.event(egui::Event::Text(letter.to_owned()));
        harness.run();
    }
    let state = harness.state();
    let expected = Command::Edit {
        label: "Set rate of Plant sensors".to_owned(),
        edits: vec![Edit::SetParam { id: id("plant"), name: "rate".to_owned(), value: Some(json!(12)) }],
        merge: Some("param:plant:rate".to_owned()),
    };
    assert_eq!(state.commands.last(), Some(&expected));
    assert_eq!(state.document.history().steps().len(), 1, "two letters are one step to undo");
}

#[test]
fn the_title_of_a_node_is_typed_in_its_head() {
    let mut bench = bench();
    bench.selection = Selection::node(id("plant"));
    let mut harness = bench.inspect();
    harness.get_by_role_and_label(Role::TextInput, "Title").focus();
    harness.run();
    harness.event(egui::Event::Text("!".to_owned()));
    harness.run();
    let title = harness.state().document.pipeline().node(&id("plant")).and_then(|node| node.title.clone());
    assert_eq!(title.as_deref(), Some("Plant sensors!"));
}

#[test]
fn a_node_is_disabled_by_its_check_box() {
    let mut bench = bench();
    bench.selection = Selection::node(id("plant"));
    let mut harness = bench.inspect();
    harness.get_by_role_and_label(Role::CheckBox, "Disabled").click();
    harness.run();
    assert!(harness.state().document.pipeline().node(&id("plant")).is_some_and(|node| node.disabled));
}

#[test]
fn the_help_of_a_node_can_be_put_away() {
    let mut bench = bench();
    bench.selection = Selection::node(id("plant"));
    let mut harness = bench.inspect();
    harness.get_by_label("Help");
    harness.get_by_label("Hide help").click();
    harness.run();
    assert!(harness.query_by_label("Help").is_none());
}

#[test]
fn a_problem_of_the_node_itself_stands_in_its_inspector() {
    let mut bench = bench();
    bench.selection = Selection::node(id("chart"));
    bench.checked.diagnostics = vec![Diagnostic::error("open_input", "Nothing is wired here.").at_node(&id("chart"))];
    bench.inspect().get_by_label("Nothing is wired here.");
}

#[test]
fn a_wire_is_watched_and_removed() {
    let mut bench = bench();
    bench.selection = Selection::wire(wire());
    let mut harness = bench.inspect();
    harness.get_by_label("Watch rows").click();
    harness.run();
    assert_eq!(harness.state().commands, [Command::Tap(Some(wire()))]);
    harness.get_by_label("Remove wire").click();
    harness.run();
    assert!(harness.state().document.pipeline().wires().is_empty());
}

#[test]
fn several_nodes_are_acted_on_together() {
    let mut bench = bench();
    bench.selection = Selection::nodes([id("plant"), id("chart")]);
    let mut harness = bench.inspect();
    harness.get_by_label("2 nodes selected");
    harness.get_by_label("Disable").click();
    harness.run();
    assert_eq!(harness.state().commands, [Command::ToggleDisabled]);
}

#[test]
fn a_parameter_is_added_typed_and_removed() {
    let mut harness = bench().inspect();
    harness.get_by_role_and_label(Role::TextInput, "New parameter").focus();
    harness.run();
    harness.event(egui::Event::Text("lag".to_owned()));
    harness.run();
    harness.get_by_role_and_label(Role::Button, "Add").click();
    harness.run();
    harness.get_by_role_and_label(Role::ComboBox, "Type of lag").click();
    harness.run();
    harness.get_by_role_and_label(Role::Button, "Whole number").click();
    harness.run();
    harness.get_by_role_and_label(Role::TextInput, "Default").focus();
    harness.run();
    harness.event(egui::Event::Text("7".to_owned()));
    harness.run();
    let expected = Parameter { default: json!(7), help: String::new(), parameter_type: ParameterType::Integer };
    let parameters = harness.state().document.pipeline().parameters().clone();
    assert_eq!(parameters.into_iter().collect::<Vec<_>>(), [("lag".to_owned(), expected)]);
    harness.get_by_label("Remove parameter lag").click();
    harness.run();
    assert!(harness.state().document.pipeline().parameters().is_empty());
}

#[test]
fn a_parameter_that_is_there_already_is_not_added_again() {
    let mut bench = bench();
    let lag = Parameter { default: json!(1), help: String::new(), parameter_type: ParameterType::Integer };
    let add = Edit::SetParameter { name: "lag".to_owned(), parameter: Some(lag) };
    bench.document.perform("Add", vec![add], None).expect("a new parameter");
    let mut harness = bench.inspect();
    harness.get_by_role_and_label(Role::TextInput, "New parameter").focus();
    harness.run();
    harness.event(egui::Event::Text("lag".to_owned()));
    harness.run();
    harness.get_by_label("There is a parameter `lag` already.");
    harness.key_press(egui::Key::Enter);
    harness.run();
    assert!(harness.state().commands.iter().all(|command| !matches!(command, Command::Edit { .. })));
}
