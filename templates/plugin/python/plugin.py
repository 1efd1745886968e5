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
        if os.path.exists(self.path(call)):
            yield {"severity": "error", "message": "%s is there already" % self.path(call), "hint": "delete it"}

    def plan(self, call):
        return [{"key": "write", "class": "reversible", "summary": "write " + self.path(call)}]

    def run(self, call):
        path = self.path(call)
        # Announced, written down by pyrelease, and only then done. `undo` gets what is in `undo`, in a process of its
        # own that remembers nothing else.
        with call.effect("write", summary="write " + path, undo={"path": path}) as act:
            if act:
                with open(path, "w", encoding="utf-8") as file:
                    file.write(call.release["version"] + "\n")

    def undo(self, call, effect):
        # It may never have been done, and it may be undone already: neither is an error.
        try:
            os.remove(effect["undo"]["path"])
        except FileNotFoundError:
            pass

    def verify(self, call, effect):
        return "present" if os.path.exists(effect["undo"]["path"]) else "absent"


serve(Plugin)
