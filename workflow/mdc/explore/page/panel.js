// A layer of the image as a picture: the photo with labels or a map over it.

import { element } from "./dom.js";
import { state } from "./state.js";
import { listen, part } from "./viewport.js";

const VOID = 255;
const DIFFERENT = [255, 0, 170];

/** Return the colour of a label. */
export function labelColour(run, label) {
  return label === VOID ? [run.void_shade, run.void_shade, run.void_shade] : run.palette[label];
}

export const css = (colour) => `rgb(${colour.join(" ")})`;

export class Panel {
  /**
   * @param {string} key of the layer
   * @param {string} title
   * @param {object} run as the server describes it
   * @param {object} size of the image, {width, height} in pixels
   * @param {Function} point called with the place under the pointer
   */
  constructor(key, title, run, size, point) {
    Object.assign(this, { key, title, run, layer: null, photo: null, painted: null });
    this.canvas = element("canvas", { role: "img", "aria-label": title });
    this.canvas.style.aspectRatio = `${size.width} / ${size.height}`;
    this.marker = element("span", { class: "marker", hidden: "" });
    this.value = element("output", { "aria-live": "off" });
    this.problem = element("p", { class: "problem", hidden: "" });
    this.figure = element(
      "figure",
      { "data-panel": key, "aria-busy": "true" },
      element("figcaption", {}, element("strong", {}, title), this.value),
      element("div", { class: "picture" }, this.canvas, this.marker, this.problem),
    );
    listen(this.canvas, point);
  }

  /** Show a layer over a photo. */
  show(layer, photo) {
    Object.assign(this, { layer, photo });
    this.problem.hidden = true;
    this.canvas.hidden = false;
    this.figure.setAttribute("aria-busy", "false");
    this.note = layer.kind === "map" && peakOf(layer) === 0 ? "0 everywhere" : "";
    this.value.textContent = this.note;
    this.paint();
  }

  /** Say why there is no layer. */
  fail(sentence) {
    this.layer = null;
    this.problem.textContent = sentence;
    this.problem.hidden = false;
    this.canvas.hidden = true;
    this.figure.setAttribute("aria-busy", "false");
    this.value.textContent = "";
  }

  /** Paint the layer again, with other colours or another opacity. */
  paint() {
    if (!this.layer) return;
    const { width, height } = this.layer;
    const image = new ImageData(width, height);
    const under = this.photo?.pixels.length === image.data.length ? this.photo.pixels : null;
    this.layer.kind === "photo" ? image.data.set(this.layer.pixels) : this.#blend(image.data, under);
    this.painted = new OffscreenCanvas(width, height);
    this.painted.getContext("2d").putImageData(image, 0, 0);
    this.draw();
  }

  #blend(pixels, under) {
    const { values, kind } = this.layer;
    const opacity = Number(state.opacity);
    const colours = this.run.colour_maps[state.colours] ?? this.run.colour_maps.viridis;
    const palette = Array.from({ length: 256 }, (_, label) => this.run.palette[label] ?? labelColour(this.run, VOID));
    const top = kind === "map" ? Math.max(peakOf(this.layer), 1) : 1;
    for (let i = 0; i < values.length; i++) {
      const j = 4 * i;
      let colour;
      let share = opacity;
      if (kind === "map") colour = colours[Math.round((255 * values[i]) / top)];
      else if (kind === "difference") [colour, share] = [DIFFERENT, values[i] ? Math.max(opacity, 0.3) : 0];
      else [colour, share] = [palette[values[i]], values[i] === 0 ? 0 : opacity];
      for (let k = 0; k < 3; k++) pixels[j + k] = (under ? under[j + k] : 0) * (1 - share) + colour[k] * share;
      pixels[j + 3] = 255;
    }
  }

  /** Draw the part that the zoom shows. */
  draw() {
    if (!this.painted) return;
    const { width, height } = this.painted;
    const canvas = this.canvas;
    const pixels = Math.round((canvas.clientWidth || 240) * devicePixelRatio);
    canvas.width = pixels;
    canvas.height = Math.max(Math.round((pixels * height) / width), 1);
    const { left, top, side } = part();
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(
      this.painted,
      left * width, top * height, side * width, side * height,
      0, 0, canvas.width, canvas.height,
    );
  }

  /** Show the value at a place (shares of the image), and the marker there; null hides both. */
  point(x, y) {
    const { left, top, side } = part();
    const [across, down] = [(x - left) / side, (y - top) / side];
    const isSeen = x !== null && this.layer && across >= 0 && across < 1 && down >= 0 && down < 1;
    this.marker.hidden = !isSeen;
    this.value.textContent = isSeen ? this.#valueAt(x, y) : this.note ?? "";
    if (isSeen) Object.assign(this.marker.style, { left: `${100 * across}%`, top: `${100 * down}%` });
  }

  #valueAt(x, y) {
    const { width, height, values, kind, scale } = this.layer;
    const [column, row] = [Math.min(Math.floor(x * width), width - 1), Math.min(Math.floor(y * height), height - 1)];
    if (kind === "photo") return `x ${column}, y ${row}`;
    const found = values[row * width + column];
    if (kind === "map") return ((scale * found) / 65535).toFixed(3);
    if (kind === "difference") return found ? "different" : "same";
    return found === VOID ? "unlabelled" : this.run.classes[found];
  }
}

function peakOf(layer) {
  // saliency and probabilities are drawn by their value, localization maps by their own maximum
  layer.peak ??= layer.scale === 1 ? 65535 : layer.values.reduce((best, value) => Math.max(best, value), 0);
  return layer.peak;
}
