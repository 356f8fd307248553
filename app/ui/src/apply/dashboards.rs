//! Commands about dashboards: which one is shown, and the changes of a whole one.

use egui::Context;
use millrace_model::{Dashboard, Edit, LayoutId};

use super::{perform, select};
use crate::address::DashboardAddress;
use crate::command::{Command, DashboardWish, RevisionWish};
use crate::dashboard::{newest, view_nodes};
use crate::designer::Designer;
use crate::selection::Selection;

pub(super) fn carry_out(designer: &mut Designer, ctx: &Context, wish: DashboardWish) {
    let Some(document) = &designer.session.document else { return };
    let all = document.pipeline().dashboards();
    let unused = || LayoutId::unused("dashboard", |id| all.contains_key(id));
    let shown = designer.dashboard.shown(document.pipeline()).map(|(id, it)| (id.clone(), it.clone()));
    match (wish, shown) {
        (DashboardWish::New, _) => {
            let id = unused();
            let number = id.as_str().rsplit('_').next().unwrap_or_default();
            let nodes = view_nodes(document.pipeline(), &designer.session.catalog);
            let dashboard = Dashboard::of(format!("Dashboard {number}"), nodes);
            set(designer, "Add a dashboard", id.clone(), Some(dashboard));
            show(designer, ctx, Some(id));
        }
        (DashboardWish::Show(id), _) => show(designer, ctx, id),
        (DashboardWish::Next, shown) => {
            let next = match &shown {
                Some((id, _)) => all.keys().find(|other| *other > id).cloned(),
                None => all.keys().next().cloned(),
            };
            show(designer, ctx, next);
        }
        (DashboardWish::Previous, shown) => {
            let previous = match &shown {
                Some((id, _)) => all.keys().rev().find(|other| *other < id).cloned(),
                None => all.keys().next_back().cloned(),
            };
            show(designer, ctx, previous);
        }
        (DashboardWish::Duplicate, Some((_, dashboard))) => {
            let id = unused();
            let title = format!("{} copy", dashboard.title);
            let label = format!("Duplicate {}", dashboard.title);
            set(designer, &label, id.clone(), Some(Dashboard { title, ..dashboard }));
            show(designer, ctx, Some(id));
        }
        (DashboardWish::Delete, Some((id, dashboard))) => {
            set(designer, &format!("Delete {}", dashboard.title), id, None);
            show(designer, ctx, None);
            designer.session.say(format!("“{}” is deleted. Undo brings it back.", dashboard.title));
        }
        (DashboardWish::ToggleSharedTime, Some((id, dashboard))) => {
            let shares_time = !dashboard.shares_time;
            set(designer, "Share the time of charts", id, Some(Dashboard { shares_time, ..dashboard }));
        }
        (DashboardWish::ToggleFullScreen, Some(_)) => designer.dashboard.is_full = !designer.dashboard.is_full,
        (DashboardWish::ResetTime, Some((id, _))) => {
            designer.dashboard.times.remove(&id);
            designer.dashboard.time_round += 1;
        }
        (DashboardWish::Time(range), Some((id, _))) => match range {
            Some(range) => _ = designer.dashboard.times.insert(id, range),
            None => _ = designer.dashboard.times.remove(&id),
        },
        (DashboardWish::MoveTime(by), Some((id, dashboard))) => {
            let newest_us = newest(&designer.session.live, &dashboard);
            let moved = designer.dashboard.time().and_then(|range| range.moved(by, newest_us));
            designer.dashboard.times.extend(moved.map(|range| (id, range)));
        }
        (DashboardWish::Filter { column, values }, Some((id, _))) => {
            designer.dashboard.filters.entry(id).or_default().set(&column, values);
        }
        (DashboardWish::ClearFilters, Some((id, _))) => _ = designer.dashboard.filters.remove(&id),
        (DashboardWish::CopyLink, Some((id, _))) => {
            let project = Some(document.name().to_owned());
            let address = DashboardAddress { project, dashboard: id.as_str().to_owned() };
            if let Some(origin) = designer.session.link().origin() {
                ctx.copy_text(address.at(&origin));
                designer.session.say("The link is in the clipboard.".to_owned());
            }
        }
        (_, None) => {}
    }
}

fn set(designer: &mut Designer, label: &str, id: LayoutId, dashboard: Option<Dashboard>) {
    perform(designer, label.to_owned(), vec![Edit::SetDashboard { id, dashboard }], None);
}

fn show(designer: &mut Designer, ctx: &Context, id: Option<LayoutId>) {
    if id.is_some() {
        select(designer, Selection::default());
    }
    // What has the focus may go with the page.
    ctx.memory_mut(|memory| memory.focused().into_iter().for_each(|focused| memory.surrender_focus(focused)));
    designer.dashboard.show(id);
}

/// Goes back to the canvas where that is what the command is about.
pub(super) fn make_way(designer: &mut Designer, command: &Command) {
    let is_of_canvas = matches!(
        command,
        Command::AddNode { .. }
            | Command::Paste { .. }
            | Command::PasteCopied
            | Command::AddNote { .. }
            | Command::EditNote(_)
            | Command::InsertNode { .. }
            | Command::Nest(_)
            | Command::Open(_)
            | Command::Bookmark(_)
            | Command::Pick(_)
            | Command::FormerSelection
            | Command::Look(_)
            | Command::QuickAddInMiddle
            | Command::JumpTo { .. }
            | Command::FocusSearch
            | Command::TogglePanel(_)
            | Command::ShowBottom(_)
            | Command::Revision(RevisionWish::Show)
            | Command::Tap(Some(_))
    );
    if is_of_canvas && designer.dashboard.shown.is_some() {
        designer.dashboard.show(None);
    }
}
