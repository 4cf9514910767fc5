"""The report of a run, checked as an HTML5 validator would, and for anything that it loads from elsewhere."""

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

VOID = {"meta", "img", "br", "hr", "link", "input"}
# Elements of SVG may close themselves.
SHAPES = {"rect", "circle", "path", "stop", "text", "g", "svg", "defs", "linearGradient", "lineargradient"}
LOADING = {"src", "href", "xlink:href", "data", "poster", "srcset", "action", "background"}
FORBIDDEN = {"script", "link", "iframe", "object", "embed", "base", "form"}
# Numbers as a machine writes them: with a hyphen for the minus sign, or with an e before the exponent.
UNPRINTED = r"(?<![\w-])-\.?\d[\d.,]*|\d\.?e[-+]\d+"
# Elements that may not stand in a paragraph.
BLOCKS = {"p", "div", "table", "ul", "pre", "figure", "section", "h1", "h2", "h3", "details"}


class ReportPage(HTMLParser):
    """The page of a report.

    Attributes
    ----------
    errors
        Errors of the page, in words.
    pictures
        Alternative text and PNG file of each picture.
    headings, text
        The headings, and all text that is shown.
    """

    def __init__(self, path):
        super().__init__()
        self.source = Path(path).read_text(encoding="utf-8")
        self.errors, self.pictures, self.headings, self._text, self._open = [], [], [], [], []
        self._ids, self.tags, self._printed, self._is_file_name = set(), [], [], False
        if not self.source.startswith("<!DOCTYPE html>\n"):
            self.errors.append("no doctype")
        self.feed(self.source)
        self.close()
        self.errors += [f"{tag} is not closed" for tag in self._open]
        self.errors += [f"loads {url}" for url in re.findall(r"url\((?!#)[^)]*\)|@import[^;]*", self.source)]
        self.errors += [f"no {name} to draw with" for name in self._named_colours() - self._ids]
        self.errors += [f"{number} is not typeset" for number in re.findall(UNPRINTED, self.printed)]
        self.errors += ["a placeholder is left"] * bool(re.search(r"\$\{?(title|lead|sections)", self.source))
        for tag in ("html", "head", "title", "meta", "body", "h1", "main"):
            if tag not in self.tags:
                self.errors.append(f"no {tag}")

    @property
    def text(self):
        return " ".join(" ".join(self._text).split())

    @property
    def printed(self):
        """The text without commands, logs and names of files."""
        return " ".join(" ".join(self._printed).split())

    def _named_colours(self):
        return set(re.findall(r"url\(#([^)]*)\)", self.source))

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        names = [name for name, _ in attributes]
        values = dict(attributes)
        if len(names) != len(values):
            self.errors.append(f"{tag} has an attribute twice")
        if tag == "span":
            self._is_file_name = values.get("class") == "source"
        if tag in FORBIDDEN:
            self.errors.append(f"{tag} in a report")
        if tag in BLOCKS and "p" in self._open:
            self.errors.append(f"{tag} in a paragraph")
        if tag == "li" and self._open[-1] not in ("ul", "ol"):
            self.errors.append("li outside of a list")
        if "id" in values and " " in values["id"]:
            self.errors.append(f"id '{values['id']}' has a space")
        if "id" in values:
            if values["id"] in self._ids:
                self.errors.append(f"id {values['id']} twice")
            self._ids.add(values["id"])
        for name in LOADING & values.keys():
            if not values[name].startswith(("data:image/png;base64,", "#")):
                self.errors.append(f"{tag} loads {values[name][:60]}")
        if tag == "img":
            if not values.get("alt"):
                self.errors.append("a picture without alternative text")
            self.pictures.append((values.get("alt"), base64.b64decode(values["src"].partition(",")[2])))
        if tag == "svg" and not {"aria-label", "aria-hidden"} & values.keys():
            self.errors.append("a drawing without a label")
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in SHAPES:
            self.errors.append(f"{tag} closes itself")
        self._open.pop()

    def handle_endtag(self, tag):
        if not self._open or self._open[-1] != tag:
            self.errors.append(f"/{tag} in {self._open[-1:]}")
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data):
        if self._open and self._open[-1] == "style":
            return
        self._text.append(data)
        if self._open and self._open[-1] != "pre" and not (self._open[-1] == "span" and self._is_file_name):
            self._printed.append(data)
        if self._open and self._open[-1] in ("h1", "h2"):
            self.headings.append(data)
