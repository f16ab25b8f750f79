//! CRC-32 (the polynomial of IEEE 802.3, reflected): tells a whole record from a torn one.

const POLYNOMIAL: u32 = 0xEDB8_8320;

const fn entry(index: u32) -> u32 {
    let mut value = index;
    let mut bit = 0;
    while bit < 8 {
        value = if value & 1 == 1 {
            (value >> 1) ^ POLYNOMIAL
        } else {
            value >> 1
        };
        bit += 1;
    }
    value
}

/// The checksum of `bytes`.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        let low = (sum ^ u32::from(*byte)) & 0xff;
        entry(low) ^ (sum >> 8)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_check_value_is_met() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
    }
}
