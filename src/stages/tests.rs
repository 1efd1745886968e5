use super::*;
use crate::config::Source;
use crate::ui::excerpt_text;
use crate::world::Environment;
use snapbox::{assert_data_eq, str};

fn plugins(environment: &Environment) -> Plugins<'_> {
    Plugins { root: std::path::Path::new("no-project-here"), environment, known: None }
}

fn refused(text: &str) -> String {
    let config = Config::parse(Source::new("release.toml", text.to_owned())).unwrap();
    let error = pipeline(&config, &plugins(&Environment::default())).err().expect("refused");
    let report =
        error.excerpt().map(|excerpt| anstream::adapter::strip_str(&excerpt_text(excerpt)).to_string());
    format!("{}\n{}", report.unwrap_or_else(|| error.to_string()), error.hints().join("\n"))
}

fn names(text: &str) -> Vec<String> {
    let config = Config::parse(Source::new("release.toml", text.to_owned())).unwrap();
    pipeline(&config, &plugins(&Environment::default()))
        .unwrap()
        .stages()
        .map(|stage| stage.name().to_owned())
        .collect()
}

#[test]
fn the_default_pipeline_is_in_order() {
    assert_eq!(names(""), crate::config::DEFAULT_STAGES);
}

#[test]
fn a_configured_index_is_a_stage() {
    let text =
        "stages = [\"build\", \"corp\"]\n[index.corp]\nupload = \"https://pypi.corp.example/legacy/\"\n";
    assert_eq!(names(text), ["build", "corp"]);
}

