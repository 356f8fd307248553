//! What is on a screen, as pixels.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::machine::{output_of, tool};

/// A picture in memory: three bytes a pixel, rows from the top.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    pub width: usize,
    pub height: usize,
    bytes: Vec<u8>,
}

/// A rectangle of a picture in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    pub left: usize,
    pub top: usize,
    pub right: usize,
    pub bottom: usize,
}

impl Area {
    pub fn middle(self) -> (usize, usize) {
        ((self.left + self.right) / 2, (self.top + self.bottom) / 2)
    }
}

/// A colour of the designer's dark theme.
pub type Color = [u8; 3];

impl Picture {
    /// The whole screen of `display`.
    pub fn of_display(display: &str, width: usize, height: usize) -> Self {
        let mut command = tool("import");
        let bytes = output_of(command.args(["-window", "root", "-depth", "8", "rgb:-"]).env("DISPLAY", display));
        assert_eq!(bytes.len(), width * height * 3, "a picture of the whole screen");
        Self { width, height, bytes }
    }

    /// The picture that a PNG file holds.
    pub fn of_png(path: &Path) -> Self {
        let size = output_of(tool("identify").args(["-format", "%w %h"]).arg(path));
        let size = String::from_utf8(size).expect("two numbers");
        let (width, height) = size.trim().split_once(' ').expect("two numbers");
        let (width, height) = (width.parse().expect("a width"), height.parse().expect("a height"));
        let bytes = output_of(tool("convert").arg(path).args(["-depth", "8", "-alpha", "off", "rgb:-"]));
        assert_eq!(bytes.len(), width * height * 3, "{} is a picture", path.display());
        Self { width, height, bytes }
    }

    pub fn save(&self, path: &Path) {
        let size = format!("{}x{}", self.width, self.height);
        let mut child = Command::new("convert")
            .args(["-size", &size, "-depth", "8", "rgb:-"])
            .arg(path)
            .stdin(Stdio::piped())
            .spawn()
            .expect("imagemagick is installed");
        let mut input = child.stdin.take().expect("it is piped");
        std::io::Write::write_all(&mut input, &self.bytes).expect("imagemagick reads all");
        drop(input);
        assert!(child.wait().expect("it was started").success(), "{} is written", path.display());
    }

    pub fn all(&self) -> Area {
        Area { left: 0, top: 0, right: self.width, bottom: self.height }
    }

    fn at(&self, x: usize, y: usize) -> Color {
        let start = (y * self.width + x) * 3;
        [self.bytes[start], self.bytes[start + 1], self.bytes[start + 2]]
    }

    /// The places in `area` that are `color` or hardly differ from it.
    fn places(&self, color: Color, area: Area) -> impl Iterator<Item = (usize, usize)> + '_ {
        let near = move |pixel: Color| pixel.iter().zip(color).all(|(a, b)| a.abs_diff(b) <= 6);
        (area.top..area.bottom.min(self.height))
            .flat_map(move |y| (area.left..area.right.min(self.width)).map(move |x| (x, y)))
            .filter(move |(x, y)| near(self.at(*x, *y)))
    }

    pub fn count(&self, color: Color, area: Area) -> usize {
        self.places(color, area).count()
    }

    /// The smallest area around every pixel of `color` within `area`.
    pub fn extent(&self, color: Color, area: Area) -> Option<Area> {
        self.places(color, area).fold(None, |extent: Option<Area>, (x, y)| {
            let extent = extent.unwrap_or(Area { left: x, top: y, right: x, bottom: y });
            Some(Area {
                left: extent.left.min(x),
                top: extent.top.min(y),
                right: extent.right.max(x),
                bottom: extent.bottom.max(y),
            })
        })
    }

    /// How many pixels of `area` are not as they were.
    pub fn num_changed(&self, before: &Self, area: Area) -> usize {
        (area.top..area.bottom.min(self.height))
            .flat_map(|y| (area.left..area.right.min(self.width)).map(move |x| (x, y)))
            .filter(|(x, y)| self.at(*x, *y) != before.at(*x, *y))
            .count()
    }
}
