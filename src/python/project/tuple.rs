//! A version as a tuple, from which the module makes its version: `VERSION = (1, 2, 3)`, or in the form of
//! `sys.version_info`: `version_info = (1, 2, 3, "alpha", 0)`, or in texts to be joined: `("1", "2", "3", "dev0")`, or as
//! numbers in variables of their own: `MAJOR = 1`.

use std::ops::Range;

use super::statements::{self, AssignedValue, TupleItem};
use super::{Edit, VersionSyntax};
use crate::python::version::{PrereleaseKind, Version};

/// The names of such tuples, in lower case and without underscores at the ends
const NAMES: [&str; 4] = ["version", "version_info", "version_tuple", "versioninfo"];

/// The release levels of `sys.version_info`, and the spellings that projects use for them
const LEVELS: [(Level, &[&str]); 5] = [
    (Level::Before(PrereleaseKind::Alpha), &["alpha", "a"]),
    (Level::Before(PrereleaseKind::Beta), &["beta", "b"]),
    (Level::Before(PrereleaseKind::Rc), &["candidate", "rc", "c"]),
    (Level::Dev, &["dev"]),
    (Level::Final, &["final", ""]),
];

/// What is between the names of such variables
const BETWEEN: &str = ", ";

/// How many words of an expression are looked up as variables
const MOST_WORDS: usize = 20;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Before(PrereleaseKind),
    Dev,
    Final,
}

/// A tuple in a module's text
struct VersionTuple {
    /// `1, 2, 3`
    numbers: Vec<Range<usize>>,
    /// `"alpha", 0`: the level between its quotes, and the serial number, which a final release may do without
    level: Option<(Range<usize>, Option<Range<usize>>)>,
    /// What ends a version that is joined from texts
    ending: Option<Ending>,
    /// The number of the development release, in a variable of its own
    dev: Option<Range<usize>>,
}

/// What ends a version that is joined from texts: `"dev0"` in `("1", "2", "dev0")`
enum Ending {
    /// Between its quotes
    Text(Range<usize>),
    /// There is none now
    Missing,
}

/// How a module states the version that it assigns to `attribute`, if it makes it from a tuple.
pub(super) fn syntax(text: &str, attribute: &str) -> Option<VersionSyntax> {
    let [only] = &statements::assignments(text, attribute)[..] else { return None };
    if !matches!(only.given, AssignedValue::Other | AssignedValue::Named(_)) {
        return None;
    }
    let is_named_so = |name: &str| NAMES.contains(&name.trim_matches('_').to_lowercase().as_str());
    let tuples: Vec<String> = statements::tuples(text)
        .into_iter()
        .filter(|(name, items)| is_named_so(name) && shape(text, items).is_some())
        .map(|(name, _)| name)
        .collect();
    if tuples.iter().any(|name| name == attribute) {
        return Some(VersionSyntax::Tuple { name: attribute.to_owned(), dev: None });
    }
    let source = statements::value_source(text, attribute)?;
    if let Some(names) = numbers(text, attribute, source) {
        return Some(VersionSyntax::Tuple { name: names.join(BETWEEN), dev: None });
    }
    let mentions = |name: &str| words(source).any(|word| word == name);
    let is_call_without_arguments = source.trim_end().ends_with("()");
    let [name] =
        &tuples.iter().filter(|name| mentions(name) || is_call_without_arguments).collect::<Vec<_>>()[..]
    else {
        return None;
    };
    let dev = words(source).find(|word| is_dev(word) && statements::number(text, word).is_some());
    Some(VersionSyntax::Tuple { name: (*name).clone(), dev: dev.map(str::to_owned) })
}

