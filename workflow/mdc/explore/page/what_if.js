// Other settings: the mask that they make of this image, and their score over a sample.

import { element, fillSelect, newestOnly, percent } from "./dom.js";
import { json, labelsOf, lines } from "./requests.js";
import { TRIED, change, queryOf, state, triedOf } from "./state.js";

const CHOICES = {
  relative_to: ["Threshold is", { max: "of each map's maximum", absolute: "a value of the map" }],
  background_conflict: [
    "Object and background", { ignore: "ignored", background: "background wins", object: "object wins" },
  ],
  class_conflict: ["Two classes", { ignore: "ignored", highest: "highest map wins" }],
};
const OWN = "own weights";

export class WhatIf {
  /** @param {Function} show called with the labels of the tried mask, or with an error */
  constructor(show) {
    Object.assign(this, { show, info: null, sampled: null });
    this.element = element("section", { class: "what-if", "aria-label": "What if" });
    this.ask = newestOnly(() => this.#ask());
  }

  /** Show the settings of the address for an image, and ask for their mask. */
  render(run, info) {
    if (this.info !== info) {
      Object.assign(this, { run, info });
      this.#build();
    }
    if (!info.usual) return;
    this.#fill();
    this.ask();
  }

  #usual(name) {
    const { usual } = this.info;
    return String(name in usual.recipe ? usual.recipe[name] : usual[name]);
  }

