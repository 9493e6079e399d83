// Elements of the page in one expression.

/** Return a new element; `on...` properties are listeners, the others attributes; false and null are left out. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "style") made.style.cssText = value; // the attribute is refused by the page's security policy
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

export const byId = (id) => document.getElementById(id);

/** Call `build`, which replaces elements, and leave the focus on the one with the same id. */
export function keepingFocus(build) {
  const { id } = document.activeElement ?? {};
  build();
  if (id && document.activeElement?.id !== id) byId(id)?.focus();
}

/** Fill a select with [value, text] pairs and choose `value`. */
export function fillSelect(select, pairs, value) {
  const wanted = pairs.map(([key, text]) => `${key}\n${text}`).join("\n");
  if (select.dataset.filled !== wanted) {
    select.replaceChildren(...pairs.map(([key, text]) => element("option", { value: key }, text)));
    select.dataset.filled = wanted;
  }
  select.value = value;
}

export const percent = (share) => (share === null || share === undefined ? "–" : (100 * share).toFixed(1));

/** Return a function that runs `work` with its newest arguments, never twice at a time. */
export function newestOnly(work) {
  let isRunning = false;
  let waiting = null;
  return async function run(...given) {
    waiting = given;
    if (isRunning) return;
    isRunning = true;
    while (waiting) {
      const now = waiting;
      waiting = null;
      await work(...now);
    }
    isRunning = false;
  };
}

/** Return a function that calls `work` once nobody has asked for `milliseconds`. */
export function settled(work, milliseconds) {
  let timer;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...given), milliseconds);
  };
}
