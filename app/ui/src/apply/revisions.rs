//! Commands about revisions: the page, the comparison, and the way back.

use super::{nesting, perform, select};
use crate::command::RevisionWish;
use crate::designer::Designer;
use crate::revisions::{NameDialog, NameOf, title_of};
use crate::selection::Selection;

pub(super) fn carry_out(designer: &mut Designer, wish: RevisionWish) {
    match wish {
        RevisionWish::Show => {
            designer.help = None;
            designer.shows_revisions = true;
            designer.shown.inspector = true;
            designer.session.list_revisions();
        }
        RevisionWish::Close => {
            designer.shows_revisions = false;
            designer.session.compare_with(None);
        }
        RevisionWish::Compare(revision) => designer.session.compare_with(revision),
        RevisionWish::AskName { revision, name } => {
            designer.name_dialog = Some(NameDialog::new(NameOf::Revision(revision), &name));
        }
        RevisionWish::Rename { revision, name } => designer.session.rename_revision(revision, name),
        RevisionWish::Restore => restore(designer),
        RevisionWish::Copy { title } => designer.session.copy_revision(&title),
        RevisionWish::GoTo(node) => {
            let ghost = designer.canvas.ghost_rect_of(&node);
            match ghost {
                Some(rect) => {
                    designer.canvas.leave_view();
                    designer.canvas.camera.center = rect.center();
                }
                None => {
                    nesting::open_around(designer, &node);
                    designer.canvas.bring_into_view(&node);
                    select(designer, Selection::node(node));
                }
            }
        }
    }
}

fn restore(designer: &mut Designer) {
    let session = &designer.session;
    let (Some(edits), Some(compared)) = (session.way_back(), &session.compared) else { return };
    let revision = session.revisions.iter().flatten().find(|revision| revision.id == compared.revision);
    let title = revision.map_or_else(|| "a revision".to_owned(), |revision| format!("“{}”", title_of(revision)));
    if edits.is_empty() {
        return;
    }
    perform(designer, format!("Restore {title}"), edits, None);
    designer.session.say(format!("The pipeline is as in {title}. Undo takes that back."));
}
