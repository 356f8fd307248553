//! What a node may use while it works out its output schemas, and how it says what is wrong.

use arrow::datatypes::SchemaRef;
use millrace_model::suggest;

use crate::node::Probed;

/// Inputs of [`Node::infer`](crate::Node::infer): the schema of each input port, in the card's order.
pub struct InferContext<'a> {
    /// `None` where nothing is wired or the node before could not say.
    pub inputs: &'a [Option<SchemaRef>],
    /// What [`Node::probe`](crate::Node::probe) found, for kinds that have one.
    pub probed: Option<&'a Probed>,
    problems: Vec<ParamProblem>,
}

/// A fault in a node's params, found against its input.
#[derive(Debug, Clone, PartialEq)]
pub struct ParamProblem {
    /// Path of the param, such as `columns[2].expression`.
    pub param: String,
    pub code: String,
    pub message: String,
    pub is_warning: bool,
}

impl<'a> InferContext<'a> {
    pub fn new(inputs: &'a [Option<SchemaRef>], probed: Option<&'a Probed>) -> Self {
        Self { inputs, probed, problems: Vec::new() }
    }

    /// The schema at the first input; `None` (with nothing reported) where it is not known.
    pub fn input(&self) -> Option<SchemaRef> {
        self.inputs.first().cloned().flatten()
    }

    pub fn error(&mut self, param: impl Into<String>, code: &str, message: impl Into<String>) {
        self.problems.push(ParamProblem {
            param: param.into(),
            code: code.to_owned(),
            message: message.into(),
            is_warning: false,
        });
    }

    pub fn warning(&mut self, param: impl Into<String>, code: &str, message: impl Into<String>) {
        self.problems.push(ParamProblem {
            param: param.into(),
            code: code.to_owned(),
            message: message.into(),
            is_warning: true,
        });
    }

    /// The index of `column` in `schema`, or an error with the nearest name.
    pub fn column(&mut self, param: &str, column: &str, schema: &SchemaRef) -> Option<usize> {
        let found = schema.index_of(column).ok();
        if found.is_none() {
            let known = schema.fields().iter().map(|field| field.name().as_str());
            self.error(param, "unknown_column", suggest::no_column("The input", column, known));
        }
        found
    }

    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| !problem.is_warning)
    }

    pub fn into_problems(self) -> Vec<ParamProblem> {
        self.problems
    }
}
