//! The designer itself: one frame, and the commands that it brought.
//!
//! It owns all that the window keeps between frames. What a frame draws stands in [`workspace`]; what its commands do,
//! in [`apply`].

mod workspace;

use egui::{Context, Key, Ui};
use millrace_model::{NodeId, Params};
use millrace_protocol::ProjectId;

use crate::accessibility::{Outline, Regions};
use crate::actions::{Keymap, Situation};
use crate::address::DashboardAddress;
use crate::apply;
use crate::bottom::BottomState;
use crate::canvas::{self, CanvasState, CanvasView, View};
use crate::command::{BottomTab, Command};
use crate::dashboard::DashboardState;
use crate::desk::{Desk, Shown};
use crate::document::Document;
use crate::editing::nest;
use crate::editing::offer::RecentKinds;
use crate::favourites::FavouriteKinds;
use crate::help::HelpPage;
use crate::inspector::Inspector;
use crate::keys_page::KeysPage;
use crate::link::{Link, LinkState};
use crate::pages;
use crate::palette::PaletteState;
use crate::pick_list::PickList;
use crate::projects_page::ProjectsPage;
use crate::revisions::NameDialog;
use crate::selection::Selection;
use crate::session::Session;
use crate::theme::{self, Theme};
use crate::tour::{Seen, Tour};
use crate::waiting::waiting_ui;

/// The whole designer. [`Designer::ui`] is called once a frame.
pub struct Designer {
    pub(crate) session: Session,
    pub(crate) canvas: CanvasState,
    pub(crate) dashboard: DashboardState,
    pub(crate) palette: PaletteState,
    pub(crate) selection: Selection,
    pub(crate) pick_list: Option<PickList>,
    /// What the person added last.
    pub(crate) recent_kinds: RecentKinds,
    pub(crate) keymap: Keymap,
    pub(crate) keys_page: Option<KeysPage>,
    /// What was selected before the selection that is.
    pub(crate) former_selection: Selection,
    /// The text that was copied last in this window.
    pub(crate) copied: Option<String>,
    /// Kind and params of the node whose settings were copied.
    pub(crate) copied_params: Option<(String, Params)>,
    /// The place in the list of the bookmark that was gone to last.
    pub(crate) bookmark: Option<usize>,
    asked: Vec<Command>,
    pub(crate) name_dialog: Option<NameDialog>,
    /// The page of revisions stands where the inspector else is.
    pub(crate) shows_revisions: bool,
    /// What the next frame is to put the focus on.
    pub(crate) focus: Focus,
    pub(crate) shown: Shown,
    /// Where the person looked when the project was left; taken once the canvas shows it.
    wanted_view: Option<View>,
    bottom: BottomState,
    inspector: Inspector,
    /// The help that stands where the inspector else is.
    pub(crate) help: Option<HelpPage>,
    projects_page: ProjectsPage,
    pub(crate) tour: Option<Tour>,
    regions: Regions,
    /// The project that the selection is of.
    shown_project: Option<ProjectId>,
    /// Somebody was typing at the end of the last frame.
    was_typing: bool,
    /// The nodes whose pictures the last frame showed.
    visible_views: Vec<NodeId>,
}

/// What is to be shown or focused in the next frame, and then no more.
#[derive(Debug, Default)]
pub(crate) struct Focus {
    pub param: Option<(NodeId, String)>,
    pub title: Option<NodeId>,
    pub bottom: Option<BottomTab>,
}

impl Designer {
    /// Installs fonts and themes into `ctx` and starts talking to the host.
    pub fn new(ctx: &Context, link: Box<dyn Link>) -> Self {
        theme::apply(ctx);
        ctx.set_theme(egui::Theme::Dark);
        // A plugin hears of a frame in the order of installation: the outline adds to the tree before others take it.
        Outline::with(ctx, |_| ());
        Self::with_link(link)
    }

