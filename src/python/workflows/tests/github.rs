//! Workflows of GitHub and those like them.

use super::*;

const PUBLISH: &str = "pypa/gh-action-pypi-publish@release/v1";

#[test]
fn a_tag_that_fits_starts_it() {
    use Likelihood::{Maybe, No, Yes};
    for (on, tag, starts) in [
        ("on: push", "v1.0", Yes),
        ("on:\tpush", "v1.0", Yes),
        ("on:\n  push:\n    tags: [\n      'v*',\n    ]", "v1.0", Yes),
        ("on: [pull_request, push]", "v1.0", Yes),
        ("on:\n  push:", "v1.0", Yes),
        ("on: {push: {tags: ['v*']}}", "v1.0", Yes),
        ("\"on\": {push: {tags: 'v*'}}", "1.0", No),
        ("true: {push: {tags: 'v*'}}", "v1.0", Yes),
        ("on: {push: {branches: [main]}}", "v1.0", No),
        ("on: {push: {branches-ignore: [main]}}", "v1.0", No),
        ("on: {push: {branches: [main], tags: ['*']}}", "v1.0", Yes),
        ("on: {push: {paths: [src]}}", "v1.0", Yes),
        ("on: {push: {tags: ['*']}}", "demo/v1.0", No),
        ("on: {push: {tags: ['**']}}", "demo/v1.0", Yes),
        ("on: {push: {tags: ['v*', '!v*rc*']}}", "v1.0rc1", No),
        ("on: {push: {tags: ['v*', '!v*rc*']}}", "v1.0", Yes),
        ("on: {push: {tags: ['!v*rc*', 'v*']}}", "v1.0rc1", Yes),
        ("on: {push: {tags-ignore: ['v*rc*']}}", "v1.0rc1", No),
        ("on: {push: {tags-ignore: ['v*rc*']}}", "v1.0", Yes),
        ("on: {push: {tags: ['v[0-9]+.[0-9]+']}}", "v1.20", Yes),
        ("on: {push: {tags: ['v[0-9]+.[0-9]+']}}", "v1x20", No),
        ("on: {push: {tags: ['v?1.0']}}", "1.0", Yes),
        ("on: {push: {tags: ['v?1.0']}}", "x1.0", No),
        ("on: {push: {tags: ['(']}}", "(", Yes),
        ("on: {push: {tags: ['v[']}}", "v1", Maybe),
        ("on: create", "v1.0", Yes),
        ("on: {release: {types: [published]}}", "v1.0", No),
        ("on: workflow_dispatch", "v1.0", No),
        ("on: {schedule: [{cron: '0 0 * * *'}]}", "v1.0", No),
    ] {
        let step = only(in_workflow(&workflow(on, "")));
        assert_eq!(step.starts_on_tag(tag), starts, "{on} {tag}");
    }
}

#[test]
fn conditions_decide_too() {
    use Likelihood::{Maybe, No, Yes};
    let on = "on:\n  push: {tags: ['v*'], branches: [main]}\n  release: {types: [published]}";
    for (condition, on_tag, on_release) in [
        ("startsWith(github.ref, 'refs/tags/')", Yes, Yes),
        ("${{ startsWith(github.ref, 'refs/tags/v1') }}", Yes, Yes),
        ("startsWith(github.ref, 'refs/tags/v2')", No, No),
        ("github.ref_type == 'tag' && github.event_name == 'push'", Yes, No),
        ("github.event_name == 'release'", No, Yes),
        ("github.event_name == 'release' && github.event.action == 'published'", No, Yes),
        ("github.event_name != 'push' || startsWith(github.event.ref, 'refs/tags')", Yes, Yes),
        ("contains(fromJSON('[\"release\"]'), github.event_name)", No, Yes),
        ("!contains(github.ref_name, 'rc') && success()", Yes, Yes),
        ("github.repository == 'someone/demo' && github.event['action'] == 'published'", No, Yes),
        ("github.repository_owner != 'someone'", No, No),
        ("!github.event.repository.fork", Yes, Yes),
        ("vars.PUBLISH == 'true'", Maybe, Maybe),
        ("vars.PUBLISH == 'true' && github.event_name == 'release'", No, Maybe),
        ("github.ref == 'refs/heads/main'", No, No),
        ("github.event.pull_request.merged", No, No),
        ("github.event.release.prerelease", No, No),
        // Null equals false.
        ("github.event.release.prerelease == false", Yes, Yes),
        ("(((", Maybe, Maybe),
        ("it's", Maybe, Maybe),
        ("false", No, No),
        ("${{ false }}", No, No),
        // A text around the expression is always true.
        ("${{ false }} && true", Yes, Yes),
    ] {
        let quoted = condition.replace('"', "\\\"");
        let text = workflow(on, &format!("    if: \"{quoted}\"\n"));
        let found = in_workflow(&text);
        let of =
            |starts: &dyn Fn(&PublishingWorkflow) -> Likelihood| found.iter().map(starts).max().unwrap_or(No);
        assert_eq!(of(&|step| step.starts_on_tag("v1.0")), on_tag, "{condition}");
        assert_eq!(of(&|step| step.starts_on_release(&NewRelease::of("v1.0"))), on_release, "{condition}");
    }
}

