//! From the text of aggregates to functions over prepared columns.
//!
//! The sum of integers is accumulated in 128 bits and cast back when it is finished: a sum that does not fit into its
//! type is then an error of its own result, whatever the order of the rows, and never a wrong number. A partial sum
//! that leaves the range and comes back does no harm.

use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, DataFusionError};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, ExprSchemable, cast};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::LoweredAggregateBuilder;

use super::Aggregate;
use crate::explain::explain;
use crate::expression::{self, CompiledExpression, ExpressionError};

/// Every 64-bit integer, signed or not, fits into 20 digits; ten more are left for the sum.
const WIDE: DataType = DataType::Decimal128(20, 0);

/// The type of a sum of integers while it is accumulated.
pub(crate) const WIDE_SUM: DataType = DataType::Decimal128(30, 0);

/// The distinct aggregate functions that were met so far, and what they read.
pub(super) struct Lowered {
    num_keys: usize,
    logical: Vec<Expr>,
    pub(super) aggregates: Vec<Aggregate>,
    pub(super) inputs: Vec<CompiledExpression>,
}

impl Lowered {
    pub(super) fn new(num_keys: usize) -> Self {
        Self { num_keys, logical: Vec::new(), aggregates: Vec::new(), inputs: Vec::new() }
    }

    /// Takes the aggregates out of an expression; what is left reads their results by name.
    pub(super) fn add(&mut self, text: &str, input: &DFSchema, schema: &SchemaRef) -> Result<Expr, ExpressionError> {
        let expr = expression::parse(text, input)?;
        if !expression::has_aggregate(&expr) {
            return Err(ExpressionError::new(
                "not_an_aggregate",
                format!("This is not an aggregate. Say what to do with the rows of a group, as in `avg({text})`."),
            ));
        }
        let groups =
            |part: &Expr| matches!(part, Expr::AggregateFunction(function) if function.func.name() == "grouping");
        if expr.exists(|part| Ok(groups(part))).unwrap_or_default() {
            return Err(ExpressionError::new(
                "not_an_aggregate",
                "`grouping` tells apart the groups of ROLLUP and CUBE, which only the SQL node makes. Here every result \
                 is of one group.",
            ));
        }
        let simplifier = ExprSimplifier::new(SimplifyContext::builder().with_schema(Arc::new(input.clone())).build());
        let expr = simplifier.coerce(expr, input).map_err(|error| explain(&error, input))?;
        let rewritten = expr
            .transform_down(|part| match &part {
                Expr::AggregateFunction(_) => {
                    let (part, narrow) = widened(part, input)?;
                    let number = match self.logical.iter().position(|known| *known == part) {
                        Some(number) => number,
                        None => self.lower(&part, input, schema)?,
                    };
                    let result = Expr::Column(Column::new_unqualified(aggregate_name(number)));
                    let result = match narrow {
                        Some(data_type) => cast(result, data_type),
                        None => result,
                    };
                    Ok(Transformed::new(result, true, TreeNodeRecursion::Jump))
                }
                Expr::Column(column) => Err(DataFusionError::Plan(format!(
                    "`{}` stands outside of an aggregate: make it a key, or write for example `last_value({})`",
                    column.name, column.name
                ))),
                _ => Ok(Transformed::no(part)),
            })
            .map_err(|error| explain(&error, input))?;
        Ok(rewritten.data)
    }

    fn lower(&mut self, expr: &Expr, input: &DFSchema, schema: &SchemaRef) -> Result<usize, DataFusionError> {
        let number = self.logical.len();
        let planning = Default::default();
        let lowered =
            LoweredAggregateBuilder::new(expr, input, schema, expression::state().execution_props(), &planning)
                .with_name(aggregate_name(number))
                .build()?;
        let orders = lowered.order_bys.iter().map(|order| order.expr.clone());
        let arguments = lowered.aggregate.expressions().into_iter().chain(orders);
        let arguments = arguments.map(|argument| self.input(argument, schema)).collect::<Result<_, _>>()?;
        let filter = lowered.filter.map(|filter| self.input(filter, schema)).transpose()?;
        self.aggregates.push(Aggregate { function: lowered.aggregate, arguments, filter });
        self.logical.push(expr.clone());
        Ok(number)
    }

    /// The column of prepared rows that holds this expression.
    fn input(&mut self, physical: Arc<dyn PhysicalExpr>, schema: &SchemaRef) -> Result<usize, DataFusionError> {
        let compiled = CompiledExpression::from_physical(physical, schema)?;
        let known = self.inputs.iter().position(|known| known.is_same(&compiled));
        let number = known.unwrap_or_else(|| {
            self.inputs.push(compiled);
            self.inputs.len() - 1
        });
        Ok(self.num_keys + number)
    }
}

/// A sum of integers as one of decimals, and the type to cast its result to; any other aggregate as it is.
fn widened(expr: Expr, input: &DFSchema) -> Result<(Expr, Option<DataType>), DataFusionError> {
    let Expr::AggregateFunction(mut function) = expr else { return Ok((expr, None)) };
    let narrow = match function.params.args.as_slice() {
        [argument] if function.func.name() == "sum" => match argument.get_type(input)? {
            argument if argument.is_signed_integer() => Some(DataType::Int64),
            argument if argument.is_unsigned_integer() => Some(DataType::UInt64),
            _ => None,
        },
        _ => None,
    };
    if narrow.is_some()
        && let Some(argument) = function.params.args.pop()
    {
        function.params.args.push(cast(argument, WIDE));
    }
    Ok((Expr::AggregateFunction(function), narrow))
}

pub(super) fn aggregate_name(number: usize) -> String {
    format!("__aggregate_{number}")
}