    /// A designer for a context that has fonts and themes already (see [`theme::apply`]).
    pub fn with_link(link: Box<dyn Link>) -> Self {
        Self {
            session: Session::new(link),
            canvas: CanvasState::default(),
            dashboard: DashboardState::default(),
            palette: PaletteState::default(),
            selection: Selection::default(),
            pick_list: None,
            recent_kinds: RecentKinds::default(),
            keymap: Keymap::default(),
            keys_page: None,
            former_selection: Selection::default(),
            copied: None,
            copied_params: None,
            bookmark: None,
            asked: Vec::new(),
            name_dialog: None,
            shows_revisions: false,
            focus: Focus::default(),
            shown: Shown::default(),
            wanted_view: None,
            bottom: BottomState::default(),
            inspector: Inspector::default(),
            help: None,
            projects_page: ProjectsPage::default(),
            tour: None,
            regions: Regions::default(),
            shown_project: None,
            was_typing: false,
            visible_views: Vec::new(),
        }
    }

    /// What the host has said and what is open.
    pub fn session(&self) -> &Session {
        &self.session
    }

    pub fn selection(&self) -> &Selection {
        &self.selection
    }

    /// What part of the canvas is seen, and how much of the pipeline was drawn in the last frame.
    pub fn canvas_view(&self) -> CanvasView {
        self.canvas.view()
    }

    /// The keys of all actions.
    pub fn keymap(&self) -> &Keymap {
        &self.keymap
    }

    /// Has a command carried out after the next frame, as if the person had asked for it: for menus of the system.
    pub fn ask(&mut self, command: Command) {
        self.asked.push(command);
    }

    /// What decides which actions can be taken now.
    pub fn situation(&self) -> Situation {
        let Some(document) = &self.session.document else { return Situation::default() };
        let (history, live) = (document.history(), &self.session.live);
        let (can_go_back, can_go_forward) = self.canvas.can_travel();
        let is_nested = |id: &NodeId| nest::is_nested(document.pipeline(), &self.session.catalog, id);
        Situation {
            can_undo: history.undo_label().is_some(),
            can_redo: history.redo_label().is_some(),
            is_running: live.is_running(),
            is_standing: live.standstill().is_some(),
            has_breakpoints: !live.marks.is_empty(),
            is_tapping: live.tapped.is_some(),
            is_capturing: live.capturing.is_some(),
            has_run: live.metrics.is_some(),
            has_chart: self.selection.single_node().is_some_and(|id| live.views.contains_key(id)),
            shows_dashboard: self.shows_dashboard(),
            is_filtered: !self.dashboard.filters().is_empty(),
            shares_time: self.dashboard.shown(document.pipeline()).is_some_and(|(_, shown)| shown.shares_time),
            has_time_range: self.dashboard.time().is_some(),
            is_compared: self.session.compared.as_ref().is_some_and(|compared| !compared.changes.is_empty()),
            has_problems: !self.session.checked.diagnostics.is_empty(),
            has_copied: self.copied.is_some(),
            has_copied_params: self.copied_params.is_some(),
            has_former_selection: !self.former_selection.is_empty(),
            can_go_back,
            can_go_forward,
            num_selected_nested: self.selection.nodes.iter().filter(|id| is_nested(id)).count(),
            is_inside: self.canvas.level().is_some() && !self.shows_dashboard(),
            ..Situation::of(document.pipeline(), &self.selection)
        }
    }

    fn shows_dashboard(&self) -> bool {
        let document = self.session.document.as_ref();
        document.is_some_and(|document| self.dashboard.shown(document.pipeline()).is_some())
    }

    /// The node that slows the others in the present run.
    pub(crate) fn slowest(&self) -> Option<NodeId> {
        self.canvas.slow().cloned()
    }

    /// Does what is due and needs no frame, such as saving and asking how the run goes. Gives the milliseconds until
    /// it is to be called again, from a frame or from here.
    pub fn beat(&mut self) -> Option<f64> {
        self.session.tick(&self.visible_views);
        self.next_beat_ms()
    }

    /// In how many milliseconds [`Self::beat`] is due; `None` while nothing will be.
    pub fn next_beat_ms(&self) -> Option<f64> {
        self.session.wait().beat_ms
    }

