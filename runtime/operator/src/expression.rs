//! SQL expressions over the columns of a batch, compiled once through DataFusion and evaluated per batch.
//!
//! Column names are taken as written (no folding to lower case). Integer arithmetic is checked: an overflow is an error
//! of that row, never a wrong number. Division of integers by zero and casts that do not fit are errors of their row
//! too; floating-point arithmetic follows IEEE 754. DataFusion's types do not leave this file and `aggregate`.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, LazyLock};

use crate::constant;
use crate::error::NodeError;
use crate::explain::{explain, reason};
use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, new_null_array};
use arrow::compute::concat;
use arrow::datatypes::{DataType, Field, FieldRef, SchemaRef};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, DataFusionError, ScalarValue};
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{Expr, Operator, Volatility};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, NegativeExpr, lit};
use datafusion::physical_expr::utils::collect_columns;
use datafusion::prelude::SessionConfig;

/// Why an expression cannot be used: one sentence with what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpressionError {
    code: &'static str,
    message: String,
}

impl ExpressionError {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// `empty_expression`, `unknown_column`, `unknown_function`, `not_a_condition`, `bad_constant` or `bad_expression`.
    pub fn code(&self) -> &'static str {
        self.code
    }
}

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ExpressionError {}

/// An expression that is ready to be evaluated over batches of one schema.
///
/// ```
/// # use std::sync::Arc;
/// # use arrow::{array::{Int64Array, RecordBatch}, datatypes::{DataType, Field, Schema}};
/// use millrace_operator::CompiledExpression;
/// let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, false)]));
/// let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(Int64Array::from(vec![1, 2]))])?;
/// let twice = CompiledExpression::compile("a * 2", &schema)?;
/// assert_eq!(twice.evaluate(&batch)?.as_ref(), &Int64Array::from(vec![2, 4]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct CompiledExpression {
    physical: Arc<dyn PhysicalExpr>,
    data_type: DataType,
    is_nullable: bool,
}

/// What an expression gave for each row of a batch.
#[derive(Debug, Clone)]
pub struct RowResults {
    /// As long as the batch; null in the rows that failed.
    pub values: ArrayRef,
    /// The rows that failed, ascending.
    pub failures: Vec<RowFailure>,
}

/// A row for which an expression could not be computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFailure {
    pub row: usize,
    pub reason: String,
}

impl CompiledExpression {
    /// # Errors
    /// A text that is not an expression, names an unknown column or function, or does not fit the types.
    pub fn compile(text: &str, schema: &SchemaRef) -> Result<Self, ExpressionError> {
        let df_schema = df_schema(schema)?;
        let expr = parse(text, &df_schema)?;
        if has_aggregate(&expr) {
            return Err(ExpressionError::new(
                "bad_expression",
                "An aggregate such as `avg(x)` needs many rows: use it in a node of the Analyze section.",
            ));
        }
        Self::from_logical(expr, &df_schema, schema)
    }

    /// Compiles an expression that must be true or false for each row.
    ///
    /// # Errors
    /// As [`Self::compile`], and when the expression is not a condition.
    pub fn compile_predicate(text: &str, schema: &SchemaRef) -> Result<Self, ExpressionError> {
        let compiled = Self::compile(text, schema)?;
        match compiled.data_type {
            DataType::Boolean => Ok(compiled),
            DataType::Null => Err(ExpressionError::new("not_a_condition", "This is always null, so no row can pass.")),
            ref other => Err(ExpressionError::new(
                "not_a_condition",
                format!("This gives a value of type {other}, not true or false. Compare it, as in `{text} > 0`."),
            )),
        }
    }

    pub(crate) fn from_logical(expr: Expr, df_schema: &DFSchema, schema: &SchemaRef) -> Result<Self, ExpressionError> {
        let physical = STATE.create_physical_expr(expr, df_schema).map_err(|error| explain(&error, df_schema))?;
        let physical = checked(physical, schema).map_err(|error| explain(&error, df_schema))?;
        constant::check(&physical, schema)?;
        let data_type = physical.data_type(schema).map_err(|error| explain(&error, df_schema))?;
        let is_nullable = physical.nullable(schema).unwrap_or(true);
        Ok(Self { physical, data_type: owned_type(data_type), is_nullable })
    }

    /// For an argument of an aggregate, which must keep the type that the function was made for.
    pub(crate) fn from_physical(physical: Arc<dyn PhysicalExpr>, schema: &SchemaRef) -> Result<Self, DataFusionError> {
        let physical = checked(physical, schema)?;
        constant::check(&physical, schema).map_err(|error| DataFusionError::External(Box::new(error)))?;
        let data_type = physical.data_type(schema)?;
        let is_nullable = physical.nullable(schema).unwrap_or(true);
        Ok(Self { physical, data_type, is_nullable })
    }

