//! How old the lists beside this file are; made by `remake.py`.

/// The date of the list of classifiers; a classifier may have been added since
pub const CLASSIFIERS_OF: &str = "2026-09-21";
/// The newest Python whose modules are listed
pub(in crate::python::verdict) const MODULES_OF: &str = "3.14";
/// The version of the SPDX list of licenses that `packaging` has
pub(in crate::python::verdict) const SPDX: &str = "3.27.0";
