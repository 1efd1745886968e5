//! The workflow of a workspace: one for all members.

use pyrelease_test_support::Project;

use super::machine::{Conclusion, Job, all_succeed, conclusions};
use super::played::{dispatched_with, forge};
use super::runner::Runner;
use super::{GITHUB, GITLAB, complaints};
use crate::release::drilled::Local;
use crate::release::workspace::{LOCAL, change, compile, three, workspace};

const WORKFLOW: &str = ".github/workflows/release.yml";
const PIPELINE: &str = ".gitlab-ci.yml";

/// Three members at a forge, the last of them private, which are released to PyPI.
fn at(url: &str) -> Project {
    let project = three().config("[workspace]\n\n[member.app]\npublish = false\n").build();
    project.git(&["remote", "set-url", "origin", url]);
    project
}

fn write_both(project: &Project, flow: &str) {
    for forge in ["github", "gitlab"] {
        project.pyrelease(&format!("ci {forge} --flow {flow} --yes")).code(0);
        project.pyrelease(&format!("ci {forge} --check")).code(0);
    }
}

/// Neither the schemas of both forges nor the auditor find anything.
#[track_caller]
fn nothing_is_wrong(project: &Project, flow: &str) {
    let schemas = [
        &["--builtin-schema", "vendor.github-workflows", WORKFLOW][..],
        &["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci", PIPELINE],
    ];
    for arguments in schemas {
        assert_eq!(complaints(project, "check-jsonschema", arguments), None, "{flow}");
    }
    let audit = complaints(project, "zizmor", &["--offline", "--pedantic", ".github"]);
    assert_eq!(audit, None, "{flow}");
}

#[test]
fn auditors_and_schemas_find_nothing() {
    let project = at(GITHUB);
    for flow in ["dispatch", "tag", "merge"] {
        write_both(&project, flow);
        for path in [WORKFLOW, PIPELINE] {
            let text = project.read(path);
            assert!(text.starts_with("# Releases all packages with pyrelease."), "{text}");
            let open = text.lines().find(|line| line.contains('<') && line.contains('>'));
            assert!(
                open.is_none() && !text.contains("#if") && !text.contains("#end"),
                "{flow} {path}:\n{text}"
            );
        }
        nothing_is_wrong(&project, flow);
    }
}

#[test]
fn a_publisher_is_registered_for_each_member_that_is_uploaded() {
    let project = at(GITHUB);
    let outcome = project.pyrelease("ci github --yes --format json").code(0);
    let report = outcome.events().into_iter().find(|event| event["event"] == "ci").expect("a report");
    let publishers = report["publishers"].as_array().expect("publishers");
    let of = |publisher: &serde_json::Value| {
        let field = |at: usize| publisher["fields"][at][1].as_str().expect("a field").to_owned();
        format!(
            "{} {} {}/{} {} {}",
            publisher["index"].as_str().expect("an index"),
            field(0),
            field(1),
            field(2),
            field(3),
            field(4)
        )
    };
    assert_eq!(
        publishers.iter().map(of).collect::<Vec<_>>(),
        [
            "testpypi cli octo/demo release.yml pypi",
            "testpypi core octo/demo release.yml pypi",
            "pypi cli octo/demo release.yml pypi",
            "pypi core octo/demo release.yml pypi",
        ]
    );
    let doctor = project.pyrelease("doctor").env("PYRELEASE_OFFLINE", "1").run();
    for name in ["core", "cli"] {
        let form = format!("PyPI Project Name: {name}, Owner: octo, Repository name: demo");
        assert!(doctor.stderr().contains(&form), "{doctor}");
    }
    assert!(!doctor.stderr().contains("PyPI Project Name: app"), "{doctor}");
}

/// Makes members ones with extension modules.
fn compiled(project: &Project, cibuildwheel: &str, maturin: &str) {
    compile(project, &[cibuildwheel]);
    let path = format!("packages/{maturin}/pyproject.toml");
    let text = project
        .read(&path)
        .replace("build-backend = \"in_tree\"\nbackend-path = [\"backend\"]", "build-backend = \"maturin\"");
    project.write(&path, &text);
    project.commit("Compile with Rust");
}

