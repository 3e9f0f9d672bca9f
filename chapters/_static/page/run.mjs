/* Cells that run in the page. website/run_here.py leaves a place in every cell of a chapter and says
   what a page has to know of it; website/page/cells.py runs them. Until a button is pressed, no more
   than this file and what it imports is loaded. */
import { button, label, make, megabytes } from "./elements.mjs";
import { python, PythonUnavailable, Stopped } from "./python.mjs";

const cells = [...document.querySelectorAll(".run-here")].map(prepare);
let begun = null; // the session of the cells, once Python has it
let loaded = false;
let agreed = !python.needsAsking();

function prepare(place, number) {
  const data = JSON.parse(place.dataset.cell);
  const around = place.closest(".cell");
  const input = around.querySelector(".cell_input");
  const output = around.querySelector(".cell_output");
  const text = (part) =>
    [...part.querySelectorAll("pre")].map((pre) => pre.textContent.trimEnd()).join("\n\n");
  const source = data.code ?? text(input);
  const cell = { number, data, place, input, output, source, running: false };
  if ("cannot" in data) {
    if (data.cannot) place.append(make("p", { className: "run-note", textContent: data.cannot }));
    return cell;
  }
  cell.given = data.listing ? text(output) : source; // what the editor begins with
  cell.name = `cell ${number + 1}`;
  cell.run = button(data.listing ? "Edit" : "Run", () => press(cell), cell.name);
  cell.stop = button("Stop", () => stop(cell), cell.name);
  cell.reset = button("Reset", () => reset(cell), cell.name);
  cell.stop.hidden = cell.reset.hidden = true;
  cell.word = make("div", { className: "run-word", role: "status" });
  place.append(make("div", { className: "run-bar" }, cell.run, cell.reset, cell.stop, cell.word));
  return cell;
}

/* What is said beside the buttons of a cell: a sentence, and what can be pressed now. */
function say(cell, sentence, ...controls) {
  cell.word.replaceChildren(...(sentence ? [make("span", {}, sentence)] : []), ...controls);
}

async function press(cell) {
  if (cell.running) return;
  work(cell);
  let late;
  try {
    const first = !cell.editor;
    if (!agreed) await ask(cell);
    late = setTimeout(() => (cell.stop.hidden = false), 300);
    await load(cell);
    await open(cell);
    if (first && cell.data.listing) {
      say(cell, "Change a line and press Run: the library will use yours.");
      cell.editor.focus();
    } else await (cell.data.listing ? change(cell) : run(cell));
  } catch (error) {
    explain(cell, error);
  } finally {
    clearTimeout(late);
    rest(cell);
  }
}

function work(cell) {
  cell.running = true;
  cell.run.setAttribute("aria-disabled", "true");
}

function rest(cell) {
  cell.running = false;
  cell.run.removeAttribute("aria-disabled");
  if (document.activeElement === cell.stop) cell.run.focus();
  cell.stop.hidden = true;
}

function explain(cell, error) {
  if (error instanceof Stopped) say(cell, "Stopped. Python begins anew, and has forgotten what ran before.");
  else if (error instanceof PythonUnavailable) say(cell, error.message);
  else if (error !== "declined") {
    say(cell, error.message);
    console.error(error);
  } else say(cell, "");
}

/* Python, once, with its size said before. */
async function load(cell) {
  const bar = make("progress", { max: 1, value: 0, "aria-label": "Loading Python" });
  if (!loaded)
    say(cell, `Loading Python into this page: about ${megabytes(python.size)}, once.`, bar);
  else if (!begun) say(cell, "Starting Python …");
  await python.start(({ done, total }) => {
    if (done < total) bar.value = done / total;
    else say(cell, "Starting Python …");
  });
  begun ??= python.call("page.cells.begin", { cells: cells.map(({ source }) => source) });
  await begun.catch((error) => {
    begun = null;
    throw error;
  });
  say(cell, "");
}

function ask(cell) {
  const { host } = new URL(python.publicAddress);
  return new Promise((yes, no) => {
    const load = button("Load", yes);
    say(
      cell,
      `This site does not have Python itself. Load it from ${host}: about ${megabytes(python.size)}, once?`,
      load,
      button("Not now", () => no("declined")),
    );
    load.focus();
  })
    .then(() => (agreed = true))
    .finally(() => cell.run.focus());
}

