// The table: a group of rows for each test, or one list; the first hundred rows until all are asked for.
const FIRST_ROWS = 100;
let drawnRows = new Map();

class Notes {
  constructor() {
    this.numbers = new Map();
  }

  mark(text) {
    if (!this.numbers.has(text)) this.numbers.set(text, this.numbers.size + 1);
    const number = this.numbers.get(text);
    return el("sup", {}, el("a", { href: `#note-${number}`, "aria-label": `note ${number}`, title: text,
      onclick: (event) => { event.preventDefault(); byId(`note-${number}`).focus(); } }, String(number)));
  }

  items() {
    return [...this.numbers].map(([text, number]) =>
      el("li", { id: `note-${number}`, tabindex: "-1", value: number }, text));
  }
}

function sortedRows(rows, columns) {
  const descending = state.sort.startsWith("-");
  const chosen = columns.find((one) => one.key === state.sort.replace("-", ""));
  if (!chosen) return rows;
  const sign = descending ? -1 : 1;
  const valued = rows.map((row) => [chosen.value(row), row]);
  valued.sort(([a], [b]) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * (typeof a === "string" ? a.localeCompare(b) : a - b);
  });
  return valued.map(([, row]) => row);
}

// Rows in their order on the page: sorted within each test, or all together.
function orderedRows(rows, columns) {
  if (state.layout === "list") return sortedRows(rows, columns);
  return [...grouped(rows, (row) => row.test).values()].flatMap((own) => sortedRows(own, columns));
}

function renderTable() {
  const rows = shownRows();
  const columns = columnsFor(rows);
  const ordered = orderedRows(rows, columns);
  const shown = state.all ? ordered : ordered.slice(0, FIRST_ROWS);
  if (state.open && rows.includes(ROW.get(state.open)) && !shown.includes(ROW.get(state.open))) {
    shown.push(ROW.get(state.open)); // a link to a row shows it
  }
  const notes = new Notes();
  const marks = marksOf(rows, columns);
  drawnRows = new Map();
  const bodies = [];
  let test = null;
  for (const row of shown) {
    if (!bodies.length || (state.layout !== "list" && row.test !== test)) {
      bodies.push(el("tbody", {}, state.layout === "list" ? null : testHead(row.test, columns.length)));
      test = row.test;
    }
    const drawn = rowElement(row, columns, marks, notes);
    drawnRows.set(row.id, drawn);
    bodies.at(-1).append(drawn);
    if (row.id === state.open) bodies.at(-1).append(detailsOf(row, columns.length));
  }
  byId("table").replaceChildren(headElement(columns), ...bodies);
  byId("notes").replaceChildren(...notes.items());
  byId("missing").textContent = hiddenGroups().includes("costs") ? "" : missingCosts(rows);
  byId("count").textContent = rows.length
    ? `${shown.length === rows.length ? "" : `${shown.length} of `}${rows.length.toLocaleString("en")} rows`
    : "No row is left by these filters.";
  byId("show-all").hidden = shown.length === rows.length;
  byId("show-all").textContent = `Show all ${rows.length.toLocaleString("en")} rows`;
  byId("notes-head").hidden = !notes.numbers.size;
  announce(byId("count").textContent);
}

function headElement(columns) {
  const sorted = state.sort.replace("-", "");
  return el("thead", {}, el("tr", {}, columns.map((one) => {
    const direction = one.key !== sorted ? "none" : state.sort.startsWith("-") ? "descending" : "ascending";
    const button = el("button", { type: "button", onclick: () => sortBy(one), "data-sort": one.key }, headWords(one.head),
      el("span", { class: "arrow", "aria-hidden": "true" },
        { none: "", ascending: "▲", descending: "▼" }[direction]));
    return el("th", { scope: "col", "aria-sort": direction, class: cellClass(one) }, button);
  })));
}

