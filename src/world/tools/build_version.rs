//! Which version of `build` a Python has: asked once, and kept until something changes that the answer depended on.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::Environment;
use super::known::{Program, stamp};
use crate::world::process::Process;
use crate::world::write_whole;

/// Prints the version and where it was looked for: the folders of `sys.path`, the `.pth` files in them, which name
/// others, and the user's own, which may come to be. A file or folder that is missing has the stamp `null`.
const ASK: &str = "import glob, json, os, site, sys
def stamp(path):
    try:
        found = os.stat(path)
    except OSError:
        return None
    return '%d %d' % (found.st_size, found.st_mtime_ns)
paths = [os.path.abspath(path) for path in sys.path if path]
paths.append(site.getusersitepackages())
for folder in list(paths):
    paths += glob.glob(os.path.join(glob.escape(folder), '*.pth'))
looked = {path: stamp(path) for path in paths}
try:
    import build
    version = build.__version__
    looked[build.__file__] = stamp(build.__file__)
except Exception:
    version = None
print(json.dumps({'version': version, 'looked': list(looked.items())}))";

/// What a Python answered
#[derive(Serialize, Deserialize)]
struct Answer {
    version: Option<String>,
    looked: Vec<(PathBuf, Option<String>)>,
}

static ASKING: Mutex<()> = Mutex::new(());

/// The version of `build` that this Python has; none if it has none or does not work.
pub fn build_version(environment: &Environment, python: &Path) -> Option<String> {
    // `-P` is too new to rely on. An empty working directory keeps a local `build` module from being imported.
    let folder = tempfile::tempdir().ok()?;
    let place = place(environment, python, folder.path().parent()?);
    // Others who ask meanwhile wait for the answer: that of several members is mostly the same.
    let _one = ASKING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(answer) = place.as_ref().and_then(|place| kept(environment, place)) {
        return answer.version;
    }
    let printed = Process::new(python).args(["-c", ASK]).folder(folder.path()).read().ok()?;
    // What else Python starts may print something first.
    let mut answer: Answer = serde_json::from_str(printed.lines().last()?).ok()?;
    if let Some(place) = place {
        let home = environment.home();
        for (path, _) in &mut answer.looked {
            if let Some(below) = home.as_ref().and_then(|home| path.strip_prefix(home).ok()) {
                *path = Path::new("~").join(below);
            }
        }
        // A failure only means that the Python is asked again.
        let _ = serde_json::to_vec(&answer).map(|text| write_whole(&place, &text));
    }
    answer.version
}

fn place(environment: &Environment, python: &Path, folder: &Path) -> Option<PathBuf> {
    let program = Program::find(environment, python, folder)?;
    let settings = environment.variables().filter(|(name, _)| name.to_string_lossy().starts_with("PYTHON"));
    let settings = settings.map(|(name, value)| format!("{}={}", name.display(), value.display()));
    Some(environment.cache_folder()?.join("builds").join(program.key_with(settings)))
}

fn kept(environment: &Environment, place: &Path) -> Option<Answer> {
    let answer: Answer = serde_json::from_slice(&fs_err::read(place).ok()?).ok()?;
    let home = environment.home().unwrap_or_default();
    let is_same = |(path, before): &(PathBuf, Option<String>)| {
        let path = path.strip_prefix("~").map_or_else(|_| path.clone(), |below| home.join(below));
        stamp(&path) == *before
    };
    answer.looked.iter().all(is_same).then_some(answer)
}
