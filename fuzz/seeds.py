"""Unpacks the cases of tests/verdict into a corpus for each target, so that the fuzzer begins with what is right."""
import gzip
import hashlib
import io
import pathlib
import tarfile
import zipfile

FUZZ = pathlib.Path(__file__).parent
MEMBERS = {"METADATA": "metadata", "PKG-INFO": "metadata", "RECORD": "record", "entry_points.txt": "entry_points"}
PROJECTS = [
    b'\0[project]\nname = "demo"\nversion = "1.0"\n[tool.setuptools.dynamic]\nversion = {attr = "demo.__version__"}\n',
    b"\1[metadata]\nname = demo\nversion = attr: demo.__version__\n[options]\npython_requires = >=3.9\n",
    b'\2from setuptools import setup\nsetup(name="demo", version="1.0", python_requires=">=3.9")\n',
]


def keep(target, content):
    folder = FUZZ / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha1(content).hexdigest()).write_bytes(content)


def members(content):
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield name, archive.read(name)
    except Exception:
        pass  # some of the cases are broken on purpose


with tarfile.open(FUZZ.parent / "tests/verdict/cases.tar.gz") as cases:
    for case in cases:
        if not case.isfile() or case.name == "cases.json":
            continue
        content = cases.extractfile(case).read()
        keep("filename", case.name.rpartition("/")[2].encode())
        if case.name.endswith(".whl"):
            keep("wheel", content)
            for name, text in members(content):
                target = MEMBERS.get(name.rpartition("/")[2])
                if target:
                    keep(target, text)
        elif case.name.endswith(".tar.gz"):
            keep("sdist", content)
            try:
                keep("sdist", gzip.decompress(content))
            except Exception:
                pass
# A macaroon with what PyPI restricts a token to: whose, of which project, how long
TOKEN = [b'[3,"0cf7cd4b-4b9c-4b0c-8f6c-0a4bf9f6d1cd"]', b'[1,["demo"]]', b"[0,2000000000,1000000000]"]
restrictions = b"".join(b"\2" + bytes([len(text)]) + text + b"\0" for text in TOKEN)
keep("token", b"\2\1\x08pypi.org\2\5an id\0" + restrictions + b"\0\6\x20" + bytes(32))
for project in PROJECTS:
    keep("project", project)
PAGES = [
    b'''{"meta": {"api-version": "1.4"}, "name": "demo", "project-status": {"status": "archived"}, "versions": ["1.0"],
    "files": [{"filename": "demo-1.0.tar.gz", "url": "../../f/demo-1.0.tar.gz", "hashes": {"sha256": "%s"}, "size": 1,
    "upload-time": "2026-01-01T00:00:00.000000Z", "yanked": "broken", "requires-python": ">=3.9"}]}''' % (b"0" * 64),
    b'''<!DOCTYPE html><html><head><base href="https://files.example/"></head><body><!-- a comment -->
    <a href="f/demo-1.0.tar.gz#sha256=%s" data-yanked="broken" data-requires-python="&gt;=3.9">demo-1.0.tar.gz</a><br>
    <A HREF='demo-1.0-py3-none-any.whl'>demo-1.0-py3-none-any.whl</A></body></html>''' % (b"0" * 64),
]
for page in PAGES:
    keep("listing", page)
keep(
    "pypirc",
    b"""[distutils]
index-servers =
    pypi
    corp
[pypi]
username = __token__
password = hunter2
[pypi:demo]
password: hunter2%(x)s # no comment
[corp]
repository = https://corp.example/legacy/
username = alice
password = hunter2
; a comment
""",
)
