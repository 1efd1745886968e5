//! `pyrelease propose`: a pull or merge request with changelog and version, which `run` releases when it is merged.

use pyrelease_test_support::{Config, Transcript};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::Scene;
use super::fake::{Fake, Trouble};
use super::gitea::{self, Gitea};
use super::gitlab::{self, GitLab};
use crate::plugin::github::server::{Kept, TOKEN};
use crate::release::ci::machine::Conclusion::{self, Skipped, Success};
use crate::release::ci::machine::Job;
use crate::release::ci::runner::Runner;
use crate::release::json::conforms;
use crate::release::workspace::{change, three};

const STAGES: &str = "changelog version tag push";
const BRANCH: &str = "refs/heads/release/1.1.0";
const WORKFLOW: &str = ".github/workflows/release.yml";

fn scene<F: Fake>(kind: &str, repository: &str, token: &'static str) -> Scene<F> {
    Scene::of(STAGES, kind, repository, token, &Config::default())
}

fn github() -> Scene<Kept> {
    scene("github", "o/r", TOKEN)
}

/// The remote takes no pushes to `main`, as a protected branch.
fn protect<F: Fake>(scene: &Scene<F>) {
    scene
        .local
        .project
        .remote()
        .hook("update", "[ \"$1\" != refs/heads/main ] || { echo protected; exit 1; }");
}

/// Adds an entry to the changelog on `main`, here and at the remote.
fn add_entry<F: Fake>(scene: &Scene<F>, entry: &str) {
    let project = &scene.local.project;
    let changelog = project.read("CHANGELOG.md");
    project
        .write("CHANGELOG.md", &changelog.replacen("### Added\n\n", &format!("### Added\n\n- {entry}\n"), 1));
    project.commit("Add an entry");
    project.git(&["push", "--quiet"]);
}

#[test]
fn a_merged_proposal_is_released_past_a_protected_branch() {
    let mut seen = Transcript::named("forge/a-merged-proposal-is-released-past-a-protected-branch");
    let scene = github();
    protect(&scene);
    let project = &scene.local.project;
    project.write("README.md", "# edited meanwhile\n");
    let (mut refs, head) = (project.refs(), project.head());
    seen.add(&scene.pyrelease("propose minor --dry-run").code(0));
    assert!(!project.remote_refs().contains_key(BRANCH) && scene.forge.kept().pulls.is_empty());
    seen.add(&scene.pyrelease("propose minor --yes").code(0));
    // Nothing here has changed, except that git knows of the remote's branch.
    refs.insert("refs/remotes/origin/release/1.1.0".to_owned(), project.remote_refs()[BRANCH].clone());
    assert_eq!((project.refs(), project.head(), project.branch()), (refs, head.clone(), "main".to_owned()));
    assert_eq!(project.read("README.md"), "# edited meanwhile\n");
    assert!(project.read("CHANGELOG.md").contains("[Unreleased]"));
    project.git(&["checkout", "--", "README.md"]);
    let remote = project.remote();
    assert_eq!(remote.git(&["rev-parse", "release/1.1.0^"]).trim(), head);
    let changed = remote.git(&["diff", "--name-only", "main", "release/1.1.0"]);
    assert_eq!(changed.trim(), "CHANGELOG.md\npyproject.toml");
    let pull = scene.forge.kept().pulls[0].clone();
    assert_eq!((&pull["base"]["ref"], &pull["title"]), (&json!("main"), &json!("Release demo 1.1.0")));
    assert!(
        pull["body"].as_str().unwrap().starts_with("### Added\n\n- Greetings in *any* language."),
        "{pull}"
    );

    // Somebody merges it on the forge.
    let merged = remote.git(&[
        "commit-tree",
        "release/1.1.0^{tree}",
        "-p",
        "main",
        "-p",
        "release/1.1.0",
        "-m",
        "Merge",
    ]);
    remote.git(&["update-ref", "refs/heads/main", merged.trim()]);
    project.git(&["pull", "--quiet"]);
    let config = project.read("release.toml");
    assert!(config.contains("\"tag\", \"push\""), "{config}");
    seen.add(&scene.pyrelease("run --yes").code(0));
    assert_eq!(project.remote_refs()["refs/heads/main"], merged.trim());
    assert_eq!(project.tag_target("v1.1.0"), merged.trim());
    assert!(project.remote_refs().contains_key("refs/tags/v1.1.0"));
    seen.assert();
}

