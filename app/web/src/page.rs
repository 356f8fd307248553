//! The page around the canvas: its window, its notice, and what a person sees when the designer cannot go on.

use js_sys::{Function, Reflect};
use millrace_ui::address::DashboardAddress;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Document, Element, HtmlCanvasElement, HtmlElement, Window};

/// The id of the canvas that the designer draws on.
const CANVAS: &str = "millrace";

pub fn window() -> Result<Window, JsValue> {
    web_sys::window().ok_or_else(|| JsValue::from_str("there is no window"))
}

pub fn document() -> Result<Document, JsValue> {
    window()?.document().ok_or_else(|| JsValue::from_str("the window has no document"))
}

pub fn canvas() -> Result<HtmlCanvasElement, JsValue> {
    let element = document()?.get_element_by_id(CANVAS);
    let element = element.ok_or_else(|| JsValue::from_str("the page has no canvas `millrace`"))?;
    element.dyn_into().map_err(|_| JsValue::from_str("the element `millrace` is not a canvas"))
}

/// Gives the canvas its WebGL context before eframe asks for it, without what egui never uses: it smooths edges by itself,
/// and draws neither by depth nor through what lies behind. Where there is no graphics card this is most of a frame's cost.
pub fn prepare(canvas: &HtmlCanvasElement) {
    let options = js_sys::Object::new();
    for name in ["antialias", "alpha", "depth", "stencil"] {
        // A plain object takes any property.
        let _ = Reflect::set(&options, &name.into(), &false.into());
    }
    // Where there is none, eframe looks for another kind and says so.
    let _ = canvas.get_context_with_context_options("webgl2", &options);
}

/// The dashboard that the page's address asks for.
pub fn wanted_dashboard() -> Option<DashboardAddress> {
    DashboardAddress::of_query(&window().ok()?.location().search().ok()?)
}

/// Whether nobody sees the page.
pub fn is_hidden() -> bool {
    document().is_ok_and(|document| document.hidden())
}

/// A steady clock in milliseconds.
pub fn now_ms() -> f64 {
    window().ok().and_then(|window| window.performance()).map_or(0.0, |performance| performance.now())
}

/// Says over the whole page what happened and why; nothing can be done in the designer after it.
pub fn fail(message: &str, detail: &str) {
    let by_id = |id: &str| document().ok().and_then(|document| document.get_element_by_id(id));
    if let Some(notice) = by_id("notice") {
        let _ = notice.class_list().add_1("failed");
        let _ = notice.set_attribute("role", "alert");
        if let Some(notice) = notice.dyn_ref::<HtmlElement>() {
            notice.set_hidden(false);
        }
    }
    for (id, text) in [("message", message), ("detail", detail)] {
        if let Some(element) = by_id(id) {
            set_text_soon(&element, text);
        }
    }
}

/// Sets the text now and again after whatever the page itself writes when the wasm code has trapped. The second time no
/// wasm code may run any more, so it is a plain JavaScript call: `Reflect.set(element, "textContent", text)`.
fn set_text_soon(element: &Element, text: &str) {
    element.set_text_content(Some(text));
    let global = js_sys::global();
    let reflect = Reflect::get(&global, &"Reflect".into());
    let set = reflect.and_then(|reflect| Reflect::get(&reflect, &"set".into()));
    if let (Ok(set), Ok(window)) = (set, window())
        && let Ok(set) = set.dyn_into::<Function>()
    {
        let later = set.bind3(&JsValue::NULL, element, &"textContent".into(), &text.into());
        let _ = window.set_timeout_with_callback_and_timeout_and_arguments_0(later.unchecked_ref(), 50);
    }
}

/// Shows a panic in the page instead of a picture that stands still.
pub fn show_panics() {
    std::panic::set_hook(Box::new(|info| {
        fail("Millrace has stopped because of a defect. Load the page again: your work is saved.", &info.to_string());
    }));
}

/// What a JavaScript error says.
pub fn message_of(error: &JsValue) -> String {
    if let Some(text) = error.as_string() {
        return text;
    }
    let message = Reflect::get(error, &"message".into()).ok().and_then(|message| message.as_string());
    message.unwrap_or_else(|| format!("{error:?}"))
}
