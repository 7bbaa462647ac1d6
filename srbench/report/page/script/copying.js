// The table as LaTeX, Markdown or CSV: the rows and columns that are shown, in their order.
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // the browser does not allow it: the text can be selected
  }
}

const LATEX = {
  "\\": "\\textbackslash{}", "{": "\\{", "}": "\\}", "&": "\\&", "%": "\\%", $: "\\$", "#": "\\#", _: "\\_",
  "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "×": "$\\times$", "±": "$\\pm$", "−": "$-$", "—": "--", "–": "--",
  "↑": "$\\uparrow$", "↓": "$\\downarrow$", "²": "$^2$", "Δ": "$\\Delta$", "≈": "$\\approx$", "<": "\\textless{}", ">": "\\textgreater{}",
};
const latex = (text) => text.replace(/[\\{}&%$#_~^×±−—–↑↓²Δ≈<>]/g, (character) => LATEX[character]);
const markdown = (text) => text.replace(/[\\`*_|[\]<>#~]/g, (character) => `\\${character}`);

function csvCell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const plain = /^\s*[=+\-@]/.test(value) ? `'${value}` : value;
  return /[",\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}

function copied(format, withSpread, withIntervals) {
  const rows = shownRows();
  const columns = columnsFor(rows);
  const ordered = orderedRows(rows, columns);
  if (format === "csv") return csvText(ordered, columns, withIntervals);
  const marks = marksOf(rows, columns);
  const cell = (row, one) => {
    const spread = withSpread && one.spread ? one.spread(row) : "";
    const ends = withIntervals && one.gain && isGain(gainOf(row)) ? ` [${one.ends(row)}]` : "";
    return [one.text(row) + spread, ends, marks.get(`${row.id} ${one.key}`)];
  };
  return (format === "latex" ? latexText : markdownText)(ordered, columns, cell);
}

function latexText(rows, columns, cell) {
  const form = ([text, ends, mark]) =>
    ({ best: `\\textbf{${latex(text)}}`, second: `\\underline{${latex(text)}}` }[mark] || latex(text)) + latex(ends);
  const lines = [];
  let test = null;
  for (const row of rows) {
    if (row.test !== test && state.layout !== "list") {
      lines.push("\\midrule", `\\multicolumn{${columns.length}}{l}{\\textit{${latex(testTitle(row.test)).replace("·", "--")}}} \\\\`);
    }
    test = row.test;
    lines.push(`${columns.map((one) => form(cell(row, one))).join(" & ")} \\\\`);
  }
  return [
    "% needs \\usepackage{booktabs}",
    `\\begin{tabular}{${columns.map((one) => (one.words ? "l" : "r")).join("")}}`, "\\toprule",
    `${columns.map((one) => latex(one.head)).join(" & ")} \\\\`, ...(state.layout === "list" ? ["\\midrule"] : []),
    ...lines, "\\bottomrule", "\\end{tabular}", "",
  ].join("\n").replaceAll("·", "$\\cdot$");
}

function markdownText(rows, columns, cell) {
  const form = ([text, ends, mark]) =>
    ({ best: `**${markdown(text)}**`, second: `<u>${markdown(text)}</u>` }[mark] || markdown(text)) + markdown(ends);
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const head = [line(columns.map((one) => markdown(one.head))), line(columns.map((one) => (one.words ? "---" : "---:")))];
  const table = (own) => [...head, ...own.map((row) => line(columns.map((one) => form(cell(row, one)))))].join("\n");
  if (state.layout === "list") return `${table(rows)}\n`;
  const tests = grouped(rows, (row) => row.test);
  return [...tests].map(([test, own]) => `**${markdown(testTitle(test))}**\n\n${table(own)}\n`).join("\n");
}

// Numbers in full, and what a reader needs to know of every row: its test and its protocol.
function csvText(rows, columns, withIntervals) {
  const facts = [["dataset", (row) => row.test.dataset], ["scale", (row) => row.test.scale],
    ["degradation", (row) => row.test.degradation], ["inference", (row) => row.test.inference]];
  const shown = columns.flatMap((one) => [
    [one.key, one.value],
    ...(withIntervals && one.gain ? [0, 1].map((i) => [["gain_low", "gain_high"][i],
      (row) => (isGain(gainOf(row)) ? [gainOf(row).low, gainOf(row).high][i] : null)]) : []),
  ]).filter(([key]) => !facts.some(([name]) => name === key));
  const protocol = ["protocol", (row) => row.test.ids[row.test.headline] || row.test.protocol];
  const all = [...facts, ...shown, protocol];
  return [all.map(([key]) => key), ...rows.map((row) => all.map(([, value]) => value(row)))]
    .map((cells) => cells.map(csvCell).join(",")).join("\n") + "\n";
}

function startCopying() {
  const dialog = byId("copy-dialog");
  const show = () => {
    const format = dialog.querySelector("input[name=format]:checked").value;
    byId("with-spread").disabled = format === "csv";
    byId("copy-text").value = copied(format, byId("with-spread").checked, byId("with-intervals").checked);
  };
  byId("copy").addEventListener("click", () => {
    show();
    dialog.showModal();
  });
  dialog.addEventListener("change", show);
  byId("copy-now").addEventListener("click", async () => {
    const done = await copyText(byId("copy-text").value);
    byId("copy-text").select();
    byId("copy-said").textContent = done ? "Copied." : "The text is selected: copy it with Ctrl+C.";
  });
  byId("copy-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => { byId("copy-said").textContent = ""; });
}
