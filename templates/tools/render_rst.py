"""Renders descriptions in reStructuredText exactly as PyPI does, within limits, because hostile text can take hours.

Arguments: the id of the parent process, the limits of CPU seconds and memory bytes per text, and a file for the HTML of
the last text, if it is wanted. Reads one line, a JSON
list of texts, from standard input, which must stay open. Writes one line of JSON per text: null if it renders,
{"refused": reason} if not, "costly" if it exceeds the memory limit. The system kills this process at the CPU limit.
"""

import io
import json
import os
import re
import signal
import sys
import threading

try:
    import resource
except ImportError:  # Windows
    resource = None

# The longest message in characters; texts can make the renderer print any amount
LONGEST = 4000
# From <linux/prctl.h>
PR_SET_PDEATHSIG = 1


def end_with(parent):
    """Ends this process when its parent ends."""

    def watch():
        while os.read(0, 1):
            pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    if sys.platform == "linux":
        # This works even while the thread cannot run; without ctypes only the thread remains.
        try:
            import ctypes

            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        except (ImportError, OSError, AttributeError):
            pass
        if os.getppid() != parent:
            os._exit(1)


def limit(what, most):
    """Lowers a resource limit; some systems do not support all of them."""
    if resource is None:
        return
    try:
        _, hard = resource.getrlimit(what)
        resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    except (OSError, ValueError):
        pass


def judge(text):
    messages = io.StringIO()
    try:
        rendered = rst.render(text, stream=messages)
    except MemoryError:
        raise
    except Exception as error:  # PyPI's server fails too
        return {"refused": f"{type(error).__name__}: {error}"[:LONGEST]}
    if rendered is not None:
        if output:
            with open(output[0], "w", encoding="utf-8", newline="") as file:
                file.write(rendered)
        return None
    said = re.sub(r"^<string>:(\d+): \((\w+)/\d\) ", r"line \1: \2: ", messages.getvalue(), flags=re.M)
    return {"refused": said.strip()[:LONGEST]}


def answer(verdict):
    sys.stdout.buffer.write(json.dumps(verdict).encode("ascii") + b"\n")
    sys.stdout.buffer.flush()


parent, seconds, memory = map(int, sys.argv[1:4])
output = sys.argv[4:]
line = sys.stdin.buffer.readline()
end_with(parent)
try:
    if resource is not None:
        limit(resource.RLIMIT_CORE, 0)
        limit(resource.RLIMIT_AS, memory)
    from readme_renderer import rst

    for text in json.loads(line):
        if resource is not None:
            used = resource.getrusage(resource.RUSAGE_SELF)
            limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + 1 + seconds)
        answer(judge(text))
except MemoryError:
    os.write(1, b'"costly"\n')
# Without waiting for the thread, which is blocked in a read.
os._exit(0)
