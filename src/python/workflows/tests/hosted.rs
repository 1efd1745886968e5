//! Pipelines of CircleCI, Azure, Travis CI and Bitbucket.

use std::cell::Cell;

use super::*;

/// The likelihood that tag v1.0 starts an upload of the file.
fn on_tag(path: &str, text: &str) -> Likelihood {
    let found = found(&[(path, text)]);
    assert_eq!(found.unread, [], "{text}");
    found.publishing.iter().map(|step| step.starts_on_tag("v1.0")).max().unwrap_or(Likelihood::No)
}

const JOBS: &str = "version: 2.1\ncommands:\n  send:\n    steps:\n      - run: {name: Send, command: twine upload d}\n\
                    jobs:\n  publish:\n    docker: [{image: python}]\n    steps: [checkout, send]\n";

#[test]
fn circleci_runs_a_job_for_tags_only_with_a_filter() {
    use Likelihood::{Maybe, No, Yes};
    for (jobs, starts) in [
        ("[publish]", No),
        ("[{publish: {filters: {branches: {only: main}}}}]", No),
        ("[{publish: {filters: {tags: {only: /^v.*/}, branches: {ignore: /.*/}}}}]", Yes),
        ("[{publish: {filters: {tags: {only: [/v2.*/, v1.0]}}}}]", Yes),
        ("[{publish: {filters: {tags: {only: /1/}}}}]", No),
        ("[{publish: {filters: {tags: {ignore: /^v.*/}}}}]", No),
        ("[{ask: {type: approval}}, {publish: {requires: [ask], filters: {tags: {only: /.*/}}}}]", Maybe),
        ("[{publish: {filters: << parameters.filters >>}}]", Maybe),
    ] {
        let text = format!("{JOBS}workflows:\n  version: 2\n  release:\n    jobs: {jobs}\n");
        assert_eq!(on_tag(".circleci/config.yml", &text), starts, "{jobs}");
    }
    let orb = "orbs: {pypi: a/b@1}\nworkflows:\n  w:\n    jobs: [{pypi/publish: {filters: {tags: {only: /v.*/}}}}]\n";
    assert_eq!(on_tag(".circleci/config.yml", orb), Maybe);
    let step = only(
        found(&[(
            ".circleci/config.yml",
            &format!(
                "{JOBS}workflows: {{w: {{jobs: [{{publish: {{filters: {{tags: {{only: /^v.*/}}}}}}}}]}}}}\n"
            ),
        )])
        .publishing,
    );
    assert_eq!((step.forge, step.line, step.job.as_str()), (Forge::CircleCi, 5, "publish"));
}

#[test]
fn azure_runs_for_tags_only_with_a_trigger() {
    use Likelihood::{Maybe, No, Yes};
    let job = |condition: &str| {
        format!(
            "stages:\n- stage: Publish\n  jobs:\n  - job: upload\n    {condition}\n    steps:\n    - script: twine upload d\n"
        )
    };
    for (trigger, condition, starts) in [
        ("", "", No),
        ("trigger: [main]", "", No),
        ("trigger: none", "", No),
        ("trigger: {tags: {include: ['v*']}}", "", Yes),
        ("trigger: {tags: ['v2*']}", "", No),
        ("trigger: {branches: {include: [main, refs/tags/v*]}}", "", Yes),
        ("trigger: {tags: {include: ['*'], exclude: ['v*']}}", "", No),
        (
            "trigger: {tags: ['*']}",
            "condition: startsWith(variables['Build.SourceBranch'], 'refs/tags/v')",
            Yes,
        ),
        (
            "trigger: {tags: ['*']}",
            "condition: startsWith(variables['Build.SourceBranch'], 'refs/tags/rel')",
            No,
        ),
        (
            "trigger: {tags: ['*']}",
            "condition: and(succeeded(), eq(variables['Build.SourceBranch'], 'refs/heads/main'))",
            No,
        ),
        ("trigger: {tags: ['*']}", "condition: eq(variables['publish'], 'yes')", Maybe),
    ] {
        let text = format!("{trigger}\n{}", job(condition));
        assert_eq!(on_tag("azure-pipelines.yml", &text), starts, "{trigger} {condition}");
    }
    let template = found(&[
        ("azure-pipelines.yml", "trigger: {tags: ['*']}\nsteps:\n- template: ci/send.yml\n"),
        ("ci/send.yml", "steps:\n- task: Bash@3\n  inputs: {targetType: inline, script: twine upload d}\n"),
    ]);
    assert_eq!(only(template.publishing).starts_on_tag("v1.0"), Yes);
}

