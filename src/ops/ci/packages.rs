//! The packages that a workflow releases: the project, or the members of its workspace.

use crate::config::Config;
use crate::engine::checkout::Checkout;
use crate::engine::model::DEFAULT_TAG_NAME;
use crate::error::Result;
use crate::python::native::WheelBuilder;
use crate::python::project::Files as _;
use crate::stages::members::Workspace;
use crate::stages::{Discovery, discover};

/// A package that a workflow releases
pub(super) struct Package {
    pub(super) config: Config,
    pub(super) discovery: Discovery,
    /// What tags are named before and after the version
    pub(super) tag: (String, String),
    /// Whether it is not uploaded
    pub(super) is_private: bool,
    /// What builds its wheels on each platform; none if they are the same for all
    pub(super) builder: Option<WheelBuilder>,
    /// Whether its wheels have a program that Rust compiles, and no module
    pub(super) is_program: bool,
}

impl Package {
    /// The only package of a project.
    ///
    /// # Errors
    /// As [`discover`].
    pub(super) fn of(config: &Config, checkout: &Checkout) -> Result<Self> {
        Self::read(config.clone(), checkout, None)
    }

    /// The members of a workspace.
    ///
    /// # Errors
    /// As [`discover`], for each member.
    pub(super) fn of_members(
        config: &Config,
        workspace: &Workspace,
        checkout: &Checkout,
    ) -> Result<Vec<Self>> {
        let shared = workspace.shared_tag(config, checkout)?;
        let read = |(at, member): (usize, &crate::stages::members::Member)| {
            let config = member.config.clone();
            let config = if let Some(name) = &shared { config.with_tag(name) } else { config };
            let package = Self::read(config, &workspace.checkout_of(at, checkout)?, Some(&member.name))?;
            let has_none = member.is_private || package.config.stage_text("build", "wheels") == Some("none");
            let builder = package.builder.filter(|_| !has_none);
            Ok(Self { is_private: member.is_private, builder, ..package })
        };
        workspace.members.iter().enumerate().map(read).collect()
    }

    fn read(config: Config, checkout: &Checkout, name: Option<&str>) -> Result<Self> {
        let discovery = discover(checkout, name.or(config.name()))?;
        let learned = discovery.learned.tag_name.as_ref().map(|learned| learned.value.as_str());
        let default = config.default_tag().unwrap_or(DEFAULT_TAG_NAME);
        let template = config.stage_text("tag", "name").or(learned).unwrap_or(default);
        let template = template.replace("{name}", &discovery.project.name);
        let (before, after) = template.split_once("{version}").unwrap_or((&template, ""));
        let tag = (before.to_owned(), after.to_owned());
        let builder = WheelBuilder::of(checkout, &discovery.project.backend);
        let text = checkout.read("pyproject.toml").unwrap_or_default();
        let is_program = String::from_utf8_lossy(&text).contains("bindings = \"bin\"");
        Ok(Self { config, discovery, tag, is_private: false, builder, is_program })
    }

    pub(super) fn name(&self) -> &str {
        &self.discovery.project.name
    }
}
