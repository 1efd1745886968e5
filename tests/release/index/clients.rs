//! The tools that people upload and install with, unmodified.

#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::path::{Path, PathBuf};
use std::thread;

use pyrelease_test_support::Python;

use super::ServedIndex;

/// A tool with its project
struct Client<'a> {
    index: &'a ServedIndex,
    name: &'static str,
    folder: PathBuf,
}

impl<'a> Client<'a> {
    /// A tool with a project of its own, built by flit.
    fn new(index: &'a ServedIndex, name: &'static str) -> Self {
        let folder = index.sandbox.root().join(name);
        let package = folder.join("src").join(format!("{name}_demo"));
        fs_err::create_dir_all(&package).unwrap();
        let module = format!("\"\"\"Says hello.\"\"\"\n__version__ = \"1.0\"\nHELLO = \"from {name}\"\n");
        fs_err::write(package.join("__init__.py"), module).unwrap();
        fs_err::write(folder.join("README.md"), "# Demo\n").unwrap();
        let project = format!(
            "[build-system]\nrequires = [\"flit_core\"]\nbuild-backend = \"flit_core.buildapi\"\n\n\
             [project]\nname = \"{name}_demo\"\nversion = \"1.0\"\ndescription = \"Says hello\"\n\
             readme = \"README.md\"\nlicense = \"MIT\"\nrequires-python = \">=3.9\"\n"
        );
        fs_err::write(folder.join("pyproject.toml"), project).unwrap();
        let client = Self { index, name, folder };
        if name != "flit" {
            client.run(&["flit", "build"], &[]);
        }
        client
    }

    #[track_caller]
    fn run(&self, command: &[&str], variables: &[(&str, &str)]) -> String {
        run(self.index, &self.folder, command, variables)
    }

    /// Uploads the project.
    fn publish(&self) {
        let (upload, simple, token) =
            (self.index.url("/legacy/"), self.index.url("/simple/"), self.index.token());
        let (upload, simple, token) = (upload.as_str(), simple.as_str(), token.as_str());
        let (wheel, sdist) = (self.file("-py3-none-any.whl"), self.file(".tar.gz"));
        match self.name {
            "twine" => self.run(
                &[
                    "twine",
                    "upload",
                    "--non-interactive",
                    "--repository-url",
                    upload,
                    "-u",
                    "__token__",
                    "-p",
                    token,
                    &wheel,
                    &sdist,
                ],
                &[],
            ),
            "uv" => self.run(
                &["uv", "publish", "--publish-url", upload, "--check-url", simple, &wheel, &sdist],
                &[("UV_PUBLISH_TOKEN", token)],
            ),
            "hatch" => {
                self.run(&["hatch", "publish", "-n", "-r", upload, "-u", "__token__", "-a", token], &[])
            }
            "poetry" => self.run(
                &["poetry", "publish", "-n", "-r", "mine", "-u", "__token__", "-p", token],
                &[("POETRY_REPOSITORIES_MINE_URL", upload)],
            ),
            "pdm" => self.run(
                &["pdm", "publish", "--no-build", "-r", upload, "-u", "__token__", "-P", token],
                &[("PDM_USE_VENV", "0"), ("PDM_CHECK_UPDATE", "0")],
            ),
            "flit" => self.run(
                &["flit", "publish"],
                &[("FLIT_INDEX_URL", upload), ("FLIT_USERNAME", "__token__"), ("FLIT_PASSWORD", token)],
            ),
            other => panic!("{other} is not a client"),
        };
        let listed = self.index.listed(&self.project());
        assert_eq!(listed.len(), 2, "{}: {listed:?}", self.name);
    }

    fn project(&self) -> String {
        format!("{}_demo", self.name)
    }

    fn file(&self, ending: &str) -> String {
        format!("dist/{}-1.0{ending}", self.project())
    }
}

