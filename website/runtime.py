"""Python for the pages: what `make runtime` makes, and what the website takes of it.

``python -m website.runtime`` gathers Pyodide, its wheels and the editor in ``_build/runtime``. As
an extension of Sphinx, this puts them, where they are, beside the pages, and always the book's own
modules in one archive. Where they are not, the pages ask before they load Pyodide from its public
address.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import subprocess
import zipfile
from functools import cache
from pathlib import Path

from sphinx.application import Sphinx

__all__ = ["add_module", "book_archive", "gather", "setup"]

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "website" / "page"
PINNED = SOURCE / "runtime.json"
CORE = (
    "pyodide.mjs",
    "pyodide.asm.js",
    "pyodide.asm.wasm",
    "python_stdlib.zip",
    "pyodide-lock.json",
)
WHEELS = ("numpy", "pillow")
PUBLIC = "https://cdn.jsdelivr.net/pyodide/v{}/full/"

# Of the library: what needs more than NumPy and Pillow.
_ELSEWHERE = (
    "reproducible.py", "see/*", "figures/*", "speak/features.py", "speak/photographs.py",
    "speak/photograph_features.py", "speak/torch_captioner.py", "speak/distributed.py",
    "workshop/tasks_see.py", "workshop/catalogue_see.py", "workshop/grade.py",
    "workshop/__main__.py",
)  # fmt: skip

_WORD = (
    '<p class="page-word" data-modules="{}" data-bytes="{}" data-asks="{}" role="status" hidden>'
    '</p>\n<noscript><p class="page-word">The code of this page can be run in it, where scripts '
    "are allowed.</p></noscript>"
)


def facts(data: bytes) -> dict[str, int | str]:
    """What is pinned of a file: its size, how much of that a server sends, and its SHA-256."""
    sent = len(gzip.compress(data, 6, mtime=0))
    return {"bytes": len(data), "sent": sent, "sha256": hashlib.sha256(data).hexdigest()}


def gather(target: Path) -> None:
    """Copy Pyodide and its wheels into a folder, each as it is pinned, and bundle the editor.

    Another version of Pyodide is pinned anew, in ``website/page/runtime.json``, to be committed.

    Raises
    ------
    ValueError
        If a wheel is not the one of Pyodide's lock, or any file not the one that is pinned.
    """
    package = SOURCE / "node_modules" / "pyodide"
    version = json.loads((package / "package.json").read_text(encoding="utf-8"))["version"]
    lock = json.loads((package / "pyodide-lock.json").read_text(encoding="utf-8"))["packages"]
    files = {name: (package / name).read_bytes() for name in CORE}
    for wheel in WHEELS:
        name = lock[wheel]["file_name"]
        files[name] = (SOURCE / "wheels" / name).read_bytes()
        if hashlib.sha256(files[name]).hexdigest() != lock[wheel]["sha256"]:
            raise ValueError(
                f"website/page/wheels/{name} is not the one of Pyodide {version}'s lock"
            )
    found = {"version": version, "files": {name: facts(data) for name, data in files.items()}}
    pinned = json.loads(PINNED.read_text(encoding="utf-8")) if PINNED.exists() else {}
    if pinned.get("version") != version:
        PINNED.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    else:
        for name, file in found["files"].items():
            if pinned["files"][name]["sha256"] != file["sha256"]:
                raise ValueError(f"Pyodide's {name} is not the one that {PINNED.name} names")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name, data in files.items():
        (target / name).write_bytes(data)
    esbuild = [SOURCE / "node_modules" / ".bin" / "esbuild", "--bundle", "--minify", "--format=esm"]
    output = [f"--outfile={target / 'editor.mjs'}", "--log-level=warning"]
    subprocess.run([*esbuild, "editor.mjs", *output], cwd=SOURCE, check=True)
    (target / "licences.txt").write_text(notices(version), encoding="utf-8")


def notices(version: str) -> str:
    """The notices of all that is served with the pages, as its licences ask."""
    modules = SOURCE / "node_modules"
    bundled = {
        path.parent.relative_to(modules): path.read_text(encoding="utf-8").strip()
        for path in sorted(modules.glob("**/LICENSE"))
        if path.parent.name != "ws"
    }
    texts = [
        f"Pyodide {version}: Mozilla Public License 2.0, https://mozilla.org/MPL/2.0/\n"
        f"Source: https://github.com/pyodide/pyodide/tree/{version}",
        "CPython, in it: PSF License, https://docs.python.org/3.12/license.html",
        "NumPy and Pillow: their licences are in the wheels, which are zip files.",
        *(f"{name}, in editor.mjs:\n\n{text}" for name, text in bundled.items()),
    ]
    return f"\n\n{'-' * 79}\n\n".join(texts) + "\n"


def book_archive(root: Path) -> bytes:
    """A zip of the library's files that need NumPy and Pillow only, and of what the pages call.

    The same files make the same archive, byte for byte.
    """
    library, page = root / "cs231n_lib", root / "website" / "page"
    left_out = {path for pattern in _ELSEWHERE for path in library.glob(pattern)}
    paths = {*library.rglob("*.py"), *library.glob("speak/pictures/*"), *page.glob("*.py")}
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(paths - left_out):
            entry = zipfile.ZipInfo(path.relative_to(root).as_posix())
            file.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return archive.getvalue()


@cache
def site(root: Path) -> tuple[bytes, dict]:
    """The archive, and what ``site.json`` says of it and of the runtime's files."""
    pinned = json.loads((root / "website" / "page" / "runtime.json").read_text(encoding="utf-8"))
    book = book_archive(root)
    return book, {
        "runtime": "../runtime/" if (root / "_build" / "runtime").is_dir() else None,
        "public": PUBLIC.format(pinned["version"]),
        "files": pinned["files"],
        "book": facts(book),
        "extras": {
            path.relative_to(root / "website" / "page").as_posix(): facts(path.read_bytes())
            for path in sorted((root / "website" / "page").glob("captioners/*"))
        },
    }


