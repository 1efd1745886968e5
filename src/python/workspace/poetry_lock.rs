//! What a poetry.lock records of the requirements of members, and the hash by which Poetry sees that it is up to date.

use std::ops::Range;

use sha2::{Digest, Sha256};
use toml_edit::{Item, TableLike, Value};

use super::names::Members;
use super::requirement::{Kind, Moves, Requirement};
use super::specifier::as_range;
use crate::python::project::{Edit, LockEntry, Toml};

/// The requirements that the entry of a member records, with the new specifiers.
pub(super) fn requirements(text: &str, entry: &LockEntry, members: &Members, moves: &Moves<'_>) -> Vec<Edit> {
    let moved = members.named(&text[entry.name.clone()]).and_then(|member| moves.get(&member));
    let Some(moved) = moved.filter(|_| entry.is_directory) else { return Vec::new() };
    let mut edits = Vec::new();
    let mut on = None;
    for (table, start, line) in entry.lines(text) {
        let is_list = table == "[package.dependencies]";
        if !is_list && table != "[package.extras]" {
            continue;
        }
        if is_list && let Some((name, _)) = line.split_once(" = ").filter(|_| !line.starts_with(' ')) {
            on = members.named(name.trim_matches('"'));
        }
        for part in strings(line) {
            let stated = &line[part.clone()];
            let (required, specifier) = match is_list {
                true => (on, part),
                // `core[x] (>=1.0)`
                false => {
                    let name = stated.split([' ', '[']).next().unwrap_or_default();
                    let open = stated.find('(').map_or(stated.len(), |at| at + 1);
                    let close = stated[open..].find(')').map_or(stated.len(), |at| open + at);
                    (members.named(name), part.start + open..part.start + close)
                }
            };
            let recorded = &line[specifier.clone()];
            let published = moved.iter().filter(|(requirement, _)| {
                Some(requirement.on) == required && matches!(requirement.kind, Kind::Run | Kind::Optional(_))
            });
            if let Some(new) = published.filter_map(|moved| respelled(recorded, moved)).next() {
                edits.push(Edit { span: start + specifier.start..start + specifier.end, text: new });
            }
        }
    }
    edits
}

/// The byte ranges between the quotes of a line.
fn strings(line: &str) -> Vec<Range<usize>> {
    let quotes: Vec<usize> = line.match_indices('"').map(|(at, _)| at).collect();
    quotes.chunks_exact(2).map(|pair| pair[0] + 1..pair[1]).collect()
}

/// The new specifier in the spelling of the recorded one, if that is the old one: as written, or as a range.
fn respelled(recorded: &str, (requirement, new): &(&Requirement, &str)) -> Option<String> {
    let Requirement { specifier, grammar, .. } = requirement;
    let bare = |text: &str| text.replace(char::is_whitespace, "");
    if bare(recorded) == bare(specifier) {
        return Some(bare(new));
    }
    let is_range = as_range(specifier, *grammar).is_some_and(|range| range == recorded);
    if is_range { as_range(new, *grammar) } else { None }
}

/// The new content hash, if the recorded one is that of the old pyproject.toml.
///
/// Poetry hashes what may change the solution: requirements, groups and sources. Before 2.3 it left out
/// `[dependency-groups]`.
pub(super) fn content_hash(text: &str, (old, new): (&str, &str)) -> Option<Edit> {
    const KEY: &str = "\ncontent-hash = \"";
    let start = text.rfind(KEY)? + KEY.len();
    let span = start..start + text[start..].find('"')?;
    let (old, new) = (Toml::parse("", old).ok()?, Toml::parse("", new).ok()?);
    let with_groups = [true, false];
    let recorded = |with_groups: &bool| hash(&old, *with_groups).as_deref() == Some(&text[span.clone()]);
    let with_groups = with_groups.into_iter().find(recorded)?;
    Some(Edit { span, text: hash(&new, with_groups)? })
}