/// Runs a tool in a folder.
#[track_caller]
fn run(index: &ServedIndex, folder: &Path, command: &[&str], variables: &[(&str, &str)]) -> String {
    let python = Python::with_index_clients();
    let program = python.programs().join(command[0]);
    let outcome = index
        .sandbox
        .command_with(folder, program, &command[1..], variables)
        .stderr_to_stdout()
        .stdout_capture()
        .unchecked()
        .run()
        .unwrap();
    let said = String::from_utf8_lossy(&outcome.stdout).into_owned();
    assert!(outcome.status.success(), "{command:?}: {said}");
    said
}

#[test]
fn every_uploader_publishes_to_it_and_every_installer_installs_from_it() {
    let index = ServedIndex::start(&[]);
    let clients = ["twine", "uv", "hatch", "poetry", "pdm", "flit"];
    thread::scope(|scope| {
        for name in clients {
            let index = &index;
            scope.spawn(move || Client::new(index, name).publish());
        }
    });
    let simple = index.url("/simple/");
    let folder = |name: &str| {
        let folder = index.sandbox.root().join(name);
        fs_err::create_dir(&folder).unwrap();
        let app =
            "[project]\nname = \"app\"\nversion = \"1\"\nrequires-python = \">=3.10\"\ndependencies = []\n";
        let source =
            format!("[[tool.pdm.source]]\nname = \"pypi\"\nurl = \"{simple}\"\nverify_ssl = false\n");
        fs_err::write(folder.join("pyproject.toml"), format!("{app}\n{source}")).unwrap();
        folder
    };
    let has = |folder: &Path, project: &str| {
        let found = fs_err::read_to_string(folder.join(project).join("__init__.py")).unwrap();
        assert!(found.contains("from "), "{found}");
    };
    let all: Vec<String> = clients.iter().map(|name| format!("{name}-demo")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    thread::scope(|scope| {
        scope.spawn(|| {
            let at = folder("by-pip");
            let pip = ["python", "-m", "pip", "--isolated", "install", "--no-cache-dir", "--target", "lib"];
            run(&index, &at, &[&pip[..], &["--index-url", &simple], &all].concat(), &[]);
            clients.iter().for_each(|name| has(&at.join("lib"), &format!("{name}_demo")));
        });
        scope.spawn(|| {
            let at = folder("by-uv");
            let uv = ["uv", "pip", "install", "--no-cache", "--target", "lib", "--index-url", &simple];
            run(&index, &at, &[&uv[..], &all].concat(), &[]);
            clients.iter().for_each(|name| has(&at.join("lib"), &format!("{name}_demo")));
        });
        scope.spawn(|| {
            let at = folder("by-pdm");
            let variables = [("PDM_USE_VENV", "0"), ("PDM_CHECK_UPDATE", "0")];
            fs_err::create_dir(at.join("__pypackages__")).unwrap();
            run(&index, &at, &["pdm", "add", "--no-self", "twine-demo"], &variables);
            let version = fs_err::read_dir(at.join("__pypackages__")).unwrap().next().unwrap().unwrap();
            has(&version.path().join("lib"), "twine_demo");
        });
        scope.spawn(|| {
            let at = folder("by-poetry");
            let variables = [("POETRY_VIRTUALENVS_IN_PROJECT", "1")];
            run(&index, &at, &["poetry", "source", "add", "-n", "--priority=primary", "mine", &simple], &[]);
            run(&index, &at, &["poetry", "add", "-n", "pdm-demo"], &variables);
            let lib = fs_err::read_dir(at.join(".venv/lib")).unwrap().next().unwrap().unwrap();
            has(&lib.path().join("site-packages"), "pdm_demo");
        });
    });
}

#[test]
fn what_tools_show_of_a_refusal_is_pypis_reason() {
    let index = ServedIndex::start(&[]);
    let client = Client::new(&index, "twine");
    let python = Python::with_index_clients();
    let upload = index.url("/legacy/");
    let twine = |password: &str| {
        let args = [
            "upload",
            "--non-interactive",
            "--repository-url",
            &upload,
            "-u",
            "__token__",
            "-p",
            password,
            "dist/twine_demo-1.0.tar.gz",
        ];
        let command = index.sandbox.command(&client.folder, python.programs().join("twine"), &args);
        let outcome = command.stderr_to_stdout().stdout_capture().unchecked().run().unwrap();
        // It breaks lines.
        String::from_utf8_lossy(&outcome.stdout).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let said = twine("pypi-wrong");
    assert!(
        said.contains(
            "Invalid or non-existent authentication information. See https://pypi.org/help/#invalid-auth"
        ),
        "{said}"
    );
    client.run(
        &[
            "twine",
            "upload",
            "--non-interactive",
            "--repository-url",
            &upload,
            "-u",
            "__token__",
            "-p",
            &index.token(),
            "dist/twine_demo-1.0.tar.gz",
        ],
        &[],
    );

    // Other bytes under the same name
    fs_err::write(client.folder.join("README.md"), "# Other\n").unwrap();
    client.run(&["flit", "build"], &[]);
    let said = twine(&index.token());
    assert!(said.contains("File already exists ('twine_demo-1.0.tar.gz', with blake2_256 hash"), "{said}");
}

#[test]
fn the_apis_agree_about_a_release() {
    let index = ServedIndex::start(&[]);
    fs_err::write(
        index.folder().join("index.toml"),
        "[project.uv-demo]\nstatus = \"deprecated\"\nreason = \"use <another>\"\nyanked = { \"1.0\" = \"broken\" }\n",
    )
    .unwrap();
    let mut index = index;
    index.end("TERM");
    index.run();
    let client = Client::new(&index, "uv");
    client.publish();

    let listing = index.listing("uv-demo");
    assert_eq!(listing["meta"]["api-version"], "1.4");
    assert_eq!(listing["project-status"]["status"], "deprecated");
    assert_eq!(listing["project-status"]["reason"], "use <another>");
    assert_eq!(listing["versions"], serde_json::json!(["1.0"]));
    let wheel = &listing["files"][0];
    let metadata = index.get(&format!("{}.metadata", wheel["url"].as_str().unwrap()), "*/*").has(200);
    assert!(metadata.text().starts_with("Metadata-Version: "), "{}", metadata.text());
    assert_eq!(
        wheel["core-metadata"]["sha256"],
        pyrelease::world::digest::Digests::of(&metadata.body[..]).unwrap().sha256
    );
    assert_eq!((&wheel["yanked"], &wheel["provenance"]), (&"broken".into(), &serde_json::Value::Null));
    assert_eq!(listing["files"][1]["core-metadata"], false);

    let html = index.get("/simple/uv-demo/", "text/html").has(200).text();
    assert!(html.contains("<meta name=\"pypi:project-status\" content=\"deprecated\">"), "{html}");
    assert!(html.contains("content=\"use &lt;another&gt;\""), "{html}");
    assert!(
        html.contains("data-core-metadata=\"sha256=") && html.contains("data-yanked=\"broken\""),
        "{html}"
    );
    assert!(html.contains("data-requires-python=\"&gt;=3.9\""), "{html}");

    let project = index.get("/pypi/uv-demo/json", "*/*").has(200).json();
    let release = index.get("/pypi/uv-demo/1.0/json", "*/*").has(200).json();
    assert_eq!(project["info"], release["info"]);
    assert_eq!(project["urls"], release["urls"]);
    assert_eq!(project["releases"]["1.0"], project["urls"]);
    assert_eq!(project["info"]["name"], "uv_demo");
    assert_eq!(project["info"]["license_expression"], "MIT");
    assert_eq!(project["info"]["description"], "# Demo\n\n");
    assert_eq!(project["urls"][0]["digests"]["sha256"], wheel["hashes"]["sha256"]);
    index.get("/pypi/uv_demo/json", "*/*").has(301);
    index.get("/pypi/other/json", "*/*").has(404);
    index.get("/pypi/uv-demo/2.0/json", "*/*").has(404);
}
