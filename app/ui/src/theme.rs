//! The look: every colour, size and space of the designer, for the dark and the light theme.
//!
//! No other file names a colour. Text and its ground differ by a contrast of at least 4.5 : 1 in both themes, which the
//! tests below hold. Spacing follows a rhythm of 4 points.

use std::sync::Arc;

use egui::style::ScrollStyle;
use egui::{
    Color32, Context, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Margin, Shadow, Stroke, Style,
    TextStyle, Visuals, vec2,
};
use millrace_model::Section;

/// The family of semi-bold text.
const SEMIBOLD: &str = "semibold";
/// The family of icons.
const ICONS: &str = "icons";

/// Spaces between and inside things.
pub mod space {
    pub const XS: f32 = 4.0;
    pub const S: f32 = 8.0;
    pub const M: f32 = 12.0;
    pub const L: f32 = 16.0;
    pub const XL: f32 = 24.0;
    /// Height of a row of a list, of a field and of a button.
    pub const ROW: f32 = 28.0;
}

/// Text sizes.
pub mod size {
    pub const SMALL: f32 = 11.5;
    pub const BODY: f32 = 13.0;
    pub const TITLE: f32 = 14.0;
    pub const HEADING: f32 = 17.0;
    pub const MONO: f32 = 12.0;
    pub const ICON: f32 = 16.0;
}

/// Corner radii.
pub mod radius {
    pub const CARD: u8 = 8;
    pub const FIELD: u8 = 6;
    pub const PILL: u8 = 10;
}

/// The colours of one theme.
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    pub is_dark: bool,
    /// The canvas and what lies behind everything.
    pub ground: Color32,
    /// The dots of the canvas grid.
    pub grid: Color32,
    /// Palette, inspector, bars.
    pub panel: Color32,
    /// Fields, cards, buttons: a step above the panel.
    pub raised: Color32,
    /// A raised thing under the pointer.
    pub hovered: Color32,
    /// Lines between things, and borders.
    pub line: Color32,
    /// A border that must be seen, such as that of a field under the pointer.
    pub line_strong: Color32,
    pub text: Color32,
    /// Titles.
    pub text_strong: Color32,
    /// Labels, hints, units.
    pub text_weak: Color32,
    pub accent: Color32,
    /// The accent as a ground behind text: selected rows.
    pub accent_ground: Color32,
    pub ok: Color32,
    pub warning: Color32,
    pub error: Color32,
    /// Grounds of the same meaning, to put text on.
    pub ok_ground: Color32,
    pub warning_ground: Color32,
    pub error_ground: Color32,
    pub shadow: Color32,
    /// Lines of a chart, in the order in which series take them.
    pub series: [Color32; 8],
    sections: [Color32; 5],
}

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

static DARK: Theme = Theme {
    is_dark: true,
    ground: rgb(0x12151a),
    grid: rgb(0x232932),
    panel: rgb(0x191d24),
    raised: rgb(0x20252e),
    hovered: rgb(0x29303b),
    line: rgb(0x2b313c),
    line_strong: rgb(0x465062),
    text: rgb(0xd9dee7),
    text_strong: rgb(0xf0f3f8),
    text_weak: rgb(0x8f99a9),
    accent: rgb(0x4aa3ff),
    accent_ground: rgb(0x1a2f49),
    ok: rgb(0x4cc495),
    warning: rgb(0xf0a35b),
    error: rgb(0xf4868c),
    ok_ground: rgb(0x1c3a30),
    warning_ground: rgb(0x3a2a18),
    error_ground: rgb(0x43232a),
    shadow: Color32::from_black_alpha(90),
    series: [
        rgb(0x5b9bf0),
        rgb(0xf0a35b),
        rgb(0x3fb68b),
        rgb(0xb38cf0),
        rgb(0xef7f9a),
        rgb(0x4cc3d9),
        rgb(0xd8c154),
        rgb(0x93a0b4),
    ],
    sections: [rgb(0x3fb68b), rgb(0x5b9bf0), rgb(0xb38cf0), rgb(0xf0a35b), rgb(0x93a0b4)],
};

static LIGHT: Theme = Theme {
    is_dark: false,
    ground: rgb(0xf1f3f6),
    grid: rgb(0xd3d8e0),
    panel: rgb(0xffffff),
    raised: rgb(0xf6f7f9),
    hovered: rgb(0xe9ecf1),
    line: rgb(0xdce0e7),
    line_strong: rgb(0xa9b2c0),
    text: rgb(0x252b35),
    text_strong: rgb(0x12161d),
    text_weak: rgb(0x5a6475),
    accent: rgb(0x1668c7),
    accent_ground: rgb(0xdcebfb),
    ok: rgb(0x14724f),
    warning: rgb(0x8f4a06),
    error: rgb(0xb42330),
    ok_ground: rgb(0xdcf3e9),
    warning_ground: rgb(0xfdedd8),
    error_ground: rgb(0xfce4e6),
    shadow: Color32::from_black_alpha(28),
    series: [
        rgb(0x2463bd),
        rgb(0xb3600c),
        rgb(0x16805a),
        rgb(0x7a49c9),
        rgb(0xc03a60),
        rgb(0x12798d),
        rgb(0x84700a),
        rgb(0x566377),
    ],
    sections: [rgb(0x16805a), rgb(0x2463bd), rgb(0x7a49c9), rgb(0xb3600c), rgb(0x566377)],
};

