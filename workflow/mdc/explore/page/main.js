// The page: its choices, keys, and which view is shown.

import { byId, element, fillSelect, keepingFocus, settled } from "./dom.js";
import { Grid } from "./grid.js";
import { ImageView } from "./image.js";
import { css } from "./panel.js";
import { json } from "./requests.js";
import { savePanels } from "./save.js";
import { change, complete, imageAddress, onChange, start, state } from "./state.js";
import { zoomBy } from "./viewport.js";

const LOOK_AGAIN_MS = 15_000;
const SEARCH_MS = 200;
let run = null;
let runs = {};
let opacityBefore = "0.6";
let replaced = ""; // masks of the address that are not there

const grid = new Grid(byId("main"), tell);
const view = new ImageView(byId("main"), tell);

/** Say what is shown, and list what is missing or damaged. */
function tell(sentence, problems = []) {
  byId("status").textContent = sentence;
  const missing = run?.splits[state.split]?.missing ?? [];
  const absent = replaced && replaced !== state.result ? [`${replaced}: not there, so others are shown`] : [];
  const all = [...new Set([...absent, ...(run?.problems ?? []), ...problems])];
  const notes = [...all, ...missing];
  const box = byId("notes");
  box.hidden = !notes.length;
  box.querySelector("summary").textContent =
    [all.length && `${all.length} damaged or missing`, missing.length && `${missing.length} not there yet`]
      .filter(Boolean).join(", ");
  box.classList.toggle("damaged", all.length > 0);
  box.querySelector("ul").replaceChildren(...notes.map((note) => element("li", {}, note)));
}

async function loadRun(name) {
  const found = await json("api/run", { run: name });
  runs[found.name] = found;
  return found;
}

/** Complete the address: the run, its first split, and the masks to look at. */
function completeAddress() {
  const changes = {};
  if (!state.run) changes.run = run.name;
  const splits = Object.keys(run.splits);
  const split = splits.includes(state.split) ? state.split : splits[0] ?? "";
  if (split !== state.split) changes.split = split;
  const results = run.splits[split]?.results ?? [];
  if (!results.some((one) => one.key === state.result)) {
    replaced = state.result;
    changes.result = run.splits[split]?.default ?? "";
  }
  complete(changes);
}

function fillChoices() {
  const splits = run.splits;
  const named = (results) => (results ?? []).map((one) => [one.key, one.label]);
  fillSelect(byId("run"), run.runs.map((name) => [name, name]), state.run);
  fillSelect(byId("split"), Object.keys(splits).map((name) => [name, `${name} (${splits[name].images})`]), state.split);
  fillSelect(byId("result"), named(splits[state.split]?.results), state.result);
  fillSelect(byId("other_run"), run.runs.map((name) => [name, name]), state.other_run || state.run);
  const other = runs[state.other_run || state.run];
  fillSelect(byId("other"), [["", "nothing"], ...named(other?.splits[state.split]?.results)], state.other);
  fillSelect(byId("sort"), Object.entries(run.sorted_by), state.sort);
  byId("order").textContent = state.order === "down" ? "Descending" : "Ascending";
  byId("order").setAttribute("aria-pressed", String(state.order === "down"));
  if (document.activeElement !== byId("search")) byId("search").value = state.search;
  byId("grid_opacity").value = state.opacity;
  document.documentElement.style.setProperty("--overlay", state.opacity);
  byId("filters").hidden = Boolean(state.id);
  byId("to_images").hidden = !state.id;
  fillTags();
}

function fillTags() {
  const chosen = state.tags.split(";").filter(Boolean);
  const buttons = run.classes.slice(1).map((name, place) => {
    const isOn = chosen.includes(name);
    const tags = isOn ? chosen.filter((one) => one !== name) : [...chosen, name];
    return element("button", {
      type: "button", id: `tag-${place}`, class: "tag", "aria-pressed": String(isOn),
      onclick: () => change({ tags: tags.join(";"), page: 1 }),
    }, element("i", { style: `background: ${css(run.palette[place + 1])}` }), name);
  });
  keepingFocus(() => byId("tags").replaceChildren(...buttons));
}