#[test]
fn an_unknown_stage_is_underlined_and_the_nearest_suggested() {
    let shown = refused("stages = [\"changelog\", \"verison\"]\n");
    assert_data_eq!(
        shown,
        str![[r#"
error: unknown stage `verison`
 --> release.toml:1:24
  |
1 | stages = ["changelog", "verison"]
  |                        ^^^^^^^^^
did you mean `version`?
"#]]
    );
}

#[test]
fn a_stage_twice_is_refused() {
    assert_data_eq!(
        refused("stages = [\"build\", \"build\"]"),
        str![[r#"
error: `build` is listed twice
 --> release.toml:1:20
  |
1 | stages = ["build", "build"]
  |                    ^^^^^^^
a stage runs once in a release: remove one
"#]]
    );
}

#[test]
fn more_stages_than_anybody_has_are_refused_at_once() {
    let config = |count: usize| {
        let names: Vec<String> = (0..count).map(|at| format!("s{at}")).collect();
        let tables: Vec<String> =
            names.iter().map(|name| format!("[stage.{name}]\nrun = [\"x\"]\n")).collect();
        format!("stages = [\n  \"{}\"\n]\n{}", names.join("\",\n  \""), tables.concat())
    };
    assert_eq!(names(&config(500)).len(), 500);
    assert_data_eq!(
        refused(&config(3000)),
        str![[r#"
error: 3000 stages are listed, and a release has at most 500
   --> release.toml:502:3
    |
502 |   "s500",
    |   ^^^^^^
let one command do the work of several: its `run` may start a script
"#]]
    );
}

#[test]
fn settings_of_a_stage_that_does_not_run_are_refused() {
    let shown =
        refused("stages = [\"build\", \"docs\"]\n[stage.docs]\nrun = [\"x\"]\n[stage.dcos]\nrun = [\"x\"]\n");
    assert_data_eq!(
        shown,
        str![[r#"
error: [stage.dcos] is not in `stages`
 --> release.toml:4:1
  |
4 | [stage.dcos]
  | ^^^^^^^^^^^^
did you mean [stage.docs]?
"#]]
    );
}

/// `[index.pipy]` would leave the real PyPI where another index was meant.
#[test]
fn an_unused_index_with_a_similar_name_is_refused() {
    let index = |name: &str| {
        format!(
            "[index.{name}]\nupload = \"https://a.example/legacy/\"\nsimple = \"https://a.example/simple/\"\n"
        )
    };
    let shown = refused(&format!("stages = [\"build\", \"pypi\"]\n{}", index("pipy")));
    assert_data_eq!(
        shown,
        str![[r#"
error: no stage uploads to `pipy`
 --> release.toml:2:1
  |
2 | [index.pipy]
  | ^^^^^^^^^^^^
did you mean [index.pypi]? If not, give it a less similar name, or add it to `stages`
"#]]
    );
    let two = format!("stages = [\"build\", \"corporate\"]\n{}{}", index("corporate"), index("corporat"));
    assert_data_eq!(
        refused(&two),
        str![[r#"
error: no stage uploads to `corporat`
 --> release.toml:5:1
  |
5 | [index.corporat]
  | ^^^^^^^^^^^^^^^^
did you mean [index.corporate]? If not, give it a less similar name, or add it to `stages`
"#]]
    );
    // One of quite another name may be there for `upload --index`.
    for fine in [format!("stages = [\"build\", \"pypi\"]\n{}", index("mirror")), index("pypi")] {
        let config = Config::parse(Source::new("release.toml", fine)).unwrap();
        indexes::refuse_mistyped(&config).unwrap();
    }
}

#[test]
fn a_decreasing_reach_is_underlined_with_an_order_that_works() {
    let shown = refused("stages = [\"build\", \"pypi\", \"testpypi\"]\n");
    assert_data_eq!(
        shown,
        str![[r#"
error: `testpypi` (rehearsal) comes after `pypi` (public): if it fails, what `pypi` did is already out
 --> release.toml:1:28
  |
1 | stages = ["build", "pypi", "testpypi"]
  |                            ^^^^^^^^^^
an order that works: stages = ["build", "testpypi", "pypi"]
"#]]
    );
}

const WHEELS: &str = "[stage.wheels]\nrun = [\"make\"]\ngives = [\"distributions\"]\n";

#[test]
fn a_stage_before_what_it_needs_is_underlined_with_an_order_that_works() {
    let default = crate::config::DEFAULT_STAGES;
    let mut seen = Vec::new();
    for (first, second) in [
        ("tag", "version"),
        ("tag", "changelog"),
        ("build", "tag"),
        ("check", "build"),
        ("testpypi", "build"),
    ] {
        // The first is moved to the place just before the second.
        let mut order: Vec<&str> = default.into_iter().filter(|name| *name != first).collect();
        let place = order.iter().position(|name| *name == second).unwrap();
        order.insert(place, first);
        let shown = refused(&format!("stages = {order:?}\n"));
        let working = shown.split_once("an order that works: stages = ").expect(&shown).1;
        assert_eq!(names(&format!("stages = {working}")).len(), default.len(), "{working}");
        seen.push(shown);
    }
    assert_data_eq!(
        seen.join("\n"),
        str![[r#"
error: `tag` comes before `version`, which gives the `version` that it needs
 --> release.toml:1:24
  |
1 | stages = ["changelog", "tag", "version", "build", "check", "testpypi", "push", "pypi"]
  |                        ^^^^^
an order that works: stages = ["changelog", "version", "tag", "build", "check", "testpypi", "push", "pypi"]
error: `tag` comes before `changelog`, which gives the `notes` that it needs
 --> release.toml:1:11
  |
1 | stages = ["tag", "changelog", "version", "build", "check", "testpypi", "push", "pypi"]
  |           ^^^^^
an order that works: stages = ["changelog", "version", "tag", "build", "check", "testpypi", "push", "pypi"]
error: `build` comes before `tag`, which gives the `commit` that it needs
 --> release.toml:1:35
  |
1 | stages = ["changelog", "version", "build", "tag", "check", "testpypi", "push", "pypi"]
  |                                   ^^^^^^^
an order that works: stages = ["changelog", "version", "tag", "build", "check", "testpypi", "push", "pypi"]
error: `check` comes before `build`, which gives the `distributions` that it needs
 --> release.toml:1:42
  |
1 | stages = ["changelog", "version", "tag", "check", "build", "testpypi", "push", "pypi"]
  |                                          ^^^^^^^
an order that works: stages = ["changelog", "version", "tag", "build", "check", "testpypi", "push", "pypi"]
error: `build` (private) comes after `testpypi` (rehearsal): if it fails, what `testpypi` did is already out
 --> release.toml:1:54
  |
1 | stages = ["changelog", "version", "tag", "testpypi", "build", "check", "push", "pypi"]
  |                                                      ^^^^^^^
an order that works: stages = ["changelog", "version", "tag", "build", "check", "testpypi", "push", "pypi"]
"#]]
    );
}

#[test]
fn what_no_stage_gives_is_named_with_the_stage_that_would() {
    let shown = refused("stages = [\"tag\", \"pypi\"]\n");
    assert_data_eq!(
        shown,
        str![[r#"
error: `pypi` needs the `distributions`, and no stage gives it
 --> release.toml:1:18
  |
1 | stages = ["tag", "pypi"]
  |                  ^^^^^^
add `build` to `stages`, or gives = ["distributions"] to the [stage.NAME] of your own that makes them
"#]]
    );
    let shown = refused("stages = [\"x\"]\n[stage.x]\nrun = [\"x\"]\nneeds = [\"notes\"]\n");
    assert_data_eq!(
        shown,
        str![[r#"
error: `x` needs the `notes`, and no stage gives it
 --> release.toml:1:11
  |
1 | stages = ["x"]
  |           ^^^
add `changelog` to `stages`, or gives = ["notes"] to the [stage.NAME] of your own that makes them
"#]]
    );
}

#[test]
fn stages_of_ones_own_say_what_they_need_and_give() {
    let with = |stages: &str| format!("stages = [{stages}]\n{WHEELS}");
    assert_eq!(names(&with("\"wheels\", \"check\", \"pypi\"")), ["wheels", "check", "pypi"]);
    // One that gives what `build` gives, too, comes on either side of it.
    assert_eq!(names(&with("\"wheels\", \"build\", \"pypi\"")), ["wheels", "build", "pypi"]);
    assert_eq!(names(&with("\"build\", \"wheels\", \"pypi\"")), ["build", "wheels", "pypi"]);
    let shown = refused(&with("\"build\", \"check\", \"wheels\", \"pypi\""));
    assert_data_eq!(
        shown,
        str![[r#"
error: `check` comes before `wheels`, which gives the `distributions` that it needs
 --> release.toml:1:20
  |
1 | stages = ["build", "check", "wheels", "pypi"]
  |                    ^^^^^^^
an order that works: stages = ["build", "wheels", "check", "pypi"]
"#]]
    );
    // Two that change the distributions come as they are listed, after the build.
    let repairs = "[stage.a]\nrun = [\"a\"]\nneeds = [\"distributions\"]\ngives = [\"distributions\"]\n\
                   [stage.b]\nrun = [\"b\"]\nneeds = [\"distributions\"]\ngives = [\"distributions\"]\n";
    for order in [["build", "a", "b"], ["build", "b", "a"]] {
        assert_eq!(names(&format!("stages = {order:?}\n{repairs}")), order);
    }
    let shown = refused(&format!("stages = [\"a\", \"build\", \"b\"]\n{repairs}"));
    assert_data_eq!(
        shown,
        str![[r#"
error: `a` comes before `build`, which gives the `distributions` that it needs
 --> release.toml:1:11
  |
1 | stages = ["a", "build", "b"]
  |           ^^^
an order that works: stages = ["build", "a", "b"]
"#]]
    );
}

/// `tag` takes notes that are there; those that are made from the tagged commit come after it.
#[test]
fn what_a_stage_can_do_without_gives_way_to_what_another_needs() {
    let text = |stages: &[&str]| {
        format!(
            "stages = {stages:?}\n[stage.log]\nrun = [\"x\"]\nneeds = [\"commit\"]\ngives = [\"notes\"]\n\
             [stage.post]\nrun = [\"x\"]\nneeds = [\"notes\"]\n"
        )
    };
    assert_eq!(names(&text(&["tag", "log", "post"])), ["tag", "log", "post"]);
    let shown = refused(&text(&["log", "tag", "post"]));
    assert_data_eq!(
        shown,
        str![[r#"
error: `log` comes before `tag`, which gives the `commit` that it needs
 --> release.toml:1:11
  |
1 | stages = ["log", "tag", "post"]
  |           ^^^^^
an order that works: stages = ["tag", "log", "post"]
"#]]
    );
}

#[test]
fn a_contradiction_has_no_order_that_works() {
    let text = "stages = [\"a\", \"b\"]\n\
                [stage.a]\nrun = [\"a\"]\nneeds = [\"notes\"]\ngives = [\"distributions\"]\n\
                [stage.b]\nrun = [\"b\"]\nneeds = [\"distributions\"]\ngives = [\"notes\"]\n";
    assert_data_eq!(
        refused(text),
        str![[r#"
error: `a` comes before `b`, which gives the `notes` that it needs
 --> release.toml:1:11
  |
1 | stages = ["a", "b"]
  |           ^^^
no order of these stages works: their reach and what they need contradict each other
"#]]
    );
}

#[test]
fn wrong_settings_are_underlined() {
    let texts = [
        "stages = [\"x\"]\n[stage.x]\nrun = []\n",
        "stages = [\"x\"]\n[stage.x]\nrun = \"make\"\n",
        "stages = [\"x\"]\n[stage.x]\nrun = [\"x\"]\nreach = \"far\"\n",
        "stages = [\"x\"]\n[stage.x]\nrun = [\"x\"]\nneeds = [\"dist\"]\n",
        "stages = [\"x\"]\n[stage.x]\nrun = [\"x\"]\nreach = \"public\"\ngives = [\"notes\"]\n",
        "[stage.build]\nfrontend = \"make\"\n",
        "[stage.version]\nfiles = [1]\n",
        "[stage.version]\nfiles = [{ path = \"a\", search = \"b\", count = 0 }]\n",
        "[stage.pypi]\nsmoke = \"true\"\n",
        "[stage.pypi]\ninstall = true\nsmoke = \"python -c 'import\"\n",
        "[stage.check]\nallow = [\"nam\"]\n",
        "[index.pypi]\nupload = \"http://pypi.corp.example/\"\n",
    ];
    assert_data_eq!(
        texts.map(refused).join("\n"),
        str![[r#"
error: an empty command
 --> release.toml:3:7
  |
3 | run = []
  |       ^^
set the program and its arguments: ["make", "docs"]
error: invalid type: string "make", expected an array in [stage.x]
 --> release.toml:3:7
  |
3 | run = "make"
  |       ^^^^^^
write it as run = ["make"]
error: unknown value `far`, expected one of `private`, `rehearsal`, `repository`, `public`, `follow-up` in [stage.x]
 --> release.toml:4:9
  |
4 | reach = "far"
  |         ^^^^^

error: unknown value `dist`, expected one of `notes`, `version`, `commit`, `tag`, `distributions` in [stage.x]
 --> release.toml:4:10
  |
4 | needs = ["dist"]
  |          ^^^^^^

error: `x` gives the `notes`, and its reach is public
 --> release.toml:5:9
  |
5 | gives = ["notes"]
  |         ^^^^^^^^^
only a private stage can give something: split it into one that prepares and one that publishes
error: unknown value `make`, expected `build` or `uv` in [stage.build]
 --> release.toml:2:12
  |
2 | frontend = "make"
  |            ^^^^^^

error: invalid type: integer `1`, expected a path, or { path, search, replace, count } in [stage.version]
 --> release.toml:2:10
  |
2 | files = [1]
  |          ^

error: `count` must be at least 1 in [stage.version]
 --> release.toml:2:46
  |
2 | files = [{ path = "a", search = "b", count = 0 }]
  |                                              ^

error: `smoke` requires `install`
 --> release.toml:2:9
  |
2 | smoke = "true"
  |         ^^^^^^
add `install = true`: the command runs after the installation
error: `smoke` is not a valid command: a quote is not closed, or it is empty
 --> release.toml:3:9
  |
3 | smoke = "python -c 'import"
  |         ^^^^^^^^^^^^^^^^^^^

error: `nam` is not a rule of [stage.check]
 --> release.toml:2:9
  |
2 | allow = ["nam"]
  |         ^^^^^^^
did you mean `name`?
`upload` of index `pypi` cannot be used
use `https`; plain `http` is for servers on this machine
"#]]
    );
}
