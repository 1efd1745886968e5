//! Rules about the file's name, by itself and against the metadata.

use super::{Rule, Violation};
use crate::python::distribution::Kind;
use crate::python::filename::{FilenameError, escape, normalize, sdist_filename};
use crate::python::verdict::Subject;
use crate::python::verdict::grammar::shown;
use crate::python::version::ExactVersion;

/// PyPI's default limit, in MiB
const LARGEST: u64 = 100;
/// The longest name that PyPI stores, in bytes, counted with the `.metadata` it appends
const LONGEST: usize = 255;

pub(super) const RULES: &[Rule] = &[
    Rule::pypi(
        "filename",
        "Invalid file extension: Use .tar.gz, .whl or .zip extension. | Invalid wheel filename (wrong number of \
         parts): … | Invalid source distribution filename: …",
        "the file is named according to PEP 427 or PEP 625",
        filename,
    ),
    Rule::pypi("filename-length", "Filename is too long: '…'", "the file's name is not too long", length),
    Rule::pypi(
        "filename-name",
        "Start filename for '…' with '…'. | Filename '…' should contain the normalized project name '…', not '…'.",
        "the file name has the metadata's project name, normalized",
        name,
    ),
    Rule::pypi(
        "filename-version",
        "Version in filename should be '…' not '…'.",
        "the file name has the metadata's version",
        version,
    ),
    Rule::pypi(
        "filename-sdist",
        "Filename '…' is invalid, should be '…'.",
        "a source distribution is named `{name}-{version}.tar.gz`, both normalized (PEP 625)",
        sdist,
    )
    .by("PEP 625"),
    Rule::stricter(
        "file-size",
        "PyPI's default limit for a file is 100 MiB",
        "the file is not larger than PyPI's default limit",
        size,
    )
    .warning(),
];

fn filename(subject: &Subject) -> Vec<Violation> {
    let Err(error) = &subject.name else { return Vec::new() };
    let proper = subject
        .metadata()
        .and_then(|(_, metadata)| Some(sdist_filename(metadata.name()?, &metadata.version()?.parse().ok()?)));
    let found = Violation::new(error.to_string()).says(says(error, subject.file, proper.as_deref()));
    vec![match error {
        FilenameError::Zip(_) => found.help("build the source distribution with a current backend"),
        _ => found,
    }]
}

/// PyPI's message about a file name: its own, or that of `packaging`, which it repeats.
fn says(error: &FilenameError, file: &str, proper: Option<&str>) -> String {
    let sdist = file.strip_suffix(".tar.gz");
    let wheel = || shown(file.strip_suffix(".whl").unwrap_or(file));
    match error {
        FilenameError::Path(_) => "Cannot upload a file with '/' or '\\' in the name.".to_owned(),
        FilenameError::Unprintable(_) => {
            "Cannot upload a file with non-printable characters in the name.".to_owned()
        }
        FilenameError::Ending(_) => "Invalid file extension: Use .tar.gz, .whl or .zip extension.".to_owned(),
        FilenameError::Zip(_) => {
            let proper = proper.unwrap_or("….tar.gz");
            format!("Filename {} is invalid, should be '{proper}'.", shown(file))
        }
        FilenameError::Parts { .. } => format!("Invalid wheel filename (wrong number of parts): {}", wheel()),
        FilenameError::Build { build, .. } => format!("Invalid build number: {build} in {}", wheel()),
        FilenameError::Tag { .. } => format!("Invalid wheel filename (invalid tag component): {}", wheel()),
        FilenameError::Version { .. } if sdist.is_none() => {
            format!("Invalid wheel filename (invalid version): {}", wheel())
        }
        FilenameError::Name { .. } if sdist.is_none() => format!("Invalid project name: {}", wheel()),
        FilenameError::NoVersion(_) | FilenameError::Version { .. } | FilenameError::Name { .. } => {
            format!("Invalid source distribution filename: {}", shown(file))
        }
    }
}

