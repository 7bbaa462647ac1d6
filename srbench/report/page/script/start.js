// Light or dark, the start of every part, and the first look at the address.
function startTheme() {
  const system = matchMedia("(prefers-color-scheme: dark)");
  let chosen = "";
  try {
    chosen = localStorage.getItem("srbench-theme") || "";
  } catch { /* pages from disk may have no storage */ }
  const render = () => {
    const dark = chosen ? chosen === "dark" : system.matches;
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    byId("theme").textContent = dark ? "Light" : "Dark";
    byId("theme").setAttribute("aria-label", `Switch to ${dark ? "light" : "dark"} colours`);
  };
  byId("theme").addEventListener("click", () => {
    chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem("srbench-theme", chosen);
    } catch { /* it then lasts as long as the page */ }
    render();
  });
  system.addEventListener("change", render);
  render();
}

// The address holds the state, so links within the page move without it.
function startLinks() {
  for (const link of document.querySelectorAll("nav a, .skip")) {
    const target = document.querySelector(link.getAttribute("href"));
    link.addEventListener("click", (event) => {
      event.preventDefault();
      target.setAttribute("tabindex", "-1");
      target.scrollIntoView();
      target.focus({ preventScroll: true });
    });
  }
}

for (const start of [startTheme, startLinks, startFilters, startTable, startPlots, startGains, startPictures, startCopying]) start();
window.addEventListener("hashchange", readAddress);
readAddress();
