// One image: every step from photo to mask, all at one zoom and position.

import { byId, element, fillSelect, keepingFocus, newestOnly, percent } from "./dom.js";
import { Differences } from "./differences.js";
import { Panel, css } from "./panel.js";
import { json, labels, map, photo } from "./requests.js";
import { change, queryOf, state, triedOf } from "./state.js";
import { WhatIf } from "./what_if.js";
import { zoomBy } from "./viewport.js";

const NUDGE_PX = 1;

export class ImageView {
  constructor(main, tell) {
    Object.assign(this, { main, tell, turn: 0, panels: new Map(), place: [null, null], photo: null });
    this.whatIf = new WhatIf((mask) => this.#showTried(mask));
    this.differences = new Differences();
    this.tryMap = newestOnly(() => this.#loadTriedMap());
  }

  /** Show the image of the address. */
  async render(run) {
    const turn = ++this.turn;
    const asked = { run: state.run, split: state.split, id: state.id };
    let info;
    try {
      info = await json("api/image", { ...queryOf(), ...asked });
    } catch (error) {
      if (turn === this.turn) {
        this.main.replaceChildren();
        this.tell(error.message);
      }
      return;
    }
    if (turn !== this.turn) return;
    Object.assign(this, { run, info, asked });
    this.#layOut();
    this.tell(this.#headline(), info.problems);
    try {
      this.photo = await photo(asked);
    } catch (error) {
      this.photo = null;
      if (turn === this.turn) this.panels.get("photo").fail(error.message);
    }
    if (turn !== this.turn) return;
    if (this.photo) this.panels.get("photo").show(this.photo, this.photo);
    this.#loadAll(turn);
    this.whatIf.render(run, info);
    this.neighbours = await json("api/neighbours", { ...queryOf(), id: state.id }).catch(() => null);
    if (turn === this.turn && this.neighbours?.place) this.tell(this.#headline(), info.problems);
  }

  stop() {
    this.turn++;
  }

  #headline() {
    const tags = this.info.tags.map((tag) => tag.name).join(", ") || "no tag";
    const where = this.neighbours?.place ? ` · ${this.neighbours.place} of ${this.neighbours.total}` : "";
    return `${this.info.id} · ${tags}${where}`;
  }

  /** The tagged class whose maps are shown: the one of the address, else the first. */
  get shownClass() {
    const { tags } = this.info;
    return tags.find((tag) => String(tag.index) === state.class) ?? tags[0] ?? null;
  }

  /** Return [key, title, load] of every layer that the run has or will have. */
  #layers() {
    const { asked, info, shownClass } = this;
    const { masks, predictions, crf } = info.steps;
    const layers = [["photo", "photo", null]];
    const addMask = (name, key) =>
      key && layers.push([name, this.#named(key), () => labels({ ...asked, result: key })]);
    const addMap = (name, title, path, given) => layers.push([name, title, () => map(path, { ...asked, ...given })]);
    if (info.truth) layers.push(["truth", "ground truth", () => labels({ ...asked, result: "truth" })]);
    if (state.other) this.#addCompared(layers, addMask);
    if (!state.other || masks !== state.result) addMask("masks", masks);
    if (info.usual) layers.push(["tried", "what if", null]);
    if (info.usual && shownClass) {
      const fused = info.blocks.length > 1 ? ["fusion"] : [];
      for (const name of new Set([...info.blocks, ...fused, info.usual.maps])) {
        const given = { cams: info.usual.cams, map: name, class: shownClass.index };
        addMap(`map-${name}`, `${name} · ${shownClass.name}`, "map", given);
      }
      layers.push(["tried-map", `what if: map · ${shownClass.name}`, null]);
    }
    const source = info.usual && info.usual.source !== "none" ? info.usual.source : info.saliency[0];
    if (source) addMap("saliency", `saliency (${source})`, "saliency", { source });
    if (!state.other || predictions !== state.result) addMask("predictions", predictions);
    if (!state.other || crf !== state.result) addMask("crf", crf);
    if (predictions) {
      const given = { result: predictions };
      if (shownClass) {
        addMap("probability", `probability · ${shownClass.name}`, "probability", { ...given, class: shownClass.index });
      }
      addMap("certainty", "highest probability", "probability", { ...given, class: "best" });
    }
    return layers;
  }

  #named(key) {
    const { label } = this.run.splits[state.split].results.find((one) => one.key === key);
    const score = key in this.info.scores ? ` · IoU ${percent(this.info.scores[key])}` : "";
    return label.split(" (")[0] + score;
  }

  #addCompared(layers, addMask) {
    const other = { ...this.asked, result: state.other, result_run: state.other_run };
    const isElsewhere = state.other_run && state.other_run !== state.run;
    const title = isElsewhere
      ? `${state.other_run}: ${byId("other").selectedOptions[0]?.textContent.split(" (")[0] ?? state.other}`
      : this.#named(state.other);
    addMask("shown", state.result);
    layers.push(["other", title, () => labels(other)]);
    layers.push(["difference", "differences", async () => {
      const pair = await Promise.all([labels({ ...this.asked, result: state.result }), labels(other)]);
      const values = pair[0].values.map((label, i) => Number(label !== pair[1].values[i]));
      return { ...pair[0], kind: "difference", values };
    }]);
  }

  #layOut() {
    const layers = this.#layers();
    this.panels = new Map(
      layers.map(([key, title]) => [key, new Panel(key, title, this.run, this.info, (x, y) => this.point(x, y))]),
    );
    this.load = new Map(layers.map(([key, , load]) => [key, load]));
    const figures = [...this.panels.values()].map((panel) => panel.figure);
    const compared = state.other ? this.differences.element : null;
    keepingFocus(() => this.main.replaceChildren(
      element(
        "div",
        { class: "image" },
        element("aside", { "aria-label": "settings" }, this.#looks(), compared, this.whatIf.element),
        element("div", { class: "panels", role: "group", "aria-label": "layers" }, ...figures),
      ),
    ));
    if (state.other) this.differences.render();
  }

  #looks() {
    const classes = this.info.tags.map((tag, place) =>
      element(
        "button",
        {
          type: "button",
          class: "tag",
          id: `class-${tag.index}`,
          title: `key ${place + 1}`,
          "aria-pressed": String(tag === this.shownClass),
          onclick: () => change({ class: tag.index }),
        },
        element("i", { style: `background: ${css(this.run.palette[tag.index])}` }),
        tag.name,
        element("small", {}, this.#believed(tag.name)),
      ),
    );
    const colours = element("select", { id: "colours", onchange: (event) => change({ colours: event.target.value }) });
    fillSelect(colours, Object.keys(this.run.colour_maps).map((name) => [name, name]), state.colours);
    const step = (text, id, label, by) =>
      element("button", { type: "button", id, "aria-label": label, onclick: () => this.step(by) }, text);
    const zoom = (text, label, factor) =>
      element("button", { type: "button", "aria-label": label, onclick: () => zoomBy(factor) }, text);
    return element(
      "section",
      { class: "looks" },
      element("div", { class: "row" }, step("←", "previous-image", "previous image", -1),
        step("→", "next-image", "next image", 1),
        zoom("−", "zoom out", 0.5), zoom("+", "zoom in", 2),
        element("button", { type: "button", id: "save" }, "Save PNG")),
      element("div", { class: "row", role: "group", "aria-label": "class whose maps are shown" }, ...classes),
      element("label", {}, "Opacity ", element("input", {
        type: "range", id: "opacity", min: 0, max: 1, step: 0.05, value: state.opacity,
        oninput: (event) => change({ opacity: event.target.value }),
      })),
      element("label", {}, "Colours ", colours),
    );
  }

  #believed(name) {
    const found = this.info.tag_probabilities[name];
    if (!found) return "";
    return ` ${percent(found.reduce((sum, one) => sum + one, 0) / found.length)} %`;
  }

  #loadAll(turn) {
    for (const [key, load] of this.load) if (load) this.#loadOne(key, load, turn);
  }

