//! The rows of the result, as a table for people and as JSON for programs.

use std::fmt;
use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

/// All rows.
#[derive(Debug, Default)]
pub(crate) struct Report(Vec<(Row, String)>);

/// One thing that was measured.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) ours: f64,
    /// What it is compared with; absent where a number stands for itself.
    pub(crate) peer: Option<f64>,
    pub(crate) unit: &'static str,
    /// The median of the pairs' ratios.
    pub(crate) ratio: Option<f64>,
    pub(crate) bar: Bar,
    /// Whether the bar is reached.
    pub(crate) holds: bool,
}

/// What is to be reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bar {
    /// The ratio is at most so much.
    Ratio(f64),
    /// Ours is at most so much more than the peer's.
    More(f64),
    /// Ours is at most so much.
    AtMost(f64),
    /// Ours is at least so much.
    AtLeast(f64),
    /// Ours is the peer's.
    Same,
    /// Nothing: it is told only.
    None,
}

impl Row {
    /// Ours beside the peer's, where only these two numbers count.
    pub(crate) fn new(name: impl Into<String>, ours: f64, peer: Option<f64>, unit: &'static str, bar: Bar) -> Self {
        Self::with_ratio(name, ours, peer, peer.map(|peer| ours / peer), unit, bar)
    }

    /// With a ratio that was measured by pairs.
    pub(crate) fn with_ratio(
        name: impl Into<String>,
        ours: f64,
        peer: Option<f64>,
        ratio: Option<f64>,
        unit: &'static str,
        bar: Bar,
    ) -> Self {
        let holds = bar.holds(ours, peer, ratio);
        Self { name: name.into(), ours, peer, unit, ratio, bar, holds }
    }
}

impl Bar {
    fn holds(self, ours: f64, peer: Option<f64>, ratio: Option<f64>) -> bool {
        match self {
            Self::Ratio(most) => ratio.is_some_and(|ratio| ratio <= most),
            Self::More(most) => peer.is_some_and(|peer| ours - peer <= most),
            Self::AtMost(most) => ours <= most,
            Self::AtLeast(least) => ours >= least,
            Self::Same => peer.is_some_and(|peer| (ours - peer).abs() < f64::EPSILON),
            Self::None => true,
        }
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ratio(most) => write!(f, "<= {most}x"),
            Self::More(most) => write!(f, "<= peer + {most}"),
            Self::AtMost(most) => write!(f, "<= {most}"),
            Self::AtLeast(least) => write!(f, ">= {least}"),
            Self::Same => f.write_str("= peer"),
            Self::None => f.write_str("none"),
        }
    }
}

impl Serialize for Bar {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Report {
    /// Adds a row; `note` says what is known of its cause. The row is shown at once, since the bench takes minutes.
    pub(crate) fn add(&mut self, row: Row, note: impl Into<String>) {
        eprintln!("{}", Line(&row));
        self.0.push((row, note.into()));
    }

    /// How many bars are not reached.
    pub(crate) fn missed(&self) -> usize {
        self.0.iter().filter(|(row, _)| !row.holds).count()
    }

    /// Writes the rows as a JSON list.
    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let rows: Vec<_> = self.0.iter().map(|(row, _)| row).collect();
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        let text = serde_json::to_string_pretty(&rows)? + "\n";
        std::fs::write(path, text).with_context(|| format!("write {}", path.display()))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{:<62} {:>9} {:>9} {:<6} {:>7}  {:<14} holds", "what", "ours", "peer", "unit", "ratio", "bar")?;
        for (row, _) in &self.0 {
            writeln!(f, "{}", Line(row))?;
        }
        let noted: Vec<_> = self.0.iter().filter(|(_, note)| !note.is_empty()).collect();
        for (row, note) in &noted {
            writeln!(f, "{} {}: {note}", if row.holds { "note" } else { "MISSED" }, row.name)?;
        }
        match self.missed() {
            0 => write!(f, "\nEvery bar is reached."),
            missed => write!(f, "\n{missed} of {} bars are MISSED.", self.0.len()),
        }
    }
}

struct Line<'a>(&'a Row);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { name, ours, peer, unit, ratio, bar, holds } = self.0;
        let peer = peer.map_or_else(|| "-".to_owned(), short);
        let ratio = ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.3}"));
        let holds = match (bar, holds) {
            (Bar::None, _) => "-",
            (_, true) => "yes",
            (_, false) => "NO",
        };
        write!(f, "{name:<62} {:>9} {peer:>9} {unit:<6} {ratio:>7}  {:<14} {holds}", short(*ours), bar.to_string())
    }
}

/// Three significant digits or more.
fn short(value: impl std::borrow::Borrow<f64>) -> String {
    match *value.borrow() {
        value if value.abs() >= 100.0 => format!("{value:.0}"),
        value if value.abs() >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_holds_up_to_its_edge_and_not_beyond() {
        let holds = |ours, bar| Row::new("", ours, Some(2.0), "s", bar).holds;
        assert!(holds(2.6, Bar::Ratio(1.3)) && !holds(2.7, Bar::Ratio(1.3)));
        assert!(holds(18.0, Bar::More(16.0)) && !holds(18.1, Bar::More(16.0)));
        assert!(holds(12.0, Bar::AtMost(12.0)) && !holds(12.1, Bar::AtMost(12.0)));
        assert!(holds(12.0, Bar::AtLeast(12.0)) && !holds(11.9, Bar::AtLeast(12.0)));
        assert!(holds(2.0, Bar::Same) && !holds(3.0, Bar::Same));
    }

    #[test]
    fn what_could_not_be_measured_holds_no_bar() {
        assert!(!Row::new("", f64::NAN, Some(f64::NAN), "s", Bar::Ratio(1.3)).holds);
        assert!(!Row::new("", f64::NAN, None, "s", Bar::AtMost(1.3)).holds);
        assert!(!Row::new("", f64::NAN, None, "1/s", Bar::AtLeast(1.3)).holds);
    }

    #[test]
    fn programs_read_what_people_read() {
        let row = Row::with_ratio("a", 3.0, Some(2.0), Some(1.4), "s", Bar::Ratio(1.3));
        assert_eq!(
            serde_json::to_value(row).ok(),
            Some(serde_json::json!({
                "name": "a", "ours": 3.0, "peer": 2.0, "unit": "s", "ratio": 1.4, "bar": "<= 1.3x", "holds": false
            }))
        );
    }
}
