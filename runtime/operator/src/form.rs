//! Makes the form of a node's params out of the param struct's JSON schema, so that a param is described once.
//!
//! Reads what schemars 1 writes: `$ref` into `$defs`, `oneOf` with `const` for enums, `anyOf` with null for options, and
//! the `format` that the value types of runtime/model give themselves. A text field is multi-line with
//! `#[schemars(extend("format" = "multiline"))]`. A param that may change without the node's state being lost says so with
//! `#[schemars(extend("keeps_state" = true))]`.

use millrace_model::card::{ChoiceOption, Field, FieldKind, Form, Variant, title_of};
use schemars::{JsonSchema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::field_order::{FieldOrder, field_order};

const KEEPS_STATE: &str = "keeps_state";

/// The help page (the struct's doc comment) and the form of `P`.
pub fn form_of<P: JsonSchema + DeserializeOwned>() -> (String, Form) {
    let root = SchemaGenerator::default().into_root_schema_for::<P>().to_value();
    let reader = Reader { root: &root, order: field_order::<P>() };
    (description(&root), reader.form(&root, None))
}

struct Reader<'a> {
    root: &'a Value,
    order: FieldOrder,
}

impl<'a> Reader<'a> {
    fn form(&self, schema: &'a Value, without: Option<&str>) -> Form {
        let required: Vec<&str> = array(schema, "required").iter().filter_map(Value::as_str).collect();
        let empty = Map::new();
        let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
        let mut fields: Vec<Field> = properties
            .iter()
            .filter(|(name, _)| Some(name.as_str()) != without)
            .map(|(name, property)| self.field(name, property, required.contains(&name.as_str())))
            .collect();
        let declared = self.declared_order(&fields);
        let place = |field: &Field| declared.iter().position(|name| *name == field.name);
        // What must be filled in comes first; the rest stands as it was declared.
        fields.sort_by_key(|field| (!field.required, place(field)));
        Form { fields }
    }

    /// The names of the struct that has these fields, in its own order; none for what is not a struct.
    fn declared_order(&self, fields: &[Field]) -> &[&'static str] {
        let is_this = |names: &&[&str]| {
            names.len() == fields.len() && fields.iter().all(|field| names.contains(&field.name.as_str()))
        };
        self.order.values().copied().find(is_this).unwrap_or_default()
    }

    fn field(&self, name: &str, property: &'a Value, is_required: bool) -> Field {
        let target = self.resolve(property);
        let help = match description(property) {
            text if text.is_empty() => description(target),
            text => text,
        };
        let default = property.get("default").filter(|value| !value.is_null()).cloned();
        Field {
            name: name.to_owned(),
            title: property.get("title").and_then(Value::as_str).map_or_else(|| title_of(name), str::to_owned),
            help,
            required: is_required && default.is_none(),
            default,
            kind: self.kind(target),
            keeps_state: property.get(KEEPS_STATE).and_then(Value::as_bool).unwrap_or_default(),
        }
    }

