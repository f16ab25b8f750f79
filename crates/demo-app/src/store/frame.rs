//! Frames: what one write appends to the log.
//!
//! A frame is a header line `LENGTH CRC HEADERCRC\n` (three times eight hexadecimal digits) and
//! LENGTH bytes of payload, one JSON entry per line. The header has a checksum of its own, so
//! that a damaged length is not taken for an unfinished write.

use std::io::{self, Read};

use serde::{Deserialize, Serialize};

use super::crc::crc32;
use crate::order::{Order, OrderId};

/// Size of a frame's header, in bytes.
pub(super) const HEADER: usize = 27;
/// Largest payload that is read, in bytes; a writer never makes one as large.
const MAX_PAYLOAD: usize = 16 * 1024 * 1024;

/// One change, as the log holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Entry {
    /// The order, new or changed.
    Put { key: String, order: Order },
    /// The order is gone.
    Del { key: String, id: OrderId },
}

/// Where an entry lies in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Location {
    /// From the start of the file, in bytes.
    pub(super) offset: u64,
    /// In bytes, without the line's end.
    pub(super) length: u32,
}

/// A frame ready to be written.
#[derive(Debug)]
pub(super) struct Frame {
    /// The whole frame.
    pub(super) bytes: Vec<u8>,
    /// Where each entry will lie when the frame is written at the offset it was made for.
    pub(super) locations: Vec<Location>,
}

/// Makes the frame of these entries, to be written at `offset`.
pub(super) fn encode(entries: &[Entry], offset: u64) -> io::Result<Frame> {
    let mut payload = Vec::new();
    let mut spans = Vec::with_capacity(entries.len());
    for entry in entries {
        let start = payload.len();
        serde_json::to_writer(&mut payload, entry)?;
        spans.push((start, payload.len() - start));
        payload.push(b'\n');
    }
    let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
    let mut bytes = header(length, crc32(&payload)).into_bytes();
    bytes.append(&mut payload);
    let locations = spans.into_iter().map(|(start, length)| {
        let start = u64::try_from(HEADER + start).map_err(io::Error::other)?;
        let length = u32::try_from(length).map_err(io::Error::other)?;
        Ok(Location {
            offset: offset + start,
            length,
        })
    });
    Ok(Frame {
        locations: locations.collect::<io::Result<_>>()?,
        bytes,
    })
}

fn header(length: u32, crc: u32) -> String {
    let front = format!("{length:08x} {crc:08x} ");
    let own = crc32(front.as_bytes());
    format!("{front}{own:08x}\n")
}

