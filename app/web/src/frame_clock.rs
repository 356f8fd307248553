//! When frames are drawn, and how long the graphics side is busy with one.
//!
//! The page holds frames back that are not due (`ui-assets/frames.js`); here it is told when the next one is. What a frame
//! costs is seen from a fence behind its commands, which is looked at until it is passed: with a graphics card within a
//! refresh of the screen. Without one the browser draws on the processor, for tens of milliseconds that a run on the same
//! machine lacks; the designer then draws less often (`Link::frame_cost_ms`).

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use egui::{Context, FullOutput, Plugin};
use js_sys::Promise;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{HtmlCanvasElement, WebGl2RenderingContext as Gl};

use crate::page;

/// What a frame takes in any case: a refresh of the screen.
const REFRESH_MS: f64 = 17.0;
/// So often the fence is looked at.
const LOOK_MS: i32 = 4;
/// A page that was hidden meanwhile measures nothing.
const LONGEST_MS: f64 = 2_000.0;

thread_local! {
    static COST_MS: Cell<f64> = const { Cell::new(0.0) };
}

/// The cost of the frames measured last, in milliseconds.
pub fn cost_ms() -> f64 {
    COST_MS.get()
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = millraceFrames)]
    fn rest(milliseconds: f64);
    #[wasm_bindgen(js_namespace = millraceFrames)]
    fn wake();
}

/// Asks for a frame from outside of one. A single one: what the host says is drawn in the frame that hears of it, while
/// [`Context::request_repaint`] has a second one drawn for what settles late.
pub fn request_frame(ctx: &Context) {
    ctx.request_repaint_after(Duration::from_nanos(1));
    wake();
}

/// Tells the page after each frame when the next one is due.
pub struct Pace;

impl Plugin for Pace {
    fn debug_name(&self) -> &'static str {
        "pace of frames"
    }

    fn output_hook(&mut self, _: &Context, output: &mut FullOutput) {
        let next = output.viewport_output.values().map(|viewport| viewport.repaint_delay).min();
        rest(next.map_or(0.0, |delay| delay.as_secs_f64() * 1_000.0));
    }
}

/// Measures frames, one at a time.
pub struct FrameClock {
    gl: Option<Gl>,
    is_measuring: Rc<Cell<bool>>,
}

impl FrameClock {
    /// Measures nothing where the canvas is not drawn by WebGL 2.
    pub fn new(canvas: &HtmlCanvasElement) -> Self {
        let gl = canvas.get_context("webgl2").ok().flatten().and_then(|gl| gl.dyn_into().ok());
        Self { gl, is_measuring: Rc::default() }
    }

    /// Called while a frame is made; it is drawn when this turn of the page ends.
    pub fn frame(&self) {
        let Some(gl) = self.gl.clone().filter(|_| !self.is_measuring.replace(true)) else { return };
        let (is_measuring, start) = (self.is_measuring.clone(), page::now_ms());
        spawn_local(async move {
            if wait_for_drawing(&gl).await.is_ok() {
                let cost_ms = (page::now_ms() - start - REFRESH_MS).max(0.0);
                if cost_ms < LONGEST_MS {
                    COST_MS.set((COST_MS.get() * 3.0 + cost_ms) / 4.0);
                }
            }
            is_measuring.set(false);
        });
    }
}

/// Begins behind the drawing, for a new task of the page's loop does.
async fn wait_for_drawing(gl: &Gl) -> Result<(), JsValue> {
    let Some(fence) = gl.fence_sync(Gl::SYNC_GPU_COMMANDS_COMPLETE, 0) else { return Err(JsValue::NULL) };
    gl.flush();
    while gl.get_sync_parameter(&fence, Gl::SYNC_STATUS) != Gl::SIGNALED {
        let window = page::window()?;
        let mut timer = Ok(0);
        let later = Promise::new(&mut |resolve, _| {
            timer = window.set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, LOOK_MS);
        });
        timer?;
        JsFuture::from(later).await?;
    }
    gl.delete_sync(Some(&fence));
    Ok(())
}
