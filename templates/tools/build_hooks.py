"""Calls the hooks of a build backend (PEP 517), each in a process of its own, and writes what they built.

Argument: a file with a JSON object:

  backend       the entry point, such as `hatchling.build` or `setuptools.build_meta:__legacy__`
  backend_path  the folders of a backend in the project itself, relative to the source
  source        the project
  sdist         an sdist that was built from it before, or null
  dist          the folder for the distributions
  scratch       an empty folder for files in between
  settings      the config settings, or null
  steps         what to build, in order: objects with `kind` (`sdist` or `wheel`), `from` (`source` or `sdist`) and
                `ask` (whether to ask for more build requirements first)
  fork          whether processes may be forked
  modules       what the hooks of this backend imported in an earlier build, or null if that is not known
  answer        the file to write: `built` has the file name of each step that was done, `requires` the requirements
                that the next step asks for, `modules` what the hooks imported. With nothing built and nothing required,
                the caller starts again with the steps that are left.

The backend is imported once, and every hook is called in a fork of the process that did, which is what a process of its
own would be. It is imported again for other sources if its import could depend on the source. What hooks import from the
environment and the standard library is imported before the fork, because it takes longer than most hooks do. A fork ends
as Python does, but does not take down every module, which takes long, too.
"""

import atexit
import gc
import io
import json
import os
import sys
import tarfile
import threading
from importlib import import_module
from importlib.machinery import PathFinder


class PathOfBackend:
    """Finds the backend in `backend-path` and nowhere else."""

    def __init__(self, folders, module):
        self.folders = folders
        self.module = module

    def find_spec(self, name, path, target=None):
        if "." in name:
            return None
        spec = PathFinder.find_spec(name, path=self.folders)
        if spec is None and name == self.module.partition(".")[0]:
            raise ImportError(f"no module {self.module!r} in {self.folders!r}")
        return spec

    def find_distributions(self, context=None):
        from importlib.metadata import DistributionFinder, MetadataPathFinder

        context = DistributionFinder.Context(name=context and context.name, path=self.folders)
        return MetadataPathFinder.find_distributions(context=context)


class Watch:
    """Notices whether code looks at the working folder."""

    def __init__(self):
        self.watches = True
        self.seen = False
        self.getcwd = os.getcwd
        os.getcwd = self.get
        sys.addaudithook(self.audit)

    def get(self):
        self.seen = self.seen or self.watches
        return self.getcwd()

    def audit(self, event, arguments):
        if self.watches and event in ("open", "os.listdir", "os.scandir"):
            place = arguments[0]
            if place is None or isinstance(place, (str, bytes)) and not os.path.isabs(place):
                self.seen = True

    def stop(self):
        self.watches = False
        os.getcwd = self.getcwd
        return self.seen


class Imports:
    """Records what a hook imports while nothing that an import could depend on differs from before the hook."""

    def __init__(self):
        self.names = []
        self.before = self.state()
        sys.meta_path.insert(0, self)

    def state(self):
        return sys.path[:], dict(os.environ), sys.meta_path[1:] if self in sys.meta_path else sys.meta_path[:]

    def find_spec(self, name, path, target=None):
        if self.state() == self.before:
            self.names.append(name)
        return None

    def stop(self):
        """Returns the names of modules that can be imported before a fork."""
        sys.meta_path.remove(self)
        native = {name.partition(".")[0] for name, module in list(sys.modules.items()) if is_native(module)}
        return [name for name in self.names if name.partition(".")[0] not in native and is_installed(name)]


STDLIB = os.path.join(os.path.dirname(os.__file__), "")
INSTALLED = tuple(os.path.join(place, "") for place in sys.path if os.path.basename(place).endswith("-packages"))


def origin(module):
    return getattr(getattr(module, "__spec__", None), "origin", None) or ""


def is_native(module):
    """Whether a module is an installed library, which may start threads that do not survive a fork."""
    place = origin(module)
    return not place.endswith((".py", ".pyc")) and place.startswith(INSTALLED)


def is_installed(name):
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None)
    if spec is None or spec.name != name:
        return False
    return origin(module) in ("built-in", "frozen") or origin(module).startswith((STDLIB, *INSTALLED))


def import_before(names, source):
    """Imports modules that hooks need; returns whether an import could depend on the source."""
    os.chdir(source)
    watch = Watch()
    # None of what lives on is garbage.
    gc.disable()
    for name in names:
        try:
            import_module(name)
        except Exception:
            # The hook may have reasons to import it nevertheless, and to catch this.
            break
    gc.enable()
    return watch.stop()


def can_fork(request):
    if not request["fork"] or threading.active_count() != 1:
        return False
    try:
        return len(os.listdir("/proc/self/task")) == 1
    except OSError:
        return True


def load(request, source):
    """Imports the backend in the source; returns it, and whether the import could depend on the source."""
    os.chdir(source)
    module, _, attributes = request["backend"].partition(":")
    folders = [os.path.join(source, folder) for folder in request["backend_path"]]
    if folders:
        sys.meta_path.insert(0, PathOfBackend(folders, module))
    watch = Watch()
    try:
        backend = import_module(module)
        for attribute in filter(None, attributes.split(".")):
            backend = getattr(backend, attribute)
    except (ImportError, AttributeError):
        import traceback

        traceback.print_exc()
        fail(f"Backend {request['backend']!r} is not available.")
    return backend, watch.stop() or bool(folders)


def perform(backend, call):
    """Calls a hook, and writes what it returns. Optional hooks that are missing ask for nothing."""
    os.chdir(call["source"])
    imports = Imports()
    hook = getattr(backend, call["hook"], None)
    if hook is None and call["hook"].startswith("get_requires"):
        result = []
    else:
        result = getattr(backend, call["hook"])(*call["arguments"])
    with open(call["answer"], "w", encoding="utf-8") as file:
        json.dump({"result": result, "modules": imports.stop()}, file)


