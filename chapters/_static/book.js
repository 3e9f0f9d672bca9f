// Opened as a file, a page may not read the others, so the search shows no excerpts of them.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// The theme lets the keyboard scroll code that is too wide. Code that unfolds is to be measured again.
document.addEventListener("toggle", () => window.dispatchEvent(new Event("resize")), true);
