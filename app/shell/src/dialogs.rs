//! The system's file dialogs. None of them blocks a thread: the answer comes when the person gives it.

use std::path::PathBuf;

use millrace_host::file::write_whole;
use tauri::ipc::{InvokeBody, Request};
use tauri::{AppHandle, WebviewWindow};
use tauri_plugin_dialog::{DialogExt, FileDialogBuilder, FilePath};
use tokio::sync::oneshot;

/// Lets the person pick a file that is there; no path where they cancel. No extensions means any file.
///
/// # Errors
/// When what was picked is not a file of this machine.
#[tauri::command]
pub async fn pick_open(
    app: AppHandle,
    window: WebviewWindow,
    title: String,
    extensions: Vec<String>,
) -> Result<Option<String>, String> {
    let (answer, picked) = oneshot::channel();
    dialog(&app, &window, title, &extensions).pick_file(|path| _ = answer.send(path));
    path_of(picked).await.map(|path| path.map(text))
}

/// Lets the person say where a file is to be written; nothing is written.
///
/// # Errors
/// When what was picked is not a place on this machine.
#[tauri::command]
pub async fn pick_save(
    app: AppHandle,
    window: WebviewWindow,
    title: String,
    name: Option<String>,
    extensions: Vec<String>,
) -> Result<Option<String>, String> {
    pick_place(&app, &window, title, name, &extensions).await.map(|path| path.map(text))
}

/// Asks where to, and writes the raw body there, whole or not at all; gives the path, or none where it was cancelled.
/// The header `name` carries the suggested file name, percent-encoded.
///
/// # Errors
/// When the file cannot be written; the message names it.
#[tauri::command]
pub async fn save_as(app: AppHandle, window: WebviewWindow, request: Request<'_>) -> Result<Option<String>, String> {
    let InvokeBody::Raw(bytes) = request.body() else {
        return Err("the content of a file is sent as raw bytes".to_owned());
    };
    let name = request.headers().get("name").and_then(|name| name.to_str().ok()).map(percent_decoded);
    let extension = name.as_deref().and_then(|name| name.rsplit_once('.')).map(|(_, extension)| extension.to_owned());
    let extensions: Vec<String> = extension.into_iter().collect();
    let Some(path) = pick_place(&app, &window, "Save as".to_owned(), name, &extensions).await? else {
        return Ok(None);
    };
    let bytes = bytes.clone();
    let target = path.clone();
    let written = tauri::async_runtime::spawn_blocking(move || write_whole(&target, &bytes)).await;
    let written = written.map_err(|error| error.to_string())?;
    written.map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
    Ok(Some(text(path)))
}

async fn pick_place(
    app: &AppHandle,
    window: &WebviewWindow,
    title: String,
    name: Option<String>,
    extensions: &[String],
) -> Result<Option<PathBuf>, String> {
    let (answer, picked) = oneshot::channel();
    let mut dialog = dialog(app, window, title, extensions);
    if let Some(name) = name {
        dialog = dialog.set_file_name(name);
    }
    dialog.save_file(|path| _ = answer.send(path));
    path_of(picked).await
}

fn dialog(
    app: &AppHandle,
    window: &WebviewWindow,
    title: String,
    extensions: &[String],
) -> FileDialogBuilder<tauri::Wry> {
    let dialog = app.dialog().file().set_parent(window).set_title(title);
    if extensions.is_empty() {
        return dialog;
    }
    let extensions: Vec<&str> = extensions.iter().map(String::as_str).collect();
    dialog.add_filter(format!("*.{}", extensions.join(", *.")), &extensions).add_filter("All files", &["*"])
}

/// The path that the dialog gives; none where it was closed in whatever way.
async fn path_of(picked: oneshot::Receiver<Option<FilePath>>) -> Result<Option<PathBuf>, String> {
    let Ok(Some(path)) = picked.await else { return Ok(None) };
    path.into_path().map(Some).map_err(|error| format!("this is not a file of this machine: {error}"))
}

fn text(path: PathBuf) -> String {
    path.to_string_lossy().into_owned()
}

/// Undoes percent-encoding; what is not well encoded stays as it is.
fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut position = 0;
    while position < bytes.len() {
        let code = (bytes[position] == b'%')
            .then(|| text.get(position + 1..position + 3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(code.unwrap_or(bytes[position]));
        position += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::percent_decoded;

    #[test]
    fn a_suggested_name_may_hold_any_character() {
        assert_eq!(percent_decoded("k%C3%BChl%20%25.png"), "kühl %.png");
        assert_eq!(percent_decoded("100%"), "100%");
        assert_eq!(percent_decoded("a%zz"), "a%zz");
    }
}