/// The variables with the numbers from which the module makes its version, as `MAJOR` and `MINOR` in
/// `f"{MAJOR}.{MINOR}"`, directly or by way of a tuple of them.
fn numbers<'t>(text: &'t str, attribute: &str, source: &'t str) -> Option<Vec<&'t str>> {
    let numbers_of = |source: &'t str| {
        let mut found: Vec<&str> = Vec::new();
        for word in words(source).filter(|word| word.len() > 1) {
            if !found.contains(&word) && statements::number(text, word).is_some() {
                found.push(word);
            }
        }
        let is_like =
            |at: usize, part: &str| found.get(at).is_some_and(|name| name.to_lowercase().contains(part));
        let is_version = is_like(0, "major") && is_like(1, "minor") && found.len() <= 4;
        is_version.then_some(found)
    };
    numbers_of(source).or_else(|| {
        let mut others = words(source).filter(|word| *word != attribute).take(MOST_WORDS);
        others.find_map(|word| numbers_of(statements::value_source(text, word)?))
    })
}

fn words(source: &str) -> impl Iterator<Item = &str> {
    source.split(|letter: char| !letter.is_alphanumeric() && letter != '_').filter(|word| !word.is_empty())
}

fn is_dev(name: &str) -> bool {
    name.trim_matches('_').to_lowercase().split('_').any(|part| part == "dev")
}

fn find(text: &str, name: &str, dev: Option<&str>) -> Option<VersionTuple> {
    if name.contains(BETWEEN) {
        let numbers =
            name.split(BETWEEN).map(|name| statements::number(text, name)).collect::<Option<_>>()?;
        return Some(VersionTuple { numbers, level: None, ending: None, dev: None });
    }
    let (_, items) = statements::tuples(text).into_iter().find(|(found, _)| found == name)?;
    let dev = match dev {
        Some(dev) => Some(statements::number(text, dev)?),
        None => None,
    };
    let tuple = shape(text, &items)?;
    // Any number of texts can be joined, but not formatted.
    let is_joined = || {
        items.iter().all(TupleItem::is_text)
            && text.split("join(").skip(1).any(|rest| {
                rest.trim_start().strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with(')'))
            })
    };
    let ending = tuple.ending.or_else(|| is_joined().then_some(Ending::Missing));
    Some(VersionTuple { dev, ending, ..tuple })
}

/// The byte range of the tuple's items, or from the first number to the last one.
pub(super) fn locate(text: &str, name: &str) -> Option<Range<usize>> {
    let tuple = find(text, name, None)?;
    let level = tuple.level.as_ref().map(|(level, serial)| serial.as_ref().unwrap_or(level));
    let ending = match &tuple.ending {
        Some(Ending::Text(span)) => Some(span),
        _ => None,
    };
    let spans = || tuple.numbers.iter().chain(level).chain(ending);
    Some(spans().map(|span| span.start).min()?..spans().map(|span| span.end).max()?)
}

/// The tuple's parts, if it has the shape of a version.
fn shape(text: &str, items: &[TupleItem]) -> Option<VersionTuple> {
    // `(1, 2, 3)`, or `("1", "2", "3")`
    let is_number = |item: &&TupleItem| match item {
        TupleItem::Number(_) => true,
        TupleItem::Text(span) => {
            !span.is_empty() && text[span.clone()].bytes().all(|one| one.is_ascii_digit())
        }
    };
    let count = items.iter().take_while(is_number).count();
    let (numbers, rest) = items.split_at(count);
    let (mut level, mut ending) = (None, None);
    match rest {
        [] => {}
        [TupleItem::Text(word), TupleItem::Number(serial)] => {
            level_of(&text[word.clone()])?;
            level = Some((word.clone(), Some(serial.clone())));
        }
        [TupleItem::Text(word)] if level_of(&text[word.clone()]) == Some(Level::Final) => {
            level = Some((word.clone(), None));
        }
        [TupleItem::Text(word)] if numbers.iter().all(TupleItem::is_text) => {
            format!("0.{}", &text[word.clone()]).parse::<Version>().ok()?;
            ending = Some(Ending::Text(word.clone()));
        }
        _ => return None,
    }
    let numbers: Vec<_> = numbers.iter().map(|item| item.span().clone()).collect();
    (2..=4).contains(&numbers.len()).then_some(VersionTuple { numbers, level, ending, dev: None })
}