impl Theme {
    pub fn dark() -> &'static Theme {
        &DARK
    }

    pub fn light() -> &'static Theme {
        &LIGHT
    }

    /// The theme that is on.
    pub fn of(ctx: &Context) -> &'static Theme {
        match ctx.theme() {
            egui::Theme::Dark => &DARK,
            egui::Theme::Light => &LIGHT,
        }
    }

    pub fn section_color(&self, section: Section) -> Color32 {
        self.sections[section as usize]
    }

    /// The colour of a share from 0 to 1 of a range of values, the same in both themes.
    pub fn heat(&self, share: f64) -> Color32 {
        let [red, green, blue] = millrace_model::view::heat(share);
        Color32::from_rgb(red, green, blue)
    }

    /// The colour of a series of a chart; they come round again after eight.
    pub fn series_color(&self, index: usize) -> Color32 {
        self.series[index % self.series.len()]
    }

    pub fn body(&self) -> FontId {
        FontId::proportional(size::BODY)
    }

    pub fn small(&self) -> FontId {
        FontId::proportional(size::SMALL)
    }

    /// Semi-bold text of any size.
    pub fn semibold(&self, size: f32) -> FontId {
        FontId::new(size, FontFamily::Name(SEMIBOLD.into()))
    }

    pub fn mono(&self) -> FontId {
        FontId::monospace(size::MONO)
    }

    pub fn icon_font(&self, size: f32) -> FontId {
        FontId::new(size, FontFamily::Name(ICONS.into()))
    }

    pub fn line_stroke(&self) -> Stroke {
        Stroke::new(1.0, self.line)
    }

    fn style(&self) -> Style {
        let text_styles = [
            (TextStyle::Small, self.small()),
            (TextStyle::Body, self.body()),
            (TextStyle::Button, self.body()),
            (TextStyle::Monospace, self.mono()),
            (TextStyle::Heading, self.semibold(size::HEADING)),
        ];
        let mut style =
            Style { text_styles: text_styles.into(), animation_time: 0.1, visuals: self.visuals(), ..Style::default() };
        let spacing = &mut style.spacing;
        spacing.item_spacing = vec2(space::S, space::S);
        spacing.button_padding = vec2(10.0, 5.0);
        spacing.interact_size = vec2(space::ROW, space::ROW);
        spacing.icon_width = 16.0;
        spacing.icon_width_inner = 10.0;
        spacing.menu_margin = Margin::same(6);
        spacing.window_margin = Margin::same(16);
        spacing.combo_width = 80.0;
        spacing.tooltip_width = 360.0;
        spacing.scroll = ScrollStyle { bar_width: 8.0, ..ScrollStyle::floating() };
        style.interaction.tooltip_delay = 0.35;
        style.interaction.selectable_labels = false;
        style
    }

    fn visuals(&self) -> Visuals {
        let mut visuals = if self.is_dark { Visuals::dark() } else { Visuals::light() };
        let corner = CornerRadius::same(radius::FIELD);
        let widgets = &mut visuals.widgets;
        for (look, fill, border, text) in [
            (&mut widgets.noninteractive, self.panel, self.line, self.text),
            (&mut widgets.inactive, self.raised, self.line, self.text),
            (&mut widgets.hovered, self.hovered, self.line_strong, self.text_strong),
            (&mut widgets.active, self.hovered, self.accent, self.text_strong),
            (&mut widgets.open, self.hovered, self.line_strong, self.text_strong),
        ] {
            look.bg_fill = fill;
            look.weak_bg_fill = fill;
            look.bg_stroke = Stroke::new(1.0, border);
            look.fg_stroke = Stroke::new(1.0, text);
            look.corner_radius = corner;
            look.expansion = 0.0;
        }
        visuals.weak_text_color = Some(self.text_weak);
        visuals.selection.bg_fill = self.accent_ground;
        visuals.selection.stroke = Stroke::new(1.0, self.accent);
        visuals.hyperlink_color = self.accent;
        visuals.faint_bg_color = self.raised;
        visuals.extreme_bg_color = self.raised;
        visuals.text_edit_bg_color = Some(self.raised);
        visuals.code_bg_color = self.raised;
        visuals.warn_fg_color = self.warning;
        visuals.error_fg_color = self.error;
        visuals.window_corner_radius = CornerRadius::same(radius::CARD);
        visuals.menu_corner_radius = CornerRadius::same(radius::CARD);
        visuals.window_fill = self.panel;
        visuals.window_stroke = Stroke::new(1.0, self.line_strong);
        visuals.panel_fill = self.panel;
        let shadow = Shadow { offset: [0, 6], blur: 20, spread: 0, color: self.shadow };
        visuals.popup_shadow = shadow;
        visuals.window_shadow = shadow;
        visuals.text_cursor.blink = false;
        visuals.text_cursor.stroke = Stroke::new(1.5, self.accent);
        visuals
    }
}

