//! A distribution's metadata, parsed.

use super::description::Description;
use crate::python::metadata::{Metadata, MetadataError};

/// A distribution's metadata
#[derive(Debug)]
pub struct Described {
    /// The member with the metadata
    pub member: String,
    pub metadata: Result<Metadata, MetadataError>,
    /// The long description, if PyPI supports its content type
    ///
    /// Markdown and plain text have been checked then, because PyPI renders any. reStructuredText is rendered in the
    /// tool environment; [`does_not_render`](super::does_not_render) creates the finding.
    pub description: Option<Description>,
}
