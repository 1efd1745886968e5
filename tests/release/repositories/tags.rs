//! Names that git takes for no tag, or for no tag beside another: found before anything happens.

use super::{configured, is_refused, project};

#[test]
fn a_tag_below_the_release_s_own_is_found_here_and_at_the_remote() {
    let project = project().build();
    project.git(&["tag", "v1.1.0/docs"]);
    let refused = is_refused(&project);
    assert!(
        refused.stderr().contains("error: [tag] there is a tag `v1.1.0/docs`, and git takes no tag `v1.1.0`"),
        "{refused}"
    );
    project.git(&["push", "--quiet", "origin", "v1.1.0/docs"]);
    project.git(&["tag", "--delete", "v1.1.0/docs"]);
    let refused = is_refused(&project);
    assert!(refused.stderr().contains("there is a tag `v1.1.0/docs` at `origin`"), "{refused}");
    project.git(&["push", "--quiet", "--delete", "origin", "refs/tags/v1.1.0/docs"]);
    project.pyrelease("run minor --yes").code(0);
}

#[test]
fn a_tag_above_the_release_s_own_is_found_here_and_at_the_remote() {
    let project = configured("[stage.tag]\nname = \"demo/v{version}\"\n").build();
    project.git(&["tag", "--annotate", "--message", "all", "demo"]);
    let refused = is_refused(&project);
    assert!(
        refused.stderr().contains("there is a tag `demo`, and git takes no tag `demo/v1.1.0` beside it"),
        "{refused}"
    );
    project.git(&["push", "--quiet", "origin", "demo"]);
    project.git(&["tag", "--delete", "demo"]);
    let refused = is_refused(&project);
    assert!(
        refused.stderr().contains("delete the other tag: `git push --delete origin refs/tags/demo`"),
        "{refused}"
    );
}

#[test]
fn a_name_that_git_tag_refuses_is_found() {
    for name in ["-v{version}".to_owned(), format!("{}{{version}}", "v".repeat(250))] {
        let project = configured(&format!("[stage.tag]\nname = \"{name}\"\n")).build();
        let refused = is_refused(&project);
        assert!(refused.stderr().contains("1.1.0` is not a valid tag name"), "{refused}");
    }
}
