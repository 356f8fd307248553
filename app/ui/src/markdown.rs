//! Markdown as the designer shows it: what the help of nodes and params is written in.
//!
//! A text is read into blocks and each block is laid out in the width that there is, so that tables fit a narrow panel.
//! HTML and pictures are left out; a link opens only where it names a page of the web.

use egui::accesskit::Role;
use egui::text::{LayoutJob, TextFormat, TextWrapping};
use egui::{Align, FontId, Frame, Label, Margin, Rect, RichText, Sense, Ui, WidgetInfo, vec2};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::theme::{Theme, radius, size, space};

const LINE_HEIGHT: f32 = 18.5;
const INDENT: f32 = 18.0;

/// A run of letters of one look.
#[derive(Debug, Clone, Default, PartialEq)]
struct Span {
    text: String,
    style: Style,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Style {
    strong: bool,
    emphasis: bool,
    code: bool,
    link: Option<String>,
}

type Spans = Vec<Span>;

#[derive(Debug, PartialEq)]
enum Block {
    Heading(Spans),
    Paragraph {
        depth: usize,
        marker: String,
        spans: Spans,
    },
    Code(String),
    /// The first row is the head.
    Table(Vec<Vec<Spans>>),
    Rule,
}

/// Draws a text in Markdown over the whole width.
pub fn markdown_ui(ui: &mut Ui, theme: &Theme, text: &str) {
    for (index, block) in blocks(text).iter().enumerate() {
        match block {
            Block::Heading(spans) => {
                ui.add_space(space::S);
                let font = theme.semibold(size::TITLE);
                ui.label(RichText::new(plain(spans)).font(font).color(theme.text_strong));
            }
            Block::Paragraph { depth, marker, spans } => paragraph_ui(ui, theme, *depth, marker, spans),
            Block::Code(code) => code_ui(ui, theme, code),
            Block::Table(rows) => _ = ui.push_id(index, |ui| table_ui(ui, theme, rows)),
            Block::Rule => _ = ui.separator(),
        }
        ui.add_space(space::XS);
    }
}

fn blocks(text: &str) -> Vec<Block> {
    let mut reader = Reader::default();
    for event in Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        reader.take(event);
    }
    reader.end_paragraph();
    reader.blocks
}

/// Puts the events of the parser together to blocks.
#[derive(Debug, Default)]
struct Reader {
    blocks: Vec<Block>,
    spans: Spans,
    style: Style,
    /// The number of the next item of each list that is open; `None` where they have no numbers.
    lists: Vec<Option<u64>>,
    /// What stands before the next paragraph.
    marker: String,
    rows: Vec<Vec<Spans>>,
    code: Option<String>,
}

impl Reader {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => match &mut self.code {
                Some(code) => code.push_str(&text),
                None => self.push(&text, self.style.clone()),
            },
            Event::Code(text) => self.push(&text, Style { code: true, ..self.style.clone() }),
            Event::SoftBreak => self.push(" ", self.style.clone()),
            Event::HardBreak => self.push("\n", self.style.clone()),
            Event::Rule => self.blocks.push(Block::Rule),
            _ => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Strong => self.style.strong = true,
            Tag::Emphasis => self.style.emphasis = true,
            Tag::Link { dest_url, .. } => self.style.link = Some(dest_url.into_string()),
            Tag::CodeBlock(_) => {
                self.end_paragraph();
                self.code = Some(String::new());
            }
            Tag::List(first) => {
                self.end_paragraph();
                self.lists.push(first);
            }
            Tag::Item => {
                self.marker = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{}.", *number - 1)
                    }
                    _ => "•".to_owned(),
                };
            }
            Tag::TableHead | Tag::TableRow => self.rows.push(Vec::new()),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Strong => self.style.strong = false,
            TagEnd::Emphasis => self.style.emphasis = false,
            TagEnd::Link => self.style.link = None,
            TagEnd::Heading(_) => {
                let spans = std::mem::take(&mut self.spans);
                self.blocks.push(Block::Heading(spans));
            }
            TagEnd::CodeBlock => {
                let code = self.code.take().unwrap_or_default();
                self.blocks.push(Block::Code(code.trim_end().to_owned()));
            }
            TagEnd::Paragraph | TagEnd::Item => self.end_paragraph(),
            TagEnd::List(_) => _ = self.lists.pop(),
            TagEnd::TableCell => {
                let spans = std::mem::take(&mut self.spans);
                self.rows.last_mut().expect("a cell is in a row").push(spans);
            }
            TagEnd::Table => {
                let rows = std::mem::take(&mut self.rows);
                self.blocks.push(Block::Table(rows));
            }
            _ => {}
        }
    }

    fn push(&mut self, text: &str, style: Style) {
        match self.spans.last_mut() {
            Some(last) if last.style == style => last.text.push_str(text),
            _ => self.spans.push(Span { text: text.to_owned(), style }),
        }
    }

    fn end_paragraph(&mut self) {
        if !self.spans.is_empty() {
            let spans = std::mem::take(&mut self.spans);
            let marker = std::mem::take(&mut self.marker);
            self.blocks.push(Block::Paragraph { depth: self.lists.len(), marker, spans });
        }
    }
}

