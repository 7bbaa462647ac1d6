// Quality against cost: a panel for each test, with intervals, the Pareto front, and points that are their rows.
// It is SVG of its own: a plotting library would add two megabytes to every file, and its points are out of reach of the
// keyboard and of screen readers.
const MOST_PANELS = 6;
const MARGIN = { left: 58, right: 18, top: 14, bottom: 46 };

let plotsSeen = false;
let plotsDue = false;

// Draw if the plots are near the part of the page that is seen, and else when they come near: the table answers sooner.
function renderPlots() {
  const rows = shownRows().filter((row) => !row.failed);
  const axes = DATA.costs.filter((cost) => cost.axis && rows.some((row) => known(row.costs[cost.name])));
  const cost = axes.find((one) => one.name === state.cost) || axes.find((one) => one.name.startsWith("macs")) || axes[0];
  byId("plots-section").hidden = !cost;
  byId("link-plots").hidden = !cost;
  if (!cost) return;
  options(byId("cost"), axes.map((one) => [one.name, one.axis]), cost.name);
  byId("bars").checked = state.bars === "yes";
  plotsDue = !plotsSeen;
  if (plotsSeen) drawPlots(rows, cost);
}

function drawPlots(rows, cost) {
  const found = [...grouped(rows, (row) => row.test)]
    .map(([test, own]) => ({ test, points: own.map((row) => pointOf(row, cost.name)).filter(Boolean) }))
    .filter(({ points }) => unique(points.map((point) => point.x)).length > 1);
  const labels = unique(rows.map((row) => row.label));
  byId("plots").replaceChildren(...found.slice(0, MOST_PANELS).map((panel) => panelOf(panel, cost, labels)));
  byId("plots").classList.toggle("empty", !found.length);
  byId("plots-note").textContent = plotsNote(found.length);
}

function plotsNote(count) {
  const base = ROWS.find((row) => row.method === state.over);
  const bars = base ? `Bars are the 95 % interval of the paired gain over ${base.title}, drawn at the score. ` : "";
  if (!count) return "No test has two points of different cost among these rows.";
  const more = count > MOST_PANELS ? `The first ${MOST_PANELS} of ${count} tests; a filter shows others. ` : "";
  return `${more}Circles were trained plainly or come with weights, diamonds were distilled. The line is the Pareto front. ${bars}`;
}

function pointOf(row, cost) {
  const metric = metricOf(row);
  if (!metric || !known(row.costs[cost]) || !known(row.scores[metric]) || row.costs[cost][0] <= 0) return null;
  const gain = gainOf(row);
  const y = row.scores[metric][0];
  const sign = DATA.metrics[metric].higher ? 1 : -1;
  const ends = isGain(gain) ? [gain.low, gain.high].map((end) => y + sign * (end - gain.mean)) : null;
  return { row, x: row.costs[cost][0], y, ends, text: row.costs[cost][1] };
}

// The points that no other beats in both, the cheapest first.
function paretoFront(points, sign) {
  const ordered = [...points].sort((a, b) => a.x - b.x || sign * (b.y - a.y));
  let best = -Infinity;
  return ordered.filter((point) => {
    const better = sign * point.y > best;
    if (better) best = sign * point.y;
    return better;
  });
}

// As wide as a column of the grid, so that text has its own size.
function panelWidth() {
  const [room, gap] = [byId("plots").clientWidth || 580, 28];
  const columns = Math.max(1, Math.floor((room + gap) / (420 + gap)));
  return Math.round((room - gap * (columns - 1)) / columns);
}

