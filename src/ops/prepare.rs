//! `prepare`: the private stages of a release, and the run in a file that `publish` completes elsewhere.

use std::path::Path;

use super::Context;
use super::run::{Preparation, RunOptions, run};
use super::session::{Session, Wanted};
use crate::engine::event::{Event, Listener as _};
use crate::error::{Error, Result};
use crate::stages::rebuild::tag_of_version;
use crate::world::Environment;
use crate::world::git::{Author, Repository};

/// The options of `prepare`
#[derive(Debug, Clone, Copy)]
pub struct PrepareOptions<'a> {
    pub wanted: Wanted<'a>,
    /// The file to export the run to
    pub out: &'a Path,
    /// Leave the wheels to others, who build them from the sdist
    pub sdist_only: bool,
    /// Which version is released, if that is not for a bump to say
    pub which: Which,
    /// Where git has no identity, commit and tag as the bot of the forge
    pub author_from_forge: bool,
    /// Do not ask for confirmation
    pub yes: bool,
    /// Resolve the build requirements again
    pub fresh: bool,
}

/// Which version a release is of
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The next one
    Next,
    /// The one that the project states, whose tag marks HEAD
    Tagged,
    /// The one that the project states, if it has no tag; else none
    Untagged,
}

/// Prepares the release. Nothing outside the run's folder changes, and no credentials are needed.
///
/// # Errors
/// The file exists or cannot be written, a preflight refuses the release, or a private stage fails.
pub fn prepare(context: &Context, options: &PrepareOptions<'_>) -> Result<()> {
    let mut file = std::path::absolute(context.folder.join(options.out))?;
    // Without `..`, as far as it exists.
    if let (Some(folder), Some(name)) = (file.parent(), file.file_name())
        && let Ok(folder) = fs_err::canonicalize(folder)
    {
        file = folder.join(name);
    }
    if file.symlink_metadata().is_ok() {
        return Err(Error::usage(format!("`{}` already exists", file.display()))
            .help("choose another file name, or delete the file"));
    }
    // A folder that cannot be written would be noticed only after the build.
    let folder = file.parent().unwrap_or(Path::new("."));
    tempfile::NamedTempFile::new_in(folder).map_err(|error| {
        Error::usage(format!("`{}` cannot be written", file.display()))
            .because(std::io::Error::from(error.kind()))
            .help("name a file in a folder that exists and can be written: `--out FILE`")
    })?;
    if options.which == Which::Untagged
        && let Some(tag) = tag_of_stated(context)?
    {
        let message = format!("nothing to prepare: the version that the project states has the tag `{tag}`");
        context.ui.on_event(&Event::Note { stage: None, message: &message });
        return Ok(());
    }
    let author = author(context, options.author_from_forge)?;
    let is_tagged = options.which == Which::Tagged;
    let only_committed = options.which == Which::Untagged;
    let preparation = Preparation { file, sdist_only: options.sdist_only, is_tagged, only_committed, author };
    let PrepareOptions { wanted, yes, fresh, .. } = *options;
    let options = RunOptions { wanted, yes, fresh, ..RunOptions::default() };
    run(context, &RunOptions { prepare: Some(&preparation), ..options })
}

/// The tag of the version that the project states, if it has one.
fn tag_of_stated(context: &Context) -> Result<Option<String>> {
    let Session { config, checkout, .. } = Session::open(context)?;
    // Each member of a workspace has its own, and is left out if it has a tag.
    if config.workspace().is_some() {
        return Ok(None);
    }
    tag_of_version(&config, &checkout)
}

/// With `from_forge`, the author that the forge of this job has for it, if git has no identity.
///
/// # Errors
/// The job is of no known forge.
pub(super) fn author(context: &Context, from_forge: bool) -> Result<Option<Author>> {
    if !from_forge {
        return Ok(None);
    }
    let environment = &context.environment;
    let repository = Repository::discover(&context.folder)?;
    if repository.has_author(environment) {
        return Ok(None);
    }
    let author = forge_author(environment);
    author.map(Some).ok_or_else(|| {
        Error::usage("`--author-from-forge` works in a job of GitHub or GitLab")
            .help("elsewhere: `git config user.name \"Your Name\" && git config user.email you@example.org`")
    })
}

/// How the forge names the author of what its jobs do: GitHub its bot (the account 41898282), GitLab the user who started
/// the pipeline.
fn forge_author(environment: &Environment) -> Option<Author> {
    let set = |name: &str| environment.get(name).map(str::trim).filter(|value| !value.is_empty());
    let author = |name: &str, email: String| Some(Author { name: name.to_owned(), email });
    if set("GITHUB_ACTIONS").is_some() {
        let email = "41898282+github-actions[bot]@users.noreply.github.com";
        return author("github-actions[bot]", email.to_owned());
    }
    set("GITLAB_CI")?;
    match (set("GITLAB_USER_NAME"), set("GITLAB_USER_EMAIL")) {
        (Some(name), Some(email)) => author(name, email.to_owned()),
        _ => author("GitLab CI", format!("noreply@{}", set("CI_SERVER_HOST").unwrap_or("gitlab.com"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Option<String> {
        let environment = Environment::from_iter(variables.iter().copied());
        forge_author(&environment).map(|author| format!("{} <{}>", author.name, author.email))
    }

    #[test]
    fn each_forge_has_its_author() {
        assert_eq!(
            of(&[("GITHUB_ACTIONS", "true")]).unwrap(),
            "github-actions[bot] <41898282+github-actions[bot]@users.noreply.github.com>"
        );
        let gitlab = ("GITLAB_CI", "true");
        let user = [("GITLAB_USER_NAME", "Dana"), ("GITLAB_USER_EMAIL", "dana@example.org")];
        assert_eq!(of(&[gitlab, user[0], user[1]]).unwrap(), "Dana <dana@example.org>");
        let host = ("CI_SERVER_HOST", "git.example.org");
        assert_eq!(of(&[gitlab, user[0], host]).unwrap(), "GitLab CI <noreply@git.example.org>");
        assert_eq!(of(&user), None);
    }
}
