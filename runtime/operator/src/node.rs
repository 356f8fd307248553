//! A node kind: [`Node`] is what a node's author writes, [`NodeType`] the same without its param type, for the engine.

use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use millrace_model::card::{Nesting, NodeCard, PortCard, Section};
use millrace_model::{NodeId, Params};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::columns::{Columns, Wanted};
use crate::error::NodeError;
use crate::form;
use crate::infer::InferContext;
use crate::machine::{Machine, Partitioning};

/// A node kind, as its author writes it.
///
/// ```
/// use millrace_model::PortCard;
/// use millrace_operator::{BuildContext, CardText, InferContext, Machine, Node, NodeError, Operator, Output};
/// use arrow::{array::RecordBatch, datatypes::SchemaRef};
///
/// /// Passes every row on.
/// #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
/// #[serde(deny_unknown_fields)]
/// struct Params {}
///
/// struct Pass;
///
/// impl Node for Pass {
///     type Params = Params;
///     const KIND: &'static str = "process.pass";
///
///     fn card() -> CardText {
///         CardText::new("Pass", "Passes every row on", "arrow-right")
///             .input(PortCard::rows("Rows to pass on."))
///             .output(PortCard::rows("The same rows."))
///     }
///
///     fn infer(_: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
///         vec![cx.input()]
///     }
///
///     fn build(_: Params, _: &BuildContext) -> Result<Machine, NodeError> {
///         Ok(Machine::Operator(Box::new(PassOperator)))
///     }
/// }
///
/// struct PassOperator;
///
/// impl Operator for PassOperator {
///     fn on_batch(&mut self, _: usize, batch: RecordBatch, out: &mut Output) -> Result<(), NodeError> {
///         out.emit(0, batch);
///         Ok(())
///     }
/// }
/// ```
pub trait Node: Send + Sync + 'static {
    /// The typed params. Its doc comment is the node's help page unless the card has one, each field's doc comment that field's help.
    type Params: DeserializeOwned + Serialize + JsonSchema + Send + Sync + 'static;

    /// `section.snake_case`.
    const KIND: &'static str;

    /// Whether this source gives no more columns than [`BuildContext::outputs`] has, which may be fewer than `infer`
    /// gave. It must reject the same records as with all of them.
    const LEAVES_COLUMNS_OUT: bool = false;

    fn card() -> CardText;

    /// Looks at the outside world for what `infer` must know, such as the columns of a file. The host calls it when the
    /// params have changed, off the UI thread, and hands the result to `infer`. Relative paths start at `base_dir`.
    ///
    /// # Errors
    /// One sentence for the person.
    fn probe(params: &Self::Params, base_dir: &std::path::Path) -> Result<Option<Probed>, String> {
        let _ = (params, base_dir);
        Ok(None)
    }

    /// The schema of each output port, in the order of the ports that these params give; `None` where it cannot be
    /// known. Pure: no I/O. Says in `cx` everything that is wrong with the params.
    fn infer(params: &Self::Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>>;

    /// How the node's rows may be spread over instances.
    fn partitioning(params: &Self::Params) -> Partitioning {
        let _ = params;
        Partitioning::Single
    }

    /// The file that the node reads or writes, as its params name it. Two nodes must not write one file, and none the
    /// file that another reads.
    fn file(params: &Self::Params) -> Option<FileUse> {
        let _ = params;
        None
    }

    /// The columns that the node reads at each input port to give what is wanted of its outputs; see
    /// [`columns`](crate::columns) for the promise. A condition or a computed column is read whether or not its result is
    /// wanted, since it rejects rows. With nothing wanted: the columns that its state hangs on, so that a node whose
    /// state holds rows reads all of them.
    fn reads(params: &Self::Params, wanted: &Wanted<'_>) -> Vec<Columns> {
        let _ = params;
        wanted.everything()
    }

    /// Makes the machine. Must not touch the outside world: that is for `open`.
    ///
    /// # Errors
    /// When the params are wrong in a way that `infer` did not report.
    fn build(params: Self::Params, cx: &BuildContext) -> Result<Machine, NodeError>;
}

