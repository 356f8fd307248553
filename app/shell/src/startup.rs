//! From the command line to an open window, or to a dialog that says why there is none.

use std::sync::Arc;

use anyhow::{Context, Result};
use millrace_host::{Host, HostOptions, Request};
use tauri::{App, AppHandle, Manager};
use tauri_plugin_dialog::{DialogExt, MessageDialogKind};
use tauri_plugin_window_state::StateFlags;

use crate::arguments::{Arguments, file_of};
use crate::closing::Closing;
use crate::{closing, dialogs, ipc, window};

/// Runs the program until its window is closed; gives its exit code.
///
/// # Errors
/// When the system has no webview or no display.
#[allow(clippy::disallowed_methods, reason = "Tauri's context macro has an exit of its own")]
pub fn run(arguments: Arguments) -> Result<u8> {
    let window_state = tauri_plugin_window_state::Builder::new()
        .with_state_flags(StateFlags::SIZE | StateFlags::POSITION | StateFlags::MAXIMIZED)
        .with_filename(arguments.data_dir.join("window.json").to_string_lossy())
        .build();
    let app = tauri::Builder::default()
        .plugin(single_instance(&arguments))
        .plugin(tauri_plugin_dialog::init())
        .plugin(window_state)
        .manage(Closing::default())
        .manage(ipc::Subscription::default())
        .invoke_handler(tauri::generate_handler![
            ipc::handle,
            ipc::subscribe,
            dialogs::pick_open,
            dialogs::pick_save,
            dialogs::save_as
        ])
        .setup(move |app| {
            if let Err(error) = open(app, &arguments) {
                refuse(app.handle(), &format!("{error:#}"));
            }
            Ok(())
        })
        .build(tauri::generate_context!())
        .context("the system offers no webview")?;
    let code = app.run_return(|_, _| {});
    Ok(u8::try_from(code).unwrap_or(1))
}

/// One program for one project database: another start brings this window to the front, and its file into it.
fn single_instance(arguments: &Arguments) -> tauri::plugin::TauriPlugin<tauri::Wry> {
    let mut builder = tauri_plugin_single_instance::Builder::new().callback(|app, words, working_dir| {
        window::bring_to_front(app);
        if let Some(file) = file_of(&words, &working_dir) {
            let app = app.clone();
            tauri::async_runtime::spawn(async move {
                let host = app.state::<Arc<Host>>().inner().clone();
                match import(&host, &file.to_string_lossy()).await {
                    Ok(()) => window::reload(&app),
                    Err(error) => tell(&app, &format!("{error:#}")),
                }
            });
        }
    });
    if arguments.is_own_data_dir {
        builder = builder.dbus_id(bus_name(&arguments.data_dir.to_string_lossy()));
    }
    builder.build()
}

/// A name on the session bus that belongs to one data folder.
fn bus_name(data_dir: &str) -> String {
    // FNV-1a: short, and the same in each build of the program.
    let hash = data_dir
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("app.millrace.designer.at{hash:016x}")
}

fn open(app: &App, arguments: &Arguments) -> Result<()> {
    let options = HostOptions::desktop(arguments.database.clone(), arguments.working_dir.clone());
    let host = tauri::async_runtime::block_on(async {
        let host = Host::open(options).await.context("The project database cannot be opened")?;
        if let Some(file) = &arguments.file {
            import(&host, &file.to_string_lossy()).await?;
        }
        anyhow::Ok(host)
    })?;
    app.manage(host);
    window::open(app, arguments)?;
    closing::on_signal(app.handle().clone());
    Ok(())
}

async fn import(host: &Host, path: &str) -> Result<()> {
    let request = Request::ImportFile { path: path.to_owned() };
    host.handle(request).await.map(|_| ()).with_context(|| format!("{path} cannot be opened"))
}

/// Says why there is no window, on the terminal and in a dialog, and ends the program when it was read.
fn refuse(app: &AppHandle, message: &str) {
    eprintln!("{message}");
    let handle = app.clone();
    app.dialog()
        .message(message)
        .title("Millrace cannot start")
        .kind(MessageDialogKind::Error)
        .show(move |_| handle.exit(1));
}

fn tell(app: &AppHandle, message: &str) {
    app.dialog().message(message).title("Millrace").kind(MessageDialogKind::Error).show(|_| {});
}

#[cfg(test)]
mod tests {
    use super::bus_name;

    #[test]
    fn each_data_folder_has_its_own_name_on_the_bus() {
        assert_ne!(bus_name("/a"), bus_name("/b"));
        assert_eq!(bus_name("/a"), bus_name("/a"));
    }
}
