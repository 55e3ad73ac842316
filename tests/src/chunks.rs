//! Ways to cut an input into pieces: a parser that takes input in pieces is to give the same answer for each of them.

use crate::random::Random;

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
