//! What a workflow needs to know of a project and its configuration.

use pep440_rs::{Version, VersionSpecifiers};

use super::packages::Package;
use super::publisher::{Publisher, Publishing};
use super::template::Values;
use super::{CiOptions, Flow, Forge};
use crate::config::{Config, IndexKind};
use crate::engine::checkout::Checkout;
use crate::engine::model::Reach;
use crate::engine::pipeline::Pipeline;
use crate::error::{Error, Result};
use crate::index::{IndexAddress, NewHost, variable_for};
use crate::python::filename::normalize;
use crate::python::project::VersionSource;
use crate::stages::members::Workspace;
use crate::stages::{Discovery, address_of};
use crate::world::Environment;

/// The Python of the workflow: the first that the project supports
const PYTHONS: [&str; 6] = ["3.13", "3.14", "3.12", "3.11", "3.10", "3.9"];

// The actions of the workflow, by commit; a tag can be moved.
const ACTIONS: [(&str, &str); 6] = [
    ("checkout", "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1"),
    ("setup-python", "actions/setup-python@ece7cb06caefa5fff74198d8649806c4678c61a1 # v6.3.0"),
    ("upload-artifact", "actions/upload-artifact@043fb46d1a93c77aae656e7c1c64a875d1fc6a0a # v7.0.1"),
    ("download-artifact", "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c # v8.0.1"),
    ("cibuildwheel", "pypa/cibuildwheel@1828c10ab37f080699c7b81cea34097c684a7074 # v4.2.0"),
    ("maturin-action", "PyO3/maturin-action@e83996d129638aa358a18fbd1dfb82f0b0fb5d3b # v1.51.0"),
];
const CIBUILDWHEEL: &str = "4.2.0";

/// The project or the workspace that a workflow releases
pub(super) struct CiProject<'a> {
    pub(super) config: &'a Config,
    pub(super) pipeline: &'a Pipeline,
    pub(super) checkout: &'a Checkout,
    /// What the workflow says it releases
    name: String,
    pub(super) is_workspace: bool,
    /// At least one
    pub(super) packages: Vec<Package>,
}

impl<'a> CiProject<'a> {
    pub(super) fn of(config: &'a Config, pipeline: &'a Pipeline, checkout: &'a Checkout) -> Result<Self> {
        let is_workspace = config.workspace().is_some();
        let (name, packages) = if is_workspace {
            let workspace = Workspace::of(config, checkout)?;
            (name_of(&workspace, config, checkout), Package::of_members(config, &workspace, checkout)?)
        } else {
            let package = Package::of(config, checkout)?;
            (package.name().to_owned(), vec![package])
        };
        Ok(Self { config, pipeline, checkout, name, is_workspace, packages })
    }

    /// What the workflow says it releases.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether this is the name of a package that the workflow releases.
    pub(super) fn has_package(&self, name: &str) -> bool {
        self.packages.iter().any(|package| package.name() == name)
    }

    /// What is found about the repository: it is the same for each package.
    fn discovery(&self) -> &Discovery {
        &self.packages[0].discovery
    }

