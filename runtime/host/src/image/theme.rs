//! The colours and sizes of pictures on file: the light theme, since such pictures end up on paper and in reports.

use plotters::style::RGBColor;

pub const GROUND: RGBColor = RGBColor(255, 255, 255);
pub const TEXT: RGBColor = RGBColor(27, 35, 48);
pub const MUTED: RGBColor = RGBColor(91, 102, 117);
pub const GRID: RGBColor = RGBColor(232, 236, 241);
pub const AXIS: RGBColor = RGBColor(176, 185, 197);
pub const STRIPE: RGBColor = RGBColor(246, 248, 250);
pub const THRESHOLD: RGBColor = RGBColor(196, 48, 43);
/// Text and shapes that warn: 4.5 : 1 on the ground.
pub const WARNING: RGBColor = RGBColor(166, 88, 8);

/// Series colours, told apart by lightness as well as by hue; each has at least 3 : 1 against the ground.
pub const SERIES: [RGBColor; 10] = [
    RGBColor(31, 111, 208),
    RGBColor(200, 100, 20),
    RGBColor(27, 138, 94),
    RGBColor(128, 80, 200),
    RGBColor(190, 52, 106),
    RGBColor(15, 130, 150),
    RGBColor(130, 110, 20),
    RGBColor(90, 100, 115),
    RGBColor(150, 75, 45),
    RGBColor(70, 75, 175),
];

/// The colour of the series of this number; they come round again.
pub fn series(number: usize) -> RGBColor {
    SERIES[number % SERIES.len()]
}

pub const PADDING: f64 = 24.0;
pub const TITLE_SIZE: f64 = 18.0;
pub const TEXT_SIZE: f64 = 12.0;
/// From one line of [`TEXT_SIZE`] to the next.
pub const LINE_HEIGHT: f64 = 18.0;
