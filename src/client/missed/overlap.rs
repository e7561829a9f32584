//! Where two stretches of one log overlap.

/// How much of what is read now was seen before.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Overlap {
    /// So many of the lines read were seen, or are older than those seen.
    pub len: usize,
    /// So many of the last lines seen are the last of those.
    pub run: usize,
}

impl Overlap {
    /// Whether all of `len` was seen, so that what is read begins within what was seen.
    pub fn is_exact(&self) -> bool {
        self.run == self.len
    }
}

/// The longest beginning of `read` that is the end of `seen`.
///
/// If there is none, what was read may begin before what was seen, or hold lines that were hidden then: the last
/// line seen is looked for, where the most before it agrees.
pub fn overlap(seen: &[u64], read: &[u64]) -> Overlap {
    let tail = &seen[seen.len().saturating_sub(read.len())..];
    let fallback = fallbacks(read);
    let mut len = 0;
    for line in tail {
        while len > 0 && read[len] != *line {
            len = fallback[len - 1];
        }
        len += usize::from(read[len] == *line);
    }
    if len > 0 {
        return Overlap { len, run: len };
    }
    let run_to = |end: usize| read[..end].iter().rev().zip(seen.iter().rev()).take_while(|(a, b)| a == b).count();
    let ends = (1..=read.len()).rev().map(|len| Overlap { len, run: run_to(len) });
    // Of equals the last: rather a line twice than one not at all.
    ends.filter(|found| found.run > 0).max_by_key(|found| found.run).unwrap_or_default()
}

/// For each beginning of `lines` the longest shorter one that it ends with (Knuth, Morris, Pratt, 1977).
fn fallbacks(lines: &[u64]) -> Vec<usize> {
    let mut table = vec![0; lines.len()];
    let mut len = 0;
    for at in 1..lines.len() {
        while len > 0 && lines[len] != lines[at] {
            len = table[len - 1];
        }
        len += usize::from(lines[len] == lines[at]);
        table[at] = len;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;

    #[test]
    fn the_longest_overlap_is_found() {
        for seed in 0..20_000 {
            let mut random = Random(seed);
            let mut lines = || -> Vec<u64> { (0..random.below(9)).map(|_| random.next() % 3).collect() };
            let (seen, read) = (lines(), lines());
            let naive = (1..=read.len()).rev().find(|&len| seen.ends_with(&read[..len]));
            let found = overlap(&seen, &read);
            match naive {
                Some(len) => assert_eq!(found, Overlap { len, run: len }, "seed {seed}: {seen:?} {read:?}"),
                None => assert!(found.len == 0 || !found.is_exact(), "seed {seed}: {seen:?} {read:?}"),
            }
        }
    }

    #[test]
    fn lines_that_are_older_or_were_hidden_count_as_seen() {
        assert_eq!(overlap(&[1, 2], &[8, 9, 1, 2, 3]), Overlap { len: 4, run: 2 });
        assert_eq!(overlap(&[5, 1, 2, 3], &[1, 9, 2, 3, 4]), Overlap { len: 4, run: 2 });
        assert_eq!(overlap(&[1], &[9, 1, 1]), Overlap { len: 2, run: 1 });
        assert_eq!(overlap(&[1, 2], &[3, 4]), Overlap::default());
        assert_eq!(overlap(&[], &[3, 4]), Overlap::default());
        assert_eq!(overlap(&[1, 2], &[]), Overlap::default());
    }
}
