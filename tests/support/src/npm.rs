//! Downloads packages from npm's registry, with `npm` if it is installed, or else with the same request.

use std::path::Path;

use sha2::{Digest, Sha512};

use crate::base64::encode;
use crate::sandbox::npm_environment;

/// Downloads the file of a package like npm, which respects the variable of another registry
const REQUEST: &str = r#"
import os, sys, urllib.request
package, version = sys.argv[1:]
named = {name.lower(): value for name, value in os.environ.items()}
registry = named.get("npm_config_registry") or "https://registry.npmjs.org/"
name = package.rsplit("/", 1)[-1]
url = "%s/%s/-/%s-%s.tgz" % (registry.rstrip("/"), package, name, version)
with urllib.request.urlopen(url, timeout=180) as reply, open("package.tgz", "wb") as file:
    file.write(reply.read())
"#;

/// The `.tgz` file of a package with this sha512 (base64, as `npm view PACKAGE dist.integrity` prints it).
///
/// # Panics
/// There is no network, or the file has another digest.
pub fn package_of_npm(package: &str, version: &str, sha512: &str) -> Vec<u8> {
    let folder = tempfile::Builder::new().prefix("pyrelease-npm-").tempdir().expect("a temporary folder");
    let place = folder.path().join("package");
    fs_err::create_dir(&place).expect("a folder in a fresh one");
    let has_npm = duct::cmd!("npm", "--version").stdout_null().stderr_null().run().is_ok();
    let fetch = match has_npm {
        true => duct::cmd!("npm", "pack", "--silent", format!("{package}@{version}")),
        false => duct::cmd!("python3", "-c", REQUEST, package, version),
    };
    let fetched = fetch
        .dir(&place)
        .full_env(npm_environment(folder.path()))
        .stdin_null()
        .stderr_to_stdout()
        .stdout_capture()
        .unchecked()
        .run()
        .unwrap_or_else(|error| panic!("{fetch:?} does not run: {error}"));
    assert!(fetched.status.success(), "{fetch:?} failed:\n{}", String::from_utf8_lossy(&fetched.stdout));
    let bytes = only_file(&place);
    let there = encode(&Sha512::digest(&bytes));
    assert_eq!(there, sha512, "{package} {version} is not what it was");
    bytes
}

fn only_file(folder: &Path) -> Vec<u8> {
    let mut files = fs_err::read_dir(folder).expect("our own folder");
    let file = files.next().expect("the file that was fetched").expect("our own folder");
    fs_err::read(file.path()).expect("the file that was fetched")
}
