//! The places of the version, as elements of `files` in [stage.version].

use toml_edit::Value;

use super::Finds;
use super::document::inline;
use crate::python::habits::LearnedLine;
use crate::python::project::{Files, Pattern, VersionLocation, VersionSource, VersionSyntax, bump_all};
use crate::python::version::Version;

/// What becomes of the places of other tools
#[derive(Default)]
pub(super) struct Places {
    /// Elements of `files`, each with the reason
    pub(super) files: Vec<(Value, String)>,
    /// What becomes of each place of each tool
    pub(super) fates: Vec<Vec<PlaceFate>>,
    /// What only the user can decide
    pub(super) open: Vec<String>,
}

/// What becomes of a place
#[derive(Clone, PartialEq)]
pub(super) enum PlaceFate {
    /// The project's own metadata
    Own,
    /// The tool's own record
    Record,
    /// Earlier releases changed it: which
    Learned(String),
    /// An element of `files`
    Listed,
    /// No element describes it
    NotExpressed,
}

struct Bumper<'a> {
    files: &'a dyn Files,
    own: &'a [VersionLocation],
    old: &'a Version,
    new: &'a Version,
}

impl Bumper<'_> {
    /// The file with the project's own places and more of them bumped.
    fn with(&self, path: &str, more: &[VersionLocation]) -> Option<Vec<u8>> {
        let own = self.own.iter().filter(|place| place.path == path);
        let places: Vec<VersionLocation> = own.chain(more).cloned().collect();
        if places.is_empty() {
            return self.files.read(path);
        }
        bump_all(self.files, &places, self.old, self.new).ok()?.remove(path)
    }
}

/// Decides what becomes of the places that other tools bump.
pub(super) fn places(finds: &Finds<'_>) -> Places {
    let mut all = Places::default();
    let discovery = finds.discovery;
    let own: &[VersionLocation] = match &discovery.project.version {
        VersionSource::Static(places) => places,
        VersionSource::Vcs { .. } | VersionSource::Unreadable(_) => &[],
    };
    let recorded = || {
        let records = finds.tools.iter().filter_map(|tool| tool.record.as_ref());
        records.filter_map(|place| place.read(&text_of(finds.files, &place.path)?).ok().flatten()).next()
    };
    let old = discovery.version.clone().or_else(recorded);
    let next = || discovery.next.clone().or_else(|| "7541.8.3".parse().ok());
    let (Some(old), Some(new)) = (old, next()) else {
        all.fates = finds.tools.iter().map(|tool| vec![PlaceFate::NotExpressed; tool.places.len()]).collect();
        return all;
    };
    let bumper = Bumper { files: finds.files, own, old: &old, new: &new };
    let learned = |line: &LearnedLine| VersionLocation {
        path: line.path.clone(),
        how: VersionSyntax::Line { from: line.from.clone(), to: line.to.clone() },
    };
    let lines: Vec<VersionLocation> = discovery.learned.lines.iter().map(learned).collect();
    let mut needed: Vec<(usize, VersionLocation)> = Vec::new();
    for (at, tool) in finds.tools.iter().enumerate() {
        let fates = tool.places.iter().map(|place| {
            let changed = bumper.with(&place.path, std::slice::from_ref(place));
            let here: Vec<VersionLocation> =
                lines.iter().filter(|line| line.path == place.path).cloned().collect();
            let together = [std::slice::from_ref(place), &here].concat();
            if tool.record.as_ref() == Some(place) && !own.contains(place) {
                PlaceFate::Record
            } else if changed.is_none() || changed == bumper.with(&place.path, &[]) {
                PlaceFate::Own
            } else if !here.is_empty()
                && bumper.with(&place.path, &here) == bumper.with(&place.path, &together)
            {
                let evidence = discovery.learned.lines.iter().find(|line| line.path == place.path);
                let evidence = evidence.map(|line| crate::python::habits::reason(&line.evidence));
                PlaceFate::Learned(evidence.unwrap_or_default())
            } else {
                needed.push((at, place.clone()));
                PlaceFate::Listed
            }
        });
        let fates = fates.collect();
        all.fates.push(fates);
    }
    if needed.is_empty() {
        return all;
    }
    // With `files`, what earlier releases show does not count: it is listed as well.
    for line in &discovery.learned.lines {
        let place = learned(line);
        let mut known: Vec<VersionLocation> =
            finds.tools.iter().flat_map(|tool| &tool.places).cloned().collect();
        known.retain(|other| other.path == line.path);
        let before = bumper.with(&line.path, &known);
        known.push(place.clone());
        if before == bumper.with(&line.path, &known) {
            continue;
        }
        match element(&bumper, &place, Some(&line.shown)) {
            Some(elements) => {
                let reason = crate::python::habits::reason(&line.evidence);
                all.files.extend(elements.into_iter().map(|element| (element, reason.clone())));
            }
            None => all.open.push(format!(
                "`{}` in `{}` changed with earlier releases, and `files` in [stage.version] cannot describe it",
                line.shown.trim(),
                line.path
            )),
        }
    }
    // What earlier releases and another tool's settings both show
    for (at, tool) in finds.tools.iter().enumerate() {
        for (number, place) in tool.places.iter().enumerate() {
            if matches!(all.fates[at][number], PlaceFate::Learned(_)) {
                all.fates[at][number] = PlaceFate::Listed;
                needed.push((at, place.clone()));
            }
        }
    }
    let mut listed: Vec<(Value, String)> = Vec::new();
    for (at, place) in needed {
        let tool = &finds.tools[at];
        let number = tool.places.iter().position(|other| *other == place).unwrap_or_default();
        let origin = tool.origins.get(number).cloned().unwrap_or_default();
        match element(&bumper, &place, None) {
            Some(elements) => {
                for element in elements {
                    let is_new = !listed.iter().any(|(known, _)| known.to_string() == element.to_string());
                    if is_new {
                        listed.push((element, format!("{origin} of {}", tool.tool)));
                    }
                }
            }
            None => all.fates[at][number] = PlaceFate::NotExpressed,
        }
    }
    listed.append(&mut all.files);
    all.files = listed;
    all
}

