"""What a page may load and run: a content security policy for each, written into it.

Inline scripts and handlers run if the theme wrote them: each is named by its hash. So no text that
gets into a page, such as the output of a reader's code, runs as a script. Nothing is sent anywhere.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

from sphinx.application import Sphinx

from website.runtime import site

__all__ = ["policy", "setup"]

_CHARSET = '<meta charset="utf-8" />'  # the first thing in the head of a page


def policy(page: str, handlers: Iterable[str] = (), elsewhere: str | None = None) -> str:
    """The policy of a page, from its HTML.

    A page makes its worker from a blob, so that the worker is under this policy, too. The worker
    runs Pyodide from blobs, once their hashes were compared. Styles within elements are MathJax's.

    Parameters
    ----------
    page : str
    handlers : iterable of str
        The handlers of all pages. The search reads those that it finds, and would complain.
    elsewhere : str, optional
        An address that the page's Python comes from.
    """
    scripts = re.findall(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", page, flags=re.S)
    digests = {hashlib.sha256(code.encode()).digest() for code in (*scripts, *handlers)}
    hashes = sorted(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    host = f"https://{urlsplit(elsewhere).netloc}" if elsewhere else ""
    allowed = {
        "default-src": "'self'",
        "script-src": f"'self' blob: 'wasm-unsafe-eval' 'unsafe-hashes' {' '.join(hashes)}",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' blob: data:",
        "font-src": "'self' data:",
        "connect-src": f"'self' {host}",
        "worker-src": "blob:",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
    }
    return "; ".join(f"{name} {sources}".strip() for name, sources in allowed.items())


def write_policies(app: Sphinx, exception: Exception | None) -> None:
    """Put its policy into each page, before anything that it is about."""
    if exception or app.builder.format != "html":
        return
    _, facts = site(Path(app.srcdir))
    elsewhere = None if facts["runtime"] else facts["public"]
    old = re.compile(r'\n<meta http-equiv="Content-Security-Policy"[^>]*>')
    pages = {
        path: old.sub("", path.read_text(encoding="utf-8"))
        for path in Path(app.outdir).rglob("*.html")
    }
    found = re.findall(r'\son[a-z]+="([^"]*)"', "".join(pages.values()))
    handlers = sorted(set(map(unescape, found)))
    for path, page in pages.items():
        allowed = policy(page, handlers, elsewhere)
        meta = f'\n<meta http-equiv="Content-Security-Policy" content="{allowed}">'
        path.write_text(page.replace(_CHARSET, _CHARSET + meta, 1), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("build-finished", write_policies, priority=900)  # when all is written
    return {"parallel_read_safe": True, "parallel_write_safe": True}
