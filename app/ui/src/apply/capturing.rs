//! Commands about captures, and about rows that are put on a wire.

use millrace_model::Wire;

use crate::capture::CaptureWish;
use crate::command::BottomTab;
use crate::designer::Designer;
use crate::revisions::{NameDialog, NameOf};

pub(super) fn carry_out(designer: &mut Designer, wish: CaptureWish) {
    let selected = || designer.selection.single_wire().cloned();
    match wish {
        CaptureWish::Show => {
            designer.shown.bottom = true;
            designer.focus.bottom = Some(BottomTab::Captures);
        }
        CaptureWish::Toggle => designer.session.toggle_capture(),
        CaptureWish::Wire(wire) => {
            if let Some(wire) = wire.or_else(selected) {
                designer.session.capture_wire(&wire);
            }
        }
        CaptureWish::Replay(replay) => designer.session.replay(replay),
        CaptureWish::AskName { capture, name } => {
            designer.name_dialog = Some(NameDialog::new(NameOf::Capture(capture), &name));
        }
        CaptureWish::Rename { capture, name } => designer.session.rename_capture(capture, name),
        CaptureWish::Delete(capture) => designer.session.delete_capture(capture),
        CaptureWish::SaveTest(capture) => designer.session.ask_test_path(capture),
        CaptureWish::AskRows(wire) => {
            if let Some(wire) = wire.or_else(selected) {
                ask_rows(designer, wire);
            }
        }
        CaptureWish::NewestRow => designer.session.add_newest_row(),
        CaptureWish::Inject => designer.session.inject(),
    }
}

/// Opens the form; its wire is watched, so that the person sees the rows arrive.
fn ask_rows(designer: &mut Designer, wire: Wire) {
    let session = &mut designer.session;
    let Some(document) = &session.document else { return };
    let title = |id| {
        let node = document.pipeline().node(id);
        node.map_or_else(|| id.to_string(), |node| session.catalog.title_of(node).to_owned())
    };
    let place = format!("On the wire from “{}” to “{}”", title(&wire.from.node), title(&wire.to.node));
    let ports = session.checked.nodes.get(&wire.from.node);
    let port = ports.and_then(|ports| ports.outputs.iter().find(|port| port.name == wire.from.port));
    let columns = port.and_then(|port| port.columns.as_ref()).into_iter().flatten();
    let columns = columns.map(|column| (column.name.clone(), column.data_type.clone())).collect();
    designer.shown.bottom = true;
    designer.focus.bottom = Some(BottomTab::Data);
    session.tap(Some(wire.clone()));
    session.ask_rows(wire, place, columns);
}
