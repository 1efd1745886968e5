//! Indexes of the configuration that no stage uploads to.

use crate::config::{Config, Spanned, nearest};
use crate::engine::prelude::*;

/// Refuses settings of an index that no stage uploads to and whose name is a slip away from another's: what was meant for
/// that one would go elsewhere.
pub(super) fn refuse_mistyped(config: &Config) -> Result<()> {
    let stages: Vec<&str> = config.stages().iter().map(|stage| stage.value.as_str()).collect();
    let predefined = Config::default_pipeline();
    let used = config
        .indexes()
        .keys()
        .filter(|name| stages.contains(&name.as_str()) || predefined.indexes().contains_key(name.as_str()));
    let used: Vec<&str> = used.map(String::as_str).collect();
    for index in config.configured_indexes().iter().filter(|index| !used.contains(&index.value.as_str())) {
        if let Some(nearest) = nearest(&index.value, used.iter().copied()) {
            let message = format!("no stage uploads to `{}`", index.value);
            let help = format!(
                "did you mean [index.{nearest}]? If not, give it a less similar name, or add it to `stages`"
            );
            return Err(config.error(&message, index.span.clone(), Some(&help)));
        }
    }
    Ok(())
}

/// A note for each index of the configuration that no stage uploads to: `pyrelease upload --index` may mean it.
pub fn unused(config: &Config) -> Vec<Finding> {
    let is_used = |index: &&Spanned| config.stages().iter().any(|stage| stage.value == index.value);
    let unused = config.configured_indexes().iter().filter(|index| !is_used(index));
    let note = |index: &Spanned| {
        let name = &index.value;
        Finding::note(format!("no stage uploads to the index `{name}`")).help(format!(
            "`pyrelease upload --index {name}` does; for a release, add \"{name}\" to `stages`"
        ))
    };
    unused.map(note).collect()
}
