//! The project page as PyPI will show it: the description as PyPI renders it, and the metadata beside it.
//!
//! The text and the structure of the rendered description are PyPI's. What breaks or gets lost there is a [`Loss`]; the
//! element where it happens has its number in the attribute [`MARK`], and the page's style shows it.

mod assemble;
mod clean;
mod facts;
mod loss;
mod marks;
mod raw;
mod render;
mod stated;
mod verified;

pub use assemble::{Page, PageFile, PageRelease};
pub use facts::Facts;
pub use loss::{Loss, LossKind};
pub use render::Rendered;
pub use stated::{Stated, StatedError};

/// The attribute with the numbers of the losses at an element
pub const MARK: &str = "data-loss";

#[cfg(test)]
mod tests;
