// The grid of images: a page of thumbnails with their masks.

import { element, keepingFocus, percent } from "./dom.js";
import { css } from "./panel.js";
import { address, json } from "./requests.js";
import { change, imageAddress, queryOf, state } from "./state.js";

const ASK_AGAIN_MS = 700;

export class Grid {
  constructor(main, tell) {
    Object.assign(this, { main, tell, turn: 0 });
  }

  /** Show the page of images that the address asks for. */
  async render(run) {
    const turn = ++this.turn;
    let found;
    try {
      found = await json("api/images", { ...queryOf(), page: state.page });
    } catch (error) {
      if (turn === this.turn) this.fail(error);
      return;
    }
    if (turn !== this.turn) return;
    Object.assign(this, { page: found.page, pages: found.pages });
    const cells = found.images.map((image) => element("li", {}, this.#cell(run, image)));
    const kind = state.other ? "grid compared" : "grid";
    keepingFocus(() => this.main.replaceChildren(
      element("ul", { class: kind, "aria-label": "images" }, ...cells),
      this.#pager(found),
    ));
    const measured = found.pending ? `; measuring, ${found.pending.done} of ${found.pending.total}` : "";
    this.tell(`${found.total} ${found.total === 1 ? "image" : "images"}${measured}`, found.problems);
    if (found.pending) setTimeout(() => turn === this.turn && this.render(run), ASK_AGAIN_MS);
  }

  fail(error) {
    this.main.replaceChildren();
    this.tell(error.message);
  }

  stop() {
    this.turn++;
  }

  turnPage(by) {
    const page = this.page + by; // that of the address may lie beyond the last one
    if (page >= 1 && page <= this.pages) change({ page }, true);
  }

  #cell(run, image) {
    const shown = { run: state.run, split: state.split, id: image.id };
    const masks = [{ result: state.result }];
    if (state.other) masks.push({ result: state.other, result_run: state.other_run });
    const pictures = masks.map((mask) =>
      element(
        "span",
        { class: "stack" },
        element("img", { src: address("photo_small", shown), alt: "", loading: "lazy" }),
        mask.result && element("img", {
          src: address("mask_small", { ...shown, ...mask }), alt: "", loading: "lazy", class: "overlay",
          onerror: (event) => event.target.remove(),
        }),
      ),
    );
    const scores = [image.iou, ...(state.other ? [image.other_iou] : [])];
    const isScored = scores.some((score) => score !== null);
    const value = state.sort !== "iou" && image.value !== null ? ` · ${percent(image.value)} %` : "";
    const tags = image.tags.map((name) => {
      const colour = css(run.palette[run.classes.indexOf(name)]);
      return element("span", { class: "tag" }, element("i", { style: `background: ${colour}` }), name);
    });
    return element(
      "a",
      { href: imageAddress(image.id), class: "cell", "data-id": image.id },
      element("span", { class: "pictures" }, ...pictures),
      element("span", { class: "line" }, element("b", {}, image.id),
        element("span", { class: "score", title: run.sorted_by[state.sort] },
          isScored ? `IoU ${scores.map(percent).join(" | ")}` : "", value)),
      element("span", { class: "line" }, ...(tags.length ? tags : ["no tag"])),
    );
  }

  #pager({ page, pages }) {
    const button = (text, to, isOff) =>
      element("button", {
        type: "button", id: `page-${text}`, disabled: isOff ? "" : null, onclick: () => change({ page: to }, true),
      }, text);
    return element(
      "nav",
      { class: "pager", "aria-label": "pages" },
      button("First", 1, page === 1),
      button("Previous", page - 1, page === 1),
      element("span", {}, `page ${page} of ${pages}`),
      button("Next", page + 1, page === pages),
      button("Last", pages, page === pages),
    );
  }
}
