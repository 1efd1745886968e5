"""Another machine of a build matrix: builds wheels for platforms from the sdist of a prepared release.

Arguments: the file of `prepare`, or an sdist that was unpacked from it, the folder for the wheels, the platforms (separated
by blanks), and texts of `pyproject.toml` that are replaced first (OLD=NEW).
"""

import os
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

file, out, platforms, *changes = sys.argv[1:]
file, out = Path(file).absolute(), Path(out).absolute()
out.mkdir(parents=True, exist_ok=True)
with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    if file.is_dir():
        project = shutil.copytree(file, "project")
    else:
        with tarfile.open(file) as run:
            [sdist] = [member for member in run if member.name.endswith(".tar.gz")]
            assert sdist.name.startswith("dist/"), sdist.name
            with tarfile.open(fileobj=run.extractfile(sdist)) as archive:
                archive.extractall()
        [project] = Path(folder).iterdir()
    os.chdir(project)
    text = Path("pyproject.toml").read_text()
    for old, new in (change.split("=", 1) for change in changes):
        assert old in text, old
        text = text.replace(old, new)
    Path("pyproject.toml").write_text(text)
    Path("backend/platforms").write_text(platforms)
    sys.path.insert(0, "backend")
    sys.dont_write_bytecode = True
    import in_tree

    in_tree.build_wheel(out)
    os.chdir("/")
