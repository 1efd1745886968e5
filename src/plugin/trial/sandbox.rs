//! A temporary project with distributions, in which a plugin is tested.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::error::Result;
use crate::plugin::store::sha256;

pub(super) struct Sandbox {
    folder: tempfile::TempDir,
    project: PathBuf,
}

const FILES: [(&str, &str); 3] = [
    ("pyproject.toml", "[project]\nname = \"demo\"\nversion = \"1.1.0\"\n"),
    ("dist/demo-1.1.0-py3-none-any.whl", "a wheel\n"),
    ("dist/demo-1.1.0.tar.gz", "a source distribution\n"),
];

impl Sandbox {
    pub(super) fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("pyrelease-plugin-").tempdir()?;
        let project = fs_err::canonicalize(folder.path())?.join("demo");
        for (path, text) in FILES {
            let path = project.join(path);
            fs_err::create_dir_all(path.parent().unwrap_or(&project))?;
            fs_err::write(path, text)?;
        }
        Ok(Self { folder, project })
    }

    pub(super) fn project(&self) -> &Path {
        &self.project
    }

    /// The parameters of a call.
    pub(super) fn params(&self, dry_run: bool) -> Value {
        let file = |(path, text): &(&str, &str)| {
            let filename = path.rsplit('/').next().unwrap_or_default();
            json!({
                "path": self.project.join(path),
                "filename": filename,
                "kind": if path.ends_with(".whl") { "wheel" } else { "sdist" },
                "size": text.len(),
                "sha256": sha256(text.as_bytes()),
            })
        };
        json!({
            "release": {
                "name": "demo",
                "version": "1.1.0",
                "previous": "1.0.0",
                "tag": "v1.1.0",
                "date": "2026-01-15",
                "notes": "### Added\n\n- Everything.\n",
                "commit": "0123456789abcdef0123456789abcdef01234567",
                "root": self.project,
                "project": self.project,
                "dist": FILES[1..].iter().map(file).collect::<Vec<_>>(),
            },
            "dry_run": dry_run,
            "effects": [],
        })
    }

    /// Every file and its bytes.
    pub(super) fn state(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs_err::read_dir(folder).into_iter().flatten().flatten() {
                match entry.path() {
                    path if path.is_dir() => folders.push(path),
                    path => drop(found.insert(path.clone(), fs_err::read(path).unwrap_or_default())),
                }
            }
        }
        found
    }
}
