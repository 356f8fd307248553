//! Reading through and writing with gzip and zstd.
//!
//! What a file is compressed with is read from its first bytes, not from its name: names lie. A name that promises
//! compression where there is none is told, since the text behind it is most likely no text.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    Plain,
    Gzip,
    Zstd,
}

impl Compression {
    /// What the bytes of `file` say; the file is left at its start.
    ///
    /// # Errors
    /// When the file cannot be read, or is plain where its name says that it is compressed.
    fn sniff(file: &mut File, path: &Path) -> io::Result<Self> {
        let mut head = Vec::with_capacity(4);
        Read::by_ref(file).take(4).read_to_end(&mut head)?;
        file.seek(SeekFrom::Start(0))?;
        let is_begun = |magic: &[u8]| magic.starts_with(&head);
        Ok(if head.starts_with(&GZIP_MAGIC) {
            Self::Gzip
        } else if head.starts_with(&ZSTD_MAGIC) {
            Self::Zstd
        } else {
            let named = match Self::of_name(path) {
                Self::Gzip if !is_begun(&GZIP_MAGIC) => "gzip",
                Self::Zstd if !is_begun(&ZSTD_MAGIC) => "zstd",
                _ => return Ok(Self::Plain),
            };
            let message = format!("it is not {named}, although its name says so; rename it or compress it anew");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        })
    }

    /// What a file of this name is to be written with.
    pub(crate) fn of_name(path: &Path) -> Self {
        match path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase).as_deref() {
            Some("gz") => Self::Gzip,
            Some("zst") => Self::Zstd,
            _ => Self::Plain,
        }
    }
}

/// Whether the file at `path` is compressed, whatever it is called.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn is_compressed(path: &Path) -> io::Result<bool> {
    Ok(Compression::sniff(&mut File::open(path)?, path)? != Compression::Plain)
}

/// Opens `path` and skips `offset` bytes of its text: by seeking where it is plain, by reading where it is not.
///
/// # Errors
/// When the file cannot be opened or read that far.
pub(crate) fn open(path: &Path, offset: u64) -> io::Result<Box<dyn Read + Send>> {
    let mut file = File::open(path)?;
    let mut reader: Box<dyn Read + Send> = match Compression::sniff(&mut file, path)? {
        Compression::Plain => {
            file.seek(SeekFrom::Start(offset))?;
            return Ok(Box::new(file));
        }
        Compression::Gzip => Box::new(MultiGzDecoder::new(BufReader::with_capacity(128 * 1024, file))),
        Compression::Zstd => Box::new(zstd::stream::read::Decoder::new(file)?),
    };
    if offset > 0 {
        io::copy(&mut reader.by_ref().take(offset), &mut io::sink())?;
    }
    Ok(reader)
}

/// A writer whose stream is ended by [`Encoder::finish`].
pub(crate) enum Encoder<W: Write> {
    Plain(W),
    Gzip(GzEncoder<W>),
    Zstd(zstd::stream::write::Encoder<'static, W>),
}

impl<W: Write> Encoder<W> {
    pub(crate) fn new(inner: W, compression: Compression) -> io::Result<Self> {
        Ok(match compression {
            Compression::Plain => Self::Plain(inner),
            Compression::Gzip => Self::Gzip(GzEncoder::new(inner, flate2::Compression::default())),
            Compression::Zstd => Self::Zstd(zstd::stream::write::Encoder::new(inner, 3)?),
        })
    }

    /// Ends the compressed stream, so that what was written can be read back, and gives the writer below.
    pub(crate) fn finish(self) -> io::Result<W> {
        match self {
            Self::Plain(inner) => Ok(inner),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(inner) => inner.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
            Self::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(inner) => inner.flush(),
            Self::Gzip(encoder) => encoder.flush(),
            Self::Zstd(encoder) => encoder.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back_from_any_offset_and_over_several_members() {
        let dir = tempfile::tempdir().expect("a folder");
        for compression in [Compression::Plain, Compression::Gzip, Compression::Zstd] {
            let path = dir.path().join("file");
            let mut bytes = Vec::new();
            for part in ["first,", "second"] {
                let mut encoder = Encoder::new(Vec::new(), compression).expect("an encoder");
                encoder.write_all(part.as_bytes()).expect("memory");
                bytes.extend(encoder.finish().expect("memory"));
            }
            std::fs::write(&path, &bytes).expect("a file");
            for offset in [0, 3, 12, 40] {
                let mut text = String::new();
                open(&path, offset).expect("the file opens").read_to_string(&mut text).expect("text");
                assert_eq!(text, "first,second".get(offset as usize..).unwrap_or_default(), "{compression:?} {offset}");
            }
        }
    }
}