  #value(name) {
    return state[name] || this.#usual(name);
  }

  #build() {
    this.fields = {};
    this.sampled?.abort();
    if (!this.info.usual) {
      this.element.replaceChildren(element("h2", {}, "What if"), element("p", {}, "No localization maps yet."));
      return;
    }
    this.scores = element("table", { class: "scores" });
    this.said = element("p", { class: "said", role: "status", "aria-live": "polite" });
    this.config = element("pre", { class: "config", tabindex: 0, "aria-label": "configuration" });
    this.count = element("input", { type: "number", min: 1, value: 200, "aria-label": "number of images" });
    this.applied = element("p", { class: "applied", role: "status", "aria-live": "polite" });
    this.apply = element("button", { type: "button", id: "apply", onclick: () => this.#apply() }, "Apply to");
    this.weights = element("fieldset", { class: "weights", "aria-label": "weights of the dilations" });
    const copy = element("button", {
      type: "button",
      hidden: navigator.clipboard ? null : "", // browsers have one only on this machine or with https
      onclick: () => navigator.clipboard.writeText(this.config.textContent),
    }, "Copy");
    this.element.replaceChildren(
      element("div", { class: "row" }, element("h2", {}, "What if"),
        element("button", { type: "button", id: "reset", onclick: () => this.reset() }, "As the run")),
      this.#slider("threshold", "Threshold"),
      this.#select("relative_to"),
      this.#mapsSelect(),
      this.weights,
      this.#sourceSelect(),
      this.#slider("background_saliency_below", "Background: saliency below"),
      this.#slider("background_below", "Background: maps at most"),
      this.#select("background_conflict"),
      this.#select("class_conflict"),
      this.said,
      this.scores,
      element("div", { class: "row" }, this.apply, this.count, " images"),
      this.applied,
      this.config,
      copy,
    );
  }

  #slider(name, title) {
    const input = element("input", {
      type: "range", id: name, min: 0, max: 1, step: 0.01, "aria-label": title,
      oninput: (event) => change({ [name]: this.#changed(name, event.target.value) }),
    });
    const output = element("output", { for: name });
    this.fields[name] = { input, output, row: element("label", {}, title, " ", output, input) };
    return this.fields[name].row;
  }

  #changed(name, value) {
    return Number(value) === Number(this.#usual(name)) || value === this.#usual(name) ? "" : value;
  }

  #select(name) {
    const [title, names] = CHOICES[name];
    const select = element("select", {
      onchange: (event) => change({ [name]: this.#changed(name, event.target.value) }),
    });
    fillSelect(select, Object.entries(names), "");
    this.fields[name] = { input: select, row: element("label", {}, title, " ", select) };
    return this.fields[name].row;
  }

  #mapsSelect() {
    const { blocks } = this.info;
    const names = [...blocks, ...(blocks.length > 1 ? ["fusion", "mean", OWN] : [])];
    const select = element("select", {
      id: "maps",
      onchange: ({ target: { value } }) =>
        value === OWN
          ? change({ maps: "", weights: blocks.map((_, place) => (place ? (1 / (blocks.length - 1)).toFixed(2) : 1)) })
          : change({ maps: this.#changed("maps", value), weights: "" }),
    });
    fillSelect(select, names.map((name) => [name, name]), "");
    this.fields.maps = { input: select };
    return element("label", {}, "Maps ", select);
  }

  #sourceSelect() {
    const names = [...this.info.saliency, "none"];
    const select = element("select", {
      id: "source",
      onchange: (event) => change({ source: this.#changed("source", event.target.value) }),
    });
    fillSelect(select, names.map((name) => [name, name]), "");
    this.fields.source = { input: select };
    return element("label", {}, "Saliency ", select);
  }

  #fill() {
    for (const [name, { input, output }] of Object.entries(this.fields)) {
      if (name === "threshold") input.max = this.#value("relative_to") === "max" ? 1 : 2;
      input.value = name === "maps" && state.weights ? OWN : this.#value(name);
      if (output) output.textContent = Number(this.#value(name)).toFixed(2);
    }
    const hasSaliency = this.#value("source") !== "none";
    this.fields.background_saliency_below.row.hidden = !hasSaliency;
    this.fields.background_below.row.hidden = hasSaliency;
    this.#fillWeights();
  }

  #fillWeights() {
    this.weights.hidden = !state.weights;
    if (!state.weights) return;
    const weights = state.weights.split(",");
    if (this.weights.children.length !== weights.length) {
      this.weights.replaceChildren(...this.info.blocks.map((name, place) =>
        element("label", {}, name, " ", element("output", {}), element("input", {
          type: "range", min: 0, max: 2, step: 0.05, "aria-label": `weight of ${name}`,
          oninput: (event) => change({ weights: state.weights.split(",").with(place, event.target.value).join(",") }),
        }))));
    }
    [...this.weights.children].forEach((label, place) => {
      label.querySelector("input").value = weights[place];
      label.querySelector("output").textContent = Number(weights[place]).toFixed(2);
    });
  }

  async #ask() {
    const { info } = this;
    let found;
    try {
      found = await json("api/what_if", { ...this.#asked(), id: info.id });
      const mask = await labelsOf(new Blob([Uint8Array.from(atob(found.mask_png), (sign) => sign.charCodeAt(0))]));
      if (info !== this.info) return;
      this.show(mask);
    } catch (error) {
      if (info !== this.info) return;
      this.show(error);
      this.said.textContent = "";
      this.scores.replaceChildren();
      return;
    }
    this.said.textContent = `${percent(found.ignored)} % ignored`;
    this.config.textContent = found.config;
    this.#table(found.scores, found.usual_scores);
  }

  #asked() {
    return { run: state.run, split: state.split, result: state.result, ...triedOf() };
  }

  #table(tried, usual) {
    if (!tried) {
      this.scores.replaceChildren(element("caption", {}, "no true mask to compare with"));
      return;
    }
    const row = (name, ...values) => element("tr", {}, element("th", { scope: "row" }, name),
      ...values.map((value) => element("td", {}, value)));
    const rows = Object.entries(tried.iou).map(([name, value]) =>
      row(name, percent(value), percent(usual.iou[name])));
    this.scores.replaceChildren(
      element("tr", {}, element("th", { scope: "col" }, "IoU"), element("th", { scope: "col" }, "what if"),
        element("th", { scope: "col" }, "the run")),
      row("mIoU", percent(tried.miou), percent(usual.miou)),
      ...rows,
    );
    this.scores.rows[1].classList.add("mean");
  }

  async #apply() {
    const given = { ...queryOf(), ...this.#asked(), images: this.count.value };
    const stop = (this.sampled = new AbortController());
    this.apply.disabled = true;
    this.applied.textContent = "reading maps ...";
    try {
      await lines("api/sample", given, (found) => {
        const skipped = found.skipped ? `; ${found.skipped} skipped: ${found.problems[0]}` : "";
        const [tried, usual] = [percent(found.tried.miou), percent(found.usual.miou)];
        this.applied.textContent =
          `mIoU ${tried}, the run's settings ${usual}: ${found.done} of ${found.total} images${skipped}`;
        this.config.textContent = found.config;
      }, stop.signal);
    } catch (error) {
      if (error.name !== "AbortError") this.applied.textContent = error.message;
    }
    this.apply.disabled = false;
  }

  reset() {
    change(Object.fromEntries(TRIED.map((name) => [name, ""])));
  }
}
