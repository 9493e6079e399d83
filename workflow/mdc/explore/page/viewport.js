// One zoom and position for all panels, and the marker whose values are shown.

import { change, state } from "./state.js";

const LARGEST = 32;
const LEAST_DRAG_PX = 3;

/** Return what part of an image is shown: left, top, width and height as shares of it. */
export function part() {
  const side = 1 / Number(state.zoom);
  const begin = (middle) => Math.min(Math.max(middle - side / 2, 0), 1 - side);
  return { left: begin(Number(state.x)), top: begin(Number(state.y)), side };
}

/** Zoom by a factor so that the place (shares of the image) stays where it is. */
export function zoomBy(factor, x = Number(state.x), y = Number(state.y)) {
  const zoom = Math.min(Math.max(Number(state.zoom) * factor, 1), LARGEST);
  const share = Number(state.zoom) / zoom;
  const moved = (middle, place) => (place + (middle - place) * share).toFixed(4);
  if (zoom === 1) change({ zoom: 1, x: 0.5, y: 0.5 });
  else change({ zoom: Number(zoom.toFixed(3)), x: moved(Number(state.x), x), y: moved(Number(state.y), y) });
}

/** Let a canvas zoom, move and point; `point` is called with shares of the image, or null when the pointer leaves. */
export function listen(canvas, point) {
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    const { left, top, side } = part();
    const [across, down] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    return [left + side * across, top + side * down];
  };
  let drag = null;
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoomBy(2 ** (-event.deltaY / 200), ...place(event));
  }, { passive: false });
  canvas.addEventListener("dblclick", (event) => zoomBy(event.shiftKey ? 0.5 : 2, ...place(event)));
  canvas.addEventListener("pointerdown", (event) => {
    drag = { clientX: event.clientX, clientY: event.clientY, x: Number(state.x), y: Number(state.y) };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointerup", () => (drag = null));
  canvas.addEventListener("pointercancel", () => (drag = null));
  canvas.addEventListener("pointermove", (event) => {
    point(...place(event));
    if (!drag || Number(state.zoom) === 1) return;
    const by = [event.clientX - drag.clientX, event.clientY - drag.clientY];
    if (Math.hypot(...by) < LEAST_DRAG_PX) return;
    const { side } = part();
    const box = canvas.getBoundingClientRect();
    const moved = (from, pixels, length) => {
      const middle = from - (side * pixels) / length;
      return Math.min(Math.max(middle, side / 2), 1 - side / 2).toFixed(4);
    };
    change({ x: moved(drag.x, by[0], box.width), y: moved(drag.y, by[1], box.height) });
  });
  canvas.addEventListener("pointerleave", () => point(null, null));
}
