//! Numbers and sizes as people read them.

use gumshoe_kubectl::Names;
pub(crate) use gumshoe_kubectl::units::{bytes, duration, from_proto, to_proto};

/// A size for people: `14.2 KiB`.
pub(crate) fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut scaled = bytes as f64 / 1024.0;
    let mut unit = UNITS[0];
    for larger in &UNITS[1..] {
        if scaled < 1024.0 {
            break;
        }
        scaled /= 1024.0;
        unit = larger;
    }
    format!("{scaled:.1} {unit}")
}

/// A number of things: `1 pod`, `12 pods`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    plural(number, noun, &format!("{noun}s"))
}

/// A number of things of a kind.
pub(crate) fn count_of(number: u64, names: Names) -> String {
    plural(number, names.singular, names.plural)
}

/// A number of things whose plural has a form of its own.
pub(crate) fn plural(number: u64, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_reads_easily() {
        for (bytes, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (14_540, "14.2 KiB"),
            (1 << 20, "1.0 MiB"),
            (u64::MAX, "16777216.0 TiB"),
        ] {
            assert_eq!(human_bytes(bytes), expected);
        }
    }
}
