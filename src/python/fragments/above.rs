//! Fragments of a whole repository, whose settings are above the folder of the project.

use super::{Fragments, Problem};
use crate::python::project::{Files, Project};

/// The files of a folder above the project's
struct Above<'f> {
    files: &'f dyn Files,
    /// `../`, once or more
    above: &'f str,
}

impl Files for Above<'_> {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.files.read(&format!("{}{path}", self.above))
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let listed = self.files.list(&format!("{}{folder}", self.above));
        listed.iter().filter_map(|path| path.strip_prefix(self.above)).map(str::to_owned).collect()
    }
}

/// The fragments that a tool collects into the changelog, in its folder.
pub(super) fn find(files: &dyn Files, project: &Project, changelog: &str) -> Option<Fragments> {
    let inside = changelog.trim_start_matches("../");
    let above = &changelog[..changelog.len() - inside.len()];
    if above.is_empty() {
        return None;
    }
    let found = Fragments::find(&Above { files, above }, project)?;
    (found.changelog == inside).then(|| found.below(above))
}

impl Fragments {
    /// The same with paths from the project's folder.
    fn below(mut self, above: &str) -> Self {
        let moved = |path: &str| format!("{above}{path}");
        for path in [&mut self.settings, &mut self.folder, &mut self.changelog] {
            *path = moved(path);
        }
        for fragment in &mut self.files {
            fragment.path = moved(&fragment.path);
        }
        for problem in &mut self.problems {
            let (Problem::UnknownType { path, .. }
            | Problem::BadName { path }
            | Problem::NoTemplate { path, .. }
            | Problem::Settings { path, .. }) = problem;
            *path = moved(path);
        }
        self.above = above.to_owned();
        self
    }
}