fn plain(spans: &[Span]) -> String {
    spans.iter().map(|span| span.text.as_str()).collect()
}

fn format_of(theme: &Theme, style: &Style) -> TextFormat {
    let font_id = match style {
        Style { code: true, .. } => FontId::monospace(size::MONO),
        Style { strong: true, .. } => theme.semibold(size::BODY),
        _ => theme.body(),
    };
    TextFormat {
        font_id,
        color: if style.strong { theme.text_strong } else { theme.text },
        background: if style.code { theme.hovered } else { egui::Color32::TRANSPARENT },
        italics: style.emphasis,
        valign: Align::Center,
        line_height: Some(LINE_HEIGHT),
        ..TextFormat::default()
    }
}

fn job_of(theme: &Theme, spans: &[Span], width: f32) -> LayoutJob {
    let mut job = LayoutJob { wrap: TextWrapping::wrap_at_width(width), ..LayoutJob::default() };
    for span in spans {
        job.append(&span.text, 0.0, format_of(theme, &span.style));
    }
    job
}

fn paragraph_ui(ui: &mut Ui, theme: &Theme, depth: usize, marker: &str, spans: &[Span]) {
    if depth == 0 {
        return spans_ui(ui, theme, spans);
    }
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        let (rect, _) = ui.allocate_exact_size(vec2(INDENT * depth as f32, LINE_HEIGHT), Sense::hover());
        let at = rect.right_center() - vec2(6.0, 0.0);
        ui.painter().text(at, egui::Align2::RIGHT_CENTER, marker, theme.body(), theme.text_weak);
        ui.vertical(|ui| spans_ui(ui, theme, spans));
    });
}

fn spans_ui(ui: &mut Ui, theme: &Theme, spans: &[Span]) {
    let is_page = |link: &String| link.starts_with("https://") || link.starts_with("http://");
    if !spans.iter().any(|span| span.style.link.as_ref().is_some_and(is_page)) {
        ui.add(Label::new(job_of(theme, spans, ui.available_width())).wrap());
        return;
    }
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(0.0, 0.0);
        for span in spans {
            match span.style.link.as_ref().filter(|link| is_page(link)) {
                Some(link) => _ = ui.hyperlink_to(RichText::new(&span.text).font(theme.body()), link),
                None => _ = ui.label(job_of(theme, std::slice::from_ref(span), f32::INFINITY)),
            }
        }
    });
}

fn code_ui(ui: &mut Ui, theme: &Theme, code: &str) {
    let frame = Frame::new().fill(theme.raised).stroke(theme.line_stroke()).corner_radius(radius::FIELD);
    frame.inner_margin(Margin::same(8)).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.add(Label::new(RichText::new(code).font(theme.mono()).color(theme.text)).wrap());
    });
}

/// The widths of columns that want so much: each has what it wants where that fits, and the wide ones share the rest.
fn column_widths(wanted: &[f32], room: f32) -> Vec<f32> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    let (mut widths, mut left) = (vec![0.0; wanted.len()], room);
    for (done, column) in order.into_iter().enumerate() {
        let share = left / (wanted.len() - done) as f32;
        widths[column] = wanted[column].min(share);
        left -= widths[column];
    }
    widths
}

