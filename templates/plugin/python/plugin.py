#!/usr/bin/env python3
"""Writes the released version to a file."""

import os

from pyrelease_plugin import Stage, serve


class Plugin(Stage):
    name = "@name@"
    version = "0.1.0"
    summary = "writes the released version to a file"
    # none, reversible or irreversible: stronger effects are refused.
    effects = "reversible"
    # The schema of `config` in release.toml.
    config_schema = {
        "type": "object",
        "additionalProperties": False,
        "required": ["file"],
        "properties": {"file": {"type": "string", "minLength": 1}},
    }

    def path(self, call):
        return os.path.join(call.release["project"], call.config["file"])

    def preflight(self, call):
        # Finds problems before anything is changed.
        folder = os.path.dirname(self.path(call))
        if not os.path.isdir(folder):
            yield {"severity": "error", "message": "no such folder: " + folder, "hint": "create it, or change `file`"}

    def plan(self, call):
        return [{"key": "write", "class": "reversible", "summary": "write " + self.path(call)}]

    def run(self, call):
        path = self.path(call)
        # Announced first; done only once pyrelease has recorded it. The `undo` method runs in a new process, and gets
        # only the data in `undo`: here the content of the file before.
        undo = {"path": path, "before": read(path)}
        with call.effect("write", summary="write " + path, undo=undo) as act:
            if act:
                write(path, call.release["version"] + "\n")

    def undo(self, call, effect):
        # It may never have been done, or may be undone already; neither is an error.
        write(effect["undo"]["path"], effect["undo"]["before"])

    def verify(self, call, effect):
        return "absent" if read(effect["undo"]["path"]) == effect["undo"]["before"] else "present"


def read(path):
    """The content of a file; None if it does not exist."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def write(path, text):
    """Writes a file; None deletes it."""
    if text is not None:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    elif os.path.exists(path):
        os.remove(path)


serve(Plugin)