    /// Whether both compute the same.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.physical.as_ref() == other.physical.as_ref()
    }

    /// The column that it passes on as it is.
    pub(crate) fn column(&self) -> Option<usize> {
        self.physical.downcast_ref::<Column>().map(Column::index)
    }

    /// The names of the columns that it is computed from.
    pub fn columns(&self) -> BTreeSet<String> {
        collect_columns(&self.physical).iter().map(|column| column.name().to_owned()).collect()
    }

    pub fn data_type(&self) -> &DataType {
        &self.data_type
    }

    /// Whether the result can be null.
    pub fn nullable(&self) -> bool {
        self.is_nullable
    }

    /// The field that a column of this expression's results has.
    pub fn field(&self, name: &str) -> FieldRef {
        Arc::new(Field::new(name, self.data_type.clone(), true))
    }

    /// The value for every row.
    ///
    /// # Errors
    /// When it cannot be computed for one of them.
    pub fn evaluate(&self, batch: &RecordBatch) -> Result<ArrayRef, NodeError> {
        self.try_evaluate(batch).map_err(|error| NodeError::user(reason(&error)))
    }

    /// The value for every row for which it can be computed, and the reason for each of the others.
    ///
    /// # Errors
    /// When arrays cannot be put together: a defect.
    pub fn evaluate_rows(&self, batch: &RecordBatch) -> Result<RowResults, NodeError> {
        let mut parts = Vec::new();
        let mut failures = Vec::new();
        self.evaluate_part(batch, 0, &mut parts, &mut failures);
        let values = match parts.as_slice() {
            [only] => only.clone(),
            [] => new_null_array(&self.data_type, 0),
            _ => concat(&parts.iter().map(AsRef::as_ref).collect::<Vec<_>>())?,
        };
        Ok(RowResults { values, failures })
    }

    /// Evaluates a condition: null counts as false.
    ///
    /// # Errors
    /// As [`Self::evaluate_rows`], or when this is not a condition.
    pub fn evaluate_predicate(&self, batch: &RecordBatch) -> Result<(BooleanArray, Vec<RowFailure>), NodeError> {
        let results = self.evaluate_rows(batch)?;
        let values = results
            .values
            .as_any()
            .downcast_ref::<BooleanArray>()
            .ok_or_else(|| NodeError::internal("the expression is not a condition"))?;
        let passes =
            if values.null_count() == 0 { values.clone() } else { arrow::compute::prep_null_mask_filter(values) };
        Ok((passes, results.failures))
    }

    /// Finds the failing rows by halving: a few extra evaluations for each, none when all is well.
    fn evaluate_part(
        &self,
        batch: &RecordBatch,
        first_row: usize,
        parts: &mut Vec<ArrayRef>,
        failures: &mut Vec<RowFailure>,
    ) {
        match self.try_evaluate(batch) {
            Ok(values) => parts.push(values),
            Err(error) if batch.num_rows() <= 1 => {
                failures.push(RowFailure { row: first_row, reason: reason(&error) });
                parts.push(new_null_array(&self.data_type, batch.num_rows()));
            }
            Err(_) => {
                let half = batch.num_rows() / 2;
                self.evaluate_part(&batch.slice(0, half), first_row, parts, failures);
                self.evaluate_part(&batch.slice(half, batch.num_rows() - half), first_row + half, parts, failures);
            }
        }
    }

    fn try_evaluate(&self, batch: &RecordBatch) -> Result<ArrayRef, DataFusionError> {
        let values = self.physical.evaluate(batch)?.into_array(batch.num_rows())?;
        if values.data_type() == &self.data_type {
            return Ok(values);
        }
        Ok(arrow::compute::cast(&values, &self.data_type)?)
    }
}

/// Functions, types and rules of expressions: DataFusion's own, with column names taken as written.
static STATE: LazyLock<SessionState> = LazyLock::new(|| {
    let mut config = SessionConfig::new();
    let parser = &mut config.options_mut().sql_parser;
    parser.enable_ident_normalization = false;
    parser.map_string_types_to_utf8view = false;
    SessionStateBuilder::new().with_config(config).with_default_features().build()
});

pub(crate) fn state() -> &'static SessionState {
    &STATE
}

