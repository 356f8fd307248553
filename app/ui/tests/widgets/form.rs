//! One test for each kind of param: what a person does to its field becomes the right value.

use egui::accesskit::{Role, Toggled};
use egui::{Key, Ui};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use millrace_model::card::{ChoiceOption, Variant};
use millrace_model::{Diagnostic, Edit, Field, FieldKind, Form, NodeId, Params};
use millrace_protocol::Column;
use millrace_ui::command::Command;
use millrace_ui::inspector::{FormContext, form_ui};
use millrace_ui::theme::{self, Theme};
use serde_json::{Value, json};

/// A document of one node: it takes the changes of the form as the designer does.
struct Document {
    form: Form,
    params: Params,
    node: NodeId,
    columns: Vec<Column>,
    problems: Vec<Diagnostic>,
    can_browse: bool,
    /// Every change that was made, and whether it was typing.
    changes: Vec<(String, Option<Value>, bool)>,
    commands: Vec<Command>,
}

impl Document {
    fn ui(ui: &mut Ui, document: &mut Self) {
        let mut form = FormContext::new(Theme::dark(), &document.node);
        form.columns = &document.columns;
        form.problems = document.problems.iter().collect();
        form.can_browse = document.can_browse;
        let changes = form_ui(ui, &mut form, &document.form, &document.params);
        document.commands.extend(form.commands);
        for (field, change) in changes {
            match &change.value {
                Some(value) => _ = document.params.insert(field.name.clone(), value.clone()),
                None => _ = document.params.remove(&field.name),
            }
            document.changes.push((field.name.clone(), change.value, change.is_typing));
        }
    }

    fn last_value(&self) -> Option<&Value> {
        self.changes.last().expect("something was changed").1.as_ref()
    }
}

fn field(name: &str, kind: FieldKind) -> Field {
    Field {
        keeps_state: false,
        name: name.to_owned(),
        title: millrace_model::card::title_of(name),
        help: String::new(),
        required: false,
        default: None,
        kind,
    }
}

fn harness(kind: FieldKind, value: Option<Value>) -> Harness<'static, Document> {
    with_field(field("rate", kind), value)
}

fn with_field(field: Field, value: Option<Value>) -> Harness<'static, Document> {
    let columns = [("temperature", "number"), ("site", "text")];
    let columns = columns.map(|(name, word)| Column { name: name.to_owned(), data_type: word.to_owned() });
    let params = value.map(|value| (field.name.clone(), value)).into_iter().collect();
    let document = Document {
        form: Form { fields: vec![field] },
        params,
        node: NodeId::new("plant").expect("a plain word"),
        columns: columns.to_vec(),
        problems: Vec::new(),
        can_browse: true,
        changes: Vec::new(),
        commands: Vec::new(),
    };
    let builder = Harness::builder().with_size((320.0, 480.0)).with_context_setup(theme::apply);
    let mut harness = builder.build_ui_state(Document::ui, document);
    harness.run();
    harness
}

fn text_role(is_multiline: bool) -> Role {
    if is_multiline { Role::MultilineTextInput } else { Role::TextInput }
}

/// Puts the focus into the text field and types letter by letter.
fn type_into(harness: &mut Harness<'_, Document>, label: &str, text: &str) {
    type_into_role(harness, Role::TextInput, label, text);
}

fn type_into_role(harness: &mut Harness<'_, Document>, role: Role, label: &str, text: &str) {
    harness.get_by_role_and_label(role, label).focus();
    harness.run();
    for letter in text.chars() {
        harness.event(egui::Event::Text(letter.to_string()));
        harness.run();
    }
}

/// Picks `option` in the combo box `label`.
fn pick(harness: &mut Harness<'_, Document>, label: &str, option: &str) {
    harness.get_by_role_and_label(Role::ComboBox, label).click();
    harness.run();
    harness.get_by_role_and_label(Role::Button, option).click();
    harness.run();
}

#[test]
fn typing_a_text_sets_it_letter_by_letter_as_one_burst() {
    let mut harness = harness(FieldKind::Text { multiline: false }, None);
    type_into(&mut harness, "Rate", "ab");
    let document = harness.state();
    let expected = [("rate".to_owned(), Some(json!("a")), true), ("rate".to_owned(), Some(json!("ab")), true)];
    assert_eq!(document.changes, expected);
    harness.key_press(Key::Tab);
    harness.run();
    assert_eq!(harness.state().commands, [Command::EndBurst]);
}

