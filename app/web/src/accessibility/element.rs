//! What one node of the accessibility tree is in HTML: tag, ARIA attributes, text.
//!
//! Pure: the same node always gives the same element. Bounds are turned from the tree's points into CSS pixels.

use std::collections::BTreeMap;

use egui::accesskit::{Action, Live, Node, NodeId, Role, Toggled};

/// An element as it is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Element {
    pub tag: &'static str,
    pub attributes: BTreeMap<&'static str, String>,
    /// What stands in the element: a label's words.
    pub text: String,
    /// What a text field holds; `None` for anything else.
    pub value: Option<String>,
    pub children: Vec<NodeId>,
}

/// The `id` of the element that mirrors a node.
pub fn element_id(id: NodeId) -> String {
    format!("a11y-{}", id.0)
}

impl Element {
    /// The element of `node`; `scale` is CSS pixels per point.
    pub fn of(node: &Node, scale: f64) -> Self {
        let (tag, role) = tag_and_role(node);
        let mut element = Self {
            tag,
            attributes: BTreeMap::new(),
            text: String::new(),
            value: None,
            children: node.children().to_vec(),
        };
        element.put("role", role);
        element.put("aria-label", node.label());
        element.put("aria-description", node.description());
        element.put("placeholder", node.placeholder());
        let labels: Vec<String> = node.labelled_by().iter().map(|id| element_id(*id)).collect();
        element.put("aria-labelledby", (!labels.is_empty()).then(|| labels.join(" ")));
        element.put("aria-disabled", node.is_disabled().then_some("true"));
        element.put("aria-expanded", node.is_expanded().map(|is| is.to_string()));
        element.put("aria-valuenow", node.numeric_value().map(number));
        element.put("aria-valuemin", node.min_numeric_value().filter(|value| value.is_finite()).map(number));
        element.put("aria-valuemax", node.max_numeric_value().filter(|value| value.is_finite()).map(number));
        element.put(
            "aria-live",
            match node.live() {
                Some(Live::Polite) => Some("polite"),
                Some(Live::Assertive) => Some("assertive"),
                _ => None,
            },
        );
        element.put_state(node);
        element.put_value(node);
        if node.supports_action(Action::Focus) {
            element.put("tabindex", Some("-1"));
        }
        if let Some(bounds) = node.bounds() {
            let [x, y, width, height] = [bounds.x0, bounds.y0, bounds.x1 - bounds.x0, bounds.y1 - bounds.y0]
                .map(|value| (value * scale).round());
            element.put("style", Some(format!("left:{x}px;top:{y}px;width:{width}px;height:{height}px")));
        }
        element
    }

    fn put(&mut self, name: &'static str, value: Option<impl Into<String>>) {
        if let Some(value) = value {
            self.attributes.insert(name, value.into());
        }
    }

    /// Pressed, checked or selected, whichever the role knows.
    fn put_state(&mut self, node: &Node) {
        let toggled = node.toggled().map(|toggled| match toggled {
            Toggled::True => "true",
            Toggled::False => "false",
            Toggled::Mixed => "mixed",
        });
        let selected = node.is_selected().map(|is| if is { "true" } else { "false" });
        let name = match node.role() {
            Role::CheckBox | Role::RadioButton | Role::Switch | Role::MenuItemCheckBox | Role::MenuItemRadio => {
                "aria-checked"
            }
            Role::Tab | Role::ListBoxOption | Role::Row | Role::TreeItem | Role::GridCell => "aria-selected",
            _ => "aria-pressed",
        };
        self.put(name, toggled.or(selected));
    }

    fn put_value(&mut self, node: &Node) {
        let Some(value) = node.value() else {
            if matches!(self.tag, "input" | "textarea") {
                self.value = Some(String::new());
            }
            return;
        };
        match node.role() {
            Role::Label => value.clone_into(&mut self.text),
            _ if matches!(self.tag, "input" | "textarea") => self.value = Some(value.to_owned()),
            Role::SpinButton | Role::Slider | Role::Splitter | Role::ProgressIndicator => {
                self.put("aria-valuetext", Some(value));
            }
            _ => value.clone_into(&mut self.text),
        }
    }
}

fn number(value: f64) -> String {
    value.to_string()
}

fn tag_and_role(node: &Node) -> (&'static str, Option<&'static str>) {
    match node.role() {
        Role::TextInput | Role::PasswordInput | Role::SearchInput | Role::NumberInput => ("input", None),
        Role::MultilineTextInput => ("textarea", None),
        Role::Label => ("span", None),
        role => ("div", aria_role(role)),
    }
}

