//! Signed commits and tags, with keys made for the test: what lands verifies in the user's repository.

use std::path::PathBuf;

use pyrelease_test_support::{Project, str};

use super::{is_refused, project, release_and_undo};

/// Whether the program is installed; if not, the test prints that it was skipped.
#[expect(clippy::print_stdout, reason = "whoever reads the output is to know what was not shown")]
fn is_there(program: &str) -> bool {
    let found = duct::cmd(program, ["--version"]).stdout_null().stderr_null().unchecked().run().is_ok();
    if !found {
        println!("skipped: `{program}` is not installed");
    }
    found
}

/// A home for gpg, whose agent ends with the test.
struct Keys<'a> {
    project: &'a Project,
}

impl<'a> Keys<'a> {
    fn new(project: &'a Project) -> Self {
        let keys = Self { project };
        fs_err::create_dir(keys.folder()).expect("a fresh home takes another folder");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs_err::set_permissions(keys.folder(), std::fs::Permissions::from_mode(0o700))
                .expect("our own folder");
        }
        keys
    }

    fn folder(&self) -> PathBuf {
        self.project.sandbox().home().join(".gnupg")
    }

    fn make(&self, expires: &str) -> String {
        let identity = "Dana Developer <dana@example.org>";
        let make = [
            "--batch",
            "--quiet",
            "--passphrase",
            "",
            "--quick-generate-key",
            identity,
            "default",
            "default",
            expires,
        ];
        self.gpg(&make);
        let listed = self.gpg(&["--batch", "--with-colons", "--list-secret-keys"]);
        let key = listed.lines().rev().find_map(|line| line.strip_prefix("sec:"));
        key.and_then(|line| line.split(':').nth(3)).expect("a key was just made").to_owned()
    }

    fn gpg(&self, args: &[&str]) -> String {
        let command = self.project.sandbox().command(self.project.folder(), "gpg", args);
        command.stderr_capture().read().expect("gpg is there")
    }
}

impl Drop for Keys<'_> {
    fn drop(&mut self) {
        let kill = self.project.sandbox().command(self.project.folder(), "gpgconf", &["--kill", "all"]);
        let _ = kill.unchecked().run();
    }
}

fn sign_everything(project: &Project) {
    for key in ["commit.gpgSign", "tag.gpgSign"] {
        project.git(&["config", key, "true"]);
    }
}

#[track_caller]
fn verifies(project: &Project) {
    project.git(&["verify-commit", "HEAD"]);
    project.git(&["verify-tag", "v1.1.0"]);
}

#[test]
fn with_gpg() {
    if !is_there("gpg") {
        return;
    }
    let project = project().build();
    let keys = Keys::new(&project);
    let key = keys.make("never");
    project.git(&["config", "user.signingKey", &key]);
    sign_everything(&project);
    release_and_undo(&project);
    verifies(&project);
}

