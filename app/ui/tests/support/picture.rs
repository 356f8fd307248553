//! What a frame looks like, without a graphics card: the triangles that egui makes, filled by plain arithmetic.
//!
//! Only for people to look at: with `MILLRACE_KEEP_IMAGES=DIR` a test leaves its pictures there as PPM files.

use std::path::Path;

use egui::Color32;
use egui::epaint::{Primitive, Vertex};
use egui_kittest::Harness;

/// Leaves what `harness` shows as `name`, if somebody wants to look at it.
pub fn keep<S>(name: &str, harness: &mut Harness<'_, S>, ground: Color32) {
    let Some(folder) = std::env::var_os("MILLRACE_KEEP_IMAGES") else { return };
    let ratio = 1.5;
    harness.set_pixels_per_point(ratio);
    harness.run_steps(4);
    // Letters, and the white that everything else is filled with; there are no other textures.
    let letters = harness.ctx.fonts(|fonts| fonts.image());
    let rect = harness.ctx.content_rect();
    let (width, height) = ((rect.width() * ratio) as usize, (rect.height() * ratio) as usize);
    let mut pixels = vec![ground; width * height];
    let shapes = harness.output().shapes.clone();
    for clipped in harness.ctx.tessellate(shapes, ratio) {
        let Primitive::Mesh(mesh) = clipped.primitive else { continue };
        let (size, texture) = (letters.size, &letters.pixels);
        let clip = clipped.clip_rect * ratio;
        for corners in mesh.indices.chunks_exact(3) {
            let corners: Vec<&Vertex> = corners.iter().map(|index| &mesh.vertices[*index as usize]).collect();
            let at = |n: usize| (corners[n].pos.x * ratio, corners[n].pos.y * ratio);
            let ((x0, y0), (x1, y1), (x2, y2)) = (at(0), at(1), at(2));
            let area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0);
            if area == 0.0 {
                continue;
            }
            let left = x0.min(x1).min(x2).max(clip.left()).max(0.0) as usize;
            let right = (x0.max(x1).max(x2).min(clip.right()).ceil().max(0.0) as usize).min(width);
            let top = y0.min(y1).min(y2).max(clip.top()).max(0.0) as usize;
            let bottom = (y0.max(y1).max(y2).min(clip.bottom()).ceil().max(0.0) as usize).min(height);
            for y in top..bottom {
                for x in left..right {
                    let (px, py) = (x as f32 + 0.5, y as f32 + 0.5);
                    let a = ((x1 - px) * (y2 - py) - (x2 - px) * (y1 - py)) / area;
                    let b = ((x2 - px) * (y0 - py) - (x0 - px) * (y2 - py)) / area;
                    let c = 1.0 - a - b;
                    if a < 0.0 || b < 0.0 || c < 0.0 || !clip.contains(egui::pos2(px, py)) {
                        continue;
                    }
                    let mix = |value: &dyn Fn(&Vertex) -> f32| {
                        a * value(corners[0]) + b * value(corners[1]) + c * value(corners[2])
                    };
                    let (u, v) = (mix(&|corner| corner.uv.x), mix(&|corner| corner.uv.y));
                    let place = |share: f32, size: usize| ((share * size as f32) as usize).min(size - 1);
                    let texel = texture[place(v, size[1]) * size[0] + place(u, size[0])].to_array();
                    let pixel = &mut pixels[y * width + x];
                    let source: [f32; 4] = std::array::from_fn(|n| {
                        mix(&|corner| f32::from(corner.color.to_array()[n])) * f32::from(texel[n]) / 255.0
                    });
                    let under = pixel.to_array();
                    let over =
                        |n: usize| (source[n] + f32::from(under[n]) * (1.0 - source[3] / 255.0)).clamp(0.0, 255.0);
                    *pixel = Color32::from_rgb(over(0) as u8, over(1) as u8, over(2) as u8);
                }
            }
        }
    }
    let mut file = format!("P6 {width} {height} 255\n").into_bytes();
    file.extend(pixels.iter().flat_map(|pixel| [pixel.r(), pixel.g(), pixel.b()]));
    #[allow(clippy::disallowed_methods, reason = "a test runs on a desk, not in a browser")]
    let written = std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(Path::new(&folder).join(format!("{name}.ppm")), file));
    written.expect("the folder can be written");
}
