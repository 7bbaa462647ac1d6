// Pictures of one image: two in a slider, or up to eight side by side that move together; also as signed errors.
const MOST_SHOWN = 8;
const sizes = new Map();

const sceneName = (scene) => `${scene.image} · ${testTitle(DATA.tables[scene.table])}`;

// Everything that a scene can show: lr, hr, and the methods as they are ranked.
function sourcesOf(scene) {
  const whole = state.whole === "yes" && scene.files.hr;
  const source = (key, title, uri, file) => ({ key, title, uri: whole && file ? file : uri, row: ROW.get(key) });
  return [
    ...(scene.lr ? [source("lr", "LR", scene.lr, scene.files.lr)] : []),
    source("hr", "HR", scene.hr, scene.files.hr),
    ...scene.methods.map(([id, uri], i) => source(id, ROW.get(id).title, uri, scene.files[i])),
  ];
}

function scenesShown() {
  const [own, left] = [DATA.scenes.filter((scene) => DATA.tables[scene.table].protocol === state.protocol), FILTERS];
  const tests = new Set(ofProtocol().filter((row) => left.every(([key, , of]) =>
    key === "trained" || !state[key] || of(row) === state[key])).map((row) => row.test));
  return own.filter((scene) => tests.has(DATA.tables[scene.table]));
}

function renderPictures() {
  const scenes = scenesShown();
  byId("pictures-section").hidden = !scenes.length;
  byId("link-pictures").hidden = !scenes.length;
  if (!scenes.length) return;
  const scene = scenes.find((one) => sceneName(one) === state.scene) || scenes[0];
  options(byId("scene"), scenes.map((one) => [sceneName(one), sceneName(one)]), sceneName(scene));
  for (const button of document.querySelectorAll("[data-view]")) {
    button.setAttribute("aria-pressed", String(button.dataset.view === state.view));
  }
  const sources = sourcesOf(scene);
  const named = (key, other) => sources.find((one) => one.key === key) || other;
  const methods = sources.filter((one) => one.row);
  const left = named(state.left, methods.find((one) => one.row.reference) || methods.at(-1));
  const right = named(state.right, methods.find((one) => one !== left) || methods[0]);
  byId("slider-controls").hidden = state.view !== "slider";
  byId("grid-controls").hidden = state.view !== "grid";
  for (const [id, chosen] of [["left", left], ["right", right]]) {
    options(byId(id), sources.map((one) => [one.key, one.title]), chosen.key);
  }
  byId("error").checked = state.error === "yes";
  byId("whole-control").hidden = !scene.files.hr;
  byId("whole").checked = state.whole === "yes";
  const chosen = shownKeys(sources);
  renderChoice(sources, chosen);
  byId("pictures").className = state.view;
  byId("pictures").replaceChildren(...(state.view === "slider" ? [sliderOf(scene, left, right)]
    : sources.filter((one) => chosen.includes(one.key)).map((one) => tileOf(scene, one))));
  byId("pictures-note").textContent = pictureNote(scene);
  measured(scene).then(place);
}

function pictureNote(scene) {
  const window = state.whole === "yes" && scene.files.hr ? "The whole image."
    : `A window of ${scene.box[2]} × ${scene.box[3]} pixels, where the methods differ most; top left at (${scene.box[0]}, ${scene.box[1]}).`;
  const error = " Errors of luma: blue is darker than HR, red is brighter, in full colour from 32 of 255 levels.";
  return `${window} Drag or use the arrow keys to move, + and − to zoom.${state.error === "yes" ? error : ""}`;
}

function shownKeys(sources) {
  const keys = state.shown.split(",").filter((key) => sources.some((one) => one.key === key));
  return (keys.length ? keys : sources.map((one) => one.key)).slice(0, MOST_SHOWN);
}

function renderChoice(sources, chosen) {
  byId("choice").replaceChildren(...sources.map((one) => {
    const box = el("input", { type: "checkbox", value: one.key, checked: chosen.includes(one.key),
      disabled: !chosen.includes(one.key) && chosen.length >= MOST_SHOWN,
      onchange: () => {
        const keys = box.checked ? [...chosen, one.key] : chosen.filter((key) => key !== one.key);
        if (keys.length) change({ shown: keys.join(",") });
        document.querySelector(`#choice input[value="${CSS.escape(one.key)}"]`).focus();
      } });
    return el("label", { class: "check" }, box, one.title);
  }));
}

