//! `propose`: the changelog and the version of the next release as a pull or merge request, for branches that take no
//! pushes. Merged, `run` tags and publishes the version.

use super::Context;
use super::bump::preflight;
use super::prepare::author;
use super::run::refuse_unfinished;
use super::session::{Session, Wanted, backend_question};
use crate::config::Names;
use crate::engine::edits;
use crate::engine::event::{Event, Listener};
use crate::engine::release::Release;
use crate::error::{Error, ErrorKind, Result};
use crate::finding::{Finding, Severity};
use crate::stages::{ReleasePlace, commit_message, release_place};
use crate::world::forge::{Forge, Proposal, Token};
use crate::world::git::{PrivateClone, RefUpdate, Repository, short};

/// The line of a commit message that names the tree of a proposed commit: as long as it is true, nobody has changed the
/// commit
const TREE: &str = "Proposed-Tree: ";

/// The options of `propose`
#[derive(Debug, Clone, Copy, Default)]
pub struct ProposeOptions<'a> {
    pub wanted: Wanted<'a>,
    /// Where git has no identity, commit as the bot of the forge
    pub author_from_forge: bool,
    /// Do not ask for confirmation
    pub yes: bool,
    /// Only say what would be proposed
    pub dry_run: bool,
}

/// What the branch of a release is named after: its version, or the members with their versions, or the day where these are
/// many.
fn branch_name(release: &Release) -> String {
    const NAMED: usize = 3;
    match release.members.as_slice() {
        [] => release.names().version.clone(),
        members if members.len() <= NAMED => {
            let names = members.iter().map(Release::names);
            names.map(|names| format!("{}-{}", names.name, names.version)).collect::<Vec<_>>().join("-")
        }
        _ => release.names().date.clone(),
    }
}

/// Proposes the next release. Neither the working tree nor a branch of this repository changes.
///
/// # Errors
/// A stage fails, the branch has a commit of somebody else, or the forge refuses; then the branch is as before.
pub fn propose(context: &Context, options: &ProposeOptions<'_>) -> Result<()> {
    let listener: &dyn Listener = &context.ui;
    let session = Session::open(context)?;
    if let Some(author) = author(context, options.author_from_forge)? {
        session.checkout.repository.set_author(author);
    }
    let _lock = if options.dry_run { None } else { Some(session.store.lock()?) };
    refuse_unfinished(&session.store)?;
    let ask = |error: Error| context.confirm(options.yes, &backend_question(&error));
    let (config, pipeline, _, mut release) = session.release(options.wanted, ask, &context.ui)?;
    let place = release_place(&config, &release)?;
    let environment = release.checkout.environment.clone();
    let found = Token::find(&place.forge, &environment, &release.checkout.root()).ok_or_else(|| {
        Error::refused(format!("there is no token for {}", place.forge.host))
            .help(Token::advice(&place.forge, &environment))
    });
    let token = match found {
        Err(error) if !options.dry_run => return Err(error),
        found => found,
    };
    let branch = format!("release/{}", branch_name(&release));
    let before = expect_free(&release, &place, &branch)?;
    preflight(&pipeline, &release, options.wanted.force, listener)?;

    let Names { name, version, .. } = release.names().clone();
    let request = place.forge.kind.request_name();
    let base = place.branch.strip_prefix("refs/heads/").unwrap_or(&place.branch).to_owned();
    let what = format!("{name} {version} as a {request} from {branch} to {base}, in {}", place.forge);
    listener.on_event(&Event::Fact { subject: "propose", value: &what });
    let proposed = |commit: &str, url: &str, is_new: bool| {
        let (name, version, branch) = (name.as_str(), version.as_str(), branch.as_str());
        let written = !options.dry_run;
        listener.on_event(&Event::Proposed { name, version, branch, commit, url, is_new, written });
    };
    if options.dry_run {
        if let Err(error) = token {
            let finding = Finding { severity: Severity::Warning, ..Finding::from(error) };
            listener.on_event(&Event::Finding { stage: None, finding: &finding });
        }
        // Commands of the project are named, and not run.
        for (stage, action) in &edits::plan(&pipeline, &mut release, listener)?.actions {
            listener.on_event(&Event::Action { stage, action });
        }
        proposed("", "", before.is_none());
        return Ok(());
    }
    context.confirm(options.yes, &format!("Open a {request} for {name} {version}?"))?;
    release.give_consent();
    context.listen_for_interrupts()?;
    let folder = tempfile::Builder::new().prefix("pyrelease-propose-").tempdir()?;
    let configuration = (config.source(), config.carry());
    let clone =
        edits::clone(&pipeline, &mut release, configuration, folder.path(), &context.interrupted, listener)?;
    let message = commit_message(&config, &release)?;
    let Some(commit) = commit(&clone, &message)? else {
        return Err(Error::refused(format!("{name} {version} needs no change: nothing is to be proposed"))
            .help("`pyrelease run` releases a version that has no tag yet"));
    };
    let notes = release.notes();
    let repository = &release.checkout.repository;
    clone.send_head(repository, &[])?;
    let full = format!("refs/heads/{branch}");
    let update = RefUpdate { name: full, old: before.clone(), new: Some(commit.clone()) };
    let updates = [update];
    let is_same = before.as_ref().is_some_and(|before| is_same(repository, before, &commit));
    if !is_same {
        place.remote.push(repository, &updates).map_err(|error| {
            let failed = Error::failed(error.to_string());
            match error.changed_nothing(&updates) {
                true => failed,
                false => failed.help(format!(
                    "look at `git ls-remote {} {branch}`, and propose again",
                    place.remote.name
                )),
            }
        })?;
    }
    let token = token?;
    let tell = |message: &str| listener.on_event(&Event::Note { stage: None, message });
    let forge = Forge::new(&place.forge, &token, &environment, &tell)?;
    let body = format!("{notes}\n\nMerged, `pyrelease run` tags and publishes {version}.");
    // The version of several members names them.
    let title = match release.target.version.to_string() == version {
        true => format!("Release {name} {version}"),
        false => format!("Release {version}"),
    };
    let proposal = Proposal { branch: &branch, base: &base, title: &title, body: body.trim_start() };
    let opened = forge
        .open_request(&branch, &base)
        .and_then(|open| Ok((open.is_none(), forge.propose(&proposal, open.as_ref())?)));
    match opened {
        Ok((is_new, opened)) => {
            proposed(&commit, &opened.url, is_new);
            Ok(())
        }
        Err(failure) if is_same => Err(failure.error),
        // An unanswered request may have been opened, and needs its branch.
        Err(failure) if failure.in_doubt => {
            let error =
                failure.error.help(format!("{branch} stays at `{}`: propose again", place.remote.name));
            Err(error.with_kind(ErrorKind::Left))
        }
        Err(failure) => match place.remote.take_back(repository, &updates, None) {
            Ok(()) => Err(failure.error.help(format!("{branch} at `{}` is as before", place.remote.name))),
            Err(error) => Err(Error::left(format!("{}; {error}", failure.error.chain()))
                .help(format!("delete the branch: `git push {} --delete {branch}`", place.remote.name))),
        },
    }
}

