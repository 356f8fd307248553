//! The hidden elements themselves, and what is done to them.
//!
//! They lie over the canvas, each where its widget is, and let the mouse through. Events of all of them are heard on
//! their common parent. Everything runs on the page's one thread, so the state stands in a thread local: a plugin of
//! egui must be `Send`, which elements are not.

use std::cell::RefCell;
use std::collections::HashMap;

use egui::accesskit::{Action, ActionData, ActionRequest, NodeId, TreeId};
use egui::{Context, FullOutput, Plugin, RawInput};
use wasm_bindgen::prelude::{Closure, JsValue};
use wasm_bindgen::{JsCast, JsError};
use web_sys::{Document, Element, Event, HtmlElement, HtmlInputElement, HtmlTextAreaElement};

use super::element::element_id;
use super::mirror::{Mirror, Operation};
use crate::frame_clock::request_frame;
use crate::page;

thread_local! {
    static MIRRORED: RefCell<Option<Mirrored>> = const { RefCell::new(None) };
}

/// The mirror and the elements that it describes.
struct Mirrored {
    ctx: Context,
    document: Document,
    /// Holds all of them.
    layer: Element,
    canvas: HtmlElement,
    mirror: Mirror,
    elements: HashMap<NodeId, Element>,
    /// What was done to the elements since the last frame.
    events: Vec<egui::Event>,
}

/// Starts to mirror what `ctx` shows, into the element `accessibility` of the page.
///
/// # Errors
/// When the page lacks that element.
pub fn install(ctx: &Context) -> Result<(), JsValue> {
    let document = page::document()?;
    let layer = document.get_element_by_id("accessibility");
    let layer = layer.ok_or_else(|| JsError::new("the page has no element `accessibility`"))?;
    for name in ["click", "focusin", "input"] {
        let closure = Closure::<dyn FnMut(Event)>::new(|event: Event| heard(&event));
        layer.add_event_listener_with_callback(name, closure.as_ref().unchecked_ref())?;
        // The layer lives as long as the page.
        closure.forget();
    }
    let canvas: HtmlElement = page::canvas()?.unchecked_into();
    let mirrored = Mirrored {
        ctx: ctx.clone(),
        document,
        layer,
        canvas,
        mirror: Mirror::default(),
        elements: HashMap::new(),
        events: Vec::new(),
    };
    MIRRORED.with_borrow_mut(|slot| *slot = Some(mirrored));
    ctx.enable_accesskit();
    ctx.add_plugin(Mirroring);
    Ok(())
}

struct Mirroring;

impl Plugin for Mirroring {
    fn debug_name(&self) -> &'static str {
        "accessibility mirror"
    }

    fn input_hook(&mut self, _: &Context, input: &mut RawInput) {
        MIRRORED.with_borrow_mut(|mirrored| {
            if let Some(mirrored) = mirrored {
                input.events.append(&mut mirrored.events);
            }
        });
    }

    fn output_hook(&mut self, ctx: &Context, output: &mut FullOutput) {
        let Some(update) = output.platform_output.accesskit_update.take() else { return };
        let scale = f64::from(ctx.zoom_factor());
        MIRRORED.with_borrow_mut(|mirrored| {
            if let Some(mirrored) = mirrored {
                for operation in mirrored.mirror.update(&update, scale) {
                    // An element that the browser refuses is missing in the mirror and nowhere else.
                    let _ = mirrored.carry_out(operation);
                }
            }
        });
    }
}

impl Mirrored {
    fn carry_out(&mut self, operation: Operation) -> Result<(), JsValue> {
        match operation {
            Operation::Create { id, tag } => {
                let element = self.document.create_element(tag)?;
                element.set_id(&element_id(id));
                self.elements.insert(id, element);
            }
            Operation::Set { id, name, value } => {
                if let Some(element) = self.elements.get(&id) {
                    element.set_attribute(name, &value)?;
                }
            }
            Operation::Unset { id, name } => {
                if let Some(element) = self.elements.get(&id) {
                    element.remove_attribute(name)?;
                }
            }
            Operation::Text { id, text } => {
                if let Some(element) = self.elements.get(&id) {
                    // The words are the first thing in the element; its children come behind by `Children`.
                    element.set_text_content(Some(&text));
                }
            }
            Operation::Value { id, value } => {
                if let Some(element) = self.elements.get(&id) {
                    set_value(element, &value);
                }
            }
            Operation::Children { id, children } => {
                if let Some(parent) = self.elements.get(&id) {
                    self.order(parent, &children)?;
                }
            }
            Operation::Remove { id } => {
                if let Some(element) = self.elements.remove(&id) {
                    element.remove();
                }
            }
            Operation::Root { id } => {
                if let Some(element) = self.elements.get(&id) {
                    self.layer.append_child(element)?;
                }
            }
            Operation::Focus { id } => match id {
                Some(id) => self.canvas.set_attribute("aria-activedescendant", &element_id(id))?,
                None => self.canvas.remove_attribute("aria-activedescendant")?,
            },
        }
        Ok(())
    }

    /// Puts the children in order and touches only those that are not where they belong.
    fn order(&self, parent: &Element, children: &[NodeId]) -> Result<(), JsValue> {
        let mut place = parent.first_element_child();
        for child in children.iter().filter_map(|child| self.elements.get(child)) {
            if place.as_ref() == Some(child) {
                place = child.next_element_sibling();
            } else {
                parent.insert_before(child, place.as_deref())?;
            }
        }
        // What is left over is removed, or has found another parent, by operations of its own.
        Ok(())
    }

    fn request(&mut self, node: NodeId, action: Action, data: Option<ActionData>) {
        let request = ActionRequest { action, target_tree: TreeId::ROOT, target_node: node, data };
        self.events.push(egui::Event::AccessKitActionRequest(request));
    }
}

/// What was done to an element becomes an event of the next frame.
fn heard(event: &Event) {
    let Some(target) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) else { return };
    let Some(id) = target.id().strip_prefix("a11y-").and_then(|id| id.parse().ok()).map(NodeId) else { return };
    // While an operation is carried out the elements change by themselves, and nobody did anything.
    let canvas = MIRRORED.with(|mirrored| {
        let Ok(mut mirrored) = mirrored.try_borrow_mut() else { return None };
        let mirrored = mirrored.as_mut()?;
        match event.type_().as_str() {
            "click" => mirrored.request(id, Action::Click, None),
            "focusin" => mirrored.request(id, Action::Focus, None),
            _ => {
                let data = ActionData::Value(value_of(&target).into_boxed_str());
                mirrored.request(id, Action::SetValue, Some(data));
            }
        }
        request_frame(&mirrored.ctx);
        Some(mirrored.canvas.clone())
    });
    // Keys are the canvas's, also in a field: eframe moves them on to where it listens for text. The focus is given back
    // only after the state is free again, because moving it is an event by itself.
    if let Some(canvas) = canvas.filter(|_| event.type_() == "focusin") {
        let _ = canvas.focus();
    }
}

fn value_of(element: &Element) -> String {
    if let Some(input) = element.dyn_ref::<HtmlInputElement>() {
        return input.value();
    }
    element.dyn_ref::<HtmlTextAreaElement>().map(HtmlTextAreaElement::value).unwrap_or_default()
}

fn set_value(element: &Element, value: &str) {
    // Setting what is there already would move the caret.
    if value_of(element) == value {
        return;
    }
    if let Some(input) = element.dyn_ref::<HtmlInputElement>() {
        input.set_value(value);
    } else if let Some(area) = element.dyn_ref::<HtmlTextAreaElement>() {
        area.set_value(value);
    }
}