#[test]
fn travis_deploys_tags_where_it_is_told_to() {
    use Likelihood::{Maybe, No, Yes};
    for (text, starts) in [
        ("deploy: {provider: pypi}", No),
        ("deploy: {provider: pypi, on: {tags: true}}", Yes),
        ("deploy: [{provider: pages}, {provider: pypi, on: {tags: true, condition: $A = b}}]", Maybe),
        ("deploy: {provider: script, script: twine upload d, on: {tags: true}}", Yes),
        ("after_success: twine upload d", Yes),
        ("after_success: twine upload d\nbranches: {only: [main]}", No),
        ("after_success: twine upload d\nbranches: {only: [main, '/^v\\d/']}", Yes),
        ("jobs: {include: [{if: tag IS present, script: twine upload d}]}", Yes),
        ("jobs: {include: [{if: branch = main, script: twine upload d}]}", No),
    ] {
        assert_eq!(on_tag(".travis.yml", text), starts, "{text}");
    }
    let test = "deploy: {provider: pypi, server: https://test.pypi.org/legacy/, on: {tags: true}}\n";
    assert!(only(found(&[(".travis.yml", test)]).publishing).is_rehearsal());
}

#[test]
fn bitbucket_has_pipelines_for_tags() {
    use Likelihood::{Maybe, No, Yes};
    let step = "[{step: {name: Send, script: [twine upload d]}}]";
    for (pipelines, starts) in [
        (format!("default: {step}"), No),
        (format!("tags: {{'v*': {step}}}"), Yes),
        (format!("tags: {{'release-*': {step}}}"), No),
        (format!("tags: {{'{{v,r}}*': {step}}}"), Maybe),
        (format!("custom: {{send: {step}}}"), No),
        ("tags: {'*': [{parallel: [{step: {script: [twine upload d]}}]}]}".to_owned(), Yes),
        ("tags: {'*': [{step: {trigger: manual, script: [twine upload d]}}]}".to_owned(), No),
        ("tags: {'*': [{step: {script: [{pipe: 'atlassian/pypi-publish:1.0'}]}}]}".to_owned(), Maybe),
    ] {
        let text = format!("pipelines:\n  {pipelines}\n");
        assert_eq!(on_tag("bitbucket-pipelines.yml", &text), starts, "{pipelines}");
    }
}

#[test]
fn commands_and_templates_that_repeat_each_other_end() {
    let uses = |name: &str| vec![name; 200].join(", ");
    let commands: String =
        (0..9).map(|at| format!("  c{at}: {{steps: [{}]}}\n", uses(&format!("c{}", at + 1)))).collect();
    let circle = format!(
        "commands:\n{commands}jobs: {{publish: {{steps: [c0]}}}}\nworkflows: {{w: {{jobs: [{{publish: {{filters: {{tags: \
         {{only: /.*/}}}}}}}}]}}}}\n"
    );
    let template = vec!["{template: azure-pipelines.yml}"; 200].join(", ");
    let azure = format!("trigger: {{tags: ['*']}}\nsteps: [{template}]\n");
    assert!(found(&[(".circleci/config.yml", &circle)]).publishing.is_empty());
    let azure = Counted { text: azure.into_bytes(), reads: Cell::new(0) };
    assert!(publishing(&azure, &["azure-pipelines.yml".to_owned()]).publishing.is_empty());
    assert!(azure.reads.get() <= 101, "{} reads", azure.reads.get());
}

/// A file that counts how often it is read
struct Counted {
    text: Vec<u8>,
    reads: Cell<usize>,
}

impl Files for Counted {
    fn read(&self, _: &str) -> Option<Vec<u8>> {
        self.reads.set(self.reads.get() + 1);
        Some(self.text.clone())
    }

    fn list(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
}
