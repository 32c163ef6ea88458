//! Quantities of resources (apimachinery: `pkg/api/resource/quantity.go`), exact: they are counted in billionths, the smallest part that
//! Kubernetes knows, and written as Kubernetes writes them.

use std::fmt;

/// Billionths in one.
const NANO: i128 = 1_000_000_000;
/// What is larger is taken for this, as Kubernetes does.
const MAX: i128 = i64::MAX as i128 * NANO;
/// The largest decimal exponent that is read: beyond, every number is the largest.
const EXPONENT_MAX: i32 = 30;

/// An amount, and how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quantity {
    nanos: i128,
    form: Form,
}

/// As it is written: 1Ki, 1k or 1e3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Binary,
    Decimal,
    Exponent,
}

impl Quantity {
    /// Reads a quantity; None where the text is none. What is less than a billionth counts as one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (negative, text) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let number = text.find(|it: char| !it.is_ascii_digit() && it != '.').unwrap_or(text.len());
        let (number, suffix) = text.split_at(number);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
            return None;
        }
        let (form, base, exponent) = suffix_of(suffix)?;
        let fraction = fraction.trim_end_matches('0');
        let digits = format!("{whole}{fraction}");
        let digits = digits.trim_start_matches('0');
        let nanos = if digits.len() > 27 { MAX } else { scaled(digits, fraction.len(), base, exponent) };
        let nanos = if negative { -nanos } else { nanos };
        // Of less than one, no binary form is exact.
        let form = if form == Form::Binary && nanos.abs() < NANO && nanos != 0 { Form::Decimal } else { form };
        Some(Self { nanos, form })
    }

    /// Adds another. Nothing takes the form of what is added.
    pub(super) fn add(&mut self, other: Self) {
        if self.nanos == 0 {
            self.form = other.form;
        }
        self.nanos = self.nanos.saturating_add(other.nanos);
    }

    pub(super) fn is_zero(self) -> bool {
        self.nanos == 0
    }

    pub(super) fn is_more_than(self, other: Self) -> bool {
        self.nanos > other.nanos
    }

    /// In whole ones, a part of one counted as one.
    pub(super) fn value(self) -> i128 {
        ceil(self.nanos, NANO)
    }

    /// In thousandths.
    pub(super) fn milli_value(self) -> i128 {
        ceil(self.nanos, NANO / 1000)
    }
}

fn ceil(nanos: i128, unit: i128) -> i128 {
    nanos.div_euclid(unit) + i128::from(nanos.rem_euclid(unit) != 0)
}

fn suffix_of(suffix: &str) -> Option<(Form, i128, i32)> {
    let binary = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].iter().position(|known| *known == suffix);
    if let Some(index) = binary {
        return Some((Form::Binary, 2, 10 * (index as i32 + 1)));
    }
    let decimal = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"].iter().position(|known| *known == suffix);
    if let Some(index) = decimal {
        return Some((Form::Decimal, 10, 3 * index as i32 - 9));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?;
    Some((Form::Exponent, 10, exponent.parse().ok()?))
}

