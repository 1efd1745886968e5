//! Descriptions in reStructuredText, rendered by PyPI's own renderer if the index may use it.

use tokio::task::spawn_blocking;

use super::refusal::{Refusal, refuse};
use super::rules::Claim;
use super::{Rules, Shared};
use crate::python::verdict::ContentType;
use crate::world::tools::{Unrendered, render_rst};

impl Shared {
    /// Refuses a description that PyPI does not render.
    pub(super) async fn check_rendering(&self, claim: &Claim) -> Result<(), Refusal> {
        let Some(description) = claim.description() else { return Ok(()) };
        let (Some(environment), Rules::Pypi) = (&self.environment, self.rules) else { return Ok(()) };
        if description.content_type != ContentType::Restructured {
            return Ok(());
        }
        let (environment, text) = (environment.clone(), description.text.clone());
        let rendered =
            spawn_blocking(move || render_rst(&environment, &[&text], &|_| {}).map(|mut all| all.pop()))
                .await;
        match rendered {
            Ok(Ok(Some(Err(Unrendered::Refused(_))))) => refuse(if claim.has_content_type() {
                "The description failed to render for 'text/x-rst'."
            } else {
                "The description failed to render in the default format of reStructuredText."
            }),
            Ok(Ok(Some(Err(Unrendered::TooCostly(what))))) => {
                refuse(format!("The description failed to render: {what}."))
            }
            Ok(Err(error)) => {
                let message = format!("The description cannot be rendered here: {error}.");
                Err(Refusal::with_status(503, message))
            }
            _ => Ok(()),
        }
    }
}