/// What lies at a place in the log.
#[derive(Debug)]
pub(super) enum Next {
    /// A whole frame: its entries with their places, and its size in bytes.
    Frame(Vec<(Location, Entry)>, u64),
    /// The log ends here.
    End,
    /// The start of a write that was never finished; the log ends here.
    Torn,
    /// Something that no unfinished write leaves behind.
    Damaged(&'static str),
}

/// Reads the frame at `offset` of a log that has `remaining` bytes from there on.
pub(super) fn read(file: &mut impl Read, offset: u64, remaining: u64) -> io::Result<Next> {
    if remaining == 0 {
        return Ok(Next::End);
    }
    let mut header = [0; HEADER];
    if remaining < HEADER as u64 {
        return Ok(Next::Torn);
    }
    file.read_exact(&mut header)?;
    let Some((length, crc)) = parse_header(&header) else {
        // After a power cut the file may have grown without its content: zeros to the end.
        let zeros = header.iter().all(|byte| *byte == 0) && only_zeros(file)?;
        return Ok(if zeros {
            Next::Torn
        } else {
            Next::Damaged("a frame's header is unreadable")
        });
    };
    let rest = remaining - HEADER as u64;
    if u64::from(length) > rest {
        return Ok(Next::Torn);
    }
    if length as usize > MAX_PAYLOAD {
        return Ok(Next::Damaged("a frame is larger than any that is written"));
    }
    let mut payload = vec![0; length as usize];
    file.read_exact(&mut payload)?;
    if crc32(&payload) != crc {
        let last = u64::from(length) == rest;
        return Ok(if last {
            Next::Torn
        } else {
            Next::Damaged("a frame's checksum is wrong")
        });
    }
    let size = HEADER as u64 + u64::from(length);
    Ok(match entries(&payload, offset + HEADER as u64) {
        Some(entries) => Next::Frame(entries, size),
        None => Next::Damaged("an entry is not one that this version writes"),
    })
}

fn parse_header(bytes: &[u8; HEADER]) -> Option<(u32, u32)> {
    let text = std::str::from_utf8(bytes).ok()?;
    let length = u32::from_str_radix(text.get(..8)?, 16).ok()?;
    let crc = u32::from_str_radix(text.get(9..17)?, 16).ok()?;
    (text == header(length, crc)).then_some((length, crc))
}

fn only_zeros(file: &mut impl Read) -> io::Result<bool> {
    let mut block = [0; 4096];
    loop {
        let read = file.read(&mut block)?;
        if read == 0 {
            return Ok(true);
        }
        if block.iter().take(read).any(|byte| *byte != 0) {
            return Ok(false);
        }
    }
}

fn entries(payload: &[u8], mut offset: u64) -> Option<Vec<(Location, Entry)>> {
    let mut found = Vec::new();
    for line in payload.split_inclusive(|byte| *byte == b'\n') {
        let json = line.strip_suffix(b"\n")?;
        let length = u32::try_from(json.len()).ok()?;
        found.push((
            Location { offset, length },
            serde_json::from_slice(json).ok()?,
        ));
        offset += u64::from(length) + 1;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str) -> Entry {
        Entry::Del {
            key: format!("key of {id}"),
            id: id.parse().unwrap(),
        }
    }

    fn frame() -> Vec<u8> {
        encode(&[entry("0000000000000001"), entry("0000000000000002")], 0)
            .unwrap()
            .bytes
    }

    fn next(bytes: &[u8]) -> Next {
        read(&mut &bytes[..], 0, bytes.len() as u64).unwrap()
    }

    #[test]
    fn a_frame_reads_back_with_the_places_of_its_entries() {
        let frame = encode(&[entry("0000000000000001"), entry("0000000000000002")], 0).unwrap();
        let Next::Frame(entries, size) = next(&frame.bytes) else {
            panic!("no frame")
        };
        assert_eq!(size, frame.bytes.len() as u64);
        assert_eq!(
            entries.iter().map(|(at, _)| *at).collect::<Vec<_>>(),
            frame.locations
        );
        let at = frame.locations[1];
        let start = usize::try_from(at.offset).unwrap();
        let line = &frame.bytes[start..start + at.length as usize];
        assert_eq!(
            serde_json::from_slice::<Entry>(line).unwrap(),
            entry("0000000000000002")
        );
    }

    #[test]
    fn every_prefix_of_a_frame_is_torn() {
        let whole = frame();
        for length in 1..whole.len() {
            assert!(
                matches!(next(&whole[..length]), Next::Torn),
                "{length} bytes"
            );
        }
        assert!(matches!(next(&[]), Next::End));
    }

    #[test]
    fn a_flipped_bit_before_the_end_is_damage() {
        let whole = [frame(), frame()].concat();
        for position in 0..frame().len() {
            let mut flipped = whole.clone();
            flipped[position] ^= 1;
            assert!(
                matches!(next(&flipped), Next::Damaged(_)),
                "byte {position}"
            );
        }
    }

    #[test]
    fn zeros_at_the_end_are_torn() {
        assert!(matches!(next(&[0; 5000]), Next::Torn));
        let mut more = vec![0; 5000];
        more.push(b'x');
        assert!(matches!(next(&more), Next::Damaged(_)));
    }
}
