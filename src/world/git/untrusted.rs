//! Protects against a repository's own settings (`.git/config`), which can name programs for git to run. A repository
//! from somebody else may bring such settings along. So until the user has agreed to a release, git runs none of these
//! programs: unneeded features are turned off, and a remote that only such a program could reach is not asked. The
//! user's own settings (`~/.gitconfig`) always apply, and so do known harmless values.

use std::path::Path;

use super::Repository;
use super::settings::{Setting, Settings};
use crate::error::{Error, Result};
use crate::world::process::Process;

/// The user's setting that lists the repositories whose settings are trusted
pub const TRUSTED: &str = "pyrelease.trustedRepository";

/// Features that reading a repository does not need, turned off always
const OFF: [(&str, &str); 5] = [
    ("core.fsmonitor", "false"),
    ("core.hooksPath", "/dev/null"),
    ("log.showSignature", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
];

/// Transports that need no programs except git and ssh
const TRANSPORTS: [&str; 5] = ["file", "git", "http", "https", "ssh"];

/// ssh options that run no programs
const HARMLESS_TO_SSH: [&str; 12] = [
    "addkeystoagent",
    "batchmode",
    "checkhostip",
    "connecttimeout",
    "identitiesonly",
    "identityfile",
    "port",
    "serveralivecountmax",
    "serveraliveinterval",
    "stricthostkeychecking",
    "user",
    "userknownhostsfile",
];

/// The restrictions on a repository's own settings
#[derive(Debug, Clone, Default)]
pub(super) struct Restrictions {
    /// Whether the user's settings trust the repository
    is_trusted: bool,
    /// Settings that override the repository's
    overrides: Vec<(String, String)>,
    /// The settings of filters that are turned off
    filters: Vec<String>,
    /// The setting that would run a program to reach a remote, if any
    transport: Option<String>,
}

impl Restrictions {
    /// Finds the repository's own settings that name programs. `top` is the top of its working tree, `common` the
    /// folder that all its worktrees share.
    pub(super) fn of(settings: &Settings, top: &Path, common: &Path) -> Self {
        let common = fs_err::canonicalize(common).ok();
        let is_here = |value: &str| {
            let path = fs_err::canonicalize(value).ok();
            let is_common = |path: &Path| common.as_ref().is_some_and(|common| path.join(".git") == *common);
            value == "*" || path.is_some_and(|path| path == top || is_common(&path))
        };
        let mut users = settings.all().filter(|setting| !setting.is_own);
        if users.any(|setting| setting.key.eq_ignore_ascii_case(TRUSTED) && is_here(&setting.value)) {
            return Self { is_trusted: true, ..Self::default() };
        }
        let own: Vec<&Setting> = settings.all().filter(|setting| setting.is_own).collect();
        let mut restrictions = Self {
            transport: own.iter().find(|setting| is_transport(setting)).map(|setting| setting.key.clone()),
            ..Self::default()
        };
        for setting in own {
            match setting.parts() {
                ("filter", Some(name), "clean" | "smudge" | "process") if !is_large_files(&setting.value) => {
                    restrictions.no_filter(name, &setting.key);
                }
                // Git LFS would run it, even if the user has set up Git LFS.
                ("lfs", Some(extension), _) if extension.starts_with("extension.") => {
                    restrictions.no_filter("lfs", &setting.key);
                }
                ("hook", Some(name), "command") => {
                    restrictions.overrides.push((format!("hook.{name}.enabled"), "false".to_owned()));
                }
                _ => {}
            }
        }
        restrictions
    }

    /// Whether the user's settings trust the repository.
    pub(super) fn is_trusted(&self) -> bool {
        self.is_trusted
    }

    /// If the settings cannot be read, run no program and ask no remote.
    pub(super) fn unknown() -> Self {
        Self { transport: Some("an unreadable setting".to_owned()), ..Self::default() }
    }

    fn no_filter(&mut self, name: &str, key: &str) {
        for direction in ["clean", "smudge", "process"] {
            self.overrides.push((format!("filter.{name}.{direction}"), String::new()));
        }
        // Git fails if a required filter is missing.
        self.overrides.push((format!("filter.{name}.required"), "false".to_owned()));
        self.filters.push(key.to_owned());
    }

    /// Applies the restrictions to a `git` command.
    pub(super) fn apply(&self, process: Process) -> Process {
        if self.is_trusted {
            return process;
        }
        let off = OFF.iter().map(|(key, value)| (*key, *value));
        let overrides = self.overrides.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let process = with_settings(process, &mut off.chain(overrides));
        match self.transport {
            // A partial clone would fetch missing objects by the same means.
            Some(_) => process.env("GIT_ALLOW_PROTOCOL", "none").env("GIT_NO_LAZY_FETCH", "1"),
            None => process,
        }
    }
}

/// A process in which git has these settings, whatever the repository's own are.
pub fn with_settings(mut process: Process, settings: &mut dyn Iterator<Item = (&str, &str)>) -> Process {
    // `-c` cannot express every key. Ours come after the user's variables, so that they win.
    let mut number = settings_in_the_environment();
    for (key, value) in settings {
        process = process
            .env(format!("GIT_CONFIG_KEY_{number}"), key)
            .env(format!("GIT_CONFIG_VALUE_{number}"), value);
        number += 1;
    }
    process.env("GIT_CONFIG_COUNT", number.to_string())
}

/// The number of settings that the user passes to git by environment variables.
#[expect(clippy::disallowed_methods, reason = "git inherits this process's real environment")]
fn settings_in_the_environment() -> usize {
    std::env::var("GIT_CONFIG_COUNT").ok().and_then(|count| count.parse().ok()).unwrap_or_default()
}

impl Repository {
    /// The restrictions on the repository's own settings, which apply until the user has agreed.
    pub(super) fn restrictions(&self) -> &Restrictions {
        self.restrictions.get_or_init(|| match self.settings() {
            Ok(settings) => Restrictions::of(settings, self.top(), self.common_folder()),
            Err(_) => Restrictions::unknown(),
        })
    }

    /// The settings of the repository's own filters that are turned off; empty once the user has agreed.
    pub fn disabled_filters(&self) -> Vec<String> {
        if self.has_consent.get() { Vec::new() } else { self.restrictions().filters.clone() }
    }

    /// Help on trusting the repository's settings.
    pub fn how_to_trust(&self) -> String {
        format!(
            "if the repository is yours, run `git config --global --add {TRUSTED} {}`",
            self.top().display()
        )
    }

    /// Refuses to ask a remote that only a program named by the repository's own settings could reach.
    pub(super) fn expect_own_transport(&self) -> Result<()> {
        let restrictions = self.restrictions();
        match &restrictions.transport {
            Some(key) if !self.has_consent.get() && !restrictions.is_trusted => Err(Error::refused(format!(
                "refusing to ask the remote before you have agreed to a release: `{key}` in the repository's own \
                 settings (`.git/config`) names a program"
            ))
            .help(self.how_to_trust())),
            _ => Ok(()),
        }
    }
}

/// Whether the setting would run a program when a remote is asked.
fn is_transport(setting: &Setting) -> bool {
    let value = setting.value.as_str();
    match setting.parts() {
        ("core", None, "sshcommand") => !is_plain_ssh(value),
        ("core", None, "gitproxy" | "askpass" | "alternaterefscommand") => !["", "none"].contains(&value),
        ("credential", _, "helper") => !is_plain_helper(value),
        ("protocol", None, "allow") => value != "never",
        ("protocol", Some(name), "allow") => value != "never" && !TRANSPORTS.contains(&name),
        ("remote", _, "uploadpack") => !["git-upload-pack", "git upload-pack"].contains(&value),
        ("remote", _, "receivepack") => !["git-receive-pack", "git receive-pack"].contains(&value),
        ("remote", _, "vcs") => true,
        // Cookies would be written to a file that the repository chooses.
        ("http", _, "savecookies") => value != "false",
        ("remote", _, "url" | "pushurl") if has_helper(value) => true,
        // The name of a remote without a URL is used as its URL.
        ("remote", Some(name), _) => has_helper(name),
        ("url", base, "insteadof" | "pushinsteadof") => base.is_some_and(has_helper),
        _ => false,
    }
}

/// Whether git would use a remote helper: `git-remote-NAME` for `NAME::ADDRESS`.
fn has_helper(address: &str) -> bool {
    address.split_once("::").is_some_and(|(name, _)| {
        !name.is_empty()
            && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "+-._".contains(letter))
    })
}

