//! Releases whose version is committed already: of a tag that was pushed, and of a proposal that was merged.

use std::path::Path;

use super::Forge;
use crate::release::drilled::text;

impl Forge {
    /// Commits 1.1.0 as a person does, tagged if asked; pushes it, and checks it out as a job does.
    fn committed(&self, tag: Option<&str>) -> std::path::PathBuf {
        let project = &self.local.project;
        project.pyrelease("bump minor --yes").code(0);
        project.commit("Version 1.1.0");
        project.git(&["push", "-q", "origin", "main"]);
        if let Some(tag) = tag {
            project.git(&["tag", "-a", "-m", "1.1.0", tag]);
            project.git(&["push", "-q", "origin", tag]);
        }
        let folder = self.path("tagged");
        project.git(&["clone", "-q", text(project.remote().path()), text(&folder)]);
        folder
    }

    fn prepare(&self, folder: &Path, options: &str) -> pyrelease_test_support::Invocation<'_> {
        self.job(folder, &format!("prepare --yes --author-from-forge {options} --out ../tagged.tar.gz"))
    }
}

#[test]
fn a_tag_that_was_pushed_is_released_without_a_commit() {
    let forge = Forge::new();
    let folder = forge.committed(Some("v1.1.0"));
    forge.git(&folder, &["checkout", "-q", "v1.1.0"]);
    let before = forge.local.project.remote_refs();
    forge.prepare(&folder, "--tagged").code(0);
    let other = forge.path("other");
    forge.local.project.git(&["clone", "-q", text(forge.local.project.remote().path()), text(&other)]);
    forge.publishing_job(&other, "publish ../tagged.tar.gz --yes").code(0);
    assert_eq!(forge.local.public.files().len(), 2);
    assert_eq!(forge.local.public.files(), forge.local.rehearsal.files());
    assert_eq!(forge.local.project.remote_refs(), before);
    // Again, it is found to be done.
    forge.publishing_job(&other, "publish ../tagged.tar.gz --yes").code(0);
}

#[test]
fn a_tag_that_is_not_of_the_stated_version_is_refused() {
    let forge = Forge::new();
    let folder = forge.committed(Some("v1.2.0"));
    forge.git(&folder, &["checkout", "-q", "v1.2.0"]);
    let refused = forge.prepare(&folder, "--tagged").code(3);
    assert!(refused.stderr().contains("the project states 1.1.0, and there is no tag `v1.1.0`"), "{refused}");
    assert!(!forge.path("tagged.tar.gz").exists());

    let forge = Forge::new();
    let folder = forge.committed(Some("v1.1.0"));
    forge.git(
        &folder,
        &["-c", "user.name=X", "-c", "user.email=x@x", "commit", "-q", "--allow-empty", "-m", "X"],
    );
    let refused = forge.prepare(&folder, "--tagged").code(3);
    assert!(refused.stderr().contains("tag `v1.1.0` marks"), "{refused}");
}

#[test]
fn a_tag_that_the_remote_does_not_have_is_refused() {
    let forge = Forge::new();
    let folder = forge.committed(None);
    forge.git(&folder, &["tag", "v1.1.0"]);
    let refused = forge.prepare(&folder, "--tagged").code(3);
    assert!(refused.stderr().contains("push it: `git push origin v1.1.0`"), "{refused}");
}

#[test]
fn a_version_that_is_not_committed_as_a_release_is_none() {
    for version in ["1.1.0.dev0", "1.1.0"] {
        let forge = Forge::new();
        let project = &forge.local.project;
        let text = project.read("pyproject.toml");
        project.write(
            "pyproject.toml",
            &text.replace("version = \"1.0.0\"", &format!("version = \"{version}\"")),
        );
        project.commit("Go on");
        let nothing = forge.prepare(project.folder(), "--untagged").code(0);
        assert!(nothing.stderr().contains("nothing to prepare: "), "{version}: {nothing}");
        assert!(!forge.path("tagged.tar.gz").exists());
    }
}

#[test]
fn a_tag_without_its_section_in_the_changelog_is_refused() {
    let forge = Forge::new();
    let project = &forge.local.project;
    let changelog = project.read("CHANGELOG.md");
    let folder = {
        project.pyrelease("bump minor --yes").code(0);
        project.write("CHANGELOG.md", &changelog);
        project.commit("Version 1.1.0");
        project.git(&["tag", "v1.1.0"]);
        project.git(&["push", "-q", "origin", "main", "v1.1.0"]);
        let folder = forge.path("tagged");
        project.git(&["clone", "-q", text(project.remote().path()), text(&folder)]);
        folder
    };
    forge.prepare(&folder, "--tagged").run().code_in(&[2, 3]);
    assert!(!forge.path("tagged.tar.gz").exists());
}

#[test]
fn what_was_merged_is_released_if_it_has_no_tag() {
    let forge = Forge::new();
    let folder = forge.committed(None);
    forge.prepare(&folder, "--untagged").code(0);
    forge.publishing_job(&folder, "publish ../tagged.tar.gz --yes").code(0);
    assert_eq!(forge.local.public.files().len(), 2);
    let refs = forge.local.project.remote_refs();
    assert!(refs.contains_key("refs/tags/v1.1.0"), "{refs:?}");

    // Everything that is merged later is no release.
    fs_err::remove_file(forge.path("tagged.tar.gz")).expect("it was written");
    forge.git(
        &folder,
        &["-c", "user.name=X", "-c", "user.email=x@x", "commit", "-q", "--allow-empty", "-m", "X"],
    );
    let nothing = forge.prepare(&folder, "--untagged").code(0);
    assert!(nothing.stderr().contains("nothing to prepare"), "{nothing}");
    assert!(!forge.path("tagged.tar.gz").exists());
}
