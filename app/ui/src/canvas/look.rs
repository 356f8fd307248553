//! How the canvas is shown, as the person likes it.

use serde_json::{Value, json};

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_and_nonsense_is_as_usual() {
        let look = CanvasLook { minimap: false, text_percent: 130, ..CanvasLook::default() };
        assert_eq!(CanvasLook::from_value(&look.to_value()), look);
        assert_eq!(CanvasLook::from_value(&json!({"grid": 3, "text_percent": 9_000})).text_percent, 200);
        assert_eq!(CanvasLook::from_value(&json!("x")), CanvasLook::default());
    }
}
