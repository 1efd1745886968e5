//! Unpacks deflated members one after the other with a shared state: allocating a state costs more than unpacking
//! most small members.

use std::io::{self, BufRead, Read};

use flate2::{Decompress, FlushDecompress, Status};

/// A deflate stream read from packed bytes; it ends where the stream ends, even if more bytes follow
pub(super) struct InflateReader<'a, R> {
    state: &'a mut Decompress,
    packed: R,
    ended: bool,
}

impl<'a, R: BufRead> InflateReader<'a, R> {
    /// The stream that begins here; the state may have been used for another one.
    pub(super) fn new(state: &'a mut Decompress, packed: R) -> Self {
        state.reset(false);
        Self { state, packed, ended: false }
    }
}

impl<R: BufRead> Read for InflateReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while !self.ended {
            let input = self.packed.fill_buf()?;
            let at_end = input.is_empty();
            let (read, written) = (self.state.total_in(), self.state.total_out());
            let flush = if at_end { FlushDecompress::Finish } else { FlushDecompress::None };
            let status = self.state.decompress(input, buffer, flush);
            let consumed = self.state.total_in() - read;
            let produced = self.state.total_out() - written;
            // Neither exceeds the length of the input or the buffer.
            self.packed.consume(consumed as usize);
            match status {
                Ok(Status::StreamEnd) => self.ended = true,
                Ok(Status::Ok | Status::BufError) if at_end && produced == 0 => {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "its deflate stream is truncated",
                    ));
                }
                Ok(Status::Ok | Status::BufError) => {}
                Err(_) => {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "its deflate stream is corrupt"));
                }
            }
            if produced > 0 {
                return Ok(produced as usize);
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::bufread::DeflateDecoder;
    use flate2::write::DeflateEncoder;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_unpack_as_by_a_new_decoder_each_time(
            streams in prop::collection::vec(
                prop_oneof![
                    prop::collection::vec(any::<u8>(), 0..200),
                    prop::collection::vec(0_u8..3, 0..5000).prop_map(|content| {
                        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
                        encoder.write_all(&content).unwrap();
                        encoder.finish().unwrap()
                    }),
                ],
                1..5,
            ),
            cut in 0_usize..40,
        ) {
            let mut state = Decompress::new(false);
            for stream in &streams {
                let packed = &stream[..stream.len().saturating_sub(cut)];
                let (mut ours, mut theirs) = (Vec::new(), Vec::new());
                let (mut our_rest, mut their_rest) = (packed, packed);
                let our_end = InflateReader::new(&mut state, &mut our_rest).read_to_end(&mut ours);
                let their_end = DeflateDecoder::new(&mut their_rest).read_to_end(&mut theirs);
                prop_assert_eq!(&ours, &theirs);
                if their_end.is_ok() {
                    prop_assert_eq!(our_rest, their_rest);
                    prop_assert!(our_end.is_ok() || our_rest.is_empty());
                } else {
                    prop_assert!(our_end.is_err());
                }
            }
        }
    }
}
