//! The tables of `suite.md` and `deviations.md`.

/// A row of the suite.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) clauses: Vec<&'static str>,
    pub(crate) done: Vec<&'static str>,
    pub(crate) expected: Vec<&'static str>,
}

/// What another server does instead.
#[derive(Debug)]
pub(crate) struct Deviation {
    pub(crate) server: &'static str,
    pub(crate) row: &'static str,
    pub(crate) seen: &'static str,
    pub(crate) reason: &'static str,
}

pub(crate) fn rows() -> Vec<Row> {
    let rows = cells::<4>(include_str!("suite.md"));
    rows.map(|[name, clauses, done, expected]| Row {
        name,
        clauses: clauses.split(',').map(str::trim).collect(),
        done: steps(done),
        expected: steps(expected),
    })
    .collect()
}

pub(crate) fn deviations() -> Vec<Deviation> {
    let rows = cells::<4>(include_str!("deviations.md"));
    rows.map(|[server, row, seen, reason]| Deviation { server, row, seen, reason }).collect()
}

/// The rows of all tables of a page, without their heads.
fn cells<const N: usize>(page: &'static str) -> impl Iterator<Item = [&'static str; N]> {
    let lines = page.lines().filter(|line| line.starts_with("| "));
    let cells = lines.map(|line| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>());
    let rows = cells.map(|cells| <[_; N]>::try_from(cells).unwrap_or_else(|cells| panic!("not {N} cells: {cells:?}")));
    rows.filter(|cells| !cells[0].starts_with("---") && !["Name", "Server"].contains(&cells[0]))
}

/// Steps stand between semicolons; those in backticks, and those of a media type's parameters, part nothing.
fn steps(cell: &'static str) -> Vec<&'static str> {
    let (mut steps, mut start, mut is_quoted) = (Vec::new(), 0, false);
    for (at, byte) in cell.bytes().enumerate() {
        match byte {
            b'`' => is_quoted = !is_quoted,
            b';' if !is_quoted && !cell[at..].starts_with("; charset") => {
                steps.push(cell[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    steps.push(cell[start..].trim());
    steps
}
