// The chart. Change SHOWN or FILLED and save: this module is replaced, and its points stay.
const SHOWN = 200;
const FILLED = true;
const KEPT = 400;

const canvas = document.querySelector("#chart");
const pen = canvas.getContext("2d");

// `data` outlives this module: what one instance leaves there, the next one finds.
let { values = [], count = 0 } = import.meta.hot?.data ?? {};

const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;

function say(id, text) {
  document.getElementById(id).textContent = text;
}

/** A round number of which three or four lie between the lowest and the highest. */
function step(range) {
  const power = 10 ** Math.floor(Math.log10(range / 3));
  return power * ([5, 2].find((factor) => factor * power <= range / 3) ?? 1);
}

function draw() {
  const { clientWidth: width, clientHeight: height } = canvas;
  const scale = window.devicePixelRatio;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  pen.scale(scale, scale);
  const shown = values.slice(-SHOWN);
  if (shown.length < 2) return;

  const style = getComputedStyle(canvas);
  const accent = style.getPropertyValue("--accent");
  const low = Math.min(...shown);
  const range = Math.max(Math.max(...shown) - low, 1);
  const [left, right, top, bottom] = [40, width - 8, 10, height - 10];
  const x = (index) => right - ((shown.length - 1 - index) * (right - left)) / (SHOWN - 1);
  const y = (value) => bottom - ((value - low) * (bottom - top)) / range;

  pen.font = `12px ${style.fontFamily}`;
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  pen.fillStyle = style.getPropertyValue("--quiet");
  pen.strokeStyle = style.getPropertyValue("--line");
  const distance = step(range);
  for (let line = Math.ceil(low / distance) * distance; line <= low + range; line += distance) {
    pen.fillText(String(Math.round(line * 100) / 100).replace("-", "−"), left - 10, y(line));
    pen.beginPath();
    pen.moveTo(left, y(line));
    pen.lineTo(right, y(line));
    pen.stroke();
  }

  const path = new Path2D();
  shown.forEach((value, index) => path.lineTo(x(index), y(value)));
  if (FILLED) {
    const area = new Path2D(path);
    area.lineTo(right, bottom);
    area.lineTo(x(0), bottom);
    const shade = pen.createLinearGradient(0, top, 0, bottom);
    shade.addColorStop(0, `rgb(from ${accent} r g b / 0.32)`);
    shade.addColorStop(1, `rgb(from ${accent} r g b / 0)`);
    pen.fillStyle = shade;
    pen.fill(area);
  }
  pen.strokeStyle = pen.fillStyle = accent;
  pen.lineWidth = 2;
  pen.lineJoin = "round";
  pen.stroke(path);
  pen.beginPath();
  pen.arc(right, y(shown.at(-1)), 4.5, 0, 2 * Math.PI);
  pen.fill();

  say("now", signed(shown.at(-1)));
  say("change", signed(shown.at(-1) - shown[0]));
  say("count", count.toLocaleString("en"));
}

function join() {
  import.meta.hot?.send("chart:join", { values, speed: document.querySelector("#speed").valueAsNumber });
}

import.meta.hot?.on("chart:point", ({ value }) => {
  values = [...values.slice(1 - KEPT), value];
  count += 1;
  draw();
});
import.meta.hot?.on("chart:line", (line) => {
  values = line.values;
  count = Math.max(count, values.length);
  draw();
});
import.meta.hot?.on("vite:ws:connect", join);
import.meta.hot?.on("hotchannel:afterRefresh", draw);

const resized = new ResizeObserver(draw);
resized.observe(canvas);
if (!values.length) join();

import.meta.hot?.accept();
import.meta.hot?.dispose((data) => {
  Object.assign(data, { values, count });
  resized.disconnect();
});
