//! Writes a `release.toml`.

use std::fmt;
use std::ops::Deref;

use serde::Serialize;
use serde_json::Value;

/// The text of a `release.toml`, which grows line by line
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config(String);

impl Config {
    /// A text that begins with `stages`; `names` are separated by blanks.
    pub fn stages(names: &str) -> Self {
        Self::default().set("stages", names.split_whitespace().collect::<Vec<_>>())
    }

    /// Begins the table `[stage.NAME]`.
    pub fn stage(self, name: &str) -> Self {
        self.table("stage", name)
    }

    /// Begins the table `[index.NAME]`.
    pub fn index(self, name: &str) -> Self {
        self.table("index", name)
    }

    fn table(mut self, kind: &str, name: &str) -> Self {
        self.0.push_str(&format!("\n[{kind}.{name}]\n"));
        self
    }

    /// Sets a key, which may have dots, to a text, a number, a truth value or a list of such.
    ///
    /// # Panics
    /// The value is another one.
    pub fn set(mut self, key: &str, value: impl Serialize) -> Self {
        let value = serde_json::to_value(value).expect("a value of a configuration");
        self.0.push_str(&format!("{key} = {}\n", toml(&value)));
        self
    }

    /// Begins `[index.NAME]` with these URLs.
    pub fn server(self, name: &str, upload: &str, simple: &str) -> Self {
        self.index(name).set("upload", upload).set("simple", simple)
    }

    /// Sets `run` to a shell script.
    pub fn shell(self, script: &str) -> Self {
        self.set("run", ["sh", "-c", script])
    }

    /// Appends lines as they are.
    pub fn lines(mut self, text: &str) -> Self {
        self.0.push_str(text);
        self
    }
}

/// TOML and JSON have the same syntax for these values; a list has blanks, as people write it.
fn toml(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Object(_) | Value::Null => panic!("{value} needs a table"),
        _ => value.to_string(),
    }
}

impl Deref for Config {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_grows_line_by_line() {
        let config = Config::stages("build corp")
            .index("corp")
            .set("upload", "https://corp.example/\"x\"/")
            .stage("build")
            .set("isolation", false)
            .shell("exit 1");
        let expected = "stages = [\"build\", \"corp\"]\n\n[index.corp]\nupload = \"https://corp.example/\\\"x\\\"/\"\n\n\
                        [stage.build]\nisolation = false\nrun = [\"sh\", \"-c\", \"exit 1\"]\n";
        assert_eq!(&*config, expected);
    }
}