    /// Draws one frame into the whole of `ui`, then carries out what was asked for.
    pub fn ui(&mut self, ui: &mut Ui) {
        let ctx = ui.ctx().clone();
        let views = if self.shows_dashboard() {
            self.dashboard.visible_views().to_vec()
        } else {
            [self.canvas.visible_views(), self.bottom.visible_views()].concat()
        };
        let filters = self.shows_dashboard().then(|| self.dashboard.filters());
        self.session.filter_views(filters.as_ref());
        self.session.tick(&views);
        self.visible_views = views;
        if let Some(wait_ms) = self.session.wait().frame_ms {
            ctx.request_repaint_after(std::time::Duration::from_micros((wait_ms * 1_000.0) as u64));
        }
        if let Some(is_dark) = self.session.wants_dark.take() {
            ctx.set_theme(if is_dark { egui::Theme::Dark } else { egui::Theme::Light });
        }
        if std::mem::take(&mut self.session.wants_problems) {
            self.focus.bottom = Some(BottomTab::Problems);
            self.dashboard.show(None);
        }
        if std::mem::take(&mut self.session.wants_data) {
            self.shown.bottom = true;
            self.focus.bottom = Some(BottomTab::Data);
        }
        if std::mem::take(&mut self.session.wants_captures) {
            self.shown.bottom = true;
            self.focus.bottom = Some(BottomTab::Captures);
        }
        let project = self.session.document.as_ref().map(Document::project);
        if self.shown_project != project {
            self.shown_project = project;
            self.selection = Selection::default();
            self.pick_list = None;
            self.dashboard.filters.clear();
            self.shows_revisions = false;
            self.dashboard.show(None);
            self.wanted_view = None;
        }
        self.take_desk();
        self.take_wanted_dashboard();
        self.session.refresh_comparison();
        // A key that ends the typing may come in one frame with those that were typed, and Escape has ended it already.
        let has_escaped = self.was_typing && ctx.input(|input| input.key_pressed(Key::Escape));
        let was_typing = has_escaped || ctx.text_edit_focused();
        self.take_settings(&ctx);
        self.take_tab(&ctx);
        self.follow_tour();
        let situation = self.situation();
        let had_list = self.pick_list.is_some();
        let theme = Theme::of(&ctx);
        let mut commands = Vec::new();
        if let Some(reason) = &self.session.fatal {
            pages::message_page(ui, theme, "warning-octagon", "Millrace cannot start", reason);
        } else if !self.session.is_ready() {
            match self.session.link_state() {
                LinkState::Lost(reason) => pages::message_page(ui, theme, "plugs", "Not connected", &reason),
                _ => pages::message_page(ui, theme, "hourglass", "Connecting…", "Looking for Millrace's runtime."),
            }
        } else if self.session.shows_projects || self.session.document.is_none() {
            let can_go_back = self.session.document.is_some();
            self.projects_page.ui(ui, theme, &self.session, can_go_back, &mut commands);
        } else {
            if was_typing && !self.is_covered() {
                self.keymap.pressed_while_typing(&ctx, &situation, &mut commands);
            }
            self.workspace(ui, theme, &situation, &mut commands);
            self.overlays(&ctx, theme, &situation, was_typing, &mut commands);
        }
        if let Some(waiting) = self.session.waiting() {
            waiting_ui(&ctx, theme, &waiting, &mut commands);
        }
        pages::notices_ui(&ctx, theme, &mut self.session.notices);
        commands.append(&mut self.asked);
        for command in commands {
            apply::carry_out(self, &ctx, command);
        }
        self.keep_desk();
        if had_list && self.pick_list.is_none() {
            // Its field is gone, and must not swallow the next key.
            ctx.memory_mut(|memory| memory.stop_text_input());
        }
        self.was_typing = ctx.text_edit_focused();
    }

    /// Puts before the person what they had before them when they left the project.
    fn take_desk(&mut self) {
        if let Some(desk) = self.session.heard_desk.take() {
            (self.shown, self.wanted_view) = (desk.shown, desk.view);
        }
        let Some(document) = &self.session.document else { return };
        if self.canvas.shows(document.project())
            && let Some(view) = self.wanted_view.take()
        {
            self.canvas.show(document.pipeline(), &view);
        }
    }