/// Proposes, and proposes again when the base has moved: it is the same request.
fn updates<F: Fake>(kind: &str, repository: &str, token: &'static str, requests: impl Fn(&F) -> Vec<Value>) {
    let scene = scene::<F>(kind, repository, token);
    let project = &scene.local.project;
    let opened = scene.pyrelease("propose minor --yes --format json").code(0);
    let event = conforms("propose", &opened).pop().expect("what was proposed");
    assert_eq!((&event["event"], &event["is_new"]), (&json!("proposed"), &json!(true)), "{event}");
    let first = project.remote_refs()[BRANCH].clone();
    assert_eq!(event["commit"], *first);
    scene.pyrelease("propose minor --yes").code(0);
    assert_eq!(project.remote_refs()[BRANCH], first, "nothing has changed");
    add_entry(&scene, "Something more.");
    let updated = scene.pyrelease("propose minor --yes").code(0);
    assert!(updated.stderr().contains("Updated demo 1.1.0 on release/1.1.0"), "{updated}");
    let second = project.remote_refs()[BRANCH].clone();
    let remote = project.remote();
    assert_eq!(remote.git(&["rev-parse", "release/1.1.0^"]).trim(), project.head());
    assert_ne!(first, second);
    let all = requests(&scene.forge.kept());
    let [request] = &all[..] else { panic!("{all:?}") };
    let body = if request["body"].is_string() { &request["body"] } else { &request["description"] };
    assert!(body.as_str().is_some_and(|body| body.contains("- Something more.")), "{request}");
    assert_eq!(
        event["url"],
        if request["web_url"].is_string() { request["web_url"].clone() } else { request["html_url"].clone() }
    );
}

#[test]
fn a_second_proposal_updates_a_pull_request_on_github() {
    updates::<Kept>("github", "o/r", TOKEN, |kept| kept.pulls.clone());
}

#[test]
fn a_second_proposal_updates_a_pull_request_on_gitea() {
    updates::<Gitea>("gitea", "o/r", gitea::TOKEN, |kept| kept.pulls.clone());
}

#[test]
fn a_second_proposal_updates_a_merge_request_on_gitlab() {
    updates::<GitLab>("gitlab", "group/sub/r", gitlab::TOKEN, |kept| kept.requests.clone());
}

#[test]
fn what_stands_in_the_way_is_left_alone() {
    let mut seen = Transcript::named("forge/what-stands-in-the-way-of-a-proposal-is-left-alone");
    let scene = github();
    let project = &scene.local.project;
    // The forge refuses the request, or does not answer it: the branch is not left behind, or may be needed.
    scene.forge.trouble(Trouble::new("pulls/create", 403, "Resource not accessible by integration"));
    seen.add_error(&scene.pyrelease("propose minor --yes --quiet").code(1));
    assert!(!project.remote_refs().contains_key(BRANCH));
    scene.forge.trouble(Trouble::new("pulls/create", 502, "lost"));
    seen.add_error(&scene.pyrelease("propose minor --yes --quiet").code(4));
    assert!(project.remote_refs().contains_key(BRANCH) && scene.forge.kept().pulls.is_empty());
    scene.pyrelease("propose minor --yes").code(0);
    assert_eq!(scene.forge.kept().pulls.len(), 1);

    // Somebody has pushed to the branch, in a commit of their own, or amended ours.
    let remote = project.remote();
    let ours = project.remote_refs()[BRANCH].clone();
    let tree = remote.git(&["rev-parse", "main^{tree}"]);
    let message = remote.git(&["show", "--no-patch", "--format=%B", &ours]);
    let same = remote.git(&["rev-parse", &format!("{ours}^{{tree}}")]);
    for (tree, parent) in [(&tree, ours.as_str()), (&tree, "main"), (&same, ours.as_str())] {
        let theirs = remote.git(&["commit-tree", tree.trim(), "-p", parent, "-m", message.trim()]);
        remote.git(&["update-ref", BRANCH, theirs.trim()]);
        seen.add_error(&scene.pyrelease("propose minor --yes --quiet").code(3));
        assert_eq!(project.remote_refs()[BRANCH], theirs.trim());
    }
    remote.git(&["update-ref", BRANCH, &ours]);

    // Commits that are not at the remote, no token, and a branch that is not pushed anywhere.
    project.write("README.md", "# Demo\n");
    project.commit("Not pushed");
    seen.add_error(&scene.pyrelease("propose minor --yes --quiet").code(3));
    project.git(&["push", "--quiet"]);
    remote.git(&["tag", "v1.1.0", "main"]);
    seen.add_error(&scene.pyrelease("propose minor --yes --quiet").code(3));
    remote.git(&["tag", "--delete", "v1.1.0"]);
    seen.add_error(&scene.local.pyrelease("propose minor --yes --quiet").code(3));
    seen.add_error(&scene.pyrelease("propose minor --quiet").code(2));
    project.git(&["checkout", "--quiet", "-b", "feature"]);
    seen.add_error(&scene.pyrelease("propose minor --yes --quiet").code(3));
    project.git(&["checkout", "--quiet", "--detach"]);
    seen.add_error(&scene.pyrelease("propose minor --yes --quiet").code(3));
    seen.assert();
}

