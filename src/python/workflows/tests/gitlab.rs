//! Pipelines of GitLab.

use super::*;

fn in_pipeline(text: &str) -> Vec<PublishingWorkflow> {
    let found = found(&[(".gitlab-ci.yml", text)]);
    assert_eq!(found.unread, [], "{text}");
    found.publishing
}

#[test]
fn rules_decide_about_a_tag() {
    use Likelihood::{Maybe, No, Yes};
    for (rules, starts) in [
        ("", Yes),
        ("only: [tags]", Yes),
        ("only: [main]", No),
        ("only: [/^v.*$/]", Yes),
        ("only: ['/^release-/']", No),
        ("only: {refs: [tags], variables: [$CI_COMMIT_TAG =~ /^v1/]}", Yes),
        ("only: [tags]\n  when: manual", No),
        ("except: [tags]", No),
        ("except: [branches]", Yes),
        ("rules: [{if: $CI_COMMIT_TAG}]", Yes),
        ("rules: [{if: '$CI_COMMIT_TAG =~ /^v\\d+/'}]", Yes),
        ("rules: [{if: '$CI_COMMIT_TAG !~ /^v\\d+/'}]", No),
        ("rules: [{if: '$CI_COMMIT_TAG', when: never}, {when: always}]", No),
        ("rules: [{if: '$CI_COMMIT_TAG', when: manual}]", No),
        ("rules: [{if: '$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH'}]", No),
        ("rules: [{if: '$CI_PIPELINE_SOURCE == \"push\" && ($CI_COMMIT_TAG != null || $X)'}]", Yes),
        ("rules: [{if: '$CI_PROJECT_PATH == \"someone/demo\" && $CI_COMMIT_TAG'}]", Yes),
        ("rules: [{if: '$SECRET && $CI_COMMIT_TAG'}]", Maybe),
        ("rules: [{if: '$CI_COMMIT_TAG', changes: [src]}]", Maybe),
        ("rules: [{if: '((('}]", Maybe),
        ("rules: [{if: '$GLOBAL == \"no\"'}]", No),
    ] {
        let text = format!("variables: {{GLOBAL: 'yes'}}\nupload:\n  script: twine upload d\n  {rules}\n");
        let found = in_pipeline(&text);
        let starts_on_tag = found.iter().map(|step| step.starts_on_tag("v1.0")).max();
        assert_eq!(starts_on_tag.unwrap_or(No), starts, "{rules}");
        assert!(found.iter().all(|step| step.starts_on_release(&NewRelease::of("v1.0")) == No));
    }
}

#[test]
fn triggers_are_those_that_rules_let_through() {
    let shown = |rules: &str| {
        let step = only(in_pipeline(&format!("upload:\n  script: [twine upload d]\n  {rules}\n")));
        step.triggers.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(
        shown("only: [tags, /^v/]"),
        "a pushed tag (/^v/); a push to a branch; a manual start; a schedule"
    );
    assert_eq!(shown("rules: [{if: '$CI_COMMIT_TAG =~ /^v/'}]"), "a pushed tag (/^v/); a manual start");
    assert_eq!(shown("rules: [{if: $CI_COMMIT_TAG, when: manual}]"), "a manual start");
}

#[test]
fn the_pipeline_has_rules_too() {
    let text = "workflow: {rules: [{if: $CI_COMMIT_BRANCH}]}\nupload: {script: [twine upload d]}\n";
    assert_eq!(only(in_pipeline(text)).starts_on_tag("v1"), Likelihood::No);
}

#[test]
fn finds_where_a_job_uploads() {
    let text = "variables:\n  TWINE_REPOSITORY_URL: ${CI_API_V4_URL}/projects/${CI_PROJECT_ID}/packages/pypi\nown:\n  script:\n    - make\n    - |\n      make check\n      twine upload d\nrehearsal:\n  variables: {TWINE_REPOSITORY_URL: {value: 'https://test.pypi.org/legacy/'}}\n  before_script: [pip install twine]\n  script: [python -m twine upload d]\n.template: {script: [twine upload d]}\n";
    let found = in_pipeline(text);
    let own = Target::Other("${CI_API_V4_URL}/projects/${CI_PROJECT_ID}/packages/pypi".to_owned());
    let shown: Vec<_> =
        found.iter().map(|step| (step.job.as_str(), step.line, step.indexes.clone())).collect();
    assert_eq!(shown, [("own", 8, vec![own]), ("rehearsal", 12, vec![Target::TestPyPi])]);
}

#[test]
fn jobs_extend_templates_of_included_files() {
    let text = "include:\n  - local: /ci/templates.yml\n  - local: ci/more/*.yml\n  - project: org/ci\n    file: /publish-pypi.yml\n  - template: Security/SAST.gitlab-ci.yml\nupload:\n  extends: .upload\n  rules: [{if: $CI_COMMIT_TAG}]\nother:\n  script:\n    - !reference [.upload, script]\nmerged:\n  <<: &anchor {script: [uv publish]}\n";
    let templates =
        "include: .gitlab-ci.yml\n.upload:\n  rules: [{when: never}]\n  script:\n    - twine upload d\n";
    let more = "also:\n  extends: [also]\n  script: [flit publish]\n";
    let files = [(".gitlab-ci.yml", text), ("ci/templates.yml", templates), ("ci/more/a.yml", more)];
    let found = found(&files);
    assert_eq!(found.unread, []);
    let shown: Vec<_> = found
        .publishing
        .iter()
        .map(|step| (step.job.as_str(), step.by.as_str(), step.file.as_str(), step.starts_on_tag("v1")))
        .collect();
    use Likelihood::{Maybe, Yes};
    assert_eq!(
        shown,
        [
            ("also", "flit publish", "ci/more/a.yml", Yes),
            ("merged", "uv publish", ".gitlab-ci.yml", Yes),
            ("other", "twine upload", "ci/templates.yml", Yes),
            ("upload", "twine upload", "ci/templates.yml", Yes),
            ("", "include org/ci:/publish-pypi.yml", ".gitlab-ci.yml", Maybe),
        ]
    );
    assert_eq!(found.publishing[3].line, 5);
}