/// "Events that trigger workflows" of GitHub's documentation, for `release`.
#[test]
fn a_release_has_the_events_of_the_way_it_appears() {
    use Likelihood::{No, Yes};
    let drafted = [(false, true), (true, true), (false, false), (true, false)];
    for (types, github, gitea) in [
        ("", [Yes, Yes, Yes, Yes], Yes),
        ("{types: [published]}", [Yes, Yes, Yes, Yes], Yes),
        ("{types: [released]}", [Yes, No, Yes, No], No),
        ("{types: released}", [Yes, No, Yes, No], No),
        ("{types: [created]}", [No, No, Yes, Yes], No),
        ("{types: [prereleased]}", [No, No, No, Yes], No),
        ("{types: [created, released]}", [Yes, No, Yes, Yes], No),
        ("{types: [edited, deleted]}", [No; 4], No),
        ("{types: []}", [No; 4], No),
    ] {
        let text = workflow(&format!("on:\n  workflow_dispatch:\n  release: {types}"), "");
        let starts = |folder: &str, (is_prerelease, was_draft): (bool, bool)| {
            let found = found(&[(&format!("{folder}/workflows/release.yml"), &text)]);
            only(found.publishing).starts_on_release(&NewRelease { tag: "v1", is_prerelease, was_draft })
        };
        assert_eq!(drafted.map(|form| starts(".github", form)), github, "{types}");
        assert_eq!(starts(".forgejo", (false, false)), gitea, "{types}");
    }
}

#[test]
fn pre_releases_are_told_from_others() {
    use Likelihood::{Maybe, No, Yes};
    for (condition, of_final, of_prerelease) in [
        ("github.event.release.prerelease", No, Yes),
        ("'!github.event.release.prerelease'", Yes, No),
        ("github.event.release.prerelease == true && vars.GO", No, Maybe),
    ] {
        let step = only(in_workflow(&workflow("on: release", &format!("    if: {condition}\n"))));
        let starts =
            |is_prerelease| step.starts_on_release(&NewRelease { is_prerelease, ..NewRelease::of("v1") });
        assert_eq!((starts(false), starts(true)), (of_final, of_prerelease), "{condition}");
    }
}

