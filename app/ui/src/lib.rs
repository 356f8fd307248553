//! The designer: one egui program that draws a pipeline, changes it, and shows it running.
//!
//! It knows the model and the protocol and nothing else: node cards, forms and help reach it as data (the catalog), and
//! the host is behind [`link::Link`]. [`Designer::ui`] draws one frame; drawing pushes [`command::Command`]s, which are
//! carried out after the frame.

mod accessibility;
pub mod actions;
pub mod address;
mod apply;
pub mod bottom;
mod canvas;
pub mod capture;
pub mod chart;
mod chart_file;
pub mod command;
pub mod context;
mod csv;
mod dashboard;
pub mod data_table;
mod designer;
mod desk;
pub mod document;
pub mod editing;
mod favourites;
pub mod format;
mod help;
pub mod icon;
pub mod inspector;
mod keys_page;
pub mod link;
pub mod live;
mod markdown;
mod menus;
mod pages;
mod palette;
mod pick_list;
mod projects_page;
pub mod rates;
pub mod revisions;
pub mod selection;
pub mod session;
pub mod standing;
mod template;
pub mod theme;
mod top_bar;
mod tour;
mod vitals;
mod waiting;

pub use canvas::CanvasView;
pub use designer::Designer;