/// Git looks the key up by the committer's name and address.
#[test]
fn with_gpg_and_no_key_named() {
    if !is_there("gpg") {
        return;
    }
    let project = super::configured("[stage.tag]\nsign = true\n").build();
    let keys = Keys::new(&project);
    is_refused(&project).messages_eq(str![[r#"
error: [tag] `gpg` cannot sign with the key `Dana Developer <dana@example.org>`: no such secret key exists
help: list the keys with `gpg --list-secret-keys`; set one with `git config user.signingKey KEY`
error: the release was refused; nothing has been done

"#]]);
    keys.make("never");
    project.pyrelease("run minor --yes").code(0);
    project.git(&["verify-tag", "v1.1.0"]);
}

#[test]
fn with_a_gpg_key_that_is_not_there_or_has_expired() {
    if !is_there("gpg") {
        return;
    }
    let project = project().build();
    let keys = Keys::new(&project);
    sign_everything(&project);
    project.git(&["config", "user.signingKey", "0123456789ABCDEF"]);
    is_refused(&project).assert_error_shown("repositories/with-a-gpg-key-that-is-not-there-or-has-expired");

    let key = keys.make("seconds=1");
    std::thread::sleep(std::time::Duration::from_secs(2));
    project.git(&["config", "user.signingKey", &key]);
    is_refused(&project).messages_eq(str![[r#"
error: [tag] `gpg` cannot sign with the key `[..]`: it has expired
help: list the keys with `gpg --list-secret-keys`; set one with `git config user.signingKey KEY`
error: the release was refused; nothing has been done

"#]]);
}

#[test]
fn with_a_program_that_is_not_installed() {
    let project = project().build();
    sign_everything(&project);
    project.git(&["config", "gpg.program", "no-such-gpg-of-the-test"]);
    is_refused(&project).messages_eq(str![[r#"
error: [tag] the signing program `no-such-gpg-of-the-test` is not installed
help: install it, or set another with `git config gpg.program PROGRAM`; or turn signing off: `git config commit.gpgSign false`, [stage.tag] sign = false
error: the release was refused; nothing has been done

"#]]);
}

/// With `sign = false` nothing is signed, whatever git's configuration.
#[test]
fn with_no_key_where_none_is_needed() {
    let project = super::configured("[stage.tag]\nsign = false\n").build();
    project.git(&["config", "tag.gpgSign", "true"]);
    project.git(&["config", "gpg.program", "no-such-gpg-of-the-test"]);
    project.pyrelease("run minor --yes").code(0);
    assert!(!project.git(&["cat-file", "tag", "v1.1.0"]).contains("SIGNATURE"));
}

/// An ssh key with a path relative to the working tree, which clones do not have.
fn with_an_ssh_key(project: &Project) {
    fs_err::create_dir(project.git_folder().join("keys")).expect("a fresh folder");
    let folder = project.folder();
    let make = ["-q", "-t", "ed25519", "-N", "", "-C", "dana@example.org", "-f", ".git/keys/release"];
    project.sandbox().command(folder, "ssh-keygen", &make).run().expect("ssh-keygen is there");
    let public = project.read(".git/keys/release.pub");
    project.write(".git/keys/allowed", &format!("dana@example.org {public}"));
    for (key, value) in [
        ("gpg.format", "ssh"),
        ("user.signingKey", ".git/keys/release.pub"),
        ("gpg.ssh.allowedSignersFile", ".git/keys/allowed"),
    ] {
        project.git(&["config", key, value]);
    }
    sign_everything(project);
}

#[test]
fn with_ssh() {
    if !is_there("ssh-keygen") {
        return;
    }
    let project = project().build();
    with_an_ssh_key(&project);
    release_and_undo(&project);
    verifies(&project);
}

#[test]
fn with_an_ssh_key_that_is_not_there() {
    if !is_there("ssh-keygen") {
        return;
    }
    let project = project().build();
    with_an_ssh_key(&project);
    project.git(&["config", "user.signingKey", "~/.ssh/none.pub"]);
    is_refused(&project).messages_eq(str![[r#"
error: [tag] the ssh signing key `[ROOT]/home/.ssh/none.pub` does not exist
help: set the key with `git config user.signingKey ~/.ssh/id_ed25519.pub`
error: the release was refused; nothing has been done

"#]]);
    project.git(&["config", "--unset", "user.signingKey"]);
    is_refused(&project).messages_eq(str![[r#"
error: [tag] git is configured to sign with ssh, but no key is set
help: set the key with `git config user.signingKey ~/.ssh/id_ed25519.pub`
error: the release was refused; nothing has been done

"#]]);
    let public = project.read(".git/keys/release.pub");
    project.git(&["config", "user.signingKey", &format!("key::{}", public.trim())]);
    is_refused(&project).messages_eq(str![[r#"
error: [tag] the ssh agent does not have the signing key
help: add it with `ssh-add`; list the agent's keys with `ssh-add -L`
error: the release was refused; nothing has been done

"#]]);
}
