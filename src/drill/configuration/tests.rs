use super::*;
use crate::config::Source;
use snapbox::{assert_data_eq, str};

fn drilled(name: &str, text: &str, for_real: ForReal) -> (Config, Vec<String>) {
    let config = Config::parse(Source::new(name, text.to_owned())).unwrap();
    let purpose = Purpose::Drill(for_real);
    let configuration = Configuration::read(&config, purpose, &[notify()]).unwrap();
    let address = |name: &str| {
        let (upload, simple) =
            (format!("http://127.0.0.1/{name}/legacy/"), format!("http://127.0.0.1/{name}/simple/"));
        Some(Address { upload, simple })
    };
    let text = configuration.text(address, (Path::new("/original"), Path::new("/marks"))).unwrap();
    let parsed =
        Config::parse(Source::new(FILE, text.clone())).unwrap_or_else(|error| panic!("{error}: {text}"));
    (parsed, configuration.left_out)
}

fn notify() -> PluginStage {
    let (reach, classes) = (Reach::FollowUp, Classes::Irreversible);
    PluginStage { stage: "notify".to_owned(), reach, classes, source: "/original/notify.py".into() }
}

const OWN: &str = "\
stages = [\"build\", \"testpypi\", \"corp\", \"tests\", \"docs\"]

[stage]
docs = { run = [\"mkdocs\", \"gh-deploy\"], reach = \"follow-up\" }
testpypi = { install = true, smoke = \"demo\" }
build = { python = \"tools/python\" }

[stage.tests]
run = [\"pytest\"]

[index.corp]
upload = \"https://pypi.corp.example/legacy/\"
";

#[test]
fn nothing_reaches_outside() {
    let (config, left_out) = drilled("release.toml", OWN, ForReal::default());
    let testpypi = &config.indexes()["testpypi"];
    assert_eq!(testpypi.upload, "http://127.0.0.1/testpypi/legacy/");
    assert_eq!(testpypi.simple.as_deref(), Some("http://127.0.0.1/testpypi/simple/"));
    assert_eq!((testpypi.kind, config.indexes()["corp"].kind), (IndexKind::Rehearsal, IndexKind::Public));
    assert_eq!(config.indexes()["corp"].upload, "http://127.0.0.1/corp/legacy/");
    assert_eq!(config.indexes()["corp"].simple, None, "one that lists nothing does not begin to");
    assert!(!config.source().text().contains("mkdocs") && config.source().text().contains("/marks/docs"));
    assert!(config.source().text().contains("pytest") && !config.source().text().contains("install"));
    assert!(config.source().text().contains("/original/tools/python"));
    assert_eq!(left_out.len(), 2, "{left_out:?}");
}

#[test]
fn a_stand_in_has_the_effects_and_the_reach_of_the_plugin() {
    let text = "stages = [\"tag\", \"notify\"]\n\n[stage.notify]\nplugin = \"notify\"\nsecrets = [\"X\"]\n";
    let (config, left_out) = drilled("release.toml", text, ForReal::default());
    let text = config.source().text();
    let command = "[\"pyrelease-drill-stand-in\", \"--effects=irreversible\", \"--reach=follow-up\", \"/marks/notify\"]";
    assert!(text.contains(&format!("command = {command}")) && !text.contains("secrets"), "{text}");
    assert_data_eq!(
        left_out[0].as_str(),
        str![
            "a stand-in replaces the plugin of `notify`, with the same reach and irreversible effects (pass `--commands` to run it)"
        ]
    );
    assert_eq!(
        stand_in::marks("x", Classes::Irreversible),
        [("x.first".to_owned(), true), ("x.last".to_owned(), false)]
    );
    assert_eq!(stand_in::marks("x", Classes::Reversible), [("x.first".to_owned(), true)]);
    assert_eq!(stand_in::marks("x", Classes::None), []);
}

#[test]
fn a_plugin_run_for_real_keeps_its_settings() {
    let text = "stages = [\"notify\"]\n\n[stage.notify]\nplugin = \"notify\"\nsecrets = [\"X\"]\n";
    let config = Config::parse(Source::new("release.toml", text.to_owned())).unwrap();
    let for_real = ForReal { commands: true, install: false };
    let purpose = Purpose::Drill(for_real);
    let configuration = Configuration::read(&config, purpose, &[notify()]).unwrap();
    assert_eq!(configuration.text(|_| None, (Path::new("/o"), Path::new("/m"))).unwrap(), text);
    assert_eq!(configuration.secrets, ["PYRELEASE_SECRET_X", "X"]);
    assert_eq!((configuration.executor("notify"), configuration.left_out.len()), (Executor::Plugin, 0));
    assert!(configuration.run_for_real().count() == 1 && configuration.changes_outside());
    let purpose = Purpose::Drill(ForReal::default());
    let configuration = Configuration::read(&config, purpose, &[notify()]).unwrap();
    assert_eq!((configuration.executor("notify"), configuration.secrets.len()), (Executor::StandIn, 0));
    assert!(configuration.run_for_real().count() == 0 && !configuration.changes_outside());
}

#[test]
fn requested_commands_run_for_real() {
    let (config, left_out) = drilled("release.toml", OWN, ForReal { commands: true, install: true });
    assert!(config.source().text().contains("mkdocs") && config.source().text().contains("install"));
    assert_eq!(left_out, [""; 0]);
}

#[test]
fn a_project_without_a_configuration_and_one_in_its_pyproject() {
    let (config, _) = drilled("release.toml", "", ForReal::default());
    assert_eq!(config.stages().len(), 8);
    assert_eq!(config.indexes()["pypi"].upload, "http://127.0.0.1/pypi/legacy/");

    let text = "[project]\nname = \"demo\"\n\n[tool.pyrelease]\nstages = [\"build\", \"pypi\"]\n";
    let (config, _) = drilled("pyproject.toml", text, ForReal::default());
    assert_eq!(config.stages().len(), 2);
    assert_eq!(config.indexes()["pypi"].upload, "http://127.0.0.1/pypi/legacy/");
    assert!(!config.source().text().contains("name = \"demo\""));
}
