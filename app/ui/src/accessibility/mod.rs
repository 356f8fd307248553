//! What the designer is to those who work by keyboard or hear it read: regions to jump between, and words for what is
//! drawn.
//!
//! Names stand with the widgets; here are the sentences behind them, which are made only while a screen reader or a
//! driver asks for the tree.

mod outline;
mod regions;

pub use outline::{Entry, Outline};
pub use regions::{Region, Regions};

use egui::{EventFilter, Id, Response, Ui};

/// Keeps egui from moving the focus by arrows itself, while a widget takes them.
pub fn keep_arrows(ui: &Ui, focused: Id) {
    let filter = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(focused, filter));
}

/// Adds a sentence to the widget's entry in the accessibility tree; `words` is called only when there is a tree.
pub fn describe(response: &Response, words: impl FnOnce() -> String) {
    response.ctx.accesskit_node_builder(response.id, |node| node.set_description(words()));
}