#[test]
fn steps_that_make_releases_are_found() {
    let step = |step: &str| {
        let text = format!(
            "on: {{push: {{tags: ['v*']}}}}\njobs:\n  ship:\n    steps:\n      - run: make\n      - {step}\n"
        );
        let releasing = found(&[(".github/workflows/ship.yml", &text)]).releasing;
        releasing.into_iter().map(|step| (step.by.clone(), step.makes, step.line)).collect::<Vec<_>>()
    };
    let psr = Makes::Versions("python-semantic-release");
    let (page, draft) = (Makes::ForgeRelease { is_draft: false }, Makes::ForgeRelease { is_draft: true });
    for (text, by, makes) in [
        ("uses: softprops/action-gh-release@v2", "softprops/action-gh-release", page),
        ("uses: NCIPollo/Release-Action@v1", "ncipollo/release-action", page),
        ("uses: https://code.forgejo.org/actions/forgejo-release@v2", "actions/forgejo-release", page),
        ("run: gh release create \"$GITHUB_REF_NAME\" dist/*", "gh release create", page),
        ("run: GH_TOKEN=x gh release create v1", "gh release create", page),
        ("run: gh release create v1 --draft", "gh release create", draft),
        ("{uses: softprops/action-gh-release@v2, with: {draft: true}}", "softprops/action-gh-release", draft),
        ("{uses: softprops/action-gh-release@v2, with: {draft: false}}", "softprops/action-gh-release", page),
        (
            "uses: python-semantic-release/python-semantic-release@v10",
            "python-semantic-release/python-semantic-release",
            psr,
        ),
        ("run: uv run semantic-release -v version", "semantic-release version", psr),
        ("run: cz bump --yes", "cz bump", Makes::Versions("commitizen")),
    ] {
        assert_eq!(step(text), [(by.to_owned(), makes, 6)], "{text}");
    }
    for other in [
        "run: gh release upload v1 dist/*",
        "run: gh release view v1",
        "run: echo gh release create",
        "run: semantic-release version --print",
        "run: cz check",
        "uses: actions/checkout@v5",
        "run: ''",
    ] {
        assert_eq!(step(other), [], "{other}");
    }
    let text = "on: {push: {tags: ['v*'], branches: [main]}}\njobs:\n  ship:\n    if: github.ref_type == 'tag'\n    \
                steps: [{uses: softprops/action-gh-release@v2}]\n";
    let found = found(&[(".github/workflows/ship.yml", text)]);
    assert_eq!(found.releasing[0].starts_on_tag("v1"), Likelihood::Yes);
    assert_eq!(found.releasing[0].starts_on_tag("1"), Likelihood::No);
}

