//! Files that are small and would take all memory once they are unpacked.

use std::path::Path;

use pyrelease_test_support::{Python, Transcript};

use super::super::drilled::text;
use super::Forge;

/// Runs pyrelease with at most this much memory, in KiB.
const LIMITED: &str = "#!/bin/sh\nulimit -v 300000\nexec \"$PYRELEASE\" \"$@\"\n";

#[test]
fn a_file_that_unpacks_to_more_than_there_is_memory() {
    let mut seen = Transcript::named("prepare/hostile");
    let forge = Forge::new();
    let (folder, limited) = (forge.checkout("publishing"), forge.path("limited"));
    fs_err::write(&limited, LIMITED).unwrap();
    duct::cmd!("chmod", "+x", &limited).run().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/release/prepare/hostile_run.py");
    for what in ["name", "journal"] {
        let file = forge.path("run.tar.gz");
        Python::get().run(forge.local.project.sandbox().root(), &[text(&script), text(&file), what]);
        assert!(fs_err::metadata(&file).unwrap().len() < 2 << 20);
        for command in ["publish --yes", "resume --yes --import"] {
            let job = forge.publishing_job(&folder, command).arg(&file).program(&limited);
            seen.add_error(&job.env("PYRELEASE", env!("CARGO_BIN_EXE_pyrelease")).code(3));
        }
    }
    forge.assert_untouched(&folder);
    seen.assert();
}
