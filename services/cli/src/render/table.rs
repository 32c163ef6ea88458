//! Columns as kubectl aligns them: three spaces apart, the last one not padded.

use std::io::{self, Write};

use super::text::one_line;

/// Spaces between columns.
const PADDING: usize = 3;

/// A cell that is longer stands out of its column, rather than move all others: longer than a message of an event can be, which kubectl
/// aligns with. `format!` pads no further than 65,535.
const WIDTH_MAX: usize = 4096;

/// A table that is written as its rows come. The first rows decide how wide the columns are, so that nothing has to be held
/// back; a later row that needs more room widens them for itself and the rest.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<&'static str>,
    widths: Vec<usize>,
}

impl Table {
    /// A table of these columns, which has not been begun.
    pub(crate) fn new(columns: Vec<&'static str>) -> Self {
        Self { columns, widths: Vec::new() }
    }

    /// Writes rows; before the first ones, the header. No rows at all leave no trace.
    pub(crate) fn rows(&mut self, out: &mut dyn Write, rows: &[Vec<String>]) -> io::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let rows: Vec<Vec<_>> = rows.iter().map(|row| row.iter().map(|cell| one_line(cell)).collect()).collect();
        let begins = self.widths.is_empty();
        if begins {
            self.widths = self.columns.iter().map(|column| column.len()).collect();
        }
        for row in &rows {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count().min(WIDTH_MAX));
            }
        }
        if begins {
            self.line(out, self.columns.iter().copied())?;
        }
        rows.iter().try_for_each(|row| self.line(out, row.iter().map(AsRef::as_ref)))
    }

    fn line<'a>(&self, out: &mut dyn Write, cells: impl Iterator<Item = &'a str>) -> io::Result<()> {
        let last = self.columns.len() - 1;
        for (index, (cell, width)) in cells.zip(&self.widths).enumerate() {
            if index == last {
                writeln!(out, "{cell}")?;
            } else {
                let padding = (width + PADDING).saturating_sub(cell.chars().count()).max(PADDING);
                write!(out, "{cell}{:padding$}", "")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(table: &mut Table, rows: &[[&str; 3]]) -> String {
        let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|&cell| cell.to_owned()).collect()).collect();
        let mut out = Vec::new();
        table.rows(&mut out, &rows).expect("a Vec takes all");
        String::from_utf8(out).expect("a table is text")
    }

    #[test]
    fn columns_are_three_spaces_apart_and_the_last_is_not_padded() {
        let mut table = Table::new(vec!["NAME", "READY", "AGE"]);
        assert_eq!(
            write(&mut table, &[["web-0", "1/1", "5m"], ["database-0", "", "12d"]]),
            "\
NAME         READY   AGE
web-0        1/1     5m
database-0           12d
"
        );
    }

    #[test]
    fn later_rows_go_on_below_and_widen_the_columns_only_if_they_must() {
        let mut table = Table::new(vec!["NAME", "READY", "AGE"]);
        write(&mut table, &[["web-0", "1/1", "5m"]]);
        assert_eq!(write(&mut table, &[["a", "1/1", "1s"]]), "a       1/1     1s\n");
        assert_eq!(
            write(&mut table, &[["a-long-name", "1/1", "1s"], ["b", "0/1", "2s"]]),
            "\
a-long-name   1/1     1s
b             0/1     2s
"
        );
    }

    #[test]
    fn a_cell_that_is_far_too_long_stands_out_of_its_column() {
        let mut table = Table::new(vec!["A", "B", "C"]);
        let long = "x".repeat(70_000);
        let text = write(&mut table, &[[&long, "1", "2"], ["y", "1", "2"]]);
        let lines: Vec<_> = text.lines().collect();
        assert!(
            lines[1] == format!("{long}   1   2") && lines[2] == format!("y{}1   2", " ".repeat(4098)),
            "{}",
            lines[2]
        );
    }

    #[test]
    fn no_rows_leave_no_trace() {
        let mut table = Table::new(vec!["A", "B", "C"]);
        assert_eq!(write(&mut table, &[]), "");
        assert_eq!(write(&mut table, &[["1", "2", "3"]]), "A   B   C\n1   2   3\n");
    }

    #[test]
    fn a_cell_stays_on_its_line_and_counts_by_characters() {
        let mut table = Table::new(vec!["A", "B", "C"]);
        assert_eq!(write(&mut table, &[["ü", "x\ny", "\u{1b}[2J"]]), "A   B      C\nü   x\\ny   ^[[2J\n");
    }
}
