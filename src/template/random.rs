//! Python's random numbers: whoever gives a seed gets the numbers that Python would have given.

use super::object::{Res, V, failed};
use sha2::{Digest, Sha512};

const SIZE: usize = 624;

/// The Mersenne Twister (MT19937), as Python seeds and reads it.
pub struct Random {
    state: Vec<u32>,
    at: usize,
}

/// Bytes from the system's generator.
///
/// # Errors
/// The system has none.
pub fn random_bytes(count: usize) -> Res<Vec<u8>> {
    let mut bytes = vec![0; count];
    let mut filled = 0;
    while filled < count {
        match rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty()) {
            Ok(0) | Err(_) => return Err(failed("the system gives no random numbers")),
            Ok(more) => filled += more,
        }
    }
    Ok(bytes)
}

impl Random {
    /// With a seed always the same numbers, without one never.
    ///
    /// # Errors
    /// A seed that is no number or text.
    pub fn new(seed: Option<&V>) -> Res<Self> {
        Ok(match seed {
            None | Some(V::None) => Self::of_bytes(&random_bytes(64)?),
            Some(V::Str(text)) => Self::of_text(text),
            Some(V::Bytes(bytes)) => Self::of_key(bytes),
            Some(V::Float(f)) => Self::of_bytes(&float_hash(*f).to_le_bytes()),
            Some(V::Big(big)) => Self::of_bytes(&big.magnitude().to_bytes_le()),
            Some(value) => match value.as_i64() {
                Some(number) => Self::of_bytes(&number.unsigned_abs().to_le_bytes()),
                None => {
                    return Err(failed(
                        "The only supported seed types are: None,\nint, float, str, bytes, and bytearray.",
                    ));
                }
            },
        })
    }

    pub fn of_text(text: &str) -> Self {
        Self::of_key(text.as_bytes())
    }

    /// Texts count as the number that they and their digest are in big-endian order.
    fn of_key(bytes: &[u8]) -> Self {
        let mut key = bytes.to_vec();
        key.extend_from_slice(&Sha512::digest(bytes));
        key.reverse();
        Self::of_bytes(&key)
    }

    /// A number of any size, its least byte first.
    fn of_bytes(bytes: &[u8]) -> Self {
        let mut words: Vec<u32> = bytes
            .chunks(4)
            .map(|chunk| chunk.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte)))
            .collect();
        while words.len() > 1 && words.last() == Some(&0) {
            words.pop();
        }
        Self::of_words(&words)
    }

    fn of_words(key: &[u32]) -> Self {
        let mut mt = vec![19_650_218u32; SIZE];
        for i in 1..SIZE {
            mt[i] = (mt[i - 1] ^ mt[i - 1] >> 30).wrapping_mul(1_812_433_253).wrapping_add(i as u32);
        }
        let (mut i, mut j) = (1, 0);
        for _ in 0..SIZE.max(key.len()) {
            let mixed = (mt[i - 1] ^ mt[i - 1] >> 30).wrapping_mul(1_664_525);
            mt[i] = (mt[i] ^ mixed).wrapping_add(key[j]).wrapping_add(j as u32);
            i += 1;
            j = (j + 1) % key.len();
            if i == SIZE {
                mt[0] = mt[SIZE - 1];
                i = 1;
            }
        }
        for _ in 1..SIZE {
            let mixed = (mt[i - 1] ^ mt[i - 1] >> 30).wrapping_mul(1_566_083_941);
            mt[i] = (mt[i] ^ mixed).wrapping_sub(i as u32);
            i += 1;
            if i == SIZE {
                mt[0] = mt[SIZE - 1];
                i = 1;
            }
        }
        mt[0] = 0x8000_0000;
        Self { state: mt, at: SIZE }
    }

    fn word(&mut self) -> u32 {
        if self.at == SIZE {
            for i in 0..SIZE {
                let y = self.state[i] & 0x8000_0000 | self.state[(i + 1) % SIZE] & 0x7fff_ffff;
                let odd = if y & 1 == 1 { 0x9908_b0df } else { 0 };
                self.state[i] = self.state[(i + 397) % SIZE] ^ y >> 1 ^ odd;
            }
            self.at = 0;
        }
        let mut y = self.state[self.at];
        self.at += 1;
        y ^= y >> 11;
        y ^= y << 7 & 0x9d2c_5680;
        y ^= y << 15 & 0xefc6_0000;
        y ^ y >> 18
    }

    fn bits(&mut self, count: u32) -> u64 {
        match count {
            0 => 0,
            1..=32 => u64::from(self.word() >> (32 - count)),
            _ => {
                let low = u64::from(self.word());
                low | u64::from(self.word() >> (64 - count)) << 32
            }
        }
    }

    /// From 0 up to, not with, `below`; all equally likely.
    pub fn below(&mut self, below: u64) -> u64 {
        let width = u64::BITS - below.leading_zeros();
        loop {
            let number = self.bits(width);
            if number < below || below == 0 {
                return number;
            }
        }
    }

    /// One of a number of things.
    pub fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let other = self.index(i + 1);
            items.swap(i, other);
        }
    }
}

/// Python's `hash()` of a float: its fraction modulo the prime 2**61 - 1.
fn float_hash(f: f64) -> u64 {
    const PRIME: u128 = (1 << 61) - 1;
    if !f.is_finite() {
        return if f.is_nan() { 0 } else { 314_159 };
    }
    let bits = f.abs().to_bits();
    let (mantissa, exponent) = match bits >> 52 {
        0 => (bits & 0xf_ffff_ffff_ffff, -1074),
        exponent => (bits & 0xf_ffff_ffff_ffff | 1 << 52, exponent as i32 - 1075),
    };
    let power = exponent.rem_euclid(61);
    (u128::from(mantissa) % PRIME * (1u128 << power) % PRIME) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_python() {
        let draw = |seed: V| -> Vec<u64> {
            let mut random = Random::new(Some(&seed)).unwrap();
            (0..5).map(|_| random.below(100)).collect()
        };
        assert_eq!(draw(V::str("x")), [80, 40, 76, 76, 61]);
        assert_eq!(draw(V::Int(5)), [79, 32, 94, 45, 88]);
        let mut random = Random::of_text("big");
        assert_eq!(random.below(10_000_000_000), 2_904_262_553);
        assert!(Random::new(Some(&V::list(Vec::new()))).is_err());
    }
}
