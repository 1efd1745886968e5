//! The first mistakes of somebody who writes a plugin: each is told, with what to do.

use pyrelease_test_support::Sandbox;

use super::writing::pyrelease;

#[test]
fn first_mistakes_are_told() {
    let sandbox = Sandbox::new();
    let new = ["plugin", "new", "site"];
    for (arguments, code, expected) in [
        (&new[..], 0, "created a working plugin"),
        (&["plugin", "new", "tag"], 2, "`tag` is a built-in stage"),
        (&["plugin", "new", "testpypi"], 2, "`testpypi` is an index"),
        (&["plugin", "test", "nothing.py"], 2, "`nothing.py` does not exist"),
        (&["plugin", "test", "site"], 2, "`site` is a folder"),
        (&["plugin", "test", "site/site.py", "--config", "file=x"], 2, "--config '{\"key\": \"value\"}'"),
        (&["plugin", "test", "site/site.py"], 1, "`file` is missing: pass it with `--config`"),
        (
            &["plugin", "test", "site/site.py", "--config", "{\"fiel\": \"x\", \"file\": \"y\"}"],
            1,
            "unknown key `fiel`; did you mean `file`?",
        ),
    ] {
        let (status, said) = pyrelease(&sandbox, arguments);
        assert!(status == code && said.contains(expected), "{arguments:?}: {said}");
    }
}
