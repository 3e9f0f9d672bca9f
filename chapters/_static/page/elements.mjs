/* What the modules of a page make: elements, buttons that say what they belong to, and sizes. */

/* An element; what it has no property for, such as aria-label, becomes an attribute. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties))
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/* What a button says; to those who listen, also of what: "Check", "Check sigmoid". */
export function label(control, text, what) {
  control.textContent = text;
  if (what) control.setAttribute("aria-label", `${text} ${what}`);
}

export function button(text, press, what) {
  const made = make("button", { type: "button", className: "run-button" });
  label(made, text, what);
  made.addEventListener("click", press);
  return made;
}

export const megabytes = (bytes) => `${(bytes / 1e6).toFixed(bytes < 1e6 ? 1 : 0)} MB`;
