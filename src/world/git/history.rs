//! The commit history: tags and ancestry.

use std::collections::HashMap;

use super::Repository;
use crate::error::{Error, Result};

impl Repository {
    /// Whether `ancestor` is `commit` or one of its ancestors; false if either is missing.
    pub fn contains(&self, commit: &str, ancestor: &str) -> bool {
        let (Ok(commit), Ok(ancestor)) = (commit.parse(), ancestor.parse()) else { return false };
        commit == ancestor || self.repository.graph_descendant_of(commit, ancestor).unwrap_or(false)
    }

    /// Whether this is a shallow clone.
    pub fn is_shallow(&self) -> bool {
        self.repository.is_shallow()
    }

    /// The nearest tag on `commit` or an ancestor, among those that `accept` accepts.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn nearest_tag(&self, commit: &str, accept: impl Fn(&str) -> bool) -> Result<Option<String>> {
        self.nearest_tag_beyond(commit, None, accept)
    }

    /// The same, among the commits that are not reachable from `base`.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn nearest_tag_beyond(
        &self,
        commit: &str,
        base: Option<&str>,
        accept: impl Fn(&str) -> bool,
    ) -> Result<Option<String>> {
        let broken = |error| Error::failed("failed to read the commit history").because(error);
        let tags = self.tags()?;
        let accepted = tags.iter().filter(|tag| accept(&tag.name));
        let marks: HashMap<&str, &str> =
            accepted.map(|tag| (tag.commit.as_str(), tag.name.as_str())).collect();
        if marks.is_empty() {
            return Ok(None);
        }
        let mut walk = self.repository.revwalk().map_err(broken)?;
        walk.set_sorting(git2::Sort::TOPOLOGICAL).map_err(broken)?;
        walk.push(commit.parse().map_err(broken)?).map_err(broken)?;
        if let Some(base) = base {
            walk.hide(base.parse().map_err(broken)?).map_err(broken)?;
        }
        for id in walk {
            // In a shallow clone the walk ends with an error instead of at a root.
            let Ok(id) = id else { return Ok(None) };
            if let Some(name) = marks.get(id.to_string().as_str()) {
                return Ok(Some((*name).to_owned()));
            }
        }
        Ok(None)
    }
}