#[test]
fn an_emptied_text_goes_back_to_its_default() {
    let mut harness = harness(FieldKind::Text { multiline: false }, Some(json!("a")));
    harness.get_by_role_and_label(Role::TextInput, "Rate").focus();
    harness.run();
    harness.key_press(Key::Backspace);
    harness.run();
    assert_eq!(harness.state().last_value(), None);
}

#[test]
fn a_text_of_many_lines_keeps_its_line_breaks() {
    let mut harness = harness(FieldKind::Text { multiline: true }, None);
    type_into_role(&mut harness, text_role(true), "Rate", "a");
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(harness.state().last_value(), Some(&json!("a\n")));
}

#[test]
fn a_bad_number_says_why_and_keeps_the_text_and_the_last_value() {
    let mut harness = harness(FieldKind::Number { min: None, max: None }, Some(json!(12)));
    type_into(&mut harness, "Rate", "x");
    harness.get_by_label("`12x` is not a number.");
    let shown = harness.get_by_role_and_label(Role::TextInput, "Rate").value();
    assert_eq!(shown.as_deref(), Some("12x"));
    assert!(harness.state().changes.is_empty());
    harness.key_press(Key::Backspace);
    harness.run();
    type_into(&mut harness, "Rate", ".5");
    assert_eq!(harness.state().last_value(), Some(&json!(12.5)));
    assert!(harness.query_by_label("`12x` is not a number.").is_none());
}

#[test]
fn a_number_outside_its_limits_is_not_taken() {
    let mut harness = harness(FieldKind::Integer { min: Some(1.0), max: Some(9.0) }, Some(json!(1)));
    type_into(&mut harness, "Rate", "2");
    harness.get_by_label("Should be a whole number from 1 to 9.");
    assert!(harness.state().changes.is_empty());
}

#[test]
fn a_number_is_not_rewritten_while_it_is_typed() {
    let mut harness = harness(FieldKind::Number { min: None, max: None }, None);
    type_into(&mut harness, "Rate", "1.05");
    let shown = harness.get_by_role_and_label(Role::TextInput, "Rate").value();
    assert_eq!(shown.as_deref(), Some("1.05"));
    assert_eq!(harness.state().last_value(), Some(&json!(1.05)));
}

#[test]
fn another_value_in_the_document_replaces_a_text_that_was_not_taken() {
    let mut harness = harness(FieldKind::Integer { min: None, max: None }, Some(json!(12)));
    type_into(&mut harness, "Rate", "x");
    harness.state_mut().params.insert("rate".to_owned(), json!(7));
    harness.run();
    let shown = harness.get_by_role_and_label(Role::TextInput, "Rate").value();
    assert_eq!(shown.as_deref(), Some("7"));
}

#[test]
fn a_parameter_may_stand_for_a_number_or_a_length_of_time() {
    for kind in [FieldKind::Integer { min: Some(1.0), max: None }, FieldKind::Duration] {
        let mut harness = harness(kind, None);
        type_into(&mut harness, "Rate", "${r}");
        assert_eq!(harness.state().last_value(), Some(&json!("${r}")));
    }
}

#[test]
fn a_length_of_time_needs_its_unit() {
    let mut harness = harness(FieldKind::Duration, None);
    type_into(&mut harness, "Rate", "10");
    harness.get_by_label_contains("is not a length of time");
    assert!(harness.state().changes.is_empty());
    type_into(&mut harness, "Rate", " s");
    assert_eq!(harness.state().last_value(), Some(&json!("10 s")));
}

#[test]
fn a_check_box_sets_true_and_goes_back_to_its_default() {
    let mut harness = harness(FieldKind::Boolean, None);
    harness.get_by_role_and_label(Role::CheckBox, "Rate").click();
    harness.run();
    assert_eq!(harness.state().last_value(), Some(&json!(true)));
    let toggled = harness.get_by_role_and_label(Role::CheckBox, "Rate").accesskit_node().toggled();
    assert_eq!(toggled, Some(Toggled::True));
    harness.get_by_role_and_label(Role::CheckBox, "Rate").click();
    harness.run();
    assert_eq!(harness.state().last_value(), None);
}

