"""Writes a file that claims to be an exported run: small itself, and large once it is unpacked.

Arguments: the file, and what is large in it: `name` or `journal`.
"""

import gzip
import json
import sys
import tarfile

file, what = sys.argv[1:]
LARGE = 400 << 20


def header(name, size, kind=tarfile.REGTYPE):
    entry = tarfile.TarInfo(name)
    entry.size, entry.type = size, kind
    return entry.tobuf(tarfile.GNU_FORMAT)


journal = {"name": "journal.jsonl", "size": LARGE if what == "journal" else 1, "sha256": ""}
manifest = {"format": 1, "pyrelease": "0.1.0", "run": "20260501T120000000-00001", "files": [journal]}
text = json.dumps(manifest).encode()
with gzip.open(file, "wb", 1) as archive:
    archive.write(header("run.json", len(text)) + text + bytes(-len(text) % tarfile.BLOCKSIZE))
    kind = tarfile.REGTYPE if what == "journal" else tarfile.GNUTYPE_LONGNAME
    archive.write(header("journal.jsonl", LARGE, kind))
    for _ in range(LARGE >> 20):
        archive.write(bytes(1 << 20))
