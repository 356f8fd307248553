//! The layer of wires: which of them are seen, on what course, and which is under the pointer.
//!
//! Near by, every wire is a widget. From afar all go into one mesh, those that run together as a trunk with its
//! branches (see [`super::bundle`]), and only what is under the pointer, selected or focused is a widget too. The wires
//! of the nodes that somebody looks at lie above the others. What the pointer touches are the curves that are drawn.

use egui::{Color32, Painter, Pos2, Rect, Response, Ui, Vec2};
use millrace_model::Wire;

use super::CanvasState;
use super::batch::Batch;
use super::bundle::{Bundle, togetherness};
use super::camera::Detail;
use super::course::{self, Course};
use super::gesture::Gesture;
use super::ground::touch_wire;
use super::urgency::Urgency;
use super::wire::{self, WireLook};
use crate::context::ViewContext;

/// How near the pointer must be to a wire to touch it.
const WIRE_REACH: f32 = 6.0;
/// Of more selected nodes the wires are not lifted: they would hide what they are to be told from.
const MOST_LIFTING: usize = 50;
/// How far a lifted wire keeps those below it away.
const CASING: f32 = 3.0;
/// How faint wires are from afar, where there are many that must not drown the nodes.
const FAR: f32 = 0.6;

/// What the pointer is over.
#[derive(Debug, Clone)]
pub enum Touched {
    Wire(Wire),
    /// A trunk with all the wires that run through it.
    Bundle(Vec<Wire>),
}

/// A wire that is seen; all places are in screen points.
struct Seen {
    index: usize,
    course: Course,
    bundle: Option<usize>,
}

impl Seen {
    /// The curves that are drawn for this wire alone: from and to the trunk, once wires run together.
    fn curves(&self, together: f32) -> impl Iterator<Item = [Pos2; 4]> {
        let shares = self.bundle.is_some() && together >= 1.0;
        self.course.curves().enumerate().filter(move |(part, _)| !shares || *part != 1).map(|(_, curve)| curve)
    }
}

