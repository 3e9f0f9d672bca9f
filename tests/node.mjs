// The pages' Python in Node: node node.mjs RUNTIME BOOK. A line of JSON in, { name, arguments }, is
// answered by one, { answer, said }.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

// Code of the tests themselves, as a cell runs that of a reader.
const PROBE = `import linecache
def run(code):
    linecache.cache["<cell 1>"] = len(code), None, code.splitlines(True), "<cell 1>"
    exec(compile(code, "<cell 1>", "exec"), {"__name__": "__main__"})
`;

const [runtime, book] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${runtime}/pyodide.mjs`));
const pyodide = await loadPyodide({ indexURL: `${runtime}/` });
await pyodide.loadPackage(["numpy", "pillow"], { messageCallback() {} });
pyodide.unpackArchive(new Uint8Array(readFileSync(book)).buffer, "zip", { extractDir: "/book" });
pyodide.runPython("import sys; sys.path.insert(0, '/book')");
pyodide.FS.writeFile("/book/website/page/probe.py", PROBE);
const bridge = pyodide.pyimport("website.page.bridge");
for await (const line of createInterface({ input: process.stdin })) {
  const { name, arguments: given } = JSON.parse(line);
  const said = [];
  const answer = bridge.call(name, JSON.stringify(given), (stream, text) => said.push([stream, text]));
  console.log(JSON.stringify({ answer: JSON.parse(answer), said }));
}