    /// Follows `$ref` and drops the null of an optional value.
    fn resolve(&self, schema: &'a Value) -> &'a Value {
        if let Some(path) = schema.get("$ref").and_then(Value::as_str) {
            let target = self.root.pointer(path.trim_start_matches('#')).unwrap_or(schema);
            return self.resolve(target);
        }
        let choices = array(schema, "anyOf");
        match choices
            .iter()
            .filter(|choice| choice.get("type").and_then(Value::as_str) != Some("null"))
            .collect::<Vec<_>>()[..]
        {
            [only] => self.resolve(only),
            _ => schema,
        }
    }

    fn kind(&self, schema: &'a Value) -> FieldKind {
        let variants: Vec<&Value> = array(schema, "oneOf").iter().collect();
        if !variants.is_empty() {
            return self.choice(&variants);
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return FieldKind::Choice { options: values.iter().filter_map(Value::as_str).map(plain_option).collect() };
        }
        let limit = |name: &str| schema.get(name).and_then(Value::as_f64);
        match (type_word(schema), schema.get("format").and_then(Value::as_str)) {
            (_, Some("expression")) => FieldKind::Expression { aggregate: false },
            (_, Some("aggregate_expression")) => FieldKind::Expression { aggregate: true },
            (_, Some("column")) => FieldKind::Column,
            (_, Some("path")) => FieldKind::Path,
            (_, Some("duration")) => FieldKind::Duration,
            (_, Some("secret")) => FieldKind::Secret,
            (Some("string"), format) => FieldKind::Text { multiline: format == Some("multiline") },
            (Some("boolean"), _) => FieldKind::Boolean,
            (Some("integer"), _) => FieldKind::Integer { min: limit("minimum"), max: limit("maximum") },
            (Some("number"), _) => FieldKind::Number { min: limit("minimum"), max: limit("maximum") },
            (Some("array"), _) => {
                let item = schema.get("items").map(|items| self.kind(self.resolve(items)));
                item.map_or(FieldKind::Json, |item| FieldKind::List { item: Box::new(item) })
            }
            (Some("object"), _) if schema.get("properties").is_some() => {
                FieldKind::Group { form: self.form(schema, None) }
            }
            _ => FieldKind::Json,
        }
    }

    fn choice(&self, variants: &[&'a Value]) -> FieldKind {
        let mut options = Vec::new();
        for variant in variants {
            let help = description(variant);
            if let Some(value) = variant.get("const").and_then(Value::as_str) {
                options.push(ChoiceOption { help, ..plain_option(value) });
            } else if let Some(values) = variant.get("enum").and_then(Value::as_array) {
                options.extend(values.iter().filter_map(Value::as_str).map(plain_option));
            }
        }
        if !options.is_empty() {
            return FieldKind::Choice { options };
        }
        let tag = variants.first().and_then(|variant| tag_of(variant));
        let Some(tag) = tag else { return FieldKind::Json };
        let variants = variants
            .iter()
            .filter_map(|variant| {
                let value = variant.pointer(&format!("/properties/{tag}/const")).and_then(Value::as_str)?;
                // A newtype variant carries its struct's schema beside the tag.
                let mut form = self.form(variant, Some(&tag));
                if variant.get("$ref").is_some() {
                    form.fields.extend(self.form(self.resolve(variant), None).fields);
                }
                Some(Variant { value: value.to_owned(), title: title_of(value), help: description(variant), form })
            })
            .collect();
        FieldKind::Variant { tag, variants }
    }
}

fn tag_of(variant: &Value) -> Option<String> {
    let properties = variant.get("properties")?.as_object()?;
    properties.iter().find(|(_, schema)| schema.get("const").is_some()).map(|(name, _)| name.clone())
}

fn plain_option(value: &str) -> ChoiceOption {
    ChoiceOption { value: value.to_owned(), title: title_of(value), help: String::new() }
}

fn description(schema: &Value) -> String {
    schema.get("description").and_then(Value::as_str).unwrap_or_default().trim().to_owned()
}

fn array<'a>(schema: &'a Value, name: &str) -> &'a [Value] {
    schema.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The JSON type, with the null of an optional value left out.
fn type_word(schema: &Value) -> Option<&str> {
    match schema.get("type")? {
        Value::String(word) => Some(word),
        Value::Array(words) => words.iter().filter_map(Value::as_str).find(|word| *word != "null"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_model::{ColumnRef, Expression, Interval};
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    /// Help for people.
    #[derive(Serialize, Deserialize, JsonSchema)]
    #[allow(dead_code)]
    struct Params {
        /// Rows that pass.
        condition: Expression,
        #[serde(default = "lag")]
        lag: Interval,
        key: Option<ColumnRef>,
        #[schemars(range(min = 1, max = 9), extend("keeps_state" = true))]
        #[serde(default)]
        digits: u8,
        #[serde(default)]
        mode: Mode,
        models: Vec<Model>,
        point: Option<Vec<Point>>,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    #[allow(dead_code)]
    struct Point {
        #[serde(default)]
        y: f64,
        #[serde(default)]
        x: f64,
    }

    fn lag() -> Interval {
        Interval::from_secs(5)
    }

    #[derive(Default, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    enum Mode {
        /// The first one.
        #[default]
        First,
        /// Every one.
        AllOfThem,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    #[serde(tag = "model", rename_all = "snake_case")]
    enum Model {
        /// Up and down.
        Sine {
            period: Interval,
        },
        RandomWalk {
            step: f64,
        },
    }

    #[test]
    fn the_form_says_what_the_struct_says() {
        let (help, form) = form_of::<Params>();
        assert_eq!(help, "Help for people.");
        let kind = |name: &str| form.field(name).map(|field| field.kind.clone()).expect(name);
        let names: Vec<&str> = form.fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(
            names,
            ["condition", "models", "lag", "key", "digits", "mode", "point"],
            "required first, then as declared"
        );
        let FieldKind::List { item } = kind("point") else { panic!("point is a list") };
        let FieldKind::Group { form: point } = *item else { panic!("a point is a group") };
        let names: Vec<&str> = point.fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["y", "x"], "also inside of a list");
        assert_eq!(kind("condition"), FieldKind::Expression { aggregate: false });
        assert!(form.field("condition").is_some_and(|field| field.required && field.help == "Rows that pass."));
        assert_eq!(kind("lag"), FieldKind::Duration);
        assert!(form.field("lag").is_some_and(|field| !field.required && field.default == Some(json!("5 s"))));
        assert_eq!(kind("key"), FieldKind::Column);
        assert!(form.field("key").is_some_and(|field| !field.required));
        let keeps_state = |field: &&Field| field.keeps_state;
        assert!(form.fields.iter().filter(keeps_state).map(|field| field.name.as_str()).eq(["digits"]));
        assert_eq!(kind("digits"), FieldKind::Integer { min: Some(1.0), max: Some(9.0) });
        let FieldKind::Choice { options } = kind("mode") else { panic!("mode is a choice") };
        assert_eq!(options.iter().map(|o| o.value.as_str()).collect::<Vec<_>>(), ["first", "all_of_them"]);
        assert_eq!(options[0].help, "The first one.");
        let FieldKind::List { item } = kind("models") else { panic!("models is a list") };
        let FieldKind::Variant { tag, variants } = *item else { panic!("a model is a variant: {item:?}") };
        assert_eq!(tag, "model");
        assert_eq!(variants[0].form.fields[0].kind, FieldKind::Duration);
        assert_eq!(variants[0].help, "Up and down.");
        assert_eq!(variants[1].title, "Random walk");
    }
}