/// A file outside of the pipeline, and what a node does with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileUse {
    Reads(PathBuf),
    Writes(PathBuf),
}

/// What `probe` found: the schema of what is out there.
#[derive(Debug, Clone, PartialEq)]
pub struct Probed {
    pub schema: SchemaRef,
}

/// What a machine is built with.
#[derive(Debug, Clone)]
pub struct BuildContext {
    pub node: NodeId,
    /// What the person calls the node; for titles of pictures and messages.
    pub title: String,
    /// The schema at each input port, in the card's order.
    pub inputs: Vec<SchemaRef>,
    /// What `infer` gave for each output port; of a source that leaves columns out, those that are read.
    pub outputs: Vec<SchemaRef>,
    pub probed: Option<Probed>,
    /// Which of `parallelism` instances this one is.
    pub instance: usize,
    pub parallelism: usize,
    /// Where relative paths start.
    pub base_dir: PathBuf,
}

impl BuildContext {
    /// The schema at the first input.
    ///
    /// # Panics
    /// When the node has no input: a source must not ask.
    pub fn input(&self) -> &SchemaRef {
        self.inputs.first().expect("the node has an input port")
    }

    /// `path` as it is when absolute, else below the pipeline's folder.
    pub fn resolve(&self, path: &str) -> PathBuf {
        self.base_dir.join(path)
    }
}

/// The parts of a card that only its author knows; the rest follows from the kind and the params.
#[derive(Debug, Clone)]
pub struct CardText {
    pub(crate) title: String,
    pub(crate) summary: String,
    pub(crate) icon: String,
    pub(crate) inputs: Vec<PortCard>,
    pub(crate) outputs: Vec<PortCard>,
    pub(crate) headline: Option<String>,
    pub(crate) has_view: bool,
    pub(crate) nesting: Option<Nesting>,
    pub(crate) can_bypass: bool,
    pub(crate) help: Option<String>,
}

impl CardText {
    /// `icon` is the name of a Phosphor icon.
    pub fn new(title: &str, summary: &str, icon: &str) -> Self {
        Self {
            title: title.to_owned(),
            summary: summary.to_owned(),
            icon: icon.to_owned(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            headline: None,
            has_view: false,
            nesting: None,
            can_bypass: false,
            help: None,
        }
    }

    /// The help page, in Markdown, of a kind that shares its params with others; else the comment of the params is it.
    #[must_use]
    pub fn help(mut self, help: &str) -> Self {
        self.help = Some(help.to_owned());
        self
    }

    #[must_use]
    pub fn input(mut self, port: PortCard) -> Self {
        self.inputs.push(port);
        self
    }

    #[must_use]
    pub fn output(mut self, port: PortCard) -> Self {
        self.outputs.push(port);
        self
    }

    /// The param shown under the node's title on the canvas.
    #[must_use]
    pub fn headline(mut self, param: &str) -> Self {
        self.headline = Some(param.to_owned());
        self
    }

    /// The node is a nested pipeline, or a port of one.
    #[must_use]
    pub fn nesting(mut self, nesting: Nesting) -> Self {
        self.nesting = Some(nesting);
        self
    }

    /// What comes in goes out: a disabled node lets its rows by, from its first input to its first output.
    #[must_use]
    pub fn can_bypass(mut self) -> Self {
        self.can_bypass = true;
        self
    }

    /// The node shows a live picture.
    #[must_use]
    pub fn view(mut self) -> Self {
        self.has_view = true;
        self
    }
}

/// A node kind without its param type.
pub trait NodeType: Send + Sync {
    fn kind(&self) -> &'static str;

    fn card(&self) -> NodeCard;

    /// # Errors
    /// A sentence that says which param cannot be read and why.
    fn probe(&self, params: &Params, base_dir: &std::path::Path) -> Result<Option<Probed>, String>;

