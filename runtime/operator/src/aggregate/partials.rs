//! States of single groups, each by its own handle, that come and go one by one.
//!
//! Accumulators of DataFusion give all their groups at once; here the states lie in Arrow batches, so that a few of many
//! can be taken out, merged and forgotten at the cost of those few. A piece of which more than half was forgotten is
//! written anew together with others, so that the memory held stays within a factor of what is alive.

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::{interleave_record_batch, take_record_batch};

use super::{AggregatePlan, Finished};
use crate::error::NodeError;

/// Pieces smaller than this are put together when there are many.
const SMALL: usize = 4_096;

/// An arena of rows of state.
#[derive(Default)]
pub struct Partials {
    pieces: Vec<Piece>,
    /// Where each handle's row lies: piece and row.
    places: Vec<(u32, u32)>,
    unused: Vec<u32>,
    num_dead: usize,
}

struct Piece {
    state: RecordBatch,
    /// The handle of each row; `NONE` for a row that was forgotten.
    handles: Vec<u32>,
}

const NONE: u32 = u32::MAX;

impl Partials {
    /// A handle without a state yet.
    pub fn reserve(&mut self) -> u32 {
        self.unused.pop().unwrap_or_else(|| {
            self.places.push((NONE, 0));
            number(self.places.len() - 1)
        })
    }

    /// Keeps every row of `state`; gives the handle of each.
    pub fn add(&mut self, state: RecordBatch) -> Vec<u32> {
        let handles: Vec<u32> = (0..state.num_rows()).map(|_| self.reserve()).collect();
        self.put(&handles, state);
        handles
    }

    /// Gives each handle the row of `state` at its place, instead of what it had.
    pub fn put(&mut self, handles: &[u32], state: RecordBatch) {
        debug_assert_eq!(handles.len(), state.num_rows());
        if handles.is_empty() {
            return;
        }
        let piece = number(self.pieces.len());
        for (row, handle) in handles.iter().enumerate() {
            self.drop_row(*handle);
            self.places[*handle as usize] = (piece, number(row));
        }
        self.pieces.push(Piece { state, handles: handles.to_vec() });
    }

    /// Whether the handle has a state.
    pub fn has_state(&self, handle: u32) -> bool {
        self.places[handle as usize].0 != NONE
    }

    /// Adds prepared rows to the states of some handles: `slots` says for each row which of `handles` it belongs to. A
    /// handle without a state must have a row.
    ///
    /// # Errors
    /// When a function cannot take its arguments.
    pub fn fold(
        &mut self,
        plan: &AggregatePlan,
        handles: &[u32],
        prepared: &RecordBatch,
        slots: &[usize],
    ) -> Result<(), NodeError> {
        if handles.is_empty() {
            return Ok(());
        }
        // Those with a state go first: accumulators take it that a new group has a row in the call that brings it.
        let (known, fresh): (Vec<usize>, Vec<usize>) =
            (0..handles.len()).partition(|slot| self.has_state(handles[*slot]));
        let ordered: Vec<u32> = known.iter().chain(&fresh).map(|slot| handles[*slot]).collect();
        let mut places = vec![0; handles.len()];
        for (place, slot) in known.iter().chain(&fresh).enumerate() {
            places[*slot] = place;
        }
        let slots: Vec<usize> = slots.iter().map(|slot| places[*slot]).collect();
        let mut table = plan.new_slots()?;
        if let Some(state) = self.gather(&ordered[..known.len()])? {
            table.merge(&state, &(0..known.len()).collect::<Vec<_>>(), known.len())?;
        }
        table.update(prepared, &slots, handles.len())?;
        let state = table.into_state(handles.len())?;
        self.put(&ordered, state);
        self.tidy()
    }

    /// The results of groups that are each put together from some handles: `slots` says for each handle which group it
    /// belongs to. Every group has a handle; within a group, states are merged in their order.
    ///
    /// # Errors
    /// When an accumulator cannot give its results.
    pub fn finish(
        &self,
        plan: &AggregatePlan,
        handles: &[u32],
        slots: &[usize],
        keys: Vec<ArrayRef>,
        num_slots: usize,
    ) -> Result<Finished, NodeError> {
        let mut table = plan.new_slots()?;
        if let Some(state) = self.gather(handles)? {
            table.merge(&state, slots, num_slots)?;
        }
        table.finish(keys, num_slots)
    }