// "PSNR-Y [dB] ↑" breaks before its unit, not at its hyphen.
const headWords = (head) => head.split(/ (?=\[)/).map((part, i) => [i ? " " : "", el("span", { class: part.length < 16 ? "nowrap" : "" }, part)]).flat();

const cellClass = (one) => (one.key === "title" ? "method" : one.words ? "words" : "number");

// The first click puts the best on top, the second turns that round, the third restores the order of ranks.
function sortBy(one) {
  const first = (one.descending ? "-" : "") + one.key;
  const second = (one.descending ? "" : "-") + one.key;
  change({ sort: state.sort === first ? second : state.sort === second ? "" : first });
  document.querySelector(`[data-sort="${CSS.escape(one.key)}"]`).focus();
}

const CHECKS = { certified: "✓ certified", uncertified: "✗ uncertified", "no reference": "no published reference" };

function testHead(test, width) {
  const [status, detail] = test.certification || ["", ""];
  const ids = Object.values(test.ids).map((id) => el("li", {}, el("code", {}, id)));
  const timings = test.timings.map((timing) => el("li", {}, `Latency: ${timing}.`));
  const name = `${test.label} ×${test.scale}`;
  return el("tr", { class: "test" }, el("th", { colspan: width, scope: "rowgroup" }, el("div", { class: "test-head" },
    el("strong", {}, name),
    el("span", { class: "faint" }, ` ${test.degradation_label}${test.inference === "whole" ? "" : ` · ${test.inference}`}`),
    status ? el("span", { class: `badge ${status.replace(" ", "-")}`, title: detail }, CHECKS[status]) : null,
    el("details", {}, el("summary", { "aria-label": `How ${name} was measured` }, "how it was measured"),
      el("ul", {}, detail ? el("li", {}, `Check of this copy of the data: ${detail}`) : null, ids, timings)))));
}

function rowElement(row, columns, marks, notes) {
  const open = row.id === state.open;
  return el("tr", { id: `row-${row.id}`, class: [row.reference ? "reference" : "", open ? "open" : ""].join(" ").trim() },
    columns.map((one) => (one.key === "title" ? titleCell(row, open) : valueCell(row, one, marks, notes))));
}

function titleCell(row, open) {
  const toggle = () => change({ open: state.open === row.id ? "" : row.id });
  return el("th", { scope: "row", class: "method" },
    el("button", { type: "button", class: "title", "aria-expanded": String(open), onclick: toggle }, row.title),
    row.repeats ? el("span", { class: "faint" }, ` ${row.repeats}`) : null);
}

function valueCell(row, one, marks, notes) {
  const mark = marks.get(`${row.id} ${one.key}`) || "";
  const gain = one.gain && isGain(gainOf(row)) ? gainOf(row) : null;
  const why = row.failed && one.reason(row) ? `${row.title}: ${row.failed}` : one.reason(row);
  const note = why || (one.note ? one.note(row) : "");
  const text = one.text(row);
  const cell = el("td", { class: [cellClass(one), gain ? gain.verdict : "", why ? "empty" : ""].join(" ").trim(),
    title: why || null });
  if (mark) cell.append(el(mark === "best" ? "b" : "u", {}, text));
  else cell.append(gain && gain.verdict === "tie" ? `≈ ${text}` : gain && gain.verdict === "worse" ? `▼ ${text}` : text);
  if (one.spread && one.spread(row)) cell.append(el("small", {}, one.spread(row)));
  if (gain) cell.append(" ", el("small", {}, `[${one.ends(row)}]`));
  if (note) cell.append(notes.mark(note));
  return cell;
}

// Open a row and bring it into view; filters that hide it are dropped.
function goToRow(id) {
  const row = ROW.get(id);
  const filters = Object.fromEntries(FILTERS.map(([key]) => [key, ""]));
  const hides = !shownRows().includes(row);
  change({ open: id, ...(hides ? { ...filters, search: "", protocol: row.test.protocol } : {}) });
  const drawn = drawnRows.get(id);
  drawn.scrollIntoView({ block: "center" });
  drawn.querySelector("button").focus({ preventScroll: true });
}

function renderGroups() {
  const hidden = hiddenGroups();
  const there = {
    gain: state.over, reported: ROWS.some((row) => Object.keys(row.reported).length), interval: true, costs: DATA.costs.length,
    metrics: Object.keys(DATA.metrics).length > 1,
  };
  byId("groups").replaceChildren(...GROUPS.filter(([key]) => there[key]).map(([key, label]) => {
    const toggle = () => change({
      hidden: (hidden.includes(key) ? hidden.filter((one) => one !== key) : [...hidden, key]).sort().join(","),
    });
    return el("button", { type: "button", class: "chip", "aria-pressed": String(!hidden.includes(key)),
      id: `group-${key}`, onclick: () => { toggle(); byId(`group-${key}`).focus(); } }, label);
  }));
  byId("layout").checked = state.layout === "list";
}

function startTable() {
  byId("layout").addEventListener("change", (event) => change({ layout: event.target.checked ? "list" : "tests" }));
  byId("show-all").addEventListener("click", () => change({ all: "yes" }));
  watch("hidden layout over", renderGroups);
  watch(`protocol search all layout sort hidden over metric open ${FILTERS.map(([key]) => key).join(" ")}`, renderTable);
}
