//! The designer in a web page: the wasm entry, and the two ways from the page to a host.
//!
//! In the desktop window calls go through Tauri's IPC, in a browser through the WebSocket of `millrace serve`; which of
//! the two is found out at the start. Nothing is decided here: drawing and state belong to millrace_ui.

#[cfg(any(test, target_arch = "wasm32"))]
mod accessibility;
#[cfg(any(test, target_arch = "wasm32"))]
mod backoff;
#[cfg(target_arch = "wasm32")]
mod beats;
#[cfg(target_arch = "wasm32")]
mod files;
#[cfg(target_arch = "wasm32")]
mod frame_clock;
#[cfg(target_arch = "wasm32")]
mod inbox;
#[cfg(target_arch = "wasm32")]
mod page;
#[cfg(target_arch = "wasm32")]
mod socket;
#[cfg(target_arch = "wasm32")]
mod start;
#[cfg(target_arch = "wasm32")]
mod tauri;
