//! Many files and many tags.

use std::fmt::Write as _;

use super::{project, release_and_undo};

/// Tens of thousands of each work as well, in seconds; there are fewer here to keep the test short.
#[test]
fn many_files_and_many_tags() {
    let project = project().build();
    let who = "Dana Developer <dana@example.org> 1780000000 +0000";
    let mut script = String::from("feature done\nblob\nmark :1\ndata 5\nhello\n");
    let _ = writeln!(
        script,
        "commit refs/heads/main\ncommitter {who}\ndata 10\nMany files\nfrom refs/heads/main^0"
    );
    for file in 0..5_000 {
        let _ = writeln!(script, "M 100644 :1 data/{}/{file}.txt", file % 100);
    }
    for tag in 0..2_000 {
        let _ = writeln!(script, "tag v0.0.{tag}\nfrom refs/heads/main^0\ntagger {who}\ndata 1\nt");
    }
    script.push_str("done\n");
    let file = project.sandbox().root().join("import");
    fs_err::write(&file, script).unwrap();
    let import = ["-c", "git fast-import --quiet < \"$1\"", "import", &file.display().to_string()];
    project.sandbox().command(project.folder(), "sh", &import).run().unwrap();
    project.git(&["checkout", "--quiet", "HEAD", "--", "data"]);
    project.git(&["push", "--quiet", "--tags", "origin", "main"]);
    release_and_undo(&project);
    assert_eq!(project.git(&["ls-files"]).lines().filter(|path| path.starts_with("data/")).count(), 5_000);
    assert_eq!(project.git(&["tag"]).lines().count(), 2_002);
}
