// What is shown, as one object that is also the address: a link restores it.
const DATA = JSON.parse(byId("data").textContent);
const ROWS = DATA.rows;
const ROW = new Map(ROWS.map((row) => [row.id, row]));
for (const row of ROWS) row.test = DATA.tables[row.table];

const PROTOCOLS = unique(DATA.tables.map((table) => table.protocol));
const DEFAULTS = {
  protocol: mostUsed(ROWS.map((row) => row.test.protocol)),
  dataset: "", scale: "", degradation: "", trained: "", ensemble: "", tiled: "", certified: "", search: "",
  layout: "tests", sort: "", hidden: "interval", over: usualBase(),
  metric: "", cost: "", bars: "yes", all: "", open: "", base: "", matrix: "scores",
  scene: "", view: "slider", left: "", right: "", shown: "", zoom: "", error: "", whole: "", x: "", y: "", cut: "50",
};
const state = { ...DEFAULTS };
const watchers = [];

function mostUsed(values) {
  const groups = [...grouped(values, (value) => value)];
  return groups.reduce((best, group) => (group[1].length > best[1].length ? group : best), ["", []])[0];
}

// Gains are counted over bicubic interpolation, or over plain training where that was not measured.
function usualBase() {
  const controls = DATA.gains.flatMap((group) => group.tables.flatMap((table) => table.lines)).filter((line) => line.control);
  const base = ROWS.find((row) => row.reference) || (controls.length ? ROW.get(controls[0].row) : null);
  return base ? base.method : "";
}

const testTitle = (test) =>
  `${test.label} ×${test.scale} · ${test.degradation_label}${test.inference === "whole" ? "" : ` · ${test.inference}`}`;

// Call ``render`` whenever one of these entries of the state changes.
function watch(keys, render) {
  watchers.push({ keys: keys.split(" "), render });
}

function change(entries) {
  const changed = Object.keys(entries).filter((key) => state[key] !== String(entries[key]));
  if (!changed.length) return;
  for (const key of changed) state[key] = String(entries[key]);
  const words = Object.entries(state).filter(([key, value]) => value !== DEFAULTS[key]);
  history.replaceState(null, "", `#${new URLSearchParams(words)}`);
  rendered(changed);
}

function rendered(changed) {
  for (const { keys, render } of watchers) if (keys.some((key) => changed.includes(key))) render();
}

// An address may come from anyone: unknown entries are dropped, and a protocol or row that is not here.
function readAddress() {
  const words = new URLSearchParams(location.hash.slice(1));
  const given = Object.fromEntries([...words].filter(([key]) => key in DEFAULTS));
  if (given.protocol && !PROTOCOLS.includes(given.protocol)) delete given.protocol;
  if (given.open && !ROW.has(given.open)) delete given.open;
  Object.assign(state, DEFAULTS, given);
  rendered(Object.keys(DEFAULTS));
}