#[test]
fn a_choice_is_made_from_its_titles() {
    let option = |value: &str| ChoiceOption {
        value: value.to_owned(),
        title: millrace_model::card::title_of(value),
        help: String::new(),
    };
    let mut harness = harness(FieldKind::Choice { options: vec![option("reject"), option("set_null")] }, None);
    pick(&mut harness, "Rate", "Set null");
    assert_eq!(harness.state().changes, [("rate".to_owned(), Some(json!("set_null")), false)]);
}

#[test]
fn an_expression_completes_the_word_that_is_typed() {
    let mut harness = harness(FieldKind::Expression { aggregate: false }, None);
    type_into_role(&mut harness, text_role(true), "Rate", "te");
    harness.get_by_role_and_label(Role::Button, "temperature");
    harness.key_press(Key::Tab);
    harness.run();
    assert_eq!(harness.state().last_value(), Some(&json!("temperature")));
    type_into_role(&mut harness, text_role(true), "Rate", " > 20");
    assert_eq!(harness.state().last_value(), Some(&json!("temperature > 20")));
}

#[test]
fn a_suggestion_is_taken_with_the_pointer_and_the_cursor_goes_inside_its_brackets() {
    let mut harness = harness(FieldKind::Expression { aggregate: true }, None);
    type_into_role(&mut harness, text_role(true), "Rate", "av");
    harness.get_by_role_and_label(Role::Button, "avg").click();
    harness.run();
    assert_eq!(harness.state().last_value(), Some(&json!("avg()")));
    harness.event(egui::Event::Text("x".to_owned()));
    harness.run();
    assert_eq!(harness.state().last_value(), Some(&json!("avg(x)")));
}

#[test]
fn a_column_is_picked_from_the_input_or_typed_freely() {
    let mut harness = harness(FieldKind::Column, None);
    harness.get_by_label("Columns for Rate").click();
    harness.run();
    harness.get_by_role_and_label(Role::Button, "site").click();
    harness.run();
    assert_eq!(harness.state().last_value(), Some(&json!("site")));
    type_into(&mut harness, "Rate", "_id");
    assert_eq!(harness.state().last_value(), Some(&json!("site_id")));
}

#[test]
fn a_path_is_typed_or_browsed() {
    let mut harness = harness(FieldKind::Path, None);
    harness.get_by_label("Browse…").click();
    harness.run();
    let node = NodeId::new("plant").expect("a plain word");
    assert_eq!(harness.state().commands, [Command::PickPath { node, param: "rate".to_owned(), save: false }]);
    type_into(&mut harness, "Rate", "a");
    assert_eq!(harness.state().last_value(), Some(&json!("a")));
}

#[test]
fn without_the_hosts_files_there_is_nothing_to_browse() {
    let mut harness = harness(FieldKind::Path, None);
    harness.state_mut().can_browse = false;
    harness.run();
    assert!(harness.query_by_label("Browse…").is_none());
}

#[test]
fn a_secret_is_not_shown() {
    let mut harness = harness(FieldKind::Secret, Some(json!("hunter2")));
    assert!(harness.query_by_role_and_label(Role::PasswordInput, "Rate").is_some());
    harness.get_by_label("Show").click();
    harness.run();
    assert_eq!(harness.get_by_role_and_label(Role::TextInput, "Rate").value().as_deref(), Some("hunter2"));
}

#[test]
fn items_are_added_moved_and_removed() {
    let mut harness = harness(FieldKind::List { item: Box::new(FieldKind::Column) }, Some(json!(["a", "b"])));
    harness.get_by_label("Move Rate 2 up").click();
    harness.run();
    assert_eq!(harness.state().last_value(), Some(&json!(["b", "a"])));
    harness.get_by_label("Remove Rate 1").click();
    harness.run();
    assert_eq!(harness.state().last_value(), Some(&json!(["a"])));
    harness.get_by_label("Add to rate").click();
    harness.run();
    assert_eq!(harness.state().last_value(), Some(&json!(["a", ""])));
    type_into(&mut harness, "Rate 2", "c");
    assert_eq!(harness.state().last_value(), Some(&json!(["a", "c"])));
}

