// The panels that are shown, as one PNG.

import { element } from "./dom.js";

const GAP = 12;
const TITLE = 22;

/** Download the panels as `name`.png, laid out as on the page, in the page's colours. */
export function savePanels(panels, name) {
  const shown = [...panels].filter((panel) => panel.painted && !panel.canvas.hidden && !panel.figure.hidden);
  if (!shown.length) return;
  const first = shown[0].figure.offsetTop;
  const columns = shown.filter((panel) => panel.figure.offsetTop === first).length;
  const width = Math.max(...shown.map((panel) => panel.canvas.width));
  const height = Math.max(...shown.map((panel) => panel.canvas.height));
  const lines = Math.ceil(shown.length / columns);
  const scale = devicePixelRatio;
  const cell = [width + GAP * scale, height + (GAP + TITLE) * scale];
  const canvas = element("canvas", { width: columns * cell[0] + GAP * scale, height: lines * cell[1] + GAP * scale });
  const context = canvas.getContext("2d");
  const style = getComputedStyle(document.body);
  context.fillStyle = style.backgroundColor;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = style.color;
  context.font = `${14 * scale}px sans-serif`;
  shown.forEach((panel, place) => {
    const left = GAP * scale + (place % columns) * cell[0];
    const top = GAP * scale + Math.floor(place / columns) * cell[1];
    context.fillText(panel.title, left, top + 14 * scale, width);
    context.drawImage(panel.canvas, left, top + TITLE * scale);
  });
  canvas.toBlob((blob) => {
    const link = element("a", { href: URL.createObjectURL(blob), download: `${name.replaceAll("/", "_")}.png` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
}
