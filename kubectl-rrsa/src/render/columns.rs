//! Lines in columns, three blanks between them, as kubectl's tables are.

/// Columns that remember how wide they are, so that lines can come bit by bit.
#[derive(Clone, Debug, Default)]
pub struct Columns(Vec<usize>);

impl Columns {
    /// The lines, each ended; columns as wide as the widest cell so far.
    pub fn lines(&mut self, lines: &[Vec<String>]) -> String {
        for line in lines {
            self.0.resize(self.0.len().max(line.len()), 0);
            for (width, cell) in self.0.iter_mut().zip(line) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut shown = String::new();
        for line in lines {
            let cells: Vec<String> =
                line.iter().zip(&self.0).map(|(cell, &width)| format!("{cell:<width$}")).collect();
            shown.push_str(cells.join("   ").trim_end());
            shown.push('\n');
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::Columns;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_so_far() {
        let lines = |lines: [[&str; 2]; 2]| lines.map(|line| line.map(str::to_owned).to_vec());
        let mut columns = Columns::default();
        assert_eq!(columns.lines(&lines([["NAME", "ROLE"], ["a", "long"]])), "NAME   ROLE\na      long\n");
        assert_eq!(columns.lines(&lines([["names", "x"], ["b", ""]])), "names   x\nb\n");
    }
}
