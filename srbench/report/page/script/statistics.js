// Paired gains, by the formulas of srbench: the scores of the same images and seeds, larger where better.
const SIGNIFICANCE = 0.05;
const unpacked = new Map();

function unpack(text) {
  if (!unpacked.has(text)) {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    unpacked.set(text, Float64Array.from({ length: bytes.length / 8 }, (_, i) => view.getFloat64(8 * i, true)));
  }
  return unpacked.get(text);
}

function scoresOf(row, metric) {
  const packed = row.images[metric];
  if (!packed) return null;
  return { seeds: packed[0], values: packed[1].map(unpack), binary: packed[2] };
}

const meanOf = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

// The standard error of a mean, times the quantile of Student's t for its own degrees of freedom.
function reachOf(values) {
  const mean = meanOf(values);
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return DATA.t975[values.length - 2] * Math.sqrt(variance / values.length);
}

// The 95 % interval over seeds and images (Banerjee); ``array`` has a list of images for each seed.
function meanInterval(array) {
  const images = array[0].length;
  if (array.length * images < 2) return null;
  const ofSeeds = array.map(meanOf);
  const ofImages = array[0].map((_, image) => meanOf(array.map((seed) => seed[image])));
  let squares = 0;
  for (const means of [ofSeeds, ofImages]) if (means.length > 1) squares += reachOf(means) ** 2;
  const middle = meanOf(ofSeeds);
  return [middle - Math.sqrt(squares), middle + Math.sqrt(squares)];
}

// McNemar's exact test: twice the smaller tail of a fair coin.
function mcnemar(wins, losses) {
  const count = wins + losses;
  let logTerm = -count * Math.LN2;
  let tail = 0;
  for (let i = 0; i <= Math.min(wins, losses); i += 1) {
    tail += Math.exp(logTerm);
    logTerm += Math.log(count - i) - Math.log(i + 1);
  }
  return Math.min(1, 2 * tail);
}

// Scores of 0 or 100 (Bonett and Price): one image more that each method wins, and zero inside unless McNemar's test
// separates the methods.
function proportionInterval(array) {
  if (array.length * array[0].length < 2) return null;
  let [low, high] = meanInterval(array.map((seed) => [...seed, -100, 100]));
  [low, high] = [Math.max(low, -100), Math.min(high, 100)];
  const exact = array.length === 1 && array[0].every((value) => [-100, 0, 100].includes(value));
  if (!exact) return [low, high];
  const wins = array[0].filter((value) => value > 0).length;
  const losses = array[0].filter((value) => value < 0).length;
  return mcnemar(wins, losses) < SIGNIFICANCE ? [low, high] : [Math.min(low, 0), Math.max(high, 0)];
}

// The scores of both rows for each seed that they share. What was not trained has the same scores for every seed.
function pairsOf(own, base) {
  const untrained = (scores) => scores.seeds[0] === null;
  const seeds = untrained(own) ? base.seeds : untrained(base) ? own.seeds : own.seeds.filter((seed) => base.seeds.includes(seed));
  const of = (scores, seed) => scores.values[untrained(scores) ? 0 : scores.seeds.indexOf(seed)];
  return seeds.map((seed) => [of(own, seed), of(base, seed)]);
}

// Differences by seed and image name, with realisations averaged, of what both rows have scored with all these seeds.
function differences(own, base, test, sign) {
  const pairs = pairsOf(own, base);
  const places = new Map();
  test.images.forEach((name, place) => {
    if (pairs.length && pairs.every(([a, b]) => !Number.isNaN(a[place]) && !Number.isNaN(b[place]))) {
      if (!places.has(name)) places.set(name, []);
      places.get(name).push(place);
    }
  });
  const groups = [...places.values()];
  const differ = ([a, b]) => groups.map((group) => sign * meanOf(group.map((place) => a[place] - b[place])));
  return groups.length ? pairs.map(differ) : [];
}

function pairedGain(row, base, metric) {
  const [own, other] = [scoresOf(row, metric), scoresOf(base, metric)];
  if (!own || !other || row.test !== base.test) return null;
  const array = differences(own, other, row.test, DATA.metrics[metric].higher ? 1 : -1);
  if (!array.length) return null;
  const mean = meanOf(array.map(meanOf));
  const interval = (own.binary && other.binary ? proportionInterval : meanInterval)(array);
  const [low, high] = interval || [mean, mean];
  const verdict = !interval ? "tie" : low > 0 ? "better" : high < 0 ? "worse" : "tie";
  return { mean, low, high, verdict, seeds: array.length, images: array[0].length };
}

const gains = new Map();
const references = new Map(ROWS.map((row) => [`${row.table} ${row.method}`, row]));

const metricOf = (row) => (row.test.ids[state.metric] ? state.metric : row.test.headline);

// The gain over the chosen row of the same test: a gain, or the reason why there is none; null for that row itself.
function gainOf(row) {
  const metric = metricOf(row);
  const key = `${row.id} ${state.over} ${metric}`;
  if (!gains.has(key)) gains.set(key, countedGain(row, metric));
  return gains.get(key);
}

function countedGain(row, metric) {
  const base = references.get(`${row.table} ${state.over}`);
  if (base === row) return null;
  if (!base) return "the chosen row was not measured in this test";
  if (row.failed || !metric) return row.failed || "no score";
  return pairedGain(row, base, metric) || "no image has a score from both";
}
