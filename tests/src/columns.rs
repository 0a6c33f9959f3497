//! Columns of text, for the reports.

/// A line a row behind `indent`, each cell as wide as the widest of its column. What ends a line is no
/// blank.
pub(crate) fn aligned<const N: usize>(indent: &str, rows: &[[String; N]]) -> String {
    let widths: [usize; N] = std::array::from_fn(|column| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or(0)
    });
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(widths);
        let cells: Vec<_> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text.push_str(format!("{indent}{}", cells.join("  ")).trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a", "b"], ["ccc", "d"], ["ä", ""]].map(|row| row.map(str::to_owned));
        assert_eq!(aligned("", &rows), "a    b\nccc  d\nä\n");
        assert_eq!(aligned("  ", &rows), "  a    b\n  ccc  d\n  ä\n");
    }
}
