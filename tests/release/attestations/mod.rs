//! Releases with attestations: signed once, verified by PyPI's own library, and left out or insisted on in an outage.

mod scene;
mod workflow;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use pyrelease_test_support::{Config, Outcome, Transcript};
use serde_json::{Value, json};

use super::drilled::text;
use super::quick;

use scene::{STAGES, Scene, WORKFLOW, tools};

const PUBLISH: &str = "https://docs.pypi.org/attestations/publish/v1";
const FILES: [&str; 2] = ["demo-1.1.0-py3-none-any.whl", "demo-1.1.0.tar.gz"];

/// Verifies the provenance that an index serves, with PyPI's library: its arguments are the trust config, the files'
/// names and hashes, and standard input has the provenance.
const VERIFY: &str = "
import json, sys
from pypi_attestations import Distribution, Provenance
from sigstore.models import ClientTrustConfig
from sigstore.verify import Verifier
root = ClientTrustConfig.from_json(open(sys.argv[1]).read()).trusted_root
Verifier.production = classmethod(lambda cls, *, offline=False: cls(trusted_root=root))
distribution = Distribution(name=sys.argv[2], digest=sys.argv[3])
for bundle in Provenance.model_validate_json(sys.stdin.read()).attestation_bundles:
    for attestation in bundle.attestations:
        print(attestation.verify(bundle.publisher, distribution, offline=True)[0])
";

impl Scene {
    /// What PyPI's library says of a file's provenance on an index.
    fn verified(&self, index: &str, file: &str) -> String {
        let index = if index == "pypi" { &self.local.public } else { &self.local.rehearsal };
        let base = index.upload_url().replace("/legacy/", "");
        let provenance = duct::cmd!(
            tools().python(),
            "-c",
            "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())",
            format!("{base}/integrity/demo/1.1.0/{file}/provenance")
        );
        let verify = duct::cmd!(
            tools().python(),
            "-c",
            VERIFY,
            self.sigstore.trust_config(),
            file,
            &index.files()[file]
        );
        provenance.pipe(verify).stderr_capture().read().expect("it verifies")
    }
}

/// An attestation from GitHub Actions that PyPI has, its log entry, and the keys of the public instance: without the
/// network.
#[test]
fn an_attestation_of_the_public_instance_verifies_offline() {
    const NAME: &str = "pypi_attestations-0.0.19.tar.gz";
    const SHA256: &str = "9bb1add04b1b4e182be6b0b80931593f7a291eb49d69b4fd728a5d4cbcdc4bd3";
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = folder.join("tests/data").join(format!("{NAME}.publish.attestation"));
    let script = folder.join("templates/tools/attest.py");
    let project = quick().build();
    let python = tools().python().to_owned();
    let verify = |sha256: &str, publisher: Value| -> Value {
        let files = json!([{ "name": NAME, "sha256": sha256, "path": path }]);
        let request = json!({ "files": files, "publisher": publisher });
        let input = project.sandbox().root().join("request.json");
        fs_err::write(&input, format!("{request}\n")).expect("a file");
        // Nothing answers there.
        let variables = [("HTTPS_PROXY", "http://127.0.0.1:9")];
        let arguments = ["-c", "exec \"$0\" -I \"$1\" < \"$2\"", text(&python), text(&script), text(&input)];
        let command =
            project.sandbox().command_with(project.repository(), "sh", &arguments, &variables).stderr_null();
        serde_json::from_str(&command.read().expect("a reply")).expect("a reply in JSON")
    };
    let publisher = |workflow: &str| json!({ "kind": "GitHub", "repository": "trailofbits/pypi-attestations", "workflow": workflow });
    let verified = verify(SHA256, publisher("release.yml"));
    assert_eq!(verified["kind"], Value::Null, "{verified}");
    assert_eq!(verified["log_index"], 153_454_663);
    for (sha256, publisher, words) in [
        (SHA256, publisher("other.yml"), "does not match expected Trusted Publisher"),
        (&"0".repeat(64), publisher("release.yml"), "subject does not match distribution digest"),
    ] {
        let refused = verify(sha256, publisher);
        assert_eq!(refused["kind"], "unverified");
        assert!(refused["error"].as_str().is_some_and(|error| error.contains(words)), "{refused}");
    }
}

