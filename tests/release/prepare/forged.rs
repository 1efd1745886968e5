//! A file whose release commit is not what the stages of the release make is not published.

use std::path::PathBuf;

use pyrelease_test_support::Config;

use super::super::drilled::Local;
use super::Forge;

/// Prepares a release while the commit gets one more file.
#[track_caller]
fn prepared_with_one_more(forge: &Forge) -> PathBuf {
    let (preparing, file) = (forge.checkout("preparing"), forge.path("run.tar.gz"));
    let hook = preparing.join(".git/hooks/pre-commit");
    fs_err::create_dir_all(hook.parent().expect("a folder")).expect("a folder for hooks");
    fs_err::write(&hook, "#!/bin/sh\nmkdir -p .github\necho x > .github/evil.yml\ngit add .github\n")
        .expect("a hook");
    duct::cmd!("chmod", "+x", &hook).run().expect("chmod");
    forge.job(&preparing, "prepare minor --yes --author-from-forge --out").arg(&file).code(0);
    file
}

#[test]
fn a_release_commit_with_another_file_is_refused_by_name() {
    let forge = Forge::new();
    let file = prepared_with_one_more(&forge);
    let folder = forge.checkout("publishing");
    let refused = forge.publishing_job(&folder, "publish --yes").arg(&file).code(3);
    refused.assert_error_shown("prepare/another-file-in-the-commit");
    forge.publishing_job(&folder, "resume --yes --import").arg(&file).code(3);
    forge.assert_untouched(&folder);
    forge.assert_nothing_is_out();
}

/// What a command of the project's own writes is not known beforehand.
#[test]
fn a_command_of_the_projects_own_may_write_any_file() {
    let own = Config::stages("changelog version own tag build check testpypi push pypi")
        .stage("own")
        .set("run", ["sh", "-c", "echo x > README.md"]);
    let forge = Forge::of(Local::configured(&own));
    let file = forge.prepared("");
    let folder = forge.checkout("publishing");
    forge.publishing_job(&folder, "publish --yes").arg(&file).code(0);
    forge.local.is_released(&folder);
    assert_eq!(fs_err::read_to_string(folder.join("README.md")).unwrap(), "x\n");
}
