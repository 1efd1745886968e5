"""Write a stage of a pyrelease release as a plugin in Python.

This module uses only the standard library. pyrelease provides it to the plugins that it starts; install nothing::

    #!/usr/bin/env python3
    from pyrelease_plugin import Stage, serve

    class Notify(Stage):
        name = "notify"
        version = "1.0.0"
        effects = "irreversible"
        reach = "follow-up"

        def run(self, call):
            with call.effect("post", "irreversible", summary="post to the channel") as act:
                if act:
                    ...

        def verify(self, call, effect):
            return "unknown"

    serve(Notify)
"""

import contextlib
import json
import os
import sys
import threading

PROTOCOL = "1.0"
__all__ = ["Call", "Cancelled", "Failed", "Kept", "Stage", "serve"]


class Failed(Exception):
    """The stage failed: a message for the user, and a hint what to do."""

    def __init__(self, message, hint=None, code="failed"):
        super().__init__(message)
        self.hint = hint
        self.code = code


class Cancelled(Failed):
    """The call was cancelled."""

    def __init__(self):
        super().__init__("cancelled", code="cancelled")


class Kept(Exception):
    """Raised in `undo`: the effect must stay, and why."""


class Refused(Failed):
    """pyrelease refused an effect."""


def _incompatibility(hello):
    """Why pyrelease's `hello` is not compatible: another major version, or a required feature. None if it is."""
    protocol, required = str(hello.get("protocol")), hello.get("required") or []
    if protocol.split(".")[0] != PROTOCOL.split(".")[0]:
        return "pyrelease uses version %s of the protocol, but this plugin uses %s" % (protocol, PROTOCOL)
    if required:
        return "pyrelease requires `%s`, which this plugin does not support" % required[0]
    return None


class _Wire:
    """Sends messages as whole lines, and receives messages in a thread."""

    def __init__(self, read, write):
        self._read, self._write = read, write
        self._lock = threading.Lock()
        self._changed = threading.Condition()
        self._acks = {}
        self._calls = []
        self.cancelled = threading.Event()
        #: why pyrelease is not compatible, if so
        self.incompatibility = None
        self._closed = False
        threading.Thread(target=self._listen, daemon=True).start()

    def send(self, **message):
        line = json.dumps(message, ensure_ascii=False, separators=(",", ":")) + "\n"
        with self._lock:
            self._write.write(line.encode("utf-8"))
            self._write.flush()

    def call(self):
        with self._changed:
            self._changed.wait_for(lambda: self._calls or self._closed)
            return self._calls.pop(0) if self._calls else None

    def ack(self, key):
        with self._changed:
            self._changed.wait_for(lambda: key in self._acks or self._closed)
            return self._acks.pop(key, {"ok": False, "reason": "pyrelease is gone"})

    def _lines(self):
        # Not `sys.stdin`: the waiting thread would hold its lock, and crash the interpreter at exit.
        rest = b""
        while True:
            chunk = os.read(self._read, 1 << 16)
            if not chunk:
                return
            *lines, rest = (rest + chunk).split(b"\n")
            yield from lines

    def _listen(self):
        for line in self._lines():
            message = json.loads(line)
            kind = message.get("type")
            with self._changed:
                if kind == "call":
                    self._calls.append(message)
                elif kind == "ack":
                    self._acks[message["key"]] = message
                elif kind == "cancel":
                    self.cancelled.set()
                elif kind == "hello":
                    self.incompatibility = _incompatibility(message)
                    self.send(type="hello", protocol=PROTOCOL, built_with="Python " + sys.version.split()[0])
                self._changed.notify_all()
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class Call:
    """The parameters of a call, and what a stage can do during it."""

    def __init__(self, wire, method, params):
        self._wire = wire
        self.method = method
        self.params = params
        self.config = params.get("config") or {}
        self.release = params.get("release") or {}
        self.secrets = params.get("secrets") or {}
        self.dry_run = bool(params.get("dry_run"))
        self._done = {effect["key"]: effect for effect in params.get("effects") or []}

    def log(self, message, level="info"):
        self._wire.send(type="log", level=level, message=str(message))

    def progress(self, done, total=0, unit=""):
        self._wire.send(type="progress", done=done, total=total, unit=unit)

    @property
    def cancelled(self):
        return self._wire.cancelled.is_set()

    def check(self):
        """Raises `Cancelled` if the call was cancelled."""
        if self.cancelled:
            raise Cancelled()

    @contextlib.contextmanager
    def effect(self, key, kind="reversible", summary="", undo=None):
        """Announces an effect. Do it in the body if the value is True; afterwards it is reported as done.

        The value is False if the effect was already done before an interruption.
        """
        if self.method == "run" and key in self._done:
            yield False
            return
        self._wire.send(**{"type": "effect", "key": key, "class": kind, "summary": summary, "undo": undo})
        answer = self._wire.ack(key)
        if not answer.get("ok"):
            raise Refused("pyrelease refused `%s`: %s" % (key, answer.get("reason") or "no reason given"))
        yield True
        self._wire.send(type="effect_done", key=key)


