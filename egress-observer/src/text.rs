//! Text for people: tables, and lines that are broken between words.

use std::fmt::{self, Write as _};

/// Column that lines are broken at.
const WIDTH: usize = 100;

/// A number of things.
pub(crate) fn count(n: u64, what: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {what}{plural}")
}

/// Text behind its beginning, broken between words and aligned below it.
pub(crate) fn wrapped(out: &mut String, start: &str, text: &str) {
    out.push_str(start);
    let indent = start.chars().count();
    let mut column = indent;
    for (word, first) in text
        .split(' ')
        .zip([true].into_iter().chain(std::iter::repeat(false)))
    {
        if !first && column + 1 + word.chars().count() > WIDTH {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        } else if !first {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += word.chars().count();
    }
    out.push('\n');
}

/// Columns as wide as their widest cell. A column whose cells below the head are all numbers is
/// aligned to the right.
pub(crate) fn write_table(out: &mut String, rows: &[Vec<String>]) -> fmt::Result {
    let n_columns = rows.first().map_or(0, Vec::len);
    let columns: Vec<(usize, bool)> = (0..n_columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            let width = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
            let mut body = rows.iter().skip(1).filter_map(|row| row.get(column));
            let number = body.all(|cell| cell.bytes().all(|byte| byte.is_ascii_digit()));
            (width, number)
        })
        .collect();
    for row in rows {
        let mut line = String::new();
        for (cell, (width, number)) in row.iter().zip(&columns) {
            if *number {
                write!(line, "  {cell:>width$}")?;
            } else {
                write!(line, "  {cell:<width$}")?;
            }
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
