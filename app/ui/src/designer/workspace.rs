//! What one frame draws once a project is open: the panels around the canvas, and what lies over them.
//!
//! The state is the [`Designer`]'s; nothing here changes it but what a widget itself keeps. What the person asks for
//! is pushed as commands.

use egui::{CentralPanel, Context, Event, Frame, Key, Margin, Modifiers, Panel, Ui};

use super::Designer;
use crate::accessibility::{Region, Regions};
use crate::actions::{Keymap, Situation};
use crate::bottom::{self, BottomState};
use crate::command::{Command, DashboardWish};
use crate::context::ViewContext;
use crate::dashboard::{self, DashboardState};
use crate::document::SaveState;
use crate::link::LinkState;
use crate::session::Session;
use crate::theme::Theme;
use crate::{canvas, capture, inspector, pages, palette, revisions, top_bar};

/// A narrower window has no room for tools and tables between the palette and the inspector, in points.
const NARROW: f32 = 1200.0;

impl Designer {
    pub(super) fn workspace(&mut self, ui: &mut Ui, theme: &Theme, situation: &Situation, commands: &mut Vec<Command>) {
        let focus = std::mem::take(&mut self.focus);
        let session = &self.session;
        let Some(document) = &session.document else { return };
        let mut cx = ViewContext {
            theme,
            catalog: &session.catalog,
            document,
            checked: &session.checked,
            rows: session.known_rows(),
            live: &session.live,
            selection: &self.selection,
            compared: session.compared.as_ref(),
            captures: session.captures.as_deref(),
            is_local: session.is_local,
            focus_param: focus.param.as_ref().map(|(id, param)| (id, param.as_str())),
            focus_title: focus.title.as_ref(),
            show_bottom: focus.bottom,
            is_covered: self.is_covered(),
            situation,
            keymap: &self.keymap,
            commands,
        };
        self.regions.begin_frame(ui.ctx());
        let regions = &mut self.regions;
        let shows_dashboard = self.dashboard.shown(document.pipeline()).is_some();
        if shows_dashboard && self.dashboard.is_full {
            banners(ui, session, document.save_state(), &mut cx);
            return dashboard_page(ui, regions, &mut cx, &mut self.dashboard, false);
        }
        let bar = Frame::new().fill(theme.panel);
        Panel::top("bar").exact_size(top_bar::HEIGHT).frame(bar).show(ui, |ui| {
            regions.mark(ui, theme, Region::TopBar);
            top_bar::top_bar_ui(ui, &mut cx, self.canvas.camera.zoom);
        });
        banners(ui, session, document.save_state(), &mut cx);
        if let Some(tour) = &self.tour {
            Panel::top("tour").show_separator_line(false).frame(Frame::new()).show(ui, |ui| {
                regions.mark(ui, theme, Region::Tour);
                tour.ui(ui, theme, cx.keymap, cx.commands);
            });
        }
        if shows_dashboard {
            tabs_panel(ui, &mut cx, &self.dashboard);
            let can_link = session.can_link();
            return dashboard_page(ui, regions, &mut cx, &mut self.dashboard, can_link);
        }
        // The first of the panels gets the whole width.
        let is_narrow = ui.available_width() < NARROW;
        if is_narrow {
            bottom_panel(ui, regions, &mut cx, &mut self.bottom, &mut self.shown.bottom);
        }
        let side =
            |left: i8| Frame::new().fill(theme.panel).inner_margin(Margin { left, right: 14, top: 12, bottom: 0 });
        let shown = &mut self.shown;
        let panel = Panel::left("palette").default_size(232.0).size_range(180.0..=360.0).frame(side(14));
        panel.show_collapsible(ui, &mut shown.palette, |ui| {
            regions.mark(ui, theme, Region::Palette);
            palette::palette_ui(ui, &mut cx, &mut self.palette);
        });
        let panel = Panel::right("inspector").default_size(316.0).size_range(260.0..=560.0).frame(side(18));
        panel.show_collapsible(ui, &mut shown.inspector, |ui| {
            regions.mark(ui, theme, Region::Inspector);
            match &self.help {
                Some(page) => page.ui(ui, &mut cx, &session.templates),
                None if self.shows_revisions => revisions::page_ui(ui, &mut cx, session.revisions.as_deref()),
                None => inspector::inspector_ui(ui, &mut self.inspector, &mut cx),
            }
        });
        if !is_narrow {
            bottom_panel(ui, regions, &mut cx, &mut self.bottom, &mut shown.bottom);
        }
        tabs_panel(ui, &mut cx, &self.dashboard);
        CentralPanel::no_frame().frame(Frame::new().fill(theme.ground)).show(ui, |ui| {
            let has_focus = regions.mark(ui, theme, Region::Canvas);
            canvas::canvas_ui(ui, &mut cx, &mut self.canvas, has_focus);
        });
    }

    pub(super) fn is_covered(&self) -> bool {
        self.pick_list.is_some()
            || self.keys_page.is_some()
            || self.name_dialog.is_some()
            || self.session.injecting.is_some()
    }

