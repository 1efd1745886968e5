//! Shell scripts of the tests.

/// A shell script in which these variables are set.
///
/// # Panics
/// A value contains a NUL.
pub fn shell_script(variables: &[(&str, &str)], body: &str) -> String {
    let mut script = String::from("#!/bin/sh\n");
    for (name, value) in variables {
        let value = shlex::try_quote(value).expect("no NUL");
        script.push_str(&format!("{name}={value}\n"));
    }
    script + body
}