#[test]
fn a_change_inside_a_group_keeps_its_other_fields() {
    let form =
        Form { fields: vec![field("name", FieldKind::Text { multiline: false }), field("on", FieldKind::Boolean)] };
    let mut harness = harness(FieldKind::Group { form }, Some(json!({"name": "a"})));
    harness.get_by_role_and_label(Role::CheckBox, "On").click();
    harness.run();
    assert_eq!(harness.state().last_value(), Some(&json!({"name": "a", "on": true})));
    type_into(&mut harness, "Name", "b");
    assert_eq!(harness.state().last_value(), Some(&json!({"name": "ab", "on": true})));
    assert!(harness.state().changes.last().is_some_and(|change| change.2), "typing inside a group is typing");
}

#[test]
fn another_variant_brings_its_own_fields() {
    let variant = |value: &str, field: Field| Variant {
        value: value.to_owned(),
        title: millrace_model::card::title_of(value),
        help: String::new(),
        form: Form { fields: vec![field] },
    };
    let variants = vec![
        variant("sine", field("period", FieldKind::Duration)),
        variant("walk", field("step", FieldKind::Duration)),
    ];
    let mut harness = harness(FieldKind::Variant { tag: "model".to_owned(), variants }, Some(json!({"model": "sine"})));
    assert!(harness.query_by_role_and_label(Role::TextInput, "Period").is_some());
    pick(&mut harness, "Rate", "Walk");
    assert_eq!(harness.state().last_value(), Some(&json!({"model": "walk"})));
    type_into(&mut harness, "Step", "1 s");
    assert_eq!(harness.state().last_value(), Some(&json!({"model": "walk", "step": "1 s"})));
}

#[test]
fn json_is_taken_once_it_can_be_read() {
    let mut harness = harness(FieldKind::Json, None);
    type_into_role(&mut harness, text_role(true), "Rate", "[1");
    harness.get_by_label_contains("This is not JSON");
    assert!(harness.state().changes.iter().all(|change| change.1.is_none()));
    type_into_role(&mut harness, text_role(true), "Rate", "]");
    assert_eq!(harness.state().last_value(), Some(&json!([1])));
}

#[test]
fn a_set_value_can_be_put_back_to_its_default() {
    let rate = Field { default: Some(json!(5)), ..field("rate", FieldKind::Integer { min: None, max: None }) };
    let mut harness = with_field(rate, Some(json!(7)));
    harness.get_by_label("Reset rate to 5").click();
    harness.run();
    assert_eq!(harness.state().changes, [("rate".to_owned(), None, false)]);
    assert!(harness.query_by_label("Reset rate to 5").is_none());
}

#[test]
fn a_problem_stands_under_its_field_and_brings_its_fix() {
    let item = FieldKind::Group { form: Form { fields: vec![field("name", FieldKind::Column)] } };
    let mut harness = harness(FieldKind::List { item: Box::new(item) }, Some(json!([{"name": "a"}, {"name": "sit"}])));
    let edits = vec![Edit::SetName { name: "mended".to_owned() }];
    let problem = Diagnostic::error("unknown_column", "There is no column `sit`.")
        .at_param("rate[1].name")
        .with_fix("Use `site`", edits.clone());
    harness.state_mut().problems = vec![problem];
    harness.run();
    let message = harness.get_by_label("There is no column `sit`.").rect();
    let fields: Vec<_> = harness.get_all_by_role_and_label(Role::TextInput, "Name").map(|node| node.rect()).collect();
    assert!(message.top() >= fields[1].bottom() - 1.0, "the message stands below the second field");
    harness.get_by_label("Use `site`").click();
    harness.run();
    let fix = Command::Edit { label: "Use `site`".to_owned(), edits, merge: None };
    assert!(harness.state().commands.contains(&fix));
}

#[test]
fn a_problem_whose_place_has_no_field_is_shown_all_the_same() {
    let mut harness = harness(FieldKind::Text { multiline: false }, None);
    harness.state_mut().problems =
        vec![Diagnostic::error("x", "Something inside is wrong.").at_param("rate.deep[3].x")];
    harness.run();
    harness.get_by_label("Something inside is wrong.");
}
