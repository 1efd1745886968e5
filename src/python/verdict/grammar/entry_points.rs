//! Checks `entry_points.txt` as Python's `configparser` reads it with `=` as the only delimiter.

use super::cursor::is_word;

/// The longest line that is displayed
const LONGEST_SHOWN: usize = 120;

/// An error in a file of entry points, and its line (counted from 1)
#[derive(Debug, PartialEq, Eq)]
pub(in crate::python::verdict) struct Problem {
    pub(in crate::python::verdict) line: usize,
    pub(in crate::python::verdict) text: String,
    pub(in crate::python::verdict) what: String,
}

/// An entry point: its section, its name and its line
struct Entry<'a> {
    section: &'a str,
    name: &'a str,
    line: usize,
    text: &'a str,
}

/// Checks a file as PyPI does: its syntax, and the names of commands.
pub(in crate::python::verdict) fn check(content: &[u8]) -> Result<(), Problem> {
    let problem = |line: usize, text: &str, what: &str| Problem {
        line,
        text: text.trim_end().chars().take(LONGEST_SHOWN).collect(),
        what: what.to_owned(),
    };
    let text = std::str::from_utf8(content).map_err(|error| {
        let line = content[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
        problem(line, "", "it is not UTF-8")
    })?;
    let entries = read(text)
        .map_err(|(line, what)| problem(line, text.lines().nth(line - 1).unwrap_or_default(), what))?;
    let of_commands = |entry: &&Entry<'_>| matches!(entry.section, "console_scripts" | "gui_scripts");
    let defaults =
        if entries.iter().any(|entry| of_commands(&entry)) { "DEFAULT" } else { "console_scripts" };
    for entry in entries.iter().filter(|entry| of_commands(entry) || entry.section == defaults) {
        if entry.name.is_empty()
            || !entry.name.chars().all(|letter| is_word(letter) || matches!(letter, '.' | '-'))
        {
            let what = "a command's name must consist of letters, digits, `_`, `.` and `-`";
            return Err(problem(entry.line, entry.text, what));
        }
    }
    Ok(())
}

fn read(text: &str) -> Result<Vec<Entry<'_>>, (usize, &'static str)> {
    let mut sections = std::collections::HashSet::new();
    let mut names = std::collections::HashSet::new();
    let mut entries: Vec<Entry<'_>> = Vec::new();
    let (mut section, mut in_entry, mut indentation) = (None, false, 0);
    for (index, line) in text.split('\n').enumerate() {
        let number = index + 1;
        let content = line.trim();
        if content.is_empty() || content.starts_with(['#', ';']) {
            continue;
        }
        let indented = line.chars().take_while(|letter| letter.is_whitespace()).count();
        if section.is_some() && in_entry && indented > indentation {
            continue;
        }
        indentation = indented;
        if let Some(name) = content.strip_prefix('[').and_then(|rest| rest.rfind(']').map(|end| &rest[..end]))
            && !name.is_empty()
        {
            if !sections.insert(name) && name != "DEFAULT" {
                return Err((number, "a section is repeated"));
            }
            (section, in_entry) = (Some(name), false);
            continue;
        }
        let Some(section) = section else { return Err((number, "it is in no section")) };
        let Some((name, _)) = content.split_once('=') else { return Err((number, "it has no `=`")) };
        let name = name.trim_end();
        if name.is_empty() {
            return Err((number, "it has no name before the `=`"));
        }
        if !names.insert((section, name)) {
            return Err((number, "a name is repeated in its section"));
        }
        in_entry = true;
        entries.push(Entry { section, name, line: number, text: line });
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn entry_points_are_read_as_pypi_reads_them() {
        for right in [
            "",
            "[console_scripts]\na = b:c\n",
            "# why\n[x]\na/b = c:d\n\n[gui_scripts]\na-b.c_1=d:e [f]\n",
            "[console_scripts]\n  a = b:c\n    more\n",
            "[console_scripts]\na = b c:d",
            "[x]\r\na = b\r\n",
        ] {
            assert_eq!(check(right.as_bytes()), Ok(()), "{right}");
        }
        for (wrong, line) in [
            ("a = b:c\n", 1),
            ("[console_scripts]\n../a = b:c\n", 2),
            ("[gui_scripts]\na b = b:c\n", 2),
            ("\0\u{1}[", 1),
            ("[x]\na = b\n[x]\n", 3),
            ("[x]\na = b\na = c\n", 3),
            ("[x]\na\n", 2),
            ("[x]\n= a\n", 2),
            ("[console_scripts]\na: b\n", 2),
        ] {
            assert_eq!(check(wrong.as_bytes()).unwrap_err().line, line, "{wrong}");
        }
        assert_eq!(check(b"[x]\na = \xff\n").unwrap_err().what, "it is not UTF-8");
    }
}
