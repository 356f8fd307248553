//! `analyze.pattern`: sequences of rows of one key that fit named steps, in the order of their event time.
//!
//! Params, ports and the check against the input stand here. `attempt` knows what fits what: it follows each row that may
//! begin a match through the steps and looks at no column. `operator` holds rows until the watermark has passed them,
//! computes the conditions over whole batches, and gives matches. What is held is bounded by `within`: no attempt and no
//! row outlives it.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use millrace_model::RowTrait;
use millrace_model::card::{PortCard, PortRole};
use millrace_model::event_time::with_event_time;
use millrace_model::value::Expression;
use millrace_model::{ColumnRef, Interval};
use millrace_operator::aggregate::{AggregatePlace, AggregatePlan, KeyTable, NamedAggregate};
use millrace_operator::expression::ExpressionError;
use millrace_operator::rejected::{self, OnError};
use millrace_operator::{
    BuildContext, CardText, CompiledExpression, InferContext, Machine, Node, NodeError, Partitioning,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::attempt::{Steps, Want};
use self::operator::PatternOperator;
use super::window::{TimeColumn, keyed};
use crate::rejecting::{first_error, report};
use crate::state::keys::key_columns;
use crate::state::lateness::{event_time_index, late_port};

mod attempt;
mod operator;
#[cfg(test)]
mod tests;

/// Finds rows that follow each other in a pattern: three failed logins and then one that succeeds, a door that opens and
/// is not closed within a minute, a pressure that falls five times in a row.
///
/// A pattern is a list of **steps**. Each has a name and a condition over the columns of a row; `previous.pressure` is the
/// value in the row before of the same key (null where there is none within the time). A match is a row for the first
/// step, then rows for the next one, and so on, all of one key and from the first to the last not further apart than
/// `within`.
///
/// With the key `user`, `within` = `5 min` and the steps `failed` (`result = 'no'`, at least 2, at most 0) and `entered`
/// (`result = 'yes'`):
///
/// | in: ts | user | result | | out: user | match_start | match_end | num_failed | num_entered |
/// | --- | --- | --- | --- | --- | --- | --- | --- | --- |
/// | 10:00 | a | no | | a | 10:00 | 10:02 | 3 | 1 |
/// | 10:01 | a | no | | | | | | |
/// | 10:01 | a | no | | | | | | |
/// | 10:02 | a | yes | | | | | | |
///
/// **Repetition.** A step takes as many rows as it can, from `at_least` to `at_most`. A row that fits both the step at hand
/// and the next one goes to the step at hand, unless the pattern comes to no end that way.
///
/// **Between steps.** With `relaxed`, rows that fit neither the step at hand nor the next one are passed over; with
/// `strict`, each row of the step directly follows the row of the match before it.
///
/// **Absence.** A step that is `absent` says what must not come between the steps before and after it. As the last step it
/// says what must not follow: the match is certain, and leaves, when `within` is over.
///
/// **After a match** the search goes on behind its last row, or with `to_next_row` at the row after its first, so that
/// matches overlap. Of the matches that begin with one row only one leaves.
///
/// Each match is one row: the keys, its first and last time, the number of rows of each step, and what `measures` computes
/// over its rows, in which the column `step` names the step: `max(pressure)`,
/// `first_value(price) FILTER (WHERE step = 'fall')`. A match leaves as soon as it cannot become longer. Its event time is
/// `match_end`; windows behind this node close `within` later.
///
/// Rows are put into the order of their event time first, those of one time as they came. Rows that are behind the
/// watermark or have no time leave by the `late` port; rows for which a condition cannot be computed by `rejected`. A null
/// key is a key like any other. Memory holds the rows that fit a step for `within`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// What a match is made of, in this order.
    pub steps: Vec<StepParams>,
    /// The longest time from the first row of a match to its last, such as `5 min`.
    pub within: Interval,
    /// The rows of each combination of values of these columns are searched by themselves. None: all rows together.
    #[serde(default)]
    pub keys: Vec<ColumnRef>,
    /// Where the search goes on after a match.
    #[serde(default)]
    pub after_match: AfterMatch,
    /// What is computed over the rows of a match.
    #[serde(default)]
    pub measures: Vec<NamedAggregate>,
    /// What becomes of a row for which a condition cannot be computed. With `null`, the condition is not met.
    #[serde(default)]
    pub on_error: OnError,
}

/// One step of a pattern.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepParams {
    /// What the step is called in the results, such as `failed`: lower-case letters, digits and underscores.
    pub name: String,
    /// Which rows fit, such as `result = 'no'` or `pressure < previous.pressure`.
    pub condition: Expression,
    /// So many rows at least.
    #[serde(default = "once")]
    #[schemars(range(min = 1))]
    pub at_least: u32,
    /// So many rows at most. Zero: any number.
    #[serde(default = "once")]
    pub at_most: u32,
    /// Whether other rows may stand before those of this step.
    #[serde(default)]
    pub contiguity: Contiguity,
    /// No such row may come between the steps before and after this one, or after the last.
    #[serde(default)]
    pub absent: bool,
}