/// Installs fonts and both themes.
pub fn apply(ctx: &Context) {
    ctx.set_fonts(fonts());
    ctx.set_style_of(egui::Theme::Dark, DARK.style());
    ctx.set_style_of(egui::Theme::Light, LIGHT.style());
}

fn fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::empty();
    let mut add = |name: &str, bytes: &'static [u8]| {
        fonts.font_data.insert(name.to_owned(), Arc::new(FontData::from_static(bytes)));
    };
    add("inter", include_bytes!("../../../ui-assets/fonts/Inter-Regular.otf"));
    add("inter_semibold", include_bytes!("../../../ui-assets/fonts/Inter-SemiBold.otf"));
    add("mono", include_bytes!("../../../ui-assets/fonts/JetBrainsMono-Regular.ttf"));
    add("phosphor", include_bytes!("../../../ui-assets/fonts/Phosphor.ttf"));
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    fonts.families = [
        (FontFamily::Proportional, names(&["inter", "phosphor", "mono"])),
        (FontFamily::Monospace, names(&["mono", "inter", "phosphor"])),
        (FontFamily::Name(SEMIBOLD.into()), names(&["inter_semibold", "phosphor", "mono"])),
        (FontFamily::Name(ICONS.into()), names(&["phosphor", "inter"])),
    ]
    .into();
    fonts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(color: Color32) -> f64 {
        let linear = |byte: u8| {
            let value = f64::from(byte) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(color.r()) + 0.7152 * linear(color.g()) + 0.0722 * linear(color.b())
    }

    fn contrast(a: Color32, b: Color32) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_stands_out_from_every_ground_in_both_themes() {
        for theme in [Theme::dark(), Theme::light()] {
            let grounds = [theme.ground, theme.panel, theme.raised, theme.hovered];
            let texts = [
                ("text", theme.text),
                ("strong", theme.text_strong),
                ("weak", theme.text_weak),
                ("accent", theme.accent),
                ("ok", theme.ok),
                ("warning", theme.warning),
                ("error", theme.error),
            ];
            let mut pairs: Vec<(&str, Color32, Color32)> = Vec::new();
            for (name, text) in texts {
                pairs.extend(grounds.map(|ground| (name, text, ground)));
            }
            pairs.extend([
                ("strong on accent", theme.text_strong, theme.accent_ground),
                ("text on accent", theme.text, theme.accent_ground),
                ("weak on accent", theme.text_weak, theme.accent_ground),
                ("ok on its ground", theme.ok, theme.ok_ground),
                ("warning on its ground", theme.warning, theme.warning_ground),
                ("error on its ground", theme.error, theme.error_ground),
            ]);
            for (name, text, ground) in pairs {
                let contrast = contrast(text, ground);
                assert!(contrast >= 4.5, "{name} on {ground:?}: {contrast:.2} (dark: {})", theme.is_dark);
            }
        }
    }

    #[test]
    fn what_is_drawn_stands_out_from_every_ground_it_is_drawn_on() {
        for theme in [Theme::dark(), Theme::light()] {
            let mut marks: Vec<(String, Color32)> = vec![
                ("focus ring".to_owned(), theme.accent),
                ("running".to_owned(), theme.ok),
                ("warning".to_owned(), theme.warning),
                ("error".to_owned(), theme.error),
                ("disabled wire".to_owned(), theme.text_weak),
            ];
            marks.extend(Section::ALL.map(|section| (format!("{section:?}"), theme.section_color(section))));
            marks.extend((0..8).map(|index| (format!("series {index}"), theme.series_color(index))));
            for (name, mark) in marks {
                for ground in [theme.ground, theme.panel, theme.raised] {
                    let contrast = contrast(mark, ground);
                    assert!(contrast >= 3.0, "{name} on {ground:?}: {contrast:.2} (dark: {})", theme.is_dark);
                }
            }
        }
    }

    #[test]
    fn sections_and_series_are_told_apart_from_their_neighbours() {
        for theme in [Theme::dark(), Theme::light()] {
            let far = |a: Color32, b: Color32| {
                let distance = |a: u8, b: u8| i32::from(a.abs_diff(b)).pow(2);
                distance(a.r(), b.r()) + distance(a.g(), b.g()) + distance(a.b(), b.b()) > 40 * 40
            };
            for index in 1..8 {
                assert!(far(theme.series_color(index - 1), theme.series_color(index)), "series {index}");
            }
            for pair in Section::ALL.windows(2) {
                assert!(far(theme.section_color(pair[0]), theme.section_color(pair[1])), "{pair:?}");
            }
        }
    }
}
