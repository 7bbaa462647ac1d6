// The columns of the table. A column has a key, a head, a group that can be hidden, the value to sort by, what a cell
// shows, and its plain text for copies.
const GROUPS = [
  ["interval", "95 % interval"], ["gain", "Gain"], ["metrics", "Other metrics"], ["reported", "Reported"],
  ["costs", "Costs"],
];
const hiddenGroups = () => state.hidden.split(",").filter(Boolean);

function columnsFor(rows) {
  const tests = unique(rows.map((row) => row.test));
  const flat = state.layout === "list";
  const headlines = unique(tests.map((test) => test.headline)).filter(Boolean);
  const others = unique(tests.flatMap((test) => Object.keys(test.ids))).filter((key) => !headlines.includes(key));
  const costs = DATA.costs.filter((cost) => rows.some((row) => known(row.costs[cost.name])));
  const after = new Set(["latency_ms_p50", "peak_memory_mib"]);
  const columns = [
    column("rank", "Rank", { value: (row) => row.rank, text: (row) => (row.rank ? String(row.rank) : "—") }),
    column("title", "Method", { value: (row) => row.title, text: titleText, words: true }),
    ...(flat ? placeColumns(tests) : []),
    ...costs.filter((cost) => !after.has(cost.name)).map(costColumn),
    ...headlines.flatMap((key) => [scoreColumn(key, ""), intervalColumn(key, headlines.length)]),
    gainColumn(),
    ...others.map((key) => scoreColumn(key, "metrics")),
    ...[...headlines, ...others].filter((key) => rows.some((row) => key in row.reported)).map(reportedColumn),
    ...costs.filter((cost) => after.has(cost.name)).map(costColumn),
  ];
  return columns.filter((one) => !["none", ...hiddenGroups()].includes(one.group));
}

// What no row has is a sentence instead of an empty column.
function missingCosts(rows) {
  const missing = DATA.costs.filter((cost) => rows.length && !rows.some((row) => known(row.costs[cost.name])));
  const reasons = unique(missing.flatMap((cost) => rows.map((row) => row.costs[cost.name]).filter(Boolean)));
  return missing.length ? `No row here has ${missing.map((cost) => cost.head).join(", ")}: ${reasons.join("; ")}.` : "";
}

function column(key, head, facts) {
  return { key, head, group: "", words: false, descending: false, reason: () => "", ...facts };
}

const titleText = (row) => row.title + (row.repeats ? ` (${row.repeats})` : "");

function placeColumns(tests) {
  const facts = [
    ["dataset", "Dataset", (row) => row.test.label, true],
    ["scale", "Scale", (row) => row.test.area, false],
    ["degradation", "Degradation", (row) => row.test.degradation_label, true],
    ["inference", "Processing", (row) => row.test.inference, true],
  ];
  return facts
    .filter(([key]) => unique(tests.map((test) => test[key])).length > 1 || key === "dataset")
    .map(([key, head, value, words]) =>
      column(key, head, { value, words, text: (row) => (key === "scale" ? `×${row.test.scale}` : String(value(row))) }));
}

function costColumn(cost) {
  const cell = (row) => row.costs[cost.name];
  return column(cost.name, cost.head, {
    group: "costs",
    value: (row) => (known(cell(row)) ? cell(row)[0] : null),
    text: (row) => (known(cell(row)) ? cell(row)[1] : "—"),
    reason: (row) => (known(cell(row)) ? "" : cell(row) || "not profiled"),
    note: (row) => (cost.name === "latency_ms_p50" && known(cell(row)) && row.test.timings.length > 1
      ? `Timed as: ${row.facts.timing}. Latencies that were timed in another way do not compare with it.` : ""),
  });
}

