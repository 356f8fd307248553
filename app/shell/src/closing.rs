//! How the program ends: the designer keeps its last edit, runs stop gracefully, then the window goes.
//!
//! A second request to close while that goes on ends the program at once, as a second interrupt does on the terminal.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use millrace_host::Host;
use tauri::{AppHandle, Manager};

/// The designer saves an edit within a second, so a window that is asked to close draws on for this long.
const AUTOSAVE: Duration = Duration::from_millis(1_200);

/// Whether the program is on its way out.
#[derive(Debug, Default)]
pub struct Closing(AtomicBool);

/// Ends the program gracefully; at once when it was asked to before.
pub fn start(app: &AppHandle) {
    if app.state::<Closing>().0.swap(true, Ordering::SeqCst) {
        app.exit(0);
        return;
    }
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        tokio::time::sleep(AUTOSAVE).await;
        for window in app.webview_windows().values() {
            // Gone for the person; the last rows of a run may still be draining.
            let _ = window.hide();
        }
        let host = app.state::<Arc<Host>>().inner().clone();
        host.shutdown().await;
        app.exit(0);
    });
}

/// Ends the program as the window's close button does when the terminal interrupts it or the session ends.
pub fn on_signal(app: AppHandle) {
    tauri::async_runtime::spawn(async move {
        loop {
            if let Err(error) = interrupt().await {
                eprintln!("Millrace cannot hear interrupts: {error}");
                return;
            }
            start(&app);
        }
    });
}

#[cfg(unix)]
async fn interrupt() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
        _ = hang_up.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn interrupt() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
