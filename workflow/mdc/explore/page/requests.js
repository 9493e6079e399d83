// Requests to the server; addresses are relative, so that the page works below any path.

/** Return an address with those arguments that have a value. */
export function address(path, given) {
  const kept = Object.entries(given).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return `${path}?${new URLSearchParams(kept)}`;
}

async function answered(path, given, signal) {
  let response;
  try {
    response = await fetch(address(path, given), { signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("the explorer does not answer: is it still running?");
  }
  if (response.ok) return response;
  const said = await response.json().catch(() => ({ error: `status ${response.status}` }));
  throw new Error(said.error);
}

export const json = async (path, given) => (await answered(path, given)).json();

/** Call `take` with each line of an answer that comes line by line; `signal` ends it. */
export async function lines(path, given, take, signal) {
  const reader = (await answered(path, given, signal)).body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const found = (rest + part.value).split("\n");
    rest = found.pop();
    found.forEach((line) => take(JSON.parse(line)));
  }
}

/** Return {width, height, pixels}: RGBA bytes exactly as the picture has them. */
async function decoded(blob) {
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  return { width, height, pixels: context.getImageData(0, 0, width, height).data };
}

export async function photo(given) {
  return { kind: "photo", ...(await decoded(await (await answered("photo", given)).blob())) };
}

/** Return labels {kind, width, height, values}: a byte per pixel. */
export async function labels(given) {
  return labelsOf(await (await answered("mask", given)).blob());
}

export async function labelsOf(blob) {
  const { width, height, pixels } = await decoded(blob);
  const values = Uint8Array.from({ length: width * height }, (_, i) => pixels[4 * i]);
  return { kind: "labels", width, height, values };
}

/** Return a map {kind, width, height, values, scale}: a value is scale * values[i] / 65535. */
export async function map(path, given) {
  const response = await answered(path, given);
  const scale = Number(response.headers.get("Mdc-Scale"));
  const { width, height, pixels } = await decoded(await response.blob());
  const values = Uint16Array.from({ length: width * height }, (_, i) => 256 * pixels[4 * i] + pixels[4 * i + 1]);
  return { kind: "map", width, height, values, scale };
}
