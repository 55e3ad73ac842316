//! Ways to cut an input into pieces, and the small generator behind everything random in the tests.
//!
//! A parser that takes input in pieces is to give the same answer for each of these.

/// The input whole, byte by byte, and in two at every position. Empty pieces occur: a read may return nothing new.
pub fn cuts(input: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    let whole = vec![input];
    let bytes = input.chunks(1).collect();
    let halves = (0..=input.len()).map(move |at| vec![&input[..at], &input[at..]]);
    [whole, bytes].into_iter().chain(halves)
}

/// The input in pieces of random length below `longest`, which is at least two.
pub fn random_cut<'a>(input: &'a [u8], longest: usize, random: &mut Random) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    let mut rest = input;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(random.below(longest).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// Numbers that look random and are the same in every run (xorshift64*).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A generator whose numbers follow from `seed`.
    pub fn new(seed: u64) -> Self {
        // Zero would stay zero; the odd constant spreads small seeds over all bits.
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `bound`, which is not zero.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.number() >> 11) as usize % bound
    }

    /// One of `items`, of which there is at least one.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// `length` bytes, any.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.number() as u8).collect()
    }
}
