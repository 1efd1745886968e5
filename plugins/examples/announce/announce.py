#!/usr/bin/env python3
"""Announces a published release by a POST to a webhook.

    [stage.announce]
    path = "plugins/announce.py"
    config = { url = "https://chat.example.com/hooks/releases", text = "{name} {version} is out" }
    secrets = ["ANNOUNCE_TOKEN"]       # optional: sent as a bearer token

A post cannot be undone or verified. So the stage is a follow-up: it runs after the release, and its failure is a
warning. If the run is interrupted during the post, `pyrelease resume` asks you whether it arrived.
"""

import json
import urllib.error
import urllib.request

from pyrelease_plugin import Failed, Stage, serve

DEFAULT = "{name} {version} is out"


class Announce(Stage):
    name = "announce"
    version = "1.0.0"
    summary = "posts a release announcement to a webhook"
    effects = "irreversible"
    reach = "follow-up"
    network = True
    timeout_s = 60
    secrets = [{"name": "ANNOUNCE_TOKEN", "purpose": "sent to the webhook as a bearer token", "optional": True}]
    config_schema = {
        "type": "object",
        "additionalProperties": False,
        "required": ["url"],
        "properties": {
            "url": {"type": "string", "pattern": "^https?://"},
            "text": {"type": "string"},
            "key": {"type": "string"},
        },
    }

    def text(self, call):
        text = call.config.get("text", DEFAULT)
        for name in ("name", "version", "previous", "tag", "date"):
            text = text.replace("{%s}" % name, str(call.release.get(name) or ""))
        return text

    def preflight(self, call):
        if not call.config["url"].startswith("https://") and call.secrets:
            yield {"severity": "error", "message": "the token would be sent over plain http", "hint": "use https"}

    def plan(self, call):
        return [{"key": "post", "class": "irreversible", "summary": "post \"%s\"" % self.text(call)}]

    def run(self, call):
        text = self.text(call)
        body = json.dumps({call.config.get("key", "text"): text}).encode("utf-8")
        headers = {"Content-Type": "application/json", "User-Agent": "pyrelease-announce/" + self.version}
        if call.secrets.get("ANNOUNCE_TOKEN"):
            headers["Authorization"] = "Bearer " + call.secrets["ANNOUNCE_TOKEN"]
        request = urllib.request.Request(call.config["url"], data=body, headers=headers, method="POST")
        with call.effect("post", "irreversible", summary="post \"%s\"" % text) as act:
            if act:
                try:
                    with urllib.request.urlopen(request, timeout=30) as reply:
                        call.log("the webhook replied %s" % reply.status, level="debug")
                except urllib.error.HTTPError as error:
                    raise Failed("the webhook replied %s" % error.code) from error
                except OSError as error:
                    raise Failed("failed to reach the webhook: %s" % error) from error


if __name__ == "__main__":
    serve(Announce)
