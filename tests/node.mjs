// The pages' Python in Node: node node.mjs RUNTIME BOOK. A line of JSON in, { name, arguments }, is
// answered by one, { answer, said }.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [runtime, book] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${runtime}/pyodide.mjs`));
const pyodide = await loadPyodide({ indexURL: `${runtime}/` });
await pyodide.loadPackage(["numpy", "pillow"], { messageCallback() {} });
pyodide.unpackArchive(new Uint8Array(readFileSync(book)).buffer, "zip", { extractDir: "/book" });
pyodide.runPython("import sys; sys.path.insert(0, '/book')");
const bridge = pyodide.pyimport("website.page.bridge");
for await (const line of createInterface({ input: process.stdin })) {
  const { name, arguments: given } = JSON.parse(line);
  const said = [];
  const answer = bridge.call(name, JSON.stringify(given), (stream, text) => said.push([stream, text]));
  console.log(JSON.stringify({ answer: JSON.parse(answer), said }));
}