#[test]
fn auditors_and_schemas_find_nothing_where_members_have_extension_modules() {
    let project = at(GITHUB);
    compiled(&project, "cli", "core");
    for flow in ["dispatch", "tag", "merge"] {
        write_both(&project, flow);
        for path in [WORKFLOW, PIPELINE] {
            let text = project.read(path);
            let open =
                text.lines().find(|line| line.contains('<') && line.contains('>') && !line.contains("<<<"));
            assert!(
                open.is_none() && !text.contains("#if") && !text.contains("#end"),
                "{flow} {path}:\n{text}"
            );
            assert!(text.contains("--sdist-only") && text.contains("\"${ADOPT[@]}\""), "{text}");
        }
        let text = project.read(WORKFLOW);
        assert!(text.contains("needs: [prepare, wheels, maturin-wheels]"), "{text}");
        assert!(
            text.contains("          released wheels cli\n          released maturin-wheels core\n"),
            "{text}"
        );
        assert!(project.read(PIPELINE).contains("for name in cli core; do"));
        nothing_is_wrong(&project, flow);
    }
    // Steps of the user's own stay in the job that they are for.
    let text = project.read(WORKFLOW);
    let place = "      # own steps: before building wheels with maturin\n";
    let own = format!("{place}      - name: Look\n        run: ls source\n");
    project.write(WORKFLOW, &text.replace(place, &own));
    project.pyrelease("ci github --check").code(0);
}

#[test]
fn the_workflow_builds_the_wheels_of_the_members_that_are_released() {
    let local = Local::of(three(), "workspace = {}\n");
    compile(&local.project, &["cli", "app"]);
    change(&local.project, "core");
    let mut runner = dispatched_with(&local, "");
    let jobs = runner.run(&[]);
    all_succeed(&jobs);
    let built = jobs.iter().filter(|job| job.name == "wheels").count();
    assert_eq!(built, 5, "one member on five platforms");
    let of = |name: &str| local.public.files_of(name).len();
    assert_eq!((of("core"), of("cli"), of("app")), (2, 6, 0));
    all_succeed(&runner.run(&["publish"]));

    // Both of them
    let project = &local.project;
    let again = |runner: &mut Runner, words: &str| {
        project.git(&["pull", "--quiet", "--tags", "origin", "main"]);
        runner.inputs.insert("bump".to_owned(), serde_json::json!(words));
        let jobs = runner.run(&[]);
        let built =
            jobs.iter().filter(|job| job.name == "wheels" && job.conclusion == Conclusion::Success).count();
        assert_eq!(jobs.last().map(|job| job.conclusion), Some(Conclusion::Success), "{:?}", jobs.last());
        built
    };
    assert_eq!(again(&mut runner, "cli=minor app=minor"), 10);
    assert_eq!((of("core"), of("cli"), of("app")), (2, 12, 6));
}

#[test]
fn a_release_without_extension_modules_builds_no_wheels() {
    let local = Local::of(three(), "workspace = {}\n");
    compile(&local.project, &["app"]);
    change(&local.project, "core");
    let mut runner = dispatched_with(&local, "");
    let jobs = runner.run(&[]);
    let ended =
        [("prepare", Conclusion::Success), ("wheels", Conclusion::Skipped), ("publish", Conclusion::Success)];
    assert_eq!(conclusions(&jobs), ended, "{:?}", jobs.last());
    assert_eq!(published(&local), ["core-1.1.0-py3-none-any.whl", "cli-0.3.1-py3-none-any.whl"]);
}

#[test]
fn the_workflow_of_a_project_becomes_that_of_its_workspace() {
    let project = at(GITHUB);
    project.pyrelease("ci github --yes").code(0);
    let text = project.read(WORKFLOW);
    project.write(WORKFLOW, &text.replace("# Releases all packages with", "# Releases core with"));
    project.pyrelease("ci github --yes").code(0);
    assert_eq!(project.read(WORKFLOW), text);
    project.write(WORKFLOW, &text.replace("# Releases all packages with", "# Releases other with"));
    let refused = project.pyrelease("ci github --yes").code(3);
    assert!(refused.stderr().contains("releases `other`; it stays as it is"), "{refused}");
}

#[test]
fn one_version_for_all_has_one_pattern() {
    let project = workspace(&[("core", "1.0.0", &[]), ("cli", "1.0.0", &["core==1.0.0"])])
        .config(&format!("{LOCAL}versions = \"locked\"\n"))
        .build();
    project.git(&["remote", "set-url", "origin", GITLAB]);
    for forge in ["github", "gitlab"] {
        project.pyrelease(&format!("ci {forge} --flow tag --yes")).code(0);
    }
    let workflow = project.read(WORKFLOW);
    assert!(workflow.contains("    tags:\n      - \"v[0-9]*\"\n\n"), "{workflow}");
    assert!(project.read(PIPELINE).contains("=~ /^v[0-9].*$/\n"));
}

