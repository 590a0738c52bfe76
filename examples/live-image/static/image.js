// The picture. Change TINT and save: this module is replaced, and the water goes on.
const TINT = "none"; // or "hue-rotate(200deg)", "sepia(1)", …

const canvas = document.querySelector("#water");
const pen = canvas.getContext("2d");
const figures = { pictures: 0, bytes: 0 };

canvas.style.filter = TINT;

// The newest picture that is not drawn yet. A slow page draws fewer of them, a hidden one none.
let newest = null;

function draw() {
  const { data, meta } = newest;
  newest = null;
  pen.putImageData(new ImageData(new Uint8ClampedArray(data), ...meta.size), 0, 0);
  figures.pictures += 1;
  figures.bytes += data.byteLength;
}

function tell() {
  document.querySelector("#rate").textContent = figures.pictures;
  document.querySelector("#bytes").textContent = (figures.bytes / 1e6).toFixed(1);
  figures.pictures = figures.bytes = 0;
}

function touch({ clientX, clientY, buttons, type }) {
  if (type === "pointermove" && !buttons) return;
  const { left, top, width, height } = canvas.getBoundingClientRect();
  import.meta.hot?.send("image:drop", { x: (clientX - left) / width, y: (clientY - top) / height });
}

import.meta.hot?.on("image:frame", (frame) => {
  if (!newest) requestAnimationFrame(draw);
  newest = frame;
});

canvas.addEventListener("pointerdown", touch);
canvas.addEventListener("pointermove", touch);
const telling = setInterval(tell, 1000);

import.meta.hot?.accept();
import.meta.hot?.dispose(() => {
  canvas.removeEventListener("pointerdown", touch);
  canvas.removeEventListener("pointermove", touch);
  clearInterval(telling);
});
