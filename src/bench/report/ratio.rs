//! Ratios of figures measured in pairs.

use serde::Serialize;

use super::figures::rounded;

/// The ratio of a figure to the one it is compared with, such as the cost of a bare send; one ratio per slice.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ratio {
    /// Median.
    pub median: f64,
    /// Minimum.
    pub lowest: f64,
    /// Maximum.
    pub highest: f64,
    /// Number of slices.
    pub slices: usize,
}

impl Ratio {
    /// From pairs of figures that were measured one right after the other.
    pub fn of(pairs: impl IntoIterator<Item = (f64, f64)>) -> Option<Self> {
        let measured = pairs.into_iter().filter(|pair| [pair.0, pair.1].iter().all(|it| it.is_finite() && *it > 0.0));
        let mut ratios: Vec<f64> = measured.map(|(figure, other)| figure / other).collect();
        ratios.sort_by(f64::total_cmp);
        let (lowest, highest) = (*ratios.first()?, *ratios.last()?);
        let middle = ratios.len() / 2;
        let median = if ratios.len() % 2 == 1 { ratios[middle] } else { (ratios[middle - 1] + ratios[middle]) / 2.0 };
        let round = |ratio| rounded(ratio, 3);
        Some(Ratio { median: round(median), lowest: round(lowest), highest: round(highest), slices: ratios.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratio_is_taken_per_pair() {
        let ratio = Ratio::of([(2.0, 1.0), (30.0, 10.0), (100.0, 100.0)]).unwrap();
        assert_eq!(ratio, Ratio { median: 2.0, lowest: 1.0, highest: 3.0, slices: 3 });
        assert_eq!(Ratio::of([(1.0, 1.0), (2.0, 1.0)]).unwrap().median, 1.5);
        assert_eq!(Ratio::of([(1.0, 0.0), (0.0, 1.0), (1.0, f64::INFINITY)]), None);
    }
}
