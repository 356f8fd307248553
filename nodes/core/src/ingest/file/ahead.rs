//! Reading a file of lines ahead: chunks of whole lines are decoded on all cores while earlier ones are passed on.
//!
//! The chunks under way are kept in the order of the file, and so are the pieces that each was decoded into. The
//! position is that behind the last piece that was passed on: what is under way is read again after a restart.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::path::Path;

use arrow::error::ArrowError;
use millrace_operator::crew::Work;
use millrace_operator::{Crew, NodeError};

use super::reading::{Block, Fault, MAX_LINE_BYTES, Position, Reading, block_of, fault, too_long, without_bom};
use crate::format::{Decoded, TextDecoder, compression, count_newlines};

/// Some ten thousand lines: enough to be worth the handing over, and little to hold.
const CHUNK_BYTES: usize = 1024 * 1024;

/// Makes another decoder of the file's lines.
pub(super) type NewDecoder = fn(&Reading) -> Box<dyn TextDecoder>;

pub(super) struct LineFile {
    reader: Box<dyn Read + Send>,
    new_decoder: NewDecoder,
    /// Decoders and buffers that are free.
    decoders: Vec<Box<dyn TextDecoder>>,
    buffers: Vec<Vec<u8>>,
    /// What was read and handed to no decoder, from the begin of a line.
    rest: Vec<u8>,
    is_eof: bool,
    /// Why reading stopped; told once the lines before it are out.
    error: Option<io::Error>,
    /// Chunks that are being decoded, oldest first.
    under_way: VecDeque<Work<Done>>,
    /// Pieces of the oldest chunk; their lines are counted from 0.
    pieces: VecDeque<Decoded>,
    position: Position,
}

/// A chunk that was decoded, with what it took.
struct Done {
    decoder: Box<dyn TextDecoder>,
    buffer: Vec<u8>,
    pieces: Result<Vec<Decoded>, ArrowError>,
}

impl LineFile {
    pub(super) fn open(new_decoder: NewDecoder, path: &Path, shown: &str, position: Position) -> Result<Self, Fault> {
        let reader = compression::open(path, 0).map_err(|error| fault(shown, error))?;
        let mut file = Self {
            reader,
            new_decoder,
            decoders: Vec::new(),
            buffers: Vec::new(),
            rest: Vec::new(),
            is_eof: false,
            error: None,
            under_way: VecDeque::new(),
            pieces: VecDeque::new(),
            position: Position::START,
        };
        file.fill();
        let text =
            without_bom(&file.rest).map_err(|reason| Fault::Other(NodeError::user(format!("`{shown}` {reason}"))))?;
        let bom_bytes = file.rest.len() - text.len();
        file.rest.drain(..bom_bytes);
        file.position.offset = bom_bytes as u64;
        if position.offset > file.position.offset {
            // The lines go on where they were left.
            file.reader = compression::open(path, position.offset).map_err(|error| fault(shown, error))?;
            file.rest.clear();
            (file.position, file.is_eof, file.error) = (position, false, None);
        }
        Ok(file)
    }

    pub(super) fn position(&self) -> Position {
        self.position
    }

    /// The next rows; `None` at the end of the file. With `holds_tail` a last line without a line end is left alone.
    /// Cancel safe.
    pub(super) async fn next(
        &mut self,
        reading: &Reading,
        shown: &str,
        (max_records, crew): (usize, Crew),
        holds_tail: bool,
    ) -> Result<Option<Block>, Fault> {
        loop {
            while let Some(mut piece) = self.pieces.pop_front() {
                piece.lines.iter_mut().for_each(|line| *line += self.position.line);
                piece.rejects.iter_mut().for_each(|reject| reject.line += self.position.line);
                self.position.offset += piece.bytes as u64;
                self.position.line += piece.newlines;
                if piece.batch.is_some() || !piece.rejects.is_empty() {
                    return block_of(piece, reading, shown).map(Some);
                }
            }
            let num_ahead = if crew == Crew::Cores { num_cores() + 1 } else { 1 };
            while self.under_way.len() < num_ahead
                && let Some(chunk) = self.chunk(holds_tail)
            {
                let mut decoder = self.decoders.pop().unwrap_or_else(|| (self.new_decoder)(reading));
                self.under_way.push_back(crew.hand_out(move || {
                    let pieces = decode(decoder.as_mut(), &chunk, max_records);
                    Done { decoder, buffer: chunk, pieces }
                }));
            }
            let Some(oldest) = self.under_way.front_mut() else { return self.end(shown) };
            let Done { decoder, buffer, pieces } = oldest.await;
            self.under_way.pop_front();
            self.decoders.push(decoder);
            self.buffers.push(buffer);
            self.pieces = pieces.map_err(|error| Fault::Other(error.into()))?.into();
        }
    }

    /// Nothing is under way, and no whole line is left.
    fn end(&mut self, shown: &str) -> Result<Option<Block>, Fault> {
        match self.error.take() {
            Some(error) => Err(fault(shown, error)),
            None if !self.is_eof => Err(too_long(self.position.line, shown)),
            None => Ok(None),
        }
    }

    /// The next whole lines, as many as fit; `None` where there are none, or where a line is too long to be one.
    fn chunk(&mut self, holds_tail: bool) -> Option<Vec<u8>> {
        let mut searched = 0;
        let end = loop {
            if self.rest.len() < CHUNK_BYTES && !self.is_eof {
                self.fill();
            }
            if let Some(last) = memchr::memrchr(b'\n', &self.rest[searched..]) {
                break searched + last + 1;
            }
            searched = self.rest.len();
            if self.is_eof {
                break if holds_tail || self.error.is_some() { 0 } else { self.rest.len() };
            }
            if self.rest.len() >= MAX_LINE_BYTES {
                return None;
            }
            self.fill();
        };
        if end == 0 {
            return None;
        }
        let mut next = self.buffers.pop().unwrap_or_default();
        next.clear();
        next.extend_from_slice(&self.rest[end..]);
        self.rest.truncate(end);
        Some(std::mem::replace(&mut self.rest, next))
    }

    /// Reads on, to a whole chunk where less than that is there.
    fn fill(&mut self) {
        let wanted = CHUNK_BYTES.saturating_sub(self.rest.len()).max(CHUNK_BYTES / 4);
        let before = self.rest.len();
        match self.reader.by_ref().take(wanted as u64).read_to_end(&mut self.rest) {
            Ok(_) => self.is_eof = self.rest.len() == before,
            Err(error) => {
                self.is_eof = true;
                self.error = Some(error);
            }
        }
    }
}

fn num_cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Decodes whole lines in even pieces of about `max_records`.
fn decode(decoder: &mut dyn TextDecoder, chunk: &[u8], max_records: usize) -> Result<Vec<Decoded>, ArrowError> {
    let num_lines = usize::try_from(count_newlines(chunk)).unwrap_or(usize::MAX).max(1);
    let num_pieces = ((num_lines + max_records / 2) / max_records).max(1);
    let lines_each = num_lines.div_ceil(num_pieces);
    let (mut pieces, mut at) = (Vec::with_capacity(num_pieces), 0);
    while at < chunk.len() {
        let piece = decoder.decode(&chunk[at..], true, lines_each, 0)?;
        at += piece.bytes;
        pieces.push(piece);
    }
    Ok(pieces)
}