// A picture, or for errors the picture under half of inverted hr: grey where both agree. A filter colours the rest.
function layerOf(scene, source, extra = "") {
  const image = (uri, name) => el("img", { src: uri, alt: name, draggable: "false" });
  if (state.error !== "yes" || source.key === "lr") {
    return el("div", { class: `layer ${extra}` }, image(source.uri, source.title));
  }
  const hr = sourcesOf(scene).find((one) => one.key === "hr");
  return el("div", { class: `layer error ${extra}` }, image(source.uri, `Signed error of ${source.title}`), image(hr.uri, ""));
}

function paneOf(name, layers) {
  return el("div", { class: "pane", tabindex: "0", role: "group", "aria-label": name, onkeydown: panByKey,
    onpointerdown: startPan, onwheel: zoomByWheel }, layers);
}

function sliderOf(scene, left, right) {
  const range = el("input", { type: "range", min: 0, max: 100, step: 0.5, value: state.cut, id: "cut",
    "aria-label": `How much of ${left.title} is shown, in percent; the rest is ${right.title}` });
  const pane = paneOf(`${left.title} on the left, ${right.title} on the right`,
    [layerOf(scene, right), el("div", { class: "cover" }, layerOf(scene, left)), el("div", { class: "cut" }), range]);
  const cut = () => pane.style.setProperty("--cut", range.value / 100);
  range.addEventListener("input", cut);
  range.addEventListener("change", () => change({ cut: range.value }));
  range.addEventListener("keydown", (event) => event.stopPropagation());
  cut();
  return el("div", { class: "compare" }, pane, scoreTable(scene, left, right),
    el("div", { class: "captions" }, titleOf(left), titleOf(right)));
}

function tileOf(scene, source) {
  return el("figure", {}, paneOf(source.title, [layerOf(scene, source)]), captionOf(scene, source));
}

const titleOf = (source) => (source.row
  ? el("button", { type: "button", class: "title", onclick: () => goToRow(source.key) }, source.title)
  : el("strong", {}, source.title));

function captionOf(scene, source) {
  const scores = source.row ? Object.keys(source.row.images).map((key) => [key, imageScore(scene, source.row, key)]) : [];
  return el("figcaption", { class: "caption" }, titleOf(source), scores.filter(([, text]) => text).map(([key, text]) =>
    el("span", { class: "score" }, `${metricLabel(key)} ${text} ${DATA.metrics[key].unit}`.trim())));
}

// The score of the image that is shown: that of the first seed and realisation.
function imageScore(scene, row, key) {
  const scores = scoresOf(row, key);
  const value = scores && scores.values[0][row.test.images.indexOf(scene.image)];
  return value === null || value === undefined || Number.isNaN(value) ? "" : fixed(value, DATA.metrics[key].decimals);
}

// The scores of the image from every method; a name puts that method on the right.
function scoreTable(scene, left, right) {
  const methods = sourcesOf(scene).filter((one) => one.row);
  const keys = unique(methods.flatMap((one) => Object.keys(one.row.images)));
  const shown = [left.key, right.key];
  const head = ["This image", ...keys.map((key) => `${metricLabel(key)}${bracketed(DATA.metrics[key].unit)}`)];
  return el("div", { class: "image-scores" }, el("table", {},
    el("thead", {}, el("tr", {}, head.map((text, i) => el("th", { scope: "col", class: i ? "number" : "" }, headWords(text))))),
    el("tbody", {}, methods.map((one) => el("tr", { class: shown.includes(one.key) ? "shown" : "" },
      el("th", { scope: "row" }, el("button", { type: "button", class: "title", onclick: () => change({ right: one.key }) }, one.title)),
      keys.map((key) => el("td", { class: "number" }, imageScore(scene, one.row, key) || "—")))))));
}