function scoreColumn(key, group) {
  const metric = DATA.metrics[key];
  const cell = (row) => row.scores[key];
  const spread = (row) => (known(cell(row)) && cell(row).length > 1 ? ` ± ${fixed(cell(row)[1], metric.decimals)}` : "");
  return column(key, `${metricLabel(key)}${bracketed(metric.unit)} ${metric.higher ? "↑" : "↓"}`, {
    group, metric: key, descending: metric.higher, spread,
    value: (row) => (known(cell(row)) ? cell(row)[0] : null),
    text: (row) => (known(cell(row)) ? fixed(cell(row)[0], metric.decimals) : row.failed ? "failed" : "—"),
    reason: (row) => (known(cell(row)) ? "" : `${metric.label}: ${cell(row) || "not among the metrics of this test"}`),
  });
}

function intervalColumn(key, count) {
  const metric = DATA.metrics[key];
  const own = (row) => (row.test.headline === key ? row.interval : null);
  return column(`interval:${key}`, count > 1 ? `${metric.label}: 95 % interval` : "95 % interval", {
    group: "interval", descending: metric.higher,
    value: (row) => (own(row) ? own(row)[0] : null),
    text: (row) => (own(row) ? own(row).map((end) => fixed(end, metric.decimals)).join(" – ") : "—"),
  });
}

function gainColumn() {
  const base = ROWS.find((row) => row.method === state.over);
  const decimals = (row) => DATA.metrics[metricOf(row)].decimals + 1;
  const over = base ? ` over ${base.title}` : "";
  return column("gain", `Gain${over}${state.metric ? `, ${DATA.metrics[state.metric].label}` : ""}`, {
    group: state.over ? "gain" : "none", descending: true, gain: true,
    value: (row) => (isGain(gainOf(row)) ? gainOf(row).mean : null),
    text: (row) => {
      const gain = gainOf(row);
      if (gain === null) return "reference";
      return isGain(gain) ? signed(gain.mean, decimals(row)) : "—";
    },
    ends: (row) => [gainOf(row).low, gainOf(row).high].map((end) => signed(end, decimals(row))).join(", "),
    reason: (row) => (typeof gainOf(row) === "string" ? `Gain: ${gainOf(row)}` : ""),
  });
}

const isGain = (gain) => gain !== null && typeof gain === "object";

function reportedColumn(key) {
  const metric = DATA.metrics[key];
  const cell = (row) => row.reported[key];
  return column(`reported:${key}`, `${metricLabel(key)} reported (Δ)`, {
    group: "reported", descending: metric.higher,
    value: (row) => (cell(row) ? cell(row)[0] : null),
    text: (row) => {
      if (!cell(row)) return "—";
      const delta = known(row.scores[key]) ? ` (${signed(row.scores[key][0] - cell(row)[0], metric.decimals)})` : "";
      return fixed(cell(row)[0], metric.decimals) + delta;
    },
    note: (row) => (cell(row) && cell(row)[1] ? `Reported: ${cell(row)[1]}.` : ""),
  });
}

const printedScores = new Map();

function printedScore(row, metric) {
  const key = `${row.id} ${metric}`;
  if (!printedScores.has(key)) printedScores.set(key, Number(fixed(row.scores[metric][0], DATA.metrics[metric].decimals)));
  return printedScores.get(key);
}

// The best and the second score as printed, among rows of one test.
function marksOf(rows, columns) {
  const marks = new Map();
  for (const { metric, key, descending } of columns.filter((one) => one.metric)) {
    const tests = grouped(rows.filter((row) => known(row.scores[metric])), (row) => row.test);
    for (const own of tests.values()) {
      const printed = own.map((row) => printedScore(row, metric));
      const order = unique(printed).sort((a, b) => (descending ? b - a : a - b));
      own.forEach((row, i) => {
        if (printed[i] === order[0] && order.length > 1) marks.set(`${row.id} ${key}`, "best");
        if (printed[i] === order[1] && order.length > 2) marks.set(`${row.id} ${key}`, "second");
      });
    }
  }
  return marks;
}
