//! The options of `python -m build` that a kept environment can honour.

use std::collections::BTreeMap;

use serde_json::Value;

/// What the options ask for
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Options {
    pub(super) sdist: bool,
    pub(super) wheel: bool,
    /// For the backend
    pub(super) settings: Option<Value>,
}

impl Options {
    /// Reads the options.
    ///
    /// # Errors
    /// The option that only `python -m build` knows.
    pub(super) fn read(options: &[String]) -> Result<Self, String> {
        let mut read = Self::default();
        let mut settings: BTreeMap<String, Value> = BTreeMap::new();
        let mut options = options.iter();
        while let Some(option) = options.next() {
            let setting = match option.as_str() {
                "--sdist" | "-s" => {
                    read.sdist = true;
                    continue;
                }
                "--wheel" | "-w" => {
                    read.wheel = true;
                    continue;
                }
                "--config-setting" | "-C" => options.next().filter(|value| !value.starts_with('-')),
                _ => None,
            };
            let joined = option.strip_prefix("--config-setting=").or_else(|| option.strip_prefix("-C"));
            let setting = setting.map(String::as_str).or(joined.filter(|value| !value.is_empty()));
            let Some(setting) = setting else { return Err(option.clone()) };
            let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
            let value = Value::from(value);
            // Given several times, the values are a list.
            match settings.get_mut(name) {
                None => drop(settings.insert(name.to_owned(), value)),
                Some(Value::Array(values)) => values.push(value),
                Some(first) => *first = Value::Array(vec![first.take(), value]),
            }
        }
        if !settings.is_empty() {
            read.settings = Some(settings.into_iter().collect());
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(options: &[&str]) -> Result<Options, String> {
        Options::read(&options.iter().map(|option| (*option).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn config_settings_are_read_as_by_build() {
        let read = |options: &[&str]| super::tests::read(options).unwrap().settings.unwrap();
        assert_eq!(read(&["-C", "a=1", "--config-setting", "b=x=y"]), json!({"a": "1", "b": "x=y"}));
        assert_eq!(
            read(&["-Ca=1", "--config-setting=a=2", "-C", "a=3", "-C--opt"]),
            json!({"a": ["1", "2", "3"], "--opt": ""})
        );
    }

    #[test]
    fn the_kinds_are_read_and_others_left_to_build() {
        assert_eq!(read(&["-s"]).unwrap(), Options { sdist: true, ..Options::default() });
        assert_eq!(read(&["--wheel"]).unwrap(), Options { wheel: true, ..Options::default() });
        assert_eq!(read(&[]).unwrap(), Options::default());
        for unknown in ["--installer", "-n", "--no-isolation", "-v", "--config-json", "-C"] {
            assert_eq!(read(&[unknown]), Err(unknown.to_owned()));
        }
    }
}