/* From a listing to an editor, and a place for what comes of it. */
async function open(cell) {
  if (cell.editor) return;
  const { makeEditor } = await import("./editor.mjs");
  const holder = cell.data.listing ? cell.output : cell.input;
  const shown = [...holder.children];
  for (const part of shown) part.hidden = true;
  const folded = holder.closest("details");
  if (folded) folded.open = true;
  cell.field = make("div", { className: "run-field" });
  holder.append(cell.field);
  cell.editor = makeEditor(cell.field, {
    code: cell.given,
    label: `Python of ${cell.name}. Shift and Enter run it, Tab leaves it.`,
    onRun: () => press(cell),
  });
  cell.live = make("div", { className: "run-output", hidden: true, "aria-live": "polite" });
  cell.place.append(cell.live);
  label(cell.run, "Run", cell.name);
  cell.reset.hidden = false;
  cell.close = () => {
    cell.editor.destroy();
    cell.field.remove();
    cell.live.remove();
    for (const part of shown) part.hidden = false;
    cell.editor = null;
    if (cell.data.listing) label(cell.run, "Edit", cell.name);
  };
}

const code = (cell) => (cell.editor ? cell.editor.get() : cell.given);

/* One call of Python for a cell. What is printed shows at once, if the cell is open. */
async function askPython(cell) {
  if (cell.data.files) {
    say(cell, `Loading what was trained, and its data: ${megabytes(cell.data.bytes)}, once.`);
    await python.bring(cell.data.files);
  }
  const clock = make("span", { "aria-hidden": "true" }); // or it would be read out each second
  say(cell, `Running …${cell.data.slow ? ` This takes ${cell.data.slow}.` : ""}`, clock);
  const printed = make("pre");
  const onText = (stream, text) => {
    if (stream === "stderr" && text.startsWith("\r")) return void say(cell, text.trim());
    printed.append(text);
    if (!printed.parentNode) show(cell, printed);
  };
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1000;
  const ticks = setInterval(() => (clock.textContent = `${Math.round(seconds())} s`), 1000);
  const given = { cell: cell.number, code: code(cell) };
  const called = python.call("page.cells.run", given, { onText });
  const result = await called.finally(() => clearInterval(ticks));
  return { ...result, printed: printed.textContent, seconds: seconds() };
}

async function run(cell) {
  cell.live.replaceChildren();
  const result = await askPython(cell);
  if (result.needs) return need(cell, result);
  settle(cell, result);
}

/* What a cell shows takes the place of what the book shows there. */
function show(cell, ...parts) {
  if (!cell.live) return;
  cell.live.append(...parts);
  cell.live.hidden = false;
  if (cell.output) cell.output.hidden = true;
}

function settle(cell, { shows, error, printed, seconds }) {
  for (const { text, html } of shows) {
    if (text !== undefined) show(cell, make("pre", { textContent: text }));
    else show(cell, make("div", { innerHTML: html }), ...caption(cell));
  }
  if (error) {
    show(cell, make("pre", { className: "run-error", textContent: error.trimEnd() }));
    return say(cell, "It ended with an error.");
  }
  if (!cell.live?.childElementCount && cell.live) cell.live.hidden = true;
  const text = [printed.trimEnd(), ...shows.map((part) => part.text ?? "")].join("\n").trim();
  const took = seconds < 0.05 ? "" : ` (${seconds.toFixed(seconds < 10 ? 1 : 0)} s)`;
  say(cell, `${text && likeTheBooks(cell, text) ? "As in the book." : "Done."}${took}`);
}

/* What the book says below the picture that is shown anew. */
const caption = ({ output }) =>
  [...(output?.querySelectorAll(".caption-text") ?? [])].map(({ textContent }) =>
    make("p", { className: "run-caption", textContent }),
  );

