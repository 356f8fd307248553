//! Groups, notes, bookmarks and dashboards in the file's `layout`.
//!
//! A field that does not have the form that this build knows is left where it is, so that it is kept as it was written.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::{Members, keep};
use crate::dashboard::{Cells, Dashboard, Tile};
use crate::id::{LayoutId, NodeId};
use crate::layout::{Bookmark, Group, Note};
use crate::pipeline::Pipeline;

type Fields<'a> = BTreeMap<String, &'a RawValue>;

/// Takes what is understood out of `layout` into `pipeline`. Its nodes must be there.
pub(super) fn take(layout: &mut Fields<'_>, pipeline: &mut Pipeline) {
    let mut groups: BTreeMap<LayoutId, Group> = items(layout, "groups", |fields| {
        let (title, tint, nodes) = (field(fields, "title")?, field(fields, "tint")?, field(fields, "nodes")?);
        Some(Group { title, tint, nodes, extra: keep(std::mem::take(fields)) })
    });
    groups.retain(|_, group| {
        group.nodes.retain(|node| pipeline.node(node).is_some());
        !group.nodes.is_empty()
    });
    pipeline.groups = groups;
    pipeline.notes = items(layout, "notes", |fields| {
        Some(Note {
            text: field(fields, "text")?,
            tint: field(fields, "tint")?,
            position: field(fields, "position")?,
            width: field(fields, "width")?,
            height: field(fields, "height")?,
            inside: optional(fields, "inside")?,
            extra: keep(std::mem::take(fields)),
        })
    });
    pipeline.bookmarks = items(layout, "bookmarks", |fields| {
        let (title, center) = (field(fields, "title")?, field(fields, "center")?);
        let (zoom_percent, inside) = (field(fields, "zoom_percent")?, optional(fields, "inside")?);
        Some(Bookmark { title, center, zoom_percent, inside, extra: keep(std::mem::take(fields)) })
    });
    let mut dashboards: BTreeMap<LayoutId, Dashboard> = items(layout, "dashboards", |fields| {
        let (title, shares_time) = (field(fields, "title")?, field(fields, "shares_time")?);
        let tiles: BTreeMap<NodeId, &RawValue> = serde_json::from_str(fields.remove("tiles")?.get()).ok()?;
        let tiles =
            tiles.into_iter().map(|(node, raw)| Some((node, tile(&mut serde_json::from_str(raw.get()).ok()?)?)));
        Some(Dashboard {
            title,
            shares_time,
            tiles: tiles.collect::<Option<_>>()?,
            extra: keep(std::mem::take(fields)),
        })
    });
    for dashboard in dashboards.values_mut() {
        dashboard.tiles.retain(|node, _| pipeline.node(node).is_some());
    }
    pipeline.dashboards = dashboards;
}

fn tile(fields: &mut Fields<'_>) -> Option<Tile> {
    let (x, y) = (field(fields, "x")?, field(fields, "y")?);
    let (w, h) = (field(fields, "w")?, field(fields, "h")?);
    Some(Tile { cells: Cells { x, y, w, h }, extra: keep(std::mem::take(fields)) })
}

fn items<T>(layout: &mut Fields<'_>, name: &str, read: impl Fn(&mut Fields<'_>) -> Option<T>) -> BTreeMap<LayoutId, T> {
    let known = layout.get(name).and_then(|raw| {
        let items: BTreeMap<LayoutId, &RawValue> = serde_json::from_str(raw.get()).ok()?;
        items.into_iter().map(|(id, raw)| Some((id, read(&mut serde_json::from_str(raw.get()).ok()?)?))).collect()
    });
    if known.is_some() {
        layout.remove(name);
    }
    known.unwrap_or_default()
}

fn field<T: serde::de::DeserializeOwned>(fields: &mut Fields<'_>, name: &str) -> Option<T> {
    serde_json::from_str(fields.remove(name)?.get()).ok()
}

/// As [`field`], where the field may be missing.
fn optional<T: serde::de::DeserializeOwned>(fields: &mut Fields<'_>, name: &str) -> Option<Option<T>> {
    if fields.contains_key(name) { field(fields, name).map(Some) } else { Some(None) }
}

/// Writes what is there behind the places of the nodes.
pub(super) fn push(layout: &mut Members, pipeline: &Pipeline) {
    push_items(layout, "groups", &pipeline.groups, |members, group| {
        members.push("nodes", &group.nodes);
        members.push("tint", &group.tint);
        members.push("title", &group.title);
        members.push_raw(&group.extra);
    });
    push_items(layout, "notes", &pipeline.notes, |members, note| {
        members.push("height", &note.height);
        if let Some(home) = &note.inside {
            members.push("inside", home);
        }
        members.push("position", &note.position);
        members.push("text", &note.text);
        members.push("tint", &note.tint);
        members.push("width", &note.width);
        members.push_raw(&note.extra);
    });
    push_items(layout, "bookmarks", &pipeline.bookmarks, |members, bookmark| {
        members.push("center", &bookmark.center);
        if let Some(home) = &bookmark.inside {
            members.push("inside", home);
        }
        members.push("title", &bookmark.title);
        members.push("zoom_percent", &bookmark.zoom_percent);
        members.push_raw(&bookmark.extra);
    });
    push_items(layout, "dashboards", &pipeline.dashboards, |members, dashboard| {
        members.push("shares_time", &dashboard.shares_time);
        let mut tiles = Members::default();
        for (node, tile) in &dashboard.tiles {
            let Cells { x, y, w, h } = tile.cells;
            let mut fields = Members::default();
            for (name, value) in [("h", h), ("w", w), ("x", x), ("y", y)] {
                fields.push(name, &value);
            }
            fields.push_raw(&tile.extra);
            tiles.0.push((node.as_str().to_owned(), fields.into_text()));
        }
        members.0.push(("tiles".to_owned(), tiles.into_text()));
        members.push("title", &dashboard.title);
        members.push_raw(&dashboard.extra);
    });
}

fn push_items<T>(layout: &mut Members, name: &str, items: &BTreeMap<LayoutId, T>, write: impl Fn(&mut Members, &T)) {
    if items.is_empty() {
        return;
    }
    let mut all = Members::default();
    for (id, item) in items {
        let mut members = Members::default();
        write(&mut members, item);
        all.0.push((id.as_str().to_owned(), members.into_text()));
    }
    layout.0.push((name.to_owned(), all.into_text()));
}
