"""Adds a section to the changelog with python-semantic-release 7, as its `publish` does before it commits.

The arguments: the version, the one before, and the date.
"""

import datetime
import sys

from semantic_release import vcs_helpers
from semantic_release.changelog import markdown_changelog
from semantic_release.history.logs import generate_changelog

version, previous, day = sys.argv[1:]


class Today(datetime.date):
    """The date of the release"""

    @classmethod
    def today(cls):
        return cls.fromisoformat(day)


vcs_helpers.date = Today
owner, name = vcs_helpers.get_repository_owner_and_name()
changes = generate_changelog(previous)
section = markdown_changelog(owner, name, version, changes, header=False, previous_version=previous)
vcs_helpers.update_changelog_file(version, section)
