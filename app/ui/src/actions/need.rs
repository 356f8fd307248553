//! When an action can be taken now, and in which words it is said that it cannot.

use millrace_model::Pipeline;

use crate::editing::annotate;
use crate::selection::Selection;

/// What the designer holds, as far as it decides which actions are possible.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Situation {
    pub num_nodes: usize,
    pub num_disabled: usize,
    pub num_bookmarks: usize,
    pub num_dashboards: usize,
    pub shows_dashboard: bool,
    /// The shown dashboard filters its charts.
    pub is_filtered: bool,
    /// The charts of the shown dashboard show the same time.
    pub shares_time: bool,
    /// And it is a part of all of the time.
    pub has_time_range: bool,
    pub has_notes: bool,
    pub num_selected: usize,
    pub num_selected_wires: usize,
    pub num_selected_notes: usize,
    /// A group is selected, or a selected node is in one.
    pub is_grouped: bool,
    /// Selected nested pipelines.
    pub num_selected_nested: usize,
    /// A nested pipeline is open on the canvas.
    pub is_inside: bool,
    /// A selected node has a wire.
    pub is_wired: bool,
    pub has_wires: bool,
    /// A selected node is set differently from its kind's defaults.
    pub has_params: bool,
    /// A selected node has a title of its own.
    pub has_title: bool,
    pub can_undo: bool,
    pub can_redo: bool,
    pub is_running: bool,
    /// The run is paused or has halted.
    pub is_standing: bool,
    pub has_breakpoints: bool,
    pub is_tapping: bool,
    pub is_capturing: bool,
    pub has_run: bool,
    /// One node is selected, of which the last run has a picture.
    pub has_chart: bool,
    /// A revision is compared that is not what is drawn.
    pub is_compared: bool,
    pub has_problems: bool,
    pub has_copied: bool,
    pub has_copied_params: bool,
    pub has_former_selection: bool,
    pub can_go_back: bool,
    pub can_go_forward: bool,
}

impl Situation {
    /// What the pipeline and the selection say; the rest is for the designer to fill in.
    pub fn of(pipeline: &Pipeline, selection: &Selection) -> Self {
        let selected = || selection.nodes.iter().filter_map(|id| pipeline.node(id));
        let is_wired = |id: &_| !pipeline.wires_into(id).is_empty() || !pipeline.wires_out_of(id).is_empty();
        Self {
            num_nodes: pipeline.num_nodes(),
            num_disabled: pipeline.nodes().filter(|node| node.disabled).count(),
            num_bookmarks: pipeline.bookmarks().len(),
            num_dashboards: pipeline.dashboards().len(),
            has_notes: !pipeline.notes().is_empty(),
            num_selected: selection.nodes.len(),
            num_selected_wires: selection.wires.len(),
            num_selected_notes: selection.notes.len(),
            is_grouped: !annotate::groups_meant(pipeline, selection).is_empty(),
            is_wired: selection.nodes.iter().any(is_wired),
            has_wires: pipeline.num_wires() > 0,
            has_params: selected().any(|node| !node.params.is_empty()),
            has_title: selected().any(|node| node.title.is_some()),
            ..Self::default()
        }
    }
}

/// What an action cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    Nothing,
    /// A pipeline with a node.
    SomeNode,
    Node,
    NodeOrNote,
    OneNode,
    TwoNodes,
    ThreeNodes,
    /// Anything selected.
    Selected,
    Wire,
    OneWire,
    OneNote,
    SomeNote,
    SomeWire,
    SomeDisabled,
    Group,
    /// A dashboard whose charts show the same time.
    SharedTime,
    /// And of that a part.
    TimeRange,
    Nested,
    OneNested,
    /// A nested pipeline that is open.
    Inside,
    /// A note or a group.
    Tinted,
    WiredNode,
    OwnParams,
    OwnTitle,
    CopiedNodes,
    CopiedParams,
    Bookmark(usize),
    SomeDashboard,
    /// A dashboard is shown.
    Dashboard,
    /// It filters its charts.
    Filter,
    Undo,
    Redo,
    Running,
    Idle,
    /// A run that is paused or has halted.
    Standing,
    /// One wire, and a run that it may be in.
    RunningWire,
    /// The same, and nothing is being captured.
    FreeWire,
    Breakpoint,
    Run,
    Tap,
    /// One node, of which the last run has a picture.
    Chart,
    /// A revision is compared that is not what is drawn.
    Compared,
    Problem,
    FormerSelection,
    ViewBefore,
    ViewAfter,
}