/// Whether other rows may stand before those of a step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Contiguity {
    /// Rows that do not fit are passed over.
    #[default]
    Relaxed,
    /// Each row directly follows the row of the match before it.
    Strict,
}

/// Where the search goes on after a match.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AfterMatch {
    /// Behind its last row: matches do not overlap.
    #[default]
    PastLastRow,
    /// At the row after its first.
    ToNextRow,
}

fn once() -> u32 {
    1
}

pub struct Pattern;

const ROWS: usize = 0;
const LATE: usize = 1;
const REJECTED: usize = 2;

const MATCH_START: &str = "match_start";
const MATCH_END: &str = "match_end";
/// Names the step of each row, for the measures.
const STEP: &str = "step";
/// Holds the row before, for the conditions.
const PREVIOUS: &str = "previous";

impl Node for Pattern {
    type Params = Params;
    const KIND: &'static str = "analyze.pattern";

    fn card() -> CardText {
        CardText::new("Pattern", "Finds rows that follow each other in a pattern", "path")
            .input(PortCard::rows("Rows with an event time.").needing(RowTrait::EventTime))
            .output(PortCard::named("rows", PortRole::Rows, "One row for each match."))
            .output(late_port())
            .output(PortCard::rejected())
            .headline("within")
    }

    fn infer(params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        vec![plan(params, cx).map(|plan| plan.schema), cx.input(), Some(rejected::schema())]
    }

    fn partitioning(params: &Params) -> Partitioning {
        keyed(&params.keys)
    }

    fn build(params: Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let inputs = [Some(cx.input().clone())];
        let mut found = InferContext::new(&inputs, None);
        let plan = plan(&params, &mut found);
        let Some(plan) = plan.filter(|_| !found.has_errors()) else {
            return Err(first_error(found.into_problems()));
        };
        let keys = KeyTable::new(Arc::new(cx.input().project(&plan.keys)?))?;
        Ok(Machine::Operator(Box::new(PatternOperator::new(plan, keys, cx.input().clone(), params.on_error))))
    }
}

/// What the params mean for the input.
struct Plan {
    schema: SchemaRef,
    keys: Vec<usize>,
    time: TimeColumn,
    within_us: i64,
    /// One for each step, absent ones too, in the order of the params.
    conditions: Vec<Condition>,
    steps: Steps,
    /// The names of the steps that take rows.
    names: Vec<String>,
    measures: AggregatePlan,
    /// The columns of the rows and `step`, which the measures are computed over.
    measured: SchemaRef,
    /// The columns of the rows and `previous`, where a condition looks at it.
    with_previous: Option<SchemaRef>,
}

struct Condition {
    expression: CompiledExpression,
    uses_previous: bool,
}

impl Condition {
    /// # Errors
    /// When the text is no condition over `rows`, nor over them and the rows before.
    fn compile(text: &str, rows: &SchemaRef, with_previous: Option<&SchemaRef>) -> Result<Self, ExpressionError> {
        let plain = CompiledExpression::compile_predicate(text, rows);
        let (expression, uses_previous) = match (plain, with_previous) {
            (Err(_), Some(schema)) => (CompiledExpression::compile_predicate(text, schema)?, true),
            (plain, _) => (plain?, false),
        };
        Ok(Self { expression, uses_previous })
    }
}

/// The fields of the row before, as the fields of one column.
fn previous_fields(input: &SchemaRef) -> Vec<FieldRef> {
    input.fields().iter().map(|field| Arc::new(Field::clone(field).with_nullable(true))).collect()
}

