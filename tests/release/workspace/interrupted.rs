//! A release of several packages that is killed can be undone, or finished: never is one public whose requirement is not.

use pyrelease_test_support::{Asked, Config, IndexServer, Proxy, Trouble};

use super::{QUICK, change, three};
use crate::release::drill::converges;

const STAGES: &str = "stages = [\"changelog\", \"version\", \"tag\", \"build\", \"check\", \"testpypi\", \"push\", \"pypi\"]\n\n[workspace]\n";

#[test]
fn killed_anywhere_it_converges() {
    let project = three().config(&format!("{STAGES}{QUICK}")).build();
    change(&project, "core");
    let report = converges(&project, "", 17);
    assert!(report["points"].as_array().is_none_or(|points| points.len() > 20), "{report:#}");
}

#[test]
fn after_the_first_public_file_resume_completes_all() {
    let (server, rehearsal) = (IndexServer::pypiserver(), IndexServer::pypiserver());
    let proxy = Proxy::before(&server.upload_url(), &server.simple_url());
    let config = Config::default()
        .server("testpypi", &rehearsal.upload_url(), &rehearsal.simple_url())
        .server("pypi", &proxy.upload_url(), &proxy.simple_url())
        .lines(&format!("\n[workspace]\n{QUICK}"));
    let project = three().config(&config).build();
    let run = |command: &str| {
        let run = project.pyrelease(command).env("PYRELEASE_TOKEN_PYPI", server.password().reveal());
        run.env("PYRELEASE_TOKEN_TESTPYPI", rehearsal.password().reveal())
    };
    change(&project, "core");
    // The first file of the second member is refused, again and again.
    proxy.ahead(Asked::Upload, [None, None, Some(Trouble::Failure(400))]);
    let stopped = run("run --yes").code(4).stderr().to_owned();
    assert!(
        stopped.contains("cli: ") && stopped.contains("finish the release with `pyrelease resume`"),
        "{stopped}"
    );
    assert_eq!((server.files("core").len(), server.files("cli").len()), (2, 0));
    let status = run("status --format json").code(0).json();
    assert_eq!(status["next"], serde_json::json!(["pyrelease resume"]));
    run("rollback --yes").run().code_in(&[3, 4]);
    run("resume --yes").code(0);
    assert_eq!((server.files("core").len(), server.files("cli").len()), (2, 2));
    assert_eq!(server.files("cli"), rehearsal.files("cli"));
    project.assert_tree_clean();
}
