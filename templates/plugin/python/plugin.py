#!/usr/bin/env python3
"""Writes the version that is released into a file."""

import os

from pyrelease_plugin import Stage, serve


class Plugin(Stage):
    name = "@name@"
    version = "0.1.0"
    summary = "writes the version that is released into a file"
    # none, reversible or irreversible: it can do no more than it says here.
    effects = "reversible"
    # What `config` in release.toml may be; a mistake there is underlined.
    config_schema = {
        "type": "object",
        "additionalProperties": False,
        "required": ["file"],
        "properties": {"file": {"type": "string", "minLength": 1}},
    }

    def path(self, call):
        return os.path.join(call.release["project"], call.config["file"])

    def preflight(self, call):
        # What would make it fail, found before anything happens.
        folder = os.path.dirname(self.path(call))
        if not os.path.isdir(folder):
            yield {"severity": "error", "message": "there is no folder " + folder, "hint": "make it, or change `file`"}

    def plan(self, call):
        return [{"key": "write", "class": "reversible", "summary": "write " + self.path(call)}]

    def run(self, call):
        path = self.path(call)
        # Announced, written down by pyrelease, and only then done. `undo` gets what is in `undo`, in a process of its
        # own that remembers nothing else: here what was in the file before.
        undo = {"path": path, "before": read(path)}
        with call.effect("write", summary="write " + path, undo=undo) as act:
            if act:
                write(path, call.release["version"] + "\n")

    def undo(self, call, effect):
        # It may never have been done, and it may be undone already: neither is an error.
        write(effect["undo"]["path"], effect["undo"]["before"])

    def verify(self, call, effect):
        return "absent" if read(effect["undo"]["path"]) == effect["undo"]["before"] else "present"


def read(path):
    """What is in a file; None where there is none."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def write(path, text):
    """Makes a file have this text; None is for no file."""
    if text is not None:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    elif os.path.exists(path):
        os.remove(path)


serve(Plugin)
