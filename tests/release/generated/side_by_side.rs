//! The bumps of other tools on the same histories.

use pyrelease_test_support::{Project, Python};

use super::blueprint;

const SCRIPT: &str = include_str!("bumps.py");

/// The settings of the other tools: before 1.0.0, what breaks is a minor release
const SETTINGS: &str = "
[tool.semantic_release]
version_toml = [\"pyproject.toml:project.version\"]
allow_zero_version = true
major_on_zero = STABLE

[tool.semantic_release.remote]
url = \"https://git.example/o/demo.git\"

[tool.commitizen]
version_provider = \"pep621\"
tag_format = \"v$version\"
major_version_zero = ZERO
";

/// A history, and what each tool makes of it: python-semantic-release, commitizen, git-cliff
struct History {
    present: &'static str,
    is_stable: bool,
    messages: &'static [&'static str],
    bumps: [&'static str; 3],
}

const fn of(messages: &'static [&'static str], bumps: [&'static str; 3]) -> History {
    History { present: "1.2.3", is_stable: false, messages, bumps }
}

const HISTORIES: [History; 19] = [
    of(&["feat: a"], ["1.3.0"; 3]),
    of(&["feat(scope): a"], ["1.3.0"; 3]),
    of(&["fix: a"], ["1.2.4"; 3]),
    of(&["perf(scope): a"], ["1.2.4"; 3]),
    of(&["feat!: a"], ["2.0.0"; 3]),
    of(&["fix(scope)!: a"], ["2.0.0"; 3]),
    of(&["fix: a\n\nLonger.\n\nBREAKING CHANGE: b"], ["2.0.0"; 3]),
    of(&["fix: a", "feat: b", "docs: c"], ["1.3.0"; 3]),
    of(&["Merge branch 'side'"], ["1.3.0"; 3]),
    of(&["feat: a", "Revert \"feat: a\"\n\nThis reverts commit HEAD."], ["1.3.0"; 3]),
    // A squashed commit is several to python-semantic-release.
    of(&["Squash (#12)\n\n* feat: add a thing\n\n* fix: mend a thing"], ["1.3.0", "none", "none"]),
    of(&["fix: a thing\n\nfix: #12\n\nReviewed-by: Z\nBREAKING CHANGE: b"], ["2.0.0"; 3]),
    // Each tool has its own other types.
    of(&["docs: a"], ["none", "none", "1.2.4"]),
    of(&["refactor: a"], ["none", "1.2.4", "1.2.4"]),
    of(&["Update everything", "Merge: no type"], ["none", "none", "1.2.4"]),
    of(&["Update everything", "feature request"], ["none"; 3]),
    History {
        present: "0.2.3",
        is_stable: false,
        messages: &["feat!: a"],
        bumps: ["0.3.0", "0.3.0", "1.0.0"],
    },
    History {
        present: "0.2.3",
        is_stable: true,
        messages: &["fix: a\n\nBREAKING CHANGE: b"],
        bumps: ["1.0.0"; 3],
    },
    History { present: "0.2.3", is_stable: true, messages: &["feat: a"], bumps: ["0.3.0"; 3] },
];

fn project(history: &History) -> Project {
    let project = blueprint("stages = []\n").changelog("# Changelog\n").build();
    project.git(&["tag", "--delete", "v1.0.0"]);
    let zero = !history.is_stable && history.present.starts_with('0');
    let settings = SETTINGS.replace("STABLE", &history.is_stable.to_string());
    let settings = settings.replace("ZERO", &zero.to_string());
    let metadata = project.read("pyproject.toml").replace("1.0.0", history.present);
    project.write("pyproject.toml", &format!("{metadata}{settings}"));
    project.write("cliff.toml", "");
    project.commit("chore: configure the tools");
    project.git(&["tag", &format!("v{}", history.present)]);
    let commit =
        |message: &str| drop(project.git(&["commit", "--quiet", "--allow-empty", "--message", message]));
    for message in history.messages {
        if message.starts_with("Merge branch") {
            project.git(&["switch", "--quiet", "--create", "side"]);
            commit("feat: of the side");
            project.git(&["switch", "--quiet", "main"]);
            project.git(&["merge", "--quiet", "--no-ff", "--message", message, "side"]);
        } else {
            commit(&message.replace("HEAD", project.head().trim()));
        }
    }
    project
}

/// The next version by pyrelease with these settings of the changelog.
fn ours(project: &Project, history: &History, settings: &str) -> String {
    let config = format!(
        "stages = [\"changelog\", \"version\", \"tag\"]\n[stage.version]\nstable = {}\n\
         [stage.changelog]\nfrom = \"commits\"\n{settings}",
        history.is_stable
    );
    project.write("release.toml", &config);
    let plan = project.pyrelease("plan").code(0);
    let version = plan.stdout().split_whitespace().nth(1).unwrap_or_default();
    // Without a bump, a plan shows a patch release and says so.
    if plan.stdout().contains("\nbecause of the commits") { version.to_owned() } else { "none".to_owned() }
}

#[test]
fn bumps_are_those_of_other_tools() {
    let python = Python::with_release_tools();
    let projects: Vec<Project> = HISTORIES.iter().map(project).collect();
    let folders: Vec<String> =
        projects.iter().map(|project| project.folder().display().to_string()).collect();
    let presents = HISTORIES.iter().map(|history| history.present.to_owned());
    let pairs: Vec<String> = presents.zip(folders).flat_map(|(present, folder)| [present, folder]).collect();
    let arguments: Vec<&str> = ["-c", SCRIPT].into_iter().chain(pairs.iter().map(String::as_str)).collect();
    let said = python.run(projects[0].folder(), &arguments);
    assert_eq!(said.lines().count(), HISTORIES.len(), "{said}");
    for ((history, project), said) in HISTORIES.iter().zip(&projects).zip(said.lines()) {
        let cliff = python.programs().join("git-cliff");
        let cliff = project.sandbox().command(project.folder(), cliff, &["--bumped-version"]);
        let cliff = cliff.stderr_null().read().expect("git-cliff runs").trim_start_matches('v').to_owned();
        let cliff = if cliff == history.present { "none" } else { cliff.as_str() };
        let theirs: Vec<&str> = said.split_whitespace().chain([cliff]).collect();
        assert_eq!(theirs, history.bumps, "{:?}", history.messages);
        // Sections of pyrelease itself, with the types of python-semantic-release
        let own = "types.perf = { heading = \"Changed\" }\n";
        let tools = ["python-semantic-release", "commitizen", "git-cliff"];
        let by_tools = tools.map(|tool| ours(project, history, &format!("generator = \"{tool}\"\n")));
        assert_eq!(by_tools.each_ref().map(String::as_str), history.bumps, "{:?}", history.messages);
        // Only pyrelease itself leaves out what was reverted, and takes no commit for several.
        let is_other = history
            .messages
            .iter()
            .any(|message| ["Revert", "Squash"].iter().any(|word| message.starts_with(word)));
        let expected = if is_other { "none" } else { history.bumps[0] };
        assert_eq!(ours(project, history, own), expected, "{:?}", history.messages);
    }
}