class Stage:
    """A stage. Override its settings and methods."""

    name = ""
    version = "0"
    summary = ""
    #: none, reversible or irreversible
    effects = "none"
    #: private, rehearsal, repository, public or follow-up; follows from `effects` by default
    reach = None
    #: a JSON schema for the stage's `config`
    config_schema = None
    #: [{"name": ..., "purpose": ...}]
    secrets = ()
    tools = ()
    network = False
    timeout_s = None
    after = ()
    before = ()
    #: what a stage before it must give: notes, version, commit, tag or distributions
    needs = ()
    #: what it gives to the stages after it, in the same words; only a private stage can
    gives = ()

    def preflight(self, call):
        """Returns problems that would make `run` fail, each {"severity", "message", "hint"}."""
        return []

    def plan(self, call):
        """Returns the planned effects, each {"key", "class", "summary"}."""
        return []

    def run(self, call):
        """Does the work; may return outputs, such as {"links": [...]}."""
        raise NotImplementedError

    def undo(self, call, effect):
        """Undoes an effect; does nothing if there is nothing to undo. Raises `Kept` if it must stay."""
        raise Failed("`undo` is not implemented")

    def verify(self, call, effect):
        """Reports whether an effect exists: "present", "absent" or "unknown"."""
        return "unknown"

    def describe(self):
        described = {
            "name": self.name,
            "version": self.version,
            "summary": self.summary or (type(self).__doc__ or "").strip().split("\n")[0],
            "protocol": "^" + PROTOCOL,
            "methods": ["describe", "preflight", "run", "undo", "verify"],
            "effects": self.effects,
            "requires": {"secrets": list(self.secrets), "tools": list(self.tools), "network": self.network},
            "after": list(self.after),
            "before": list(self.before),
            "needs": list(self.needs),
            "gives": list(self.gives),
        }
        for key in ("reach", "config_schema", "timeout_s"):
            if getattr(self, key) is not None:
                described[key] = getattr(self, key)
        return described


def _answer(stage, call):
    if call.method == "describe":
        return stage.describe()
    if call.method == "preflight":
        return {"problems": list(stage.preflight(call) or []), "plan": list(stage.plan(call) or [])}
    if call.method == "run":
        return {"outputs": stage.run(call) or {}}
    effects = call.params.get("effects") or []
    if call.method == "verify":
        return {"effects": [{"key": each["key"], "state": stage.verify(call, each) or "unknown"} for each in effects]}
    if call.method == "undo":
        undone, kept = [], []
        for each in effects:
            try:
                stage.undo(call, each)
                undone.append(each["key"])
            except Kept as reason:
                kept.append({"key": each["key"], "reason": str(reason)})
        return {"undone": undone, "kept": kept}
    raise Failed("unknown method `%s`" % call.method, code="unsupported")


def serve(stage):
    """Answers the process's one call. `stage` is a class or an instance."""
    wire = _Wire(sys.stdin.fileno(), sys.stdout.buffer)
    # Keep `print` out of the messages.
    sys.stdout = sys.stderr
    message = wire.call()
    if message is None:
        sys.exit(75)
    if isinstance(stage, type):
        stage = stage()
    try:
        if wire.incompatibility:
            raise Failed(wire.incompatibility, hint="update the older one", code="version")
        value = _answer(stage, Call(wire, message["method"], message.get("params") or {}))
    except Failed as error:
        wire.send(type="result", ok=False, error={"code": error.code, "message": str(error), "hint": error.hint})
    except Exception as error:
        import traceback

        traceback.print_exc()
        text = "%s: %s" % (type(error).__name__, error)
        wire.send(type="result", ok=False, error={"code": "exception", "message": text, "hint": None})
    else:
        wire.send(type="result", ok=True, value=value)
    sys.stderr.flush()
