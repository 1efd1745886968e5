//! Whose token it is.

use reqwest::{Method, Url};
use serde_json::json;

use super::address::ForgeKind;
use super::connection::{Forge, Payload, Repeat};
use super::failure::{Failure, ForgeResult};
use super::token::TokenSource;
use crate::error::Error;

/// What the tokens of apps of GitHub begin with, that of a job included
const OF_APP: &str = "ghs_";
/// The account that a job's own token acts for on GitHub
const JOB: &str = "github-actions[bot]";

impl Forge<'_> {
    /// Whether the token is the one that a CI job has without asking, seen from within the job. GitHub tells an app's
    /// token and a job's apart only by the account, which the REST API does not show to either.
    ///
    /// # Errors
    /// The forge did not answer, or not what was asked.
    pub fn has_token_of_job(&self) -> ForgeResult<bool> {
        if self.address.kind != ForgeKind::Github {
            return Ok(self.token.source == TokenSource::Variable("GITHUB_TOKEN"));
        }
        if !self.token.expose().starts_with(OF_APP) {
            return Ok(false);
        }
        let url = match self.address.api.strip_suffix("/api/v3") {
            Some(server) => format!("{server}/api/graphql"),
            None => format!("{}/graphql", self.address.api),
        };
        let url = Url::parse(&url).map_err(|error| Failure::refused(Error::failed(error.to_string())))?;
        let query = json!({"query": "query { viewer { login } }"});
        let reply = self.send(Repeat::Safe, &Method::POST, &url, Payload::Json(&query))?;
        let answer = self.checked(reply, "say whose token it is")?;
        Ok(answer["data"]["viewer"]["login"] == JOB)
    }
}
