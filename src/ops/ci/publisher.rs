//! What the form of a trusted publisher asks for, index by index.

use serde::Serialize;

use super::Forge;
use crate::index::IndexAddress;

/// A trusted publisher to register (<https://docs.pypi.org/trusted-publishers/>)
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Publisher {
    pub(super) index: String,
    /// The form for a project that the index has
    pub(super) form: String,
    /// The form for a project that the index does not have yet
    pub(super) first: String,
    /// The names of the form's fields, and their values
    pub(super) fields: Vec<(&'static str, String)>,
}

/// The workflow that publishes
pub(super) struct Publishing<'a> {
    pub(super) forge: Forge,
    pub(super) project: &'a str,
    /// `owner/name`, the owner of GitLab with its groups
    pub(super) repository: Option<&'a str>,
    /// The path of the workflow in the repository
    pub(super) workflow: &'a str,
    pub(super) environment: &'a str,
}

/// The values of fields that nothing tells.
const OPEN: &str = "(the remote does not tell)";

impl Publisher {
    pub(super) fn of(index: &IndexAddress, publishing: &Publishing<'_>) -> Self {
        let mut base = index.upload.clone();
        if base.host_str() == Some("upload.pypi.org") {
            let _ = base.set_host(Some("pypi.org"));
        }
        let base = base.origin().ascii_serialization();
        let Publishing { forge, project, repository, workflow, environment } = publishing;
        let (owner, name) = repository.and_then(|path| path.rsplit_once('/')).unwrap_or((OPEN, OPEN));
        let file = workflow.rsplit('/').next().unwrap_or(workflow);
        let fields = match forge {
            Forge::GitHub => [
                ("PyPI Project Name", *project),
                ("Owner", owner),
                ("Repository name", name),
                ("Workflow name", file),
                ("Environment name", environment),
            ],
            Forge::GitLab => [
                ("PyPI Project Name", *project),
                ("Namespace", owner),
                ("Project name", name),
                ("Top-level pipeline file path", workflow),
                ("Environment name", environment),
            ],
        };
        Self {
            index: index.name.clone(),
            form: format!("{base}/manage/project/{project}/settings/publishing/"),
            first: format!("{base}/manage/account/publishing/"),
            fields: fields.map(|(field, value)| (field, value.to_owned())).to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use snapbox::prelude::*;
    use snapbox::{assert_data_eq, str};

    use super::*;

    #[test]
    fn each_forge_has_its_fields() {
        let of = |forge, repository, workflow| {
            let publishing = Publishing { forge, project: "demo", repository, workflow, environment: "pypi" };
            Publisher::of(&IndexAddress::pypi(), &publishing)
        };
        let github = of(Forge::GitHub, Some("octo/demo"), ".github/workflows/release.yml");
        assert_data_eq!(
            serde_json::to_string_pretty(&github).unwrap(),
            str![[r#"
{
  "index": "pypi",
  "form": "https://pypi.org/manage/project/demo/settings/publishing/",
  "first": "https://pypi.org/manage/account/publishing/",
  "fields": [
    [
      "PyPI Project Name",
      "demo"
    ],
    [
      "Owner",
      "octo"
    ],
    [
      "Repository name",
      "demo"
    ],
    [
      "Workflow name",
      "release.yml"
    ],
    [
      "Environment name",
      "pypi"
    ]
  ]
}
"#]]
            .raw()
        );
        let gitlab = of(Forge::GitLab, Some("group/sub/demo"), ".gitlab-ci.yml");
        assert_eq!(gitlab.fields[1], ("Namespace", "group/sub".to_owned()));
        assert_eq!(gitlab.fields[3], ("Top-level pipeline file path", ".gitlab-ci.yml".to_owned()));
        assert_eq!(of(Forge::GitHub, None, "x.yml").fields[1].1, OPEN);
    }
}
