//! `--charts`: the last picture of every view node as `NODE.svg` and `NODE.png`.

use std::path::Path;

use millrace_host::engine::Run;
use millrace_host::file::write_whole;
use millrace_host::image::render;
use millrace_host::model::NodeId;
use millrace_protocol::ImageFormat;

use crate::exit::Stop;

const WIDTH: u32 = 1_200;
const HEIGHT: u32 = 600;

/// Whether the folder could be made or used: found out before the run, not after it.
///
/// # Errors
/// When something else than a folder is there.
pub fn check_place(folder: &Path) -> Result<(), Stop> {
    if folder.exists() && !folder.is_dir() {
        return Err(Stop::invalid(format!("--charts {}: this is a file; name a folder.", folder.display())));
    }
    Ok(())
}

/// Writes the pictures of a run that is over, and gives the number of nodes that have one.
///
/// # Errors
/// When a picture cannot be made or written; those before it are there.
pub fn write(folder: &Path, run: &Run) -> Result<usize, Stop> {
    std::fs::create_dir_all(folder)
        .map_err(|error| Stop::failed(format!("--charts {}: the folder cannot be made: {error}.", folder.display())))?;
    let nodes: Vec<NodeId> = run.views().cloned().collect();
    for node in &nodes {
        let (_, picture) = run
            .view(node)
            .ok_or_else(|| Stop::failed(format!("The node `{node}` has drawn nothing, not even an empty picture.")))?;
        for (format, ending) in [(ImageFormat::Svg, "svg"), (ImageFormat::Png, "png")] {
            let path = folder.join(format!("{node}.{ending}"));
            let bytes = render(&picture.spec, &picture.data, format, WIDTH, HEIGHT)
                .map_err(|error| Stop::failed(format!("The picture of `{node}`: {error}.")))?;
            write_whole(&path, &bytes)
                .map_err(|error| Stop::failed(format!("{}: the file cannot be written: {error}.", path.display())))?;
        }
    }
    Ok(nodes.len())
}
