//! Tables as kubectl and `gumshoe` print them, compared cell by cell.

use std::collections::BTreeMap;

/// The cells of a table: by the object's namespace and name, and by the column's name.
pub type Cells = BTreeMap<(String, String), String>;

/// Reads a table; its columns begin where their names do.
#[must_use]
pub fn cells(table: &str) -> Cells {
    let mut lines = table.lines();
    let columns = columns(lines.next().unwrap_or_default());
    let mut cells = Cells::new();
    for line in lines {
        // Characters, since a text may hold some that take several bytes.
        let cell = |(_, begin, end): &(String, usize, usize)| {
            let cell: String = line.chars().skip(*begin).take(end - begin).collect();
            cell.trim().to_owned()
        };
        let named = |wanted: &str| columns.iter().find(|(name, ..)| name == wanted).map(&cell).unwrap_or_default();
        let object = format!("{}/{}", named("NAMESPACE"), named("NAME"));
        for column in &columns {
            cells.insert((object.clone(), column.0.clone()), timeless(&cell(column)));
        }
    }
    cells
}

/// Names with where their cells begin and end: two spaces or more are between them.
fn columns(header: &str) -> Vec<(String, usize, usize)> {
    let mut columns: Vec<(String, usize, usize)> = Vec::new();
    let mut begin = 0;
    for name in header.split_inclusive("  ") {
        if !name.trim().is_empty() {
            let indent = name.len() - name.trim_start().len();
            if let Some((_, _, end)) = columns.last_mut() {
                *end = begin + indent;
            }
            columns.push((name.trim().to_owned(), begin + indent, usize::MAX));
        }
        begin += name.len();
    }
    columns
}

/// A cell without how long something was ago or took: time goes on. "3 (5m ago)" is "3", and "5m" is "a while".
#[must_use]
pub fn timeless(cell: &str) -> String {
    let cell = cell.strip_suffix(" ago)").and_then(|cell| cell.rsplit_once(" (")).map_or(cell, |(before, _)| before);
    let is_while = cell.starts_with(|first: char| first.is_ascii_digit())
        && cell.ends_with(['s', 'm', 'h', 'd', 'y'])
        && cell.chars().all(|it| it.is_ascii_digit() || "smhdy".contains(it));
    if is_while { "a while".to_owned() } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_found_by_its_object_and_its_column() {
        let table = "NAMESPACE   NAME    ACCESS MODES   RESTARTS     AGE\n\
                     shop        web-0                  3 (5m ago)   5d\n\
                     shop        web-1   ROX,RWX        0            5d20h\n";
        let cells = cells(table);
        let cell = |name: &str, column: &str| cells[&(format!("shop/{name}"), column.to_owned())].as_str();
        assert_eq!((cell("web-0", "ACCESS MODES"), cell("web-0", "RESTARTS")), ("", "3"));
        assert_eq!((cell("web-1", "ACCESS MODES"), cell("web-1", "AGE")), ("ROX,RWX", "a while"));
    }
}
