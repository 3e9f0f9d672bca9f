/* Ask the networks: two things in a picture, and what each captioner says of them (chapters/ask.md).
   Python draws, describes and speaks (website/page/ask.py); here things are moved and words shown. */
import { make, megabytes } from "./elements.mjs";
import { python } from "./python.mjs";

const SIDE = 96; // pixels of a picture, in each direction
const MARGIN = 3; // pixels that stay free at its border
const HELD_OUT = 1000; // scenes to take another one from
const MOST_BYTES = 30e6; // of a picture of one's own
const NAMES = { rnn: "RNN", lstm: "LSTM", attention: "network that looks" };
const MEANS = { "<START>": "a sentence begins", "<END>": "the sentence ends", "<NULL>": "nothing, behind the end", "<UNK>": "some other word" };
const STEPS = { ArrowLeft: ["x", -1], ArrowRight: ["x", 1], ArrowUp: ["y", -1], ArrowDown: ["y", 1] };

const page = document.getElementById("ask");
const find = (selector, root = page) => root.querySelector(selector);
const findAll = (selector, root = page) => [...root.querySelectorAll(selector)];
const percent = (share) =>
  share >= 0.995 ? "more than 99 %" : share < 0.005 ? "less than 1 %" : `${Math.round(100 * share)} %`;
const still = matchMedia("(prefers-reduced-motion: reduce)");
const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));

const stage = find(".ask-stage");
const controls = find(".ask-controls");
const headline = find(".ask-headline");
const cards = findAll(".ask-card");
const heard = make("p", { className: "ask-heard", role: "status" }); // for those who listen
const trouble = make("p", { className: "ask-trouble", role: "alert" });
const files = JSON.parse(page.dataset.files); // world -> name of a file -> bytes

/* What is in the picture: a scene with its two things, or a picture of one's own. */
const scene = { world: "scenes", number: Number(page.dataset.number), things: [], own: null };
let [words, selected, looked] = [{}, 0, null];
let [attempts, asking, changed, told, telling] = [0, false, false, 0, null];

/* The scene, as Python hears of it. */
const plain = () => ({
  world: scene.world,
  number: scene.number,
  things: scene.things.map(({ words, x, y }) => ({ words, x, y })),
});

/* The button that wakes them. */

const bytes = (world) => Object.values(files[world]).reduce((sum, size) => sum + size, 0);

function offer() {
  const size = megabytes(python.size + bytes("scenes"));
  const wake = make("button", { type: "button", className: "ask-wake" });
  wake.textContent = `Wake the networks (about ${size}, once)`;
  wake.addEventListener("click", () => rouse(wake));
  const from = python.publicAddress && new URL(python.publicAddress).host;
  const asks = from ? ` Python is not part of this copy of the site, and comes from ${from}.` : "";
  const waiting = location.hash.length > 1 ? " A picture that somebody has made waits for you." : "";
  const note = make("p", { className: "ask-note" });
  note.textContent = `They then run here, in your browser. Nothing that you do is sent anywhere.${asks}${waiting}`;
  controls.replaceChildren(wake, note, trouble);
}

async function rouse(wake) {
  wake.disabled = true;
  trouble.textContent = "";
  const bar = make("progress", { max: 1, value: 0, "aria-label": "Loading" });
  wake.after(bar);
  try {
    await python.start(({ done, total }) => {
      bar.value = (0.8 * done) / total;
      wake.textContent = done < total ? `Loading: ${megabytes(done)} of ${megabytes(total)}` : "Python wakes up …";
    });
    wake.textContent = "The networks wake up …";
    bar.value = 0.85;
    await bring("scenes");
    words = await python.call("page.ask.words");
    bar.value = 1;
    await open(readLink());
    controls.replaceChildren(find("template").content.cloneNode(true), trouble, heard);
    build();
    page.classList.add("ask-awake");
    await attempt(() => change({ slowly: true }));
  } catch (error) {
    offer();
    trouble.textContent = error.message;
    throw error;
  }
}

const bring = (world) => python.bring(Object.keys(files[world]));

/* A scene: another one, or the one of a link, #world/number/size.colour.shape.x.y/size.colour.shape.x.y */

const link = () =>
  [scene.world, scene.number, ...scene.things.map(({ words, x, y }) => [...words, x, y].join("."))].join("/");

