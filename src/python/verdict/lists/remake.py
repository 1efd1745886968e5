"""Makes the lists of this folder anew from the packages that PyPI's server takes them from.

    python3 src/python/verdict/lists/remake.py

It installs the versions below into a folder of its own that is deleted afterwards. They are those that PyPI's server
pins (requirements/main.txt of https://github.com/pypi/warehouse), except for the classifiers: PyPI follows them within
days, so the newest are taken. A list that is too old only warns, see `Policy::with_old_classifiers`.
"""
import pathlib
import subprocess
import sys
import tempfile

REQUIREMENTS = ["packaging==26.2", "stdlib-list", *(sys.argv[1:] or ["trove-classifiers"])]
HERE = pathlib.Path(__file__).resolve().parent


def write(name, lines):
    (HERE / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def remake():
    import importlib.metadata

    from packaging.licenses import _spdx
    from packaging.utils import canonicalize_name
    from stdlib_list import short_versions, stdlib_list
    from trove_classifiers import deprecated_classifiers, sorted_classifiers

    write("classifiers.txt", sorted_classifiers)
    deprecated = sorted(deprecated_classifiers.items())
    write("deprecated_classifiers.txt", ["\t".join([name, *instead]) for name, instead in deprecated])
    write("licenses.txt", sorted((entry["id"] for entry in _spdx.LICENSES.values()), key=str.lower))
    write("license_exceptions.txt", sorted((entry["id"] for entry in _spdx.EXCEPTIONS.values()), key=str.lower))
    # PyPI takes every module, and every package above one, of every version, without the `_` around it.
    parts = [name.split(".") for version in short_versions for name in stdlib_list(version)]
    names = {".".join(name[:end]) for name in parts for end in range(1, len(name) + 1)}
    write("standard_library.txt", sorted({canonicalize_name(name.strip("-_.")) for name in names}))

    # Their version is the day they were published.
    year, month, day = importlib.metadata.version("trove-classifiers").split(".")[:3]
    newest = max(short_versions, key=lambda version: [int(part) for part in version.split(".")])
    (HERE / "dates.rs").write_text(f"""\
//! How old the lists beside this file are; made by `remake.py`.

/// The date of the list of classifiers; a classifier may have been added since
pub const CLASSIFIERS_OF: &str = "{year}-{int(month):02}-{int(day):02}";
/// The newest Python whose modules are listed
pub(in crate::python::verdict) const MODULES_OF: &str = "{newest}";
/// The version of the SPDX list of licenses that `packaging` has
pub(in crate::python::verdict) const SPDX: &str = "{_spdx.VERSION}";
""", encoding="utf-8")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--target", folder, *REQUIREMENTS]
        subprocess.run(install, check=True)
        sys.path.insert(0, folder)
        remake()
