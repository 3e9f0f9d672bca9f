"""For `make lab`: Jupytext writes a text file as people do, so that a save changes little else.

Without this, a caption of several lines becomes a quoted string with blank lines in it, and the
head of the file says which Jupytext saved it last.
"""

from jupytext.myst import CompactDumper
from nbformat import NotebookNode

LEFT_OUT = {"format_version", "jupytext_version"}


def represent_text(dumper: CompactDumper, text: str):
    """Write several lines as they are, and a long line without breaking it."""
    dumper.best_width = float("inf")
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def represent_settings(dumper: CompactDumper, settings: dict):
    """Sort settings, as notebooks do; but write the name of a figure above its caption."""
    kept = sorted((key, value) for key, value in settings.items() if key not in LEFT_OUT)
    if "caption" in settings:
        kept.sort(key=lambda setting: setting[0] != "name")
    return dumper.represent_mapping("tag:yaml.org,2002:map", kept, flow_style=False)


CompactDumper.add_representer(str, represent_text)
for kind in (dict, NotebookNode):
    CompactDumper.add_representer(kind, represent_settings)
