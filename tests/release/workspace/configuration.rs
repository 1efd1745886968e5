//! A workspace that cannot be released is refused before anything, with the place in the configuration.

use pyrelease_test_support::{Project, str};

use super::{LOCAL, change, three, workspace};

/// The error of a plan with this configuration, which changes nothing.
#[track_caller]
fn refused(project: &Project, config: &str) -> String {
    project.write("release.toml", config);
    let outcome = project.pyrelease("plan").run().code_in(&[2, 3]).stderr().to_owned();
    assert!(!outcome.contains("panicked"), "{outcome}");
    outcome
}

#[test]
fn mistakes_are_underlined() {
    let project = three().config(LOCAL).build();
    change(&project, "core");
    let cases = [
        ("members = [\"libs/*\"]\n", "`libs/*` matches no folder with a Python project"),
        ("members = [\"../*\"]\n", "members = [\"../*\"]"),
        ("members = 3\n", "members = 3"),
        ("members = []\n", "the workspace has no members"),
        (
            "members = { core = \"packages/core\", nothing = \"packages/nothing\" }\n",
            "`packages/nothing` has no Python project",
        ),
        ("members = { \"a b\" = \"packages/core\" }\n", "`a b` is not the name of a project"),
        ("versions = \"one\"\n", "unknown value `one`"),
        ("pins = \"<\"\n", "unknown value `<`"),
        ("dependents = \"minor\"\n", "unknown value `minor`"),
        ("groups = { base = [\"core\"] }\n", "`groups` requires versions = \"grouped\""),
        ("versions = \"grouped\"\ngroups = { base = [\"cor\"] }\n", "did you mean `core`?"),
        ("versions = \"grouped\"\ngroups = { a = [\"core\"], b = [\"core\"] }\n", "`core` is listed twice"),
        ("changelog = \"../CHANGELOG.md\"\n", "`../CHANGELOG.md` is not inside the project"),
        ("member = [\"core\"]\n", "unknown key `member` in [workspace]"),
        ("[member.crore]\npublish = false\n", "the workspace has no member `crore`"),
        ("[member.core]\npublish = \"no\"\n", "`publish` must be true or false"),
        ("[member.core]\npublic = false\n", "unknown key `public` in [member.core]"),
        ("[member.core.stage.tag]\nnme = \"x\"\n", "unknown key `nme`"),
        ("[member.core.stage.tga]\nname = \"x\"\n", "[stage.tga] is not in `stages`"),
        ("[member.core.stage.tag]\nname = \"core\"\n", "has no `{version}`"),
    ];
    for (lines, expected) in cases {
        let said = refused(&project, &format!("{LOCAL}{lines}"));
        assert!(said.contains(expected) && said.contains("release.toml"), "{lines}: {said}");
    }
    let said = refused(&project, "[member.core]\npublish = false\n");
    assert!(said.contains("[member.core] requires [workspace]"), "{said}");
}

#[test]
fn members_that_cannot_be_released_together() {
    let project = workspace(&[("core", "1.0.0", &[]), ("cli", "1.1.0", &[])]).config(LOCAL).build();
    change(&project, "core");
    let said = refused(&project, &format!("{LOCAL}versions = \"locked\"\n"));
    assert!(said.contains("`cli` is at 1.1.0 and `core` at 1.0.0, but they have one version"), "{said}");
    let one_tag = "\n[stage.tag]\nname = \"v{version}\"\n";
    project.write("packages/cli/CHANGELOG.md", super::NEWS);
    project.write("release.toml", &format!("{LOCAL}{one_tag}"));
    project.commit("One tag");
    let said = project.pyrelease("plan core=1.2.0 cli=1.2.0").code(3).stderr().to_owned();
    assert!(said.contains("would both be tagged `v1.2.0`"), "{said}");
    project.write("packages/cli/pyproject.toml", &super::pyproject("Core", "1.1.0", &[]));
    project.commit("Two of one name");
    let said = refused(&project, LOCAL);
    assert!(said.contains("two members are named `core`"), "{said}");
}

#[test]
fn members_that_need_each_other() {
    let needs = |name: &str, other: &str| {
        super::pyproject(name, "1.0.0", &[]).replace("requires = []", &format!("requires = [\"{other}\"]"))
    };
    let project =
        workspace(&[("core", "1.0.0", &["cli"]), ("cli", "1.0.0", &["core"])]).config(LOCAL).build();
    change(&project, "core");
    let outcome = project.pyrelease("plan").code(0);
    assert!(
        outcome.stderr().contains("warning: `cli` and `core` require each other"),
        "{}",
        outcome.stderr()
    );
    project.write("packages/core/pyproject.toml", &needs("core", "cli"));
    project.write("packages/cli/pyproject.toml", &needs("cli", "core"));
    project.commit("Need each other");
    let said = refused(&project, LOCAL);
    assert!(said.contains("members need each other to be built"), "{said}");
}

#[test]
fn a_folder_in_another() {
    let nested = super::pyproject("inner", "1.0.0", &[]);
    let project = workspace(&[("core", "1.0.0", &[])])
        .file("packages/core/inner/pyproject.toml", &nested)
        .config(LOCAL)
        .build();
    let said = refused(&project, &format!("{LOCAL}members = [\"packages/core\", \"packages/core/inner\"]\n"));
    assert!(said.contains("the folder of `inner` is in that of `core`"), "{said}");
}

#[test]
fn what_the_command_line_names_wrongly() {
    let project = three().config(LOCAL).build();
    change(&project, "core");
    project.pyrelease("plan cor=minor").code(2).stderr_eq(str![[r#"
error: the workspace has no member `cor`
help: did you mean `core`?

"#]]);
    project.pyrelease("plan core=minor core=patch").code(2).stderr_eq(str![[r#"
error: `core` is named twice
help: name each member once

"#]]);
    project.pyrelease("plan core=0.9").code(3);
    project.pyrelease("plan minor patch").code(2);
    project.pyrelease("plan core=").code(2);
    project.pyrelease("plan =minor").code(2);
    let single = crate::release::quick().build();
    let said = single.pyrelease("plan demo=minor").code(2).stderr().to_owned();
    assert!(said.contains("is about the members of a workspace, and this is a single project"), "{said}");
    single.pyrelease("plan --all").code(2);
    single.pyrelease("plan minor patch").code(2);
}

#[test]
fn a_pattern_that_matches_what_is_no_member_is_named() {
    let project = three().config(LOCAL).build();
    change(&project, "core");
    let said = refused(&project, &format!("{LOCAL}members = [\"**/**\"]\n"));
    let help = "`**/**` in `members` matches it: if it is no member, leave it out with exclude = [\".\"]";
    assert!(said.contains("error: its own folder: ") && said.contains(help), "{said}");
    project.write("release.toml", &format!("{LOCAL}members = [\"**/**\"]\nexclude = [\".\"]\n"));
    project.pyrelease("plan").code(0);
}