fn length(subject: &Subject) -> Vec<Violation> {
    // PyPI stores a wheel's metadata beside it, with the same name and a suffix.
    let suffix = if subject.kind == Some(Kind::Wheel) { ".metadata" } else { "" };
    let length = subject.file.len() + suffix.len();
    if length <= LONGEST {
        return Vec::new();
    }
    let found = Violation::new(format!(
        "the file name is too long: {length} bytes with PyPI's suffix, and the limit is {LONGEST}"
    ));
    vec![found.says(format!("Filename is too long: {}", shown(subject.file)))]
}

fn size(subject: &Subject) -> Vec<Violation> {
    let mebibytes = subject.size.div_ceil(1 << 20);
    if subject.size <= LARGEST << 20 {
        return Vec::new();
    }
    let found = Violation::new(format!("the file has {mebibytes} MiB; PyPI's default limit is {LARGEST}"));
    vec![found.help("ask for a higher limit, see https://docs.pypi.org/project-management/storage-limits")]
}

fn name(subject: &Subject) -> Vec<Violation> {
    let (Ok(file), Some((member, metadata))) = (&subject.name, subject.metadata()) else { return Vec::new() };
    let Some(header) = metadata.header("Name") else { return Vec::new() };
    let name = header.value.trim();
    let escaped = escape(name);
    if file.normalized_name() != normalize(name) {
        let found =
            Violation::new(format!("the file is named `{}`, but its metadata has `{name}`", file.name()));
        let says = format!("Start filename for {} with {}.", shown(name), shown(&escaped));
        vec![found.header(member, header).says(says)]
    } else if file.kind() == Kind::Wheel && file.name() != escaped {
        let message = format!("the file is named `{}` instead of the normalized `{escaped}`", file.name());
        let says = format!(
            "Filename {} should contain the normalized project name {}, not {}.",
            shown(subject.file),
            shown(&escaped),
            shown(file.name())
        );
        vec![Violation::new(message).help("build the wheel with a current backend").says(says)]
    } else {
        Vec::new()
    }
}

fn version(subject: &Subject) -> Vec<Violation> {
    let (Ok(file), Some((member, metadata))) = (&subject.name, subject.metadata()) else { return Vec::new() };
    let Some(header) = metadata.header("Version") else { return Vec::new() };
    match header.value.trim().parse::<ExactVersion>() {
        Ok(version) if version != *file.version() => {
            let message =
                format!("the file name has version `{}`, but the metadata has `{version}`", file.version());
            let says = match (file.kind(), metadata.name()) {
                (Kind::Sdist, Some(name)) => {
                    let proper = sdist_filename(name, &version);
                    format!("Filename {} is invalid, should be {}.", shown(subject.file), shown(&proper))
                }
                _ => format!("Version in filename should be '{version}' not '{}'.", file.version()),
            };
            vec![Violation::new(message).header(member, header).says(says)]
        }
        _ => Vec::new(),
    }
}

fn sdist(subject: &Subject) -> Vec<Violation> {
    let (Ok(file), Some((_, metadata))) = (&subject.name, subject.metadata()) else { return Vec::new() };
    let version = metadata.version().and_then(|version| version.parse::<ExactVersion>().ok());
    let (Kind::Sdist, Some(name), Some(version)) = (file.kind(), metadata.name(), version) else {
        return Vec::new();
    };
    // Other rules report another name or version.
    if file.normalized_name() != normalize(name) || version != *file.version() {
        return Vec::new();
    }
    let proper = sdist_filename(name, &version);
    if subject.file == proper {
        return Vec::new();
    }
    let message = format!("the file is named `{}`, but PyPI accepts only `{proper}`", subject.file);
    let says = format!("Filename {} is invalid, should be {}.", shown(subject.file), shown(&proper));
    vec![Violation::new(message).says(says).help(
        "build the source distribution with a current backend; renaming it would not rename its folder",
    )]
}