fn level_of(word: &str) -> Option<Level> {
    LEVELS.iter().find(|(_, words)| words.contains(&word)).map(|(level, _)| *level)
}

/// The version that the tuple states.
pub(super) fn read(text: &str, name: &str, dev: Option<&str>) -> Option<Version> {
    let tuple = find(text, name, dev)?;
    let numbers: Vec<&str> = tuple.numbers.iter().map(|span| &text[span.clone()]).collect();
    let mut version = numbers.join(".");
    if let Some((level, serial)) = &tuple.level {
        version
            .push_str(&suffix(&text[level.clone()], serial.as_ref().map_or("", |span| &text[span.clone()]))?);
    }
    if let Some(Ending::Text(span)) = &tuple.ending {
        version.push_str(&format!(".{}", &text[span.clone()]));
    }
    // A project sets the number to 0 for a version that is not a development version.
    if let Some(dev) =
        tuple.dev.map(|span| &text[span]).filter(|number| number.bytes().any(|digit| digit != b'0'))
    {
        version.push_str(&format!(".dev{dev}"));
    }
    version.parse().ok()
}

/// A release level and its number as the end of a version: `rc2`.
fn suffix(level: &str, serial: &str) -> Option<String> {
    Some(match level_of(level)? {
        Level::Before(PrereleaseKind::Alpha) => format!("a{serial}"),
        Level::Before(PrereleaseKind::Beta) => format!("b{serial}"),
        Level::Before(PrereleaseKind::Rc) => format!("rc{serial}"),
        Level::Dev => format!(".dev{serial}"),
        Level::Final => String::new(),
    })
}

/// The items of a tuple in the form of `sys.version_info` that states `version`, such as `1, 2, 0, 'candidate', 1`, in
/// every spelling of the level, with `count` numbers before it; none if such a tuple cannot express the version.
pub(in crate::python) fn leveled(version: &Version, count: usize, quote: char) -> Vec<String> {
    let mut numbers: Vec<String> = version.release_segments().iter().map(u64::to_string).collect();
    if version.epoch() != 0 || version.is_local() || version.post().is_some() || numbers.len() > count {
        return Vec::new();
    }
    numbers.resize(count, "0".to_owned());
    let (level, serial) = level_and_serial(version);
    let words = LEVELS.iter().filter(|(other, _)| *other == level).flat_map(|(_, words)| *words);
    words.map(|word| format!("{}, {quote}{word}{quote}, {serial}", numbers.join(", "))).collect()
}

/// The version that such items state.
pub(in crate::python) fn read_leveled(items: &str) -> Option<Version> {
    let mut items: Vec<&str> = items.split(", ").collect();
    let (serial, level) = (items.pop()?, items.pop()?);
    format!("{}{}", items.join("."), suffix(level.trim_matches(['\'', '"']), serial)?).parse().ok()
}

/// The level of a version, and its number there.
fn level_and_serial(version: &Version) -> (Level, u64) {
    match (version.pre(), version.dev()) {
        (Some((kind, number)), _) => (Level::Before(kind), number),
        (None, Some(number)) => (Level::Dev, number),
        (None, None) => (Level::Final, 0),
    }
}

