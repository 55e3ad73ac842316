//! Which tools of a server are used.

/// The allow list and the deny list of a server's tools.
///
/// An entry is a name, or the beginning of names when it ends in `*`; `*` alone is every tool. Who is on both lists is denied.
///
/// ```
/// use mcp_sse_blocking::config::ToolFilter;
///
/// let filter = ToolFilter::default().allowing(["read_*", "search"]).denying(["read_secrets"]);
/// assert!(filter.permits("read_file") && filter.permits("search"));
/// assert!(!filter.permits("read_secrets") && !filter.permits("write_file"));
/// assert!(ToolFilter::default().permits("anything"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolFilter {
    /// Only these; `None` allows every tool, an empty list none.
    pub allow: Option<Vec<String>>,
    /// None of these.
    pub deny: Vec<String>,
}

impl ToolFilter {
    /// The same filter with these tools allowed besides those it allows already, and no others.
    pub fn allowing(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.allow.get_or_insert_default().extend(names.into_iter().map(Into::into));
        self
    }

    /// The same filter with these tools denied as well.
    pub fn denying(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.deny.extend(names.into_iter().map(Into::into));
        self
    }

    /// Whether the tool of this name is used.
    pub fn permits(&self, name: &str) -> bool {
        let is_on = |list: &[String]| list.iter().any(|entry| stands_for(entry, name));
        self.allow.as_deref().is_none_or(is_on) && !is_on(&self.deny)
    }
}

fn stands_for(entry: &str, name: &str) -> bool {
    match entry.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => entry == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_allow_list_allows_nothing() {
        assert!(!ToolFilter::default().allowing([""; 0]).permits("echo"));
    }

    #[test]
    fn a_star_allows_all_and_a_denial_wins() {
        let filter = ToolFilter::default().allowing(["*"]).denying(["echo"]);
        assert!(filter.permits("other") && !filter.permits("echo"));
    }
}
