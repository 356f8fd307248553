//! Where things are in the designer's window, found by the colours of its dark theme.

use std::cell::Cell;

use crate::picture::{Area, Color, Picture};

/// Colours of `app/ui/src/theme.rs`, each of which stands for one thing here.
pub struct Theme;

impl Theme {
    /// What is chosen or has the keyboard.
    pub const ACCENT: Color = [0x4a, 0xa3, 0xff];
    /// What text fields are filled with.
    const RAISED: Color = [0x20, 0x25, 0x2e];
    /// The bar of a source.
    pub const INGEST: Color = [0x3f, 0xb6, 0x8b];
    /// The ground of the button Run.
    const OK_GROUND: Color = [0x1c, 0x3a, 0x30];
    /// The ground of the button Stop.
    const ERROR_GROUND: Color = [0x43, 0x23, 0x2a];
}

/// The canvas and nothing of the panels around it.
pub fn middle_of_window() -> Area {
    Area { left: 270, top: 60, right: 1_090, bottom: 640 }
}

/// Whether a node in `area` is selected: the accent stands around it.
pub fn is_selected(picture: &Picture, area: Area) -> Option<()> {
    (picture.count(Theme::ACCENT, area) > 200).then_some(())
}

/// The middle of the first text field in the inspector: a long run of its colour.
pub fn first_field(picture: &Picture) -> Option<(usize, usize)> {
    let inspector =
        Area { left: picture.width - 300, top: 150, right: picture.width - 20, bottom: picture.height - 20 };
    let row = |y: usize| Area { top: y, bottom: y + 1, ..inspector };
    let is_field = |y: &usize| picture.count(Theme::RAISED, row(*y)) > 150;
    (inspector.top..inspector.bottom).find(is_field).map(|top| (inspector.middle().0, top + 10))
}

fn top_bar(picture: &Picture) -> Area {
    Area { bottom: 48, ..picture.all() }
}

/// The middle of the button Run, while nothing runs.
pub fn run_button(picture: &Picture) -> Option<(usize, usize)> {
    button(picture, Theme::OK_GROUND)
}

/// The middle of the button Stop, while something runs.
pub fn stop_button(picture: &Picture) -> Option<(usize, usize)> {
    button(picture, Theme::ERROR_GROUND)
}

fn button(picture: &Picture, ground: Color) -> Option<(usize, usize)> {
    // Fewer pixels are no button but the edge of something else.
    let is_there = picture.count(ground, top_bar(picture)) > 300;
    is_there.then(|| picture.extent(ground, top_bar(picture)).map(Area::middle)).flatten()
}

/// The canvas at its natural size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Canvas {
    /// Where the canvas' origin is on the screen.
    origin: (usize, usize),
}

impl Canvas {
    /// Finds the canvas by its only source, which stands at `source`: the bar at its left edge begins 8 points below its
    /// top. Nothing is found while the designer does not show the pipeline.
    pub fn find(picture: &Picture, source: (usize, usize)) -> Option<Self> {
        let bar = picture.extent(Theme::INGEST, middle_of_window())?;
        let origin = (bar.left.checked_sub(source.0)?, (bar.top).checked_sub(source.1 + 8)?);
        Some(Self { origin })
    }

    /// As [`Canvas::find`], once it stands still: found at the same place in two pictures, one after the other. `before`
    /// keeps what the picture before showed.
    pub fn find_still(picture: &Picture, source: (usize, usize), before: &Cell<Option<Self>>) -> Option<Self> {
        let now = Self::find(picture, source);
        (before.replace(now) == now).then_some(now).flatten()
    }

    /// Where a point of the canvas is on the screen.
    pub fn place(self, (x, y): (usize, usize)) -> (usize, usize) {
        (self.origin.0 + x, self.origin.1 + y)
    }

    pub fn area(self, corner: (usize, usize), size: (usize, usize)) -> Area {
        let (left, top) = self.place(corner);
        Area { left, top, right: left + size.0, bottom: top + size.1 }
    }
}
