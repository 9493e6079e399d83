// The list of the images whose two masks differ most.

import { element, percent } from "./dom.js";
import { json } from "./requests.js";
import { imageAddress, queryOf, state } from "./state.js";

const SHOWN = 50;
const ASK_AGAIN_MS = 700;

export class Differences {
  constructor() {
    this.list = element("ol");
    this.said = element("p", { role: "status" });
    this.element = element("section", { class: "differences", "aria-label": "Largest differences" },
      element("h2", {}, `The ${SHOWN} largest differences`), this.said, this.list);
    this.asked = "";
  }

  /** Show the list for the masks of the address; the image that is open is marked. */
  async render() {
    const asked = { ...queryOf(), sort: "differs", order: "down", page: 1 };
    if (JSON.stringify(asked) === this.asked) {
      this.#mark();
      return;
    }
    let found;
    try {
      found = await json("api/images", asked);
    } catch (error) {
      this.said.textContent = error.message;
      this.list.replaceChildren();
      return;
    }
    if (found.pending) {
      this.said.textContent = `comparing, ${found.pending.done} of ${found.pending.total}`;
      setTimeout(() => this.element.isConnected && this.render(), ASK_AGAIN_MS);
      return;
    }
    this.asked = JSON.stringify(asked);
    this.said.textContent = "share of pixels · IoU | IoU of the other";
    const compared = found.images.slice(0, SHOWN).filter((one) => one.value !== null);
    this.list.replaceChildren(...compared.map((one) =>
      element("li", {}, element("a", { "data-id": one.id }, one.id), " ",
        element("span", {}, `${percent(one.value)} % · ${percent(one.iou)} | ${percent(one.other_iou)}`))));
    this.#mark();
  }

  #mark() {
    for (const link of this.list.querySelectorAll("a")) {
      link.href = imageAddress(link.dataset.id);
      link.setAttribute("aria-current", String(link.dataset.id === state.id));
    }
  }
}