/// The runner of the workflow of `--flow merge` for what happens at the forge.
fn runner(scene: &Scene<Kept>, event: &str, bump: &str) -> Runner {
    let project = &scene.local.project;
    let (workflow, remote) = (project.read(WORKFLOW), project.remote());
    let mut runner = Runner::new(remote.path(), &workflow, event, "refs/heads/main");
    runner.token = TOKEN.to_owned();
    runner.inputs.insert("bump".to_owned(), json!(bump));
    let token = scene.local.public.token.expose_secret().to_owned();
    runner.secrets.insert("PYRELEASE_TOKEN_PYPI".to_owned(), token);
    for job in ["propose", "publish"] {
        runner.more.insert((job.to_owned(), "GITHUB_SERVER_URL".to_owned()), scene.forge.url());
    }
    runner
}

/// Brings the workflow to the forge, and protects `main` then.
fn with_workflow(scene: &Scene<Kept>) {
    let project = &scene.local.project;
    project.pyrelease("ci github --flow merge --yes").code(0);
    project.commit("Release from CI");
    project.git(&["push", "--quiet"]);
    protect(scene);
}

fn ended(jobs: &[Job]) -> Vec<Conclusion> {
    jobs.iter().map(|job| job.conclusion).collect()
}

#[test]
fn the_workflow_proposes_and_releases_what_is_merged() {
    let scene: Scene<Kept> =
        Scene::of("changelog version tag build push pypi", "github", "o/r", TOKEN, &Config::default());
    with_workflow(&scene);
    let project = &scene.local.project;
    let at = |event: &str| runner(&scene, event, "minor");
    let jobs = at("workflow_dispatch").run(&[]);
    assert_eq!(ended(&jobs), [Success, Skipped, Skipped], "{}", jobs[0].log);
    assert_eq!(scene.forge.kept().pulls.len(), 1);
    assert_eq!(
        project.remote().git(&["log", "-1", "--format=%an", "release/1.1.0"]).trim(),
        "github-actions[bot]"
    );

    // Somebody merges it on the forge, which starts the workflow.
    project.remote().git(&["update-ref", "refs/heads/main", "refs/heads/release/1.1.0"]);
    let jobs = at("push").run(&[]);
    assert_eq!(ended(&jobs), [Skipped, Success, Success], "{}{}", jobs[1].log, jobs[2].log);
    assert_eq!(scene.local.public.files().len(), 2);
    assert!(project.remote_refs().contains_key("refs/tags/v1.1.0"));
}

