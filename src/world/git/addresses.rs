//! The names and URLs of remotes, read from the settings as git reads them: asking the `git` command takes a process for
//! each question.

use std::collections::BTreeSet;

use super::Repository;
use super::settings::Settings;
use crate::error::Result;

/// Folders of the git folder in which remotes could be kept before settings existed
const OLD_PLACES: [&str; 2] = ["remotes", "branches"];

impl Repository {
    /// The variable of a rehearsal's remote with the URL of the remote that it stands for.
    pub fn rehearsed_key(remote: &str) -> String {
        format!("remote.{remote}.pyrelease-url")
    }

    /// In a rehearsal, the URL of the remote that this one stands for.
    pub fn rehearsed_url(&self, remote: &str) -> Option<String> {
        self.git(["config", "--get", &Self::rehearsed_key(remote)]).read().ok()
    }

    /// The URL that is fetched from, without the name and the password in it; none if git has none.
    pub fn plain_url(&self, remote: &str) -> Option<String> {
        let (url, _) = self.addresses(remote).ok()?;
        let Some((scheme, rest)) = url.split_once("://") else { return Some(url) };
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        Some(format!("{scheme}://{}{path}", host.rsplit('@').next().unwrap_or(host)))
    }

    /// The names of the remotes, sorted.
    ///
    /// # Errors
    /// The settings cannot be read.
    pub fn remote_names(&self) -> Result<Vec<String>> {
        if self.has_old_remotes() {
            return Ok(self.git(["remote"]).read()?.lines().map(str::to_owned).collect());
        }
        let names: BTreeSet<&str> = self
            .settings()?
            .all()
            .filter_map(|setting| match setting.parts() {
                ("remote", Some(name), _) if !name.is_empty() && !name.starts_with('/') => Some(name),
                _ => None,
            })
            .collect();
        Ok(names.into_iter().map(str::to_owned).collect())
    }

    /// The URL that is fetched from, and those that are pushed to, after git's URL rewriting (`url.BASE.insteadOf`,
    /// `pushInsteadOf`).
    ///
    /// # Errors
    /// There is no such remote, or the settings cannot be read.
    pub(super) fn addresses(&self, remote: &str) -> Result<(String, Vec<String>)> {
        if let (false, Some(addresses)) = (self.has_old_remotes(), addresses(self.settings()?, remote)) {
            return Ok(addresses);
        }
        let fetched = self.git(["remote", "get-url", "--", remote]).read()?;
        let pushed = self.git(["remote", "get-url", "--push", "--all", "--", remote]).read()?;
        Ok((fetched, pushed.lines().map(str::to_owned).collect()))
    }

    fn has_old_remotes(&self) -> bool {
        OLD_PLACES.iter().any(|place| {
            let files = fs_err::read_dir(self.common_folder().join(place));
            files.is_ok_and(|mut files| files.next().is_some())
        })
    }
}

/// None if the settings give the remote no URL.
fn addresses(settings: &Settings, remote: &str) -> Option<(String, Vec<String>)> {
    let (mut urls, mut push_urls) = (Vec::new(), Vec::new());
    for setting in settings.all() {
        let list = match setting.parts() {
            ("remote", Some(name), "url") if name == remote => &mut urls,
            ("remote", Some(name), "pushurl") if name == remote => &mut push_urls,
            _ => continue,
        };
        // An empty value forgets those before it.
        match setting.value.as_str() {
            "" => list.clear(),
            url => list.push(url),
        }
    }
    let usual = |url: &&str| rewritten(settings, "insteadof", url).unwrap_or_else(|| (*url).to_owned());
    let fetched = urls.first().map(usual)?;
    let mut pushed: Vec<String> = match push_urls.is_empty() {
        true => urls.iter().filter_map(|url| rewritten(settings, "pushinsteadof", url)).collect(),
        false => push_urls.iter().map(usual).collect(),
    };
    if pushed.is_empty() {
        pushed = urls.iter().map(usual).collect();
    }
    Some((fetched, pushed))
}

/// The URL with its beginning replaced: of the beginnings that settings with this name replace, the longest. None if
/// there is none.
fn rewritten(settings: &Settings, name: &str, url: &str) -> Option<String> {
    let mut longest: Option<(&str, &str)> = None;
    for setting in settings.all() {
        if let ("url", Some(base), found) = setting.parts()
            && found == name
            && let beginning = setting.value.as_str()
            && url.starts_with(beginning)
            && longest.is_none_or(|(other, _)| other.len() < beginning.len())
        {
            longest = Some((beginning, base));
        }
    }
    longest.map(|(beginning, base)| format!("{base}{}", &url[beginning.len()..]))
}