/// The names of all functions that an expression may use: scalar, then aggregate; each sorted. Those that give something
/// else each time are refused, and so they are left out.
pub fn function_names() -> (Vec<String>, Vec<String>) {
    let sorted = |names: Vec<&String>| {
        let mut names: Vec<String> = names.into_iter().cloned().collect();
        names.sort();
        names
    };
    let scalar = STATE.scalar_functions().iter();
    let scalar = scalar.filter(|(_, function)| function.signature().volatility == Volatility::Immutable);
    (sorted(scalar.map(|(name, _)| name).collect()), sorted(STATE.aggregate_functions().keys().collect()))
}

pub(crate) fn df_schema(schema: &SchemaRef) -> Result<DFSchema, ExpressionError> {
    DFSchema::try_from(schema.as_ref().clone())
        .map_err(|error| ExpressionError::new("bad_expression", format!("The input cannot be used: {error}.")))
}

pub(crate) fn parse(text: &str, df_schema: &DFSchema) -> Result<Expr, ExpressionError> {
    if text.trim().is_empty() {
        return Err(ExpressionError::new("empty_expression", "Write an expression, such as `temperature > 20`."));
    }
    let expr = STATE.create_logical_expr(text, df_schema).map_err(|error| explain(&error, df_schema))?;
    let mut unusable = None;
    expr.apply(|part| {
        if matches!(part, Expr::WindowFunction(_)) {
            unusable = Some("Window functions (`OVER …`) cannot be used here: use a window node.");
        } else if matches!(part, Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_)) {
            unusable = Some("Sub-queries cannot be used in an expression: use a join node.");
        }
        Ok(if unusable.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })
    .map_err(|error| explain(&error, df_schema))?;
    match unusable {
        Some(message) => Err(ExpressionError::new("bad_expression", message)),
        None => check_repeatable(&expr).map(|()| expr),
    }
}

/// Refuses functions whose result does not follow from their arguments: what a run gives must be what its replay gives.
pub(crate) fn check_repeatable(expr: &Expr) -> Result<(), ExpressionError> {
    let mut found = None;
    let looked = expr.apply(|part| {
        if let Expr::ScalarFunction(function) = part
            && function.func.signature().volatility != Volatility::Immutable
        {
            found.get_or_insert_with(|| function.func.name().to_owned());
        }
        Ok(TreeNodeRecursion::Continue)
    });
    match (looked, found) {
        (Ok(_), None) => Ok(()),
        (_, Some(name)) => Err(ExpressionError::new(
            "not_repeatable",
            format!("`{name}` gives something else each time, so that a replay would differ: use the event time."),
        )),
        (Err(error), _) => Err(ExpressionError::new("bad_expression", format!("{}.", reason(&error)))),
    }
}

pub(crate) fn has_aggregate(expr: &Expr) -> bool {
    expr.exists(|part| Ok(matches!(part, Expr::AggregateFunction(_)))).unwrap_or(false)
}

/// Integer arithmetic that fails on overflow, as the contract of a run asks.
pub(crate) fn checked(
    physical: Arc<dyn PhysicalExpr>,
    schema: &SchemaRef,
) -> Result<Arc<dyn PhysicalExpr>, DataFusionError> {
    let rewritten = physical.transform_up(|part| {
        if let Some(negative) = part.downcast_ref::<NegativeExpr>() {
            let data_type = negative.arg().data_type(schema)?;
            if !data_type.is_signed_integer() {
                return Ok(Transformed::no(part));
            }
            // The smallest number has no opposite.
            let zero = lit(ScalarValue::new_zero(&data_type)?);
            let opposite = BinaryExpr::new(zero, Operator::Minus, negative.arg().clone());
            return Ok(Transformed::yes(Arc::new(opposite.with_fail_on_overflow(true)) as _));
        }
        let binary = part.downcast_ref::<BinaryExpr>();
        Ok(match binary {
            Some(binary) => Transformed::yes(Arc::new(binary.clone().with_fail_on_overflow(true)) as _),
            None => Transformed::no(part),
        })
    })?;
    Ok(rewritten.data)
}

