//! Mistakes in a `release.toml`: what is wrong, where, and what to write instead.

use pyrelease_test_support::Transcript;

use crate::release::quick;

/// What somebody wanted, and what they wrote
const MISTAKES: [(&str, &str); 29] = [
    ("not TOML", "stages = [\"changelog\", \n[stage.tag\n"),
    ("an unknown key", "stage = [\"changelog\"]\n"),
    ("an unknown key of a stage", "[stage.tag]\nnmae = \"v{version}\"\n"),
    ("a wrong type", "stages = \"changelog\"\n"),
    ("a wrong type of a setting", "[stage.testpypi]\ninstall = \"yes\"\n"),
    ("a bump that is none", "[stage.version]\nbump = \"dve\"\n"),
    (
        "a command as one text",
        "stages = [\"tests\", \"tag\"]\n\n[stage.tests]\nrun = \"pytest -q -m 'not slow'\"\n",
    ),
    (
        "a command as one text that needs a shell",
        "stages = [\"tests\", \"tag\"]\n\n[stage.tests]\nrun = \"make && pytest\"\n",
    ),
    ("a list as one text", "[stage.check]\nallow = \"no-license, no-requires-python\"\n"),
    ("a text as a list", "[stage.testpypi]\nsmoke = [\"python\", \"-c\", \"import demo\"]\n"),
    ("a value that is none of those there are", "[stage.build]\nfrontend = \"poetry\"\n"),
    ("an unknown stage", "stages = [\"changelog\", \"verison\"]\n"),
    ("a stage that is none at all", "stages = [\"version\", \"tag\", \"artifactory\"]\n"),
    ("a stage twice", "stages = [\"changelog\", \"version\", \"version\", \"tag\"]\n"),
    (
        "a section of a stage that is not listed",
        "stages = [\"version\", \"tag\"]\n\n[stage.docs]\nrun = [\"mkdocs\"]\n",
    ),
    (
        "an order that could not be undone",
        "stages = [\"changelog\", \"version\", \"tag\", \"build\", \"check\", \"pypi\", \"testpypi\", \"push\"]\n",
    ),
    ("an unknown index", "[index.pipy]\nupload = \"https://upload.pypi.org/legacy/\"\n"),
    (
        "an index without its address",
        "stages = [\"version\", \"tag\", \"corp\"]\n\n[index.corp]\nkind = \"public\"\n",
    ),
    (
        "a bad URL",
        "stages = [\"version\", \"tag\", \"corp\"]\n\n[index.corp]\nupload = \"pypi.corp.example\"\nsimple = \"https://x.example/simple/\"\n",
    ),
    (
        "a bad kind",
        "[index.corp]\nkind = \"private\"\nupload = \"https://x.example/\"\nsimple = \"https://x.example/simple/\"\n",
    ),
    (
        "a bad reach",
        "stages = [\"version\", \"tag\", \"docs\"]\n\n[stage.docs]\nrun = [\"true\"]\nreach = \"everywhere\"\n",
    ),
    ("a command that is nothing", "stages = [\"version\", \"tag\", \"docs\"]\n\n[stage.docs]\nrun = []\n"),
    ("an unknown name in a template", "[stage.tag]\nname = \"v{versoin}\"\n"),
    ("an empty message", "[stage.tag]\ncommit-message = \" \\n\"\n"),
    ("an empty message of a tag", "[stage.tag]\nmessage = \"\"\n"),
    ("a file of the git folder", "carry = [\".git/config\"]\n"),
    ("a rule that is none", "[stage.check]\nallow = [\"no-licence\"]\n"),
    (
        "a variable that is not held back",
        "stages = [\"version\", \"tag\", \"docs\"]\n\n[stage.docs]\nrun = [\"true\"]\nenvironment = [\"PATH\"]\n",
    ),
    ("another program's configuration", "sign-tag = true\n"),
];

#[test]
fn mistakes_in_a_configuration() {
    let project = quick().build();
    let mut seen = Transcript::named("configuration");
    for (what, config) in MISTAKES {
        project.write("release.toml", config);
        let outcome = project.pyrelease("plan minor").run();
        seen.heading(what).add(&outcome);
        assert_ne!(outcome.status(), 0, "{what}: {outcome}");
    }
    project.write("release.toml", "");
    seen.heading("a file that is not there");
    seen.add(&project.pyrelease("plan --manifest nowhere.toml").code(2));
    seen.assert();
}