/// The branch's commit at the remote, which an earlier proposal made; none if there is no such branch.
///
/// # Errors
/// The base has moved, the version is released, or the branch has a commit of somebody else.
fn expect_free(release: &Release, place: &ReleasePlace, branch: &str) -> Result<Option<String>> {
    let (repository, remote) = (&release.checkout.repository, &place.remote);
    let full = format!("refs/heads/{branch}");
    let tags: Vec<String> = release.tag_names().map(|tag| format!("refs/tags/{tag}")).collect();
    let asked = [place.branch.as_str(), &full].into_iter().chain(tags.iter().map(String::as_str));
    let mut refs = remote.refs(repository, &asked.collect::<Vec<_>>())?;
    let base = place.branch.strip_prefix("refs/heads/").unwrap_or(&place.branch);
    let is_taken = |tag: &&String| refs.contains_key(*tag) || repository.reference(tag).is_some();
    if let Some(tag) = tags.iter().find(is_taken) {
        return Err(Error::refused(format!("tag `{}` already exists", tag.trim_start_matches("refs/tags/")))
            .help("this version is released: choose another"));
    }
    let head = &release.checkout.head.commit;
    match refs.get(&place.branch) {
        Some(tip) if tip == head => {}
        Some(_) => {
            return Err(Error::refused(format!("HEAD is not where `{base}` is at `{}`", remote.name))
                .help(format!("run `git pull {} {base}`, or push your commits", remote.name)));
        }
        None => return Err(Error::refused(format!("`{}` has no branch `{base}`", remote.name))),
    }
    let Some(there) = refs.remove(&full) else { return Ok(None) };
    if !repository.has(&there) {
        remote.fetch(repository, &full)?;
    }
    match is_proposed(repository, head, &there) {
        true => Ok(Some(there)),
        false => Err(Error::refused(format!(
            "`{branch}` at `{}` has a commit that no proposal made: {}",
            remote.name,
            short(&there)
        ))
        .help(format!("merge it, or delete the branch: `git push {} --delete {branch}`", remote.name))),
    }
}

/// Whether a commit is one that was proposed, unchanged, and the only one that its branch adds to HEAD.
fn is_proposed(repository: &Repository, head: &str, commit: &str) -> bool {
    let ask = |arguments: &[&str]| repository.git(arguments).read().unwrap_or_default();
    let message = ask(&["show", "--no-patch", "--format=%B", commit]);
    let tree = ask(&["rev-parse", "--verify", &format!("{commit}^{{tree}}")]);
    let parents = ask(&["show", "--no-patch", "--format=%P", commit]);
    message.lines().any(|line| line.strip_prefix(TREE) == Some(&tree)) && repository.contains(head, &parents)
}

/// Whether two proposed commits change the same: then the earlier one stays.
fn is_same(repository: &Repository, before: &str, commit: &str) -> bool {
    let of = |commit: &str| {
        let asked = repository.git(["show", "--no-patch", "--format=%P %T %B", commit]).read();
        asked.unwrap_or_else(|_| commit.to_owned())
    };
    of(before) == of(commit)
}

/// Commits what the stages changed; none if that is nothing.
fn commit(clone: &PrivateClone, message: &str) -> Result<Option<String>> {
    if clone.unchanged()?.is_some() {
        return Ok(None);
    }
    let tree = clone.git(["write-tree"]).read()?;
    clone.commit_staged(&format!("{}\n\n{TREE}{tree}\n", message.trim_end())).map(Some)
}