/// String views stay inside an expression: batches carry plain strings, which every sink and file format takes.
pub(crate) fn owned_type(data_type: DataType) -> DataType {
    match data_type {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Float64Array, Int64Array, StringArray};
    use arrow::datatypes::Schema;

    fn batch() -> RecordBatch {
        let schema = Arc::new(Schema::new(vec![
            Field::new("n", DataType::Int64, true),
            Field::new("Temp", DataType::Float64, true),
            Field::new("text", DataType::Utf8, true),
        ]));
        RecordBatch::try_new(
            schema,
            vec![
                Arc::new(Int64Array::from(vec![Some(1), Some(0), None, Some(i64::MAX)])),
                Arc::new(Float64Array::from(vec![1.5, 2.5, 3.5, 4.5])),
                Arc::new(StringArray::from(vec!["1", "x", "3", "4"])),
            ],
        )
        .expect("columns fit")
    }

    fn compile(text: &str) -> Result<CompiledExpression, ExpressionError> {
        CompiledExpression::compile(text, &batch().schema())
    }

    #[test]
    fn a_typo_is_explained_with_the_nearest_name() {
        let error = compile("Tmp + 1").expect_err("no such column");
        assert_eq!(
            (error.code(), error.to_string()),
            ("unknown_column", "The input has no column `Tmp`. Did you mean `Temp`?".to_owned())
        );
        let error = compile("abss(n)").expect_err("no such function");
        assert_eq!(
            (error.code(), error.to_string()),
            ("unknown_function", "There is no function `abss`. Did you mean `abs`?".to_owned())
        );
        assert_eq!(compile("  ").expect_err("empty").code(), "empty_expression");
        assert_eq!(compile("n >").expect_err("incomplete").code(), "bad_expression");
        assert_eq!(compile("avg(n)").expect_err("aggregate").code(), "bad_expression");
        for text in ["random() < 0.5", "n > 0 AND uuid() <> 'x'", "now()", "CAST(current_date() AS VARCHAR)"] {
            assert_eq!(compile(text).expect_err("a replay would differ").code(), "not_repeatable", "{text}");
        }
    }

    #[test]
    fn a_condition_must_be_true_or_false() {
        let schema = batch().schema();
        assert_eq!(
            CompiledExpression::compile_predicate("n + 1", &schema).expect_err("a number").code(),
            "not_a_condition"
        );
        let condition = CompiledExpression::compile_predicate("n > 0", &schema).expect("a condition");
        let (passes, failures) = condition.evaluate_predicate(&batch()).expect("evaluates");
        assert_eq!(passes, BooleanArray::from(vec![true, false, false, true]));
        assert!(failures.is_empty());
    }

    #[test]
    fn a_row_that_cannot_be_computed_fails_alone() {
        for (text, failing) in [("n + 1", vec![3]), ("10 / n", vec![1]), ("CAST(text AS BIGINT)", vec![1])] {
            let results = compile(text).expect(text).evaluate_rows(&batch()).expect(text);
            let rows: Vec<usize> = results.failures.iter().map(|failure| failure.row).collect();
            assert_eq!(rows, failing, "{text}: {:?}", results.failures);
            assert_eq!(results.values.len(), 4, "{text}");
            for row in failing {
                assert!(results.values.is_null(row), "{text}");
            }
        }
    }

    #[test]
    fn an_integer_overflow_is_an_error_of_its_row_and_not_a_wrong_number() {
        let schema: SchemaRef = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]));
        let numbers = Int64Array::from(vec![3, i64::MAX, i64::MIN]);
        let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(numbers)]).expect("columns fit");
        for (text, failing) in [
            ("n + 1", vec![1]),
            ("n - 2", vec![2]),
            ("n * 2", vec![1, 2]),
            ("n / -1", vec![2]),
            ("-n", vec![2]),
            ("abs(n)", vec![2]),
            ("CAST(n AS INT)", vec![1, 2]),
        ] {
            let results = CompiledExpression::compile(text, &schema).expect(text).evaluate_rows(&batch).expect(text);
            let rows: Vec<usize> = results.failures.iter().map(|failure| failure.row).collect();
            assert_eq!(rows, failing, "{text}: {:?} {:?}", results.values, results.failures);
        }
    }

    #[test]
    fn what_can_be_computed_for_no_row_is_found_when_it_is_compiled() {
        for (text, part) in [
            ("regexp_like(text, '(')", "`(` is no regular expression: unclosed group"),
            ("n > 1 AND text ~ 'a['", "`a[` is no regular expression: unclosed character class"),
            ("text !~* concat('(', 'a')", "`(a` is no regular expression"),
            ("text SIMILAR TO 'a('", "is no regular expression"),
            ("regexp_replace(text, '(', '')", "`(` is no regular expression: unclosed group"),
            ("regexp_count(text, '(')", "`(` is no regular expression"),
            ("regexp_match(text, '(')", "`(` is no regular expression"),
            ("CAST('abc' AS INT)", "Cannot cast string 'abc' to value of Int32 type. It is so for every row"),
            ("n > 'abc'", "'abc'"),
            ("n IN (1, 'b')", "'b'"),
            ("CAST(text AS TIMESTAMP) > '2020-99-01'", "'2020-99-01'"),
            ("TIMESTAMP '2020-13-01' IS NULL", "'2020-13-01'"),
            ("CASE WHEN text ~ '(' THEN 1 ELSE 2 END", "unclosed group"),
            ("n + 1 / 0", "Divide by zero"),
            ("date_trunc('houx', CAST(text AS TIMESTAMP))", "houx"),
            ("date_part('houx', CAST(text AS TIMESTAMP))", "houx"),
        ] {
            let error = compile(text).err().unwrap_or_else(|| panic!("{text} is refused"));
            assert!(error.code() == "bad_constant" && error.to_string().contains(part), "{text}: {error}");
        }
        for text in [
            "text ~ 'a|b'",
            "regexp_like(text, text)",
            "TRY_CAST('abc' AS INT)",
            "CASE WHEN 0 = 0 THEN 0 ELSE 100 / 0 END",
            "CASE WHEN n > 0 THEN 1 / 0 ELSE 2 END",
            "coalesce(n, CAST('x' AS BIGINT))",
            "date_trunc('hour', CAST(text AS TIMESTAMP))",
            "to_timestamp(text, '%Y')",
            "n + 2 * 3 > CAST('7' AS INT)",
        ] {
            compile(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        }
    }

    #[test]
    fn faults_are_told_in_plain_words() {
        for (text, said) in [
            ("sqrt(text)", "`sqrt` cannot be computed of a text: it takes a number, as `CAST(x AS DOUBLE)` gives."),
            (
                "substr(text, 'a')",
                "`substr` takes a whole number, and is given a text: turn it into one with CAST, as in `CAST(x AS BIGINT)`.",
            ),
            ("upper(text, text)", "`upper` takes 1 argument, and is given 2."),
            ("upper()", "`upper` needs an argument."),
            ("coalesce()", "Coalesce must have at least one argument."),
            (
                "text + 1",
                "A text and a whole number do not go together with `+`: turn one of them into the type of the other with CAST.",
            ),
            (
                "n ~ text",
                "A whole number and a text do not go together with `~`: turn one of them into the type of the other with CAST.",
            ),
            (
                "text LIKE 1",
                "A text and a whole number do not go together with `LIKE`: turn one of them into the type of the other with CAST.",
            ),
            ("n >", "Expected an expression, found the end."),
            ("n = 1; n = 2", "Expected end of expression, found `;` at line 1, column 6."),
            ("CAST(n AS NOPE)", "Unsupported SQL type NOPE."),
            ("\"\" > 1", "Two double quotes name no column. Texts are written in single quotes, as in 'ok'."),
            (
                "prev.n > 1",
                "There is no `prev` that `n` could be taken from. Column names that have a point stand in double quotes.",
            ),
            ("nope(n)", "There is no function `nope`."),
            ("nowx()", "There is no function `nowx`. Did you mean `pow`?"),
            ("randm()", "There is no function `randm`. Did you mean `range`?"),
        ] {
            assert_eq!(compile(text).expect_err(text).to_string(), said, "{text}");
        }
        let (scalar, _) = function_names();
        assert!(scalar.iter().any(|name| name == "abs"));
        assert!(!scalar.iter().any(|name| ["now", "random", "uuid", "current_date"].contains(&name.as_str())));
    }

    #[test]
    fn a_field_that_a_record_has_not_is_told_with_those_it_has() {
        let fields = vec![Field::new("pressure", DataType::Int64, true), Field::new("site", DataType::Utf8, true)];
        let schema: SchemaRef = Arc::new(Schema::new(vec![
            Field::new("n", DataType::Int64, true),
            Field::new("previous", DataType::Struct(fields.into()), true),
        ]));
        let said = |text: &str| CompiledExpression::compile(text, &schema).expect_err(text).to_string();
        assert_eq!(said("previous.presure > 1"), "`previous` has no `presure`. Did you mean `pressure`?");
        assert_eq!(said("previous.nope > 1"), "`previous` has no `nope`. There is: pressure, site.");
        assert_eq!(said("n.nope > 1"), "Something is taken out of a whole number, which has no parts.");
    }

    #[test]
    fn results_are_plain_strings() {
        assert_eq!(compile("upper(text) || 'x'").expect("compiles").data_type(), &DataType::Utf8);
        assert_eq!(compile("substr(text, 1, 1)").expect("compiles").data_type(), &DataType::Utf8);
    }
}
