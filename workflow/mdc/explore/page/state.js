// What is shown, kept in the address: a copied address shows the same to a colleague.

const DEFAULTS = {
  run: "",
  split: "",
  result: "",
  other_run: "",
  other: "",
  tags: "",
  search: "",
  sort: "table",
  order: "up",
  page: "1",
  id: "",
  class: "",
  colours: "viridis",
  opacity: "0.6",
  zoom: "1",
  x: "0.5",
  y: "0.5",
  // of what is tried; empty: as the run has it
  maps: "",
  weights: "",
  source: "",
  threshold: "",
  relative_to: "",
  background_saliency_below: "",
  background_below: "",
  background_conflict: "",
  class_conflict: "",
};
export const TRIED = Object.keys(DEFAULTS).slice(Object.keys(DEFAULTS).indexOf("maps"));
const NUMBERS = ["page", "opacity", "zoom", "x", "y"];
const QUERY = ["run", "split", "result", "other_run", "other", "tags", "search", "sort", "order"];

export const state = { ...DEFAULTS };
const listeners = [];

export function onChange(listener) {
  listeners.push(listener);
}

/** Change what is shown. `isStep` keeps the former view in the browser's history. */
export function change(changes, isStep = false) {
  const changed = Object.keys(changes).filter((name) => String(changes[name]) !== state[name]);
  if (!changed.length) return;
  complete(changes, isStep);
  listeners.forEach((listener) => listener(new Set(changed)));
}

/** Write into the address what it left open; nobody is told. */
export function complete(changes, isStep = false) {
  for (const [name, value] of Object.entries(changes)) state[name] = String(value);
  history[isStep ? "pushState" : "replaceState"](null, "", addressOf(state));
}

/** Return the address of a view, relative to the page. */
export function addressOf(view) {
  const kept = Object.entries(view).filter(([name, value]) => value !== DEFAULTS[name]);
  return `#${new URLSearchParams(kept)}`;
}

/** Return the address of an image as it is looked at now. */
export const imageAddress = (id) => addressOf({ ...state, id, class: "" });

function read() {
  const before = { ...state };
  const given = new URLSearchParams(location.hash.slice(1));
  for (const [name, usual] of Object.entries(DEFAULTS)) {
    const value = given.get(name) ?? usual;
    state[name] = NUMBERS.includes(name) && !Number.isFinite(Number(value)) ? usual : value;
  }
  return Object.keys(DEFAULTS).filter((name) => state[name] !== before[name]);
}

export function start() {
  read();
  window.addEventListener("popstate", () => {
    const changed = read();
    if (changed.length) listeners.forEach((listener) => listener(new Set(changed)));
  });
}

/** Return which images are asked for, as arguments of a request. */
export const queryOf = () => Object.fromEntries(QUERY.map((name) => [name, state[name]]));

/** Return the settings that are tried, as arguments of a request. */
export const triedOf = () => Object.fromEntries(TRIED.map((name) => [name, state[name]]));
