/* The page is for reading, unless its address says ?write. */
if (new URLSearchParams(location.search).has("write")) import("./writing.mjs");
