/* Write here: a blank for each function that the chapter's workbook asks for, where its listing was.
   Python (website/page/write.py) checks and hints; what was written is kept by this browser. */
import { makeEditor } from "./editor.mjs";
import { button, label, make, megabytes } from "./elements.mjs";
import { python, Stopped } from "./python.mjs";

const CHAPTER = location.pathname.match(/([^/]+?)(\.html)?$/)[1];
const HINTS = 3;
const STATES = { right: "right", wrong: "not right yet", given: "the book's is used", "": "" };

/* What was written, by the name of the function: { source, state, hints }. A state belongs to the
   source as it is: whoever changes it has to check it again. */

const unkept = new Map(); // what the browser has not kept
const key = (name) => `write:${name}`;

function recall(name) {
  try {
    return JSON.parse(localStorage.getItem(key(name)));
  } catch {
    return null;
  }
}

function keep(name, entry) {
  unkept.set(name, entry);
  for (const [name, entry] of unkept)
    try {
      localStorage.setItem(key(name), JSON.stringify(entry));
      unkept.delete(name);
    } catch {
      // There is no room, or nothing may be kept.
    }
  keeping.hidden = !unkept.size;
}

function forget(name) {
  unkept.delete(name);
  keeping.hidden = !unkept.size;
  try {
    localStorage.removeItem(key(name));
  } catch {
    // There was nothing.
  }
}

addEventListener("beforeunload", (event) => {
  if (unkept.size) event.preventDefault(); // The browser asks whether to leave.
});

/* Python, which is told first what was right on an earlier visit. */

let imports = "";
let before = python.state;
python.on("state", (state) => {
  if (before === "starting" && state === "ready") resume();
  before = state;
});

function resume() {
  const written = {};
  for (const { name, entry } of blanks)
    if (entry.state)
      written[name] = { ...entry, right: entry.state === "right", given: entry.state === "given" };
  python.call("page.write.resume", { imports, written }).catch(() => {});
}

async function start(tell) {
  if (python.state !== "off") return python.start();
  const size = `about ${megabytes(python.size)}, once`;
  const question = `Load Python from ${python.publicAddress} (${size})? What you write stays here.`;
  if (python.needsAsking() && !confirm(question)) throw new Stopped();
  const bar = make("progress", { max: 1, value: 0, "aria-label": "Python is being loaded" });
  tell(`Python is being loaded: ${size}.`, bar);
  await python.start(({ done, total }) => (bar.value = done / total));
}

/* A blank. */

function makeBlank(name, blank, place) {
  const entry = recall(name) ?? { source: blank, state: "", hints: 0 };
  const state = make("span", { className: "write-state" });
  /* The report of the last check, and below it whatever else was asked since then. */
  const [verdict, more] = [make("div", { role: "status" }), make("div", { role: "status" })];
  const said = make("div", { className: "write-said" }, verdict, more);
  const field = make("div", { className: "write-field" });
  const [solve, use] = [button("Show the solution", solution, `of ${name}`), button("Go on with the book's", useBook, name)];
  const again = button("Blank again", () => {
    if (confirm(`Put the blank of ${name} back? What you wrote there is lost.`)) set(blank);
  }, name);
  const checks = button("Check", () => (working ? python.stop().catch(() => {}) : check()), name);
  const buttons = make("p", { className: "run-bar" }, checks, button("Hint", hint, `for ${name}`), solve, use, again);
  const title = make("p", { className: "write-title" }, "Write ", make("code", { textContent: name }), state);
  const section = make("section", { className: "write", id: `write-${name}` }, title, field, buttons, said);
  section.setAttribute("aria-label", `Write ${name}`);
  let working = false;
  let [checked, clues] = [null, []]; // the source of the verdict, and hints since then
  place.after(section);
  const editor = makeEditor(field, { code: entry.source, label: `${name}, in Python`, onChange, onRun: check });

  function onChange(source) {
    if (source === entry.source) return;
    Object.assign(entry, { source, state: "" });
    update();
  }

  function update() {
    if (entry.source === blank && !entry.hints) forget(name);
    else keep(name, entry);
    state.textContent = STATES[entry.state];
    section.dataset.state = entry.state;
    solve.hidden = use.hidden = entry.hints < HINTS && entry.state !== "right";
    again.hidden = entry.source === blank;
    count();
  }

  const tell = (part, ...what) =>
    part.replaceChildren(...what.map((x) => (typeof x === "string" ? make("p", {}, x) : x)));

  /* Ask Python for something, with a button to stop it and a word if it cannot be had. */
  async function ask(what, given, part, hear) {
    if (working) return;
    working = true;
    label(checks, "Stop", name);
    try {
      await start((...words) => tell(part, ...words));
      tell(part, "Python is at work …");
      hear(await python.call(`page.write.${what}`, { name, ...given }));
    } catch (error) {
      const stopped = "It was stopped. What you wrote is still here.";
      tell(part, error instanceof Stopped ? stopped : error.message);
    }
    working = false;
    label(checks, "Check", name);
    update();
  }

  const show = (part, ...reports) => (part.innerHTML = reports.join("")); // which Python has escaped
  const forgetHints = () => {
    clues = [];
    tell(more);
  };

  function check() {
    const source = editor.get();
    return ask("check", { source }, verdict, (report) => {
      if (source === editor.get()) entry.state = report.right ? "right" : report.written ? "wrong" : "";
      checked = source;
      forgetHints();
      show(verdict, report.html);
      if (report.right) verdict.append(...next());
    });
  }

  function hint() {
    const source = editor.get();
    if (source !== checked) tell(verdict);
    return ask("hint", { source }, more, (report) => {
      entry.hints = Math.min(report.hints, HINTS);
      if (!clues.includes(report.html)) clues.push(report.html);
      show(more, ...clues);
    });
  }

  function solution() {
    return ask("solution", {}, more, (source) => {
      const listing = make("pre", { textContent: source, tabIndex: 0 });
      listing.setAttribute("aria-label", `The book's ${name}`);
      tell(more, `The book's ${name}:`, listing);
    });
  }

  function useBook() {
    return ask("use_book", {}, more, () => {
      entry.state = "given";
      tell(more, `The cells of this page use the book's ${name} now, until you check your own.`);
    });
  }

  function set(source, hints = entry.hints) {
    entry.hints = hints;
    editor.set(source);
    tell(verdict);
    forgetHints();
    update();
  }

  update();
  return { name, blank, entry, set };
}

