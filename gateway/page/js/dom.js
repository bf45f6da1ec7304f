// Elements by hand. Text goes in as text only, so no file name or answer can become markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element.
 * @param {string} tag
 * @param {Record<string, any>} [options] attributes; `text`, `on` (listeners), `css` (custom properties and styles)
 * @param {...(Node|string|null|undefined|false)} children
 */
export function make(tag, options = {}, ...children) {
  return fill(document.createElement(tag), options, children);
}

/** Make an SVG element. */
export function draw(tag, options = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), options, children);
}

function fill(element, { text, on, css, ...attributes }, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  for (const [name, value] of Object.entries(css ?? {})) element.style.setProperty(name, String(value));
  for (const [name, listener] of Object.entries(on ?? {})) element.addEventListener(name, listener);
  if (text !== undefined && text !== null) element.textContent = text;
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Give the element with this id. */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

/** Set text only where it differs: cheap to call for every frame of a film. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Set or, with null, remove an attribute, only where it differs. */
export function setAttribute(element, name, value) {
  if (element.getAttribute(name) === value) return;
  if (value === null) element.removeAttribute(name);
  else element.setAttribute(name, value);
}

/** Tell a screen reader. */
export function announce(message) {
  byId("announcer").textContent = message;
}

/** True where the person asked for less motion. */
export function wantsStillness() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** Let a button copy a text and say so. */
export function copyButton(label, textOf) {
  const button = make("button", { type: "button", class: "button small", text: label });
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(textOf());
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed here: select the text";
    }
    announce(button.textContent);
    setTimeout(() => { button.textContent = label; }, 2500);
  });
  return button;
}
