"""Renders descriptions in reStructuredText exactly as PyPI does.

Reads a JSON list of texts from standard input. Writes a JSON list to standard output: null for a text that renders,
else why it does not.
"""

import faulthandler
import io
import json
import re
import sys

from readme_renderer import rst

# docutils can take very long over hostile text; the process then ends with a traceback.
SECONDS = 300


def judge(text):
    messages = io.StringIO()
    try:
        rendered = rst.render(text, stream=messages)
    except Exception as error:  # PyPI's server fails too, whatever it is
        return f"{type(error).__name__}: {error}"
    if rendered is not None:
        return None
    return re.sub(r"^<string>:(\d+): \((\w+)/\d\) ", r"line \1: \2: ", messages.getvalue(), flags=re.M).strip()


faulthandler.dump_traceback_later(SECONDS, exit=True)
verdicts = [judge(text) for text in json.loads(sys.stdin.buffer.read().decode("utf-8"))]
sys.stdout.buffer.write(json.dumps(verdicts).encode("ascii"))