def leave():
    """Ends this process: waits for its threads, calls what is registered, and writes out what is still buffered."""
    getattr(threading, "_shutdown", lambda: None)()
    atexit._run_exitfuncs()
    for thing in gc.get_objects():
        if isinstance(thing, (io.BufferedWriter, io.BufferedRandom, io.TextIOWrapper)) and not thing.closed:
            try:
                thing.flush()
            except (OSError, ValueError):
                pass
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(0)


def ask(request, backend, hook, source, *arguments):
    """Calls a hook in another process; returns its result, and the modules that it imported."""
    answer = os.path.join(request["scratch"], "hook.json")
    call = {"hook": hook, "source": source, "arguments": arguments, "answer": answer}
    sys.stdout.flush()
    sys.stderr.flush()
    if can_fork(request):
        if hasattr(gc, "freeze"):
            gc.freeze()
        child = os.fork()
        if child == 0:
            perform(backend, call)
            leave()
        status = os.waitpid(child, 0)[1]
    else:
        import subprocess

        path = os.path.join(request["scratch"], "call.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(call, file)
        status = subprocess.call([sys.executable, __file__, sys.argv[1], path])
    if status != 0 or not os.path.exists(answer):
        fail(f"Backend subprocess exited when trying to invoke {hook}")
    with open(answer, encoding="utf-8") as file:
        answered = json.load(file)
    os.remove(answer)
    return answered["result"], answered["modules"]


def unpack(sdist, folder):
    """Unpacks an sdist as `python -m build` does, and returns the project's folder in it."""
    try:
        with tarfile.open(sdist) as tar:
            members = tar.getmembers()
            tops = sorted({member.name.split("/", 1)[0] for member in members} - {""})
            if len(tops) != 1:
                fail(f"source distribution {sdist} must contain a single top-level directory, got: {tops}")
            if not any(member.name == f"{tops[0]}/PKG-INFO" and member.isfile() for member in members):
                fail(f"source distribution {sdist} does not contain {tops[0]}/PKG-INFO")
            version = sys.version_info
            # Earlier ones have no filter, or one that is wrong about links.
            if version >= (3, 12) or (3, 11, 5) <= version < (3, 12) or (3, 10, 13) <= version < (3, 11):
                tar.extractall(folder, filter="data")
            else:
                for member in members:
                    refuse_unsafe(member, folder)
                tar.extractall(folder)
    except (OSError, tarfile.TarError) as error:
        fail(f"failed to read source distribution {sdist}: {error}")
    return os.path.join(folder, tops[0])


def refuse_unsafe(member, folder):
    if not (member.isfile() or member.isdir() or member.issym() or member.islnk()):
        fail(f"refusing to extract special file {member.name!r}")
    base = os.path.realpath(folder)
    places = [os.path.join(base, member.name)]
    if member.issym() or member.islnk():
        start = os.path.dirname(places[0]) if member.issym() else base
        places.append(os.path.join(start, member.linkname))
    for place in places:
        if os.path.commonpath([base, os.path.realpath(place)]) != base:
            fail(f"refusing to extract {member.name!r}: it leads out of the folder")


def build(request, answer):
    """Does the steps, as far as one import of the backend and the environment's packages go."""
    source, sdist = request["source"], request["sdist"]
    backend = loaded = unpacked = None
    is_known = request["modules"] is not None

    def call(hook, *arguments):
        nonlocal is_bound
        result, modules = ask(request, backend, hook, source, *arguments)
        # Others than those of an earlier build are those of this project.
        if not is_known and not is_bound and can_fork(request):
            answer["modules"].extend(modules)
            is_bound = import_before(modules, source)
            if is_bound:
                answer["modules"].clear()
        return result

    for step in request["steps"]:
        kind = step["kind"]
        if step["from"] == "sdist":
            if unpacked is None:
                unpacked = unpack(sdist, os.path.join(request["scratch"], "unpacked"))
            source = unpacked
        else:
            source = request["source"]
        if backend is None:
            backend, is_bound = load(request, source)
            loaded = source
            if is_known and not is_bound and can_fork(request):
                answer["modules"] = request["modules"]
                is_bound = import_before(request["modules"], source)
                if is_bound:
                    answer["modules"] = []
        elif is_bound and loaded != source:
            return
        settings = request["settings"]
        if step["ask"]:
            print(f"* Getting build dependencies for {kind}...")
            requires = call(f"get_requires_for_build_{kind}", settings)
            if requires:
                answer["requires"] = sorted(set(requires))
                return
        print(f"* Building {kind}...")
        if kind == "sdist":
            name = call("build_sdist", request["dist"], settings)
            sdist = os.path.join(request["dist"], name)
        else:
            name = call("build_wheel", request["dist"], settings, None)
        answer["built"].append(name)


def fail(message):
    print(f"ERROR {message}", file=sys.stderr)
    sys.exit(1)


def main():
    # The folder of this script is no place to import modules from.
    del sys.path[0]
    with open(sys.argv[1], encoding="utf-8") as file:
        request = json.load(file)
    if len(sys.argv) > 2:
        with open(sys.argv[2], encoding="utf-8") as file:
            call = json.load(file)
        backend, _ = load(request, call["source"])
        return perform(backend, call)
    answer = {"built": [], "requires": [], "modules": []}
    build(request, answer)
    with open(request["answer"], "w", encoding="utf-8") as file:
        json.dump(answer, file)
    leave()


main()