fn text_of(files: &dyn Files, path: &str) -> Option<String> {
    String::from_utf8(files.read(path)?).ok()
}

/// Elements of `files` that write exactly what the place writes.
fn element(bumper: &Bumper<'_>, place: &VersionLocation, shown: Option<&str>) -> Option<Vec<Value>> {
    let path = place.path.as_str();
    let wanted = bumper.with(path, std::slice::from_ref(place))?;
    let fits = |places: &[VersionLocation]| bumper.with(path, places).as_ref() == Some(&wanted);
    if let Ok(known) = VersionLocation::for_file(path, bumper.files)
        && fits(&known)
    {
        return Some(vec![Value::from(path)]);
    }
    let text = text_of(bumper.files, path)?;
    let mut patterns = match (&place.how, shown) {
        (VersionSyntax::Pattern(pattern), _) => vec![pattern.clone()],
        (_, Some(shown)) => vec![Pattern::every(shown.trim())],
        _ => patterns(&text, str::from_utf8(&wanted).ok()?, (bumper.old, bumper.new))?,
    };
    for pattern in &mut patterns {
        let alone = VersionLocation::pattern(path, Pattern { count: Some(1), ..pattern.clone() });
        let is_once = bump_all(bumper.files, std::slice::from_ref(&alone), bumper.old, bumper.new).is_ok();
        pattern.count = is_once.then_some(1);
    }
    let places: Vec<VersionLocation> =
        patterns.iter().map(|pattern| VersionLocation::pattern(path, pattern.clone())).collect();
    fits(&places).then(|| patterns.iter().map(|pattern| as_element(path, pattern)).collect())
}

/// Patterns for the lines in which two texts differ.
fn patterns(before: &str, after: &str, (old, new): (&Version, &Version)) -> Option<Vec<Pattern>> {
    let mut found: Vec<Pattern> = Vec::new();
    if before.lines().count() != after.lines().count() {
        return None;
    }
    for (from, to) in before.lines().zip(after.lines()).filter(|(from, to)| from != to) {
        let mut search = String::new();
        let mut at = 0;
        for span in Pattern::occurrences(from, old) {
            search.push_str(&from[at..span.start]);
            search.push_str("{version}");
            at = span.end;
        }
        search.push_str(&from[at..]);
        if from.contains("{version}") || search.replace("{version}", &new.to_string()) != to {
            return None;
        }
        let pattern = Pattern::every(search.trim());
        if !found.contains(&pattern) {
            found.push(pattern);
        }
    }
    Some(found)
}

fn as_element(path: &str, pattern: &Pattern) -> Value {
    let mut entries = vec![("path", Value::from(path)), ("search", Value::from(pattern.search.as_str()))];
    if let Some(replace) = &pattern.replace {
        entries.push(("replace", Value::from(replace.as_str())));
    }
    if pattern.count.is_none() {
        entries.push(("count", Value::from("all")));
    }
    inline(&entries)
}
