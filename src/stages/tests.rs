use super::*;
use crate::config::Source;
use crate::ui::excerpt_text;
use crate::world::Environment;

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
    assert!(
        shown.contains("unknown stage `verison`") && shown.contains("did you mean `version`?"),
        "{shown}"
    );
    assert!(shown.contains("release.toml:1:24") || shown.contains("^^^^^^^^^"), "{shown}");
}

#[test]
fn a_stage_twice_is_refused() {
    assert!(refused("stages = [\"build\", \"build\"]").contains("listed twice"));
}

#[test]
fn settings_of_a_stage_that_does_not_run_are_refused() {
    let shown =
        refused("stages = [\"build\", \"docs\"]\n[stage.docs]\nrun = [\"x\"]\n[stage.dcos]\nrun = [\"x\"]\n");
    assert!(
        shown.contains("[stage.dcos] is not in `stages`") && shown.contains("did you mean [stage.docs]?"),
        "{shown}"
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
    assert!(
        shown.contains("no stage uploads to `pipy`") && shown.contains("did you mean [index.pypi]?"),
        "{shown}"
    );
    let two = format!("stages = [\"build\", \"corporate\"]\n{}{}", index("corporate"), index("corporat"));
    assert!(refused(&two).contains("did you mean [index.corporate]?"));
    // One of quite another name may be there for `upload --index`.
    for fine in [format!("stages = [\"build\", \"pypi\"]\n{}", index("mirror")), index("pypi")] {
        let config = Config::parse(Source::new("release.toml", fine)).unwrap();
        indexes::refuse_mistyped(&config).unwrap();
    }
}

#[test]
fn a_decreasing_reach_is_underlined_with_an_order_that_works() {
    let shown = refused("stages = [\"build\", \"pypi\", \"testpypi\"]\n");
    assert!(shown.contains("`testpypi` (rehearsal) comes after `pypi` (public)"), "{shown}");
    assert!(shown.contains("stages = [\"build\", \"testpypi\", \"pypi\"]"), "{shown}");
}

const WHEELS: &str = "[stage.wheels]\nrun = [\"make\"]\ngives = [\"distributions\"]\n";

#[test]
fn a_stage_before_what_it_needs_is_underlined_with_an_order_that_works() {
    let default = crate::config::DEFAULT_STAGES;
    for (first, second, said) in [
        ("tag", "version", "`tag` comes before `version`, which gives the `version` that it needs"),
        ("tag", "changelog", "gives the `notes`"),
        ("build", "tag", "gives the `commit`"),
        ("check", "build", "`check` comes before `build`, which gives the `distributions` that it needs"),
        ("testpypi", "build", "`build` (private) comes after `testpypi` (rehearsal)"),
    ] {
        // The first is moved to the place just before the second.
        let mut order: Vec<&str> = default.into_iter().filter(|name| *name != first).collect();
        let place = order.iter().position(|name| *name == second).unwrap();
        order.insert(place, first);
        let shown = refused(&format!("stages = {order:?}\n"));
        assert!(shown.contains(said) && shown.contains("^^^"), "{first}, {second}: {shown}");
        let working = shown.split_once("an order that works: stages = ").expect(&shown).1;
        assert_eq!(names(&format!("stages = {working}")).len(), default.len(), "{working}");
    }
}

#[test]
fn what_no_stage_gives_is_named_with_the_stage_that_would() {
    let shown = refused("stages = [\"tag\", \"pypi\"]\n");
    assert!(shown.contains("`pypi` needs the `distributions`, and no stage gives it"), "{shown}");
    assert!(shown.contains("add `build` to `stages`, or gives = [\"distributions\"]"), "{shown}");
    let shown = refused("stages = [\"x\"]\n[stage.x]\nrun = [\"x\"]\nneeds = [\"notes\"]\n");
    assert!(shown.contains("add `changelog` to `stages`"), "{shown}");
}

#[test]
fn stages_of_ones_own_say_what_they_need_and_give() {
    let with = |stages: &str| format!("stages = [{stages}]\n{WHEELS}");
    assert_eq!(names(&with("\"wheels\", \"check\", \"pypi\"")), ["wheels", "check", "pypi"]);
    // One that gives what `build` gives, too, comes on either side of it.
    assert_eq!(names(&with("\"wheels\", \"build\", \"pypi\"")), ["wheels", "build", "pypi"]);
    assert_eq!(names(&with("\"build\", \"wheels\", \"pypi\"")), ["build", "wheels", "pypi"]);
    let shown = refused(&with("\"build\", \"check\", \"wheels\", \"pypi\""));
    assert!(shown.contains("`check` comes before `wheels`"), "{shown}");
    assert!(shown.contains("stages = [\"build\", \"wheels\", \"check\", \"pypi\"]"), "{shown}");
    // Two that change the distributions come as they are listed, after the build.
    let repairs = "[stage.a]\nrun = [\"a\"]\nneeds = [\"distributions\"]\ngives = [\"distributions\"]\n\
                   [stage.b]\nrun = [\"b\"]\nneeds = [\"distributions\"]\ngives = [\"distributions\"]\n";
    for order in [["build", "a", "b"], ["build", "b", "a"]] {
        assert_eq!(names(&format!("stages = {order:?}\n{repairs}")), order);
    }
    let shown = refused(&format!("stages = [\"a\", \"build\", \"b\"]\n{repairs}"));
    assert!(shown.contains("stages = [\"build\", \"a\", \"b\"]"), "{shown}");
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
    assert!(shown.contains("stages = [\"tag\", \"log\", \"post\"]"), "{shown}");
}

#[test]
fn a_contradiction_has_no_order_that_works() {
    let text = "stages = [\"a\", \"b\"]\n\
                [stage.a]\nrun = [\"a\"]\nneeds = [\"notes\"]\ngives = [\"distributions\"]\n\
                [stage.b]\nrun = [\"b\"]\nneeds = [\"distributions\"]\ngives = [\"notes\"]\n";
    assert!(refused(text).contains("no order of these stages works"));
}

#[test]
fn wrong_settings_are_underlined() {
    for (text, expected) in [
        ("stages = [\"x\"]\n[stage.x]\nrun = []\n", "an empty command"),
        ("stages = [\"x\"]\n[stage.x]\nrun = \"make\"\n", "expected an array"),
        ("stages = [\"x\"]\n[stage.x]\nrun = [\"x\"]\nreach = \"far\"\n", "unknown value `far`"),
        (
            "stages = [\"x\"]\n[stage.x]\nrun = [\"x\"]\nneeds = [\"dist\"]\n",
            "unknown value `dist`, expected one of `notes`, `version`, `commit`, `tag`, `distributions`",
        ),
        (
            "stages = [\"x\"]\n[stage.x]\nrun = [\"x\"]\nreach = \"public\"\ngives = [\"notes\"]\n",
            "`x` gives the `notes`, and its reach is public",
        ),
        ("[stage.build]\nfrontend = \"make\"\n", "unknown value `make`"),
        ("[stage.version]\nfiles = [1]\n", "a path, or { path, search, replace, count }"),
        ("[stage.version]\nfiles = [{ path = \"a\", search = \"b\", count = 0 }]\n", "at least 1"),
        ("[stage.pypi]\nsmoke = \"true\"\n", "`smoke` requires `install`"),
        ("[stage.pypi]\ninstall = true\nsmoke = \"python -c 'import\"\n", "a quote is not closed"),
        ("[stage.check]\nallow = [\"nam\"]\n", "did you mean `name`?"),
        ("[index.pypi]\nupload = \"http://pypi.corp.example/\"\n", "cannot be used"),
    ] {
        let shown = refused(text);
        assert!(shown.contains(expected), "{text}: {shown}");
    }
}
