//! `preview`: writes the project page of a distribution, or of the README with what pyproject.toml states.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{Context, locate};
use crate::engine::event::{Event, Listener as _};
use crate::error::{Error, ErrorKind, Result};
use crate::input::why_no_file;
use crate::python::archive;
use crate::python::distribution::Distribution;
use crate::python::filename::{Filename, normalize};
use crate::python::metadata::Metadata;
use crate::python::page::{Facts, Loss, Page, PageFile, PageRelease, Rendered, Stated};
use crate::python::verdict::Description;
use crate::python::version::Version;
use crate::stages::{distributions_in, published_from};
use crate::world::git::Repository;
use crate::world::process::Process;
use crate::world::tools::render_description;
use crate::world::{Folder, record_digest, size, write_page};

/// What `preview` was asked for
pub struct PreviewOptions<'a> {
    pub file: Option<&'a Path>,
    pub out: Option<&'a Path>,
    pub loads_images: bool,
    /// Whether the browser loads the page again each second
    pub refreshes: bool,
}

/// A page that was written
pub struct Preview {
    pub page: PathBuf,
    /// What it was made from
    pub origin: String,
    pub facts: Facts,
    pub losses: Vec<Loss>,
    /// How many more there are
    pub more: usize,
    /// The files and folders that a change of the page begins with
    pub sources: Vec<PathBuf>,
}

/// What a page is made from
struct Subject {
    origin: String,
    facts: Facts,
    description: Option<Result<Description, String>>,
    files: Vec<PageFile>,
    dynamic: Vec<String>,
    sources: Vec<PathBuf>,
}

/// The most releases in the page's history
const MOST_RELEASES: usize = 50;

/// Writes the page. Nothing is built, and nothing of the project is run.
///
/// # Errors
/// The distribution or the project cannot be read, the description cannot be rendered for want of a Python, or the page
/// cannot be written.
pub fn preview(context: &Context, options: &PreviewOptions<'_>) -> Result<Preview> {
    let subject = match options.file {
        Some(file) => of_distribution(&resolved(context, file))?,
        None => {
            let root = match locate(context) {
                Ok(location) => location.root,
                Err(error) if error.kind() == ErrorKind::NoProject => context.folder.clone(),
                Err(error) => return Err(error),
            };
            let dist = root.join("dist");
            match newest(&dist) {
                Some(file) => {
                    let subject = of_distribution(&file)?;
                    Subject { sources: vec![file, dist], ..subject }
                }
                None => of_project(&root)?,
            }
        }
    };
    let progress = |message: &str| context.ui.on_event(&Event::Note { stage: None, message });
    let rendered = match &subject.description {
        None => None,
        Some(Ok(description)) => Some(render_description(&context.environment, description, &progress)?),
        Some(Err(problem)) => Some(Rendered::refused(problem.clone())),
    };
    let repository = Repository::discover(&context.folder).ok();
    let repository = repository.as_ref().filter(|_| is_of_project(context, &subject.facts));
    let releases = repository.map(|repository| history(repository, &subject.facts)).unwrap_or_default();
    let publisher = repository.and_then(published_from);
    let page = Page {
        facts: &subject.facts,
        description: rendered.as_ref(),
        files: &subject.files,
        origin: &subject.origin,
        dynamic: &subject.dynamic,
        loads_images: options.loads_images,
        releases: &releases,
        repository: publisher.as_deref(),
        refreshes: options.refreshes,
    };
    let path = match options.out {
        Some(out) => resolved(context, out),
        None => default_path(context, &subject.facts),
    };
    write_page(&path, &page.html())?;
    let (losses, more) = rendered.map(|rendered| (rendered.losses, rendered.more)).unwrap_or_default();
    let Subject { origin, facts, sources, .. } = subject;
    Ok(Preview { page: path, origin, facts, losses, more, sources })
}

/// Whether the page is of the project in the folder, not of any distribution.
fn is_of_project(context: &Context, facts: &Facts) -> bool {
    let Ok(location) = locate(context) else { return false };
    let stated = Stated::read(&Folder(location.root));
    stated.is_ok_and(|stated| normalize(&stated.facts.name) == normalize(&facts.name))
}

/// The releases that have a tag, the newest first.
fn history(repository: &Repository, facts: &Facts) -> Vec<PageRelease> {
    let tags = repository.tags().unwrap_or_default();
    let mut releases: Vec<(Version, String)> = Vec::new();
    for tag in &tags {
        let version = tag.name.trim_start_matches(|letter: char| !letter.is_ascii_digit());
        let Ok(version) = version.parse::<Version>() else { continue };
        releases.push((version, repository.day_of(&tag.commit).unwrap_or_default()));
    }
    let shown = facts.version.as_deref().and_then(|version| version.parse::<Version>().ok());
    let is_new = |version: &Version| !releases.iter().any(|(known, _)| known == version);
    if let Some(version) = shown.clone().filter(is_new) {
        releases.push((version, "not released yet".to_owned()));
    }
    releases.sort_by(|one, other| other.0.cmp(&one.0));
    releases.dedup_by(|one, other| one.0 == other.0);
    // A distribution may write the same version in another way than the tag.
    let release = |(version, date): (Version, String)| {
        let written = facts.version.clone().filter(|_| shown.as_ref() == Some(&version));
        PageRelease { version: written.unwrap_or_else(|| version.to_string()), date, page: None }
    };
    releases.into_iter().take(MOST_RELEASES).map(release).collect()
}

