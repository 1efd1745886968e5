//! The client of forges: GitHub, GitLab, and Gitea with its descendant Forgejo.
//!
//! [`ForgeAddress`] says which repository on which forge, [`Token`] is the credential for it, and [`Forge`] asks. What a
//! run changes there is a [`ForgeChange`], which can be asked for and undone from its own data.

mod address;
mod asset;
mod change;
mod connection;
mod failure;
mod gitlab;
mod login;
mod release;
mod request;
mod token;

pub use address::{ForgeAddress, ForgeKind, ForgeSettings};
pub use asset::Asset;
pub use change::{ForgeChange, ForgePresence};
pub use connection::Forge;
pub use failure::{Failure, ForgeResult};
pub use release::{ForgeRelease, MARK, MarkedRelease, digest_of};
pub use request::{ChangeRequest, Proposal};
pub use token::{Token, TokenSource};