function readLink() {
  const [world, number, ...parts] = location.hash.slice(1).split("/");
  const kinds = { scenes: ["size", "colour", "shape"], nouns: ["size", "noun"] }[world];
  const things = parts.map((part) => {
    const said = part.split(".");
    const [x, y] = said.splice(-2).map(Number);
    const known = kinds?.length === said.length && said.every((word, k) => words[kinds[k]].includes(word));
    return known && [x, y].every((at) => at >= 0 && at < SIDE) ? { words: said, x, y } : null;
  });
  const whole = things.length === 2 && things.every(Boolean) && /^\d{1,3}$/.test(number);
  return whole ? { world, number: Number(number), things } : { number: scene.number };
}

async function open({ world = scene.world, number = Math.floor(HELD_OUT * Math.random()), things }) {
  if (world !== "scenes") await bring(world);
  things ??= await python.call("page.ask.held_out", { world, number });
  Object.assign(scene, { world, number, things, own: null });
}

/* Controls, once there is something to control. */

function build() {
  for (const radio of findAll("[name=ask-world]")) {
    const more = radio.value === "nouns" && scene.world !== "nouns" ? ` (${megabytes(bytes("nouns"))} more)` : "";
    radio.checked = radio.value === scene.world;
    radio.parentElement.append(more);
    radio.addEventListener("change", () => enter(radio));
  }
  find("[data-do=another]").addEventListener("click", () => attempt(another));
  find("[data-do=link]").addEventListener("click", copyLink);
  find("[type=file]").addEventListener("change", ({ target }) => {
    if (target.files.length) attempt(() => takeIn(target.files[0]));
    target.value = "";
  });
  page.addEventListener("dragstart", (event) => event.preventDefault()); // of a picture of the page
  page.addEventListener("dragover", (event) => {
    if (![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    stage.classList.add("ask-over");
  });
  page.addEventListener("dragleave", () => stage.classList.remove("ask-over"));
  page.addEventListener("drop", (event) => {
    event.preventDefault();
    stage.classList.remove("ask-over");
    if (event.dataTransfer.files.length) attempt(() => takeIn(event.dataTransfer.files[0]));
  });
  const palette = find(".ask-palette");
  palette.addEventListener("change", ({ target }) => {
    scene.things[selected].words[target.dataset.place] = target.value;
    attempt(() => change());
  });
  looks.addEventListener("pointerleave", () => light(null));
  looks.addEventListener("focusout", () => light(null));
}

/* Do it, or say what went wrong and leave everything as it was. */
async function attempt(what) {
  trouble.textContent = "";
  page.setAttribute("aria-busy", String(++attempts > 0));
  try {
    await what();
    await telling;
  } catch (error) {
    trouble.textContent = error.message;
  }
  page.setAttribute("aria-busy", String(--attempts > 0));
}

async function enter(radio) {
  await attempt(async () => {
    const { own } = scene;
    if (radio.value === "nouns") radio.parentElement.lastChild.textContent = " … loading";
    await open({ world: radio.value });
    scene.own = own;
    await change({ slowly: true });
  });
  if (scene.world === "nouns") radio.parentElement.lastChild.textContent = "";
  find(`[name=ask-world][value=${scene.world}]`).checked = true;
}

async function another() {
  await open({});
  await change({ slowly: true });
}

async function copyLink({ target }) {
  const label = target.textContent;
  await attempt(async () => {
    await navigator.clipboard.writeText(location.href).catch(() => {
      throw new Error("This browser does not let a page copy. The link is in the address bar.");
    });
    target.textContent = "Copied";
    await pause(1500);
  });
  target.textContent = label;
}

/* A picture of one's own: its middle, as a square of 96 x 96 pixels. */
async function takeIn(file) {
  if (file.size > MOST_BYTES) {
    const [size, most] = [megabytes(file.size), megabytes(MOST_BYTES)];
    throw new Error(`${file.name} has ${size}. Take a picture of at most ${most}.`);
  }
  const image = await createImageBitmap(file).catch(() => {
    throw new Error(`${file.name} is not a picture that this browser can read.`);
  });
  const side = Math.min(image.width, image.height);
  const [left, top] = [(image.width - side) / 2, (image.height - side) / 2];
  const context = make("canvas", { width: SIDE, height: SIDE }).getContext("2d");
  Object.assign(context, { fillStyle: "#fff", imageSmoothingQuality: "high" });
  context.fillRect(0, 0, SIDE, SIDE);
  context.drawImage(image, left, top, side, side, 0, 0, SIDE, SIDE);
  const rgb = context.getImageData(0, 0, SIDE, SIDE).data.filter((_, k) => k % 4 < 3);
  const part = side < image.width || side < image.height ? "the middle of your picture, cut to a square" : "your picture";
  scene.own = { name: file.name, part, pixels: btoa(String.fromCharCode(...rgb)) };
  await change({ slowly: true });
}

/* The stage. */

async function change(how = {}) {
  page.classList.toggle("ask-own", Boolean(scene.own));
  if (!scene.own) {
    const shown = await python.call("page.ask.show", plain());
    Object.assign(find(".ask-ground"), { src: shown.ground, alt: "" });
    scene.things.forEach((thing, k) => Object.assign(thing, shown.things[k]));
    layOut();
    fillPalette();
  } else findAll(".ask-thing").forEach((thing) => thing.remove());
  await ask(how);
}

function layOut() {
  const buttons = findAll(".ask-thing");
  scene.things.forEach((thing, k) => {
    const button = buttons[k] ?? makeThing(k);
    button.firstChild.src = thing.picture;
    thing.x = clamp(thing.x, thing.radius);
    thing.y = clamp(thing.y, thing.radius);
    Object.assign(button.style, {
      left: `${(100 * thing.x) / SIDE}%`,
      top: `${(100 * thing.y) / SIDE}%`,
      width: `${(100 * thing.side) / SIDE}%`,
    });
    button.setAttribute("aria-pressed", String(k === selected));
    button.setAttribute("aria-label", `${thing.words.join(" ")}, ${thing.x} across, ${thing.y} down`);
  });
}

const clamp = (at, radius) =>
  Math.round(Math.min(SIDE - MARGIN - radius, Math.max(MARGIN + radius, at)));

function makeThing(k) {
  const button = make("button", { type: "button", className: "ask-thing" }, make("img", { className: "dark-light", alt: "", draggable: false }));
  button.setAttribute("aria-roledescription", "thing to move");
  button.setAttribute("aria-describedby", "ask-keys");
  const select = () => {
    selected = k;
    layOut();
    fillPalette();
  };
  const move = (x, y) => {
    Object.assign(scene.things[k], { x, y });
    layOut();
    attempt(ask);
  };
  let held = null; // where in the thing the finger or the mouse has it
  button.addEventListener("focus", select);
  button.addEventListener("pointerdown", (event) => {
    const box = stage.getBoundingClientRect();
    const scale = SIDE / box.width;
    const thing = scene.things[k];
    held = { scale, x: thing.x - event.clientX * scale, y: thing.y - event.clientY * scale };
    button.setPointerCapture(event.pointerId);
    button.focus({ preventScroll: true });
    select();
  });
  button.addEventListener("pointermove", ({ clientX, clientY }) => {
    if (held) move(held.x + clientX * held.scale, held.y + clientY * held.scale);
  });
  for (const end of ["pointerup", "pointercancel"])
    button.addEventListener(end, () => {
      held = null;
    });
  button.addEventListener("keydown", (event) => {
    const [axis, sign] = STEPS[event.key] ?? [];
    if (!axis) return;
    event.preventDefault();
    const step = sign * (event.shiftKey ? 8 : 2);
    const { x, y } = scene.things[k];
    move(x + (axis === "x") * step, y + (axis === "y") * step);
  });
  stage.append(button);
  return button;
}

function fillPalette() {
  const palette = find(".ask-palette");
  const thing = scene.things[selected];
  find("legend", palette).textContent = `The ${thing.words.join(" ")}`;
  const kinds = scene.world === "scenes" ? ["size", "colour", "shape"] : ["size", "noun"];
  if (palette.dataset.world !== scene.world) {
    palette.dataset.world = scene.world;
    find(".ask-choices").replaceChildren(...kinds.map((kind, place) => (kind === "noun" ? chooser : choices)(kind, place)));
  }
  for (const control of findAll("[data-place]", palette)) {
    const word = thing.words[control.dataset.place];
    if (control.type === "radio") control.checked = control.value === word;
    else control.value = word;
  }
}

function choices(kind, place) {
  const labels = words[kind].map((word) => {
    const radio = make("input", { type: "radio", name: `ask-${kind}`, value: word, "data-place": place });
    return make("label", { className: `ask-${word}`, title: word }, radio, make("span", {}, word));
  });
  return make("div", { className: `ask-row ask-${kind}s`, role: "radiogroup", "aria-label": kind }, ...labels);
}

function chooser(kind, place) {
  const options = words[kind].map((word) => make("option", {}, word));
  const select = make("select", { "data-place": place, "aria-label": "what it is" }, ...options);
  const any = make("button", { type: "button" }, "Surprise me");
  any.addEventListener("click", () => {
    select.selectedIndex = Math.floor(options.length * Math.random());
    select.dispatchEvent(new Event("change", { bubbles: true }));
  });
  return make("div", { className: "ask-row" }, select, any);
}

/* Ask, and as soon as there is an answer ask again if anything has changed since. */

async function ask(how = {}) {
  changed = true;
  if (asking) return;
  asking = true;
  try {
    while (changed) {
      changed = false;
      const { world, own } = scene;
      const answer = own
        ? await python.call("page.ask.ask_picture", { world, pixels: own.pixels })
        : await python.call("page.ask.ask", plain());
      telling = tell(answer, how.slowly);
    }
    history.replaceState(null, "", scene.own ? location.pathname : `#${link()}`);
  } finally {
    asking = false;
  }
}

/* What they say. */

const looks = find("[data-captioner=attention]");
const showing = {}; // captioner -> which word is looked at

async function tell({ picture, said }, slowly) {
  const now = ++told;
  find(".ask-seen").src = picture;
  if (scene.own) Object.assign(find(".ask-ground"), { src: picture, alt: `${scene.own.name}: ${scene.own.part}` });
  find(".ask-all").textContent = `This is all they see: ${scene.own ? `${scene.own.part}, in ` : ""}96 × 96 pixels.`;
  for (const card of cards) if (!said.some(({ name }) => name === card.dataset.captioner)) silence(card);
  const rows = said.map(fillCard);
  const summary = summarise(said);
  if (slowly && !still.matches) {
    headline.textContent = "They look …";
    for (const card of cards) card.dataset.verdict = "none";
    for (const { buttons } of rows) for (const button of buttons) button.classList.add("ask-unsaid");
    for (let k = 0; rows.some(({ buttons }) => k < buttons.length); k++) {
      await pause(130);
      if (now !== told) return;
      for (const { buttons, choose } of rows)
        if (buttons[k]) {
          buttons[k].classList.remove("ask-unsaid");
          choose(k, true);
        }
    }
    await pause(200);
    if (now !== told) return;
    light(null);
  }
  for (const { card, verdict, settle } of rows) {
    settle();
    card.dataset.verdict = verdict;
  }
  headline.textContent = summary;
  clearTimeout(tell.timer);
  tell.timer = setTimeout(() => {
    heard.textContent = said.map((one) => `${NAMES[one.name]}: ${sentence(one)}. ${judged(one)}`).join(" ");
  }, 700);
}

/* A sentence as it is read out. */
const sentence = ({ words }) => words.map(({ word }) => word).join(" ");
const judged = ({ true: right, mistakes }) =>
  right === undefined ? "" : right ? "True." : `False: ${mistakes.map(({ says }) => says).join("; ")}.`;

function summarise(said) {
  if (scene.own)
    return "They have never seen anything like it. None of them can say “I do not know”, so they say what they can.";
  const everyone = said.length === 3 ? "all three" : "both";
  const list = (some) =>
    some.length === said.length ? everyone : some.map(({ name }) => `the ${NAMES[name]}`).join(" and ");
  const [right, wrong] = [said.filter((one) => one.true), said.filter((one) => !one.true)];
  if (!right.length) return `This fools ${everyone}!`;
  const those = list(right);
  const tell = `${those[0].toUpperCase()}${those.slice(1)} ${right.length > 1 ? "tell" : "tells"} the truth.`;
  return wrong.length ? `This fools ${list(wrong)}. ${tell}` : `${tell} Can you fool one?`;
}

/* A captioner that is not asked, and why. */
function silence(card) {
  card.dataset.verdict = "none";
  find(".ask-sentence", card).replaceChildren();
  find(".ask-inside", card).replaceChildren();
  find(".ask-detail", card).textContent = "It was not trained on these things, so it is not asked.";
}

/* A word as it is quoted, and what it means if it is none of English. */
const quoted = (word) => (word in MEANS ? `“${word}” (${MEANS[word]})` : `“${word}”`);

function fillCard({ name, words: spoken, true: right, mistakes = [] }) {
  const card = cards.find(({ dataset }) => dataset.captioner === name);
  const wrong = new Map(mistakes.map((mistake) => [mistake.word, mistake.true]));
  const detail = find(".ask-detail", card);
  const buttons = spoken.map(({ word, chance }, k) => {
    const button = make("button", { type: "button", tabIndex: -1 }, word);
    button.style.setProperty("--chance", chance);
    if (wrong.has(k)) {
      button.classList.add("ask-wrong");
      if (wrong.get(k)) button.append(make("span", { className: "ask-truth" }, `(${wrong.get(k)})`));
    }
    return button;
  });
  const choose = (k, lit = false) => {
    showing[name] = k;
    const { word, chance, other, other_chance, inside } = spoken[k];
    buttons.forEach((button, i) => {
      button.tabIndex = i === k ? 0 : -1;
      button.setAttribute("aria-pressed", String(i === k));
    });
    detail.textContent = `${quoted(word)}: ${percent(chance)}. Next likeliest: ${quoted(other)}, ${percent(other_chance)}.`;
    showInside(find(".ask-inside", card), inside, word);
    if (name === "attention" && lit) light(inside.fields);
  };
  buttons.forEach((button, k) => {
    for (const event of ["pointerenter", "focus", "click"])
      button.addEventListener(event, () => choose(k, true));
  });
  const bar = find(".ask-sentence", card);
  bar.setAttribute("role", "toolbar");
  bar.setAttribute("aria-label", `What the ${NAMES[name]} says`);
  bar.replaceChildren(...buttons);
  bar.onkeydown = (event) => {
    const from = buttons.indexOf(document.activeElement);
    const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    buttons[Math.min(buttons.length - 1, Math.max(0, to))].focus();
  };
  /* The word that was looked at, or the one that the network was least sure of. */
  const settle = () => {
    const chances = spoken.map(({ chance }) => chance);
    const unsure = chances.indexOf(Math.min(...chances));
    choose(looked === name && showing[name] < spoken.length ? showing[name] : unsure);
  };
  card.onpointerenter = card.onfocusin = () => (looked = name);
  card.onpointerleave = () => (looked = null);
  if (!spoken.length) return { card, buttons, verdict: "false", choose, settle() {} };
  return { card, buttons, verdict: right === undefined ? "none" : String(right), choose, settle };
}

/* Inside a network: its units as mosaics, or the picture with light on what it looks at. */

const stops = [[40, 20, 84], [33, 145, 140], [253, 231, 37]];

function colour(value) {
  const at = (value / 255) * (stops.length - 1);
  const k = Math.min(stops.length - 2, Math.floor(at));
  return stops[k].map((low, channel) => low + (at - k) * (stops[k + 1][channel] - low));
}

function mosaic(values, paint = colour) {
  const side = Math.sqrt(values.length);
  const canvas = make("canvas", { width: side, height: side });
  const image = new ImageData(side, side);
  values.forEach((value, k) => image.data.set([...paint(value), 255].slice(0, 4), 4 * k));
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

function showInside(place, { fields, ...units }, word) {
  if (fields) {
    const picture = make("img", { className: "dark-light", src: find(".ask-seen").src, alt: "" });
    const shade = make("div", { className: "ask-look" }, picture, shadow(fields));
    return place.replaceChildren(make("figure", {}, shade, make("figcaption", {}, `looks here for “${word}”`)));
  }
  const figures = Object.entries(units).map(([name, coded]) => {
    const values = [...atob(coded)].map((character) => character.charCodeAt(0));
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length / 255;
    const open = name === "state" ? "256 units" : `${Math.round(100 * mean)} % open`;
    return make("figure", {}, mosaic(values), make("figcaption", {}, make("b", {}, name), ` ${open}`));
  });
  place.replaceChildren(...figures);
}

/* Dark where the network hardly looks. */
function shadow(fields) {
  const most = Math.max(...fields, 1);
  const canvas = mosaic(fields, (value) => [12, 10, 30, 200 * (1 - value / most)]);
  canvas.className = "ask-shadow";
  return canvas;
}

function light(fields) {
  find(".ask-stage > .ask-shadow")?.remove();
  if (fields) stage.append(shadow(fields));
}

offer();
