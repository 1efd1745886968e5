"""Runs one index server until the standard input ends, which it does with the test, however that ends.

The address is announced as a line that ends in ``Serving on http://127.0.0.1:PORT``.
"""

import os
import shutil
import sys
import threading


def end_with_the_test():
    # Not through sys.stdin, whose lock would be in the way at exit.
    while os.read(0, 4096):
        pass
    # A test that was killed deletes nothing any more.
    shutil.rmtree(os.path.dirname(os.path.abspath(__file__)), ignore_errors=True)
    os._exit(0)


def pypiserver(arguments):
    import passlib.hash
    import pypiserver as package
    import waitress
    from pypiserver.config import Config

    # Passwords come in a file, for a command line is for everybody to see.
    users, packages, *options = arguments
    with open(users) as file:
        lines = [line.strip().split(":", 1) for line in file]
    with open("htpasswd", "w") as file:
        for user, password in lines:
            hashed = passlib.hash.sha256_crypt.using(rounds=1000).hash(password)
            file.write(f"{user}:{hashed}\n")
    if "--passwords" not in options:
        options += ["--passwords", "htpasswd", "--authenticate", "update"]
    options += ["--hash-algo", "sha256", "--disable-fallback"]
    application = package.app_from_config(Config.from_args(["run", *options, packages]))
    # pypiserver's own choices of HTTP server do not tell which port the system chose.
    server = waitress.create_server(application, host="127.0.0.1", port=0)
    print(f"Serving on http://127.0.0.1:{server.effective_port}", flush=True)
    server.run()


def devpi(arguments):
    from devpi_server.init import init
    from devpi_server.main import main

    data, root_password = arguments
    # The default derives the key of the logins with half a GiB of memory and many seconds of processor time.
    quick = ["--argon2-memory-cost", "64", "--argon2-parallelism", "1", "--argon2-time-cost", "1"]
    init(argv=["devpi-init", "--serverdir", data, "--no-root-pypi", "--root-passwd", root_password])
    main(["devpi-server", "--serverdir", data, "--host", "127.0.0.1", "--port", "0", "--threads", "10", *quick])


threading.Thread(target=end_with_the_test, daemon=True).start()
{"pypiserver": pypiserver, "devpi": devpi}[sys.argv[1]](sys.argv[2:])
