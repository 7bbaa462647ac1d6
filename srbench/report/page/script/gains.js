// Gains of distillers with their intervals, and scores by training and test degradation: tables with a picture inside.
function renderGains() {
  const groups = DATA.gains.filter((group) => group.protocol === state.protocol);
  byId("gains-section").hidden = !groups.length;
  byId("link-gains").hidden = !groups.length;
  if (!groups.length) return;
  const bases = unique(groups.flatMap((group) => group.bases));
  const base = bases.includes(state.base) ? state.base : bases[0] || "";
  options(byId("base"), bases.map((name) => [name, name]), base);
  byId("gains").replaceChildren(...groups.map((group) => groupElement(group, base)));
}

function groupElement(group, base) {
  const notes = [group.trained_on ? `Trained on ${group.trained_on}.` : "",
    group.teacher ? `The teacher is ${group.teacher} where no other is named.` : ""].filter(Boolean).join(" ");
  return el("section", { class: "group" }, el("h3", {}, group.title), notes ? el("p", { class: "faint" }, notes) : null,
    group.tables.map((table) => gainTable(table, base)));
}

function gainTable(table, base) {
  const [heading] = table.headings;
  const lines = [...table.lines].sort((a, b) => meanGain(b, base) - meanGain(a, base));
  const ends = lines.flatMap((line) => (line.gains[base] && line.gains[base][0] ? line.gains[base][0].slice(1, 3) : []));
  const [low, high] = [Math.min(0, ...ends), Math.max(0, ...ends)];
  const room = (high - low || 1) * 0.04;
  const at = (value) => (100 * (value - low + room)) / (high - low + 2 * room);
  const head = ["Distiller", "Rank", `Gain over ${base}${bracketed(heading.unit)}`, "95 % interval", "ms/step"];
  const body = lines.map((line) => el("tr", {},
    el("th", { scope: "row" }, el("button", { type: "button", class: "title", onclick: () => goToRow(line.row) }, line.title)),
    el("td", { class: "number" }, line.rank ? String(line.rank) : "—"), gainCell(line, base, heading),
    el("td", { class: "forest" }, forestOf(line.gains[base] && line.gains[base][0], at)),
    el("td", { class: "number" }, line.milliseconds === null ? "—" : fixed(line.milliseconds, 1))));
  return el("div", { class: "scroll" }, el("table", { class: "gains" },
    el("caption", {}, table.place), el("thead", {}, el("tr", {},
      head.map((text, i) => el("th", { scope: "col", class: [1, 2, 4].includes(i) ? "number" : "" }, text)))),
    el("tbody", {}, body)));
}

function meanGain(line, base) {
  const gain = line.gains[base] && line.gains[base][0];
  return gain ? gain[0] : line.control ? 0 : -Infinity;
}

function gainCell(line, base, heading) {
  const gain = line.gains[base] && line.gains[base][0];
  if (!gain) return el("td", { class: "number" }, line.failed ? "failed" : line.control ? "control" : "—");
  const [mean, low, high, verdict, seeds, images] = gain;
  const [text, ...ends] = [mean, low, high].map((value) => signed(value, heading.decimals + 1));
  const sign = { better: "", worse: "▼ ", tie: "≈ " }[verdict];
  return el("td", { class: `number ${verdict}`, title: `${seeds} seeds, ${images} images` },
    sign, verdict === "better" ? el("b", {}, text) : text, " ", el("small", {}, `[${ends.join(", ")}]`));
}

function forestOf(gain, at) {
  const line = (x1, x2, y1, y2, name) =>
    svg("line", { x1: `${x1}%`, x2: `${x2}%`, y1, y2, class: name });
  return svg("svg", { class: `interval ${gain ? gain[3] : ""}`, height: 20, "aria-hidden": "true" },
    line(at(0), at(0), 0, 20, "zero"),
    gain ? [line(at(gain[1]), at(gain[2]), 10, 10, "whisker"),
      svg("circle", { cx: `${at(gain[0])}%`, cy: 10, r: 4 })] : null);
}

function renderMatrices() {
  const matrices = DATA.matrices.filter((matrix) => matrix.protocol === state.protocol);
  byId("matrix-section").hidden = !matrices.length;
  byId("link-matrix").hidden = !matrices.length;
  if (!matrices.length) return;
  const byGain = state.matrix === "gains";
  options(byId("matrix"), [["scores", "scores"], ["gains", `gains over training on ${matrices[0].plain}`]], state.matrix);
  byId("matrices").replaceChildren(...matrices.map((matrix) => matrixTable(matrix, byGain)));
}

function matrixTable(matrix, byGain) {
  const number = (cell) => (byGain ? cell && cell[3] && cell[3][0] : cell && cell[0]);
  const ends = matrix.columns.map((column, i) => {
    const values = matrix.rows.map((row) => number(row.cells[i])).filter(Number.isFinite);
    return [Math.min(...values), Math.max(...values), column.higher || byGain];
  });
  const heat = (value, [low, high, higher]) => {
    const share = high > low ? (value - low) / (high - low) : 0.5;
    return Math.round(100 * (higher ? share : 1 - share));
  };
  const cellOf = (row, column, i) => {
    const cell = row.cells[i];
    const value = number(cell);
    if (!Number.isFinite(value)) return el("td", { class: "number" }, "—");
    const text = byGain ? signed(value, column.decimals + 1) : fixed(value, column.decimals);
    const title = byGain ? `[${cell[3].slice(1, 3).map((end) => signed(end, column.decimals + 1)).join(", ")}]` : "";
    const made = el("td", { class: `number heat${cell[2] ? " in-domain" : ""}`, title },
      el("button", { type: "button", class: "title", onclick: () => goToRow(cell[4]) }, text),
      cell[2] ? el("span", { class: "hidden-text" }, " in-domain") : null);
    made.style.setProperty("--heat", `${heat(value, ends[i])}%`);
    return made;
  };
  const last = (value, column) => el("td", { class: "number" }, value === null ? "—" : signed(value, column.decimals));
  const head = ["Method", "Trained on", ...matrix.columns.map((c) => `${c.label}: ${c.metric}${bracketed(c.unit)}`),
    "Out-of-domain gap", "Gap to specialist"];
  return el("div", { class: "scroll" }, el("table", { class: "matrix" }, el("caption", {}, matrix.title),
    el("thead", {}, el("tr", {}, head.map((text, i) => el("th", { scope: "col", class: i > 1 ? "number" : "" }, text)))),
    el("tbody", {}, matrix.rows.map((row) => el("tr", {}, el("th", { scope: "row" }, row.method),
      el("td", {}, row.trained_on || "—"), matrix.columns.map((column, i) => cellOf(row, column, i)),
      last(row.gap, matrix.columns[0]), last(row.specialist, matrix.columns[0]))))));
}

function startGains() {
  byId("base").addEventListener("change", (event) => change({ base: event.target.value }));
  byId("matrix").addEventListener("change", (event) => change({ matrix: event.target.value }));
  watch("protocol base", renderGains);
  watch("protocol matrix", renderMatrices);
}