/// The edits that make the tuple state `version`; none if it cannot express it.
pub(super) fn edits(text: &str, (name, dev): (&str, Option<&str>), version: &Version) -> Option<Vec<Edit>> {
    let tuple = find(text, name, dev)?;
    let release = version.release_segments();
    if version.epoch() != 0
        || version.is_local()
        || version.post().is_some()
        || release.len() > tuple.numbers.len()
    {
        return None;
    }
    let mut edits = Vec::new();
    for (at, span) in tuple.numbers.iter().enumerate() {
        let number = release.get(at).copied().unwrap_or(0);
        edits.push(Edit { span: span.clone(), text: number.to_string() });
    }
    let mut dev = version.dev();
    match (&tuple.level, version.pre()) {
        (Some((level, serial)), _) => {
            let (next, number) = match level_and_serial(version) {
                (Level::Dev, _) if tuple.dev.is_some() => (Level::Final, 0),
                other => other,
            };
            if next == Level::Dev {
                dev = None;
            }
            edits.push(Edit {
                span: level.clone(),
                text: spelled(text, &text[level.clone()], next).to_owned(),
            });
            match serial {
                Some(serial) => edits.push(Edit { span: serial.clone(), text: number.to_string() }),
                None if next == Level::Final => {}
                // Whether such a call takes one for a development release cannot be told.
                None if next == Level::Dev => return None,
                None => {
                    let quote = level.end + 1;
                    edits.push(Edit { span: quote..quote, text: format!(", {number}") });
                }
            }
        }
        (None, _) if tuple.ending.is_some() => {
            edits.extend(ending_edit(text, &tuple, version)?);
            dev = None;
        }
        (None, Some(_)) => return None,
        (None, None) => {}
    }
    match (tuple.dev, dev) {
        (Some(span), dev) => edits.push(Edit { span, text: dev.unwrap_or(0).to_string() }),
        (None, Some(_)) => return None,
        (None, None) => {}
    }
    edits.sort_by_key(|edit| edit.span.start);
    Some(edits)
}

/// The edit that makes the last text of a tuple that of `version`, or removes it; none if it stays, or cannot be edited.
fn ending_edit(text: &str, tuple: &VersionTuple, version: &Version) -> Option<Option<Edit>> {
    let numbers: Vec<String> = version.release_segments().iter().map(u64::to_string).collect();
    let whole = version.to_string();
    let next = whole.strip_prefix(&numbers.join("."))?.trim_start_matches('.');
    let after = tuple.numbers.last()?.end;
    let quote = text[after..].chars().next()?;
    let rest = &text[after + 1..];
    match &tuple.ending {
        Some(Ending::Text(span)) if next.is_empty() => {
            // A comment between the two would be lost.
            let between = rest.get(..span.start - after - 1)?.trim_start().strip_prefix(',')?.trim_start();
            let is_plain = between.len() == 1 && between.starts_with(['"', '\'']);
            is_plain.then(|| Some(Edit { span: after + 1..span.end + 1, text: String::new() }))
        }
        Some(Ending::Text(span)) => Some(Some(Edit { span: span.clone(), text: next.to_owned() })),
        _ if next.is_empty() => Some(None),
        // Not after `"""`
        _ if rest.starts_with(quote) => None,
        _ => Some(Some(Edit { span: after + 1..after + 1, text: format!(", {quote}{next}{quote}") })),
    }
}

