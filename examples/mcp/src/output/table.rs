//! Tables for people: columns as wide as they need to be, cut where the terminal ends.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::view::{Style, View};

/// Columns between two cells.
const GAP: usize = 2;
/// What a column keeps however narrow the terminal is.
const NARROWEST: usize = 4;

/// Rows under headings. A cell is one line; nothing in it may move the cursor.
#[derive(Debug)]
pub(crate) struct Table<const N: usize> {
    headings: [&'static str; N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    pub(crate) fn new(headings: [&'static str; N]) -> Self {
        Self { headings, rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as text, each line with its end. A column without any text is left out.
    pub(crate) fn render(&self, view: View) -> String {
        let needed: [usize; N] =
            std::array::from_fn(|column| self.rows.iter().map(|row| row[column].width()).max().unwrap_or_default());
        let shown: Vec<usize> = (0..N).filter(|column| needed[*column] > 0).collect();
        let needed: Vec<usize> =
            shown.iter().map(|column| needed[*column].max(self.headings[*column].width())).collect();
        let widths = match view {
            View::Piped => needed,
            View::Terminal { columns, .. } => {
                fitted(&needed, columns.saturating_sub(GAP * shown.len().saturating_sub(1)))
            }
        };
        let mut text = String::new();
        let headings = self.headings.map(str::to_owned);
        line(&mut text, &headings, &shown, &widths, |cell| view.paint(Style::Strong, cell));
        for row in &self.rows {
            line(&mut text, row, &shown, &widths, str::to_owned);
        }
        text
    }
}

fn line<const N: usize>(
    text: &mut String,
    cells: &[String; N],
    shown: &[usize],
    widths: &[usize],
    paint: impl Fn(&str) -> String,
) {
    for (at, (column, width)) in shown.iter().zip(widths).enumerate() {
        let cell = cut(&cells[*column], *width);
        *text += &paint(&cell);
        let is_last = shown[at + 1..].iter().all(|later| cells[*later].is_empty());
        if is_last {
            break;
        }
        text.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width()) + GAP));
    }
    text.push('\n');
}

/// Shares `room` among columns that need more: the first has names, which are of no use when they are cut, and gets up to two
/// thirds; of the others, whoever needs less than an equal part gets what it needs, and the rest is shared.
fn fitted(needed: &[usize], room: usize) -> Vec<usize> {
    let mut widths = vec![0; needed.len()];
    let mut order: Vec<usize> = (1..needed.len()).collect();
    order.sort_by_key(|column| needed[*column]);
    let mut left = room;
    if let ([names, _, ..], [width, ..]) = (needed, &mut widths[..]) {
        *width = (*names).min((room * 2 / 3).max(NARROWEST));
        left = left.saturating_sub(*width);
    } else if let [names] = needed {
        return vec![(*names).min(room)];
    }
    for (done, column) in order.iter().enumerate() {
        let share = left / (order.len() - done);
        widths[*column] = needed[*column].min(share.max(NARROWEST));
        left = left.saturating_sub(widths[*column]);
    }
    widths
}

/// `text` in at most so many columns of a terminal, with `…` in place of what is cut.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut left = columns.saturating_sub(1);
    let mut kept: String = text
        .chars()
        .take_while(|character| {
            let width = character.width().unwrap_or_default();
            let fits = width <= left;
            left = left.saturating_sub(width);
            fits
        })
        .collect();
    kept.truncate(kept.trim_end().len());
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::view::Colour;

    fn rendered(rows: &[[&str; 3]], columns: usize) -> String {
        let mut table = Table::new(["NAME", "SIZE", "ABOUT"]);
        for row in rows {
            table.row(row.map(str::to_owned));
        }
        table.render(View::Terminal { columns, colour: Colour::Off })
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        assert_eq!(
            rendered(&[["a", "1", "x"], ["longer", "", "y"], ["b", "2", ""]], 80),
            "NAME    SIZE  ABOUT\na       1     x\nlonger        y\nb       2\n"
        );
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_a_cut_is_seen() {
        let rows = [["a-name", "12", "a description that goes on and on, as they do"]];
        for columns in [30, 40, 60] {
            let text = rendered(&rows, columns);
            assert!(text.lines().all(|line| line.width() <= columns), "{columns}:\n{text}");
            assert_eq!(text.contains('…'), columns < 60, "{text}");
            assert!(text.contains("a-name"), "the narrow columns are whole: {text}");
        }
    }

    #[test]
    fn wide_characters_take_two_columns() {
        let text = rendered(&[["日本語", "1", "x"], ["abcdef", "1", "x"]], 80);
        let columns: Vec<usize> = text.lines().skip(1).map(|line| line.split('1').next().unwrap().width()).collect();
        assert_eq!(columns, [8, 8]);
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("日本語", 4), "日…");
        // A letter and the accent that follows it are one.
        assert_eq!(cut("e\u{301}e\u{301}", 2), "e\u{301}e\u{301}");
    }

    #[test]
    fn a_column_without_text_is_left_out_and_a_tiny_terminal_does_no_harm() {
        assert_eq!(rendered(&[["a", "", "x"]], 80), "NAME  ABOUT\na     x\n");
        for columns in 0..12 {
            rendered(&[["a name", "12345678", "about"]], columns);
        }
    }
}