#[test]
fn triggers_are_those_that_conditions_let_through() {
    let on = "on:\n  push: {tags: ['v*'], branches: [main]}\n  release:\n  pull_request:\n  workflow_dispatch:\n  schedule: []";
    let shown = |condition: &str| {
        let text = workflow(on, &format!("    if: {condition}\n"));
        let triggers = only(in_workflow(&text)).triggers;
        triggers.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(
        shown("always()"),
        "a pushed tag (v*); a push to a branch (main); a published release; a manual start; a schedule; the event `pull_request`"
    );
    assert_eq!(shown("github.ref_type == 'tag'"), "a pushed tag (v*); a published release; a manual start");
    assert_eq!(shown("github.event_name == 'workflow_dispatch'"), "a manual start");
    assert!(in_workflow(&workflow(on, "    if: false\n")).is_empty());
}

#[test]
fn a_job_waits_for_those_it_needs() {
    let text = |condition: &str| {
        format!(
            "on: push\njobs:\n  build: {{if: \"github.ref_type == 'branch'\", steps: [{{run: make}}]}}\n  upload:\n    needs: [build]\n    if: {condition}\n    steps: [{{uses: {PUBLISH}}}]\n"
        )
    };
    assert_eq!(only(in_workflow(&text("true"))).starts_on_tag("v1"), Likelihood::No);
    assert_eq!(only(in_workflow(&text("always()"))).starts_on_tag("v1"), Likelihood::Yes);
    let looping = "on: push\njobs:\n  a: {needs: b, steps: [{run: twine upload d}]}\n  b: {needs: a}\n";
    assert_eq!(only(in_workflow(looping)).by, "twine upload");
}

#[test]
fn actions_say_where_they_upload() {
    let uploads = |step: &str| {
        let text = format!("on: push\njobs: {{job: {{steps: [{{{step}}}]}}}}\n");
        in_workflow(&text)
            .into_iter()
            .map(|step| (step.by, step.indexes, step.is_certain))
            .collect::<Vec<_>>()
    };
    let publish = |more: &str| uploads(&format!("uses: {PUBLISH}{more}"));
    let by = "pypa/gh-action-pypi-publish".to_owned();
    let test = vec![Target::TestPyPi];
    assert_eq!(publish(""), [(by.clone(), vec![Target::PyPi], true)]);
    assert_eq!(
        publish(", with: {repository-url: 'https://test.pypi.org/legacy/'}"),
        [(by.clone(), test.clone(), true)]
    );
    assert_eq!(
        publish(", with: {repository_url: 'https://test.pypi.org/legacy/'}"),
        [(by.clone(), test.clone(), true)]
    );
    let both = ", with: {repository-url: \"${{ x && 'https://test.pypi.org/legacy/' || '' }}\"}";
    assert_eq!(publish(both), [(by.clone(), vec![Target::PyPi, Target::TestPyPi], true)]);
    assert_eq!(
        publish(", with: {repository-url: '${{ vars.URL }}'}"),
        [(by.clone(), vec![Target::Unknown], true)]
    );
    let url = "uses: 'https://github.com/pypa/gh-action-pypi-publish@v1'";
    assert_eq!(uploads(url), [(by, vec![Target::PyPi], true)]);
    let maturin = |with: &str| uploads(&format!("uses: PyO3/maturin-action@v1, with: {{{with}}}"));
    assert_eq!(maturin("command: build"), []);
    assert_eq!(maturin("args: --release"), []);
    let found = maturin("command: upload, args: '--repository testpypi wheels/*'");
    assert_eq!(found, [("PyO3/maturin-action upload".to_owned(), test, true)]);
    assert_eq!(uploads("uses: someone/publish-to-pypi@v1").first().map(|found| found.2), Some(false));
    for other in [
        "softprops/action-gh-release@v2",
        "actions/create-release@v1",
        "pypa/cibuildwheel@v3",
        "googleapis/release-please-action@v4",
        "JS-DevTools/npm-publish@v3",
        "python-semantic-release/python-semantic-release@v9.0.0",
        "docker://pypi/publish",
    ] {
        let found = uploads(&format!("uses: '{other}'"));
        assert!(
            found.iter().all(|found| !found.2) && (found.is_empty() || other.contains("docker")),
            "{other}"
        );
    }
    assert_eq!(uploads("uses: python-semantic-release/python-semantic-release@v7").len(), 1);
}

#[test]
fn lines_and_names_say_where_the_step_is() {
    let text = "on: push\n\njobs:\n  first:\n    steps:\n      - name: Build\n        run: |\n\n          make\n          twine upload d\n      - uses: pypa/gh-action-pypi-publish@v1\n  second:\n    steps:\n      - run: >-\n          twine\n          upload d\n";
    let lines: Vec<(String, usize)> =
        in_workflow(text).into_iter().map(|step| (step.job, step.line)).collect();
    assert_eq!(lines, [("first".to_owned(), 10), ("first".to_owned(), 11), ("second".to_owned(), 15)]);
    let crlf = in_workflow(&format!("\u{feff}{}", text.replace('\n', "\r\n")));
    assert_eq!(crlf.iter().map(|step| step.line).collect::<Vec<_>>(), [10, 11, 15]);
}

#[test]
fn follows_workflows_of_the_same_repository() {
    let caller = "on: {push: {tags: ['v*']}}\njobs:\n  rehearse:\n    uses: ./.github/workflows/upload.yml\n    with: {index: 'https://test.pypi.org/legacy/', final: false}\n  publish:\n    needs: rehearse\n    uses: ./.github/workflows/upload.yml\n    with: {final: \"${{ github.ref_name != 'v2' }}\"}\n";
    let called = "on:\n  workflow_call:\n    inputs:\n      index: {type: string, default: 'https://upload.pypi.org/legacy/'}\n      final: {type: boolean}\njobs:\n  upload:\n    steps:\n      - uses: pypa/gh-action-pypi-publish@v1\n        with: {repository-url: '${{ inputs.index }}'}\n      - run: uv publish\n        if: inputs.final\n";
    let found = found(&[(".github/workflows/release.yml", caller), (".github/workflows/upload.yml", called)]);
    let shown: Vec<_> = found
        .publishing
        .iter()
        .map(|step| {
            (step.by.as_str(), step.indexes[0].clone(), step.starts_on_tag("v1"), step.starts_on_tag("v2"))
        })
        .collect();
    use Likelihood::{No, Yes};
    assert_eq!(
        shown,
        [
            ("pypa/gh-action-pypi-publish", Target::TestPyPi, Yes, Yes),
            ("pypa/gh-action-pypi-publish", Target::PyPi, Yes, Yes),
            ("uv publish", Target::PyPi, Yes, No),
        ]
    );
    let step = &found.publishing[0];
    assert_eq!(step.workflow, ".github/workflows/release.yml");
    assert_eq!((step.file.as_str(), step.line), (".github/workflows/upload.yml", 9));
    assert!(step.is_rehearsal() && !found.publishing[1].is_rehearsal());
}

#[test]
fn a_workflow_that_nobody_calls_starts_for_nobody_here() {
    let step = only(in_workflow(&workflow("on: workflow_call", "")));
    assert_eq!(step.triggers, [Trigger::Call]);
    assert_eq!(step.starts_on_tag("v1"), Likelihood::No);
}

#[test]
fn workflows_that_call_each_other_end() {
    let calls = |other: &str| {
        let jobs: String =
            (0..20).map(|n| format!("  j{n}: {{uses: ./.github/workflows/{other}.yml}}\n")).collect();
        format!("on: [push, workflow_call]\njobs:\n{jobs}")
    };
    let (a, b) = (calls("b"), calls("a"));
    let found = found(&[(".github/workflows/a.yml", &a), (".github/workflows/b.yml", &b)]);
    assert_eq!(found.unread.len(), 1, "{:?}", found.unread);
    assert!(found.unread[0].1.contains("steps"));
}

#[test]
fn names_workflows_of_other_repositories() {
    let uses = |name: &str| {
        in_workflow(&format!("on: push\njobs:\n  job:\n    uses: org/ci/.github/workflows/{name}@v1\n"))
    };
    let step = only(uses("publish-pypi.yml"));
    assert_eq!(step.by, "reusable workflow org/ci/.github/workflows/publish-pypi.yml@v1");
    assert_eq!((step.is_certain, step.starts_on_tag("v1"), step.line), (false, Likelihood::Maybe, 4));
    assert_eq!(uses("release.yaml").len(), 1);
    for other in ["test.yml", "publish-docs.yml", "docker-release.yml"] {
        assert!(uses(other).is_empty(), "{other}");
    }
}

#[test]
fn follows_actions_of_the_same_repository() {
    let text = "on: push\njobs:\n  job:\n    env: {TWINE_REPOSITORY: testpypi}\n    steps:\n      - uses: ./.github/actions/ship\n        with: {really: 'true'}\n      - uses: ./.github/actions/ship\n";
    let action = "inputs:\n  really: {default: 'false'}\nruns:\n  using: composite\n  steps:\n    - run: twine upload d\n      shell: bash\n      if: inputs.really == 'true'\n";
    let found = found(&[(".github/workflows/a.yml", text), (".github/actions/ship/action.yml", action)]);
    let step = only(found.publishing);
    assert_eq!((step.file.as_str(), step.line), (".github/actions/ship/action.yml", 6));
    assert_eq!((step.indexes, step.job.as_str()), (vec![Target::TestPyPi], "job"));
}

#[test]
fn a_workflow_starts_after_another_one() {
    let after = |more: &str| {
        workflow(
            &format!("on:\n  workflow_run:\n    workflows: [Build]\n{more}"),
            "    if: github.event.workflow_run.conclusion == 'success'\n",
        )
    };
    let starts = |build: &str, more: &str| {
        let build = format!("name: Build\non: {build}\njobs: {{build: {{steps: [{{run: make}}]}}}}\n");
        let after = after(more);
        let found = found(&[(".github/workflows/a.yml", &build), (".github/workflows/b.yml", &after)]);
        let step = only(found.publishing);
        assert_eq!(step.triggers, [Trigger::After("Build".to_owned())]);
        step.starts_on_tag("v1")
    };
    assert_eq!(starts("{push: {tags: ['v*']}}", ""), Likelihood::Yes);
    assert_eq!(starts("pull_request", ""), Likelihood::No);
    assert_eq!(starts("push", "    branches: [main]\n"), Likelihood::No);
}

#[test]
fn other_forges_have_the_same_workflows() {
    let text = workflow("on: push", "");
    for (path, forge) in [
        (".forgejo/workflows/release.yaml", Forge::Forgejo),
        (".gitea/workflows/release.yml", Forge::Gitea),
        (".github/workflows/release.yml", Forge::GitHub),
    ] {
        let step = only(found(&[(path, &text)]).publishing);
        assert_eq!((step.forge, step.workflow.as_str()), (forge, path));
    }
    for path in ["workflows/a.yml", ".github/a.yml", ".github/workflows/sub/a.yml", ".github/workflows/a.txt"]
    {
        assert!(found(&[(path, &text)]).publishing.is_empty(), "{path}");
    }
}