/* The whole page. */

const blanks = [];
const progress = make("p", { className: "write-progress", role: "status" });
const ahead = make("div");
const word = make("p", { role: "status" });
const keeping = make("p", { role: "status", hidden: true });
keeping.textContent =
  "This browser does not keep what you write: it allows the page no storage, or that is full. " +
  "Download your notebook before you leave.";

/* The first function that is still to be written. */
function next() {
  const blank = blanks.find(({ entry }) => !["right", "given"].includes(entry.state));
  if (!blank) return [];
  const link = make("a", { href: `#write-${blank.name}` }, make("code", {}, blank.name));
  return [make("p", {}, "Next to write: ", link, ".")];
}

function count() {
  const written = blanks.filter(({ blank, entry }) => entry.source !== blank).length;
  const right = blanks.filter(({ entry }) => entry.state === "right").length;
  const hints = blanks.reduce((sum, { entry }) => sum + entry.hints, 0);
  const used = `${hints} ${hints === 1 ? "hint" : "hints"} used`;
  const text = `${written} of ${blanks.length} begun, ${right} right, ${used}.`;
  if (progress.textContent !== text) progress.textContent = text; // which is read out
  ahead.replaceChildren(...next());
}

function clearAll() {
  if (!confirm("Clear all that you wrote on this page? It cannot be undone.")) return;
  for (const { blank, set } of blanks) set(blank, 0);
}

/* The workbook with what was written in place of its blanks, as Jupyter opens it. */
async function save(address) {
  try {
    const notebook = await (await fetch(address)).json();
    for (const cell of notebook.cells) {
      const found = blanks.find(({ name }) => name === cell.metadata.function);
      if (found) cell.source = found.entry.source;
    }
    const file = new Blob([JSON.stringify(notebook, null, 1)], { type: "application/x-ipynb+json" });
    const link = make("a", { href: URL.createObjectURL(file), download: `${CHAPTER}.ipynb` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    word.textContent = `${link.download} is among your downloads. Jupyter opens it, and its checks run there.`;
  } catch {
    word.textContent = "The workbook could not be loaded: there is no connection.";
  }
}

/* Such a notebook, back into the page. */
async function open(file) {
  let cells;
  try {
    ({ cells } = JSON.parse(await file.text()));
    cells = cells.filter((cell) => blanks.some(({ name }) => name === cell.metadata.function));
  } catch {
    cells = [];
  }
  if (!cells.length) word.textContent = `${file.name} is not a workbook of this chapter.`;
  else if (confirm(`Take what ${file.name} holds in place of what is written here?`)) {
    for (const { metadata, source } of cells)
      blanks.find(({ name }) => name === metadata.function).set([source].flat().join(""));
    word.textContent = `${file.name} was read. Check what it holds.`;
  }
}

function makeHead(workbook) {
  const file = make("input", { type: "file", accept: ".ipynb", hidden: true });
  file.addEventListener("change", () => {
    if (file.files.length) open(file.files[0]);
    file.value = "";
  });
  const buttons = make("p", { className: "run-bar" });
  buttons.append(
    button("Download as a notebook", () => save(workbook)),
    button("Open a notebook", () => file.click()),
    button("Clear all", clearAll),
    file,
  );
  const back = make("a", { href: location.pathname, textContent: "Back to reading" });
  const how = make("p");
  how.append(
    "Where the chapter shows a function, you write it. The first check loads Python, about " +
      `${megabytes(python.size)}, once. Shift+Enter checks, Tab leaves an editor, and Ctrl+] indents. What you ` +
      "write stays in this browser; nothing is sent anywhere. ",
    back,
    ".",
  );
  const head = make("section", { className: "write-head" }, how, progress, ahead, buttons, word, keeping);
  head.setAttribute("aria-label", "Write here");
  return head;
}

async function begin() {
  const style = make("link", { rel: "stylesheet", href: new URL("write.css", import.meta.url).href });
  document.head.append(style);
  const address = new URL(`blanks/${CHAPTER}.json`, import.meta.url);
  const box = document.querySelector(".do-it-yourself");
  let told;
  try {
    told = await (await fetch(address)).json();
  } catch {
    document.documentElement.classList.remove("writing");
    word.textContent = "The blanks could not be loaded: there is no connection. The page is as it was.";
    return box.after(word);
  }
  imports = told.imports;
  box.after(makeHead(new URL(told.workbook, address)));
  for (const cell of document.querySelectorAll(".asks")) {
    let place = cell;
    for (const name of [...cell.classList].filter((x) => x.startsWith("asks-"))) {
      blanks.push(makeBlank(name.slice(5), told.blanks[name.slice(5)], place));
      place = place.nextElementSibling;
    }
  }
  count();
  document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

await begin();
