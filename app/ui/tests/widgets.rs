//! The designer's widgets, asked by accessible role and label: forms, problems, tables, charts.
//!
//! Each test drives one widget with the keyboard and the pointer as a person does, and looks at the edits that it made.

#[path = "widgets/bottom.rs"]
mod bottom;
#[path = "widgets/charts.rs"]
mod charts;
#[path = "widgets/form.rs"]
mod form;
#[path = "widgets/inspector.rs"]
mod inspector;
#[path = "support/picture.rs"]
mod picture;
