// A refusal, shown as what it is: what happened, and what to do about it.

import { make } from "./dom.js";
import { readKey, setKey } from "./options.js";

/**
 * Draw a problem.
 * @param {string} name of the file
 * @param {import("./server.js").Problem} problem
 * @param {() => void} again
 * @param {{id?: string, label?: string}} [how] the title's id; what the button for
 *   another try says, which is there in any case where it is given
 */
export function drawProblem(name, { document: said, retryAfter }, again, { id = "result-title", label } = {}) {
  const mayPass = Boolean(label) || !said.status || [401, 408, 429].includes(said.status) || said.status >= 500;
  return make(
    "div", { class: "problem" },
    make("h2", { id, tabindex: -1, text: name ? `${said.title}: ${name}` : said.title }),
    make("p", { text: said.detail }),
    said.remedy && make("p", { class: "remedy", text: said.remedy }),
    said.status === 401 && keyForm(again),
    mayPass && said.status !== 401 && make("div", { class: "row" }, againButton(label ?? "Try again", retryAfter, again)),
    make("p", { class: "fine", text: [said.status && `Status ${said.status}`, said.type, said.field && `field ${said.field}`, said.request_id && `request ${said.request_id}`].filter(Boolean).join(" · ") }),
  );
}

/** A button that waits as long as the server asked. */
function againButton(label, retryAfter, again) {
  const button = make("button", { type: "button", class: "button" });
  let left = retryAfter ?? 0;
  const tell = () => {
    button.textContent = left > 0 ? `${label} in ${left} s` : label;
    if (left > 0) button.setAttribute("aria-disabled", "true");
    else button.removeAttribute("aria-disabled");
  };
  const wait = () => {
    tell();
    if (left <= 0) return;
    left -= 1;
    setTimeout(() => (button.isConnected ? wait() : undefined), 1000);
  };
  button.addEventListener("click", () => { if (!button.hasAttribute("aria-disabled")) again(); });
  wait();
  if (left > 0) button.title = "The server asked to wait.";
  return button;
}

function keyForm(again) {
  const field = make("input", { type: "password", name: "key", autocomplete: "off", spellcheck: "false", required: true, value: readKey() });
  const form = make("form", {}, make("label", {}, "API key", field), make("button", { type: "submit", class: "button primary", text: "Use this key" }));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    setKey(field.value);
    again();
  });
  return form;
}
