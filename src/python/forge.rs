//! Forges and CI services, and how the name of a host tells which one it is.

use std::fmt;

/// Where repositories are kept, or workflows run
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forge {
    GitHub,
    Forgejo,
    Gitea,
    GitLab,
    CircleCi,
    Azure,
    Travis,
    Bitbucket,
}

impl fmt::Display for Forge {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::GitHub => "GitHub",
            Self::Forgejo => "Forgejo",
            Self::Gitea => "Gitea",
            Self::GitLab => "GitLab",
            Self::CircleCi => "CircleCI",
            Self::Azure => "Azure Pipelines",
            Self::Travis => "Travis CI",
            Self::Bitbucket => "Bitbucket",
        })
    }
}

impl Forge {
    /// The forge at a host, if its name tells: `gitlab.com`, `gitlab.example.org:8443`, `my-gitlab.example.org`.
    pub fn of_host(host: &str) -> Option<Self> {
        let host = host.split(':').next().unwrap_or_default().to_ascii_lowercase();
        let has = |word: &str| host.split(['.', '-']).any(|part| part == word);
        match () {
            () if has("github") || host.ends_with(".ghe.com") => Some(Self::GitHub),
            () if has("gitlab") => Some(Self::GitLab),
            () if has("forgejo") || has("codeberg") => Some(Self::Forgejo),
            () if has("gitea") => Some(Self::Gitea),
            () if has("bitbucket") => Some(Self::Bitbucket),
            () if host.ends_with("dev.azure.com") || host.ends_with(".visualstudio.com") => Some(Self::Azure),
            () => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_host_tells_its_forge() {
        for (host, expected) in [
            ("github.com", Some(Forge::GitHub)),
            ("GitHub.example.org", Some(Forge::GitHub)),
            ("corp.ghe.com", Some(Forge::GitHub)),
            ("my-gitlab.example.org:8443", Some(Forge::GitLab)),
            ("gitlab.org", Some(Forge::GitLab)),
            ("codeberg.org", Some(Forge::Forgejo)),
            ("gitea.com", Some(Forge::Gitea)),
            ("bitbucket.org", Some(Forge::Bitbucket)),
            ("ssh.dev.azure.com", Some(Forge::Azure)),
            ("notgithub.com", None),
            ("git.example.org", None),
            ("", None),
        ] {
            assert_eq!(Forge::of_host(host), expected, "{host}");
        }
    }
}