/// `check` verifies what lies beside the files, whoever signed it.
#[test]
fn check_verifies_the_attestations_beside_the_files() {
    let mut seen = Transcript::named("attestations/check-verifies-the-attestations-beside-the-files");
    let scene = Scene::new(SHORT, "required");
    scene.pyrelease("run minor --yes").code(0);
    let files = text(&scene.dist()).to_owned();
    let check = |code| scene.pyrelease(&format!("check {files}")).code(code);
    seen.add_stdout(&check(0));
    let attestation = scene.attestation(FILES[0]);
    let sound = fs_err::read_to_string(&attestation).expect("an attestation");
    let of_other = fs_err::read_to_string(scene.attestation(FILES[1])).expect("an attestation");
    let mut changed: Value = serde_json::from_str(&sound).expect("JSON");
    changed["envelope"]["signature"] =
        serde_json::from_str::<Value>(&of_other).expect("JSON")["envelope"]["signature"].clone();
    for (heading, bytes) in [
        ("empty", String::new()),
        ("of another file", of_other),
        ("another signature", changed.to_string()),
        ("huge", " ".repeat(2 << 20)),
    ] {
        fs_err::write(&attestation, bytes).expect("our own file");
        seen.heading(heading);
        seen.add_stdout(&check(3));
    }
    fs_err::write(&attestation, sound).expect("our own file");
    seen.heading("no library");
    let without = scene.pyrelease(&format!("check {files}")).env("PYRELEASE_PYTHON", "no-such-python");
    seen.add_stdout(&without.code(0));
    seen.assert();
}

#[test]
fn a_release_is_signed_once_for_both_indexes() {
    let mut seen = Transcript::named("attestations/a-release-is-signed-once-for-both-indexes");
    let scene = Scene::new(STAGES, "required");
    seen.add(&scene.pyrelease("run minor --dry-run").code(0));
    assert_eq!(scene.signed(), [""; 0], "a dry run signs nothing");
    seen.add(&scene.pyrelease("run minor --yes").code(0));
    assert_eq!(scene.signed(), FILES);
    let entries = scene.sigstore.entries();
    assert_eq!(entries[0]["verifier"], entries[1]["verifier"], "one certificate for all");
    for index in ["testpypi", "pypi"] {
        for file in FILES {
            assert_eq!(scene.verified(index, file), PUBLISH);
        }
    }
    let journal = fs_err::read_to_string(scene.dist().with_file_name("journal.jsonl")).expect("a journal");
    let signer = format!("signed by https://github.com/{WORKFLOW}: {} (sha256 ", FILES[0]);
    assert!(journal.contains(&signer) && journal.contains(") as entry 1\""), "{journal}");
    seen.add(&scene.pyrelease("status").code(0));
    seen.assert();
}

#[test]
fn a_pipeline_of_gitlab_signs_with_an_identity_of_its_own() {
    let scene = Scene::new(SHORT, "required");
    scene.pyrelease_on_gitlab("run minor --yes").code(0);
    assert_eq!(scene.signed(), FILES);
    assert_eq!(scene.verified("pypi", FILES[0]), PUBLISH);
}

#[test]
fn in_an_outage_a_release_goes_on_without_or_stops_as_configured() {
    let mut seen = Transcript::named("attestations/in-an-outage-a-release-goes-on-without-or-stops");
    let scene = Scene::new(SHORT, "required");
    let before = scene.project.snapshot();
    for service in ["fulcio", "rekor"] {
        scene.sigstore.answers(&json!({ service: 503 }));
        seen.add_error(&scene.pyrelease("run minor --yes").code(1));
    }
    scene.project.assert_unchanged(&before);
    assert!(scene.local.public.files().is_empty());
    let scene = Scene::new(SHORT, "auto");
    scene.sigstore.answers(&json!({ "rekor": 502 }));
    seen.add(&scene.pyrelease("run minor --yes").code(0));
    assert_eq!(scene.local.public.files().len(), 2);
    seen.assert();
}