    /// Has the host keep what the person has before them.
    fn keep_desk(&mut self) {
        let Some(document) = &self.session.document else { return };
        let is_settled = self.shown_project == Some(document.project()) && self.canvas.shows(document.project());
        if is_settled && self.wanted_view.is_none() && self.session.heard_desk.is_none() {
            let view = Some(self.canvas.view_now());
            self.session.keep_desk(Desk { view, shown: self.shown, marks: self.session.live.marks.clone() });
        }
    }

    /// Opens this dashboard, alone on the whole page, once the host is there.
    pub fn open_dashboard(&mut self, address: DashboardAddress) {
        self.session.wanted_project = address.project;
        self.dashboard.wanted = Some(address.dashboard);
    }

    fn take_wanted_dashboard(&mut self) {
        let Some(document) = self.session.document.as_ref().filter(|_| self.session.wanted_project.is_none()) else {
            return;
        };
        let Some(id) = self.dashboard.wanted.take() else { return };
        let known = document.pipeline().dashboards().keys().find(|known| known.as_str() == id).cloned();
        if known.is_some() {
            self.dashboard.show(known);
            self.dashboard.is_full = true;
        } else {
            let name = document.name().to_owned();
            self.session
                .say_error(format!("“{name}” has no dashboard `{id}`. Choose one from the tabs above the canvas."));
        }
    }

    /// Takes in what the host has kept for the person.
    fn take_settings(&mut self, ctx: &Context) {
        // The text scale is an action with keys of its own.
        if ctx.options(|options| options.zoom_with_keyboard) {
            ctx.options_mut(|options| options.zoom_with_keyboard = false);
        }
        for (name, value) in std::mem::take(&mut self.session.heard_settings) {
            match name {
                apply::KEYS_SETTING => self.keymap = Keymap::from_value(&value),
                apply::RECENT_KINDS_SETTING => self.recent_kinds = RecentKinds::from_value(&value),
                apply::FAVOURITE_KINDS_SETTING => self.palette.favourites = FavouriteKinds::from_value(&value),
                apply::LOOK_SETTING => {
                    self.canvas.look = canvas::CanvasLook::from_value(&value);
                    ctx.set_zoom_factor(self.canvas.look.text_percent as f32 / 100.0);
                }
                _ => {}
            }
        }
    }

    /// Begins the tour on a first start that has something to show, and has it go on by what was done.
    fn follow_tour(&mut self) {
        let Some(document) = &self.session.document else { return };
        if std::mem::take(&mut self.session.wants_tour) && document.pipeline().num_wires() > 0 {
            self.tour = Some(Tour::default());
        }
        let Some(tour) = &mut self.tour else { return };
        let node = self.selection.single_node().and_then(|id| document.pipeline().node(id));
        let card = node.and_then(|node| self.session.catalog.card(&node.kind));
        let live = &self.session.live;
        tour.follow(&Seen {
            has_selected_node: node.is_some(),
            has_selected_view: card.is_some_and(|card| card.has_view),
            is_running: live.is_running(),
            run: live.run,
            is_tapping: live.tapped.is_some(),
            generation: document.generation(),
            edit_cost: live.edit_cost.clone(),
            shows_help: self.help.is_some(),
            shows_commands: self.pick_list.as_ref().is_some_and(PickList::is_of_actions),
        });
    }

    /// Tab over the canvas adds a node there, unless the keyboard is walking through the widgets.
    fn take_tab(&mut self, ctx: &Context) {
        let is_walking = ctx.memory(|memory| memory.focused().is_some());
        let is_free = !self.is_covered();
        if is_free
            && !is_walking
            && self.canvas.is_pointer_over()
            && ctx.input(|input| input.key_pressed(Key::Tab) && !input.modifiers.any())
        {
            ctx.memory_mut(|memory| memory.move_focus(egui::FocusDirection::None));
            self.canvas.quick_add();
        }
    }
}
