//! How the canvas is shown, as the person likes it, and the views that were left by a jump.

use egui::Pos2;
use serde_json::{Value, json};

use super::camera::Camera;

/// What is shown on the canvas besides the pipeline; kept as a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CanvasLook {
    pub minimap: bool,
    pub grid: bool,
    /// Whether dragged nodes snap to the grid.
    pub snap: bool,
    /// The size of everything in the window, where 100 is usual.
    pub text_percent: u32,
}

impl Default for CanvasLook {
    fn default() -> Self {
        Self { minimap: true, grid: true, snap: true, text_percent: 100 }
    }
}

impl CanvasLook {
    pub fn to_value(self) -> Value {
        json!({"minimap": self.minimap, "grid": self.grid, "snap": self.snap, "text_percent": self.text_percent})
    }

    /// Reads a setting; what is missing or out of range is as usual.
    pub fn from_value(value: &Value) -> Self {
        let usual = Self::default();
        let flag = |name: &str, usual: bool| value[name].as_bool().unwrap_or(usual);
        let percent = value["text_percent"].as_u64().and_then(|percent| u32::try_from(percent).ok());
        Self {
            minimap: flag("minimap", usual.minimap),
            grid: flag("grid", usual.grid),
            snap: flag("snap", usual.snap),
            text_percent: percent.map_or(100, |percent| percent.clamp(70, 200)),
        }
    }
}

/// The views before and after the present one, like those of a browser.
#[derive(Debug, Default)]
pub struct Journey {
    before: Vec<(Pos2, f32)>,
    after: Vec<(Pos2, f32)>,
}

impl Journey {
    /// Older views than these are forgotten.
    const MOST: usize = 50;

    /// The camera is about to jump.
    pub fn leave(&mut self, camera: &Camera) {
        let here = (camera.center, camera.zoom);
        if self.before.last() != Some(&here) {
            self.before.push(here);
            let num_old = self.before.len().saturating_sub(Self::MOST);
            self.before.drain(..num_old);
        }
        self.after.clear();
    }

    pub fn back(&mut self, camera: &mut Camera) {
        travel(&mut self.before, &mut self.after, camera);
    }

    pub fn forward(&mut self, camera: &mut Camera) {
        travel(&mut self.after, &mut self.before, camera);
    }

    /// Whether there is a view before, and one after.
    pub fn can_travel(&self) -> (bool, bool) {
        (!self.before.is_empty(), !self.after.is_empty())
    }
}

fn travel(from: &mut Vec<(Pos2, f32)>, to: &mut Vec<(Pos2, f32)>, camera: &mut Camera) {
    if let Some((center, zoom)) = from.pop() {
        to.push((camera.center, camera.zoom));
        (camera.center, camera.zoom) = (center, zoom);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_and_forward_lead_through_the_views_and_a_new_jump_ends_the_way_forward() {
        let (mut journey, mut camera) = (Journey::default(), Camera::default());
        for x in [100.0, 200.0] {
            journey.leave(&camera);
            camera.center.x = x;
        }
        journey.back(&mut camera);
        journey.back(&mut camera);
        assert_eq!((camera.center.x, journey.can_travel()), (0.0, (false, true)));
        journey.forward(&mut camera);
        assert_eq!(camera.center.x, 100.0);
        journey.leave(&camera);
        assert_eq!(journey.can_travel(), (true, false));
    }

    #[test]
    fn settings_survive_and_nonsense_is_as_usual() {
        let look = CanvasLook { minimap: false, text_percent: 130, ..CanvasLook::default() };
        assert_eq!(CanvasLook::from_value(&look.to_value()), look);
        assert_eq!(CanvasLook::from_value(&json!({"grid": 3, "text_percent": 9_000})).text_percent, 200);
        assert_eq!(CanvasLook::from_value(&json!("x")), CanvasLook::default());
    }
}
