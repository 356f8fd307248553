//! Files in a browser: picked with a file input, handed over as a download.

use std::rc::Rc;

use js_sys::{Array, Uint8Array};
use millrace_ui::link::{DialogRequest, Picked, PickedFile};
use wasm_bindgen::prelude::{Closure, JsValue};
use wasm_bindgen::{JsCast, UnwrapThrowExt};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BlobPropertyBag, HtmlAnchorElement, HtmlInputElement, Url};

use crate::inbox::Inbox;
use crate::page;

/// Lets the person pick a file of their own machine; its text comes into `inbox`. A browser has no dialog for a file that
/// is to be written: that one is a download.
pub fn pick(inbox: &Rc<Inbox>, request: DialogRequest) {
    if request.save {
        return;
    }
    if let Err(error) = try_pick(inbox, request) {
        web_sys::console::error_1(&error);
    }
}

fn try_pick(inbox: &Rc<Inbox>, request: DialogRequest) -> Result<(), JsValue> {
    let input: HtmlInputElement = page::document()?.create_element("input")?.unchecked_into();
    input.set_type("file");
    if let Some(extension) = &request.extension {
        input.set_accept(&format!(".{extension}"));
    }
    let (inbox, chosen) = (inbox.clone(), input.clone());
    let on_change = Closure::once_into_js(move || {
        let Some(file) = chosen.files().and_then(|files| files.get(0)) else { return };
        wasm_bindgen_futures::spawn_local(async move {
            match JsFuture::from(file.text()).await {
                Ok(text) => {
                    let text = text.as_string().unwrap_or_default();
                    let file = PickedFile::Text { name: file.name(), text };
                    inbox.push_picked(Picked { purpose: request.purpose, file });
                }
                Err(error) => web_sys::console::error_1(&error),
            }
        });
    });
    input.set_onchange(Some(on_change.unchecked_ref()));
    input.click();
    Ok(())
}

/// Hands `bytes` to the person as a download.
pub fn download(name: &str, bytes: &[u8]) {
    if let Err(error) = try_download(name, bytes) {
        web_sys::console::error_1(&error);
    }
}

fn try_download(name: &str, bytes: &[u8]) -> Result<(), JsValue> {
    let options = BlobPropertyBag::new();
    options.set_type("application/octet-stream");
    let parts = Array::of1(&Uint8Array::from(bytes));
    let blob = Blob::new_with_u8_array_sequence_and_options(&parts, &options)?;
    let url = Url::create_object_url_with_blob(&blob)?;
    let anchor: HtmlAnchorElement = page::document()?.create_element("a")?.unchecked_into();
    anchor.set_href(&url);
    anchor.set_download(name);
    anchor.click();
    // The browser has taken the bytes once the click is handled; a minute is more than it needs.
    let free = Closure::once_into_js(move || Url::revoke_object_url(&url).unwrap_throw());
    page::window()?.set_timeout_with_callback_and_timeout_and_arguments_0(free.unchecked_ref(), 60_000)?;
    Ok(())
}