function panelOf({ test, points }, cost, labels) {
  const metric = DATA.metrics[metricOf(points[0].row)];
  const width = panelWidth();
  const height = Math.round(width * 0.64);
  const bars = state.bars === "yes";
  const level = references.get(`${points[0].row.table} ${state.over}`);
  const base = level && known(level.scores[metricOf(level)]) && !points.some((point) => point.row === level)
    ? level.scores[metricOf(level)][0] : null;
  const ys = [...points.map((point) => point.y), ...(base === null ? [] : [base]),
    ...(bars ? points.flatMap((point) => point.ends || []) : [])];
  const x = logScale(points.map((point) => point.x), MARGIN.left, width - MARGIN.right);
  const y = linearScale(ys, height - MARGIN.bottom, MARGIN.top);
  const front = paretoFront(points, metric.higher ? 1 : -1);
  // ten colours differ enough; of more architectures, only the front has one
  const many = unique(points.map((point) => point.row.label)).length > 10;
  const colourOf = (point) => (many ? (front.includes(point) ? "c0" : "c8")
    : `c${labels.indexOf(point.row.label) % 10}`);
  const title = testTitle(test);
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "group",
    "aria-label": `${metric.label} against ${cost.axis}, ${title}` },
    axisLines(x, y, width, height),
    svg("text", { x: (MARGIN.left + width - MARGIN.right) / 2, y: height - 8, class: "axis-title" }, cost.axis),
    svg("text", { transform: `translate(13 ${(height - MARGIN.bottom + MARGIN.top) / 2}) rotate(-90)`, class: "axis-title" },
      `${metric.label}${bracketed(metric.unit)}${metric.higher ? "" : " (lower is better)"}`),
    base === null ? null : levelLine(level, base, y, width),
    svg("polyline", { class: "front", points: front.map((p) => `${x.at(p.x)},${y.at(p.y)}`).join(" ") }),
    bars ? points.filter((p) => p.ends).map((p) => barOf(p, x, y, colourOf(p))) : null,
    points.map((point, i) => markOf(point, i, x, y, colourOf(point), metric, cost)),
    labelsOf(points, front, x, y, width, colourOf));
  picture.addEventListener("keydown", stepAmongPoints);
  return el("figure", { class: "panel" }, el("figcaption", {}, title), picture);
}

function axisLines(x, y, width, height) {
  const bottom = height - MARGIN.bottom;
  return [
    y.ticks.map((tick) => [
      svg("line", { x1: MARGIN.left, x2: width - MARGIN.right, y1: y.at(tick), y2: y.at(tick), class: "grid" }),
      svg("text", { x: MARGIN.left - 8, y: y.at(tick) + 4, class: "tick end" }, fixed(tick, y.decimals))]),
    x.ticks.map((tick) => [
      svg("line", { x1: x.at(tick), x2: x.at(tick), y1: MARGIN.top, y2: bottom, class: "grid" }),
      svg("text", { x: x.at(tick), y: bottom + 17, class: "tick middle" }, compact(tick))]),
  ].flat(2);
}

const compact = (value) => (value >= 1e6 ? `${value / 1e6} M` : value >= 1e4 ? `${value / 1e3} K` : String(Number(value.toPrecision(3))));

function levelLine(row, value, y, width) {
  return [
    svg("line", { x1: MARGIN.left, x2: width - MARGIN.right, y1: y.at(value), y2: y.at(value), class: "level" }),
    svg("text", { x: width - MARGIN.right - 2, y: y.at(value) - 5, class: "tick end" }, row.title),
  ];
}

function barOf(point, x, y, colour) {
  const [low, high] = point.ends.map(y.at);
  return svg("path", { class: `error-bar ${colour}`,
    d: `M${x.at(point.x)} ${low}V${high}m-3 0h6M${x.at(point.x) - 3} ${low}h6` });
}

function markOf(point, number, x, y, colour, metric, cost) {
  const { row } = point;
  const [px, py] = [x.at(point.x), y.at(point.y)];
  const name = `${row.title}: ${fixed(point.y, metric.decimals)} ${metric.unit} at ${point.text}, ${cost.head}`;
  const shape = row.distiller === "none" ? svg("circle", { cx: px, cy: py, r: 5.5 })
    : svg("path", { d: `M${px} ${py - 6.5}l6.5 6.5l-6.5 6.5l-6.5 -6.5z` });
  return svg("g", { class: `point ${colour}${row.id === state.open ? " chosen" : ""}`, role: "button",
    tabindex: number ? "-1" : "0", "aria-label": `${name}. Open its row.`, "data-row": row.id, "data-x": point.x,
    onclick: () => goToRow(row.id) }, svg("title", {}, name), shape);
}