/* The same text, but for numbers within the tolerance that the book gives beside them. */
function likeTheBooks(cell, text) {
  const number = /(-?[\d.]+) ± ([\d.]+)/g;
  const book = [...(cell.output?.querySelectorAll("pre") ?? [])]
    .map((pre) => pre.textContent.trimEnd())
    .join("\n")
    .trim();
  const [ours, theirs] = [text, book].map((said) => [...said.matchAll(number)]);
  return (
    text.replace(number, "±") === book.replace(number, "±") &&
    ours.every(([, value], k) => Math.abs(value - theirs[k][1]) <= Number(theirs[k][2]) + 1e-9)
  );
}

/* A cell needs others before it: say which names, and run those others at a press. */
function need(cell, { needs, names }) {
  const many = needs.length > 1;
  const listed = names.length > 4 ? [...names.slice(0, 3), "others"] : names;
  const what = listed.join(", ").replace(/, ([^,]*)$/, " and $1");
  const where = many ? `${needs.length} cells further up make` : "a cell further up makes";
  const which = many ? `those ${needs.length} cells` : "that cell";
  const control = button(`Run ${which} first`, () => runAll(cell, needs));
  say(cell, `It uses ${what}, which ${where}.`, control);
}

async function runAll(cell, needs) {
  cell.run.focus();
  work(cell);
  cell.stop.hidden = false;
  if (await runThose(cell, needs).finally(() => rest(cell))) await press(cell);
}

async function runThose(cell, needs) {
  for (const [k, number] of needs.entries()) {
    const other = cells[number];
    say(cell, `Running ${k + 1} of ${needs.length} …`);
    try {
      const result = await askPython(other);
      settle(other, result.needs ? { ...result, shows: [], error: "This cell needs others before it." } : result);
      if (!result.error && !result.needs) continue;
      const go = make("a", { href: "#", textContent: `Cell ${number + 1}` });
      go.addEventListener("click", (event) => {
        event.preventDefault();
        other.place.scrollIntoView({ block: "center" });
        other.run.focus();
      });
      return void say(cell, go, " ended with an error.");
    } catch (error) {
      explain(other, error);
      return void explain(cell, error);
    }
  }
  return true;
}

/* A library function as a reader has edited it. */
async function change(cell) {
  say(cell, "Running …");
  cell.live.replaceChildren();
  cell.live.hidden = true;
  const result = await python.call("page.cells.change", { cell: cell.number, code: code(cell) });
  if (result.error) {
    cell.live.append(make("pre", { className: "run-error", textContent: result.error.trimEnd() }));
    cell.live.hidden = false;
    return say(cell, "Nothing is changed.");
  }
  cell.changed = result.changed.length > 0;
  if (!cell.changed) return say(cell, "As the book has it.");
  const whose = `${result.changed.join(" and ")} ${result.changed.length > 1 ? "are" : "is"} yours now`;
  const next = cells[result.next];
  const control = next?.run && button("Run the next cell that uses it", () => follow(next));
  say(cell, `${whose}, here and in the library, until you press Reset.`, ...(control ? [control] : []));
}

function follow(cell) {
  cell.place.scrollIntoView({ block: "center" });
  cell.run.focus({ preventScroll: true });
  press(cell);
}

async function stop(cell) {
  say(cell, "Stopping …");
  await python.stop().catch((error) => explain(cell, error));
}

async function reset(cell) {
  if (cell.running) return;
  cell.close();
  if (cell.output) cell.output.hidden = false;
  cell.reset.hidden = true;
  cell.run.focus();
  const still = cell.changed ? " What ran with yours shows that until it runs again." : "";
  say(cell, `As the book has it.${still}`);
  if (begun) await python.call("page.cells.reset", { cell: cell.number });
  cell.changed = false;
}

/* Python begins anew: nothing has run, and the library is the book's. */
python.on("restarted", () => {
  begun = null;
  for (const cell of cells) {
    if (!cell.running && cell.word) say(cell, cell.changed ? "No longer at work: press Run again." : "");
    cell.changed = false;
  }
});

const first = cells.find(({ run }) => run);
if (first) say(first, `Run loads Python into this page: about ${megabytes(python.size)}, once.`);
const note = first?.word.firstChild;
python.on("state", (state) => {
  if (state !== "ready") return;
  loaded = true;
  note?.remove();
});