    /// The packages that are uploaded.
    fn uploaded(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| !package.is_private)
    }

    /// Whether pyrelease is what is released: then it releases itself, as it is in the checkout.
    pub(super) fn is_pyrelease(&self) -> bool {
        !self.is_workspace && normalize(self.name()) == "pyrelease"
    }

    fn has_stage(&self, name: &str) -> bool {
        self.pipeline.stages().any(|stage| stage.name() == name)
    }

    /// The indexes that stages upload to, in their order.
    fn indexes(&self) -> Result<Vec<(IndexKind, IndexAddress)>> {
        let named =
            self.pipeline.stages().filter_map(|stage| self.config.indexes().get_key_value(stage.name()));
        named.map(|(name, index)| Ok((index.kind, address_of(name, index)?))).collect()
    }

    /// The environment of the job that publishes: named like the index for users.
    pub(super) fn environment(&self) -> Result<String> {
        let indexes = self.indexes()?;
        let public = indexes.iter().find(|(kind, _)| *kind == IndexKind::Public);
        Ok(public.map_or_else(|| "release".to_owned(), |(_, index)| index.name.clone()))
    }

    /// The trusted publishers that the workflow needs: for each package that is uploaded, one for each index.
    pub(super) fn publishers(&self, forge: Forge, workflow: &str) -> Result<Vec<Publisher>> {
        let environment = self.environment()?;
        let address = self.discovery().remote.as_ref().and_then(|remote| remote.address.as_deref());
        let repository = address.and_then(|address| address.split_once('/')).map(|(_, path)| path);
        let mut publishers = Vec::new();
        for (_, index) in self.indexes()?.iter().filter(|(_, index)| index.trusts_publishers()) {
            publishers.extend(self.uploaded().map(|package| {
                let project = package.name();
                Publisher::of(
                    index,
                    &Publishing { forge, project, repository, workflow, environment: &environment },
                )
            }));
        }
        Ok(publishers)
    }

    /// What the user has to know or to do for the workflow to work.
    pub(super) fn notes(&self, forge: Forge, flow: Flow) -> Result<Vec<String>> {
        let mut notes = Vec::new();
        let remote = self.discovery().remote.as_ref();
        if remote.is_none_or(|remote| remote.address.is_none()) {
            notes.push(
                "no remote tells owner and name: register the publisher with those of the repository"
                    .to_owned(),
            );
        }
        let environment = self.environment()?;
        notes.push(format!("make the environment `{environment}` and require a review for it: it is the approval of a release"));
        let own = forge.places().workflow;
        for found in self.discovery().workflows.iter().filter(|found| found.workflow.workflow != own) {
            if !found.workflow.is_rehearsal() {
                notes
                    .push(format!("another workflow publishes, remove it or its trigger: {}", found.shown()));
            }
        }
        if flow == Flow::Tag && self.tags().len() > 1 {
            notes.push(match forge {
                Forge::GitHub => {
                    "push at most three tags at a time: GitHub starts no workflow for more".to_owned()
                }
                Forge::GitLab => {
                    "push at most four tags at a time: GitLab starts no pipeline for more".to_owned()
                }
            });
        }
        let pushes = flow == Flow::Dispatch && self.has_stage("push");
        match (forge, flow) {
            (Forge::GitHub, Flow::Dispatch) if pushes => {
                notes.push(
                    "a protected branch does not take the push of a workflow: then use `--flow merge`"
                        .to_owned(),
                );
            }
            (Forge::GitHub, Flow::Merge) => notes.push(
                "allow GitHub Actions to create pull requests, in the settings of the repository".to_owned(),
            ),
            (Forge::GitLab, _) if pushes => notes.push(
                "let the job token push to the repository, in the settings: CI/CD, job token permissions"
                    .to_owned(),
            ),
            (Forge::GitLab, Flow::Merge) => notes.push(
                "make a project access token (api, write_repository) the protected variable `GITLAB_TOKEN`"
                    .to_owned(),
            ),
            _ => {}
        }
        let (prepare, publish) = self.secret_names()?;
        let mut secrets: Vec<String> =
            prepare.into_iter().chain(publish).map(|name| format!("`{name}`")).collect();
        secrets.sort_unstable();
        secrets.dedup();
        if !secrets.is_empty() {
            let kind = if forge == Forge::GitHub { "secrets" } else { "masked and protected variables" };
            notes.push(format!("make {} {kind} of the repository", secrets.join(" and ")));
        }
        let has_publisher = self.indexes()?.iter().any(|(_, index)| index.trusts_publishers());
        if has_publisher && self.uploaded().any(|package| package.discovery.releases == 0) {
            notes.push(
                "a publisher for a project that an index does not have yet expires after 30 days".to_owned(),
            );
        }
        Ok(notes)
    }

    /// What the workflow's template is filled with.
    ///
    /// # Errors
    /// The project cannot be released in this way, or its folder cannot stand in a workflow.
    pub(super) fn values(&self, options: &CiOptions, flow: Flow) -> Result<Values> {
        let is_vcs =
            |package: &&Package| matches!(package.discovery.project.version, VersionSource::Vcs { .. });
        if let Some(package) = self.packages.iter().find(is_vcs).filter(|_| flow == Flow::Merge) {
            let error = Error::usage("the version comes from tags, so what is merged does not state it")
                .help("use `--flow dispatch` or `--flow tag`");
            return Err(if self.is_workspace { error.of_member(package.name()) } else { error });
        }
        let mut values = Values::default();
        values.text("name", self.name());
        values.text("command", options.command(flow));
        values.text("python", self.python());
        values.text("project", self.folder_option()?);
        values.text("top", self.top(options.forge));
        // Hashes are required where the file has any.
        let requirements = options.forge.places().requirements;
        let install = match self.is_pyrelease() {
            true => "python -m pip install .".to_owned(),
            false => format!("python -m pip install --no-deps --only-binary=:all: -r {requirements}"),
        };
        values.text("install", quoted(&install));
        for (name, action) in ACTIONS {
            values.text(name, action);
        }
        values.text("cibuildwheel-version", CIBUILDWHEEL);
        values.flag("dispatch", flow == Flow::Dispatch);
        values.flag("tag", flow == Flow::Tag);
        values.flag("merge", flow == Flow::Merge);
        // Not every push to the branch is a release.
        values.flag("sometimes", flow == Flow::Merge);
        self.tag(&mut values);
        self.bumps(&mut values);
        values.text("branch", quoted(self.checkout.head.shown()));
        self.indexes_into(&mut values)?;
        self.rights(&mut values, flow);
        self.secrets(&mut values, flow)?;
        self.wheels(&mut values, options.forge);
        Ok(values)
    }

    /// The first Python that every package supports.
    fn python(&self) -> &'static str {
        let required = self.packages.iter().filter_map(|package| {
            package.discovery.project.requires_python.as_deref()?.parse::<VersionSpecifiers>().ok()
        });
        let required: Vec<VersionSpecifiers> = required.collect();
        let suits = |python: &&&str| {
            let newest: Version = format!("{python}.99").parse().expect("a version");
            required.iter().all(|required| required.contains(&newest))
        };
        PYTHONS.iter().find(suits).unwrap_or(&PYTHONS[0])
    }

    /// What the person who starts a release may say about the bump, and how it is passed on: always by the environment.
    fn bumps(&self, values: &mut Values) {
        values.flag("workspace", self.is_workspace);
        let (help, bump, bumps) = if self.is_workspace {
            let named: Vec<String> =
                self.packages.iter().take(2).map(|package| format!("{}=minor", package.name())).collect();
            (
                format!(
                    "{}, or one bump for all that changed; empty if the changelogs decide",
                    named.join(" ")
                ),
                "",
                " -- \"${BUMPS[@]}\"",
            )
        } else {
            (
                "major, minor, patch, a, b, rc, post, dev, release or a version; empty if the changelog decides".to_owned(),
                " ${BUMP:+\"$BUMP\"}",
                "",
            )
        };
        values.text("bump-help", help);
        values.text("bump", bump);
        values.text("bumps", bumps);
    }

    /// `-C` with the project's folder, where that is not the repository.
    fn folder_option(&self) -> Result<String> {
        let folder = self.checkout.prefix.as_str();
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./".contains(letter);
        if !folder.chars().all(is_plain) {
            return Err(Error::usage(format!(
                "the folder `{}` cannot stand in a workflow",
                folder.escape_debug()
            ))
            .help("use letters, digits, `-`, `_` and `.` in its name"));
        }
        Ok(if folder.is_empty() { String::new() } else { format!(" -C {}", folder.trim_end_matches('/')) })
    }

    /// The top of the checkout, as the beginning of a path: with `-C`, paths are relative to the project.
    pub(super) fn top(&self, forge: Forge) -> &'static str {
        match forge {
            _ if self.checkout.prefix.is_empty() => "",
            Forge::GitHub => "\"$GITHUB_WORKSPACE\"/",
            Forge::GitLab => "\"$CI_PROJECT_DIR\"/",
        }
    }

    /// What the tags are named before and after the version; several of them if the packages have tags of their own.
    fn tags(&self) -> Vec<&(String, String)> {
        let mut tags: Vec<&(String, String)> = Vec::new();
        for package in &self.packages {
            if !tags.contains(&&package.tag) {
                tags.push(&package.tag);
            }
        }
        tags
    }

    /// How a tag is recognised.
    fn tag(&self, values: &mut Values) {
        let tags = self.tags();
        let patterns: Vec<String> =
            tags.iter().map(|(before, after)| quoted(&format!("{before}[0-9]*{after}"))).collect();
        values.text("tag-pattern", patterns.join("\n      - "));
        let escaped = |text: &str| regex::escape(text).replace('/', "\\/");
        let expressions: Vec<String> = tags
            .iter()
            .map(|(before, after)| format!("{}[0-9].*{}", escaped(before), escaped(after)))
            .collect();
        values.text(
            "tag-regex",
            match expressions.as_slice() {
                [only] => format!("/^{only}$/"),
                several => format!("/^({})$/", several.join("|")),
            },
        );
    }

    fn indexes_into(&self, values: &mut Values) -> Result<()> {
        values.text("environment", quoted(&self.environment()?));
        let indexes = self.indexes()?;
        values.flag("to-pypi", indexes.iter().any(|(_, index)| index.name == "pypi"));
        values.flag("to-testpypi", indexes.iter().any(|(_, index)| index.name == "testpypi"));
        let public = indexes.iter().find(|(kind, _)| *kind == IndexKind::Public);
        let page = public.filter(|(_, index)| index.is_pypi()).and_then(|_| {
            let mut uploaded = self.uploaded();
            let only = uploaded.next().filter(|_| uploaded.next().is_none())?;
            Some(format!("https://pypi.org/p/{}", only.name()))
        });
        values.flag("page", page.is_some());
        values.text("page", page.unwrap_or_default());
        Ok(())
    }

    fn rights(&self, values: &mut Values, flow: Flow) {
        let pushes = flow != Flow::Tag && self.has_stage("push");
        let reasons = [
            (pushes, "to push the commit and the tag"),
            (self.has_stage("forge-release"), "to make the release's page"),
        ];
        let reasons: Vec<&str> =
            reasons.iter().filter(|(is_given, _)| *is_given).map(|(_, why)| *why).collect();
        values.flag("pushes", pushes);
        // `reopen` commits after the release.
        let commits = flow != Flow::Tag && self.has_stage("reopen");
        values.text("author", if commits { " --author-from-forge" } else { "" });
        values.flag("writes", !reasons.is_empty());
        values.text("writes", reasons.join(", and "));
    }

    /// The hosts of indexes that credentials are sent to once a user has allowed it.
    fn new_hosts(&self) -> Result<Vec<String>> {
        let nobody = Environment::from_iter([("", ""); 0]);
        let indexes = self.indexes()?;
        let hosts = indexes.iter().map(|(_, index)| NewHost::of(&nobody, index));
        let mut hosts: Vec<String> = hosts
            .filter_map(|host| Some(host.transpose()?.map(|host| host.host().to_owned())))
            .collect::<Result<_>>()?;
        hosts.sort_unstable();
        hosts.dedup();
        Ok(hosts)
    }

    /// The secrets that the job which prepares gets, and those that the one gets which publishes: of the stages, and the tokens
    /// of indexes without trusted publishing.
    fn secret_names(&self) -> Result<(Vec<String>, Vec<String>)> {
        let (mut prepare, mut publish) = (Vec::new(), Vec::new());
        for stage in self.pipeline.stages() {
            let names = if stage.reach() == Reach::Private { &mut prepare } else { &mut publish };
            // Those of a plugin, and those of a command
            for key in ["secrets", "environment"] {
                for package in &self.packages {
                    names.extend(package.config.stage_list(stage.name(), key).map(str::to_owned));
                }
            }
        }
        let untrusting = self.indexes()?.into_iter().filter(|(_, index)| !index.trusts_publishers());
        publish.extend(untrusting.map(|(_, index)| variable_for(&index.name)));
        Ok((prepare, publish))
    }

    fn secrets(&self, values: &mut Values, flow: Flow) -> Result<()> {
        let (prepare, publish) = self.secret_names()?;
        values.flag("prepare-env", flow == Flow::Dispatch || !prepare.is_empty());
        let hosts = self.new_hosts()?;
        values.flag("new-hosts", !hosts.is_empty());
        values.text("new-hosts", quoted(&hosts.join(",")));
        values.text("prepare-secrets", secrets(prepare));
        values.text("publish-secrets", secrets(publish));
        Ok(())
    }
}

/// What the workflow of a workspace says it releases. A clone may be in any folder, so the folder's name does not count.
fn name_of(workspace: &Workspace, config: &Config, checkout: &Checkout) -> String {
    let has_own = config.name().is_some() || workspace.members.iter().any(|member| member.folder.is_empty());
    match checkout.prefix.trim_end_matches('/') {
        _ if has_own => workspace.name.clone(),
        "" => "all packages".to_owned(),
        folder => format!("the packages in {folder}"),
    }
}

/// The lines that give a step secrets of the repository.
fn secrets(mut names: Vec<String>) -> String {
    names.sort_unstable();
    names.dedup();
    let lines: Vec<String> =
        names.iter().map(|name| format!("          {name}: ${{{{ secrets.{name} }}}}")).collect();
    lines.join("\n")
}

/// A text as a scalar of YAML.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text can be written as JSON")
}