/// `digits` with so many of them behind the point, times base^exponent, in billionths, rounded up, and never too large.
fn scaled(digits: &str, behind_point: usize, base: i128, exponent: i32) -> i128 {
    // 27 digits fit.
    let Ok(number) = digits.parse::<i128>() else { return 0 };
    let (factor, exponent) = if base == 2 { (1_i128 << exponent, 9) } else { (1, exponent.saturating_add(9)) };
    let exponent = exponent.saturating_sub(i32::try_from(behind_point).unwrap_or(i32::MAX));
    let Some(number) = number.checked_mul(factor) else { return MAX };
    if exponent > EXPONENT_MAX {
        return MAX;
    }
    match 10_i128.checked_pow(exponent.unsigned_abs()) {
        Some(power) if exponent >= 0 => number.checked_mul(power).unwrap_or(MAX).min(MAX),
        Some(power) => ceil(number, power).min(MAX),
        // So small that any of it is the smallest part.
        None => 1,
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { nanos, form } = *self;
        if nanos == 0 {
            return f.write_str("0");
        }
        if form == Form::Binary && nanos.abs() >= 1024 * NANO && nanos % NANO == 0 {
            let (mut number, mut index) = (nanos / NANO, 0);
            while number % 1024 == 0 && index < 6 {
                (number, index) = (number / 1024, index + 1);
            }
            return write!(f, "{number}{}", ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"][index]);
        }
        let (mut number, mut exponent) = (nanos, -9_i32);
        while number % 1000 == 0 && exponent < 18 {
            (number, exponent) = (number / 1000, exponent + 3);
        }
        match (form, exponent) {
            (Form::Exponent, 0) => write!(f, "{number}"),
            (Form::Exponent, exponent) => write!(f, "{number}e{exponent}"),
            _ => {
                let index = usize::try_from((exponent + 9) / 3).unwrap_or_default();
                write!(f, "{number}{}", ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"][index])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(text: &str) -> String {
        Quantity::parse(text).unwrap().to_string()
    }

    #[test]
    fn a_quantity_is_written_as_kubernetes_writes_it() {
        // As `resource.MustParse(…).String()` has them.
        for (text, canonical) in [
            ("0", "0"),
            ("100m", "100m"),
            ("1", "1"),
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("0.5", "500m"),
            ("2000", "2k"),
            ("1200", "1200"),
            ("1Gi", "1Gi"),
            ("1024Mi", "1Gi"),
            ("1536Mi", "1536Mi"),
            ("512", "512"),
            ("0.5Ki", "512"),
            ("1e3", "1e3"),
            ("12e2", "1200"),
            ("1E", "1E"),
            ("-1500m", "-1500m"),
            ("+1", "1"),
            ("1n", "1n"),
            ("0.1n", "1n"),
            ("1.5Gi", "1536Mi"),
            ("0.0001Ki", "102400u"),
            ("110", "110"),
            ("1.", "1"),
            (".5", "500m"),
            ("007", "7"),
        ] {
            assert_eq!(said(text), canonical, "{text}");
        }
        for wrong in ["", "-", ".", "1.2.3", "x", "1x", "1Kii", "1e", "1 ", "é"] {
            assert_eq!(Quantity::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_too_large_is_the_largest() {
        for large in ["100E", "9223372036854775808", "1e40", "123456789012345678901234567890", "16Ei"] {
            assert_eq!(Quantity::parse(large).unwrap().nanos, MAX, "{large}");
        }
        assert_eq!(said("1e-40"), "1e-9");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_the_same(number in 0_i64..i64::MAX, suffix in "(|n|u|m|k|M|Ki|Mi|Gi|e3|e-3)") {
            let quantity = Quantity::parse(&format!("{number}{suffix}")).unwrap();
            prop_assert_eq!(Quantity::parse(&quantity.to_string()).unwrap().nanos, quantity.nanos);
        }

        #[test]
        fn sums_are_those_of_whole_numbers(amounts in prop::collection::vec((0_i64..1_000_000, "(n|u|m||k|Ki|Mi)"), 0..20)) {
            let unit = |suffix: &str| match suffix {
                "n" => 1, "u" => 1000, "m" => 1_000_000, "" => NANO, "k" => 1000 * NANO, "Ki" => 1024 * NANO, _ => (NANO << 10) << 10,
            };
            let mut sum = Quantity::parse("0").unwrap();
            let mut expected = 0;
            for (number, suffix) in &amounts {
                sum.add(Quantity::parse(&format!("{number}{suffix}")).unwrap());
                expected += i128::from(*number) * unit(suffix);
            }
            prop_assert_eq!(sum.nanos, expected);
            prop_assert_eq!(sum.value(), (expected + NANO - 1) / NANO);
            prop_assert_eq!(sum.milli_value(), (expected + NANO / 1000 - 1) / (NANO / 1000));
        }

        #[test]
        fn no_text_breaks_the_reader(text in "[-+]?[0-9.]{0,40}(|[a-zA-Z]{0,3}|e[-+]?[0-9]{0,12})") {
            let _ = Quantity::parse(&text).map(|quantity| quantity.to_string());
        }
    }
}
