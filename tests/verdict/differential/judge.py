"""Answers what PyPI's packages make of a text. In: a list of [kind, text]; out: a list of answers."""
import configparser
import email.parser
import email.policy
import email.utils
import json
import re
import sys
from email.message import EmailMessage

import email_validator
import rfc3986
from packaging.metadata import (
    _LIST_FIELDS, _RAW_TO_EMAIL_MAPPING, _STRING_FIELDS, Metadata, _parse_keywords, _parse_project_urls)
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

UNTOLD = "untold"
PROJECT = re.compile(r"([A-Z0-9]|[A-Z0-9][A-Z0-9._-]*[A-Z0-9])", re.IGNORECASE | re.ASCII)
# The form has some fields in the singular that the metadata has in the plural.
SINGULAR = {"platforms": "platform", "supported_platforms": "supported_platform", "license_files": "license_file",
            "import_names": "import_name", "import_namespaces": "import_namespace"}
FORM = {SINGULAR.get(name, name): name for name in _RAW_TO_EMAIL_MAPPING}
KNOWN = {"1.0", "1.1", "1.2", "2.1", "2.2", "2.3", "2.4", "2.5"}


def refused(judge, *values):
    try:
        judge(*values)
    except BaseException:
        return True
    return False


def field(name):
    def judge(value):
        raw = {"metadata_version": "2.5", "name": "demo", "version": "1.0"}
        raw[name] = [value] if name in _LIST_FIELDS else value
        Metadata.from_raw(raw)
    return lambda value: refused(judge, value)


def address_of(value):
    # A Python from before 2024 finds other addresses where there are several.
    address = email.utils.parseaddr(value)[1]
    word = r"[^\s<>()\[\]:;,\\\"]+"
    is_plain = re.fullmatch(f"[A-Za-z ]+<{word}>|{word}", value)
    return address if is_plain and address and address.count("@") < 2 else UNTOLD


def emails(value):
    address = address_of(value)
    if address == UNTOLD:
        return UNTOLD
    return refused(lambda: email_validator.validate_email(address, check_deliverability=False))


def check_url(value):
    uri = rfc3986.uri_reference(value).normalize()
    validator = rfc3986.validators.Validator().allow_schemes("http", "https").require_presence_of("scheme")
    validator.check_validity_of("scheme", "host", "port", "path", "query").validate(uri)


def normal(value):
    try:
        return str(Version(value))
    except ValueError:
        return None


def order(pair):
    try:
        one, other = map(Version, pair)
    except ValueError:
        return None
    return (one > other) - (one < other)


def project(value):
    return canonicalize_name(value) if PROJECT.fullmatch(value) else None


def wheel(value):
    try:
        name, version, build, tags = parse_wheel_filename(value)
    except ValueError:
        return None
    # PyPI wants a Python tag for its form, and compares the name with that of a project.
    parts = value.split("-")
    if not PROJECT.fullmatch(parts[0]) or not parts[-3] or "/" in value or "\n" in value:
        return None
    return [name, str(version), parts[2] if build else "", sorted(map(str, tags))]


def sdist(value):
    if not value.endswith(".tar.gz"):
        return None
    try:
        name, version = parse_sdist_filename(value)
    except ValueError:
        return None
    return [name, str(version)] if PROJECT.fullmatch(value[:-7].rpartition("-")[0]) else None


def check_document(text):
    # The headers are sent as a form, as twine and this project do it.
    message = email.parser.HeaderParser(policy=email.policy.compat32).parsestr(text)
    form = {}
    for header, value in message.items():
        name = header.lower().replace("-", "_")
        name = {"classifier": "classifiers", "project_url": "project_urls"}.get(name, name)
        form.setdefault(name, []).append(value)
    if form.get("metadata_version", [""])[0].strip() not in ("2.4", "2.5"):
        form.pop("license_file", None)
    for name in [name for name, values in form.items() if values[-1].strip() == "UNKNOWN"]:
        del form[name]
    assert PROJECT.fullmatch(form["name"][0])
    raw = {}
    for name, values in form.items():
        field = FORM.get(name)
        if field is None or values == [""]:
            continue
        if field in _STRING_FIELDS:
            raw[field], = values
        elif field in _LIST_FIELDS:
            raw[field] = values
        elif field == "keywords":
            only, = values
            raw[field] = _parse_keywords(only)
        else:
            raw[field] = _parse_project_urls(values)
    metadata = Metadata.from_raw(raw)
    assert metadata.metadata_version in KNOWN and not metadata.version.local
    assert len(metadata.summary or "") <= 512
    for name in "author_email", "maintainer_email":
        address = email.utils.parseaddr(getattr(metadata, name) or "")[1]
        if address:
            email_validator.validate_email(address, check_deliverability=False)
    assert set(metadata.classifiers or []) <= {"Programming Language :: Python :: 3"}
    for name in "home_page", "download_url":
        if getattr(metadata, name) is not None:
            check_url(getattr(metadata, name))
    for label, url in (metadata.project_urls or {}).items():
        assert 0 < len(label) <= 32
        check_url(url)
    for requirement in [*(metadata.provides_dist or []), *(metadata.obsoletes_dist or [])]:
        assert Requirement(requirement).url is None
    assert all(requirement.url is None for requirement in metadata.requires_dist or [])
    assert not (metadata.license and metadata.license_expression)


def check_entry_points(text):
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    parser.optionxform = str
    parser.read_string(text)
    for section in "console_scripts", "gui_scripts":
        for name in parser[section] if section in parser else ():
            assert re.fullmatch(r"[\w.-]+", name)


ANSWERS = {
    "entry points": lambda text: refused(check_entry_points, text),
    "email": emails,
    "url": lambda value: refused(check_url, value),
    "normal version": normal,
    "order": order,
    "project name": project,
    "wheel": wheel,
    "sdist": sdist,
    "document": lambda text: refused(check_document, text),
}
questions = json.load(sys.stdin)
for kind, _ in questions:
    ANSWERS.setdefault(kind, field(kind))
print(json.dumps([ANSWERS[kind](asked) for kind, asked in questions]))