    pub(super) fn overlays(
        &mut self,
        ctx: &Context,
        theme: &Theme,
        situation: &Situation,
        was_typing: bool,
        commands: &mut Vec<Command>,
    ) {
        let is_busy = self.is_covered();
        if !is_busy
            && situation.shows_dashboard
            && self.dashboard.is_full
            && ctx.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape))
        {
            commands.push(Command::Dashboard(DashboardWish::ToggleFullScreen));
        }
        if !is_busy && !was_typing && !ctx.text_edit_focused() {
            keys(ctx, &self.keymap, situation, commands);
        }
        if let Some(list) = &mut self.pick_list
            && !list.ui(ctx, theme, &self.session.catalog, &self.keymap, situation, commands)
        {
            self.pick_list = None;
        }
        if let Some(page) = &mut self.keys_page
            && !page.ui(ctx, theme, &self.keymap, commands)
        {
            self.keys_page = None;
        }
        if let Some(dialog) = &mut self.name_dialog
            && !dialog.ui(ctx, theme, commands)
        {
            self.name_dialog = None;
        }
        if let Some(form) = &mut self.session.injecting
            && !form.ui(ctx, theme, commands)
        {
            self.session.injecting = None;
        }
    }
}

fn bottom_panel(
    ui: &mut Ui,
    regions: &mut Regions,
    cx: &mut ViewContext<'_>,
    state: &mut BottomState,
    is_shown: &mut bool,
) {
    let panel = Panel::bottom("bottom").default_size(248.0).size_range(80.0..=700.0);
    panel.frame(Frame::new().fill(cx.theme.panel)).show_collapsible(ui, is_shown, |ui| {
        // The panel keeps its height whatever the open tab holds.
        ui.expand_to_include_rect(ui.max_rect());
        regions.mark(ui, cx.theme, Region::Bottom);
        bottom::bottom_ui(ui, cx, state);
    });
}

fn tabs_panel(ui: &mut Ui, cx: &mut ViewContext<'_>, state: &DashboardState) {
    let frame = Frame::new().fill(cx.theme.panel);
    Panel::top("tabs").exact_size(dashboard::TABS_HEIGHT).frame(frame).show(ui, |ui| {
        dashboard::tabs_ui(ui, cx, state);
    });
}

fn dashboard_page(
    ui: &mut Ui,
    regions: &mut Regions,
    cx: &mut ViewContext<'_>,
    state: &mut DashboardState,
    can_link: bool,
) {
    CentralPanel::no_frame().frame(Frame::new().fill(cx.theme.ground)).show(ui, |ui| {
        regions.mark(ui, cx.theme, Region::Dashboard);
        dashboard::dashboard_ui(ui, cx, state, can_link);
    });
}

fn banners(ui: &mut Ui, session: &Session, save_state: &SaveState, cx: &mut ViewContext<'_>) {
    let strip = |ui: &mut Ui, text: &str, add_buttons: &mut dyn FnMut(&mut Ui)| {
        Panel::top("banner").show_separator_line(false).frame(Frame::new()).show(ui, |ui| {
            pages::banner(ui, cx.theme, text, add_buttons);
        });
    };
    if let LinkState::Lost(reason) = session.link_state() {
        let text = format!("{reason} Your work is kept here and saved when the connection is back.");
        strip(ui, &text, &mut |_| {});
    } else if session.has_conflict {
        strip(ui, "This project was changed elsewhere since it was opened here.", &mut |ui| {
            if ui.button("Keep what is here").clicked() {
                cx.commands.push(Command::ResolveConflict { keep_mine: true });
            }
            if ui.button("Load the other").clicked() {
                cx.commands.push(Command::ResolveConflict { keep_mine: false });
            }
        });
    } else if let SaveState::NotSaved(reason) = save_state {
        strip(ui, &format!("Not saved: {reason} It is tried again every two seconds."), &mut |_| {});
    } else if let Some(halted) = &session.live.halted {
        let wire = session.live.drawn(&halted.wire);
        let (from, to) = (cx.title_of(&wire.from.node), cx.title_of(&wire.to.node));
        let text = format!("The run has halted before a row goes from “{from}” to “{to}”.");
        strip(ui, &text, &mut |ui| {
            if ui.button("Continue").clicked() {
                cx.commands.push(Command::TogglePause);
            }
            if ui.button("Step").clicked() {
                cx.commands.push(Command::Step);
            }
        });
    }
    capture::replay_banner_ui(ui, cx);
}

/// What the keyboard asks for while nobody is typing.
fn keys(ctx: &Context, keymap: &Keymap, situation: &Situation, commands: &mut Vec<Command>) {
    let events = ctx.input(|input| input.events.clone());
    for event in events {
        match event {
            Event::Copy => commands.push(Command::Copy),
            Event::Cut => commands.push(Command::Cut),
            Event::Paste(text) => commands.push(Command::Paste { text }),
            _ => {}
        }
    }
    keymap.pressed(ctx, situation, commands);
}