/// The SHA-256 of the settings as Python's `json.dumps(…, sort_keys=True)` writes them.
fn hash(toml: &Toml, with_groups: bool) -> Option<String> {
    let get = |keys: &[&str]| toml.get(keys);
    let mut project = Vec::new();
    for key in ["dependencies", "optional-dependencies", "requires-python"] {
        if let Some(item) = get(&["project", key]) {
            project.push((key, json(item)?));
        }
    }
    let groups = get(&["dependency-groups"]).filter(|_| with_groups);
    let groups = groups.filter(|item| item.as_table_like().is_some_and(|table| !table.is_empty()));
    let mut poetry = Vec::new();
    for key in ["dependencies", "dev-dependencies", "extras", "group", "source"] {
        match get(&["tool", "poetry", key]) {
            Some(item) => poetry.push((key, json(item)?)),
            None if key != "group" && project.is_empty() && groups.is_none() => {
                poetry.push((key, "null".to_owned()));
            }
            None => {}
        }
    }
    let poetry = object(poetry);
    let mut relevant = Vec::new();
    if let Some(groups) = groups {
        relevant.push(("dependency-groups", json(groups)?));
    }
    if !project.is_empty() {
        relevant.push(("project", object(project)));
    }
    let content = match relevant.is_empty() {
        true => poetry,
        false => {
            relevant.push(("tool", object(vec![("poetry", poetry)])));
            object(relevant)
        }
    };
    Some(Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// As Python writes it; none for what JSON does not have, or spells in several ways.
fn json(item: &Item) -> Option<String> {
    match item {
        Item::Value(value) => json_value(value),
        Item::ArrayOfTables(tables) => {
            let tables: Option<Vec<String>> = tables.iter().map(|table| json_table(table)).collect();
            Some(format!("[{}]", tables?.join(", ")))
        }
        item => json_table(item.as_table_like()?),
    }
}

fn json_value(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(quoted(text.value())),
        Value::Integer(number) => Some(number.value().to_string()),
        Value::Boolean(truth) => Some(truth.value().to_string()),
        Value::Array(values) => {
            let values: Option<Vec<String>> = values.iter().map(json_value).collect();
            Some(format!("[{}]", values?.join(", ")))
        }
        Value::InlineTable(table) => json_table(table),
        Value::Float(_) | Value::Datetime(_) => None,
    }
}

fn json_table(table: &dyn TableLike) -> Option<String> {
    let entries: Option<Vec<(&str, String)>> =
        table.iter().map(|(key, item)| Some((key, json(item)?))).collect();
    Some(object(entries?))
}

fn object(mut entries: Vec<(&str, String)>) -> String {
    entries.sort();
    let entries: Vec<String> =
        entries.iter().map(|(key, value)| format!("{}: {value}", quoted(key))).collect();
    format!("{{{}}}", entries.join(", "))
}

/// A string in ASCII.
fn quoted(text: &str) -> String {
    let mut written = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => written.extend(['\\', letter]),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            '\u{8}' => written.push_str("\\b"),
            '\u{c}' => written.push_str("\\f"),
            ' '..='~' => written.push(letter),
            _ => {
                let mut units = [0; 2];
                let units = letter.encode_utf16(&mut units).iter();
                written.extend(units.map(|unit| format!("\\u{unit:04x}")));
            }
        }
    }
    written.push('"');
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hash that a lock file with the hash `recorded` gets, if it is that of the old file.
    fn rehashed(recorded: &str, old: &str) -> Option<String> {
        let lock = format!("[metadata]\nlock-version = \"2.1\"\ncontent-hash = \"{recorded}\"\n");
        let new = old.replace("^1.0\"\n\"b", "^1.1\"\n\"b").replace("==1.0", "==1.1");
        let edit = content_hash(&lock, (old, &new))?;
        assert_eq!(&lock[edit.span], recorded);
        Some(edit.text)
    }

    /// The hashes are those of `Locker._get_content_hash` in Poetry 2.5.1.
    #[test]
    fn the_content_hash_is_that_of_poetry() {
        let legacy = "[tool.poetry]\nname = \"x\"\nversion = \"1.0\"\ndescription = \"é\"\n[tool.poetry.dependencies]\npython = \"^3.9\"\ncore = \"^1.0\"\n\
                      \"b.é\\\"\\n\\U0001F600\" = { version = \"*\", optional = true, priority = 3 }\n\
                      [tool.poetry.extras]\ny = [\"b\"]\n[[tool.poetry.source]]\nname = \"s\"\n";
        let standard = "[project]\nname = \"x\"\ndependencies = [\"core==1.0\"]\n[dependency-groups]\ndev = [\"core\", { include-group = \"e\" }]\ne = []\n\
                        [tool.poetry.group.t.dependencies]\ncore = \"^1.0\"\n";
        for (text, recorded, expected) in [
            (
                legacy,
                "7a20be179a3526930fd23b8cbbadd75b50f62b78498f35bca2c685810bf9eceb",
                "0fe263f046559bb2e5a683c2abda8dbf53e572640ebc635522a1d059ab0a06ca",
            ),
            (
                standard,
                "9ed139f8594150a1243b258b220ecdf23fc9b00f05664b9704a5d1df052b997f",
                "4ca1451de159888e63452203740576cbb7e17600e9d93f4b4ac120e90ae5bc3b",
            ),
            (
                standard,
                "4b64f3f3c4a6ee94ca16cfc69c02f95f40df0e436606b89ab89b6689b2f9a136",
                "1a4172c8d8a1c3e1283778c1dc1abedbeb77f7e53f7c60a7a289c2011cfb2794",
            ),
        ] {
            assert_eq!(rehashed(recorded, text).as_deref(), Some(expected));
            // A stale hash is left, and so is one that JSON cannot tell.
            assert_eq!(rehashed(&expected.to_lowercase(), text), None);
            assert_eq!(
                rehashed(
                    recorded,
                    &text.replace("[tool.poetry.", "[tool.poetry.dependencies.f]\ng = 1.5\n[tool.poetry.")
                ),
                None
            );
        }
    }
}
