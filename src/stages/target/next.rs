//! The next version: from what the project states, what is released, and the bump.

use super::History;
use crate::engine::checkout::Checkout;
use crate::error::{Error, Result};
use crate::python::version::{Bump, Calver, Version, VersionError};
use jiff::civil::Date;

/// What the next version depends on
pub(super) struct Facts<'a> {
    pub(super) name: &'a str,
    /// The version that the project states; none if it comes from tags
    pub(super) stated: Option<&'a Version>,
    pub(super) history: &'a History,
    /// Whether the version may be lower than one that is released already
    pub(super) force: bool,
    /// The release's day
    pub(super) today: Date,
    /// Whether the version that the project states is released, whose tag was pushed before
    pub(super) is_tagged: bool,
}

/// The version to release
#[derive(Debug)]
pub(super) struct Next {
    pub(super) version: Version,
    /// The version that the project states, or else the last release
    pub(super) previous: Version,
    pub(super) reason: Option<String>,
}

/// Chooses the next version. `infer` infers a bump from the changelog.
///
/// - A development version in the project is the one being worked on: without a bump, and with `release`, its release
///   is made. `major`, `minor` and `patch` count from the last release.
/// - Without a bump, a stated version that has no tag is released as it is.
/// - An explicit version is taken as it is.
///
/// # Errors
/// The version does not increase, is lower than a release in the history of HEAD, or cannot be inferred.
pub(super) fn next(
    facts: &Facts<'_>,
    bump: Option<&Bump>,
    checkout: &Checkout,
    infer: impl FnOnce(&Version) -> Result<(Bump, Option<String>)>,
) -> Result<Next> {
    let last = facts.last();
    let Some(present) = facts.stated.or(last) else { return first(facts, bump, checkout) };
    let is_released = facts.history.tag_of(present).is_some();
    if facts.is_tagged {
        let reason = Some("its tag is there".to_owned());
        return Ok(Next { version: present.clone(), previous: present.clone(), reason });
    }
    let (version, reason) = match bump {
        Some(Bump::Explicit(version)) => {
            // What is written and has no tag may be released as it is.
            if *version == *present && is_released {
                Bump::Explicit(version.clone()).apply(present)?;
            }
            if version.is_local() {
                return Err(VersionError::Local { version: version.clone() }.into());
            }
            (version.clone(), None)
        }
        Some(Bump::Calver) => (facts.by_calendar(present)?, None),
        Some(bump @ (Bump::Major | Bump::Minor | Bump::Patch)) => {
            let counts_from_last = present.dev().is_some() && !is_released;
            (bump.apply(last.filter(|_| counts_from_last).unwrap_or(present))?, None)
        }
        Some(bump) => (bump.apply(present)?, None),
        None if facts.stated.is_some() && !is_released => match facts.finished(present) {
            Some(version) => {
                let reason = format!("{present} is the version being worked on");
                (version, Some(reason))
            }
            None => (present.clone(), Some(format!("{present} has no tag yet"))),
        },
        None => match facts.history.habits.calver().filter(|_| !present.is_prerelease()) {
            Some(learned) => {
                let reason = format!("releases follow the calendar, {}", learned.reason());
                (facts.by_calendar(present)?, Some(reason))
            }
            None => {
                let (bump, reason) = infer(present)?;
                let bump =
                    if bump == Bump::Calver { Bump::Explicit(facts.by_calendar(present)?) } else { bump };
                (bump.apply(present)?, reason)
            }
        },
    };
    facts.refuse_lower(&version)?;
    Ok(Next { version, previous: present.clone(), reason })
}

/// The first release of a project whose version comes from tags.
fn first(facts: &Facts<'_>, bump: Option<&Bump>, checkout: &Checkout) -> Result<Next> {
    let zero: Version = "0".parse().expect("0 is a version");
    if let Some(bump @ Bump::Explicit(_)) = bump {
        return Ok(Next { version: bump.apply(&zero)?, previous: zero, reason: None });
    }
    let name = facts.name;
    if checkout.repository.is_shallow() {
        return Err(Error::refused(format!(
            "`{name}` takes its version from tags, but this shallow clone contains none"
        ))
        .help("run `git fetch --unshallow --tags`"));
    }
    Err(Error::usage(format!("`{name}` takes its version from tags, but there is none yet"))
        .help("pass the first version: `pyrelease run 0.1.0`"))
}

impl Facts<'_> {
    /// The release that a development version leads to; none if the version is not a development version.
    ///
    /// Some projects state `1.2.0a0.dev1` and never release an alpha: that leads to 1.2.0.
    fn finished(&self, version: &Version) -> Option<Version> {
        version.dev()?;
        let next = version.without_dev();
        match next.pre() {
            Some((_, 0)) if !self.history.habits.has_prereleases() => Bump::Release.apply(&next).ok(),
            _ => Some(next),
        }
    }

    /// The next version by the calendar: in the form of the earlier releases, or else of the version itself.
    fn by_calendar(&self, present: &Version) -> Result<Version> {
        let learned = self.history.habits.calver().map(|learned| learned.value);
        let next =
            learned.or_else(|| Calver::of_version(present)).and_then(|form| form.next(present, self.today));
        let version = next.ok_or_else(|| VersionError::NotCalver { version: present.clone() })?;
        Ok(Bump::Explicit(version).apply(present)?)
    }

    /// The last release in the history of HEAD. A project that tags only other branches has its highest
    /// release below the version that it states.
    fn last(&self) -> Option<&Version> {
        let reachable = self.history.last.as_ref().map(|tag| &tag.version);
        let elsewhere = || match self.stated {
            Some(stated) => self.history.highest_below(stated),
            None => self.history.highest(),
        };
        match (reachable, self.stated) {
            (Some(last), Some(stated)) if last < stated => {
                elsewhere().map(|tag| &tag.version).max(Some(last))
            }
            (Some(last), _) => Some(last),
            (None, _) => elsewhere().map(|tag| &tag.version),
        }
    }

    /// Refuses a version below a final release in the history of HEAD: installers would not take it for the newest.
    fn refuse_lower(&self, version: &Version) -> Result<()> {
        let Some(last) = &self.history.last_final else { return Ok(()) };
        if self.force || last.version <= *version {
            return Ok(());
        }
        Err(Error::refused(format!(
            "{version} is lower than {}, which is released already (tag `{}`)",
            last.version, last.name
        ))
        .help(format!(
            "release a version above {}, or pass --force if {version} is meant for users of an older series",
            last.version
        )))
    }
}