/// The names of the files that the public index has of each member.
fn published(local: &Local) -> Vec<String> {
    let of = |name: &str| {
        assert_eq!(local.public.files_of(name), local.rehearsal.files_of(name));
        local.public.files_of(name).into_keys().filter(|file| file.ends_with(".whl")).collect::<Vec<_>>()
    };
    ["core", "cli", "app"].into_iter().flat_map(of).collect()
}

#[test]
fn the_dispatched_workflow_releases_the_members_that_are_named() {
    let local = Local::of(three(), "workspace = {}\n");
    change(&local.project, "core");
    let mut runner = dispatched_with(&local, " core=2.0.0  cli=minor ");
    all_succeed(&runner.run(&[]));
    assert_eq!(
        published(&local),
        ["core-2.0.0-py3-none-any.whl", "cli-0.4.0-py3-none-any.whl", "app-2.0.1-py3-none-any.whl"]
    );
    let refs = local.project.remote_refs();
    assert!(
        ["core-v2.0.0", "cli-v0.4.0", "app-v2.0.1"]
            .iter()
            .all(|tag| refs.contains_key(&format!("refs/tags/{tag}")))
    );
    // Run again, it is found to be done.
    all_succeed(&runner.run(&["publish"]));
}

#[test]
fn what_is_put_in_is_no_script_and_no_option() {
    let local = Local::of(three(), "workspace = {}\n");
    change(&local.project, "core");
    let mut runner = dispatched_with(&local, "");
    let texts = ["$(touch hacked)", "--manifest=/etc/passwd", "*"];
    for hostile in texts {
        runner.inputs.insert("bump".to_owned(), serde_json::json!(hostile));
        let jobs = runner.run(&["prepare"]);
        let Job { conclusion, log, .. } = &jobs[0];
        assert!(*conclusion == Conclusion::Failure && log.contains("error: "), "{log}");
        assert!(!log.contains("root:") && !log.contains("release.yml"), "{log}");
    }
    assert!(published(&local).is_empty());
    // Nothing put in: the changelogs decide.
    runner.inputs.insert("bump".to_owned(), serde_json::json!(""));
    all_succeed(&runner.run(&[]));
    assert_eq!(published(&local), ["core-1.1.0-py3-none-any.whl", "cli-0.3.1-py3-none-any.whl"]);
}

#[test]
fn what_is_merged_or_tagged_is_released_and_nothing_else() {
    let local = Local::of(three(), "workspace = {}\n");
    let project = &local.project;
    let mut runner = forge(&local, "merge", "push", "refs/heads/main");
    let nothing = [
        ("propose", Conclusion::Skipped),
        ("prepare", Conclusion::Success),
        ("publish", Conclusion::Skipped),
    ];
    let jobs = runner.run(&[]);
    assert_eq!(conclusions(&jobs), nothing, "{}", jobs[1].log);
    change(project, "core");
    project.pyrelease("bump core=minor --yes").code(0);
    project.commit("Release core");
    project.git(&["push", "-q", "origin", "main"]);
    let jobs = runner.run(&[]);
    assert_eq!(conclusions(&jobs)[2], ("publish", Conclusion::Success), "{}", jobs[2].log);
    assert_eq!(published(&local), ["core-1.1.0-py3-none-any.whl", "cli-0.3.1-py3-none-any.whl"]);
    assert!(project.remote_refs().contains_key("refs/tags/cli-v0.3.1"));
    assert_eq!(conclusions(&runner.run(&[])), nothing);

    // The same members, by the tags of a person.
    project.git(&["fetch", "-q", "--tags"]);
    let mut runner = forge(&local, "tag", "push", "refs/tags/app-v2.1.0");
    let patterns =
        "    tags:\n      - \"app-v[0-9]*\"\n      - \"cli-v[0-9]*\"\n      - \"core-v[0-9]*\"\n\n";
    assert!(project.read(WORKFLOW).contains(patterns), "{}", project.read(WORKFLOW));
    project.pyrelease("bump app=minor --yes").code(0);
    project.commit("Version 2.1.0");
    project.git(&["tag", "-a", "-m", "2.1.0", "app-v2.1.0"]);
    project.git(&["push", "-q", "origin", "main", "app-v2.1.0"]);
    let before = project.remote_refs();
    all_succeed(&runner.run(&[]));
    assert_eq!(published(&local).last().map(String::as_str), Some("app-2.1.0-py3-none-any.whl"));
    assert_eq!(project.remote_refs(), before);
}