/// The trunk of a bundle, in screen points.
struct Trunk {
    bundle: usize,
    curve: [Pos2; 4],
    width: f32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hit {
    Wire(usize),
    Bundle(usize),
}

/// Draws the wires that are seen; gives what of them is under the pointer.
pub fn wires_ui(ui: &mut Ui, cx: &mut ViewContext<'_>, state: &mut CanvasState, ground: &Response) -> Option<Touched> {
    let pointer = if ground.contains_pointer() { ground.hover_pos() } else { None };
    state.backlog.refresh(cx, &state.scene, state.shown.as_ref());
    let (camera, scene) = (state.camera, &state.scene);
    let together = togetherness(camera.zoom);
    let wires = seen_wires(state, together);
    let trunks = seen_trunks(state, &wires, together);
    let hovered = pointer.filter(|_| state.gesture.is_none()).and_then(|pos| hit(&wires, &trunks, together, pos));
    let lifting = lifting_nodes(ui, cx, state);
    let mut below = Batch::default();
    let mut lifted = Vec::new();
    let mut widgets = Vec::new();
    for seen in &wires {
        let item = &scene.wires[seen.index];
        let urgency = state.backlog.urgency(cx, scene, seen.index);
        let mut look = WireLook::of(cx, item, &scene.nodes, &camera, urgency);
        look.is_hovered = hovered == Some(Hit::Wire(seen.index));
        let is_focused = state.focused.wire.as_ref() == Some(&item.wire);
        if lifting.binary_search(&item.from_node).is_ok() || lifting.binary_search(&item.to_node).is_ok() {
            lifted.push((&seen.course, look));
        } else if look.is_plain() {
            let color = faded(look.color, camera.detail(), urgency);
            for curve in seen.curves(together) {
                below.curve(&curve, look.width, color);
            }
        }
        if camera.detail() == Detail::Full || is_focused || !look.is_plain() {
            widgets.push((seen.index, seen.course, look));
        }
    }
    for trunk in &trunks {
        let (color, urgency) = trunk_color(cx, state, scene.bundles.get(trunk.bundle));
        let color = faded(color, camera.detail(), urgency);
        if hovered == Some(Hit::Bundle(trunk.bundle)) {
            below.curve(&trunk.curve, trunk.width + 5.0, cx.theme.accent.gamma_multiply(0.45));
        }
        below.curve(&trunk.curve, trunk.width, color.gamma_multiply(strength(together)));
    }
    below.paint(ui.painter());
    paint_lifted(ui.painter(), cx.theme.ground, &lifted);
    state.num_drawn.wires = wires.len();
    state.focused.wire = None;
    for (index, course, look) in widgets {
        let wire = &state.scene.wires[index];
        let handle = wire::wire_ui(ui, cx, &camera, wire, &course, &look);
        if handle.has_focus() {
            state.focused.wire = Some(wire.wire.clone());
        }
        if handle.clicked() {
            touch_wire(ui, cx, &wire.wire);
        }
    }
    let wire_of = |index: usize| state.scene.wires[index].wire.clone();
    hovered.map(|hit| match hit {
        Hit::Wire(index) => Touched::Wire(wire_of(index)),
        Hit::Bundle(bundle) => {
            Touched::Bundle(state.scene.bundles.get(bundle).wires.iter().map(|index| wire_of(*index)).collect())
        }
    })
}

fn seen_wires(state: &CanvasState, together: f32) -> Vec<Seen> {
    let (camera, scene) = (state.camera, &state.scene);
    let area = camera.visible().expand(20.0 / camera.zoom);
    let candidates = match &state.gesture {
        Gesture::Move { .. } => (0..scene.wires.len()).collect(),
        _ => scene.wires_near(area),
    };
    let mut seen = Vec::with_capacity(candidates.len());
    for index in candidates {
        let (course, bundle) = scene.drawn(index, |id| state.gesture.shift_of(id), together);
        if course.bounds().intersects(area) {
            seen.push(Seen { index, course: course.map(|pos| camera.to_screen(pos)), bundle });
        }
    }
    seen
}

fn seen_trunks(state: &CanvasState, wires: &[Seen], together: f32) -> Vec<Trunk> {
    if strength(together) == 0.0 {
        return Vec::new();
    }
    let mut bundles: Vec<usize> = wires.iter().filter_map(|seen| seen.bundle).collect();
    bundles.sort_unstable();
    bundles.dedup();
    let trunk = |bundle: usize| {
        let Bundle { wires, trunk } = state.scene.bundles.get(bundle);
        let width = wire::width_at(&state.camera) * Bundle::width(wires.len());
        Trunk { bundle, curve: trunk.map(|pos| state.camera.to_screen(pos)), width }
    };
    bundles.into_iter().map(trunk).collect()
}

/// How strongly trunks are drawn: not before their wires are half way there.
fn strength(together: f32) -> f32 {
    ((together - 0.5) * 2.0).max(0.0)
}

/// What lies nearest to `pos`, within reach.
fn hit(wires: &[Seen], trunks: &[Trunk], together: f32, pos: Pos2) -> Option<Hit> {
    let distance = |curve: &[Pos2; 4], width: f32| {
        let is_near = Rect::from_points(curve).expand(WIRE_REACH + width).contains(pos);
        is_near.then(|| (course::distance_to(curve, pos) - width / 2.0).max(0.0))
    };
    let mut nearest: Option<(f32, Hit)> = None;
    let mut note = |distance: Option<f32>, hit: Hit| {
        if let Some(distance) = distance.filter(|distance| *distance <= WIRE_REACH)
            && nearest.is_none_or(|(best, _)| distance < best)
        {
            nearest = Some((distance, hit));
        }
    };
    for trunk in trunks {
        note(distance(&trunk.curve, trunk.width), Hit::Bundle(trunk.bundle));
    }
    for seen in wires {
        for curve in seen.curves(together) {
            note(distance(&curve, 0.0), Hit::Wire(seen.index));
        }
    }
    nearest.map(|(_, hit)| hit)
}

/// The nodes whose wires lie above the others, ascending: the selected ones, and that under the pointer.
fn lifting_nodes(ui: &Ui, cx: &ViewContext<'_>, state: &CanvasState) -> Vec<usize> {
    let selected = Some(&cx.selection.nodes).filter(|nodes| nodes.len() <= MOST_LIFTING);
    let mut nodes: Vec<usize> = selected.into_iter().flatten().filter_map(|id| state.scene.index_of(id)).collect();
    let pointer = ui.input(|input| input.pointer.latest_pos()).filter(|pos| state.camera.viewport.contains(*pos));
    if let Some(pos) = pointer.filter(|_| state.gesture.is_none() && !cx.is_covered) {
        let pos = state.camera.to_canvas(pos);
        let near = state.scene.nodes_near(Rect::from_center_size(pos, Vec2::ZERO));
        nodes.extend(near.into_iter().filter(|index| state.scene.nodes[*index].rect.contains(pos)));
    }
    nodes.sort_unstable();
    nodes
}

/// The casings of all come first, so that wires from one port do not cut each other.
fn paint_lifted(painter: &Painter, ground: Color32, wires: &[(&Course, WireLook)]) {
    let mut batch = Batch::default();
    for (course, look) in wires {
        batch.course(course, look.width + 2.0 * CASING, ground);
    }
    for (course, look) in wires {
        batch.course(course, look.width + 0.5, look.color);
    }
    batch.paint(painter);
}

fn faded(color: Color32, detail: Detail, urgency: Urgency) -> Color32 {
    if detail == Detail::Block && urgency <= Urgency::Flows { color.gamma_multiply(FAR) } else { color }
}

/// The colour of the most urgent wires; where these are of several colours, none of them.
fn trunk_color(cx: &ViewContext<'_>, state: &CanvasState, bundle: &Bundle) -> (Color32, Urgency) {
    let scene = &state.scene;
    let mut most: Option<(Color32, Urgency)> = None;
    for index in &bundle.wires {
        let urgency = state.backlog.urgency(cx, scene, *index);
        let source = &scene.nodes[scene.wires[*index].from_node];
        let color = wire::color_of(cx.theme, source, state.camera.detail(), urgency);
        most = match most {
            Some((_, worst)) if worst > urgency => most,
            Some((other, worst)) if worst == urgency && other != color => Some((cx.theme.text_weak, worst)),
            _ => Some((color, urgency)),
        };
    }
    most.unwrap_or((cx.theme.text_weak, Urgency::Off))
}

#[cfg(test)]
mod tests {
    use super::super::bundle::Bundles;
    use super::*;
    use egui::{pos2, vec2};

