//! `millrace nodes`: the node kinds of this build, as a list, one by one, as JSON, or as the reference in Markdown.

use millrace_host::model::{Catalog, NodeCard, Section};

use super::reference;
use crate::exit::{Exit, Stop};
use crate::output;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  millrace nodes
  millrace nodes analyze.tumbling_window
  millrace nodes --markdown > NODES.md")]
pub struct Args {
    /// Show this kind only, with its help, params and ports
    #[arg(value_name = "KIND")]
    kind: Option<String>,
    /// Print the cards as JSON
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print the reference as Markdown
    #[arg(long)]
    markdown: bool,
}

/// # Errors
/// When there is no such kind.
pub fn nodes(args: &Args) -> Result<Exit, Stop> {
    let catalog = millrace_host::registry().catalog();
    match &args.kind {
        Some(kind) => {
            let card = catalog.card(kind).ok_or_else(|| {
                Stop::invalid(format!(
                    "There is no node `{kind}`.{} `millrace nodes` lists them all.",
                    catalog.hint_for_kind(kind)
                ))
            })?;
            if args.json { output::json(card)? } else { output::print(&reference::of_node(card))? }
        }
        None if args.json => output::json(&catalog.cards().collect::<Vec<_>>())?,
        None if args.markdown => output::print(&reference::of_catalog(&catalog))?,
        None => output::print(&list(&catalog))?,
    }
    Ok(Exit::Done)
}

fn list(catalog: &Catalog) -> String {
    let width = catalog.cards().map(|card| card.kind.chars().count()).max().unwrap_or_default();
    let line = |card: &NodeCard| format!("  {:width$}  {}\n", card.kind, card.summary);
    let section = |section: Section| {
        let lines: String = catalog.section(section).map(line).collect();
        if lines.is_empty() { None } else { Some(format!("{}\n{lines}", section.title())) }
    };
    Section::ALL.into_iter().filter_map(section).collect::<Vec<_>>().join("\n")
}
