//! Products: what stages give to later stages.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A product that a stage gives to later stages
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Product {
    /// The release notes
    Notes,
    /// The new version, written wherever the project states it
    Version,
    /// The release commit
    Commit,
    /// The release's tag
    Tag,
    /// The files to publish
    Distributions,
}

impl Product {
    pub const ALL: [Self; 5] = [Self::Notes, Self::Version, Self::Commit, Self::Tag, Self::Distributions];

    /// The name in `needs` and `gives`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Notes => "notes",
            Self::Version => "version",
            Self::Commit => "commit",
            Self::Tag => "tag",
            Self::Distributions => "distributions",
        }
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the `{}`", self.name())
    }
}

/// The products and the order that a stage requires, besides its reach
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flow {
    /// The products that an earlier stage must give
    pub needs: Vec<Product>,
    /// The products that an earlier stage gives, if any stage does
    pub uses: Vec<Product>,
    pub gives: Vec<Product>,
    /// Stages that must come before it, if they are in the pipeline
    pub after: Vec<String>,
    /// Stages that must come after it, if they are in the pipeline
    pub before: Vec<String>,
}

impl Flow {
    pub fn wants(&self, product: Product) -> bool {
        self.needs.contains(&product) || self.uses.contains(&product)
    }
}
