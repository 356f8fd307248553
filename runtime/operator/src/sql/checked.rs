//! Whole numbers that do not wrap: `+`, `-` (of one number too) and `*` of a query's plan, and its sums.
//!
//! A sum is accumulated in 128 bits by DataFusion's own code and narrowed when it is given out: what counts is the total,
//! not the order of the rows.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::compute::{CastOptions, cast, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, DataFusionError, ScalarValue};
use datafusion::functions_aggregate::sum::Sum;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, merge_schema};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, BinaryExpr, ColumnarValue, EmitTo, Expr, ExprSchemable,
    GroupsAccumulator, LogicalPlan, Operator, ReversedUDAF, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use crate::aggregate::WIDE_SUM;

/// `plan` with integer arithmetic that fails on overflow. It has been analyzed: both sides have one type.
pub(super) fn with_checked_arithmetic(plan: LogicalPlan) -> Result<LogicalPlan, DataFusionError> {
    let rewritten = plan.transform_up_with_subqueries(|node| {
        let mut schema = merge_schema(&node.inputs());
        if let LogicalPlan::TableScan(scan) = &node {
            schema.merge(scan.projected_schema.as_ref());
        }
        let names = NamePreserver::new(&node);
        let node = node.map_expressions(|expr| {
            let name = names.save(&expr);
            let expr = expr.transform_up(|part| checked_arithmetic(part, &schema))?;
            Ok(expr.update_data(|expr| name.restore(expr)))
        })?;
        match node.transformed {
            true => Ok(Transformed::yes(node.data.recompute_schema()?)),
            false => Ok(node),
        }
    })?;
    Ok(rewritten.data)
}

fn checked_arithmetic(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>, DataFusionError> {
    let binary = match expr {
        Expr::BinaryExpr(binary) => binary,
        // The smallest number has no opposite.
        Expr::Negative(of) if of.get_type(schema)?.is_signed_integer() => {
            let zero = ScalarValue::new_zero(&of.get_type(schema)?)?;
            BinaryExpr::new(Box::new(Expr::Literal(zero, None)), Operator::Minus, of)
        }
        other => return Ok(Transformed::no(other)),
    };
    let is_arithmetic = matches!(binary.op, Operator::Plus | Operator::Minus | Operator::Multiply);
    if !is_arithmetic || !binary.left.get_type(schema)?.is_integer() || !binary.right.get_type(schema)?.is_integer() {
        return Ok(Transformed::no(Expr::BinaryExpr(binary)));
    }
    let BinaryExpr { left, op, right } = binary;
    let function = Arc::new(ScalarUDF::new_from_impl(Checked::new(op)));
    let arguments = vec![*left, *right];
    Ok(Transformed::yes(Expr::ScalarFunction(ScalarFunction::new_udf(function, arguments))))
}

/// `+`, `-` or `*` of two integers of one type, which fails on overflow.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    op: Operator,
    signature: Signature,
}

