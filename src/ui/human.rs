//! Prints events as lines for people: a verb in twelve columns, then the details.

use std::cell::RefCell;
use std::error::Error as _;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};

use anstyle::Style;

use super::excerpt::excerpt_text;
use super::live::LiveLine;
use super::log::duration;
use super::plan::{plan_text, stages_text, subject_text};
use super::style::{BAD, DIM, GOOD, INFO, WARN, diff_text};
use super::uploads::Uploads;
use super::{Verbosity, data};
use crate::engine::event::{Event, FileStatus, Listener};
use crate::engine::model::Action;
use crate::error::Error;
use crate::finding::{Finding, Severity};
use crate::python::distribution::Distribution;
use crate::text::{safe, safe_styled, with_short_digests};

/// The size in bytes from which on the start of an upload is announced
const LARGE: u64 = 1 << 20;

/// Writes text to standard error
pub struct Human {
    verbosity: Verbosity,
    uploads: RefCell<Option<Uploads>>,
    live: RefCell<Option<LiveLine>>,
    /// The member of the workspace that the events are about
    member: RefCell<Option<String>>,
}

impl Human {
    pub fn new(verbosity: Verbosity) -> Self {
        Self { verbosity, uploads: RefCell::default(), live: RefCell::default(), member: RefCell::default() }
    }

    pub(super) fn verbosity(&self) -> Verbosity {
        self.verbosity
    }

    fn line(&self, text: &str) {
        let text = safe_styled(text);
        let text = if self.verbosity == Verbosity::Verbose { text } else { with_short_digests(&text) };
        let write = || drop(writeln!(anstream::stderr(), "{text}"));
        match (&*self.uploads.borrow(), &*self.live.borrow()) {
            (Some(uploads), _) => uploads.suspend(write),
            (None, Some(live)) => live.suspend(write),
            (None, None) => write(),
        }
    }

    fn status(&self, style: Style, verb: &str, text: &str) {
        if self.verbosity > Verbosity::Quiet {
            let member = self.of_member();
            self.line(&format!("{style}{verb:>12}{style:#} {member}{text}"));
        }
    }

    /// The member that the events are about, before what is said of it.
    fn of_member(&self) -> String {
        self.member.borrow().as_ref().map(|member| format!("{}: ", safe(member))).unwrap_or_default()
    }

    fn diagnostic(&self, style: Style, label: &str, message: &str, help: Option<&str>) {
        let member = self.of_member();
        let mut text = format!("{style}{label}{style:#}: {member}{}", safe(message));
        if let Some(help) = help {
            let _ = write!(text, "\n{INFO}help{INFO:#}: {}", safe(help));
        }
        self.line(&text);
    }

    pub(super) fn error(&self, error: &Error) {
        self.clear();
        let mut text = match error.excerpt() {
            Some(excerpt) => excerpt_text(excerpt),
            None => format!("{BAD}error{BAD:#}: {}", safe(&error.to_string())),
        };
        let mut cause = error.source();
        while let Some(error) = cause {
            let _ = write!(text, "\n  caused by: {}", safe(&error.to_string()));
            cause = error.source();
        }
        for hint in error.hints() {
            let _ = write!(text, "\n{INFO}help{INFO:#}: {}", safe(hint));
        }
        self.line(&text);
    }

    /// Removes all bars, and the live line.
    fn clear(&self) {
        if let Some(uploads) = self.uploads.borrow_mut().take() {
            uploads.clear();
        }
        if let Some(live) = &*self.live.borrow() {
            live.clear();
        }
    }

    /// The live line, where there is one to show: commands' output is printed in full otherwise.
    fn with_live(&self, act: impl FnOnce(&mut LiveLine)) {
        if self.verbosity == Verbosity::Normal && LiveLine::is_possible() {
            act(self.live.borrow_mut().get_or_insert_with(LiveLine::new));
        }
    }

    fn finding(&self, stage: Option<&str>, finding: &Finding) {
        let (style, label) = match finding.severity {
            Severity::Error => (BAD, "error"),
            Severity::Warning => (WARN, "warning"),
            Severity::Note if self.verbosity == Verbosity::Quiet => return,
            Severity::Detail if self.verbosity < Verbosity::Verbose => return,
            Severity::Note | Severity::Detail => (DIM, "note"),
        };
        let stage = stage.map(|stage| format!("[{stage}] ")).unwrap_or_default();
        self.diagnostic(style, label, &format!("{stage}{}", finding.message), finding.help.as_deref());
    }

    /// Shows the progress of an upload: a bar on a terminal, elsewhere one line as it begins.
    fn progress(&self, what: &str, done: u64, total: u64) {
        if self.verbosity == Verbosity::Quiet {
            return;
        }
        let mut uploads = self.uploads.borrow_mut();
        let Some(uploads) = &mut *uploads else { return };
        // A small file is uploaded before anybody could read that it is being sent.
        let is_announced = total >= LARGE && done < total;
        if uploads.sent(what, done, total) && is_announced && !std::io::stderr().is_terminal() {
            uploads.suspend(|| {
                let sending =
                    format!("{GOOD}{:>12}{GOOD:#} {} ({})", "Sending", safe(what), crate::world::size(total));
                let _ = writeln!(anstream::stderr(), "{sending}");
            });
        }
    }

