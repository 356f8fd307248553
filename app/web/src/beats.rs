//! Calls the designer when something is due that needs no frame: a frame costs a hundred times as much.
//!
//! The page's timers go on, slowly, while it is hidden and no frames are drawn: what was typed last is saved then too.

use std::cell::Cell;

use eframe::WebRunner;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;

use crate::page;
use crate::start::App;

/// The timer of the next beat.
pub struct Beats {
    timer: Cell<Option<i32>>,
    on_time: Closure<dyn FnMut()>,
}

impl Beats {
    pub fn new(runner: WebRunner) -> Self {
        let on_time = Closure::<dyn FnMut()>::new(move || {
            if let Some(mut app) = runner.app_mut::<App>() {
                app.beat();
            }
        });
        Self { timer: Cell::new(None), on_time }
    }

    /// Puts the next beat so many milliseconds off, or calls it off.
    pub fn schedule(&self, wait_ms: Option<f64>) {
        let Ok(window) = page::window() else { return };
        if let Some(timer) = self.timer.take() {
            window.clear_timeout_with_handle(timer);
        }
        let Some(wait_ms) = wait_ms else { return };
        let callback = self.on_time.as_ref().unchecked_ref();
        // Timers of a page hold less than 25 days.
        let wait_ms = wait_ms.min(f64::from(i32::MAX)) as i32;
        self.timer.set(window.set_timeout_with_callback_and_timeout_and_arguments_0(callback, wait_ms).ok());
    }
}
