//! `.pypirc`: any bytes; what it keeps is never shown.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use pyrelease::index::pypirc_secrets_in;
use pyrelease_fuzz::bounded;

/// What stands for a secret in the seeds
const SECRET: &str = "hunter2";

fuzz_target!(|bytes: &[u8]| {
    let shown = match bounded(bytes.len(), || pypirc_secrets_in(Path::new("/home/.pypirc"), bytes)) {
        Ok(kept) => {
            // What an index, a project or a user is called is no secret.
            let is_a_name = kept.iter().any(|kept| {
                let names = [Some(kept.index.as_str()), kept.project.as_deref(), kept.credentials.username()];
                let upload = kept.upload.as_ref().map(|upload| upload.as_str());
                names.into_iter().chain([upload]).flatten().any(|name| name.contains(SECRET))
            });
            if is_a_name { String::new() } else { format!("{kept:?}") }
        }
        Err(error) => format!("{error} {error:?}"),
    };
    assert!(!shown.contains(SECRET), "{shown}");
});
