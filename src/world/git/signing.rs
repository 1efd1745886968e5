//! Checks that git can sign, before the release. Keys are looked up but not used, so that a passphrase is asked for
//! only once, when the release is signed.

use std::path::Path;

use super::Repository;
use crate::error::{Error, Result};
use crate::world::Environment;
use crate::world::process::Process;

/// Programs with GnuPG's options for listing keys; others cannot be checked in advance
const GNUPG: [&str; 3] = ["gpg", "gpg2", "gpgsm"];

impl Repository {
    /// Whether git signs commits, and whether it signs annotated tags.
    pub fn signs(&self) -> (bool, bool) {
        let is_on = |key| self.is_on(key).unwrap_or(false);
        (is_on("commit.gpgSign"), is_on("tag.gpgSign"))
    }

    /// Checks that the signing program and the key exist.
    ///
    /// # Errors
    /// One of them is missing, or the key cannot sign.
    pub fn check_signing(&self, environment: &Environment) -> Result<()> {
        let format = self.configured("gpg.format").unwrap_or_else(|| "openpgp".to_owned());
        let usual = match format.as_str() {
            "ssh" => "ssh-keygen",
            "x509" => "gpgsm",
            _ => "gpg",
        };
        let keys = [format!("gpg.{format}.program"), "gpg.program".to_owned()];
        let keys = &keys[..if format == "openpgp" { 2 } else { 1 }];
        let key = keys.iter().find(|key| self.configured(key).is_some());
        let program = key.and_then(|key| self.configured(key));
        let program = program.unwrap_or_else(|| usual.to_owned());
        let program = match (program.strip_prefix("~/"), environment.home()) {
            (Some(inside), Some(home)) => home.join(inside).to_string_lossy().into_owned(),
            _ => program,
        };
        if !environment.has_program(&program, self.top()) {
            return Err(Error::refused(format!("the signing program `{program}` is not installed")).help(
                "install it, or set another with `git config gpg.program PROGRAM`; or turn signing off: \
                 `git config commit.gpgSign false`, [stage.tag] sign = false",
            ));
        }
        let name = Path::new(&program).file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        // Query a program given as a path only if the user's settings name it and it is outside the repository.
        let is_path = Path::new(&program).components().count() > 1;
        let is_users = !key.is_some_and(|key| self.is_own(key)) && Path::new(&program).is_absolute();
        if format == "ssh" {
            self.check_ssh_key(name == usual)
        } else if is_path && !is_users {
            Ok(())
        } else if GNUPG.contains(&name) {
            self.check_gnupg_key(&program)
        } else {
            Ok(())
        }
    }

    fn check_ssh_key(&self, is_usual: bool) -> Result<()> {
        let help = "set the key with `git config user.signingKey ~/.ssh/id_ed25519.pub`";
        let key = self.git(["config", "--type=path", "--get", "user.signingKey"]).read().ok();
        let Some(key) = key.filter(|key| !key.is_empty()) else {
            if self.configured("gpg.ssh.defaultKeyCommand").is_some() {
                return Ok(());
            }
            return Err(Error::refused("git is configured to sign with ssh, but no key is set").help(help));
        };
        let literal = key.strip_prefix("key::").or_else(|| key.starts_with("ssh-").then_some(key.as_str()));
        let Some(literal) = literal else {
            return match self.top().join(&key).is_file() {
                true => Ok(()),
                false => {
                    Err(Error::refused(format!("the ssh signing key `{key}` does not exist")).help(help))
                }
            };
        };
        // With only the public key at hand, the ssh agent must sign.
        let has_it = || {
            let wanted = literal.split_whitespace().nth(1)?;
            let agent = Process::new("ssh-add").arg("-L").folder(self.top()).read().ok()?;
            agent.split_whitespace().any(|word| word == wanted).then_some(())
        };
        if is_usual && has_it().is_none() {
            let message = "the ssh agent does not have the signing key";
            return Err(Error::refused(message)
                .help("add it with `ssh-add`; list the agent's keys with `ssh-add -L`"));
        }
        Ok(())
    }

    fn check_gnupg_key(&self, program: &str) -> Result<()> {
        let key = match self.configured("user.signingKey").filter(|key| !key.is_empty()) {
            Some(key) => key,
            // Like git: the committer's name and email, without the time.
            None => {
                let identity = self.git(["var", "GIT_COMMITTER_IDENT"]).read()?;
                identity.rsplitn(3, ' ').nth(2).unwrap_or_default().to_owned()
            }
        };
        let list = ["--batch", "--with-colons", "--list-secret-keys", "--", &key];
        let listed = Process::new(program).args(list).folder(self.top()).capture()?;
        let text = listed.text();
        let records = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let secret = records.filter(|fields| matches!(fields.first(), Some(&("sec" | "ssb"))));
        let mut reasons: Vec<&str> = secret
            .map(|fields| match (fields.get(1), fields.get(11), fields.get(14)) {
                (Some(&"e"), ..) => "it has expired",
                (Some(&"r"), ..) => "it was revoked",
                (Some(&("i" | "d" | "n")), ..) => "it is not valid",
                (_, Some(uses), _) if !uses.contains('s') => "it cannot be used for signing",
                (_, _, Some(&"#")) => "its secret key is not available",
                _ => "",
            })
            .collect();
        if listed.success() && reasons.contains(&"") {
            return Ok(());
        }
        let reason = reasons.pop().unwrap_or("no such secret key exists");
        Err(Error::refused(format!("`{program}` cannot sign with the key `{key}`: {reason}")).help(format!(
            "list the keys with `{program} --list-secret-keys`; set one with `git config user.signingKey KEY`"
        )))
    }
}
