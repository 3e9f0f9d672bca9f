/* An editor for Python: `const makeEditor = await editor()`, then
   makeEditor(parent, { code, label, onChange, onRun }) -> { get, set, focus, destroy }.
   CodeMirror comes with the runtime; without it, a text field does the same in plain. */
import { python } from "./python.mjs";

const BUNDLE = "../runtime/editor.mjs"; // website/page/editor.mjs, with CodeMirror in it

export const editor = async () =>
  python.needsAsking() ? makeField : import(BUNDLE).then((found) => found.makeEditor, () => makeField);

function makeField(parent, { code = "", label, onChange = () => {}, onRun = () => {} }) {
  const field = document.createElement("textarea");
  Object.assign(field, { value: code, className: "page-field", spellcheck: false, autocapitalize: "off" });
  field.setAttribute("aria-label", label);
  const fit = () => (field.rows = field.value.split("\n").length + 1);
  field.addEventListener("input", () => {
    fit();
    onChange(field.value);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.shiftKey || event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    onRun();
  });
  fit();
  parent.append(field);
  return {
    get: () => field.value,
    set: (text) => {
      field.value = text;
      fit();
      onChange(text);
    },
    focus: () => field.focus(),
    destroy: () => field.remove(),
  };
}
