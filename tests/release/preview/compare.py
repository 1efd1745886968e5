"""Compares rendered descriptions with readme_renderer's.

Reads from standard input the name of a renderer and a list of pairs of a text and its HTML, as JSON; writes a list of
those that differ, with the first difference. readme_renderer 46 needs Python 3.10; an older one compares nothing.
"""

import json
import sys
from html.parser import HTMLParser


class Form(HTMLParser):
    """Tags, sorted attributes and texts; without the spans that colour code, and our marks."""

    def __init__(self):
        super().__init__()
        self.parts = []
        self.code = 0

    def handle_starttag(self, tag, attributes):
        self.code += tag == "pre"
        if tag != "span" or not self.code:
            self.parts.append([tag, sorted(item for item in attributes if item[0] != "data-loss")])

    def handle_endtag(self, tag):
        self.code -= tag == "pre"
        if tag != "span" or not self.code:
            self.parts.append(f"</{tag}>")

    def handle_data(self, text):
        if self.parts and isinstance(self.parts[-1], tuple):
            text = self.parts.pop()[0] + text
        self.parts.append((text,))


def form_of(html):
    form = Form()
    form.feed(html)
    form.close()
    return form.parts


def difference(theirs, ours):
    for pair in zip(theirs, ours):
        if pair[0] != pair[1]:
            return pair
    return [theirs[len(ours) :], ours[len(theirs) :]]


name, pages = json.load(sys.stdin)
different = []
if sys.version_info >= (3, 10):
    from importlib import import_module

    renderer = import_module(f"readme_renderer.{name}")
    for text, html in pages:
        theirs, ours = form_of(renderer.render(text) or ""), form_of(html)
        if theirs != ours:
            different.append([text, difference(theirs, ours)])
json.dump(different, sys.stdout)
