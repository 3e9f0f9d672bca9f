/* An editor for Python: makeEditor(parent, { code, label, onChange, onRun }) -> { get, set, focus,
   destroy }. CodeMirror comes with the runtime (website/page/editor.mjs); without it, a text field
   does the same in plain. Import this module when a reader begins to edit, not before. */
import { python } from "./python.mjs";

const made = python.needsAsking()
  ? { makeEditor: makeField }
  : await import("../runtime/editor.mjs").catch(() => ({ makeEditor: makeField }));

export function makeEditor(parent, options) {
  parent.addEventListener("keydown", (event) => event.stopPropagation()); // "/" is the page's search
  return made.makeEditor(parent, options);
}

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
