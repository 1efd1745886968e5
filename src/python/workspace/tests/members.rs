//! Which folders are members.

use super::*;

const PROJECT: &str = "[project]\nname = \"x\"\n";

fn uv(root: &str, folders: &[&str]) -> Result<Option<Vec<String>>, String> {
    let mut files = tree(&[("pyproject.toml", root)]);
    for folder in folders {
        files.insert(format!("{folder}/pyproject.toml"), PROJECT.into());
    }
    uv_members(&files).map_err(|error| error.to_string())
}

fn folders(found: &[&str]) -> Result<Option<Vec<String>>, String> {
    Ok(Some(found.iter().map(|folder| (*folder).to_owned()).collect()))
}

#[test]
fn uv_names_its_members() {
    let root = "[tool.uv.workspace]\nmembers = [\"packages/*\", './libs/a/', \"**/deep\"]\nexclude = [\"packages/old*\", 'none']\n";
    let all = [
        "packages/core",
        "packages/cli",
        "packages/old-one",
        "packages/old-one/deep",
        "packages/.hidden",
        "packages/x/y",
        "libs/a",
        "libs/b",
        "q/w/deep",
    ];
    assert_eq!(
        uv(root, &all),
        folders(&["libs/a", "packages/.hidden", "packages/cli", "packages/core", "q/w/deep"])
    );
    let with_root = format!("{root}[project]\nname = \"root\"\n");
    assert_eq!(
        uv(&with_root, &all),
        folders(&["", "libs/a", "packages/.hidden", "packages/cli", "packages/core", "q/w/deep"])
    );
    assert_eq!(uv("[tool.uv.workspace]\n", &all), folders(&[]));
    assert_eq!(uv("[tool.uv]\n", &all), Ok(None));
    assert_eq!(uv_members(&tree(&[])), Ok(None));

    let files = tree(&[
        ("pyproject.toml", "[tool.uv.workspace]\nmembers = [\"p/*\"]\n"),
        ("p/a/pyproject.toml", PROJECT),
        ("p/b/pyproject.toml", "[tool.uv]\nmanaged = false\n"),
        ("p/c/setup.py", ""),
        ("p/d/README.md", ""),
        ("p/.e/pyproject.toml", PROJECT),
    ]);
    assert_eq!(uv_members(&files).unwrap(), Some(vec!["p/.e".to_owned(), "p/a".to_owned()]));
    assert_eq!(matching(&files, &["p/*"], &["p/b"]).unwrap(), ["p/a", "p/c"]);
}

#[test]
fn a_member_that_cannot_be_is_an_error() {
    for (members, expected) in [
        ("[\"../x\"]", "the member `../x` lies outside the workspace"),
        ("[\"a/../../*\"]", "the member `a/../../*` lies outside the workspace"),
        ("[\"/etc/*\"]", "the member `/etc/*` lies outside the workspace"),
        ("[\"C:/x\"]", "the member `C:/x` lies outside the workspace"),
        ("[\"none\"]", "the member `none` has no `pyproject.toml`, `setup.cfg` or `setup.py`"),
        ("[\"[z-a]\"]", "the pattern `[z-a]` for members is not valid"),
        ("\"x\"", "`tool.uv.workspace.members` in `pyproject.toml` is not an array of strings"),
        ("[1]", "`tool.uv.workspace.members` in `pyproject.toml` is not an array of strings"),
    ] {
        let root = format!("[tool.uv.workspace]\nmembers = {members}\n");
        assert_eq!(uv(&root, &["a"]), Err(expected.to_owned()), "{members}");
    }
    assert_eq!(
        uv("tool.uv.workspace = 1\n", &[]),
        Err("`tool.uv.workspace` in `pyproject.toml` is not a table".to_owned())
    );
    let long = format!("[tool.uv.workspace]\nmembers = [\"{}\"]\n", "*/".repeat(10_000));
    assert!(uv(&long, &[]).unwrap_err().len() < 200);
}

#[test]
fn many_folders_and_stars_are_bounded() {
    let mut files = Tree::new();
    for number in 0..20_000 {
        files.insert(format!("a/b/c/m{number}/pyproject.toml"), Vec::new());
    }
    assert_eq!(matching(&files, &["**/**/**/**/**", "a/**"], &["**/m1*"]).unwrap().len(), 8_889);
}

#[test]
fn private_projects_are_known() {
    let private = |path: &str, text: &str| is_private(&tree(&[(path, text)]), "a");
    let line = "Private :: Do Not Upload";
    assert!(private("a/pyproject.toml", &format!("[project]\nclassifiers = [\"X\", \"{line}\"]\n")));
    assert!(private("a/pyproject.toml", &format!("[tool.poetry]\nclassifiers = [\"{line}\"]\n")));
    assert!(private("a/setup.cfg", &format!("[metadata]\nclassifiers =\n  X\n  {line}\n")));
    assert!(private("a/setup.py", &format!("setup(classifiers=['{line}'])\n")));
    assert!(!private(
        "a/pyproject.toml",
        &format!("# {line}\n[project]\nclassifiers = [\"X :: Private\"]\n")
    ));
    assert!(!private("b/pyproject.toml", &format!("[project]\nclassifiers = [\"{line}\"]\n")));
    assert!(!private("a/pyproject.toml", "["));

    assert!(private("a/pyproject.toml", "[tool.poetry]\npackage-mode = false\n"));
    assert!(private("a/pyproject.toml", "[build-system]\n[tool.uv]\npackage = false\n"));
    assert!(!private("a/pyproject.toml", PROJECT));
    let root = |more: &str| {
        is_private(&tree(&[("pyproject.toml", &format!("{PROJECT}[tool.uv.workspace]\n{more}"))]), "")
    };
    assert!(root(""));
    assert!(!root("[build-system]\n"));
    assert!(!root("[tool.uv]\npackage = true\n"));
}

#[test]
fn projects_below_a_root_that_is_none() {
    let files = tree(&[
        ("pyproject.toml", "[tool.ruff]\nline-length = 100\n"),
        ("libs/core/pyproject.toml", "[project]\nname = \"core\"\n"),
        ("libs/core/plugins/one/pyproject.toml", "[project]\nname = \"one\"\n"),
        ("libs/core-x/setup.py", "setup()\n"),
        ("libs/core/tests/data/setup.py", "setup()\n"),
        ("apps/cli/setup.cfg", "[metadata]\nname = cli\n"),
        ("apps/lint/setup.cfg", "[flake8]\nmax-line-length = 100\n"),
        ("apps/site/pyproject.toml", "[tool.poetry]\nname = \"site\"\npackage-mode = false\n"),
        ("apps/broken/pyproject.toml", "[project\n"),
        ("examples/one/pyproject.toml", "[project]\nname = \"example\"\n"),
        (".hidden/setup.py", "setup()\n"),
        ("a/b/c/d/e/setup.py", "setup()\n"),
    ]);
    assert_eq!(projects_below(&files), ["apps/cli", "libs/core", "libs/core-x"]);
    assert!(!is_project(&files, "") && is_project(&files, "libs/core") && !is_project(&files, "apps/site"));
    assert_eq!(projects_below(&Tree::new()), [""; 0]);
}
