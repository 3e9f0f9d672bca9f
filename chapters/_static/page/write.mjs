/* The page is for reading, unless its address says ?write. */
if (new URLSearchParams(location.search).has("write")) {
  document.documentElement.classList.add("writing"); // page.css hides what is to be written, at once
  import("./writing.mjs");
}
