//! Whether the signing that git is configured for can work. The keys are looked for and nothing is signed: a passphrase
//! is asked for once, when the release is signed.

use std::path::Path;

use super::Repository;
use crate::error::{Error, Result};
use crate::world::Environment;
use crate::world::process::Process;

/// Programs that list keys as GnuPG does; what another one can do, only its run shows
const GNUPG: [&str; 3] = ["gpg", "gpg2", "gpgsm"];

impl Repository {
    /// Whether git signs: commits, and annotated tags.
    pub fn signs(&self) -> (bool, bool) {
        let is_on = |key| self.is_on(key).unwrap_or(false);
        (is_on("commit.gpgSign"), is_on("tag.gpgSign"))
    }

    /// Looks for the program and the key that would sign.
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
            return Err(Error::refused(format!("`{program}`, which is to sign, is not installed")).help(
                "install it, or tell git of another: `git config gpg.program PROGRAM`; or do not sign: \
                 `git config commit.gpgSign false`, [stage.tag] sign = false",
            ));
        }
        let name = Path::new(&program).file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        // A path is asked for its keys only if it is the user's word, and leads out of the repository.
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
        let help = "`git config user.signingKey ~/.ssh/id_ed25519.pub` names the key";
        let key = self.git(["config", "--type=path", "--get", "user.signingKey"]).read().ok();
        let Some(key) = key.filter(|key| !key.is_empty()) else {
            if self.configured("gpg.ssh.defaultKeyCommand").is_some() {
                return Ok(());
            }
            return Err(Error::refused("git is to sign with ssh, and no key is configured").help(help));
        };
        let literal = key.strip_prefix("key::").or_else(|| key.starts_with("ssh-").then_some(key.as_str()));
        let Some(literal) = literal else {
            return match self.top().join(&key).is_file() {
                true => Ok(()),
                false => Err(Error::refused(format!(
                    "git is to sign with the ssh key `{key}`, which is not there"
                ))
                .help(help)),
            };
        };
        // Only an agent can sign with a key of which nothing but its public half is known.
        let has_it = || {
            let wanted = literal.split_whitespace().nth(1)?;
            let agent = Process::new("ssh-add").arg("-L").folder(self.top()).read().ok()?;
            agent.split_whitespace().any(|word| word == wanted).then_some(())
        };
        if is_usual && has_it().is_none() {
            let message = "git is to sign with an ssh key that the agent does not have";
            return Err(
                Error::refused(message).help("add it with `ssh-add`; `ssh-add -L` lists those there are")
            );
        }
        Ok(())
    }

    fn check_gnupg_key(&self, program: &str) -> Result<()> {
        let key = match self.configured("user.signingKey").filter(|key| !key.is_empty()) {
            Some(key) => key,
            // As git does it: the name and the address, without the time.
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
                (Some(&"r"), ..) => "it is revoked",
                (Some(&("i" | "d" | "n")), ..) => "it is not valid",
                (_, Some(uses), _) if !uses.contains('s') => "it is not for signing",
                (_, _, Some(&"#")) => "its secret half is not here",
                _ => "",
            })
            .collect();
        if listed.success() && reasons.contains(&"") {
            return Ok(());
        }
        let reason = reasons.pop().unwrap_or("there is no such secret key");
        Err(Error::refused(format!(
            "git is to sign with the key `{key}`, which `{program}` cannot use: {reason}"
        ))
        .help(format!(
            "`{program} --list-secret-keys` lists the keys; `git config user.signingKey KEY` names one"
        )))
    }
}
