//! The first mistakes of somebody who writes a plugin: each is told, with what to do.

use pyrelease_test_support::{Sandbox, assert_redacted, str};

use super::writing::pyrelease;

#[test]
fn first_mistakes_are_told() {
    let sandbox = Sandbox::new();
    let new = ["plugin", "new", "site"];
    let mut seen = Vec::new();
    for (arguments, code) in [
        (&new[..], 0),
        (&["plugin", "new", "tag"], 2),
        (&["plugin", "new", "testpypi"], 2),
        (&["plugin", "test", "nothing.py"], 2),
        (&["plugin", "test", "site"], 2),
        (&["plugin", "test", "site/site.py", "--config", "file=x"], 2),
        (&["plugin", "test", "site/site.py"], 1),
        (&["plugin", "test", "site/site.py", "--config", "{\"fiel\": \"x\", \"file\": \"y\"}"], 1),
    ] {
        let (status, said) = pyrelease(&sandbox, arguments);
        assert_eq!(status, code, "{arguments:?}: {said}");
        seen.push(format!("$ pyrelease {}\n{said}", arguments.join(" ")));
    }
    assert_redacted(
        &seen.join("\n"),
        sandbox.root(),
        str![[r#"
$ pyrelease plugin new site
created a working plugin in `site`; to test it: pyrelease plugin test site/site.py --config '{"file": "released.txt"}'

$ pyrelease plugin new tag
error: `tag` is a built-in stage
help: choose another name for the plugin

$ pyrelease plugin new testpypi
error: `testpypi` is an index, whose stage uploads to it
help: choose another name for the plugin

$ pyrelease plugin test nothing.py
error: `nothing.py` does not exist
help: pass the plugin's own file: the script, or the built library

$ pyrelease plugin test site
error: `site` is a folder, not a file
help: pass the plugin's own file: the script, or the built library

$ pyrelease plugin test site/site.py --config file=x
error: `--config` is not valid JSON
  caused by: expected ident at line 1 column 2
help: pass it as --config '{"key": "value"}'

$ pyrelease plugin test site/site.py
passed    describe
failed    config, by its schema: `file` is missing: pass it with `--config`
error: the plugin has 1 problem

$ pyrelease plugin test site/site.py --config {"fiel": "x", "file": "y"}
passed    describe
failed    config, by its schema: unknown key `fiel`; did you mean `file`?
error: the plugin has 1 problem

"#]],
    );
}