impl Checked {
    fn new(op: Operator) -> Self {
        Self { op, signature: Signature::any(2, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        match self.op {
            Operator::Plus => "checked_add",
            Operator::Minus => "checked_subtract",
            _ => "checked_multiply",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType, DataFusionError> {
        types.first().cloned().ok_or_else(|| DataFusionError::Internal("two arguments".to_owned()))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue, DataFusionError> {
        use arrow::compute::kernels::numeric::{add, mul, sub};
        let [left, right] = <[ColumnarValue; 2]>::try_from(args.args)
            .map_err(|_| DataFusionError::Internal("two arguments".to_owned()))?;
        let left = left.into_array(args.number_rows)?;
        let right = cast(&right.into_array(args.number_rows)?, left.data_type())?;
        Ok(ColumnarValue::Array(match self.op {
            Operator::Plus => add(&left, &right)?,
            Operator::Minus => sub(&left, &right)?,
            _ => mul(&left, &right)?,
        }))
    }
}

/// SQL's `sum`, which fails where a sum of whole numbers does not fit into its type.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct CheckedSum {
    plain: Sum,
}

impl CheckedSum {
    pub(super) fn function() -> AggregateUDF {
        AggregateUDF::new_from_impl(Self { plain: Sum::new() })
    }
}

/// As `args`, but for a sum in 128 bits; `None` where the sum is not one of whole numbers.
fn widened<'a>(args: &AccumulatorArgs<'a>) -> Option<AccumulatorArgs<'a>> {
    let return_field = widened_field(&args.return_field)?;
    Some(AccumulatorArgs {
        return_field,
        schema: args.schema,
        ignore_nulls: args.ignore_nulls,
        order_bys: args.order_bys,
        is_reversed: args.is_reversed,
        name: args.name,
        is_distinct: args.is_distinct,
        exprs: args.exprs,
        expr_fields: args.expr_fields,
    })
}

fn widened_field(field: &FieldRef) -> Option<FieldRef> {
    field.data_type().is_integer().then(|| Arc::new(Field::clone(field).with_data_type(WIDE_SUM)))
}

impl AggregateUDFImpl for CheckedSum {
    fn name(&self) -> &str {
        self.plain.name()
    }

    fn signature(&self) -> &Signature {
        self.plain.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType, DataFusionError> {
        self.plain.return_type(types)
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>, DataFusionError> {
        let Some(wide) = widened(&args) else { return self.plain.accumulator(args) };
        Ok(Box::new(Narrowed { wide: self.plain.accumulator(wide)?, narrow: Narrow::of(&args) }))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>, DataFusionError> {
        let return_field = widened_field(&args.return_field).unwrap_or_else(|| args.return_field.clone());
        self.plain.state_fields(StateFieldsArgs { return_field, ..args })
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        self.plain.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>, DataFusionError> {
        let Some(wide) = widened(&args) else { return self.plain.create_groups_accumulator(args) };
        Ok(Box::new(Narrowed { wide: self.plain.create_groups_accumulator(wide)?, narrow: Narrow::of(&args) }))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>, DataFusionError> {
        let Some(wide) = widened(&args) else { return self.plain.create_sliding_accumulator(args) };
        Ok(Box::new(Narrowed { wide: self.plain.create_sliding_accumulator(wide)?, narrow: Narrow::of(&args) }))
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.plain.reverse_expr()
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.plain.order_sensitivity()
    }
}

/// How a wide sum becomes one of its own type.
#[derive(Debug)]
struct Narrow {
    name: String,
    data_type: DataType,
}

impl Narrow {
    fn of(args: &AccumulatorArgs<'_>) -> Self {
        Self { name: args.name.to_owned(), data_type: args.return_field.data_type().clone() }
    }

    fn column(&self, sums: &ArrayRef) -> Result<ArrayRef, DataFusionError> {
        let options = CastOptions { safe: false, ..CastOptions::default() };
        cast_with_options(sums, &self.data_type, &options).map_err(|_| {
            let message =
                format!("`{}` does not fit into 64 bits: sum it as a DOUBLE, or less of it at a time", self.name);
            DataFusionError::Execution(message)
        })
    }
}

/// The accumulator of wide sums, with whole numbers going in and coming out.
#[derive(Debug)]
struct Narrowed<A> {
    wide: A,
    narrow: Narrow,
}

fn as_wide(values: &[ArrayRef]) -> Result<Vec<ArrayRef>, DataFusionError> {
    Ok(values.iter().map(|values| cast(values, &WIDE_SUM)).collect::<Result<_, _>>()?)
}

impl Accumulator for Narrowed<Box<dyn Accumulator>> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<(), DataFusionError> {
        self.wide.update_batch(&as_wide(values)?)
    }

    fn evaluate(&mut self) -> Result<ScalarValue, DataFusionError> {
        let sum = self.wide.evaluate()?.to_array()?;
        ScalarValue::try_from_array(&self.narrow.column(&sum)?, 0)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.wide.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>, DataFusionError> {
        self.wide.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<(), DataFusionError> {
        self.wide.merge_batch(states)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<(), DataFusionError> {
        self.wide.retract_batch(&as_wide(values)?)
    }

    fn supports_retract_batch(&self) -> bool {
        self.wide.supports_retract_batch()
    }
}

impl GroupsAccumulator for Narrowed<Box<dyn GroupsAccumulator>> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        num_groups: usize,
    ) -> Result<(), DataFusionError> {
        self.wide.update_batch(&as_wide(values)?, groups, filter, num_groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef, DataFusionError> {
        self.narrow.column(&self.wide.evaluate(emit_to)?)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>, DataFusionError> {
        self.wide.state(emit_to)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], num_groups: usize) -> Result<(), DataFusionError> {
        self.wide.merge_batch(states, groups, num_groups)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>, DataFusionError> {
        self.wide.convert_to_state(&as_wide(values)?, filter)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.wide.size()
    }
}
