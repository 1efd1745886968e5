//! The file's name, by itself and against the metadata.

use super::{Rule, Violation};
use crate::python::distribution::Kind;
use crate::python::filename::{FilenameError, escape, normalize, sdist_filename};
use crate::python::verdict::Subject;
use crate::python::verdict::grammar::shown;
use crate::python::version::ExactVersion;

/// What PyPI takes unless a project was given more, in MiB
const LARGEST: u64 = 100;
/// The longest name that PyPI stores, in bytes, counted with the `.metadata` it appends
const LONGEST: usize = 255;

pub(super) const RULES: &[Rule] = &[
    Rule::pypi(
        "filename",
        "Invalid file extension: Use .tar.gz, .whl or .zip extension. | Invalid wheel filename (wrong number of \
         parts): … | Invalid source distribution filename: …",
        "the file is named as PEP 427 or PEP 625 says",
        filename,
    ),
    Rule::pypi("filename-length", "Filename is too long: '…'", "the file's name is not too long", length),
    Rule::pypi(
        "filename-name",
        "Start filename for '…' with '…'. | Filename '…' should contain the normalized project name '…', not '…'.",
        "the file's name has the project's name from the metadata, in normal form",
        name,
    ),
    Rule::pypi(
        "filename-version",
        "Version in filename should be '…' not '…'.",
        "the file's name has the version from the metadata",
        version,
    ),
    Rule::pypi(
        "filename-sdist",
        "Filename '…' is invalid, should be '…'.",
        "a source distribution is named `{name}-{version}.tar.gz`, both in normal form (PEP 625)",
        sdist,
    )
    .by("PEP 625"),
    Rule::stricter(
        "file-size",
        "PyPI's limit for a file is 100 MiB unless the project was given more",
        "the file is not larger than PyPI takes by default",
        size,
    )
    .warning(),
];

fn filename(subject: &Subject) -> Vec<Violation> {
    let Err(error) = &subject.name else { return Vec::new() };
    let found = Violation::new(error.to_string()).says(says(error, subject.file));
    vec![match error {
        FilenameError::Zip(_) => found.help("build the source distribution with a current backend"),
        _ => found,
    }]
}

/// What PyPI says of a file name: its own words, or those of `packaging`, which it repeats.
fn says(error: &FilenameError, file: &str) -> String {
    let sdist = file.strip_suffix(".tar.gz");
    let wheel = || shown(file.strip_suffix(".whl").unwrap_or(file));
    match error {
        FilenameError::Path(_) => "Cannot upload a file with '/' or '\\' in the name.".to_owned(),
        FilenameError::Unprintable(_) => {
            "Cannot upload a file with non-printable characters in the name.".to_owned()
        }
        FilenameError::Ending(_) => "Invalid file extension: Use .tar.gz, .whl or .zip extension.".to_owned(),
        FilenameError::Zip(_) => format!("Filename {} is invalid, should be '….tar.gz'.", shown(file)),
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
    // Beside a wheel PyPI stores its metadata, under the same name and a suffix.
    let suffix = if subject.kind == Some(Kind::Wheel) { ".metadata" } else { "" };
    let length = subject.file.len() + suffix.len();
    if length <= LONGEST {
        return Vec::new();
    }
    vec![Violation::new(format!(
        "the file's name is too long: {length} bytes with what PyPI appends, the most is {LONGEST}"
    ))]
}

fn size(subject: &Subject) -> Vec<Violation> {
    let mebibytes = subject.size.div_ceil(1 << 20);
    if subject.size <= LARGEST << 20 {
        return Vec::new();
    }
    let found = Violation::new(format!(
        "the file has {mebibytes} MiB; PyPI takes {LARGEST} unless the project was given more"
    ));
    vec![found.help("ask for a higher limit as https://docs.pypi.org/project-management/storage-limits says")]
}

fn name(subject: &Subject) -> Vec<Violation> {
    let (Ok(file), Some((member, metadata))) = (&subject.name, subject.metadata()) else { return Vec::new() };
    let Some(header) = metadata.header("Name") else { return Vec::new() };
    let name = header.value.trim();
    let escaped = escape(name);
    if file.normalized_name() != normalize(name) {
        let found = Violation::new(format!("the file is named `{}`, its metadata `{name}`", file.name()));
        let says = format!("Start filename for {} with {}.", shown(name), shown(&escaped));
        vec![found.header(member, header).says(says)]
    } else if file.kind() == Kind::Wheel && file.name() != escaped {
        let message =
            format!("the file is named `{}`, which is not the normal form `{escaped}`", file.name());
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
            let message = format!("the file's version is `{}`, its metadata's `{version}`", file.version());
            let says = format!("Version in filename should be '{version}' not '{}'.", file.version());
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
    // Another name or version is what the other rules say.
    if file.normalized_name() != normalize(name) || version != *file.version() {
        return Vec::new();
    }
    let proper = sdist_filename(name, &version);
    if subject.file == proper {
        return Vec::new();
    }
    let message = format!("the file is named `{}`; PyPI takes `{proper}` only", subject.file);
    let says = format!("Filename {} is invalid, should be {}.", shown(subject.file), shown(&proper));
    vec![
        Violation::new(message)
            .says(says)
            .help("build the source distribution with a current backend; renaming leaves its folder"),
    ]
}
