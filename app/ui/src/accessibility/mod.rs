//! What the designer is to those who work by keyboard or hear it read: regions to jump between, and words for what is
//! drawn.
//!
//! Names stand with the widgets; here are the sentences behind them, which are made only while a screen reader or a
//! driver asks for the tree.

mod outline;
mod regions;

pub use outline::{Entry, Outline};
pub use regions::{Region, Regions};

use egui::Response;

/// Adds a sentence to the widget's entry in the accessibility tree; `words` is called only when there is a tree.
pub fn describe(response: &Response, words: impl FnOnce() -> String) {
    response.ctx.accesskit_node_builder(response.id, |node| node.set_description(words()));
}