// One point of a panel is a stop of the Tab key; arrows go on to the others, from cheap to expensive.
function stepAmongPoints(event) {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  const own = event.target.closest(".point");
  if (!own) return;
  if (event.key === "Enter" || event.key === " ") goToRow(own.dataset.row);
  else if (!step) return;
  else {
    const all = [...event.currentTarget.querySelectorAll(".point")].sort((a, b) => a.dataset.x - b.dataset.x);
    const next = all[all.indexOf(own) + step];
    if (next) {
      own.setAttribute("tabindex", "-1");
      next.setAttribute("tabindex", "0");
      next.focus();
    }
  }
  event.preventDefault();
}

// Name each architecture at its best point, or only the front where there are many, where no other name is. Of a long name
// both ends are shown: those of one kind often differ at the end only. A name without room is left to the point's tooltip.
function labelsOf(points, front, x, y, width, colourOf) {
  const best = [...grouped(points, (point) => point.row.label).values()]
    .map((own) => own.find((point) => front.includes(point)) || own[0]);
  const named = best.length > 16 ? best.filter((point) => front.includes(point)) : best;
  const taken = points.map((point) => [x.at(point.x) - 6, y.at(point.y) - 6, 12, 12]);
  const overlap = ([ax, ay, aw, ah], [bx, by, bw, bh]) =>
    Math.max(0, Math.min(ax + aw, bx + bw) - Math.max(ax, bx)) * Math.max(0, Math.min(ay + ah, by + bh) - Math.max(ay, by));
  return named.map((point) => {
    const { label } = point.row;
    const name = label.length > 30 ? `${label.slice(0, 13).trim()} … ${label.slice(-14).trim()}` : label;
    const [px, py, w] = [x.at(point.x), y.at(point.y), name.length * 7.8];
    const places = [[8, -7], [8, 15], [-w - 8, -7], [-w - 8, 15], [-w / 2, -11], [-w / 2, 21], [11, 4], [-w - 11, 4]];
    const cost = ([dx, dy]) => {
      const box = [px + dx, py + dy - 10, w, 13];
      const outside = Math.max(0, MARGIN.left - box[0]) + Math.max(0, box[0] + w - width + 4);
      return taken.reduce((sum, other) => sum + overlap(box, other), 0) + 30 * outside;
    };
    const costs = places.map(cost);
    const least = Math.min(...costs);
    if (least > 0.4 * 13 * w) return null;
    const [dx, dy] = places[costs.indexOf(least)];
    taken.push([px + dx, py + dy - 10, w, 13]);
    return svg("text", { x: px + dx, y: py + dy, class: `name ${colourOf(point)}`, "aria-hidden": "true" },
      name);
  });
}

function logScale(values, start, end) {
  const middle = Math.sqrt(Math.min(...values) * Math.max(...values));
  const reach = Math.max(Math.max(...values) / middle, 1.6) * 1.35;
  const [low, high] = [middle / reach, middle * reach];
  const steps = high / low > 300 ? [1] : high / low > 12 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 7];
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
    for (const step of steps) ticks.push(Number((step * 10 ** power).toPrecision(3)));
  }
  return {
    at: (value) => start + (Math.log(value / low) / Math.log(high / low)) * (end - start),
    ticks: ticks.filter((tick) => tick >= low && tick <= high),
  };
}

function linearScale(values, start, end) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const room = (most - least || Math.abs(most) || 1) * 0.1;
  const [low, high] = [least - room, most + room];
  const rough = (high - low) / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const ticks = [];
  for (let number = Math.ceil(low / step); number * step <= high; number += 1) ticks.push(number * step);
  return { at: (value) => start + ((value - low) / (high - low)) * (end - start), ticks,
    decimals: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

function startPlots() {
  byId("cost").addEventListener("change", (event) => change({ cost: event.target.value }));
  byId("bars").addEventListener("change", (event) => change({ bars: event.target.checked ? "yes" : "no" }));
  watch(`protocol search cost bars over metric open ${FILTERS.map(([key]) => key).join(" ")}`, renderPlots);
  new IntersectionObserver(([entry]) => {
    plotsSeen = entry.isIntersecting;
    if (plotsSeen && plotsDue) renderPlots();
  }, { rootMargin: "300px" }).observe(byId("plots-section"));
  setTimeout(() => { // once in any case, so that the page does not grow while it is scrolled
    plotsSeen = true;
    if (plotsDue) renderPlots();
  }, 50);
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth !== width) renderPlots();
    width = window.innerWidth;
  });
}