fn with_field(schema: &SchemaRef, field: Field) -> SchemaRef {
    let fields = schema.fields().iter().cloned().chain([Arc::new(field)]);
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Finds what is wrong with the names and numbers of the steps and says it in `cx`.
fn check_steps(steps: &[StepParams], cx: &mut InferContext<'_>) {
    if steps.is_empty() {
        cx.error("steps", "no_steps", "Say what a match is made of: add a step.");
    }
    if steps.len() > Steps::MAX {
        cx.error("steps", "too_many_steps", format!("A pattern has {} steps at most.", Steps::MAX));
    }
    if steps.first().is_some_and(|step| step.absent) {
        cx.error("steps[0].absent", "absent_first", "The first step begins the match: it cannot be absent.");
    }
    for (number, step) in steps.iter().enumerate() {
        let name = step.name.as_str();
        let is_name = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
            && name.starts_with(|c: char| c.is_ascii_lowercase());
        if !is_name {
            let message = format!(
                "`{name}` cannot name a step: use lower-case letters, digits and underscores, such as `failed`."
            );
            cx.error(format!("steps[{number}].name"), "bad_name", message);
        } else if steps[..number].iter().any(|other| other.name == name) {
            let message = format!("There is a step `{name}` already; choose another name.");
            cx.error(format!("steps[{number}].name"), "duplicate_name", message);
        }
        if step.absent {
            if (step.at_least, step.at_most) != (once(), once()) {
                let message = "A step that is absent has no rows to count.";
                cx.error(format!("steps[{number}].at_least"), "absent_counted", message);
            }
        } else if step.at_least == 0 {
            cx.error(format!("steps[{number}].at_least"), "no_rows", "A step has one row at least.");
        } else if step.at_most != 0 && step.at_most < step.at_least {
            let message = format!(
                "At least {} and at most {} rows exclude each other; zero means any number.",
                step.at_least, step.at_most
            );
            cx.error(format!("steps[{number}].at_most"), "bounds_exclude", message);
        }
    }
}

/// What the params mean for the input; faults are reported in `cx`.
fn plan(params: &Params, cx: &mut InferContext<'_>) -> Option<Plan> {
    check_steps(&params.steps, cx);
    if params.within.as_micros() == 0 {
        cx.error("within", "no_size", "A match must have some time, such as `5 min`.");
    }
    let input = cx.input()?;
    let keys = key_columns("keys", &params.keys, &input, cx);
    event_time_index(cx, &input, "")?;
    let time = TimeColumn::find(&ColumnRef::default(), cx, &input)?;

    let previous = Field::new(PREVIOUS, DataType::Struct(previous_fields(&input).into()), false);
    // A column of that name is the row's own.
    let with_previous = input.index_of(PREVIOUS).is_err().then(|| with_field(&input, previous));
    let mut conditions = Vec::with_capacity(params.steps.len());
    for (number, step) in params.steps.iter().enumerate() {
        match Condition::compile(step.condition.as_str(), &input, with_previous.as_ref()) {
            Ok(condition) => conditions.push(condition),
            Err(error) => report(cx, format!("steps[{number}].condition"), &error),
        }
    }

    let mut fields: Vec<FieldRef> = keys.iter().flatten().map(|key| input.fields()[*key].clone()).collect();
    fields.extend([time.field(MATCH_START), time.field(MATCH_END)]);
    let names: Vec<String> = params.steps.iter().filter(|step| !step.absent).map(|step| step.name.clone()).collect();
    fields.extend(names.iter().map(|name| Arc::new(Field::new(format!("num_{name}"), DataType::Int64, false))));
    for (number, key) in params.keys.iter().enumerate() {
        if fields.iter().filter(|field| field.name() == key.as_str()).count() > 1 {
            let message = format!("Every result has a column `{key}` of its own: rename the key before this node.");
            cx.error(format!("keys[{number}]"), "duplicate_column", message);
        }
    }

    let measured = match input.index_of(STEP) {
        Ok(_) => input.clone(),
        Err(_) => with_field(&input, Field::new(STEP, DataType::Utf8, false)),
    };
    let measures = compile_measures(&params.measures, &fields, &measured, cx);
    if cx.has_errors() {
        return None;
    }
    let (keys, measures) = (keys?, measures?);
    fields.extend(measures.output_schema().fields().iter().cloned());
    let schema = with_event_time(&Schema::new(fields), Some(MATCH_END));
    let wants = params.steps.iter().map(|step| match step.absent {
        true => Want::Absent,
        false => Want::Rows {
            at_least: step.at_least,
            at_most: (step.at_most > 0).then_some(step.at_most),
            is_strict: step.contiguity == Contiguity::Strict,
        },
    });
    let is_overlapping = params.after_match == AfterMatch::ToNextRow;
    let within_us = params.within.as_micros();
    let steps = Steps::new(wants, within_us, is_overlapping);
    let with_previous = with_previous.filter(|_| conditions.iter().any(|condition| condition.uses_previous));
    Some(Plan { schema, keys, time, within_us, conditions, steps, names, measures, measured, with_previous })
}

fn compile_measures(
    measures: &[NamedAggregate],
    taken: &[FieldRef],
    measured: &SchemaRef,
    cx: &mut InferContext<'_>,
) -> Option<AggregatePlan> {
    for (number, measure) in measures.iter().enumerate() {
        if taken.iter().any(|field| field.name() == measure.name.trim()) {
            let message = format!("Every result has a column `{}` already; choose another name.", measure.name.trim());
            cx.error(format!("measures[{number}].name"), "duplicate_column", message);
        }
    }
    let compiled = AggregatePlan::compile(&[], measures, measured).map_err(|errors| {
        for error in errors {
            let param = match error.place {
                AggregatePlace::Key(number) => format!("keys[{number}]"),
                AggregatePlace::Name(number) => format!("measures[{number}].name"),
                AggregatePlace::Expression(number) => format!("measures[{number}].expression"),
            };
            cx.error(param, &error.code, error.message);
        }
    });
    compiled.ok()
}

/// The columns of a batch that make its keys.
fn key_arrays(batch: &RecordBatch, keys: &[usize]) -> Vec<arrow::array::ArrayRef> {
    keys.iter().map(|key| batch.column(*key).clone()).collect()
}