    /// Prints the outcome for a file.
    fn file(&self, file: &str, index: &str, status: FileStatus, reason: Option<&str>) {
        let is_last = self.uploads.borrow_mut().as_mut().is_some_and(|uploads| uploads.finish(file));
        if is_last && let Some(uploads) = self.uploads.take() {
            uploads.clear();
        }
        match status {
            FileStatus::There => {
                let more = reason.map(|reason| format!(" {DIM}({}){DIM:#}", safe(reason)));
                self.status(GOOD, "Uploaded", &format!("{file} to {index}{}", more.unwrap_or_default()))
            }
            FileStatus::NotThere => self.status(BAD, "Failed", &format!("{file} is not on {index}")),
            FileStatus::Unknown => self.status(BAD, "In doubt", &format!("{file} may be on {index}")),
            FileStatus::NotSent => {
                let why = reason.map(|reason| format!(": {}", safe(reason)));
                self.status(WARN, "Not sent", &format!("{file} is not on {index}{}", why.unwrap_or_default()))
            }
        }
    }

    /// Prints files that were built.
    fn files(&self, files: &[Distribution]) {
        for Distribution { path, size, sha256, .. } in files {
            let size = crate::world::size(*size);
            self.status(GOOD, "Built", &safe(&format!("{} ({size}, sha256 {sha256})", path.display())));
        }
    }

    fn action(&self, stage: &str, action: &Action) {
        let verb = match action {
            Action::Write { .. } => "Writing",
            Action::Commit { .. } => "Committing",
            Action::Tag { .. } => "Tagging",
            Action::Build { .. } => "Building",
            Action::Check { .. } => "Checking",
            Action::Land { .. } => "Landing",
            Action::Upload { .. } => "Uploading",
            Action::Attest { .. } => "Attesting",
            Action::Push { .. } => "Pushing",
            Action::Await { .. } => "Waiting",
            Action::Command { .. } => "Running",
            Action::Plugin { .. } => "Calling",
            Action::Forge { publishes: false, .. } => "Creating",
            Action::Forge { publishes: true, .. } => "Publishing",
            Action::Skip { .. } => "Skipping",
        };
        let facts = action.facts().to_string();
        let facts = safe(&facts);
        match action {
            Action::Skip { .. } => self.status(GOOD, verb, &format!("{}: {facts}", safe(stage))),
            _ => self.status(GOOD, verb, &facts),
        }
    }
}

impl Listener for Human {
    fn on_event_of(&self, member: &str, event: &Event<'_>) {
        *self.member.borrow_mut() = Some(member.to_owned());
        self.on_event(event);
        *self.member.borrow_mut() = None;
    }

