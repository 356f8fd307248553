//! A drawing surface in points (floating, origin top left) over a plotters backend.
//!
//! plotters has whole-pixel coordinates and draws wide lines and text without smoothing, so both formats are drawn
//! enlarged: the PNG is then scaled down, the SVG gets a view box. Its two backends also disagree about where a text's
//! baseline is; [`Canvas::text`] takes the baseline and makes up for that.

use std::sync::Once;

use plotters::backend::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Polygon, Rectangle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontDesc, FontFamily, FontStyle, RGBColor, ShapeStyle, TextStyle, register_font};

use super::{ImageError, theme};

/// Registered under this name and written so into SVG files: a viewer without Inter takes the next one.
const FAMILY: &str = "Inter, Helvetica, Arial, sans-serif";
/// plotters takes a line's height for the font size.
const LINE_PER_EM: f64 = 1.24;

/// A point in the picture.
pub type Point = (f64, f64);

/// Which end of a text stands at the given point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    Left,
    Center,
    Right,
}

/// How a text looks.
#[derive(Debug, Clone, Copy)]
pub struct Font {
    pub size: f64,
    pub bold: bool,
    pub color: RGBColor,
}

impl Font {
    pub fn new(size: f64, color: RGBColor) -> Self {
        Self { size, bold: false, color }
    }

    pub fn bold(size: f64, color: RGBColor) -> Self {
        Self { size, bold: true, color }
    }
}

/// The surface; `B` is the backend of one format.
pub struct Canvas<B: DrawingBackend> {
    area: DrawingArea<B, Shift>,
    scale: f64,
    is_bitmap: bool,
    pub width: f64,
    pub height: f64,
}

fn register_fonts() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let fonts: [(FontStyle, &'static [u8]); 2] = [
            (FontStyle::Normal, include_bytes!("../../../../ui-assets/fonts/Inter-Regular.otf")),
            (FontStyle::Bold, include_bytes!("../../../../ui-assets/fonts/Inter-SemiBold.otf")),
        ];
        for (style, bytes) in fonts {
            let registered = register_font(FAMILY, style, bytes).is_ok();
            assert!(registered, "the built-in font for style {} is a font", style.as_str());
        }
    });
}

