//! What the settings of a repository itself (`.git/config`) make git run. A repository that came from somebody else brings
//! them along, so until the user has agreed to a release, git runs nothing that they name: what is not needed is off, and
//! where a remote could only be asked by such a program, it is not asked. What the user's own settings say (`~/.gitconfig`)
//! holds all the same, and so do a few values that name nothing of the repository's.

use std::path::Path;

use super::Repository;
use super::settings::{Setting, Settings};
use crate::error::{Error, Result};
use crate::world::process::Process;

/// Where users say, in settings of their own, which repositories may name programs
pub const TRUSTED: &str = "pyrelease.trustedRepository";

/// What nobody who only looks needs, whoever has set it
const OFF: [(&str, &str); 5] = [
    ("core.fsmonitor", "false"),
    ("core.hooksPath", "/dev/null"),
    ("log.showSignature", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
];

/// The ways to a remote that need no other program than git and ssh
const TRANSPORTS: [&str; 5] = ["file", "git", "http", "https", "ssh"];

/// The options of ssh that have it run nothing
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

/// What a repository's own settings are kept from
#[derive(Debug, Default)]
pub(super) struct Withheld {
    /// Whether the user's own settings say that the repository may name programs
    is_trusted: bool,
    /// Settings that take the place of its own
    instead: Vec<(String, String)>,
    /// The settings of filters that are not run
    filters: Vec<String>,
    /// The setting by which a remote would be asked through a program
    transport: Option<String>,
}

impl Withheld {
    /// What of these settings is the repository's and names a program; `top` is that of its working tree, `common` the folder
    /// that all of its worktrees share.
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
        let mut withheld = Self {
            transport: own.iter().find(|setting| is_transport(setting)).map(|setting| setting.key.clone()),
            ..Self::default()
        };
        for setting in own {
            match setting.parts() {
                ("filter", Some(name), "clean" | "smudge" | "process") if !is_large_files(&setting.value) => {
                    withheld.no_filter(name, &setting.key);
                }
                // Git LFS, whoever has set it up, would run it.
                ("lfs", Some(extension), _) if extension.starts_with("extension.") => {
                    withheld.no_filter("lfs", &setting.key);
                }
                ("hook", Some(name), "command") => {
                    withheld.instead.push((format!("hook.{name}.enabled"), "false".to_owned()));
                }
                _ => {}
            }
        }
        withheld
    }

    /// Where the settings cannot be read, no program runs and no remote is asked.
    pub(super) fn unknown() -> Self {
        Self { transport: Some("what git is set up with".to_owned()), ..Self::default() }
    }

    fn no_filter(&mut self, name: &str, key: &str) {
        for direction in ["clean", "smudge", "process"] {
            self.instead.push((format!("filter.{name}.{direction}"), String::new()));
        }
        // One that is required and not there would end git.
        self.instead.push((format!("filter.{name}.required"), "false".to_owned()));
        self.filters.push(key.to_owned());
    }

    /// A `git` command that runs none of it.
    pub(super) fn apply(&self, process: Process) -> Process {
        if self.is_trusted {
            return process;
        }
        let off = OFF.iter().map(|(key, value)| (*key, *value));
        let instead = self.instead.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        // Not by `-c`, which cannot say every key; and after what the user says in the same way.
        let mut number = settings_in_the_environment();
        let mut process = process;
        for (key, value) in off.chain(instead) {
            process = process
                .env(format!("GIT_CONFIG_KEY_{number}"), key)
                .env(format!("GIT_CONFIG_VALUE_{number}"), value);
            number += 1;
        }
        process = process.env("GIT_CONFIG_COUNT", number.to_string());
        match self.transport {
            // What is missing of a partial clone would be fetched in the same way.
            Some(_) => process.env("GIT_ALLOW_PROTOCOL", "none").env("GIT_NO_LAZY_FETCH", "1"),
            None => process,
        }
    }
}

/// How many settings the user gives git by the environment.
#[expect(
    clippy::disallowed_methods,
    reason = "git inherits this process's own environment, and so reads them there"
)]
fn settings_in_the_environment() -> usize {
    std::env::var("GIT_CONFIG_COUNT").ok().and_then(|count| count.parse().ok()).unwrap_or_default()
}

impl Repository {
    /// What the repository's own settings are kept from, until the user has agreed.
    pub(super) fn withheld(&self) -> &Withheld {
        self.withheld.get_or_init(|| match self.settings() {
            Ok(settings) => Withheld::of(settings, self.top(), self.common_folder()),
            Err(_) => Withheld::unknown(),
        })
    }

    /// The settings of filters of the repository's own that are not run; empty once the user has agreed.
    pub fn withheld_filters(&self) -> Vec<String> {
        if self.has_consent.get() { Vec::new() } else { self.withheld().filters.clone() }
    }

    /// How a user says that the repository may name programs.
    pub fn how_to_trust(&self) -> String {
        format!("if the repository is yours: `git config --global --add {TRUSTED} {}`", self.top().display())
    }

    /// Refuses to ask a remote where only a program of the repository's own could.
    pub(super) fn expect_own_transport(&self) -> Result<()> {
        let withheld = self.withheld();
        match &withheld.transport {
            Some(key) if !self.has_consent.get() && !withheld.is_trusted => Err(Error::refused(format!(
                "no remote is asked before you have agreed to a release: `{key}` of the repository's own settings \
                 (`.git/config`) names a program"
            ))
            .help(self.how_to_trust())),
            _ => Ok(()),
        }
    }
}

/// Whether asking a remote would run what the setting names.
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
        // They would be written to a file of the repository's choice.
        ("http", _, "savecookies") => value != "false",
        ("remote", _, "url" | "pushurl") if has_helper(value) => true,
        // A remote without an address has its name for one.
        ("remote", Some(name), _) => has_helper(name),
        ("url", base, "insteadof" | "pushinsteadof") => base.is_some_and(has_helper),
        _ => false,
    }
}

/// Whether an address is asked by a program of its own: `git-remote-NAME` for `NAME::ADDRESS`.
fn has_helper(address: &str) -> bool {
    address.split_once("::").is_some_and(|(name, _)| {
        !name.is_empty()
            && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "+-._".contains(letter))
    })
}

/// Whether the shell makes nothing of it but words.
fn is_plain(value: &str, more: &str) -> bool {
    value.chars().all(|letter| {
        letter.is_ascii_alphanumeric() || " -_./=:,@%+~".contains(letter) || more.contains(letter)
    })
}

/// Whether the filter is that of Git LFS, which the user has installed.
fn is_large_files(value: &str) -> bool {
    value.is_empty() || (value.starts_with("git-lfs ") && is_plain(value, ""))
}

/// Whether it is `ssh` with options that name nothing to be run, such as a key.
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

/// Whether it is the name of a helper that is installed with git, or by the user, with plain options.
fn is_plain_helper(value: &str) -> bool {
    let is_name = value.split(' ').next().is_some_and(|name| !name.contains(['/', '.', '~', '%']));
    is_name && is_plain(value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_by_which_a_remote_is_asked_through_a_program_is_seen() {
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
    fn what_the_shell_or_ssh_would_run_is_no_plain_value() {
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
