/* Python in the page: one for all cells of it, in a worker (`worker.mjs`).

   await python.start(({ done, total }) => …)
   await python.call("page.cells.run", { code }, { onText: (stream, text) => … })
   await python.bring(["captioners/scenes.npz"])     // files of website/page, where Python finds them
   await python.stop()                                                                         */

const { dataset } = document.querySelector(".page-word"); // website/runtime.py wrote it

const WORDS = {
  "old browser": "This browser is too old to run Python in a page. Any of the last three years can.",
  "no wasm": "This browser does not allow WebAssembly, which Python needs to run in a page.",
  offline: "The download did not finish: there is no connection, or it broke off.",
  refused: "The download did not begin: the server does not give a file that is needed.",
  damaged: "The download was not used: a file in it is not the one that it should be.",
  "no space": "There is not enough memory to run Python in this page. Close other pages and try again.",
  broken: "Python was loaded but did not start.",
};

export class PythonUnavailable extends Error {
  name = "PythonUnavailable";
  constructor(reason, detail) {
    super(WORDS[reason], { cause: detail });
    this.reason = reason;
  }
}

export class PythonError extends Error {
  name = "PythonError";
  constructor({ message, traceback = "" }) {
    super(message);
    this.traceback = traceback;
  }
}

export class Stopped extends Error {
  name = "Stopped";
  constructor() {
    super("Stopped.");
  }
}

const listeners = { state: new Set(), restarted: new Set(), progress: new Set() };
const calls = new Map(); // number of a call -> what waits for its answer
let [worker, starting, giveUp, state] = [null, null, () => {}, "off"];
let [count, turn, extras] = [0, 0, {}]; // calls, starts and ends; files beside the archive

const tell = (event, ...values) => {
  for (const listener of listeners[event]) listener(...values);
};

function become(next) {
  if (state !== next) tell("state", (state = next));
}

/* A small file of the site: asked for anew, or without a connection as it was on an earlier visit. */
async function ask(name) {
  const address = new URL(name, import.meta.url);
  const get = (cache) => fetch(address, { cache });
  const response = await get("no-cache").catch(() => get("force-cache")).catch(() => null);
  if (response?.ok) return response;
  throw new PythonUnavailable(response ? "refused" : "offline", address);
}

/* Made from a blob, the worker is under the policy of the page: it can ask nobody else either. */
function makeWorker(code) {
  let modules = false; // A browser that knows no module workers does not ask for the type.
  const options = { get type() { return (modules = true) && "module"; } }; // prettier-ignore
  const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  const made = new Worker(address, options);
  if (modules) return made;
  made.terminate();
  throw new PythonUnavailable("old browser");
}

async function begin() {
  const mine = ++turn;
  if (!globalThis.WebAssembly) throw new PythonUnavailable("no wasm");
  const [site, code] = await Promise.all([ask("site.json"), ask("worker.mjs")]);
  const { runtime, public: elsewhere, files, book, ...more } = await site.json();
  extras = more.extras;
  const address = new URL("book.zip", import.meta.url).href;
  const text = await code.text();
  if (turn !== mine) throw new Stopped();
  worker = makeWorker(text);
  const ready = new Promise((resolve, reject) => {
    giveUp = reject;
    worker.onerror = (event) => reject(new PythonUnavailable("broken", event.message));
    worker.onmessage = ({ data }) => {
      if (data.progress) tell("progress", { done: data.progress[0], total: data.progress[1] });
      else if (data.ready) resolve();
      else if (data.unavailable && !data.id)
        reject(new PythonUnavailable(data.unavailable.reason, data.unavailable.message));
      else hear(data);
    };
  });
  worker.postMessage({
    start: {
      runtime: runtime ? new URL(runtime, import.meta.url).href : elsewhere,
      files,
      book: { address, ...book },
    },
  });
  await ready;
  become("ready");
}

function end() {
  worker?.terminate();
  [worker, starting, turn] = [null, null, turn + 1];
  become("off");
}

function hear({ id, stream, text, answer, died, unavailable }) {
  const call = calls.get(id);
  if (!call) return; // It was stopped.
  if (text) return call.onText?.(stream, text);
  if (died) {
    call.reject(new PythonError({ message: "Python ran out of memory, or ended by itself." }));
    calls.delete(id);
    return void python.stop().catch(() => {});
  }
  calls.delete(id);
  if (!calls.size) become("ready");
  if (unavailable) return call.reject(new PythonUnavailable(unavailable.reason, unavailable.message));
  const { result, error } = JSON.parse(answer);
  if (error) call.reject(new PythonError(error));
  else call.resolve(result);
}

function send(message, onText) {
  if (!worker) throw new Stopped();
  become("busy");
  return new Promise((resolve, reject) => {
    calls.set(++count, { resolve, reject, onText });
    worker.postMessage({ id: count, ...message });
  });
}

export const python = {
  size: Number(dataset.bytes),
  publicAddress: dataset.asks, // where Python would come from, if not from this site
  needsAsking: () => Boolean(dataset.asks),

  get state() {
    return state;
  },

  on(event, listener) {
    listeners[event].add(listener);
    return () => listeners[event].delete(listener);
  },

  async start(onProgress = () => {}) {
    listeners.progress.add(onProgress);
    const mine = (starting ??= begin());
    if (state === "off") become("starting");
    try {
      await mine;
    } catch (error) {
      if (starting === mine) end();
      throw error;
    } finally {
      listeners.progress.delete(onProgress);
    }
  },

  async call(name, given = {}, { onText } = {}) {
    await python.start();
    return send({ name, arguments: JSON.stringify(given) }, onText);
  },

  async bring(names, onProgress = () => {}) {
    await python.start();
    const place = (name) => ({
      address: new URL(name, import.meta.url).href,
      path: `/book/website/page/${name}`,
      ...extras[name],
    });
    listeners.progress.add(onProgress);
    return send({ extras: names.map(place) }).finally(() => listeners.progress.delete(onProgress));
  },

  /* End what runs and what waits, and start anew; while Python is being loaded, only end that. */
  async stop() {
    if (state === "off") return;
    const early = state === "starting";
    giveUp(new Stopped());
    end();
    for (const call of calls.values()) call.reject(new Stopped());
    calls.clear();
    tell("restarted");
    if (!early) await python.start();
  },
};
