//! Commands that nest and unnest nodes, and that open what is nested.

use millrace_model::{Edit, NodeId};

use super::{perform, select};
use crate::command::NestWish;
use crate::designer::Designer;
use crate::editing::{self, nest};
use crate::selection::Selection;

pub(super) fn change(designer: &mut Designer, wish: NestWish) {
    match wish {
        NestWish::Nest => nest_selection(designer),
        NestWish::Unnest => unnest(designer),
        NestWish::AddPort(nesting) => {
            let Some(document) = &designer.session.document else { return };
            let Some(level) = designer.canvas.level() else { return };
            let at = designer.canvas.place_in_middle();
            let catalog = &designer.session.catalog;
            let Some((id, edits)) = nest::add_port(document.pipeline(), catalog, level, nesting, at) else { return };
            let kind = catalog.kind_for(nesting).and_then(|kind| catalog.card(kind));
            let label = format!("Add {}", kind.map_or("a port", |card| card.title.as_str()));
            perform(designer, label, pinned(designer, edits), None);
            select(designer, Selection::node(id.clone()));
            designer.shown.inspector = true;
            designer.focus.title = Some(id);
        }
    }
}

fn nest_selection(designer: &mut Designer) {
    let Some(document) = &designer.session.document else { return };
    let of = |id: &NodeId| designer.canvas.position_of(id);
    let places = nest::Places { level: designer.canvas.level(), of: &of };
    match nest::nest(document.pipeline(), &designer.session.catalog, &designer.selection, &places) {
        Ok((id, edits)) => {
            let titles = super::edits::titles(designer, &designer.selection.nodes);
            perform(designer, editing::label_for("Nest", &titles, "nodes"), pinned(designer, edits), None);
            select(designer, Selection::node(id.clone()));
            // It is named at once, as a group is.
            designer.shown.inspector = true;
            designer.focus.title = Some(id);
        }
        Err(reason) => designer.session.say_error(reason),
    }
}

fn unnest(designer: &mut Designer) {
    let Some(document) = &designer.session.document else { return };
    let (pipeline, catalog) = (document.pipeline(), &designer.session.catalog);
    let of = |id: &NodeId| designer.canvas.position_of(id);
    let places = nest::Places { level: designer.canvas.level(), of: &of };
    let chosen: Vec<&NodeId> =
        designer.selection.nodes.iter().filter(|id| nest::is_nested(pipeline, catalog, id)).collect();
    let titles = super::edits::titles(designer, chosen);
    let (freed, edits) = nest::unnest(pipeline, catalog, &designer.selection.nodes, &places);
    if !edits.is_empty() {
        perform(designer, editing::label_for("Unnest", &titles, "nested pipelines"), pinned(designer, edits), None);
        select(designer, Selection::nodes(freed));
    }
}

/// The edits behind one that pins the nodes that nobody has placed where they are seen.
fn pinned(designer: &Designer, edits: Vec<Edit>) -> Vec<Edit> {
    let document = designer.session.document.as_ref();
    let pin = document.and_then(|document| designer.canvas.pin_unplaced(document.pipeline(), |_| false));
    pin.into_iter().chain(edits).collect()
}

/// Shows the inside of a nested pipeline, or the top.
pub(super) fn open(designer: &mut Designer, level: Option<&NodeId>) {
    let Some(document) = &designer.session.document else { return };
    let pipeline = document.pipeline();
    let is_there = level.is_none_or(|id| {
        nest::is_nested(pipeline, &designer.session.catalog, id) || pipeline.inside(id).next().is_some()
    });
    if is_there {
        designer.canvas.open(pipeline, level);
        select(designer, Selection::default());
    }
}

/// Shows the level where the node lives.
pub(super) fn open_around(designer: &mut Designer, node: &NodeId) {
    let Some(document) = &designer.session.document else { return };
    let home = document.pipeline().home_of(node).cloned();
    designer.canvas.open(document.pipeline(), home.as_ref());
}

/// Shows what is around the open nested pipeline, which is then selected.
pub(super) fn go_out(designer: &mut Designer) {
    let Some(left) = designer.canvas.level().cloned() else { return };
    open_around(designer, &left);
    designer.canvas.bring_into_view(&left);
    select(designer, Selection::node(left));
}
