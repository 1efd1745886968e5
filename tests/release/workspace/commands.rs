//! The other commands, in a workspace.

use pyrelease_test_support::{IndexServer, Project, Python, str};

use super::{LOCAL, QUICK, change, three, workspace};

const STAGES: &str = "stages = [\"changelog\", \"version\", \"tag\", \"build\", \"check\", \"testpypi\", \"push\", \"pypi\"]\n\n[workspace]\n";

#[test]
fn a_rehearsal_of_all_members() {
    let project = three().config(&format!("{STAGES}{QUICK}")).build();
    change(&project, "core");
    let before = project.snapshot();
    let outcome = project.pyrelease("rehearse --yes").code(0).stderr().to_owned();
    for name in ["core 1.1.0", "cli 0.3.1"] {
        assert!(outcome.contains(&format!("pip installs {name} from the copy of pypi")), "{outcome}");
    }
    project.assert_unchanged(&before);
}

#[test]
fn the_working_tree_is_bumped() {
    let project = three().config(LOCAL).build();
    change(&project, "core");
    let head = project.head();
    project.pyrelease("bump core=minor --yes").code(0);
    assert_eq!(project.head(), head);
    assert!(project.read("packages/core/pyproject.toml").contains("version = \"1.1.0\""));
    assert!(project.read("packages/cli/pyproject.toml").contains("\"core==1.1.0\""));
    project.commit("Bump");
    project.git(&["push", "--quiet"]);
    // What is committed has no tags yet, and is released as it is.
    assert_eq!(super::planned(&project, ""), ["core 1.1.0 (core-v1.1.0)", "cli 0.3.1 (cli-v0.3.1)"]);
}

#[test]
fn the_doctor_examines_every_member() {
    let project = three().config(LOCAL).build();
    change(&project, "core");
    let outcome = project.pyrelease("doctor").code(0).stderr().to_owned();
    assert!(outcome.contains("core 1.0.0 to 1.1.0") && outcome.contains("cli 0.3.0 to 0.3.1"), "{outcome}");
    project.write("packages/cli/pyproject.toml", "[project]\nname = \"cli\"\n");
    project.commit("Break it");
    let outcome = project.pyrelease("doctor").code(3).stderr().to_owned();
    assert!(outcome.contains("cli"), "{outcome}");
}

