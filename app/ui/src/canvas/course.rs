//! The way that a wire takes over the canvas: one smooth curve, or three that join smoothly.
//!
//! A course leaves its output and enters its input level. It knows nothing of nodes: where a loop passes them is found
//! by [`super::routes`], and which courses run together by [`super::bundle`]. What is drawn and what the pointer touches
//! are the same course.

use egui::{Pos2, Rect, Vec2, vec2};

/// The shortest way that a wire runs level before it bends.
const MIN_REACH: f32 = 24.0;
/// How far a loop's bends stand out of the nodes; they turn at three quarters of it.
const LOOP_REACH: f32 = 44.0;
/// Between parallel wires where they run up or down.
const PARALLEL_GAP: f32 = 10.0;

/// Curves that follow each other; each is given by its four control points and begins where the one before ends.
#[derive(Debug, Clone, Copy)]
pub struct Course {
    /// Those after the last curve mean nothing.
    points: [Pos2; 10],
    num_curves: usize,
}

impl PartialEq for Course {
    fn eq(&self, other: &Self) -> bool {
        self.curves().eq(other.curves())
    }
}

impl Course {
    /// One curve that leaves `from` and enters `to` level, wherever they are.
    pub fn direct(from: Pos2, to: Pos2) -> Self {
        let distance = to.x - from.x;
        let reach = if distance > 0.0 { (distance * 0.5).max(MIN_REACH) } else { (-distance * 0.5).clamp(60.0, 200.0) };
        Self::one([from, from + vec2(reach, 0.0), to - vec2(reach, 0.0), to])
    }

    /// As [`Course::direct`] to a place further right, beside `rank` other wires between the same two nodes: 0 for
    /// the middle one, counted from the top.
    pub fn forward(from: Pos2, to: Pos2, rank: f32) -> Self {
        let reach = ((to.x - from.x) * 0.5).max(MIN_REACH);
        // Going down, the lower wire is to bend first, else it crosses its neighbours.
        let side = if to.y > from.y { -1.0 } else { 1.0 };
        let aside = (rank * side * PARALLEL_GAP).clamp(-reach * 0.5, reach * 0.5);
        Self::one([from, from + vec2(reach + aside, 0.0), to - vec2(reach - aside, 0.0), to])
    }

    /// Goes back from `from` to a place further left along a lane at the height `lane`.
    pub fn around(from: Pos2, to: Pos2, lane: f32) -> Self {
        let out = vec2(LOOP_REACH, 0.0);
        let (turn, end) = (Pos2::new(from.x, lane), Pos2::new(to.x, lane));
        let third = (end - turn) / 3.0;
        let points =
            [from, from + out, turn + out, turn, turn + third, turn + third * 2.0, end, end - out, to - out, to];
        Self { points, num_curves: 3 }
    }

    /// Runs through `start` and `end` of a trunk that is shared with others, level at both.
    pub fn through(from: Pos2, trunk: [Pos2; 4], to: Pos2) -> Self {
        let half = |a: Pos2, b: Pos2| vec2((b.x - a.x) * 0.5, 0.0);
        let [start, first, second, end] = trunk;
        let (into, out) = (half(from, start), half(end, to));
        let points = [from, from + into, start - into, start, first, second, end, end + out, to - out, to];
        Self { points, num_curves: 3 }
    }

    fn one(curve: [Pos2; 4]) -> Self {
        let mut points = [curve[3]; 10];
        points[..4].copy_from_slice(&curve);
        Self { points, num_curves: 1 }
    }

    /// The same way, cut into three curves.
    fn in_three(&self) -> Self {
        if self.num_curves == 3 {
            return *self;
        }
        let [a, b, c, d] = self.curve(0);
        let (first, rest) = cut([a, b, c, d], 1.0 / 3.0);
        let (second, third) = cut(rest, 0.5);
        let mut points = [d; 10];
        points[..4].copy_from_slice(&first);
        points[3..7].copy_from_slice(&second);
        points[6..].copy_from_slice(&third);
        Self { points, num_curves: 3 }
    }

    /// Between this course (0) and another (1).
    pub fn blend(&self, other: &Self, part: f32) -> Self {
        if part <= 0.0 {
            return *self;
        }
        if part >= 1.0 {
            return *other;
        }
        let (a, b) = (self.in_three(), other.in_three());
        let points = std::array::from_fn(|n| a.points[n].lerp(b.points[n], part));
        Self { points, num_curves: 3 }
    }

    fn curve(&self, index: usize) -> [Pos2; 4] {
        std::array::from_fn(|n| self.points[3 * index + n])
    }

