//! What a step or a job names in `uses`.

/// What a step or a job uses
pub(super) struct Uses<'a> {
    /// `owner/repository/folder`, in lower case
    pub path: String,
    /// After `@`
    pub version: &'a str,
}

impl<'a> Uses<'a> {
    /// Reads `owner/repository@version`; Forgejo allows a URL.
    pub fn read(uses: &'a str) -> Self {
        let path =
            uses.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or(uses, |(_, path)| path);
        let (path, version) = path.split_once('@').unwrap_or((path, ""));
        Self { path: path.trim().to_lowercase(), version: version.trim() }
    }
}