/// A path that the user has given, as it is written if that is enough.
fn resolved(context: &Context, path: &Path) -> PathBuf {
    if context.folder == Path::new(".") { path.to_owned() } else { context.folder.join(path) }
}

fn default_path(context: &Context, facts: &Facts) -> PathBuf {
    let folder = context.environment.cache_folder().unwrap_or_else(|| std::env::temp_dir().join("pyrelease"));
    // Names come from a distribution that may be anybody's.
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.' | '+');
    let name: String = [facts.name.as_str(), facts.version.as_deref().unwrap_or("unbuilt")]
        .join("-")
        .chars()
        .map(|letter| if is_plain(letter) { letter } else { '_' })
        .take(100)
        .collect();
    folder.join("preview").join(format!("{name}.html"))
}

/// The distribution that was changed last.
fn newest(dist: &Path) -> Option<PathBuf> {
    let changed = |path: &PathBuf| {
        fs_err::metadata(path).and_then(|metadata| metadata.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
    };
    distributions_in(dist).ok()?.into_iter().max_by_key(changed)
}

fn of_distribution(path: &Path) -> Result<Subject> {
    if let Some(why) = why_no_file(path) {
        return Err(Error::usage(format!("`{}` {why}", path.display())));
    }
    let distribution = record_digest(path)?;
    let mut file = fs_err::File::open(path)?;
    let unreadable = || {
        let error = Error::failed(format!("`{}` has no metadata that can be read", path.display()));
        error.help("`pyrelease check` says what is wrong with it")
    };
    let metadata =
        archive::metadata(&mut file, distribution.kind, distribution.size).ok_or_else(unreadable)?;
    let metadata = Metadata::parse(&metadata).map_err(|error| unreadable().because(error))?;
    let facts = Facts::of(&metadata);
    let description =
        Description::of(&metadata).map(|description| description.map_err(|error| error.to_string()));
    let files = files_beside(path, &distribution)?;
    let (origin, sources) = (distribution.filename, vec![path.to_owned()]);
    Ok(Subject { origin, facts, description, files, dynamic: Vec::new(), sources })
}

/// The distributions of the same project and version in the same folder.
fn files_beside(path: &Path, distribution: &Distribution) -> Result<Vec<PageFile>> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let release = |filename: &str| {
        let filename: Filename = filename.parse().ok()?;
        Some((normalize(filename.name()), filename.version().clone()))
    };
    let own = release(&distribution.filename);
    let mut files = Vec::new();
    for other in distributions_in(folder)? {
        let name = other.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name == distribution.filename {
            files.push(page_file(distribution));
        } else if own.is_some() && release(&name) == own {
            files.push(page_file(&record_digest(&other)?));
        }
    }
    Ok(files)
}

fn page_file(file: &Distribution) -> PageFile {
    PageFile::of(&file.filename, size(file.size), &file.sha256)
}

fn of_project(root: &Path) -> Result<Subject> {
    let stated = Stated::read(&Folder(root.to_owned())).map_err(|error| {
        Error::usage(format!("there is nothing to preview in `{}`", root.display()))
            .because(error)
            .help("pass a distribution, or the project's folder with `-C`")
    })?;
    let origin = match &stated.readme {
        Some(readme) => format!("{readme} and pyproject.toml; nothing is built"),
        None => "pyproject.toml; nothing is built".to_owned(),
    };
    let readme = stated.readme.as_deref();
    let sources = ["pyproject.toml", "dist"].into_iter().chain(readme).map(|path| root.join(path)).collect();
    let description = stated.description.map(Ok);
    Ok(Subject {
        origin,
        facts: stated.facts,
        description,
        files: Vec::new(),
        dynamic: stated.dynamic,
        sources,
    })
}

/// Opens a page in the user's browser.
///
/// # Errors
/// No browser could be started.
pub fn open_in_browser(context: &Context, page: &Path) -> Result<()> {
    let environment = &context.environment;
    let browser = environment.get("BROWSER").filter(|browser| !browser.is_empty());
    let program = match browser {
        Some(browser) => browser,
        None if cfg!(target_os = "macos") => "open",
        None if cfg!(windows) => "explorer",
        None => "xdg-open",
    };
    let help = || format!("open it yourself: {}", page.display());
    let failed = || Error::failed(format!("failed to open the page with `{program}`")).help(help());
    let ran = Process::new(program)
        .arg(std::path::absolute(page)?)
        .capture()
        .map_err(|error| failed().because(error))?;
    // Explorer fails when it succeeds.
    if ran.success() || cfg!(windows) { Ok(()) } else { Err(failed()) }
}