def add_module(app: Sphinx, context: dict, module: str) -> None:
    """Have a page load a module of ``_static/page``; to be called from ``html-page-context``.

    Below the title comes a place for a word, if the page cannot run Python. It also knows how much
    Python weighs, and the address to ask about where the site itself does not have it.
    """
    begun = 'data-modules="'
    if begun in context["body"]:
        context["body"] = context["body"].replace(begun, f"{begun}{module} ", 1)
        return
    place = word(Path(app.srcdir), module)
    context["body"] = context["body"].replace("</h1>", f"</h1>\n{place}", 1)
    app.add_js_file("page/begin.js", loading_method="defer")


def word(root: Path, module: str) -> str:
    """The place for that word, empty, and the one where scripts are off."""
    _, facts = site(root)
    size = sum(file["sent"] for file in [facts["book"], *facts["files"].values()])
    return _WORD.format(module, size, "" if facts["runtime"] else facts["public"])


def publish(root: Path, static: Path) -> None:
    """Put the archive, what else Python reads, and the runtime where there is one, beside pages."""
    book, facts = site(root)
    (static / "page").mkdir(parents=True, exist_ok=True)
    (static / "page" / "book.zip").write_bytes(book)
    (static / "page" / "site.json").write_text(json.dumps(facts), encoding="utf-8")
    for name in facts["extras"]:
        target = static / "page" / name
        target.parent.mkdir(exist_ok=True)
        shutil.copy(root / "website" / "page" / name, target)
    if facts["runtime"]:
        shutil.copytree(root / "_build" / "runtime", static / "runtime", dirs_exist_ok=True)


def write_files(app: Sphinx, exception: Exception | None) -> None:
    """Publish all that with the website, once its pages are written."""
    if exception is None and app.builder.format == "html":
        publish(Path(app.srcdir), Path(app.outdir, "_static"))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("builder-inited", lambda app: site.cache_clear())
    app.connect("build-finished", write_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":
    gather(ROOT / "_build" / "runtime")
