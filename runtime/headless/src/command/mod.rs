//! The commands, one module each.

pub mod nodes;
pub mod project;
pub mod record;
pub mod reference;
pub mod run;
pub mod serve;
pub mod test;
pub mod validate;