/// The ARIA role; `None` where the element only holds others.
fn aria_role(role: Role) -> Option<&'static str> {
    Some(match role {
        Role::Alert => "alert",
        Role::AlertDialog => "alertdialog",
        Role::Button | Role::DefaultButton | Role::ColorWell | Role::DisclosureTriangle => "button",
        Role::Canvas | Role::Group => "group",
        Role::Cell | Role::GridCell => "gridcell",
        Role::CheckBox => "checkbox",
        Role::ColumnHeader => "columnheader",
        Role::ComboBox | Role::EditableComboBox => "combobox",
        Role::Dialog => "dialog",
        Role::Grid => "grid",
        Role::Heading => "heading",
        Role::Image | Role::Figure => "img",
        Role::Link => "link",
        Role::List => "list",
        Role::ListBox => "listbox",
        Role::ListBoxOption | Role::MenuListOption => "option",
        Role::ListItem => "listitem",
        Role::Log => "log",
        Role::Main => "main",
        Role::Menu => "menu",
        Role::MenuBar => "menubar",
        Role::MenuItem => "menuitem",
        Role::MenuItemCheckBox => "menuitemcheckbox",
        Role::MenuItemRadio => "menuitemradio",
        Role::Meter => "meter",
        Role::Navigation => "navigation",
        Role::ProgressIndicator => "progressbar",
        Role::RadioButton => "radio",
        Role::RadioGroup => "radiogroup",
        Role::Region | Role::Pane => "region",
        Role::Row => "row",
        Role::RowHeader => "rowheader",
        Role::ScrollBar => "scrollbar",
        Role::Search => "search",
        Role::Slider => "slider",
        Role::SpinButton => "spinbutton",
        Role::Splitter => "separator",
        Role::Status => "status",
        Role::Switch => "switch",
        Role::Tab => "tab",
        Role::TabList => "tablist",
        Role::TabPanel => "tabpanel",
        Role::Table => "table",
        Role::Toolbar => "toolbar",
        Role::Tooltip => "tooltip",
        Role::Tree => "tree",
        Role::TreeItem => "treeitem",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::accesskit::Rect;

    #[test]
    fn a_button_keeps_its_name_state_and_place() {
        let mut node = Node::new(Role::Button);
        node.set_label("Hot, process node");
        node.set_toggled(Toggled::True);
        node.set_disabled();
        node.add_action(Action::Focus);
        node.set_bounds(Rect { x0: 10.0, y0: 20.0, x1: 40.5, y1: 28.0 });
        let element = Element::of(&node, 2.0);
        let attributes: Vec<(&str, &str)> = element.attributes.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let expected = [
            ("aria-disabled", "true"),
            ("aria-label", "Hot, process node"),
            ("aria-pressed", "true"),
            ("role", "button"),
            ("style", "left:20px;top:40px;width:61px;height:16px"),
            ("tabindex", "-1"),
        ];
        assert_eq!((element.tag, attributes), ("div", expected.to_vec()));
    }

    #[test]
    fn text_stands_where_a_reader_looks_for_it() {
        let mut label = Node::new(Role::Label);
        label.set_value("12 rows");
        assert_eq!(Element::of(&label, 1.0).text, "12 rows");
        let mut field = Node::new(Role::TextInput);
        field.set_label("Condition");
        field.set_value("temperature > 30");
        let field = Element::of(&field, 1.0);
        assert_eq!((field.tag, field.value.as_deref()), ("input", Some("temperature > 30")));
        assert_eq!(
            Element::of(&Node::new(Role::TextInput), 1.0).value.as_deref(),
            Some(""),
            "an empty field is a field"
        );
    }

    #[test]
    fn a_number_tells_its_range_but_no_endless_one() {
        let mut node = Node::new(Role::SpinButton);
        node.set_numeric_value(7.5);
        node.set_min_numeric_value(0.0);
        node.set_max_numeric_value(f64::INFINITY);
        let element = Element::of(&node, 1.0);
        assert_eq!(element.attributes.get("aria-valuenow").map(String::as_str), Some("7.5"));
        assert_eq!(element.attributes.get("aria-valuemin").map(String::as_str), Some("0"));
        assert_eq!(element.attributes.get("aria-valuemax"), None);
    }
}