    /// As [`Node::infer`]; params that cannot be read are reported in `cx`.
    fn infer(&self, params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>>;

    /// # Errors
    /// A sentence that says which param cannot be read and why.
    fn partitioning(&self, params: &Params) -> Result<Partitioning, String>;

    /// As [`Node::file`]; none where the params cannot be read.
    fn file(&self, params: &Params) -> Option<FileUse>;

    /// As [`Node::LEAVES_COLUMNS_OUT`].
    fn leaves_columns_out(&self) -> bool;

    /// As [`Node::reads`], with the keys, the event time, and one column at least.
    ///
    /// # Errors
    /// A sentence that says which param cannot be read and why.
    fn reads(&self, params: &Params, wanted: &Wanted<'_>) -> Result<Vec<Columns>, String>;

    /// # Errors
    /// As [`Node::build`], or when the params cannot be read.
    fn build(&self, params: &Params, cx: &BuildContext) -> Result<Machine, NodeError>;
}

/// The erased form of node kind `N`.
pub fn erase<N: Node>() -> Arc<dyn NodeType> {
    Arc::new(Erased::<N>(PhantomData))
}

struct Erased<N>(PhantomData<fn() -> N>);

fn read<P: DeserializeOwned>(params: &Params) -> Result<P, String> {
    let value: Value = params.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    serde_json::from_value(value).map_err(|error| error.to_string())
}

impl<N: Node> NodeType for Erased<N> {
    fn kind(&self) -> &'static str {
        N::KIND
    }

    fn card(&self) -> NodeCard {
        let text = N::card();
        let (help, form) = form::form_of::<N::Params>();
        NodeCard {
            kind: N::KIND.to_owned(),
            section: Section::of_kind(N::KIND).expect("a kind begins with its section"),
            title: text.title,
            summary: text.summary,
            help: text.help.unwrap_or(help),
            icon: text.icon,
            form,
            is_source: text.inputs.is_empty() && text.nesting.is_none(),
            inputs: text.inputs,
            outputs: text.outputs,
            headline: text.headline,
            has_view: text.has_view,
            nesting: text.nesting,
            can_bypass: text.can_bypass,
        }
    }

    fn probe(&self, params: &Params, base_dir: &std::path::Path) -> Result<Option<Probed>, String> {
        N::probe(&read::<N::Params>(params)?, base_dir)
    }

    fn infer(&self, params: &Params, cx: &mut InferContext<'_>) -> Vec<Option<SchemaRef>> {
        match read::<N::Params>(params) {
            Ok(params) => N::infer(&params, cx),
            Err(reason) => {
                cx.error("", "unreadable_params", format!("The params cannot be read: {reason}."));
                Vec::new()
            }
        }
    }

    fn partitioning(&self, params: &Params) -> Result<Partitioning, String> {
        Ok(N::partitioning(&read::<N::Params>(params)?))
    }

    fn file(&self, params: &Params) -> Option<FileUse> {
        N::file(&read::<N::Params>(params).ok()?)
    }

    fn leaves_columns_out(&self) -> bool {
        N::LEAVES_COLUMNS_OUT
    }

    fn reads(&self, params: &Params, wanted: &Wanted<'_>) -> Result<Vec<Columns>, String> {
        let params = read::<N::Params>(params)?;
        let partitioning = N::partitioning(&params);
        let read = N::reads(&params, wanted).into_iter().zip(wanted.inputs).enumerate();
        Ok(read
            .map(|(port, (columns, schema))| {
                columns.and(&Columns::named(partitioning.keys_at(port))).with_essentials(schema)
            })
            .collect())
    }

    fn build(&self, params: &Params, cx: &BuildContext) -> Result<Machine, NodeError> {
        let params = read::<N::Params>(params)
            .map_err(|reason| NodeError::user(format!("The params cannot be read: {reason}.")))?;
        N::build(params, cx)
    }
}