    fn on_event(&self, event: &Event<'_>) {
        match event {
            Event::Plan { plan, is_brief } => {
                if self.verbosity > Verbosity::Quiet {
                    self.line(&if *is_brief { subject_text(plan) } else { plan_text(plan) });
                }
            }
            Event::Finding { stage, finding } => self.finding(*stage, finding),
            Event::RunStarted { run, version, .. } => {
                self.with_live(|_| {});
                self.status(GOOD, "Releasing", &format!("{version} {DIM}(run {run}){DIM:#}"))
            }
            Event::RehearsalStarted { version, .. } => {
                self.with_live(|_| {});
                self.status(GOOD, "Rehearsing", &format!("{version} {DIM}in a copy of the repository{DIM:#}"))
            }
            Event::StageStarted { stage, position, .. } => {
                self.with_live(|live| live.start(stage, *position))
            }
            Event::StageFinished { stage, seconds } => {
                self.clear();
                self.with_live(|live| live.finish(stage, *seconds));
                if self.verbosity == Verbosity::Verbose {
                    self.status(DIM, "Finished", &format!("{stage} in {seconds:.2} s"));
                }
            }
            Event::Action { stage, action } => self.action(stage, action),
            Event::Output { line, .. } => {
                if self.verbosity == Verbosity::Verbose {
                    let line = safe(line.trim_end_matches('\r'));
                    self.line(&format!("{DIM}{:>12} {line}{DIM:#}", "|"));
                }
                self.with_live(|live| live.output(line));
            }
            Event::UploadsStarted { files, bytes, .. } => {
                self.clear();
                let on_terminal = self.verbosity > Verbosity::Quiet && std::io::stderr().is_terminal();
                *self.uploads.borrow_mut() = Some(Uploads::new(*files, *bytes, on_terminal));
            }
            Event::Progress { what, done, total, .. } => self.progress(what, *done, *total),
            Event::File { index, file, status, reason, is_plain, .. } => {
                self.file(file, index, *status, (!is_plain).then_some(reason));
            }
            Event::Group { title } => {
                if self.verbosity > Verbosity::Quiet {
                    self.line(&format!("\n{INFO}{}{INFO:#}:", safe(title)));
                }
            }
            Event::Fact { subject, value } => {
                for (at, line) in value.lines().enumerate() {
                    self.status(DIM, if at == 0 { subject } else { "" }, &safe(line));
                }
            }
            Event::BuildEnvironment { environment, is_reused, .. } => {
                let packages: Vec<String> =
                    environment.installed.iter().map(|package| package.replacen("==", " ", 1)).collect();
                let since = environment.time().filter(|_| *is_reused);
                let since = since.map(|time| jiff::Timestamp::now().duration_since(time).as_secs_f64());
                let age = since.map_or_else(
                    || "just resolved".to_owned(),
                    |seconds| format!("resolved {} ago", duration(seconds)),
                );
                if !packages.is_empty() {
                    self.status(
                        GOOD,
                        "Using",
                        &format!("{} {DIM}({age}){DIM:#}", safe(&packages.join(", "))),
                    );
                }
            }
            Event::Note { message, .. } => self.status(DIM, "", &safe(message)),
            Event::Warning { stage, message, help } => {
                let stage = stage.map(|stage| format!("[{stage}] ")).unwrap_or_default();
                self.diagnostic(WARN, "warning", &format!("{stage}{message}"), *help);
            }
            Event::PointOfNoReturn { stage, is_upload } => {
                let how = if *is_upload { "to" } else { "by" };
                self.status(
                    WARN,
                    "Publishing",
                    &format!("{how} {stage}: past this point the release can only be completed"),
                );
            }
            Event::Undoing { what } => {
                self.clear();
                self.status(WARN, "Undoing", what);
            }
            Event::Undone { .. } => {}
            Event::Kept { what, reason } => self.status(WARN, "Keeping", &format!("{what}: {reason}")),
            Event::Released { name, version, links, members, .. } => {
                match members {
                    [] => self.status(GOOD, "Released", &format!("{name} {version}")),
                    members => members.iter().for_each(|member| {
                        self.status(GOOD, "Released", &format!("{} {}", member.name, member.version));
                    }),
                }
                if let Some(live) = self.live.take() {
                    self.status(DIM, "Took", &live.summary());
                }
                for link in *links {
                    self.status(GOOD, "View at", link);
                }
            }
            Event::Published { name, version, index, links } => {
                self.clear();
                self.status(GOOD, "Published", &format!("{name} {version} on {index}"));
                for link in *links {
                    self.status(GOOD, "View at", link);
                }
            }
            Event::Built { files } => self.files(files),
            Event::Prepared { name, version, file, awaits_wheels, .. } => {
                self.status(GOOD, "Prepared", &safe(&format!("{name} {version} in {file}")));
                if let Some(live) = self.live.take() {
                    self.status(DIM, "Took", &live.summary());
                }
                let wheels = if *awaits_wheels { " --adopt DIR" } else { "" };
                self.status(DIM, "", &safe(&format!("to publish it: pyrelease publish {file}{wheels}")));
            }
            Event::Rehearsed { name, version, files, page, report, left_out, next, .. } => {
                self.status(
                    GOOD,
                    "Rehearsed",
                    &format!("{name} {version}; nothing outside the copy has changed"),
                );
                if let Some(live) = self.live.take() {
                    self.status(DIM, "Took", &live.summary());
                }
                self.files(files);
                for what in *left_out {
                    self.status(WARN, "Left out", &safe(what));
                }
                for look in page.iter().chain([report]) {
                    self.status(GOOD, "Look at", &safe(look));
                }
                if self.verbosity > Verbosity::Quiet {
                    self.line(&format!(
                        "`pyrelease run` goes on from here, with these files:{}",
                        stages_text(next)
                    ));
                }
            }
            Event::Bumped { files, written: false, .. } => {
                files.iter().for_each(|file| data(&safe_styled(&diff_text(&file.diff))));
            }
            Event::Bumped { files: [], .. } => {}
            Event::Bumped { name, version, previous_version, files, .. } => {
                let files =
                    if files.len() == 1 { "1 file".to_owned() } else { format!("{} files", files.len()) };
                self.status(GOOD, "Bumped", &format!("{name} {previous_version} to {version} in {files}"));
            }
            Event::Proposed { name, version, branch, written: false, .. } => {
                self.status(DIM, "", &format!("{name} {version} on {branch}; nothing has been changed"))
            }
            Event::Proposed { name, version, branch, url, is_new, .. } => {
                let verb = if *is_new { "Proposed" } else { "Updated" };
                self.status(GOOD, verb, &safe(&format!("{name} {version} on {branch}")));
                self.status(GOOD, "View at", &safe(url));
            }
            Event::GivenUp { .. } => {
                self.status(WARN, "Given up", "the run is over; what is listed above stays as it is")
            }
            Event::RolledBack { .. } => self.status(
                GOOD,
                "Rolled back",
                "the repository and its remote to their state before the release",
            ),
        }
    }
}