    /// The rows of these handles, in this order; `None` for no handles.
    ///
    /// # Errors
    /// When arrays cannot be put together: a defect.
    pub fn gather(&self, handles: &[u32]) -> Result<Option<RecordBatch>, NodeError> {
        if handles.is_empty() {
            return Ok(None);
        }
        // Only the pieces that are asked for take part, so that many small ones cost nothing.
        let mut local = vec![NONE; self.pieces.len()];
        let mut pieces: Vec<&RecordBatch> = Vec::new();
        let mut places = Vec::with_capacity(handles.len());
        for handle in handles {
            let (piece, row) = self.places[*handle as usize];
            let place = &mut local[piece as usize];
            if *place == NONE {
                *place = number(pieces.len());
                pieces.push(&self.pieces[piece as usize].state);
            }
            places.push((*place as usize, row as usize));
        }
        if let [only] = pieces[..] {
            let rows: UInt32Array = places.iter().map(|(_, row)| number(*row)).collect();
            return Ok(Some(take_record_batch(only, &rows)?));
        }
        Ok(Some(interleave_record_batch(&pieces, &places)?))
    }

    /// Forgets a handle and its state; the handle may be given out again.
    pub fn forget(&mut self, handle: u32) {
        self.drop_row(handle);
        self.places[handle as usize] = (NONE, 0);
        self.unused.push(handle);
    }

    fn drop_row(&mut self, handle: u32) {
        let (piece, row) = self.places[handle as usize];
        if piece != NONE {
            self.pieces[piece as usize].handles[row as usize] = NONE;
            self.num_dead += 1;
        }
    }

    pub fn len(&self) -> usize {
        self.places.len() - self.unused.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many handles were given out: each is smaller than this.
    pub fn num_handles(&self) -> usize {
        self.places.len()
    }

    /// Gives memory back where much was forgotten. Handles stay good. To be called after each batch.
    ///
    /// # Errors
    /// When arrays cannot be put together: a defect.
    pub fn tidy(&mut self) -> Result<(), NodeError> {
        let many_dead = self.num_dead > self.len() + SMALL;
        let many_pieces = self.pieces.len() > 64 + self.len() / SMALL * 2;
        if !many_dead && !many_pieces {
            return Ok(());
        }
        let mut kept = Vec::new();
        let mut moved = Vec::new();
        for piece in std::mem::take(&mut self.pieces) {
            let num_alive = piece.handles.iter().filter(|handle| **handle != NONE).count();
            if num_alive * 2 > piece.handles.len() && num_alive >= SMALL {
                kept.push(piece);
            } else if num_alive > 0 {
                moved.push(piece);
            }
        }
        let mut places = Vec::new();
        let mut handles = Vec::new();
        for (index, piece) in moved.iter().enumerate() {
            for (row, handle) in piece.handles.iter().enumerate().filter(|(_, handle)| **handle != NONE) {
                places.push((index, row));
                handles.push(*handle);
            }
        }
        if !places.is_empty() {
            let states: Vec<&RecordBatch> = moved.iter().map(|piece| &piece.state).collect();
            kept.push(Piece { state: interleave_record_batch(&states, &places)?, handles });
        }
        self.pieces = kept;
        self.num_dead = 0;
        for (index, piece) in self.pieces.iter().enumerate() {
            for (row, handle) in piece.handles.iter().enumerate() {
                match *handle {
                    NONE => self.num_dead += 1,
                    handle => self.places[handle as usize] = (number(index), number(row)),
                }
            }
        }
        Ok(())
    }

    /// Bytes held.
    pub fn state_bytes(&self) -> usize {
        let pieces: usize =
            self.pieces.iter().map(|piece| piece.state.get_array_memory_size() + piece.handles.capacity() * 4).sum();
        pieces + self.places.capacity() * 8 + self.unused.capacity() * 4
    }
}

fn number(index: usize) -> u32 {
    u32::try_from(index).expect("fewer than 2^32 groups are held at a time")
}
