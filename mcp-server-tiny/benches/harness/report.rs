//! Medians, and a table in plain text.

/// The middle value; of an even number of values, the upper of the two.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Rows of equal length, printed with columns as wide as their widest cell.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(names: &[&str]) -> Self {
        Self { rows: vec![names.iter().map(|name| (*name).to_owned()).collect()] }
    }

    pub(crate) fn row(&mut self, cells: &[String]) {
        self.rows.push(cells.to_vec());
    }

    pub(crate) fn print(&self) {
        for row in &self.rows {
            for (column, cell) in row.iter().enumerate() {
                let width = self.rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
                if column == 0 {
                    print!("  {cell:width$}");
                } else {
                    print!("  {cell:>width$}");
                }
            }
            println!();
        }
    }
}
