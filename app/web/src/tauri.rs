//! The way to the host inside the desktop window: Tauri's IPC, with the very bytes that a WebSocket would carry.
//!
//! The shell's commands are `handle` (raw bytes of a call, gives raw bytes of its answer), `subscribe` (a channel for
//! events), `pick_open`, `pick_save` and `save_as`.

use std::rc::Rc;

use js_sys::{Array, ArrayBuffer, Function, Object, Promise, Reflect, Uint8Array, encode_uri_component};
use millrace_protocol::{Call, Failure, FailureCode, ServerMessage, encode};
use millrace_ui::link::{DialogRequest, Link, LinkState, Picked, PickedFile};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::{Closure, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};

use crate::inbox::{Inbox, sentence};
use crate::page;

/// A link over Tauri's IPC.
pub struct TauriLink {
    inbox: Rc<Inbox>,
    invoke: Invoke,
}

/// `window.__TAURI_INTERNALS__.invoke`.
#[derive(Clone)]
struct Invoke {
    internals: JsValue,
    function: Function,
}

impl Invoke {
    /// Calls a command of the shell.
    async fn call(&self, command: &str, args: &JsValue, options: &JsValue) -> Result<JsValue, JsValue> {
        let promise = self.function.call3(&self.internals, &command.into(), args, options)?;
        JsFuture::from(promise.dyn_into::<Promise>()?).await
    }
}

impl TauriLink {
    /// The link, if this page runs inside Tauri.
    pub fn find(ctx: &egui::Context) -> Option<Self> {
        let window = page::window().ok()?;
        let internals = Reflect::get(&window, &"__TAURI_INTERNALS__".into()).ok().filter(|it| it.is_object())?;
        let function = Reflect::get(&internals, &"invoke".into()).ok()?.dyn_into().ok()?;
        let link = Self { inbox: Rc::new(Inbox::new(ctx.clone())), invoke: Invoke { internals, function } };
        link.subscribe();
        Some(link)
    }

    /// Asks for the host's news; the link is open once the shell has agreed.
    fn subscribe(&self) {
        let (inbox, invoke) = (self.inbox.clone(), self.invoke.clone());
        spawn_local(async move {
            let subscribed = match channel(&inbox) {
                Ok(channel) => {
                    let args = object(&[("channel", channel)]);
                    invoke.call("subscribe", &args, &JsValue::UNDEFINED).await
                }
                Err(error) => Err(error),
            };
            inbox.set_state(match subscribed {
                Ok(_) => LinkState::Open,
                Err(error) => LinkState::Lost(sentence(&page::message_of(&error))),
            });
        });
    }

    /// Asks the person for a path with one of the shell's dialogs.
    fn pick(&self, command: &'static str, args: JsValue, request: DialogRequest) {
        let (inbox, invoke) = (self.inbox.clone(), self.invoke.clone());
        spawn_local(async move {
            match invoke.call(command, &args, &JsValue::UNDEFINED).await {
                Ok(path) => {
                    if let Some(path) = path.as_string() {
                        inbox.push_picked(Picked { purpose: request.purpose, file: PickedFile::Path(path) });
                    }
                }
                Err(error) => web_sys::console::error_1(&error),
            }
        });
    }
}

impl Link for TauriLink {
    fn send(&mut self, call: Call) {
        let (inbox, invoke) = (self.inbox.clone(), self.invoke.clone());
        spawn_local(async move {
            let body = Uint8Array::from(encode(&call).as_slice());
            let answer = invoke.call("handle", &body, &JsValue::UNDEFINED).await;
            match answer.and_then(|answer| bytes_of(&answer)) {
                Ok(bytes) => inbox.push_bytes(&bytes),
                Err(error) => {
                    let message = sentence(&page::message_of(&error));
                    let result = Err(Failure::new(FailureCode::Internal, message));
                    inbox.push(ServerMessage::Answer { id: call.id, result });
                }
            }
        });
    }

    fn receive(&mut self) -> Vec<ServerMessage> {
        self.inbox.take_messages()
    }

    fn state(&self) -> LinkState {
        self.inbox.state()
    }

    fn open_dialog(&mut self, request: DialogRequest) {
        let extensions: Array = request.extension.iter().map(JsValue::from).collect();
        let mut args = vec![("title", JsValue::from(&request.title)), ("extensions", extensions.into())];
        if request.save {
            args.push(("name", request.suggested_name.as_ref().map_or(JsValue::NULL, JsValue::from)));
            self.pick("pick_save", object(&args), request);
        } else {
            self.pick("pick_open", object(&args), request);
        }
    }

    fn take_picked(&mut self) -> Vec<Picked> {
        self.inbox.take_picked()
    }

    fn download(&mut self, name: &str, bytes: &[u8]) {
        let invoke = self.invoke.clone();
        let body = Uint8Array::from(bytes);
        let headers = object(&[("name", encode_uri_component(name).into())]);
        let options = object(&[("headers", headers)]);
        spawn_local(async move {
            if let Err(error) = invoke.call("save_as", &body, &options).await {
                web_sys::console::error_1(&error);
            }
        });
    }

    fn now_ms(&self) -> f64 {
        page::now_ms()
    }

    fn beats(&self) -> bool {
        true
    }

    fn is_seen(&self) -> bool {
        !page::is_hidden()
    }

    fn frame_cost_ms(&self) -> f64 {
        crate::frame_clock::cost_ms()
    }
}

/// A channel of Tauri whose messages are events of the protocol. It lives as long as the page.
fn channel(inbox: &Rc<Inbox>) -> Result<JsValue, JsValue> {
    let inbox = inbox.clone();
    let on_message = Closure::<dyn FnMut(JsValue)>::new(move |message: JsValue| match bytes_of(&message) {
        Ok(bytes) => inbox.push_bytes(&bytes),
        Err(error) => web_sys::console::error_1(&error),
    })
    .into_js_value();
    let window: JsValue = page::window()?.into();
    let core = Reflect::get(&Reflect::get(&window, &"__TAURI__".into())?, &"core".into())?;
    let constructor = Reflect::get(&core, &"Channel".into())?.dyn_into::<Function>()?;
    let channel = Reflect::construct(&constructor, &Array::new())?;
    Reflect::set(&channel, &"onmessage".into(), &on_message)?;
    Ok(channel)
}

/// The bytes of an answer or an event, in whichever way the webview gives them.
fn bytes_of(value: &JsValue) -> Result<Vec<u8>, JsValue> {
    if let Some(buffer) = value.dyn_ref::<ArrayBuffer>() {
        return Ok(Uint8Array::new(buffer).to_vec());
    }
    if value.is_instance_of::<Uint8Array>() || Array::is_array(value) {
        return Ok(Uint8Array::new(value).to_vec());
    }
    Err(JsValue::from_str("the desktop program has sent something that is not bytes"))
}

fn object(fields: &[(&str, JsValue)]) -> JsValue {
    let object = Object::new();
    for (name, value) in fields {
        // Setting a field of an object just made cannot fail.
        let _ = Reflect::set(&object, &JsValue::from_str(name), value);
    }
    object.into()
}