/// The PNG file of what `paint` draws.
pub fn png(
    width: u32,
    height: u32,
    paint: impl FnOnce(&Canvas<BitMapBackend<'_>>) -> Result<(), ImageError>,
) -> Result<Vec<u8>, ImageError> {
    register_fonts();
    let scale: u32 = if width * height > 2_000_000 { 2 } else { 4 };
    let mut enlarged = vec![255_u8; (width * scale) as usize * (height * scale) as usize * 3];
    let backend = BitMapBackend::with_buffer(&mut enlarged, (width * scale, height * scale));
    paint(&Canvas::new(backend, scale, (width, height), true)?)?;
    encode_png(&scaled_down(&enlarged, width, height, scale), width, height)
}

/// The SVG file of what `paint` draws.
pub fn svg(
    width: u32,
    height: u32,
    paint: impl FnOnce(&Canvas<SVGBackend<'_>>) -> Result<(), ImageError>,
) -> Result<Vec<u8>, ImageError> {
    register_fonts();
    const SCALE: u32 = 4;
    let mut text = String::new();
    let (wide, high) = (width * SCALE, height * SCALE);
    paint(&Canvas::new(SVGBackend::with_string(&mut text, (wide, high)), SCALE, (width, height), false)?)?;
    let enlarged = format!("<svg width=\"{wide}\" height=\"{high}\"");
    let body = text.strip_prefix(&enlarged).ok_or_else(|| ImageError::draw("plotters wrote another kind of SVG"))?;
    Ok(format!("<svg width=\"{width}\" height=\"{height}\" stroke-linejoin=\"round\"{body}").into_bytes())
}

/// Each pixel the mean of `scale` × `scale` pixels.
fn scaled_down(enlarged: &[u8], width: u32, height: u32, scale: u32) -> Vec<u8> {
    let (width, height, scale) = (width as usize, height as usize, scale as usize);
    let stride = width * scale * 3;
    let mut small = Vec::with_capacity(width * height * 3);
    let mut sums = vec![0_u32; width * 3];
    for rows in enlarged.chunks_exact(stride * scale) {
        sums.fill(0);
        for row in rows.chunks_exact(stride) {
            for (pixels, sum) in row.chunks_exact(scale * 3).zip(sums.chunks_exact_mut(3)) {
                for pixel in pixels.chunks_exact(3) {
                    sum[0] += u32::from(pixel[0]);
                    sum[1] += u32::from(pixel[1]);
                    sum[2] += u32::from(pixel[2]);
                }
            }
        }
        let area = (scale * scale) as u32;
        small.extend(sums.iter().map(|sum| ((sum + area / 2) / area) as u8));
    }
    small
}

fn encode_png(rgb: &[u8], width: u32, height: u32) -> Result<Vec<u8>, ImageError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(ImageError::draw)?;
    writer.write_image_data(rgb).map_err(ImageError::draw)?;
    writer.finish().map_err(ImageError::draw)?;
    Ok(bytes)
}

impl<B: DrawingBackend> Canvas<B> {
    fn new(backend: B, scale: u32, (width, height): (u32, u32), is_bitmap: bool) -> Result<Self, ImageError> {
        let area = backend.into_drawing_area();
        area.fill(&theme::GROUND).map_err(ImageError::draw)?;
        Ok(Self { area, scale: f64::from(scale), is_bitmap, width: f64::from(width), height: f64::from(height) })
    }

    fn at(&self, (x, y): Point) -> (i32, i32) {
        ((x * self.scale).round() as i32, (y * self.scale).round() as i32)
    }

    fn stroke(&self, color: RGBColor, width: f64) -> ShapeStyle {
        color.stroke_width((width * self.scale).round().max(1.0) as u32)
    }

    fn style(&self, font: Font) -> TextStyle<'static> {
        let weight = if font.bold { FontStyle::Bold } else { FontStyle::Normal };
        TextStyle {
            font: FontDesc::new(FontFamily::Name(FAMILY), font.size * self.scale * LINE_PER_EM, weight),
            color: font.color.to_backend_color(),
            pos: Pos::new(HPos::Left, VPos::Top),
        }
    }

    /// Writes one line of text with its baseline at `y`.
    pub fn text(&self, text: &str, (x, y): Point, align: Align, font: Font) -> Result<(), ImageError> {
        let clean = printable(text);
        if clean.trim().is_empty() {
            return Ok(());
        }
        let horizontal = match align {
            Align::Left => HPos::Left,
            Align::Center => HPos::Center,
            Align::Right => HPos::Right,
        };
        let style = self.style(font).pos(Pos::new(horizontal, VPos::Top));
        // From the anchor to the baseline, in em: plotters' bitmap text starts half a line above it, its SVG `dy` is 0.76.
        let ascent = if self.is_bitmap { LINE_PER_EM / 2.0 } else { 0.76 };
        self.area.draw_text(&clean, &style, self.at((x, y - font.size * ascent))).map_err(ImageError::draw)
    }

    /// The width of one line of text.
    pub fn text_width(&self, text: &str, font: Font) -> Result<f64, ImageError> {
        let size = self.area.estimate_text_size(&printable(text), &self.style(font)).map_err(ImageError::draw)?;
        Ok(f64::from(size.0) / self.scale)
    }

    /// `text`, or as much of it as fits into `width` with an ellipsis.
    pub fn fitted(&self, text: &str, width: f64, font: Font) -> Result<String, ImageError> {
        if self.text_width(text, font)? <= width {
            return Ok(text.to_owned());
        }
        let letters: Vec<char> = text.chars().collect();
        // The longest beginning that fits, found by halving.
        let (mut fits, mut too_long) = (0, letters.len());
        while too_long - fits > 1 {
            let middle = usize::midpoint(fits, too_long);
            let shortened: String = letters[..middle].iter().chain(['…'].iter()).collect();
            if self.text_width(&shortened, font)? <= width {
                fits = middle;
            } else {
                too_long = middle;
            }
        }
        Ok(letters[..fits].iter().chain(['…'].iter()).collect())
    }

    pub fn line(&self, from: Point, to: Point, color: RGBColor, width: f64) -> Result<(), ImageError> {
        self.polyline(&[from, to], color, width)
    }

    /// A line through all of `points`.
    pub fn polyline(&self, points: &[Point], color: RGBColor, width: f64) -> Result<(), ImageError> {
        if points.len() < 2 {
            return Ok(());
        }
        if !self.is_bitmap {
            let path: Vec<(i32, i32)> = points.iter().map(|point| self.at(*point)).collect();
            return self.area.draw(&PathElement::new(path, self.stroke(color, width))).map_err(ImageError::draw);
        }
        // plotters' own wide bitmap lines tear at sharp turns: each piece is a rectangle, each joint a disc.
        let half = width * self.scale / 2.0;
        for (number, pair) in points.windows(2).enumerate() {
            let ((x0, y0), (x1, y1)) = (self.scaled(pair[0]), self.scaled(pair[1]));
            let length = (x1 - x0).hypot(y1 - y0);
            if length == 0.0 {
                continue;
            }
            let (across_x, across_y) = ((y0 - y1) / length * half, (x1 - x0) / length * half);
            let corner = |x: f64, y: f64| (x.round() as i32, y.round() as i32);
            let corners = vec![
                corner(x0 + across_x, y0 + across_y),
                corner(x1 + across_x, y1 + across_y),
                corner(x1 - across_x, y1 - across_y),
                corner(x0 - across_x, y0 - across_y),
            ];
            self.area.draw(&Polygon::new(corners, color.filled())).map_err(ImageError::draw)?;
            if number > 0 && half > 2.0 {
                let joint = Circle::new(corner(x0, y0), half.round() as i32 - 1, color.filled());
                self.area.draw(&joint).map_err(ImageError::draw)?;
            }
        }
        Ok(())
    }

    fn scaled(&self, (x, y): Point) -> Point {
        (x * self.scale, y * self.scale)
    }

    /// A dashed line; only level and upright ones are asked for.
    pub fn dashed(&self, from: Point, to: Point, color: RGBColor, width: f64) -> Result<(), ImageError> {
        const DASH: f64 = 6.0;
        const GAP: f64 = 4.0;
        let length = (to.0 - from.0).hypot(to.1 - from.1);
        let at = |done: f64| {
            let part = (done / length).min(1.0);
            (from.0 + (to.0 - from.0) * part, from.1 + (to.1 - from.1) * part)
        };
        let mut done = 0.0;
        while done < length {
            self.line(at(done), at(done + DASH), color, width)?;
            done += DASH + GAP;
        }
        Ok(())
    }

    /// A filled shape that is seen through: `strength` of its colour over what is there.
    pub fn polygon(&self, corners: &[Point], color: RGBColor, strength: f64) -> Result<(), ImageError> {
        let corners: Vec<(i32, i32)> = corners.iter().map(|corner| self.at(*corner)).collect();
        self.area.draw(&Polygon::new(corners, color.mix(strength).filled())).map_err(ImageError::draw)
    }

    pub fn disc(&self, center: Point, radius: f64, color: RGBColor) -> Result<(), ImageError> {
        let radius = (radius * self.scale).round().max(1.0) as i32;
        self.area.draw(&Circle::new(self.at(center), radius, color.filled())).map_err(ImageError::draw)
    }

    pub fn filled(&self, from: Point, to: Point, color: RGBColor) -> Result<(), ImageError> {
        self.area.draw(&Rectangle::new([self.at(from), self.at(to)], color.filled())).map_err(ImageError::draw)
    }

    /// Writes the view's title and, below it, what it holds; gives the height that both take from the top.
    pub fn heading(&self, title: &str, subtitle: &str) -> Result<f64, ImageError> {
        let room = self.width - 2.0 * theme::PADDING;
        let mut y = theme::PADDING;
        if !title.trim().is_empty() {
            let font = Font::bold(theme::TITLE_SIZE, theme::TEXT);
            y += theme::TITLE_SIZE * 0.8;
            self.text(&self.fitted(title, room, font)?, (theme::PADDING, y), Align::Left, font)?;
            y += 6.0;
        }
        if !subtitle.is_empty() && self.height >= 200.0 {
            let font = Font::new(theme::TEXT_SIZE, theme::MUTED);
            y += theme::TEXT_SIZE;
            self.text(&self.fitted(subtitle, room, font)?, (theme::PADDING, y), Align::Left, font)?;
            y += 4.0;
        }
        Ok(y)
    }

    /// Says in the middle of the picture that there is nothing to show.
    pub fn no_rows(&self) -> Result<(), ImageError> {
        let middle = (self.width / 2.0, self.height / 2.0);
        self.text("No rows", middle, Align::Center, Font::bold(theme::TITLE_SIZE, theme::MUTED))?;
        if self.height >= 160.0 {
            let below = (middle.0, middle.1 + 22.0);
            let font = Font::new(theme::TEXT_SIZE, theme::MUTED);
            self.text("Nothing has reached this node.", below, Align::Center, font)?;
        }
        Ok(())
    }
}

/// Control characters would break the SVG's XML, and have no glyph.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || c == '\u{fffe}' || c == '\u{ffff}' { ' ' } else { c }).collect()
}
