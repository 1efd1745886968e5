//! `pyrelease upload`: files that are new, there already, there with other bytes; and nobody to upload as.

use pyrelease::server::{Access, EmbeddedIndex};
use pyrelease_test_support::distribution::{sdist, wheel};
use pyrelease_test_support::{Config, Transcript};
use secrecy::ExposeSecret as _;

use crate::release::quick;

#[test]
fn files_without_a_release() {
    let project = quick().build();
    let folder = project.sandbox().root().join("corp");
    let index = EmbeddedIndex::start(&folder, "corp", Access::Tokens).expect("a free port");
    let token = index.token().expect("it takes tokens");
    let config =
        Config::default().server("corp", &index.upload_url(), &index.simple_url()).set("kind", "public");
    project.write("release.toml", &config);
    let dist = project.folder().join("dist");
    fs_err::create_dir_all(&dist).expect("a folder in the project");
    wheel(&dist, "demo", "1.0.0", "any", "hello");
    sdist(&dist, "demo", "1.0.0", "hello");
    let upload = |args: &str| project.pyrelease(&format!("upload dist --index corp {args}"));
    let with_token = |args: &str| upload(args).env("PYRELEASE_TOKEN_CORP", token.expose_secret());

    let mut seen = Transcript::named("upload");
    seen.heading("nobody to upload as");
    seen.add(&upload("--yes").code(1));
    seen.heading("new files");
    seen.add(&with_token("").code(0));
    seen.heading("the same once more");
    seen.add(&with_token("--yes").code(0));
    seen.heading("other bytes under the same name");
    wheel(&dist, "demo", "1.0.0", "any", "good day");
    seen.add(&with_token("--yes").code(3));
    seen.heading("an index that is not known");
    seen.add(&project.pyrelease("upload dist --index crop --yes").code(2));
    seen.assert();
}
