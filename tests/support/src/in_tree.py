"""A build backend that a project brings along: the standard library only, so that a build takes no time."""

import base64
import gzip
import hashlib
import io
import os
import re
import tarfile
import time
import zipfile
from pathlib import Path


def _project():
    text = Path("pyproject.toml").read_text(encoding="utf-8")
    field = lambda key: re.search(rf'^{key}\s*=\s*"([^"]*)"', text, re.M).group(1)
    name, version = field("name"), field("version")
    listed = re.search(r"^dependencies\s*=\s*\[(.*)\]", text, re.M)
    required = re.findall(r'"([^"]*)"', listed.group(1)) if listed else []
    metadata = (
        f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\nSummary: {field('description')}\n"
        f"License-Expression: MIT\nLicense-File: LICENSE\nRequires-Python: >=3.9\n"
        + "".join(f"Requires-Dist: {requirement}\n" for requirement in required) +
        f"Description-Content-Type: text/markdown\n\n{Path('README.md').read_text(encoding='utf-8')}"
    )
    return name.replace("-", "_"), version, metadata


def _files(folder):
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path


def _moment():
    return int(os.environ.get("SOURCE_DATE_EPOCH", "315532800"))


def build_sdist(directory, settings=None):
    package, version, metadata = _project()
    root = f"{package}-{version}"
    contents = [(f"{root}/PKG-INFO", metadata.encode())]
    for name in ["pyproject.toml", "README.md", "LICENSE"]:
        contents.append((f"{root}/{name}", Path(name).read_bytes()))
    for folder in ["src", "backend"]:
        contents += [(f"{root}/{path.as_posix()}", path.read_bytes()) for path in _files(folder)]
    with gzip.GzipFile(Path(directory, f"{root}.tar.gz"), "wb", mtime=_moment()) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for name, content in contents:
                member = tarfile.TarInfo(name)
                member.size, member.mtime = len(content), _moment()
                archive.addfile(member, io.BytesIO(content))
    return f"{root}.tar.gz"


def build_wheel(directory, settings=None, metadata_directory=None):
    """A wheel; one for each platform where `backend/platforms` lists some, as a matrix of builds leaves them."""
    platforms = Path("backend/platforms")
    tags = [f"py3-none-{name}" for name in platforms.read_text().split()] if platforms.exists() else ["py3-none-any"]
    return [_write_wheel(directory, tag) for tag in tags][-1]


def _write_wheel(directory, tag):
    package, version, metadata = _project()
    info = f"{package}-{version}.dist-info"
    contents = [(path.relative_to("src").as_posix(), path.read_bytes()) for path in _files("src")]
    contents.append((f"{info}/licenses/LICENSE", Path("LICENSE").read_bytes()))
    contents.append((f"{info}/METADATA", metadata.encode()))
    wheel = f"Wheel-Version: 1.0\nGenerator: in-tree\nRoot-Is-Purelib: true\nTag: {tag}\n"
    contents.append((f"{info}/WHEEL", wheel.encode()))
    digest = lambda content: base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    record = "".join(f"{name},sha256={digest(content)},{len(content)}\n" for name, content in contents)
    contents.append((f"{info}/RECORD", f"{record}{info}/RECORD,,\n".encode()))
    name = f"{package}-{version}-{tag}.whl"
    with zipfile.ZipFile(Path(directory, name), "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in contents:
            archive.writestr(zipfile.ZipInfo(path, time.gmtime(max(_moment(), 315532800))[:6]), content)
    return name