// Width and height of what is shown; those of a whole image are known once it is loaded.
async function measured(scene) {
  if (state.whole !== "yes" || !scene.files.hr) return [scene.box[2], scene.box[3]];
  if (!sizes.has(scene.files.hr)) {
    const image = new Image();
    image.src = scene.files.hr;
    await image.decode().catch(() => {});
    sizes.set(scene.files.hr, [image.naturalWidth || scene.box[2], image.naturalHeight || scene.box[3]]);
  }
  return sizes.get(scene.files.hr);
}

let size = [1, 1];

function zoomNow() {
  const pane = document.querySelector("#pictures .pane");
  const fitting = pane ? Math.floor(pane.clientWidth / size[0]) : 1;
  return Number(state.zoom) >= 100 ? Math.min(Number(state.zoom), 800) : 100 * Math.max(1, Math.min(8, fitting));
}

// Put the same point of every picture into the middle of its pane.
function place(measuredSize = size) {
  size = measuredSize;
  const zoom = zoomNow();
  const [width, height] = size.map((edge) => (edge * zoom) / 100);
  byId("zoom").value = zoom;
  byId("zoom-text").textContent = `${zoom} %`;
  for (const pane of document.querySelectorAll("#pictures .pane")) {
    const shift = (edge, room, centre) =>
      (edge <= room ? (room - edge) / 2 : Math.max(room - edge, Math.min(0, room / 2 - centre * edge)));
    const x = Math.round(shift(width, pane.clientWidth, Number(state.x || 0.5)));
    const y = Math.round(shift(height, pane.clientHeight, Number(state.y || 0.5)));
    for (const layer of pane.querySelectorAll(".layer")) {
      Object.assign(layer.style, { width: `${width}px`, height: `${height}px`, transform: `translate(${x}px, ${y}px)` });
    }
  }
}

function panBy(dx, dy) {
  const zoom = zoomNow() / 100;
  const within = (value, edge, room) => {
    const reach = Math.min(0.5, room / 2 / (edge * zoom));
    return Math.max(reach, Math.min(1 - reach, value)).toFixed(3);
  };
  const pane = document.querySelector("#pictures .pane");
  change({
    x: within(Number(state.x || 0.5) - dx / (size[0] * zoom), size[0], pane.clientWidth),
    y: within(Number(state.y || 0.5) - dy / (size[1] * zoom), size[1], pane.clientHeight),
  });
}

function startPan(event) {
  if (event.button || event.target.id === "cut") return;
  let [x, y] = [event.clientX, event.clientY];
  const pane = event.currentTarget;
  pane.setPointerCapture(event.pointerId);
  const move = (moved) => {
    panBy(moved.clientX - x, moved.clientY - y);
    [x, y] = [moved.clientX, moved.clientY];
  };
  pane.addEventListener("pointermove", move);
  const end = () => pane.removeEventListener("pointermove", move);
  pane.addEventListener("pointerup", end, { once: true });
  pane.addEventListener("pointercancel", end, { once: true });
}

const zoomBy = (steps) => change({ zoom: Math.max(100, Math.min(800, zoomNow() + 100 * steps)) });

function panByKey(event) {
  const step = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] }[event.key];
  if (step) panBy(...step);
  else if (event.key === "+" || event.key === "=") zoomBy(1);
  else if (event.key === "-") zoomBy(-1);
  else return;
  event.preventDefault();
}

function zoomByWheel(event) {
  if (!event.ctrlKey) return; // without it, the wheel scrolls the page
  event.preventDefault();
  zoomBy(event.deltaY < 0 ? 1 : -1);
}

function startPictures() {
  for (const id of ["scene", "left", "right"]) {
    byId(id).addEventListener("change", (event) => change({ [id]: event.target.value }));
  }
  for (const id of ["error", "whole"]) {
    byId(id).addEventListener("change", (event) => change({ [id]: event.target.checked ? "yes" : "" }));
  }
  for (const button of document.querySelectorAll("[data-view]")) {
    button.addEventListener("click", () => change({ view: button.dataset.view }));
  }
  byId("swap").addEventListener("click", () => change({ left: byId("right").value, right: byId("left").value }));
  byId("zoom").addEventListener("input", (event) => change({ zoom: event.target.value }));
  window.addEventListener("resize", () => place());
  watch(`protocol scene view left right shown error whole ${FILTERS.map(([key]) => key).join(" ")}`, renderPictures);
  watch("zoom x y", () => place());
}
