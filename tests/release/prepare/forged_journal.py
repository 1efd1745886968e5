"""Alters the journal in an exported run, and makes its checksums and manifest fit.

Arguments: the run, the new file, the records to append as JSON, and optionally a distribution in it, its new name and the
file with its new content. A record `["old", "new"]` is none: it replaces a text in all records of the run.
"""

import gzip
import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path

source, target, appended, *swap = sys.argv[1:]


def line(number, moment, record):
    text = json.dumps(record, separators=(",", ":"), ensure_ascii=False)
    digest = hashlib.sha256(f"{number} {moment} {text}".encode()).hexdigest()[:16]
    return f'{{"seq":{number},"time":"{moment}","record":{text},"sum":"{digest}"}}\n'


with tarfile.open(source) as archive:
    files = {name: archive.extractfile(name).read() for name in archive.getnames()}
lines = [json.loads(text) for text in files["journal.jsonl"].decode().splitlines()]
text = json.dumps([known["record"] for known in lines], separators=(",", ":"))
appended = json.loads(appended)
for old, new in [change for change in appended if isinstance(change, list)]:
    assert old in text, old
    text = text.replace(old, new)
records = json.loads(text) + [record for record in appended if isinstance(record, dict)]
if swap:
    old, new, content = swap[0], swap[1], Path(swap[2]).read_bytes()
    del files[f"dist/{old}"]
    files[f"dist/{new}"] = content
    for record in records:
        for known in record.get("outputs", {}).get("distributions", []):
            if known["filename"] == old:
                known["filename"], known["path"] = new, known["path"].replace(old, new)
                known["size"], known["sha256"] = len(content), hashlib.sha256(content).hexdigest()
moment = lines[-1]["time"]
files["journal.jsonl"] = "".join(line(number, moment, record) for number, record in enumerate(records)).encode()
manifest = json.loads(files["run.json"])
manifest["files"] = [
    {"name": name, "size": len(text), "sha256": hashlib.sha256(text).hexdigest()}
    for name, text in files.items()
    if name != "run.json"
]
files["run.json"] = json.dumps(manifest).encode()
with gzip.open(target, "wb") as packed, tarfile.open(fileobj=packed, mode="w|", format=tarfile.GNU_FORMAT) as archive:
    for name, text in files.items():
        entry = tarfile.TarInfo(name)
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text))
