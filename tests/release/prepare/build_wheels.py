"""Other machines of a build matrix, with the project's own backend: from the sdist of a prepared release, a wheel for all
platforms, and one for a platform.

Arguments: the file of `prepare`, the folder for the wheels, the platform, and options of pip for the second wheel.
"""

import os
import subprocess
import sys
import tarfile
import tempfile

file, out, platform, *options = sys.argv[1:]
with tempfile.TemporaryDirectory() as folder:
    with tarfile.open(file) as run:
        [sdist] = [member for member in run if member.name.startswith("dist/")]
        with tarfile.open(fileobj=run.extractfile(sdist)) as archive:
            archive.extractall(folder)
    [project] = os.listdir(folder)
    wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-cache-dir", "--wheel-dir", out]
    for variables, more in [({}, []), ({"PLATFORM": platform}, options)]:
        subprocess.run([*wheel, *more, os.path.join(folder, project)], check=True, env={**os.environ, **variables})
