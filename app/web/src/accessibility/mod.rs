//! The designer for those who do not see the canvas: the accessibility tree that egui builds in each frame, mirrored as
//! hidden elements with ARIA roles over the canvas.
//!
//! eframe's web backend drops that tree, so a plugin takes it from the output of a frame. What changed becomes a short
//! list of operations ([`mirror`], pure and tested natively), which [`dom`] carries out; what is done to the elements
//! comes back as action requests in the next frame. The page's focus stays with the canvas.

mod element;
mod mirror;

#[cfg(target_arch = "wasm32")]
mod dom;

#[cfg(target_arch = "wasm32")]
pub use dom::install;
