"""Runs a program on a terminal of its own and holds a dialogue with it.

    terminal.py DIALOGUE PROGRAM ARGUMENT...

DIALOGUE is a JSON list of pairs: when the first has appeared on the terminal and nothing follows, the second is typed.
Everything that appeared goes to standard output. The status is the program's; 128 and the signal's number where one ended it.
"""
import json
import os
import pty
import select
import signal
import sys
import time

dialogue = json.loads(sys.argv[1])
child, terminal = pty.fork()
if child == 0:
    # As a shell on a terminal has it: whoever runs the tests in the background ignores it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execv(sys.argv[2], sys.argv[2:])
shown = b""
seen = 0
deadline = time.monotonic() + 300
while time.monotonic() < deadline:
    readable, _, _ = select.select([terminal], [], [], 0.1)
    if readable:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # how Linux says that the other end is closed
            break
        if not chunk:
            break
        shown += chunk
    # The rest of a question may follow: type only when it is quiet.
    if not readable and dialogue and dialogue[0][0].encode() in shown[seen:]:
        seen = len(shown)
        os.write(terminal, dialogue.pop(0)[1].encode())
else:
    os.kill(child, signal.SIGKILL)
sys.stdout.buffer.write(shown)
sys.stdout.flush()
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.exit(status if status >= 0 else 128 - status)
