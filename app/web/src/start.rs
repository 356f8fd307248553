//! The entry: finds the canvas and the host, and hands both to the designer.

use eframe::{CreationContext, Frame, WebOptions, WebRunner};
use egui::Ui;
use millrace_ui::Designer;
use millrace_ui::link::Link;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use crate::beats::Beats;
use crate::frame_clock::{FrameClock, Pace};
use crate::socket::SocketLink;
use crate::tauri::TauriLink;
use crate::{accessibility, page};

pub struct App {
    designer: Designer,
    clock: FrameClock,
    beats: Beats,
}

impl App {
    /// Does what is due without a frame.
    pub fn beat(&mut self) {
        let wait_ms = self.designer.beat();
        self.beats.schedule(wait_ms);
    }
}

impl eframe::App for App {
    fn ui(&mut self, ui: &mut Ui, _: &mut Frame) {
        self.designer.ui(ui);
        self.clock.frame();
        self.beats.schedule(self.designer.next_beat_ms());
    }

    fn as_any_mut(&mut self) -> Option<&mut dyn std::any::Any> {
        Some(&mut *self)
    }
}

/// Called by the page once the wasm module is loaded.
///
/// # Errors
/// When the page has no canvas.
#[wasm_bindgen(start)]
pub fn start() -> Result<(), JsValue> {
    page::show_panics();
    let canvas = page::canvas()?;
    page::prepare(&canvas);
    wasm_bindgen_futures::spawn_local(async move {
        let runner = WebRunner::new();
        let beats = Beats::new(runner.clone());
        let create = move |cc: &CreationContext<'_>| create(cc, beats);
        let started = runner.start(canvas, WebOptions::default(), Box::new(create)).await;
        if let Err(error) = started {
            page::fail("Millrace could not be started.", &page::message_of(&error));
        }
    });
    Ok(())
}

fn create(
    cc: &CreationContext<'_>,
    beats: Beats,
) -> Result<Box<dyn eframe::App>, Box<dyn std::error::Error + Send + Sync>> {
    let ctx = cc.egui_ctx.clone();
    ctx.add_plugin(Pace);
    let link: Box<dyn Link> = match TauriLink::find(&ctx) {
        Some(link) => Box::new(link),
        None => Box::new(SocketLink::open(&ctx)),
    };
    let mut designer = Designer::new(&ctx, link);
    if let Some(address) = page::wanted_dashboard() {
        designer.open_dashboard(address);
    }
    accessibility::install(&ctx).map_err(|error| page::message_of(&error))?;
    let canvas = page::canvas().map_err(|error| page::message_of(&error))?;
    Ok(Box::new(App { designer, clock: FrameClock::new(&canvas), beats }))
}
