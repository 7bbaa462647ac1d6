// An opened row: where its numbers come from, and the command that makes them again.
const FACTS = {
  suite: "Suite", source: "Weights", architecture: "Architecture", checkpoint: "Checkpoint",
  weights_read: "Read from the file", distiller: "Distiller", teacher: "Teacher", recipe: "Recipe", steps: "Steps",
  starts_from: "Starts from", trained_on: "Trained on", train_degradation: "Trained for", lr: "LR images",
  timing: "Latency", dataset_hash: "Images (sha256)",
};

function detailsOf(row, width) {
  const facts = Object.entries(row.facts).map(([key, value]) => [
    el("dt", {}, FACTS[key]), el("dd", {}, typeof value === "number" ? value.toLocaleString("en") : value)]);
  const ids = Object.entries(row.test.ids).map(([key, id]) => [
    el("dt", {}, `${metricLabel(key)} protocol`), el("dd", {}, el("code", {}, id))]);
  const timing = row.rank ? null : el("p", {}, row.failed ? `Failed: ${row.failed}` : "Not ranked.");
  return el("tr", { class: "details" }, el("td", { colspan: width }, el("div", { class: "details-box" },
    timing,
    row.doubts.map((doubt) => el("p", { class: "doubt" }, doubt)),
    row.starred ? el("p", {}, "* reimplementation of a method whose paper leaves details open.") : null,
    el("h3", {}, "Make it again"),
    el("p", { class: "command" }, el("code", {}, row.command), copyButton(() => row.command)),
    el("h3", {}, "Origin"), el("dl", {}, facts, ids),
    el("h3", {}, row.records.length > 1 ? "Records" : "Record"), recordsOf(row),
    imagesOf(row))));
}

function recordsOf(row) {
  const items = row.records.map(([seed, realisation, key, created, number, weights, failed]) => {
    const made = DATA.environments[number];
    const facts = [
      seed === null ? null : `seed ${seed}`, realisation === null ? null : `realisation ${realisation}`,
      `finished ${created}`, made && made.git_commit ? `commit ${made.git_commit}` : null,
      made ? `srbench ${made.srbench}, torch ${made.torch}, Python ${made.python}` : null,
      made ? `${made.device}, ${made.threads} threads, ${made.machine_name} (${made.machine})` : null,
      weights ? `weights ${weights.slice(0, 16)}…` : null, failed ? `failed: ${failed}` : null,
    ];
    return el("li", {}, el("code", {}, key), el("span", { class: "faint" }, ` ${facts.filter(Boolean).join(" · ")}`));
  });
  return el("ul", { class: "records" }, items);
}

// The scores of each image, as means over seeds and realisations.
function imagesOf(row) {
  const keys = Object.keys(row.images);
  if (!keys.length) return null;
  const names = unique(row.test.images);
  const lines = names.map((name) => el("tr", {}, el("th", { scope: "row" }, name), keys.map((key) => {
    const places = row.test.images.flatMap((other, place) => (other === name ? [place] : []));
    const values = scoresOf(row, key).values.flatMap((seed) => places.map((place) => seed[place]));
    const scored = values.filter((value) => !Number.isNaN(value));
    return el("td", { class: "number" }, scored.length ? fixed(meanOf(scored), DATA.metrics[key].decimals) : "—");
  })));
  const head = el("tr", {}, el("th", {}, "Image"), keys.map((key) => el("th", { class: "number" }, metricLabel(key))));
  return el("details", { class: "per-image" }, el("summary", {}, `Scores of ${names.length} images`),
    el("table", {}, el("thead", {}, head), el("tbody", {}, lines)));
}

function copyButton(text) {
  const button = el("button", { type: "button", class: "copy", onclick: async () => {
    const done = await copyText(text());
    button.textContent = done ? "Copied" : "Select and copy";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  } }, "Copy");
  return button;
}
