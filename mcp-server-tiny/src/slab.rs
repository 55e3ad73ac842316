//! A table whose rows are reused and whose keys are not.

use alloc::vec::Vec;

/// Names a row for as long as it lives; the key of a row that is gone finds nothing, even when the row is used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Key {
    /// The row: small numbers, used again.
    pub(crate) slot: u32,
    generation: u32,
}

/// Generations count so far and then begin again: one bit is left to whoever makes numbers of keys of two tables.
const GENERATIONS: u32 = u32::MAX >> 1;

impl Key {
    /// The key as a number below 2^63, for those who need not know what it stands for.
    pub(crate) fn to_bits(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.slot)
    }

    /// The key of a number from [`to_bits`](Self::to_bits).
    pub(crate) fn from_bits(bits: u64) -> Self {
        Self { slot: bits as u32, generation: (bits >> 32) as u32 & GENERATIONS }
    }
}

/// Rows of `T`.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    rows: Vec<Row<T>>,
    /// The vacant row used last; vacant rows are a list.
    vacant: Option<u32>,
    len: usize,
}

#[derive(Debug)]
struct Row<T> {
    generation: u32,
    state: State<T>,
}

#[derive(Debug)]
enum State<T> {
    Vacant { next: Option<u32> },
    Taken(T),
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), vacant: None, len: 0 }
    }
}

impl<T> Slab<T> {
    /// How many rows are taken.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The key that the next row will have, as long as none is given back before.
    pub(crate) fn next_key(&self) -> Key {
        match self.vacant {
            Some(slot) => Key { slot, generation: self.rows[slot as usize].generation },
            None => Key { slot: self.rows.len() as u32, generation: 0 },
        }
    }

    /// Takes a row for `value`.
    pub(crate) fn insert(&mut self, value: T) -> Key {
        self.len += 1;
        let Some(slot) = self.vacant else {
            // Rows are bounded by limits far below four billion.
            let slot = self.rows.len() as u32;
            self.rows.push(Row { generation: 0, state: State::Taken(value) });
            return Key { slot, generation: 0 };
        };
        let row = &mut self.rows[slot as usize];
        if let State::Vacant { next } = row.state {
            self.vacant = next;
        }
        row.state = State::Taken(value);
        Key { slot, generation: row.generation }
    }

    /// Gives the row back.
    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        self.get(key)?;
        let row = &mut self.rows[key.slot as usize];
        row.generation = (row.generation + 1) & GENERATIONS;
        let State::Taken(value) = core::mem::replace(&mut row.state, State::Vacant { next: self.vacant }) else {
            return None;
        };
        self.vacant = Some(key.slot);
        self.len -= 1;
        Some(value)
    }

    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        match self.rows.get(key.slot as usize)? {
            Row { generation, state: State::Taken(value) } if *generation == key.generation => Some(value),
            _ => None,
        }
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        match self.rows.get_mut(key.slot as usize)? {
            Row { generation, state: State::Taken(value) } if *generation == key.generation => Some(value),
            _ => None,
        }
    }

    /// The key of the row `slot`, if it is taken.
    pub(crate) fn key(&self, slot: u32) -> Option<Key> {
        match self.rows.get(slot as usize)? {
            Row { generation, state: State::Taken(_) } => Some(Key { slot, generation: *generation }),
            _ => None,
        }
    }

    /// The keys of all rows that are taken.
    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        (0..self.rows.len() as u32).filter_map(|slot| self.key(slot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_used_again_and_keys_are_not() {
        let mut slab = Slab::default();
        let (a, b) = (slab.insert('a'), slab.insert('b'));
        assert_eq!(slab.remove(a), Some('a'));
        assert_eq!(slab.remove(a), None);
        let next = slab.next_key();
        let c = slab.insert('c');
        assert_eq!(next, c);
        assert_eq!((a.slot, slab.get(a), slab.get(c)), (c.slot, None, Some(&'c')));
        assert_eq!(slab.keys().collect::<Vec<_>>(), [c, b]);
        assert_eq!(slab.len(), 2);
        let next = slab.next_key();
        assert_eq!(next, slab.insert('d'));
    }
}