#[test]
fn a_short_outage_is_waited_for() {
    let scene = Scene::new(SHORT, "required");
    scene.sigstore.answers(&json!({ "rekor": 503, "times": 1 }));
    let outcome = scene.pyrelease("run minor --yes").env("PYRELEASE_SIGSTORE_PATIENCE", "60").code(0);
    assert!(outcome.stderr().contains("trying again in 2 s"), "{outcome}");
    assert_eq!(scene.signed(), FILES);
}

/// Whatever is wrong with what was signed is found before an index gets anything.
#[test]
fn what_the_index_would_refuse_is_found_before() {
    let mut seen = Transcript::named("attestations/what-the-index-would-refuse-is-found-before");
    let scene = Scene::new(SHORT, "required");
    let before = scene.project.snapshot();
    for (heading, mode) in [
        ("another repository", json!({ "claims": { "repository": "octo/fork" } })),
        ("another workflow", json!({ "claims": { "workflow_ref": WORKFLOW.replace("release", "other") } })),
        ("an expired certificate", json!({ "expired": true })),
    ] {
        scene.sigstore.answers(&mode);
        seen.heading(heading);
        seen.add_error(&scene.pyrelease("run minor --yes").code(1));
    }
    scene.sigstore.answers(&json!({}));
    let entries = scene.signed().len();
    scene.claim("workflow_ref", json!(WORKFLOW.replace("release", "caller")));
    seen.heading("a reusable workflow");
    seen.add_error(&scene.pyrelease("run minor --yes").code(1));
    assert_eq!(scene.signed().len(), entries, "nothing is signed that cannot be used");
    scene.project.assert_unchanged(&before);
    assert!(scene.local.public.files().is_empty());
    seen.assert();
}

#[test]
fn a_private_repository_is_named_in_the_log_on_request_only() {
    let mut seen = Transcript::named("attestations/a-private-repository-is-named-on-request-only");
    let scene = Scene::new(SHORT, "auto");
    scene.claim("repository_visibility", json!("private"));
    seen.add(&scene.pyrelease("run minor --yes").code(0));
    assert_eq!(scene.signed(), [""; 0]);
    let scene = Scene::new(SHORT, "required");
    scene.claim("repository_visibility", json!("private"));
    scene.pyrelease("run minor --yes").code(0);
    assert_eq!(scene.signed(), FILES);
    seen.assert();
}

/// A release without a rehearsal, which takes less time
const SHORT: &str = "version tag build pypi";

/// The number of the point at which a release with the stages [`SHORT`] is about to upload.
fn point() -> usize {
    static POINT: OnceLock<usize> = OnceLock::new();
    let find = || {
        let scene = Scene::new(SHORT, "required");
        let list = scene.project.sandbox().root().join("points");
        let drill = format!("list:{}", list.display());
        scene.pyrelease("run minor --yes").env("PYRELEASE_DRILL", drill).code(0);
        let text = fs_err::read_to_string(list).expect("the list of points");
        let is_upload = |line: &str| line.contains("before-record") && line.contains("intent: demo-1.1.0");
        text.lines().position(is_upload).unwrap_or_else(|| panic!("no upload in {text}")) + 1
    };
    *POINT.get_or_init(find)
}

impl Scene {
    /// A release that was killed so many points before it uploads, when all is signed.
    fn killed(back: usize) -> Self {
        let scene = Self::new(SHORT, "required");
        let drill = format!("kill:{}", point() - back);
        let outcome = scene.pyrelease("run minor --yes").env("PYRELEASE_DRILL", drill).run();
        assert_eq!(outcome.status(), -1, "{outcome}");
        assert_eq!(scene.signed(), FILES);
        assert!(scene.local.public.files().is_empty());
        scene
    }

    fn attestation(&self, file: &str) -> PathBuf {
        self.dist().join(format!("{file}.publish.attestation"))
    }
}

