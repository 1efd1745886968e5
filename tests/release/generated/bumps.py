"""Prints the next version of each repository by python-semantic-release and by commitizen; `none` if there is none.

The arguments are pairs of the present version and the folder.
"""

import contextlib
import io
import os
import sys

from click.testing import CliRunner
from commitizen.cli import main as commitizen
from commitizen.exceptions import DryRunExit, NoCommitsFoundError, NoneIncrementExit
from semantic_release.cli.commands.main import main as semantic_release


def by_semantic_release(current):
    result = CliRunner().invoke(semantic_release, ["--noop", "version", "--print"])
    assert result.exit_code == 0, (result.output, result.exception)
    version = result.stdout.split()[-1]
    return "none" if version == current else version


def by_commitizen():
    sys.argv = ["cz", "bump", "--get-next", "--yes"]
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            commitizen()
    except DryRunExit:
        # It has printed the version.
        pass
    except (NoCommitsFoundError, NoneIncrementExit):
        return "none"
    return said.getvalue().split()[-1]


arguments = sys.argv[1:]
for current, folder in zip(arguments[::2], arguments[1::2]):
    os.chdir(folder)
    try:
        print(by_semantic_release(current), by_commitizen())
    except BaseException as error:
        # commitizen replaces the hook that would show it.
        print(repr(error), file=sys.stderr)
        sys.exit(1)