    pub fn curves(&self) -> impl Iterator<Item = [Pos2; 4]> + '_ {
        (0..self.num_curves).map(|index| self.curve(index))
    }

    pub fn map(mut self, place: impl Fn(Pos2) -> Pos2) -> Self {
        for point in &mut self.points[..=3 * self.num_curves] {
            *point = place(*point);
        }
        self
    }

    pub fn start(&self) -> Pos2 {
        self.points[0]
    }

    pub fn end(&self) -> Pos2 {
        self.points[3 * self.num_curves]
    }

    /// The point at `t` (0 to 1); a loop has its middle on the lane.
    pub fn point_at(&self, t: f32) -> Pos2 {
        let along = t.clamp(0.0, 1.0) * self.num_curves as f32;
        let index = (along as usize).min(self.num_curves - 1);
        point_on(&self.curve(index), along - index as f32)
    }

    /// How far `pos` is from it.
    pub fn distance_to(&self, pos: Pos2) -> f32 {
        self.curves().map(|curve| distance_to(&curve, pos)).fold(f32::INFINITY, f32::min)
    }

    /// A rectangle that holds it: that of its control points.
    pub fn bounds(&self) -> Rect {
        Rect::from_points(&self.points[..=3 * self.num_curves])
    }
}

fn cut([a, b, c, d]: [Pos2; 4], t: f32) -> ([Pos2; 4], [Pos2; 4]) {
    // De Casteljau's algorithm.
    let (ab, bc, cd) = (a.lerp(b, t), b.lerp(c, t), c.lerp(d, t));
    let (abc, bcd) = (ab.lerp(bc, t), bc.lerp(cd, t));
    let middle = abc.lerp(bcd, t);
    ([a, ab, abc, middle], [middle, bcd, cd, d])
}

/// The point at `t` (0 to 1) of a curve.
pub fn point_on(curve: &[Pos2; 4], t: f32) -> Pos2 {
    let s = 1.0 - t;
    let weights = [s * s * s, 3.0 * s * s * t, 3.0 * s * t * t, t * t * t];
    let mut sum = Vec2::ZERO;
    for (point, weight) in curve.iter().zip(weights) {
        sum += point.to_vec2() * weight;
    }
    sum.to_pos2()
}

/// How far `pos` is from a curve.
pub fn distance_to(curve: &[Pos2; 4], pos: Pos2) -> f32 {
    const STEPS: usize = 24;
    let mut nearest = f32::INFINITY;
    let mut before = curve[0];
    for step in 1..=STEPS {
        let point = point_on(curve, step as f32 / STEPS as f32);
        let (along, to_pos) = (point - before, pos - before);
        let t = (to_pos.dot(along) / along.length_sq().max(1e-6)).clamp(0.0, 1.0);
        nearest = nearest.min((before + along * t).distance(pos));
        before = point;
    }
    nearest
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::pos2;

    fn some_courses() -> Vec<Course> {
        let (from, to) = (pos2(0.0, 0.0), pos2(200.0, 100.0));
        vec![
            Course::direct(from, to),
            Course::forward(from, to, 1.5),
            Course::around(to, from, 180.0),
            Course::through(from, [pos2(60.0, 20.0), pos2(90.0, 20.0), pos2(110.0, 80.0), pos2(140.0, 80.0)], to),
        ]
    }

    #[test]
    fn a_course_is_near_its_own_points_and_far_from_others() {
        for course in some_courses() {
            for part in 0..=20 {
                let point = course.point_at(part as f32 / 20.0);
                assert!(course.distance_to(point) < 1.0, "{course:?} passes {point}");
                assert!(course.bounds().expand(0.01).contains(point), "{course:?} holds {point}");
            }
            assert!(course.distance_to(pos2(100.0, 400.0)) > 50.0);
        }
    }

    #[test]
    fn every_course_leaves_and_enters_level_and_has_no_corner() {
        for course in some_courses() {
            let curves: Vec<_> = course.curves().collect();
            let (first, last) = (curves[0], curves[curves.len() - 1]);
            assert!(first[1].y == first[0].y && first[1].x > first[0].x, "{course:?}");
            assert!(last[2].y == last[3].y && last[2].x < last[3].x, "{course:?}");
            for pair in curves.windows(2) {
                let (before, after) = ((pair[0][3] - pair[0][2]).normalized(), (pair[1][1] - pair[1][0]).normalized());
                assert!((before - after).length() < 1e-3, "{course:?} turns at {}", pair[0][3]);
            }
        }
    }

    #[test]
    fn a_blend_begins_as_one_course_ends_as_the_other_and_keeps_the_ends() {
        let courses = some_courses();
        let (own, shared) = (courses[1], courses[3]);
        assert_eq!((own.blend(&shared, 0.0), own.blend(&shared, 1.0)), (own, shared));
        let near = own.blend(&shared, 0.001);
        for part in 0..=10 {
            assert!(own.distance_to(near.point_at(part as f32 / 10.0)) < 0.5, "it moves off smoothly");
        }
        for part in 0..=10 {
            let blend = own.blend(&shared, part as f32 / 10.0);
            assert!(blend.start() == own.start() && blend.end() == own.end());
        }
    }

    #[test]
    fn parallel_wires_keep_distance_up_and_down() {
        for fall in [600.0, -600.0] {
            let wire = |rank: f32| {
                let port = rank * 20.0;
                Course::forward(pos2(0.0, port), pos2(100.0, fall + port), rank)
            };
            let (above, below) = (wire(-0.5), wire(0.5));
            let gap =
                (0..=40).map(|n| below.distance_to(above.point_at(n as f32 / 40.0))).fold(f32::INFINITY, f32::min);
            assert!(gap > 6.0, "{gap} apart");
        }
    }
}