#[test]
fn notes_are_those_of_a_member() {
    let project = three().config(LOCAL).build();
    change(&project, "core");
    project.pyrelease("run --yes").code(0);
    project.pyrelease("notes core").code(0).stdout_eq(str![[r#"
### Added

- A greeting.

"#]]);
    project.pyrelease("notes cli 0.3.1").code(0).stdout_eq(str![[r#"
- Require `core 1.1.0`

"#]]);
    project.pyrelease("notes").code(2);
    project.pyrelease("notes corr").code(2);
}

#[test]
fn the_shell_completes_members() {
    let project = three().config(LOCAL).build();
    let complete = project.pyrelease("complete").arg("--word=c").arg("--").arg("run").arg("app=minor");
    complete.code(0).stdout_eq("cli=\t\ncore=\t\n");
}

#[test]
fn a_member_is_released_from_the_workspace() {
    let project = three().config(LOCAL).build();
    change(&project, "core");
    let inside = project.folder().join("packages/core");
    let outcome = project.pyrelease("plan --format json").from(&inside).code(0);
    assert_eq!(outcome.events().pop().expect("a plan")["plan"]["members"].as_array().map(Vec::len), Some(2));
}

/// A workspace with something to release, and the two indexes that it is published to.
fn published() -> (Project, IndexServer, IndexServer) {
    let (rehearsal, public) = IndexServer::two_pypiservers();
    let project = three().releasing_to(&rehearsal, &public, &format!("[workspace]\n{QUICK}")).build();
    project.pypirc(&[("testpypi", &rehearsal), ("pypi", &public)]);
    change(&project, "core");
    (project, rehearsal, public)
}

#[test]
fn a_command_runs_for_each_member_or_once_for_all() {
    let each = "run = [\"sh\", \"-c\", \"echo $PYRELEASE_NAME in $(basename $PWD) >> $SEEN\"]\n";
    let config = format!(
        "stages = [\"changelog\", \"version\", \"each\", \"all\", \"tag\"]\n\n[workspace]\n\n[stage.each]\n{each}\n[stage.all]\n{each}once = true\n"
    );
    let project = three().config(&config).build();
    change(&project, "core");
    let seen = project.sandbox().root().join("seen");
    project.pyrelease("run --yes").env("SEEN", &seen).code(0);
    assert_eq!(fs_err::read_to_string(&seen).unwrap(), "core in core\ncli in cli\nwork in tree\n");
}

#[test]
fn notes_in_a_file_are_those_of_one_member() {
    let project = three().config(LOCAL).build();
    change(&project, "core");
    let notes = project.sandbox().root().join("notes.md");
    fs_err::write(&notes, "- Something else\n").unwrap();
    let notes = notes.display();
    let said = project.pyrelease(&format!("plan core=minor --notes {notes}")).code(2).stderr().to_owned();
    assert!(
        said.contains("`--notes` has the notes of one member, and this releases `cli` and `core`"),
        "{said}"
    );
    project.pyrelease(&format!("plan app=minor --notes {notes}")).code(0);
}

#[test]
fn a_prepared_release_is_published_elsewhere() {
    let (project, _rehearsal, public) = published();
    let file = project.sandbox().root().join("run.tar.gz");
    let file = file.display();
    project.pyrelease(&format!("prepare --yes --out {file}")).code(0);
    project.assert_no_debris();
    project.pyrelease(&format!("publish {file} --yes")).code(0);
    assert_eq!((public.files("core").len(), public.files("cli").len()), (2, 2));
    assert!(project.remote().refs().contains_key("refs/tags/cli-v0.3.1"));
    project.pyrelease(&format!("publish {file} --yes")).code(0);
    project.assert_tree_clean();
}

#[test]
fn what_was_merged_is_prepared_and_nothing_else() {
    let (project, _rehearsal, public) = published();
    let file = project.sandbox().root().join("run.tar.gz");
    let file = file.display();
    let outcome = project.pyrelease(&format!("prepare --untagged --yes --out {file}")).code(0);
    assert!(outcome.stderr().contains("nothing to prepare"), "{}", outcome.stderr());
    project.pyrelease("bump core=minor --yes").code(0);
    project.commit("Release core");
    project.git(&["push", "--quiet"]);
    project.write("packages/app/CHANGELOG.md", super::NEWS);
    project.commit("Add to app");
    project.git(&["push", "--quiet"]);
    project.pyrelease(&format!("prepare --untagged --yes --out {file}")).code(0);
    project.pyrelease(&format!("publish {file} --yes")).code(0);
    assert_eq!((public.files("core").len(), public.files("cli").len(), public.files("app").len()), (2, 2, 0));
}

#[test]
fn a_push_that_is_refused_undoes_all() {
    let project = workspace(&[("core", "1.0.0", &[]), ("cli", "1.0.0", &["core"])]).config(LOCAL).build();
    change(&project, "core");
    project.remote().refuse_pushes("not today");
    project.pyrelease("run --yes").run().code_in(&[1, 4]);
    project.assert_tree_clean();
}

/// Several members are built by the same Python, which is asked once what it has.
#[cfg(unix)]
#[test]
fn a_python_is_asked_once_for_all_members() {
    let stages = LOCAL.replace("\"push\"]", "\"build\", \"push\"]");
    let project = three().config(&format!("{stages}{QUICK}")).build();
    change(&project, "core");
    let folder = project.sandbox().root();
    let (python, log) = (folder.join("python"), folder.join("asked"));
    let real = Python::get().program();
    let script = format!("echo \"$*\" >> '{}'\nexec '{}' \"$@\"\n", log.display(), real.display());
    project.script(&python, &script);
    project.pyrelease("run core=minor app=minor --dry-run").env("PYRELEASE_PYTHON", &python).code(0);
    let asked = fs_err::read_to_string(&log).expect("it is run");
    assert_eq!(asked.matches("build.__version__").count(), 1, "{asked}");
}