  async #loadOne(key, load, turn) {
    const panel = this.panels.get(key);
    try {
      const layer = await load();
      if (turn === this.turn) panel.show(layer, this.photo);
    } catch (error) {
      if (turn === this.turn) panel.fail(error.message);
    }
  }

  #showTried(mask) {
    const panel = this.panels.get("tried");
    if (!panel) return;
    if (mask instanceof Error) panel.fail(mask.message);
    else panel.show(mask, this.photo);
    this.tryMap();
    this.point(...this.place);
  }

  async #loadTriedMap() {
    const panel = this.panels.get("tried-map");
    if (!panel) return;
    panel.figure.hidden = !state.maps && !state.weights; // else it is among the run's maps
    if (panel.figure.hidden) return;
    const given = { ...this.asked, result: state.result, ...triedOf(), class: this.shownClass.index };
    await this.#loadOne("tried-map", () => map("made_map", given), this.turn);
  }

  #showClass() {
    this.#layOut();
    if (this.photo) this.panels.get("photo").show(this.photo, this.photo);
    this.#loadAll(this.turn);
    this.whatIf.render(this.run, this.info);
  }

  /** Show what a change of the address asks for, without loading what is there; false if it asks for more. */
  follow(changed) {
    const isOnly = (...names) => [...changed].every((name) => names.includes(name));
    if (isOnly("zoom", "x", "y")) this.panels.forEach((panel) => panel.draw());
    else if (isOnly("opacity", "colours")) this.panels.forEach((panel) => panel.paint());
    else if (isOnly("class")) this.#showClass();
    else if (isOnly(...Object.keys(triedOf()))) this.whatIf.render(this.run, this.info);
    else return false;
    for (const name of ["opacity", "colours"]) if (byId(name)) byId(name).value = state[name];
    this.point(...this.place);
    return true;
  }

  /** Show the values at a place, shares of the image. */
  point(x, y) {
    this.place = [x, y];
    this.panels.forEach((panel) => panel.point(x, y));
  }

  /** Move the marker by pixels. */
  nudge(across, down) {
    if (!this.photo) return;
    const { width, height } = this.photo;
    const moved = (place, by, length) => Math.min(Math.max((place ?? 0.5) + (by * NUDGE_PX) / length, 0), 1 - 1e-6);
    this.point(moved(this.place[0], across, width), moved(this.place[1], down, height));
  }

  step(by) {
    const id = by < 0 ? this.neighbours?.previous : this.neighbours?.next;
    if (id) change({ id, class: "" }, true);
  }

  chooseClass(place) {
    const tag = this.info?.tags[place];
    if (tag) change({ class: tag.index });
  }

  redraw() {
    this.panels.forEach((panel) => panel.draw());
  }
}