#[test]
fn a_killed_release_is_not_signed_again() {
    // Before the journal says that it is signed
    let scene = Scene::killed(2);
    scene.pyrelease("resume --yes").code(0);
    assert_eq!(scene.signed(), FILES);
    assert_eq!(scene.verified("pypi", FILES[0]), PUBLISH);
}

#[test]
fn an_attestation_that_was_lost_is_made_again() {
    for lost in [&FILES[1..], &FILES] {
        let scene = Scene::killed(0);
        lost.iter().for_each(|file| fs_err::remove_file(scene.attestation(file)).expect("our own file"));
        scene.pyrelease("resume --yes").code(0);
        assert_eq!(scene.signed(), [&FILES, lost].concat());
        assert_eq!(scene.verified("pypi", FILES[1]), PUBLISH);
    }
}

#[test]
fn an_attestation_that_was_changed_is_not_sent_and_the_log_keeps_its_entry() {
    let mut seen = Transcript::named("attestations/an-attestation-that-was-changed-is-not-sent");
    let scene = Scene::killed(0);
    seen.add(&scene.pyrelease("status").run());
    // Somebody writes to an attestation meanwhile.
    let attestation = scene.attestation(FILES[0]);
    let text = fs_err::read_to_string(&attestation).expect("an attestation");
    let mut changed: Value = serde_json::from_str(&text).expect("JSON");
    changed["envelope"]["signature"] = json!("MEUCIQ==");
    fs_err::write(&attestation, changed.to_string()).expect("our own file");
    seen.add(&scene.pyrelease("resume --yes").code(1));
    assert_eq!(scene.project.git(&["tag", "--list"]), "v1.0.0");
    assert!(scene.local.public.files().is_empty());
    seen.assert();
}

/// `upload` sends what lies beside the files, and signs nothing.
#[test]
fn upload_refuses_a_file_without_an_attestation_where_they_are_required() {
    let mut seen = Transcript::named("attestations/upload-refuses-a-file-without-an-attestation");
    let scene = Scene::killed(0);
    let [wheel, sdist] = FILES.map(|file| scene.dist().join(file));
    let upload = || scene.pyrelease("upload --index pypi --yes").arg(&wheel).arg(&sdist);
    let token = secrecy::ExposeSecret::expose_secret(&scene.local.public.token).to_owned();
    seen.add_error(&upload().env("PYRELEASE_TOKEN_PYPI", token).code(3));
    let (kept, lost) = (scene.attestation(FILES[1]), scene.attestation("kept"));
    fs_err::rename(&kept, &lost).expect("our own file");
    seen.add_error(&upload().code(3));
    fs_err::rename(&lost, &kept).expect("our own file");
    assert!(scene.local.public.files().is_empty());
    upload().code(0);
    assert_eq!(scene.signed(), FILES);
    assert_eq!(scene.verified("pypi", FILES[1]), PUBLISH);
    seen.assert();
}

/// Attestations move with an exported run.
#[test]
fn a_run_that_is_finished_elsewhere_is_not_signed_again() {
    let scene = Scene::killed(0);
    let (project, root) = (&scene.project, scene.project.sandbox().root());
    let (clone, file) = (root.join("clone"), root.join("run.tar.gz"));
    project.git(&["clone", "--quiet", text(project.remote().path()), text(&clone)]);
    scene.pyrelease("status --export").arg(&file).code(0);
    scene.pyrelease("resume --yes --import").arg(&file).from(&clone).code(0);
    assert_eq!(scene.signed(), FILES);
    assert_eq!(scene.verified("pypi", FILES[1]), PUBLISH);
}