impl Need {
    pub fn is_met(self, now: &Situation) -> bool {
        match self {
            Need::Nothing => true,
            Need::SomeNode => now.num_nodes > 0,
            Need::Node => now.num_selected > 0,
            Need::NodeOrNote => now.num_selected + now.num_selected_notes > 0,
            Need::OneNode => now.num_selected == 1,
            Need::TwoNodes => now.num_selected >= 2,
            Need::ThreeNodes => now.num_selected >= 3,
            Need::Selected => now.num_selected + now.num_selected_wires + now.num_selected_notes > 0 || now.is_grouped,
            Need::Wire => now.num_selected_wires > 0,
            Need::OneWire => now.num_selected_wires == 1,
            Need::OneNote => now.num_selected_notes == 1,
            Need::SomeNote => now.has_notes,
            Need::SomeWire => now.has_wires,
            Need::SomeDisabled => now.num_disabled > 0,
            Need::Group => now.is_grouped,
            Need::Nested => now.num_selected_nested > 0,
            Need::OneNested => now.num_selected_nested == 1 && now.num_selected == 1,
            Need::Inside => now.is_inside,
            Need::Tinted => now.is_grouped || now.num_selected_notes > 0,
            Need::WiredNode => now.is_wired,
            Need::OwnParams => now.has_params,
            Need::OwnTitle => now.has_title,
            Need::CopiedNodes => now.has_copied,
            Need::CopiedParams => now.has_copied_params && now.num_selected > 0,
            Need::SomeDashboard => now.num_dashboards > 0,
            Need::Dashboard => now.shows_dashboard,
            Need::Filter => now.is_filtered,
            Need::SharedTime => now.shares_time,
            Need::TimeRange => now.shares_time && now.has_time_range,
            Need::Bookmark(number) => now.num_bookmarks >= number,
            Need::Undo => now.can_undo,
            Need::Redo => now.can_redo,
            Need::Running => now.is_running,
            Need::Idle => !now.is_running,
            Need::Standing => now.is_standing,
            Need::RunningWire => now.is_running && now.num_selected_wires == 1,
            Need::FreeWire => Need::RunningWire.is_met(now) && !now.is_capturing,
            Need::Breakpoint => now.has_breakpoints,
            Need::Run => now.has_run,
            Need::Tap => now.is_tapping,
            Need::Chart => now.has_chart,
            Need::Compared => now.is_compared,
            Need::Problem => now.has_problems,
            Need::FormerSelection => now.has_former_selection,
            Need::ViewBefore => now.can_go_back,
            Need::ViewAfter => now.can_go_forward,
        }
    }

    /// What is missing, for the person.
    pub fn reason(self) -> &'static str {
        match self {
            Need::Nothing => "",
            Need::SomeNode => "The pipeline is empty",
            Need::Node => "Select a node first",
            Need::NodeOrNote => "Select a node or a note first",
            Need::OneNode => "Select one node first",
            Need::TwoNodes => "Select two nodes or more",
            Need::ThreeNodes => "Select three nodes or more",
            Need::Selected => "Select something first",
            Need::Wire => "Select a wire first",
            Need::OneWire => "Select one wire first",
            Need::OneNote => "Select one note first",
            Need::SomeNote => "There is no note",
            Need::SomeWire => "There is no wire",
            Need::SomeDisabled => "No node is disabled",
            Need::Group => "Select a group or a node in one",
            Need::Nested => "Select a nested pipeline",
            Need::OneNested => "Select one nested pipeline",
            Need::Inside => "Open a nested pipeline first",
            Need::Tinted => "Select a note or a group",
            Need::WiredNode => "Select a node that has wires",
            Need::OwnParams => "Select a node that has settings",
            Need::OwnTitle => "Select a node with a title of its own",
            Need::CopiedNodes => "Nothing was copied here",
            Need::CopiedParams => "Copy the settings of a node first",
            Need::SomeDashboard => "There is no dashboard",
            Need::Dashboard => "Open a dashboard first",
            Need::Filter => "The charts are not filtered",
            Need::SharedTime => "No dashboard is open whose charts show the same time",
            Need::TimeRange => "All of the time is shown",
            Need::Bookmark(_) => "There is no such bookmark",
            Need::Undo => "Nothing to undo",
            Need::Redo => "Nothing to redo",
            Need::Running => "Nothing is running",
            Need::Idle => "A run is going on",
            Need::Standing => "Pause the run first",
            Need::RunningWire => "Select one wire of a run",
            Need::FreeWire => "Select one wire of a run that is not captured",
            Need::Breakpoint => "There is no breakpoint",
            Need::Run => "There was no run yet",
            Need::Tap => "No wire is looked at",
            Need::Chart => "Select a chart that has been run",
            Need::Compared => "Choose a revision that differs from now",
            Need::Problem => "There are no problems",
            Need::FormerSelection => "Nothing was selected before",
            Need::ViewBefore => "There is no earlier view",
            Need::ViewAfter => "There is no later view",
        }
    }
}