/// A level in the project's spelling: the present one, or one that the module has in quotes, or the usual one.
fn spelled<'t>(text: &str, present: &'t str, level: Level) -> &'t str
where
    'static: 't,
{
    if level_of(present) == Some(level) {
        return present;
    }
    let words = LEVELS.iter().find(|(other, _)| *other == level).map_or(&[""] as &[_], |(_, words)| *words);
    let is_quoted =
        |word: &&&str| text.contains(&format!("\"{word}\"")) || text.contains(&format!("'{word}'"));
    words.iter().find(|word| !word.is_empty() && is_quoted(word)).unwrap_or(&words[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPUTED: &str = "version_info = (7, 11, 4, \"alpha\", 0)\n_dev = 1\n\n\ndef make(*parts):\n    short = {\"alpha\": \"a\", \"candidate\": \"rc\"}\n\n__version__ = make(*version_info, _dev)\n";

    fn state(text: &str) -> Option<String> {
        match syntax(text, "__version__")? {
            VersionSyntax::Tuple { name, dev } => {
                read(text, &name, dev.as_deref()).map(|found| found.to_string())
            }
            _ => None,
        }
    }

    fn rewritten(text: &str, version: &str) -> Option<String> {
        let VersionSyntax::Tuple { name, dev } = syntax(text, "__version__")? else { return None };
        let edits = edits(text, (&name, dev.as_deref()), &version.parse().unwrap())?;
        Some(super::super::bump::edited(text, edits))
    }

    #[test]
    fn reads_tuples_from_which_a_version_is_made() {
        for (text, expected) in [
            (COMPUTED, Some("7.11.4a0.dev1")),
            ("VERSION = (1, 2, 3)\n__version__ = '.'.join(map(str, VERSION))\n", Some("1.2.3")),
            ("VERSION = [1, 2]\n__version__ = f'{VERSION[0]}.{VERSION[1]}'\n", Some("1.2")),
            ("VERSION = 1, 2, 3,\n__version__ = '%d.%d.%d' % VERSION\n", Some("1.2.3")),
            ("VERSION = (6, 1, 0, 'final', 0)\n__version__ = get_version(VERSION)\n", Some("6.1.0")),
            ("__version_info__ = (1, 2, 3, 'dev', 4)\n__version__ = get_version()\n", Some("1.2.3.dev4")),
            ("version_info = Info(1, 2, 3, 'rc', 2)\n__version__ = show(version_info)\n", Some("1.2.3rc2")),
            ("__version__ = (1, 2, 3)\n", Some("1.2.3")),
            (
                "V_INFO = ('1', '2')\nversion_info = ('1', '2', '3')\n__version__ = '.'.join(version_info)\n",
                Some("1.2.3"),
            ),
            ("VERSION = ('1', '2', 'x')\n__version__ = '.'.join(VERSION)\n", None),
            ("V = ('0', '6', '1', 'dev0')\n__version__ = '.'.join(V)\n", None),
            ("VERSION = ('0', '6', '1', 'dev0')\n__version__ = '.'.join(VERSION)\n", Some("0.6.1.dev0")),
            ("VERSION = (0, 6, 1, 'dev0')\n__version__ = make(VERSION)\n", None),
            ("VERSION = Version(1, 21, 0, 'final')\n__version__ = VERSION.show()\n", Some("1.21.0")),
            ("VERSION = Version(1, 21, 0, 'dev')\n__version__ = VERSION.show()\n", None),
            ("version_info = (1, 2, 3)\n__version__ = version_info\n", Some("1.2.3")),
            // Not a version, another name, computed from something else, or two of them.
            ("VERSION = (1, 2, 3, 'x')\n__version__ = get(VERSION)\n", None),
            ("python = (3, 9)\n__version__ = get(python)\n", None),
            ("VERSION = (1, 2, 3)\n__version__ = metadata.version('demo')\n", None),
            ("VERSION = (1, 2)\nversion_info = (1, 3)\n__version__ = get(VERSION, version_info)\n", None),
            ("VERSION = (1, f(2))\n__version__ = get(VERSION)\n", None),
            ("VERSION = (1, 2)\n__version__ = '1.2'\n", None),
            // Numbers in variables of their own.
            ("MAJOR = 1\nMINOR = 2\nPATCH = 3\n__version__ = f'{MAJOR}.{MINOR}.{PATCH}'\n", Some("1.2.3")),
            ("_minor = 2\n_major = 1\n__version__ = '%s.%s' % (_major, _minor)\n", Some("1.2")),
            (
                "V_MAJOR = 1\nV_MINOR = 2\nV_FIX = 0\nINFO = (V_MAJOR, V_MINOR, V_FIX)\n__version__ = INFO\n",
                Some("1.2.0"),
            ),
            ("width = 1\nheight = 2\n__version__ = f'{width}.{height}'\n", None),
            ("MAJOR = 1\nMINOR = 2\nMAJOR = 2\n__version__ = f'{MAJOR}.{MINOR}'\n", None),
        ] {
            assert_eq!(state(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn writes_only_the_parts() {
        let replaced = |tuple: &str, dev: &str| {
            Some(COMPUTED.replacen("(7, 11, 4, \"alpha\", 0)", tuple, 1).replacen("_dev = 1", dev, 1))
        };
        assert_eq!(rewritten(COMPUTED, "7.12.0"), replaced("(7, 12, 0, \"final\", 0)", "_dev = 0"));
        assert_eq!(rewritten(COMPUTED, "7.12rc2"), replaced("(7, 12, 0, \"candidate\", 2)", "_dev = 0"));
        assert_eq!(rewritten(COMPUTED, "7.12.1.dev3"), replaced("(7, 12, 1, \"final\", 0)", "_dev = 3"));
        assert_eq!(rewritten(COMPUTED, "7.12.0.1"), None);
        assert_eq!(rewritten(COMPUTED, "7.12.0.post1"), None);
        let apart = "MINOR = 2  # here\nMAJOR = 1\n__version__ = f'{MAJOR}.{MINOR}'\n";
        assert_eq!(
            rewritten(apart, "2.0"),
            Some(apart.replacen("2  #", "0  #", 1).replacen("= 1", "= 2", 1))
        );
        assert_eq!(rewritten(apart, "2.0.1"), None);
        let plain = "VERSION = (1, 2, 3)  # here\r\n__version__ = '.'.join(map(str, VERSION))\r\n";
        assert_eq!(rewritten(plain, "1.10"), Some(plain.replacen("(1, 2, 3)", "(1, 10, 0)", 1)));
        assert_eq!(rewritten(plain, "1.3rc1"), None);
        let quoted = "VERSION = ('1', '2')\n__version__ = '.'.join(VERSION)\n";
        assert_eq!(rewritten(quoted, "1.10"), Some(quoted.replacen("'2'", "'10'", 1)));
        assert_eq!(rewritten(plain, "1.3.dev1"), None);
        let joined = |tuple: &str| format!("VERSION = {tuple}  # x\n__version__ = '.'.join( VERSION )\n");
        let dev = joined("('0', '6', '1', \"dev0\")");
        assert_eq!(rewritten(&dev, "0.6.1"), Some(joined("('0', '6', '1')")));
        assert_eq!(rewritten(&dev, "0.7rc1"), Some(joined("('0', '7', '0', \"rc1\")")));
        assert_eq!(
            rewritten(&joined("('0', '6', '1')"), "0.7.dev0"),
            Some(joined("('0', '7', '0', 'dev0')"))
        );
        assert_eq!(rewritten(&joined("('0', '6',  # y\n 'dev0')"), "0.6"), None);
        assert_eq!(rewritten(&joined("('0', \"\"\"6\"\"\", 'dev0')"), "0.6"), None);
        assert_eq!(rewritten(&joined("('0', '''6''')"), "0.6.dev1"), None);
        assert_eq!(rewritten("VERSION = ('1', '2')\n__version__ = '%s.%s' % VERSION\n", "1.2.dev1"), None);
        let call = |items: &str| {
            format!("V_INFO = 1\nversion_info = Version({items})\n__version__ = version_info.show()\n")
        };
        let last = call("10, 21, 1, \"final\"");
        assert_eq!(rewritten(&last, "10.21.2"), Some(call("10, 21, 2, \"final\"")));
        assert_eq!(rewritten(&last, "11.0b2"), Some(call("11, 0, 0, \"beta\", 2")));
        assert_eq!(rewritten(&last, "11.0.dev1"), None);
        let django = "VERSION = (6, 1, 0, 'alpha', 0)\n__version__ = get_version(VERSION)\n";
        assert_eq!(rewritten(django, "6.1rc1"), Some(django.replacen("'alpha', 0", "'candidate', 1", 1)));
        assert_eq!(rewritten(django, "6.1.dev2"), Some(django.replacen("'alpha', 0", "'dev', 2", 1)));
    }
}
