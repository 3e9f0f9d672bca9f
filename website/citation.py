"""How to cite the book, from the one file that says it: ``CITATION.cff``."""

from __future__ import annotations

from pathlib import Path

import yaml
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

__all__ = ["bibtex", "read_citation", "setup"]


def read_citation(path: str | Path) -> dict:
    """The fields of a ``CITATION.cff``.

    Raises
    ------
    ValueError
        If one is missing that a citation needs.
    """
    fields = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    fields.setdefault("url", fields.get("repository-code"))
    if missing := [name for name in ("authors", "title", "url") if not fields.get(name)]:
        raise ValueError(f"{Path(path).name} lacks {', '.join(missing)}")
    return fields


def _author(author: dict) -> str:
    """An organisation as it is, a person with the family name first."""
    if "name" in author:
        return author["name"]
    return f"{author['family-names']}, {author['given-names']}"


def _facts(fields: dict) -> dict[str, str]:
    facts = {
        "title": fields["title"],
        "author": " and ".join(_author(author) for author in fields["authors"]),
        "year": str(fields.get("date-released", ""))[:4],
        "version": str(fields.get("version", "")),
        "doi": fields.get("doi", ""),
        "url": fields["url"],
    }
    return {name: fact for name, fact in facts.items() if fact}


def bibtex(fields: dict) -> str:
    """An entry for a bibliography."""
    facts = _facts(fields)
    organisations = [author.get("name") for author in fields["authors"]]
    facts["author"] = " and ".join(
        f"{{{_author(author)}}}" if name else _author(author)
        for author, name in zip(fields["authors"], organisations)
    )
    lines = [f"  {name} = {{{fact}}}," for name, fact in facts.items()]
    return "\n".join(["@misc{networks-that-speak-and-see,", *lines, "}"])


class Citation(SphinxDirective):
    """The book in one line, and as BibTeX."""

    has_content = False

    def run(self) -> list[nodes.Node]:
        """Write MyST, and have it parsed."""
        path = Path(self.env.srcdir, "CITATION.cff")
        self.env.note_dependency(str(path))
        fields = read_citation(path)
        fields.setdefault("date-released", self.config.copyright)  # begins with the year
        facts = _facts(fields)
        year = f" ({facts['year']})" if "year" in facts else ""
        version = f" Version {facts['version']}." if "version" in facts else ""
        lines = [
            f"> {facts['author']}{year}. *{facts['title']}*.{version} <{facts['url']}>", "",
            "```bibtex", *bibtex(fields).splitlines(), "```",
        ]  # fmt: skip
        container = nodes.container()
        self.state.nested_parse(StringList(lines, self.env.docname), self.content_offset, container)
        return container.children


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.add_directive("citation", Citation)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
