//! Finds where two parts of one log overlap.

/// The overlap between the lines read now and the lines seen before.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Overlap {
    /// The number of lines at the beginning of `read` that were seen, or are older than the seen ones.
    pub len: usize,
    /// The number of lines before position `len` that are equal to the last seen ones.
    pub run: usize,
}

impl Overlap {
    /// Whether all `len` lines were seen, so that `read` begins inside `seen`.
    pub fn is_exact(&self) -> bool {
        self.run == self.len
    }
}

/// Finds the longest beginning of `read` that is an end of `seen`.
///
/// If there is none, `read` may begin before `seen`, or contain lines that were hidden then. In this case finds the
/// copy of the last seen line before which the most lines agree.
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
    // In reversed order, equal lines before an end of `read` are a common beginning.
    let reversed: Vec<u64> = seen.iter().rev().chain(read.iter().rev()).copied().collect();
    let runs = common_beginnings(&reversed, seen.len());
    let ends = runs[seen.len()..].iter().enumerate().map(|(at, &run)| Overlap { len: read.len() - at, run });
    // Of equal runs the last: a line shown twice is better than a line not shown.
    ends.filter(|found| found.run > 0).max_by_key(|found| found.run).unwrap_or_default()
}

/// Returns for each position in `lines` how many lines from there on equal those at the beginning, at most `most`; in
/// linear time (the Z-function: Gusfield, "Algorithms on Strings, Trees and Sequences", 1997, section 1.3).
fn common_beginnings(lines: &[u64], most: usize) -> Vec<usize> {
    let mut table = vec![0; lines.len()];
    // The range that reaches furthest among those known to equal the beginning.
    let (mut start, mut end) = (0, 0);
    for at in 1..lines.len() {
        let mut len = if at < end { table[at - start].min(end - at) } else { 0 };
        while len < most && at + len < lines.len() && lines[len] == lines[at + len] {
            len += 1;
        }
        table[at] = len;
        if at + len > end {
            (start, end) = (at, at + len);
        }
    }
    table
}

/// Returns for each beginning of `lines` the longest shorter one that it ends with (Knuth, Morris, Pratt, 1977).
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
    use crate::util::test_support::Random;

    #[test]
    fn longest_overlap_is_found() {
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
    fn longest_run_is_found_without_overlap() {
        for seed in 0..20_000 {
            let mut random = Random(seed);
            let mut lines = || -> Vec<u64> { (0..random.below(12)).map(|_| random.next() % 3).collect() };
            let (seen, read) = (lines(), lines());
            let run = |end: usize| read[..end].iter().rev().zip(seen.iter().rev()).take_while(|(a, b)| a == b).count();
            let found = overlap(&seen, &read);
            if found.is_exact() && found.len > 0 {
                continue;
            }
            let longest = (1..=read.len()).map(run).max().unwrap_or(0);
            assert_eq!(found.run, longest, "seed {seed}: {seen:?} {read:?}");
            assert!(longest == 0 || run(found.len) == longest, "seed {seed}: {seen:?} {read:?}");
        }
    }

    /// A million lines: a comparison that starts again at each line would take too long.
    #[test]
    fn overlap_time_is_linear() {
        let (seen, read) = ([&[1][..], &[7; 1 << 20]].concat(), [&[2][..], &[7; 1 << 20]].concat());
        assert_eq!(overlap(&seen, &read), Overlap { len: read.len(), run: 1 << 20 });
    }

    #[test]
    fn older_and_hidden_lines_count_as_seen() {
        assert_eq!(overlap(&[1, 2], &[8, 9, 1, 2, 3]), Overlap { len: 4, run: 2 });
        assert_eq!(overlap(&[5, 1, 2, 3], &[1, 9, 2, 3, 4]), Overlap { len: 4, run: 2 });
        assert_eq!(overlap(&[1], &[9, 1, 1]), Overlap { len: 2, run: 1 });
        assert_eq!(overlap(&[1, 2], &[3, 4]), Overlap::default());
        assert_eq!(overlap(&[], &[3, 4]), Overlap::default());
        assert_eq!(overlap(&[1, 2], &[]), Overlap::default());
    }
}