impl Scene {
    /// A release that a job has prepared and another published as far as TestPyPI; returns what publishes it.
    fn rehearsed(&self) -> impl Fn(&str) -> Outcome {
        let project = &self.project;
        let stop = Config::default().stage("go").set("run", ["sh", "-c", "test -n \"$GO\""]);
        let config = project.read("release.toml");
        project.write("release.toml", &format!("{config}\n{}", &*stop.set("reach", "rehearsal")));
        project.commit("Stop after TestPyPI");
        project.git(&["push", "--quiet"]);
        let root = project.sandbox().root();
        let file = root.join("run.tar.gz");
        self.pyrelease("prepare minor --yes --out").arg(&file).code(0);
        let publish = move |go: &str| {
            let clone = root.join(format!("a clone to publish from{go}"));
            project.git(&["clone", "--quiet", "--no-tags", text(project.remote().path()), text(&clone)]);
            self.pyrelease("publish --yes").arg(&file).from(&clone).env("GO", go).run()
        };
        let stopped = publish("");
        assert_eq!((stopped.status(), self.signed().len()), (1, 2), "{stopped}");
        assert!(self.local.public.files().is_empty());
        publish
    }
}

#[test]
fn a_job_that_is_run_again_signs_nothing_that_an_index_serves_attestations_of() {
    let scene = Scene::new("version tag build check testpypi go pypi", "required");
    let again = scene.rehearsed()("on");
    assert_eq!(again.status(), 0, "{again}");
    assert_eq!(scene.signed(), FILES, "{again}");
    for file in FILES {
        assert_eq!(scene.verified("pypi", file), PUBLISH);
    }
}

/// What an index serves is verified before it is used.
#[test]
fn a_served_attestation_that_is_not_valid_is_not_used_again() {
    let scene = Scene::new("version tag build check testpypi go pypi", "required");
    let publish = scene.rehearsed();
    let served = scene.local.rehearsal.record(FILES[0]).with_extension("attested");
    let text = fs_err::read_to_string(&served).expect("its provenance");
    let mut provenance: Value = serde_json::from_str(&text).expect("JSON");
    provenance["attestation_bundles"][0]["attestations"][0]["envelope"]["signature"] = json!("MEUCIQ==");
    fs_err::write(&served, provenance.to_string()).expect("a file of the index");
    let again = publish("on");
    assert_eq!(again.status(), 0, "{again}");
    assert_eq!(scene.signed(), [&FILES[..], &FILES[..1]].concat(), "{again}");
    for file in FILES {
        assert_eq!(scene.verified("pypi", file), PUBLISH);
    }
}

/// A job without an identity, a Python or a trust config that can be used is told before anything happens.
#[cfg(unix)]
#[test]
fn what_signing_lacks_is_said_in_the_preflight() {
    use std::os::unix::fs::PermissionsExt;
    let mut seen = Transcript::named("attestations/what-signing-lacks-is-said-in-the-preflight");
    let answer = json!({
        "path": "/usr/bin/python3", "version": "3.9.2", "platform": "x", "abi": "y", "major": 3, "minor": 9
    });
    let old = format!("#!/bin/sh\necho '{answer}'\n");
    for attestations in ["required", "auto"] {
        let scene = Scene::new(SHORT, attestations);
        let python = scene.project.sandbox().root().join("python3.9");
        fs_err::write(&python, &old).expect("a script");
        fs_err::set_permissions(&python, PermissionsExt::from_mode(0o755)).expect("our own file");
        let run = || scene.pyrelease("run minor --dry-run");
        let code = if attestations == "required" { 3 } else { 0 };
        seen.heading(&format!("{attestations}: an old Python"));
        seen.add_messages(&run().env("PYRELEASE_PYTHON", &python).code(code));
        for (name, value) in [
            ("PYRELEASE_SIGSTORE_TRUST_CONFIG", "no-such-file"),
            ("PYRELEASE_SIGSTORE_PATIENCE", "5 minutes"),
        ] {
            seen.heading(&format!("{attestations}: {name}"));
            seen.add_messages(&run().env(name, value).code(code));
        }
        seen.heading(&format!("{attestations}: a token"));
        let token = secrecy::ExposeSecret::expose_secret(&scene.local.public.token).to_owned();
        seen.add_messages(&run().env("PYRELEASE_TOKEN_PYPI", token).code(code));
        seen.heading(&format!("{attestations}: no identity for the audience"));
        let gitlab = scene.project.pyrelease("run minor --dry-run").env("PYPI_ID_TOKEN", "a.e30.b");
        seen.add_messages(&gitlab.code(code));
    }
    seen.assert();
}
