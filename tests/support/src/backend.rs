//! Build backends, each with a project laid out as in its documentation.

/// A build backend
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// Reads the version from `src/…/__init__.py`, by `[tool.hatch.version]`
    Hatchling,
    /// Reads the version from `src/…/__init__.py`, by `[tool.setuptools.dynamic]`
    Setuptools,
    /// Has everything in `setup.cfg`
    SetupCfg,
    /// Reads the version and the description from the module
    Flit,
    /// Has everything in `[tool.poetry]`
    Poetry,
    /// Has the version in `[project]`
    Pdm,
    /// Takes the version from the tag
    SetuptoolsScm,
    /// Takes the version from the tag
    HatchVcs,
    /// Part of the project and without requirements: with `[stage.build] isolation = false` a build takes no time
    InTree,
}

/// The text of the backend that is part of projects
pub const IN_TREE: &str = include_str!("in_tree.py");

impl Backend {
    /// Whether the version comes from the tag, so that no file contains it.
    pub fn version_is_in_tag(self) -> bool {
        matches!(self, Self::SetuptoolsScm | Self::HatchVcs)
    }

    /// The files that differ between backends, with the version. `depth` is the number of folders between the project
    /// and the root of its repository.
    pub(crate) fn files(self, name: &str, version: &str, depth: usize) -> Vec<(String, String)> {
        let package = name.replace('-', "_");
        let mut files = vec![("pyproject.toml".to_owned(), self.pyproject(name, version, depth))];
        if self == Self::SetupCfg {
            files.push(("setup.cfg".to_owned(), setup_cfg(name, version)));
        }
        if self == Self::InTree {
            files.push(("backend/in_tree.py".to_owned(), IN_TREE.to_owned()));
        }
        files.push((format!("src/{package}/__init__.py"), self.module(version)));
        files
    }

    fn module(self, version: &str) -> String {
        let version = match self {
            Self::Hatchling | Self::Setuptools | Self::Flit => {
                format!("\n# The one place of the version\n__version__ = \"{version}\"\n")
            }
            _ => String::new(),
        };
        format!("\"\"\"Says hello.\"\"\"\n{version}\n\ndef hello(name):\n    return f\"Hello, {{name}}!\"\n")
    }

    fn pyproject(self, name: &str, version: &str, depth: usize) -> String {
        let package = name.replace('-', "_");
        let root = if depth == 0 { ".".to_owned() } else { vec![".."; depth].join("/") };
        let (requires, module) = match self {
            Self::Hatchling => ("\"hatchling >= 1.27\"", "hatchling.build"),
            Self::Setuptools | Self::SetupCfg => ("\"setuptools >= 77\"", "setuptools.build_meta"),
            Self::Flit => ("\"flit_core >= 3.12, < 5\"", "flit_core.buildapi"),
            Self::Poetry => ("\"poetry-core >= 2\"", "poetry.core.masonry.api"),
            Self::Pdm => ("\"pdm-backend >= 2.4\"", "pdm.backend"),
            Self::SetuptoolsScm => ("\"setuptools >= 77\", \"setuptools-scm >= 8\"", "setuptools.build_meta"),
            Self::HatchVcs => ("\"hatchling >= 1.27\", \"hatch-vcs >= 0.5\"", "hatchling.build"),
            Self::InTree => ("", "in_tree"),
        };
        let path = if self == Self::InTree { "backend-path = [\"backend\"]\n" } else { "" };
        let build_system =
            format!("[build-system]\nrequires = [{requires}]\nbuild-backend = \"{module}\"\n{path}");
        let version_line = match self {
            Self::SetupCfg => return build_system,
            Self::Poetry => return format!("{}\n{build_system}", poetry(name, &package, version)),
            // The comment and the odd spacing must survive a bump.
            Self::Pdm => {
                format!("version   = \"{version}\"   # what `pip show` says\ndescription = \"Says hello\"")
            }
            Self::InTree => format!("version = \"{version}\"\ndescription = \"Says hello\""),
            Self::Flit => "dynamic = [\"version\", \"description\"]".to_owned(),
            _ => "dynamic = [\"version\"]\ndescription = \"Says hello\"".to_owned(),
        };
        let tool = match self {
            Self::Hatchling => format!("\n[tool.hatch.version]\npath = \"src/{package}/__init__.py\"\n"),
            Self::Setuptools => {
                format!("\n[tool.setuptools.dynamic]\nversion = {{ attr = \"{package}.__version__\" }}\n")
            }
            Self::Flit => format!("\n[tool.flit.module]\nname = \"{package}\"\n"),
            Self::Pdm => "\n[tool.pdm]\ndistribution = true\n".to_owned(),
            Self::SetuptoolsScm => format!("\n[tool.setuptools_scm]\nroot = \"{root}\"\n"),
            Self::HatchVcs => {
                format!("\n[tool.hatch.version]\nsource = \"vcs\"\nraw-options = {{ root = \"{root}\" }}\n")
            }
            Self::SetupCfg | Self::Poetry | Self::InTree => String::new(),
        };
        format!(
            "# What `{name}` is\n\
             {build_system}\n\
             [project]\n\
             name = \"{name}\"\n\
             {version_line}\n\
             readme = \"README.md\"\n\
             requires-python = \">=3.9\"\n\
             license = \"MIT\"\n\
             license-files = [\"LICENSE\"]\n\
             authors = [{{ name = \"Dana Developer\", email = \"dana@example.org\" }}]\n\
             {tool}"
        )
    }
}

fn poetry(name: &str, package: &str, version: &str) -> String {
    format!(
        "[tool.poetry]\n\
         name = \"{name}\"\n\
         version = \"{version}\"  # poetry's own place for it\n\
         description = \"Says hello\"\n\
         authors = [\"Dana Developer <dana@example.org>\"]\n\
         license = \"MIT\"\n\
         readme = \"README.md\"\n\
         packages = [{{ include = \"{package}\", from = \"src\" }}]\n\
         \n\
         [tool.poetry.dependencies]\n\
         python = \">=3.9\"\n"
    )
}

fn setup_cfg(name: &str, version: &str) -> String {
    format!(
        "[metadata]\n\
         name = {name}\n\
         version = {version}\n\
         description = Says hello\n\
         long_description = file: README.md\n\
         long_description_content_type = text/markdown\n\
         author = Dana Developer\n\
         license = MIT\n\
         license_files = LICENSE\n\
         \n\
         [options]\n\
         package_dir =\n    = src\n\
         packages = find:\n\
         python_requires = >=3.9\n\
         \n\
         [options.packages.find]\n\
         where = src\n"
    )
}