/// Whether the shell would only split the value into words.
fn is_plain(value: &str, more: &str) -> bool {
    value.chars().all(|letter| {
        letter.is_ascii_alphanumeric() || " -_./=:,@%+~".contains(letter) || more.contains(letter)
    })
}

/// Whether the filter is Git LFS as the user has installed it.
fn is_large_files(value: &str) -> bool {
    value.is_empty() || (value.starts_with("git-lfs ") && is_plain(value, ""))
}

/// Whether the value is `ssh` with options that run no programs, such as a key.
fn is_plain_ssh(value: &str) -> bool {
    let words = if is_plain(value, "\"'") { shlex::split(value).unwrap_or_default() } else { Vec::new() };
    let Some((program, options)) = words.split_first() else { return false };
    let mut options = options.iter().map(String::as_str);
    if !["ssh", "/usr/bin/ssh", "/bin/ssh"].contains(&program.as_str()) {
        return false;
    }
    while let Some(option) = options.next() {
        let is_harmless = match option {
            "-4" | "-6" | "-a" | "-q" | "-v" | "-x" => true,
            "-i" | "-l" | "-p" => options.next().is_some(),
            "-o" => options.next().and_then(|option| option.split_once('=')).is_some_and(|(name, _)| {
                HARMLESS_TO_SSH.contains(&name.trim().to_ascii_lowercase().as_str())
            }),
            _ => false,
        };
        if !is_harmless {
            return false;
        }
    }
    true
}