async function render(changed) {
  try {
    if (!run || changed?.has("run")) run = await loadRun(state.run);
    completeAddress();
    if (state.other_run && !runs[state.other_run]) await loadRun(state.other_run);
  } catch (error) {
    showNothing(error.message);
    return;
  }
  fillChoices();
  document.title = `${state.id || state.split} · ${run.name} · MDC explorer`;
  if (!Object.keys(run.splits).length) showNothing("this run has no images yet");
  else if (!state.id) {
    view.stop();
    if (!changed || [...changed].some((name) => name !== "opacity")) await grid.render(run);
  } else {
    grid.stop();
    if (changed && view.info?.id === state.id && view.follow(changed)) return;
    await view.render(run);
  }
}

function showNothing(sentence) {
  grid.stop();
  view.stop();
  byId("main").replaceChildren();
  tell(sentence);
}

/** Let the links that are shown keep what has changed since they were drawn. */
function pointLinks() {
  for (const link of document.querySelectorAll("a[data-id]")) link.href = imageAddress(link.dataset.id);
}

/** See what the run has meanwhile; an open image stays as it is until the next step. */
async function lookAgain() {
  if (document.hidden) return;
  if (!run) {
    await render();
    return;
  }
  const found = await loadRun(state.run).catch(() => null);
  if (!found || JSON.stringify(found) === JSON.stringify(run)) return;
  run = found;
  if (!state.id) {
    await render();
    return;
  }
  fillChoices();
  tell(byId("status").textContent, view.info?.problems);
}

function listen() {
  const step = (name, more = {}) => (event) => change({ [name]: event.target.value, page: 1, ...more }, true);
  byId("run").addEventListener("change", step("run", { result: "", other: "", other_run: "", class: "" }));
  byId("split").addEventListener("change", step("split", { result: "", other: "", id: "" }));
  byId("result").addEventListener("change", step("result"));
  byId("other_run").addEventListener("change", step("other_run", { other: "" }));
  byId("other").addEventListener("change", step("other"));
  byId("sort").addEventListener("change", step("sort"));
  byId("order").addEventListener("click", () => change({ order: state.order === "down" ? "up" : "down", page: 1 }));
  const search = settled((event) => change({ search: event.target.value, page: 1 }), SEARCH_MS);
  byId("search").addEventListener("input", search);
  byId("grid_opacity").addEventListener("input", (event) => change({ opacity: event.target.value }));
  byId("to_images").addEventListener("click", () => change({ id: "" }, true));
  byId("help_button").addEventListener("click", () => byId("help").showModal());
  byId("skip").addEventListener("click", (event) => {
    event.preventDefault();
    byId("main").focus();
  });
  for (const form of ["choices", "filters"]) byId(form).addEventListener("submit", (event) => event.preventDefault());
  byId("main").addEventListener("click", (event) => event.target.id === "save" && save());
  window.addEventListener("resize", () => state.id && view.redraw());
  document.addEventListener("keydown", pressed);
  document.addEventListener("visibilitychange", lookAgain);
  setInterval(lookAgain, LOOK_AGAIN_MS);
}

const save = () => savePanels(view.panels.values(), `${run.name}-${state.id}`);

function toggleOverlays() {
  if (Number(state.opacity)) opacityBefore = state.opacity;
  change({ opacity: Number(state.opacity) ? 0 : opacityBefore });
}

const KEYS = {
  ArrowLeft: () => (state.id ? view.step(-1) : grid.turnPage(-1)),
  ArrowRight: () => (state.id ? view.step(1) : grid.turnPage(1)),
  o: toggleOverlays,
  "+": () => state.id && zoomBy(2),
  "=": () => state.id && zoomBy(2),
  "-": () => state.id && zoomBy(0.5),
  0: () => state.id && zoomBy(0),
  r: () => view.whatIf.reset(),
  s: () => state.id && save(),
  g: () => change({ id: "" }, true),
  "?": () => byId("help").showModal(),
};
const NUDGES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function pressed(event) {
  const { target } = event;
  const isSlider = target.type === "range"; // which takes the arrows only
  const isTyping = isSlider ? event.key in NUDGES : /^(input|select|textarea)$/i.test(target.tagName);
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
  if (event.shiftKey && event.key in NUDGES && state.id) view.nudge(...NUDGES[event.key]);
  else if (/^[1-9]$/.test(event.key) && state.id) view.chooseClass(Number(event.key) - 1);
  else if (event.key in KEYS) KEYS[event.key]();
  else return;
  event.preventDefault();
}

start();
listen();
onChange(pointLinks);
onChange(render);
render();