fn table_ui(ui: &mut Ui, theme: &Theme, rows: &[Vec<Spans>]) {
    const MARGIN: f32 = 8.0;
    let num_columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    if num_columns == 0 {
        return;
    }
    let lay = |spans: &[Span], width: f32| ui.painter().layout_job(job_of(theme, spans, width));
    let wanted: Vec<f32> = (0..num_columns)
        .map(|column| rows.iter().filter_map(move |row| row.get(column)).map(|cell| lay(cell, f32::INFINITY).size().x))
        .map(|widths| widths.fold(0.0, f32::max).ceil() + 2.0 * MARGIN)
        .collect();
    let width = ui.available_width();
    let widths = column_widths(&wanted, width);
    let laid: Vec<Vec<_>> = rows
        .iter()
        .map(|row| row.iter().zip(&widths).map(|(cell, width)| lay(cell, width - 2.0 * MARGIN)).collect())
        .collect();
    ui.spacing_mut().item_spacing.y = 0.0;
    let corner = radius::FIELD;
    for (index, (row, cells)) in rows.iter().zip(laid).enumerate() {
        let height = cells.iter().map(|galley| galley.size().y).fold(LINE_HEIGHT, f32::max) + MARGIN;
        let (rect, _) = ui.allocate_exact_size(vec2(width, height), Sense::hover());
        if index == 0 {
            ui.painter().rect_filled(rect, egui::CornerRadius::same(corner), theme.raised);
        }
        let mut left = rect.min.x;
        for (column, galley) in cells.into_iter().enumerate() {
            let cell = Rect::from_min_size(egui::pos2(left, rect.min.y), vec2(widths[column], height));
            left = cell.max.x;
            let response = ui.interact(cell, ui.scope_id().with((index, column)), Sense::hover());
            let role = if index == 0 { Role::ColumnHeader } else { Role::Cell };
            response.widget_info(|| WidgetInfo::labeled(role, true, plain(&row[column])));
            ui.painter().galley(cell.min + vec2(MARGIN, MARGIN / 2.0), galley, theme.text);
        }
        ui.painter().hline(rect.x_range(), rect.max.y, theme.line_stroke());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mark_becomes_a_look_and_no_letter_is_lost() {
        let found =
            blocks("# Top\nA **b** *c* `d` [e](https://f.g)\nh\n\n1. one\n2. two\n   - deep\n\n---\n```\nx\n  y\n```");
        let text = |block: &Block| match block {
            Block::Heading(spans) => format!("# {}", plain(spans)),
            Block::Paragraph { depth, marker, spans } => format!("{depth}{marker} {}", plain(spans)),
            Block::Code(code) => code.clone(),
            Block::Table(_) => "table".to_owned(),
            Block::Rule => "rule".to_owned(),
        };
        let texts: Vec<String> = found.iter().map(text).collect();
        assert_eq!(texts, ["# Top", "0 A b c d e h", "11. one", "12. two", "2• deep", "rule", "x\n  y"]);
        let Block::Paragraph { spans, .. } = &found[1] else { panic!("a paragraph") };
        let style_of = |text: &str| spans.iter().find(|span| span.text == text).expect("a span").style.clone();
        assert!(style_of("b").strong && style_of("c").emphasis && style_of("d").code);
        assert_eq!(style_of("e").link.as_deref(), Some("https://f.g"));
    }

    #[test]
    fn a_table_keeps_its_head_and_empty_cells() {
        let found = blocks("| in | out |\n| --- | --- |\n| `a` | |\n| b | c |");
        let [Block::Table(rows)] = &found[..] else { panic!("a table: {found:?}") };
        let texts: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| plain(cell)).collect()).collect();
        assert_eq!(texts, [["in", "out"], ["a", ""], ["b", "c"]]);
    }

    #[test]
    fn columns_fill_the_room_and_never_more() {
        assert_eq!(column_widths(&[40.0, 50.0], 200.0), [40.0, 50.0]);
        assert_eq!(column_widths(&[300.0, 40.0, 500.0], 240.0), [100.0, 40.0, 100.0]);
        assert_eq!(column_widths(&[90.0, 500.0], 200.0), [90.0, 110.0]);
    }
}
