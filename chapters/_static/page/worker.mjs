/* Python, away from the page so that it never freezes. `python.mjs` is the only one to talk to it:

   { start: { runtime, files, book } }  ->  { progress: [done, total] } …, then { ready } or { unavailable }
   { id, name, arguments }              ->  { id, stream, text } …, then { id, answer } or { id, died }
   { id, extras }                       ->  { id, answer }: files put where the book has them

   The runtime's files are all loaded and checked here; Pyodide is then given them where it asks the
   network. So they can come from any place, and nothing unchecked runs. */

const TYPES = { wasm: "application/wasm", json: "application/json" };
const MOST_TEXT = 200_000; // characters of one call that are shown
let pyodide, bridge;

class Unavailable extends Error {
  constructor(reason, message) {
    super(message);
    this.reason = reason;
  }
}

const hex = (bytes) => [...new Uint8Array(bytes)].map((b) => b.toString(16).padStart(2, "0")).join("");

/* The bytes of a file, told as they come. What an earlier visit left in the browser will do, however
   old, if it is the very file; else it is asked for again. A page on plain http has no crypto.subtle.
   Then Pyodide checks its wheels itself, by its lock; the rest is as safe as the page is. */
async function load(file, tell, cache = crypto.subtle ? "force-cache" : "default") {
  const { address, sha256 } = file;
  const chunks = [];
  let response;
  try {
    response = await fetch(address, { cache });
    for (const reader = response.body.getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done) break;
      chunks.push(value);
      if (response.ok) tell(value.length);
    }
  } catch {
    throw new Unavailable("offline", address);
  }
  const bytes = await new Blob(chunks).arrayBuffer();
  const matches = async () => hex(await crypto.subtle.digest("SHA-256", bytes)) === sha256;
  if (response.ok && (!crypto.subtle || (await matches()))) return bytes;
  if (cache !== "reload") return load(file, () => {}, "reload");
  throw new Unavailable(response.ok ? "damaged" : "refused", `${address}: ${response.status}`);
}

/* All files, address -> bytes, with word of how much of what a server sends has come. */
async function loadAll(files) {
  const total = files.reduce((sum, { sent }) => sum + sent, 0);
  let done = 0;
  const loaded = files.map(async (file) => {
    const tell = (length) => {
      done += (length * file.sent) / file.bytes;
      postMessage({ progress: [Math.round(done), total] });
    };
    return [file.address, await load(file, tell)];
  });
  return new Map(await Promise.all(loaded));
}

const runScript = (bytes) =>
  import(URL.createObjectURL(new Blob([bytes], { type: "text/javascript" })));

async function start({ runtime, files, book }) {
  const all = Object.entries(files).map(([name, file]) => ({ address: runtime + name, ...file }));
  const given = await loadAll([...all, book]);
  try {
    new WebAssembly.Memory({ initial: 320, maximum: 32768 }); // Pyodide waits for ever if it gets none.
  } catch {
    throw new Unavailable("no space", "memory");
  }
  const { fetch } = self;
  self.fetch = (address, options) => {
    const bytes = given.get(String(address));
    if (!bytes || (options?.integrity && !crypto.subtle)) return fetch(address, options);
    const headers = { "Content-Type": TYPES[String(address).split(".").at(-1)] ?? "application/zip" };
    return Promise.resolve(new Response(bytes, { headers }));
  };
  const { loadPyodide } = await runScript(given.get(`${runtime}pyodide.mjs`));
  await runScript(given.get(`${runtime}pyodide.asm.js`));
  pyodide = await loadPyodide({ indexURL: runtime });
  await pyodide.loadPackage(["numpy", "pillow"], { messageCallback() {} });
  self.fetch = fetch;
  pyodide.unpackArchive(given.get(book.address), "zip", { extractDir: "/book" });
  pyodide.runPython("import sys; sys.path.insert(0, '/book'); import numpy, PIL");
  bridge = pyodide.pyimport("website.page.bridge");
}

/* Lines are passed on at once, but for those of a loop that prints without end. */
function speaker(id) {
  let [stream, text, last, sent, length] = ["", "", performance.now(), 0, 0];
  const flush = () => {
    if (text) postMessage({ id, stream, text });
    [text, last] = ["", performance.now()];
    sent += 1;
  };
  const say = (which, what) => {
    if (length > MOST_TEXT) return;
    if (which !== stream) flush();
    length += what.length;
    if (length > MOST_TEXT) what = "\n… and more, which is not shown.\n";
    [stream, text] = [which, text + what];
    if ((sent < 100 && text.endsWith("\n")) || performance.now() - last > 50) flush();
  };
  return { say, flush };
}

async function begin(wanted) {
  try {
    await start(wanted);
    postMessage({ ready: true });
  } catch (error) {
    const reason = error.reason ?? (error instanceof RangeError ? "no space" : "broken");
    postMessage({ unavailable: { reason, message: String(error.message) } });
  }
}

function call(id, name, given) {
  const { say, flush } = speaker(id);
  try {
    const answer = bridge.call(name, given, say);
    flush();
    postMessage({ id, answer });
  } catch (error) {
    postMessage({ id, died: String(error) }); // Not an error of Python's: Python itself has ended.
  }
}

async function bring(id, extras) {
  try {
    for (const [address, bytes] of await loadAll(extras)) {
      const { path } = extras.find((extra) => extra.address === address);
      pyodide.FS.mkdirTree(path.replace(/\/[^/]*$/, ""));
      pyodide.FS.writeFile(path, new Uint8Array(bytes));
    }
    postMessage({ id, answer: '{"result": null}' });
  } catch (error) {
    postMessage({ id, unavailable: { reason: error.reason ?? "broken", message: String(error.message) } });
  }
}

onmessage = ({ data: { start: wanted, id, name, arguments: given, extras } }) => {
  if (wanted) begin(wanted);
  else if (extras) bring(id, extras);
  else call(id, name, given);
};