    /// Wires of one bundle, some alone, and one that goes back.
    fn courses() -> Vec<Course> {
        let fan = |n: usize| (pos2(20.0, 20.0 + n as f32 * 9.0), pos2(520.0, 220.0 + n as f32 * 13.0));
        let mut courses: Vec<Course> = (0..6).map(fan).map(|(from, to)| Course::forward(from, to, 0.0)).collect();
        courses.push(Course::forward(pos2(80.0, 330.0), pos2(220.0, 90.0), 0.0));
        courses.push(Course::around(pos2(480.0, 60.0), pos2(260.0, 150.0), 380.0));
        courses
    }

    fn seen_at(together: f32) -> (Vec<Seen>, Vec<Trunk>) {
        let courses = courses();
        let bundles = Bundles::new(&courses);
        let seen = |(index, own): (usize, &Course)| match bundles.of_wire(index).filter(|_| together > 0.0) {
            Some((bundle, shared)) => Seen { index, course: own.blend(shared, together), bundle: Some(bundle) },
            None => Seen { index, course: *own, bundle: None },
        };
        let wires: Vec<Seen> = courses.iter().enumerate().map(seen).collect();
        let mut trunks = Vec::new();
        if strength(together) > 0.0 {
            let bundle = wires[0].bundle.expect("these run together");
            let Bundle { wires, trunk } = bundles.get(bundle);
            trunks.push(Trunk { bundle, curve: *trunk, width: 1.5 * Bundle::width(wires.len()) });
        }
        (wires, trunks)
    }

    #[test]
    fn the_pointer_touches_what_is_drawn_and_nothing_else() {
        for together in [0.0, 0.7, 1.0] {
            let (wires, trunks) = seen_at(together);
            let mut batch = Batch::default();
            for curve in wires.iter().flat_map(|seen| seen.curves(together)) {
                batch.curve(&curve, 1.5, Color32::WHITE);
            }
            for trunk in &trunks {
                batch.curve(&trunk.curve, trunk.width, Color32::WHITE);
            }
            let mut num_hits = 0;
            for x in (0..560).step_by(11) {
                for y in (0..440).step_by(11) {
                    let pos = pos2(x as f32, y as f32);
                    let is_hit = hit(&wires, &trunks, together, pos).is_some();
                    num_hits += usize::from(is_hit);
                    assert!(is_hit || !batch.covers(pos), "{pos} is drawn and not touched, together {together}");
                    let around = |n: usize| pos + Vec2::angled(n as f32 * 0.7) * (2.0 + 2.6 * (n / 9) as f32);
                    let is_near = !is_hit || batch.covers(pos) || (0..27).any(|n| batch.covers(around(n)));
                    assert!(is_near, "{pos} is touched and nothing is drawn near, together {together}");
                }
            }
            assert!(num_hits > 100, "{num_hits}");
        }
    }

    #[test]
    fn a_trunk_is_touched_as_a_bundle_and_a_branch_as_its_wire() {
        let (wires, trunks) = seen_at(1.0);
        let middle = course::point_on(&trunks[0].curve, 0.5);
        assert_eq!(hit(&wires, &trunks, 1.0, middle), Some(Hit::Bundle(trunks[0].bundle)));
        for seen in &wires[..6] {
            assert_eq!(hit(&wires, &trunks, 1.0, seen.course.start() + vec2(2.0, 0.0)), Some(Hit::Wire(seen.index)));
        }
        assert_eq!(hit(&wires, &trunks, 1.0, pos2(20.0, 400.0)), None);
        let (wires, trunks) = seen_at(0.0);
        assert!(trunks.is_empty());
        assert_eq!(hit(&wires, &trunks, 0.0, wires[2].course.point_at(0.1)), Some(Hit::Wire(2)));
    }
}
