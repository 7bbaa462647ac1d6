// Elements and numbers. Text enters the page as text nodes only, so that no name can act as markup.
const SVG = "http://www.w3.org/2000/svg";

function el(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined));
  return element;
}

const byId = (id) => document.getElementById(id);

// The same digits as Python prints: it rounds a number that is exactly half way to the even digit.
function fixed(value, decimals) {
  const scaled = value * 10 ** decimals;
  const half = Number.isInteger(value * 2 ** (decimals + 1)) && Math.abs(scaled % 1) === 0.5;
  return (half ? (2 * Math.round(scaled / 2)) / 10 ** decimals : value).toFixed(decimals);
}

function signed(value, decimals) {
  const text = fixed(Math.abs(value), decimals);
  return Number(text) === 0 ? text : (value > 0 ? "+" : "−") + text;
}

// A score or cost is a list that begins with its number; everything else is the reason why there is none.
const known = (cell) => Array.isArray(cell) && Number.isFinite(cell[0]);

const bracketed = (unit) => (unit ? ` [${unit}]` : "");

const unique = (values) => [...new Set(values)];

function grouped(items, keyOf) {
  const groups = new Map();
  for (const item of items) {
    const key = keyOf(item);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(item);
  }
  return groups;
}

function options(select, entries, chosen) {
  select.replaceChildren(...entries.map(([value, text]) => el("option", { value, selected: value === chosen }, text)));
  select.value = chosen;
}

// Say a change to those who do not see it.
function announce(text) {
  byId("status").textContent = text;
}
