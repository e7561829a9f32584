//! Figures formatted for people.

use crate::bench::driver::clock::Nanos;

/// With a comma between thousands.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with a noun, which takes an s in the plural.
pub fn things(number: usize, name: &str) -> String {
    format!("{} {name}{}", count(number as u64), if number == 1 { "" } else { "s" })
}

/// With three significant digits.
pub fn significant(number: f64) -> String {
    if number == 0.0 {
        return "0".into();
    }
    let magnitude = number.abs().log10().floor() as i32;
    match (2 - magnitude).clamp(0, 9) as usize {
        0 => count(number.abs().round() as u64),
        decimals => format!("{number:.decimals$}"),
    }
}

/// Milliseconds, in the unit that fits.
pub fn milliseconds(ms: f64) -> String {
    if ms >= 1000.0 {
        format!("{} s", significant(ms / 1000.0))
    } else if ms >= 1.0 || ms == 0.0 {
        format!("{} ms", significant(ms))
    } else {
        format!("{} µs", significant(ms * 1000.0))
    }
}

/// Microseconds.
pub fn microseconds(us: f64) -> String {
    format!("{} µs", significant(us))
}

/// Rounded to `decimals` decimals.
pub fn rounded(number: f64, decimals: i32) -> f64 {
    let scale = 10f64.powi(decimals);
    (number * scale).round() / scale
}

/// Microseconds per item.
pub fn us_each(cpu: Nanos, count: u64) -> f64 {
    cpu as f64 / 1e3 / count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits_and_a_unit() {
        assert_eq!([count(0), count(999), count(1000), count(12_345_678)], ["0", "999", "1,000", "12,345,678"]);
        assert_eq!([significant(0.0), significant(0.001_234), significant(1.0)], ["0", "0.00123", "1.00"]);
        assert_eq!([significant(12.34), significant(999.6), significant(15_000.4)], ["12.3", "1,000", "15,000"]);
        assert_eq!([milliseconds(0.25), milliseconds(12.0), milliseconds(1500.0)], ["250 µs", "12.0 ms", "1.50 s"]);
    }
}
