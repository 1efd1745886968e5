"""Writes the name and the version that the build backend of a project determines.

Arguments: the project, the file to write, and `isolated` or `shared` for the environment of the backend. What the
backend prints goes to the standard error.
"""

import json
import os
import sys

import build
import pyproject_hooks
from build.util import project_wheel_metadata

project, answer, environment = sys.argv[1:]
os.dup2(2, 1)
try:
    metadata = project_wheel_metadata(
        project,
        isolated=environment == "isolated",
        runner=pyproject_hooks.default_subprocess_runner,
    )
except (build.BuildException, build.BuildBackendException) as error:
    sys.exit(str(error))
with open(answer, "w", encoding="utf-8") as file:
    json.dump({"name": metadata["Name"], "version": metadata["Version"]}, file)