#[test]
fn the_workflow_proposes_members_and_releases_what_is_merged() {
    let at = ("github", "o/r", TOKEN);
    let stages = "changelog version tag build push pypi";
    let scene: Scene<Kept> = Scene::with(three(), stages, at, &Config::default());
    let project = &scene.local.project;
    project.write("release.toml", &format!("{}\n[workspace]\n", project.read("release.toml")));
    change(project, "core");
    with_workflow(&scene);
    let jobs = runner(&scene, "workflow_dispatch", "").run(&[]);
    assert_eq!(ended(&jobs), [Success, Skipped, Skipped], "{}", jobs[0].log);
    let (remote, branch) = (project.remote(), "release/core-1.1.0-cli-0.3.1");
    let pulls = scene.forge.kept().pulls.clone();
    let [pull] = &pulls[..] else { panic!("{pulls:?}") };
    assert_eq!(
        (&pull["title"], &pull["head"]["ref"]),
        (&json!("Release core 1.1.0, cli 0.3.1"), &json!(branch))
    );
    let body = pull["body"].as_str().expect("a text");
    for part in ["## core 1.1.0\n\n### Added\n\n- A greeting.", "## cli 0.3.1\n\n", "- Require `core 1.1.0`"]
    {
        assert!(body.contains(part), "{body}");
    }
    let changed = remote.git(&["diff", "--name-only", "main", branch]);
    let files = [
        "packages/cli/CHANGELOG.md",
        "packages/cli/pyproject.toml",
        "packages/core/CHANGELOG.md",
        "packages/core/pyproject.toml",
    ];
    assert_eq!(changed.split_whitespace().collect::<Vec<_>>(), files);

    // Proposed again with more members, it is another request; as before, the same.
    let jobs = runner(&scene, "workflow_dispatch", "").run(&["propose"]);
    assert_eq!((ended(&jobs), scene.forge.kept().pulls.len()), (vec![Success], 1), "{}", jobs[0].log);

    // Somebody merges it on the forge, which starts the workflow; the push of another commit is no release.
    remote.git(&["update-ref", "refs/heads/main", &format!("refs/heads/{branch}")]);
    let jobs = runner(&scene, "push", "").run(&[]);
    assert_eq!(ended(&jobs), [Skipped, Success, Success], "{}{}", jobs[1].log, jobs[2].log);
    let of = |name: &str| scene.local.public.files_of(name).into_keys().collect::<Vec<_>>();
    assert_eq!(of("core"), ["core-1.1.0-py3-none-any.whl", "core-1.1.0.tar.gz"]);
    assert_eq!(of("cli"), ["cli-0.3.1-py3-none-any.whl", "cli-0.3.1.tar.gz"]);
    assert!(of("app").is_empty());
    let refs = project.remote_refs();
    for tag in ["core-v1.1.0", "cli-v0.3.1"] {
        assert_eq!(remote.git(&["rev-parse", &format!("{tag}^{{commit}}")]).trim(), refs["refs/heads/main"]);
    }
    assert_eq!(ended(&runner(&scene, "push", "").run(&[])), [Skipped, Success, Skipped]);
    // A tag that one of the members would have is taken.
    project.git(&["pull", "--quiet", "--tags", "origin", "main"]);
    remote.git(&["tag", "app-v2.1.0", "main"]);
    let refused = scene.pyrelease("propose cli=minor app=minor --yes").code(3);
    assert!(refused.stderr().contains("tag `app-v2.1.0` already exists"), "{refused}");
}

#[test]
fn a_token_is_not_sent_to_a_host_that_the_project_chose() {
    let config = Config::stages("version tag push forge-release")
        .stage("forge-release")
        .set("forge", "gitlab")
        .set("url", "https://gitlab.attacker.example")
        .set("repository", "o/r");
    let project = crate::release::quick().config(&config).build();
    for variable in ["GITLAB_TOKEN", "PYRELEASE_TOKEN_FORGE"] {
        for command in ["doctor", "run minor --dry-run", "propose minor --yes"] {
            let refused = project.pyrelease(command).env(variable, "glpat-secret").code(3);
            let advice = "set `PYRELEASE_ALLOW_HOSTS=gitlab.attacker.example` besides the token";
            assert!(refused.stderr().contains(advice), "{refused}");
        }
    }
}

#[test]
fn what_would_be_proposed_is_shown_without_a_token() {
    let scene = github();
    let project = &scene.local.project;
    let refs = project.refs();
    let shown = scene.local.pyrelease("propose minor --dry-run").code(0);
    shown.assert_shown("forge/what-would-be-proposed-is-shown-without-a-token");
    scene.local.pyrelease("propose minor --yes").code(3);
    assert_eq!(project.refs(), refs);
}