/// Whether the value is the name of an installed credential helper, with plain options.
fn is_plain_helper(value: &str) -> bool {
    let is_name = value.split(' ').next().is_some_and(|name| !name.contains(['/', '.', '~', '%']));
    is_name && is_plain(value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_run_programs_for_remotes_are_found() {
        let is_seen = |key: &str, value: &str| {
            is_transport(&Setting { key: key.to_owned(), value: value.to_owned(), is_own: true })
        };
        for (key, value) in [
            ("core.sshcommand", "./x"),
            ("core.gitproxy", "x"),
            ("core.askpass", "x"),
            ("credential.helper", "!x"),
            ("credential.https://x.example.helper", "/x"),
            ("protocol.allow", "always"),
            ("protocol.ext.allow", "user"),
            ("remote.a.b.uploadpack", "x"),
            ("remote.origin.receivepack", "x"),
            ("remote.origin.vcs", "hg"),
            ("remote.origin.url", "ext::x"),
            ("remote.ext::x.promisor", "true"),
            ("url.ext::x .insteadof", "https://"),
            ("http.savecookies", "true"),
        ] {
            assert!(is_seen(key, value), "{key}");
        }
        for (key, value) in [
            ("core.sshcommand", "ssh"),
            ("credential.helper", "store"),
            ("protocol.file.allow", "always"),
            ("protocol.ext.allow", "never"),
            ("remote.origin.url", "git@github.com:x/y.git"),
            ("remote.origin.uploadpack", "git-upload-pack"),
            ("branch.main.remote", "origin"),
            ("url.git@github.com:.insteadof", "https://github.com/"),
        ] {
            assert!(!is_seen(key, value), "{key}");
        }
    }

    #[test]
    fn values_that_run_programs_are_not_plain() {
        for plain in
            ["ssh", "ssh -i ~/.ssh/work -o IdentitiesOnly=yes", "\"/usr/bin/ssh\" -i \"/x/key\" -p 22"]
        {
            assert!(is_plain_ssh(plain), "{plain}");
        }
        for other in [
            "",
            "./ssh",
            "tools/ssh -v",
            "ssh -o ProxyCommand=x",
            "ssh -oProxyCommand=x",
            "ssh -o \"ProxyCommand x\"",
            "ssh -F x",
            "ssh -i $(x)",
            "ssh; x",
            "ssh -i 'a' | x",
            "ssh x",
            "ssh -o PKCS11Provider=x",
        ] {
            assert!(!is_plain_ssh(other), "{other}");
        }
        for plain in ["", "store", "cache --timeout=3600", "store --file=/home/dana/x"] {
            assert!(is_plain_helper(plain), "{plain}");
        }
        for other in ["!x", "/bin/x", "./x", "x; y", "x $(y)", "x `y`", "../x"] {
            assert!(!is_plain_helper(other), "{other}");
        }
        assert!(is_large_files("git-lfs clean -- %f") && !is_large_files("git-lfs clean; x"));
        assert!(!is_large_files("./git-lfs clean"));
        for (address, helped) in [
            ("ext::sh -c x", true),
            ("hg::/x", true),
            ("https://x/y::z", false),
            ("/a/b", false),
            ("x@[::1]:y", false),
        ] {
            assert_eq!(has_helper(address), helped, "{address}");
        }
    }
}
