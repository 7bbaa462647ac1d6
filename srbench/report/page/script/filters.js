// Which rows are shown: one protocol, and what the filters leave.
const FILTERS = [
  ["dataset", "Dataset", (row) => row.test.label],
  ["scale", "Scale", (row) => `×${row.test.scale}`],
  ["degradation", "Degradation", (row) => row.test.degradation_label],
  ["trained", "Trained on", (row) => row.trained_on || "not recorded"],
  ["ensemble", "Self-ensemble", (row) => (row.test.ensemble ? "with the eight flips and turns" : "without")],
  ["tiled", "Processing", (row) => (row.test.tiled ? "in tiles" : "whole images")],
  ["certified", "Copy of the data", (row) => (row.test.certification || ["not checked"])[0]],
];

const ofProtocol = () => ROWS.filter((row) => row.test.protocol === state.protocol);

function shownRows() {
  const words = state.search.toLowerCase().split(/\s+/).filter(Boolean);
  const active = FILTERS.filter(([key]) => state[key]);
  return ofProtocol().filter(
    (row) =>
      active.every(([key, , of]) => of(row) === state[key]) &&
      words.every((word) => row.title.toLowerCase().includes(word)),
  );
}

// The choices that the rows of the protocol offer; see `syncFilters` for what is chosen.
function renderFilters() {
  const rows = ofProtocol();
  options(byId("protocol"), PROTOCOLS.map((name) => [name, name]), state.protocol);
  byId("protocol").disabled = PROTOCOLS.length < 2;
  const test = DATA.tables.find((table) => table.protocol === state.protocol);
  byId("protocol-about").textContent =
    (PROTOCOLS.length > 1 ? `One of ${PROTOCOLS.length} protocols: scores of different protocols never mix. ` : "") +
    (test ? test.about : "");
  byId("filters").replaceChildren(
    ...FILTERS.map(([key, label, of]) => {
      const values = unique(rows.map(of));
      if (values.length < 2) return null;
      const select = el("select", { id: `filter-${key}`, onchange: () => change({ [key]: select.value, all: "" }) });
      options(select, [["", "all"], ...values.map((value) => [value, value])], state[key]);
      return el("label", { class: "control" }, el("span", {}, label), select);
    }).filter(Boolean),
  );
  renderReferences(rows);
}

function syncFilters() {
  for (const [key] of FILTERS) if (byId(`filter-${key}`)) byId(`filter-${key}`).value = state[key];
  for (const id of ["search", "over", "metric"]) if (byId(id).value !== state[id]) byId(id).value = state[id];
}

// Both selects decide the column of gains: over which row, and in which metric.
function renderReferences(rows) {
  const titles = new Map();
  for (const row of rows) if (!row.failed && !titles.has(row.method)) titles.set(row.method, row);
  const ordered = [...titles.values()].sort((a, b) => b.reference - a.reference || a.title.localeCompare(b.title));
  const entries = [["", "no row"], ...ordered.map((row) => [row.method, row.title])];
  options(byId("over"), entries, titles.has(state.over) ? state.over : "");
  const keys = unique(rows.flatMap((row) => Object.keys(row.images)));
  options(byId("metric"), [["", "what ranks"], ...keys.map((key) => [key, metricLabel(key)])], state.metric);
}

const metricLabel = (key) => DATA.metrics[key].label + (key.includes("#") ? ` (${key.split("#")[1]})` : "");

function startFilters() {
  const cleared = Object.fromEntries(FILTERS.map(([key]) => [key, ""]));
  byId("protocol").addEventListener("change", (event) =>
    change({ ...cleared, protocol: event.target.value, metric: "", sort: "", open: "", all: "" }),
  );
  byId("search").addEventListener("input", (event) => change({ search: event.target.value, all: "" }));
  byId("over").addEventListener("change", (event) => change({ over: event.target.value }));
  byId("metric").addEventListener("change", (event) => change({ metric: event.target.value }));
  byId("reset").addEventListener("click", () => change({ ...DEFAULTS, protocol: state.protocol }));
  watch("protocol", renderFilters);
  watch(`protocol over metric search ${FILTERS.map(([key]) => key).join(" ")}`, syncFilters);
}
