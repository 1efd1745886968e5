//! The workflow of `pyrelease ci`, whose one job with an identity publishes and attests.

use super::scene::Scene;
use crate::release::ci::machine::Conclusion;
use crate::release::ci::runner::Runner;

#[test]
fn only_the_job_that_publishes_has_an_identity_and_it_attests() {
    let scene = Scene::new("changelog version tag build check testpypi push pypi", "required");
    let project = &scene.project;
    let path = ".github/workflows/release.yml";
    project.pyrelease("ci github --yes").code(0);
    let workflow = project.read(path);
    assert!(!workflow.contains("secrets."), "{workflow}");
    project.commit("Release from CI");
    project.git(&["push", "--quiet"]);

    let mut runner = Runner::new(project.remote().path(), &workflow, "workflow_dispatch", "refs/heads/main");
    runner.inputs.insert("bump".to_owned(), "minor".into());
    runner.inputs.insert("dry-run".to_owned(), false.into());
    runner.identities = Some(scene.identities());
    for (variable, value) in [
        ("PYRELEASE_SIGSTORE_TRUST_CONFIG", scene.sigstore.trust_config().display().to_string()),
        ("PYRELEASE_SIGSTORE_PATIENCE", "0".to_owned()),
    ] {
        runner.more.insert(("publish".to_owned(), variable.to_owned()), value);
    }
    let jobs = runner.run(&[]);
    for job in &jobs {
        assert_eq!(job.conclusion, Conclusion::Success, "{}:\n{}", job.name, job.log);
    }
    assert_eq!(scene.signed().len(), 2);
    assert_eq!(scene.local.public.files().len(), 2);
    assert_eq!(scene.local.public.files(), scene.local.rehearsal.files());
    // A second attempt finds all of it, and signs nothing.
    assert_eq!(runner.run(&["publish"])[0].conclusion, Conclusion::Success);
    assert_eq!(scene.signed().len(), 2);
}
