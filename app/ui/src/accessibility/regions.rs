//! The parts of the window as landmarks: F6 jumps to the next one, Shift+F6 back, and Tab goes on from there.
//!
//! A part that is not shown takes no turn. Which part the keyboard is in follows from where the focused widget lies.

use egui::accesskit::Role;
use egui::{Context, CornerRadius, Key, LayerId, Modifiers, Order, Rect, Sense, Stroke, StrokeKind, Ui, WidgetInfo};

use crate::theme::{Theme, radius};

/// A part of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Region {
    TopBar,
    Tour,
    Palette,
    Canvas,
    Dashboard,
    Inspector,
    Bottom,
}

impl Region {
    /// In the order in which F6 goes round.
    const ALL: [Region; 7] =
        [Self::TopBar, Self::Tour, Self::Palette, Self::Canvas, Self::Dashboard, Self::Inspector, Self::Bottom];

    fn title(self) -> &'static str {
        match self {
            Self::TopBar => "Project and run",
            Self::Tour => "Tour",
            Self::Palette => "Palette",
            Self::Canvas => "Pipeline",
            Self::Dashboard => "Dashboard",
            Self::Inspector => "Inspector",
            Self::Bottom => "Problems, data and log",
        }
    }

    fn hint(self) -> &'static str {
        match self {
            Self::Canvas => {
                "Arrow keys walk from node to node along the wires. W draws a wire. F6 goes to the next part."
            }
            _ => "Tab goes through what is here. F6 goes to the next part.",
        }
    }
}

/// Where the parts were in the last frame, and which is to get the keyboard.
#[derive(Debug, Default)]
pub struct Regions {
    shown: Vec<(Region, Rect)>,
    wanted: Option<Region>,
}

impl Regions {
    /// Takes the keys that jump. To be called before the parts are drawn.
    pub fn begin_frame(&mut self, ctx: &Context) {
        let (back, on) = ctx.input_mut(|input| {
            (input.consume_key(Modifiers::SHIFT, Key::F6), input.consume_key(Modifiers::NONE, Key::F6))
        });
        if back || on {
            let focused = ctx.memory(|memory| memory.focused()).and_then(|id| ctx.read_response(id));
            let here = focused.and_then(|response| self.region_at(response.rect));
            self.wanted = self.next(here, back);
        }
        self.shown.clear();
    }

    /// Marks the whole of `ui` as a part; whether the keyboard is at the part itself, not at something in it.
    pub fn mark(&mut self, ui: &mut Ui, theme: &Theme, region: Region) -> bool {
        let rect = ui.max_rect();
        self.shown.push((region, rect));
        let response = ui.interact(rect, ui.scope_id().with(region.title()), Sense::focusable_noninteractive());
        response.widget_info(|| WidgetInfo::labeled(Role::Region, true, region.title()));
        super::describe(&response, || region.hint().to_owned());
        if self.wanted == Some(region) {
            self.wanted = None;
            response.request_focus();
        }
        if response.has_focus() {
            let layer = LayerId::new(Order::Foreground, response.id);
            let painter = ui.ctx().layer_painter(layer);
            let corner = CornerRadius::same(radius::FIELD);
            painter.rect_stroke(rect.shrink(2.0), corner, Stroke::new(2.0, theme.accent), StrokeKind::Inside);
        }
        response.has_focus()
    }

    fn region_at(&self, rect: Rect) -> Option<Region> {
        let holds = |(_, place): &&(Region, Rect)| place.expand(1.0).contains(rect.center());
        self.shown.iter().find(holds).map(|(region, _)| *region)
    }

    fn next(&self, here: Option<Region>, back: bool) -> Option<Region> {
        let mut order: Vec<Region> =
            Region::ALL.into_iter().filter(|region| self.shown.iter().any(|s| s.0 == *region)).collect();
        if back {
            order.reverse();
        }
        let place = order.iter().position(|region| Some(*region) == here);
        // From nowhere F6 goes to the canvas, where the work is.
        match place {
            Some(place) => order.get((place + 1) % order.len()).copied(),
            None => order.iter().copied().find(|region| *region == Region::Canvas).or(order.first().copied()),
        }
    }
}
