//! A plan with only the columns that somebody reads: sources parse no others, and wires carry no others.
//!
//! Backward along the wires each node says which columns it reads to give what is read of it; forward, `infer` works out
//! anew what leaves it. The rows are the same with and without, so whatever does not come out as the whole plan has it
//! leaves the plan whole. State is not touched by it: the columns that a node's state hangs on are a matter of the node
//! ([`PlannedNode::state_inputs`](crate::PlannedNode)), not of who else reads.
//!
//! A plan of this kind is for a run at which nobody looks: at a tapped wire every column is wanted, and a param that is
//! changed in the run may ask for one that is not there.

use std::collections::BTreeMap;

use arrow::datatypes::SchemaRef;
use millrace_model::NodeId;
use millrace_operator::{Columns, InferContext, Registry, Wanted};

use crate::plan::{Plan, PlannedNode, PlannedPort};

/// The columns that are read at the ports of one node, in the card's order.
struct Read {
    inputs: Vec<Columns>,
    outputs: Vec<Columns>,
}

/// `plan` with only the columns that are read somewhere; as it is when it cannot be run.
pub fn with_columns_read(plan: &Plan, registry: &Registry) -> Plan {
    let narrow = || {
        let read = columns_read(plan, registry)?;
        narrowed(plan, &read, registry)
    };
    if plan.is_runnable() { narrow().unwrap_or_else(|| plan.clone()) } else { plan.clone() }
}

/// Goes from the sinks to the sources. None where a node does not say.
fn columns_read<'a>(plan: &'a Plan, registry: &Registry) -> Option<BTreeMap<&'a NodeId, Read>> {
    let mut read: BTreeMap<&NodeId, Read> = BTreeMap::new();
    for id in plan.order.iter().rev() {
        let node = &plan.nodes[id];
        let read_at = |output: &PlannedPort| {
            let wires = plan.wires.iter().filter(|wire| wire.from.node == *id && wire.from.port == output.port.name);
            wires.fold(Columns::none(), |columns, wire| {
                let to = &plan.nodes[&wire.to.node];
                let input = to.input_index(&wire.to.port).expect("a runnable plan has wires between ports only");
                columns.and(&read[&wire.to.node].inputs[input])
            })
        };
        let outputs: Vec<Columns> = node.outputs.iter().map(read_at).collect();
        let inputs = schemas(&node.inputs)?;
        let wanted = Wanted { inputs: &inputs, outputs: &outputs };
        let inputs = registry.node_type(&node.kind)?.reads(&node.params, &wanted).ok()?;
        read.insert(id, Read { inputs, outputs });
    }
    Some(read)
}

/// Goes from the sources to the sinks. None where something does not come out as `plan` has it.
fn narrowed(plan: &Plan, read: &BTreeMap<&NodeId, Read>, registry: &Registry) -> Option<Plan> {
    let mut narrow = plan.clone();
    for id in &plan.order {
        let (node, read) = (&plan.nodes[id], read.get(id)?);
        let node_type = registry.node_type(&node.kind)?;
        let of_port = |(port, columns): (&PlannedPort, &Columns)| Some(columns.of(port.schema.as_ref()?));
        let inputs: Option<Vec<SchemaRef>> = node.inputs.iter().zip(&read.inputs).map(of_port).collect();
        let inputs: Vec<Option<SchemaRef>> = inputs?.into_iter().map(Some).collect();
        let outputs = if !node.is_source() {
            let mut cx = InferContext::new(&inputs, node.probed.as_ref());
            let outputs = node_type.infer(&node.params, &mut cx);
            if cx.has_errors() || !gives(node, &read.outputs, &outputs) {
                return None;
            }
            outputs
        } else if node_type.leaves_columns_out() {
            let of_port = |(port, columns): (&PlannedPort, &Columns)| {
                let schema = port.schema.as_ref()?;
                Some(columns.clone().with_essentials(schema).of(schema))
            };
            node.outputs.iter().zip(&read.outputs).map(of_port).collect()
        } else {
            node.outputs.iter().map(|port| port.schema.clone()).collect()
        };
        let node = narrow.nodes.get_mut(id)?;
        for (port, schema) in node.inputs.iter_mut().zip(inputs).chain(node.outputs.iter_mut().zip(outputs)) {
            port.schema = schema;
        }
    }
    Some(narrow)
}

/// Whether `outputs` have what is read of `node`, each column as it was.
fn gives(node: &PlannedNode, read: &[Columns], outputs: &[Option<SchemaRef>]) -> bool {
    outputs.len() == node.outputs.len()
        && node.outputs.iter().zip(read).zip(outputs).all(|((whole, read), narrow)| {
            let (Some(whole), Some(narrow)) = (&whole.schema, narrow) else { return false };
            match read {
                Columns::All => whole == narrow,
                Columns::Named(_) => {
                    let as_it_was = |field: &arrow::datatypes::FieldRef| {
                        narrow.field_with_name(field.name()).is_ok_and(|found| found == field.as_ref())
                    };
                    whole.metadata() == narrow.metadata() && read.of(whole).fields().iter().all(as_it_was)
                }
            }
        })
}

fn schemas(ports: &[PlannedPort]) -> Option<Vec<SchemaRef>> {
    ports.iter().map(|port| port.schema.clone()).collect()
}
