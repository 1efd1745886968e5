//! Pull requests, which GitLab calls merge requests.

use reqwest::Method;
use serde_json::{Value, json};

use super::address::ForgeKind;
use super::connection::{Forge, Repeat};
use super::failure::ForgeResult;

/// A pull or merge request to open
#[derive(Debug)]
pub struct Proposal<'a> {
    /// The branch with the change, without `refs/heads/`
    pub branch: &'a str,
    /// The branch that it is for, without `refs/heads/`
    pub base: &'a str,
    pub title: &'a str,
    pub body: &'a str,
}

/// A pull or merge request as a forge has it
#[derive(Debug, Clone)]
pub struct ChangeRequest {
    pub number: u64,
    /// Of its page
    pub url: String,
}

impl ForgeKind {
    /// What it calls a request to merge a branch.
    pub fn request_name(self) -> &'static str {
        match self {
            Self::Gitlab => "merge request",
            Self::Github | Self::Gitea => "pull request",
        }
    }
}

impl Forge<'_> {
    fn request_of(&self, value: &Value) -> ChangeRequest {
        let (number, url) = match self.address.kind {
            ForgeKind::Gitlab => ("iid", "web_url"),
            _ => ("number", "html_url"),
        };
        let url = value[url].as_str().unwrap_or_default().to_owned();
        ChangeRequest { number: value[number].as_u64().unwrap_or_default(), url }
    }

    /// The path of the requests in the API.
    fn requests(&self) -> &'static str {
        if self.address.kind == ForgeKind::Gitlab { "merge_requests" } else { "pulls" }
    }

    /// The open request for this branch, if there is one.
    ///
    /// # Errors
    /// The forge did not answer, or refused.
    pub fn open_request(&self, branch: &str, base: &str) -> ForgeResult<Option<ChangeRequest>> {
        let owner = self.address.repository.split('/').next().unwrap_or_default();
        let head = format!("{owner}:{branch}");
        let query: &[(&str, &str)] = match self.address.kind {
            ForgeKind::Github => &[("state", "open"), ("head", &head), ("base", base)],
            ForgeKind::Gitlab => &[("state", "opened"), ("source_branch", branch), ("target_branch", base)],
            ForgeKind::Gitea => &[("state", "open")],
        };
        let what = format!("list the {}s", self.address.kind.request_name());
        let listed = self.list(&[self.requests()], query, &what)?;
        let is_it = |value: &&Value| match self.address.kind {
            ForgeKind::Gitlab => value["source_branch"] == branch && value["target_branch"] == base,
            // One from a fork has a branch of another repository.
            _ => {
                let from = &value["head"]["repo"]["full_name"];
                let own =
                    from.as_str().is_some_and(|name| name.eq_ignore_ascii_case(&self.address.repository));
                value["head"]["ref"] == branch && value["base"]["ref"] == base && own
            }
        };
        Ok(listed.iter().find(is_it).map(|value| self.request_of(value)))
    }

    /// Opens a request, or gives the open one this title and text.
    ///
    /// # Errors
    /// The forge did not answer, or refused.
    pub fn propose(
        &self,
        proposal: &Proposal<'_>,
        open: Option<&ChangeRequest>,
    ) -> ForgeResult<ChangeRequest> {
        let Proposal { branch, base, title, body } = proposal;
        let name = self.address.kind.request_name();
        let is_gitlab = self.address.kind == ForgeKind::Gitlab;
        if let Some(open) = open {
            let (method, json) = match is_gitlab {
                true => (Method::PUT, json!({"title": title, "description": body})),
                false => (Method::PATCH, json!({"title": title, "body": body})),
            };
            let parts = [self.requests(), &open.number.to_string()];
            let changed = self.change(Repeat::Safe, method, &parts, &json, &format!("update the {name}"))?;
            return Ok(self.request_of(&changed));
        }
        let json = match is_gitlab {
            true => json!({
                "source_branch": branch, "target_branch": base, "title": title, "description": body,
                "remove_source_branch": true,
            }),
            false => json!({"head": branch, "base": base, "title": title, "body": body}),
        };
        let what = format!("open the {name}");
        match self.change(Repeat::Unsafe, Method::POST, &[self.requests()], &json, &what) {
            Ok(opened) => Ok(self.request_of(&opened)),
            // The reply may be what was lost.
            Err(failure) if failure.in_doubt => match self.open_request(branch, base) {
                Ok(Some(opened)) => Ok(opened),
                _ => Err(failure),
            },
            Err(failure) => Err(failure),
        }
    }
}
