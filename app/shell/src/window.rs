//! The one window: how it opens, comes to the front, and loads its page again.

use anyhow::{Context, Result};
use tauri::window::Color;
use tauri::{App, AppHandle, Manager, WebviewUrl, WebviewWindowBuilder, WindowEvent};

use crate::arguments::Arguments;
use crate::closing;

const LABEL: &str = "main";
/// The ground of the dark theme, shown until the page has drawn itself.
const GROUND: Color = Color(0x12, 0x15, 0x1a, 0xff);

/// # Errors
/// When the system cannot make a window.
pub fn open(app: &App, arguments: &Arguments) -> Result<()> {
    let window = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::App("index.html".into()))
        .title("Millrace")
        .inner_size(1440.0, 900.0)
        .min_inner_size(880.0, 560.0)
        .background_color(GROUND)
        .data_directory(arguments.data_dir.join("webview"))
        // The page takes dropped files itself.
        .disable_drag_drop_handler()
        .build()
        .context("the window cannot be opened")?;
    let handle = app.handle().clone();
    window.on_window_event(move |event| {
        if let WindowEvent::CloseRequested { api, .. } = event {
            api.prevent_close();
            closing::start(&handle);
        }
    });
    Ok(())
}

/// Shows the window above all others.
pub fn bring_to_front(app: &AppHandle) {
    if let Some(window) = app.get_webview_window(LABEL) {
        // A window manager may refuse; there is nothing better to do then.
        let _ = window.unminimize();
        let _ = window.show();
        let _ = window.set_focus();
    }
}

/// Loads the page again, so that it opens the project that was opened last.
pub fn reload(app: &AppHandle) {
    if let Some(window) = app.get_webview_window(LABEL) {
        // Fails only while the window closes.
        let _ = window.reload();
    }
}
