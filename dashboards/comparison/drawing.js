// What all charts share: the data, text that plotly shows literally, axes, the layout.
"use strict";

const INK = "#1d2530", SOFT = "#5a6675", GRID = "#e9edf1";
const NARROW = 620; // pixels
const CONFIG = {
  displaylogo: false, responsive: true, typesetMath: false,
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
};
const FONT = {family: 'system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif', size: 13, color: INK};

/** JSON of a script element. */
const dataOf = (id) => JSON.parse(document.getElementById(id).textContent);

/** Text as plotly shows it literally: it takes some tags for its own. */
const literal = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;")
  .replace(/[\r\n\u2028\u2029]+/g, " ");

/** Literal lines of at most so many letters, broken at blanks where there are any. */
function lines(text, width = 64) {
  const found = [];
  let line = "";
  for (const word of String(text).split(" ")) {
    if (line && line.length + word.length >= width) { found.push(line); line = ""; }
    line = line ? line + " " + word : word;
    while (line.length > width) { found.push(line.slice(0, width)); line = line.slice(width); }
  }
  return [...found, line].map(literal).join("<br>");
}

/** Plain numbers for a logarithmic axis between two exponents of ten, as many as fit the width. */
function ticksOf(from, to, width) {
  const room = width / Math.max(1e-9, to - from); // pixels a decade
  const steps = room > 600 ? [1, 1.5, 2, 3, 4, 5, 6, 8] : room > 380 ? [1, 2, 3, 5]
    : room > 110 ? [1, 2, 5] : room > 60 ? [1, 3] : [1];
  const values = [];
  for (let decade = Math.floor(from); decade <= to; decade++)
    for (const step of steps) {
      const value = Number((step * 10 ** decade).toPrecision(12));
      if (Math.log10(value) >= from - 1e-9 && Math.log10(value) <= to + 1e-9) values.push(value);
    }
  return {tickmode: "array", tickvals: values, ticktext: values.map(String)};
}

/** A logarithmic axis between two numbers. */
function logarithmic(low, high, width) {
  const range = [Math.log10(low), Math.log10(high)];
  return {type: "log", range, ...ticksOf(...range, width)};
}

/** Whether numbers are told apart better by their logarithms. */
const spansDecades = (numbers) => Math.min(...ends(numbers)) > 0 && ends(numbers)[1] / ends(numbers)[0] > 30;

/** The least and the greatest number. */
function ends(numbers) {
  let low = Infinity, high = -Infinity;
  for (const one of numbers) {
    if (one === null || one === undefined) continue;
    if (one < low) low = one;
    if (one > high) high = one;
  }
  return [low, high];
}

/** The layout that all charts begin with. */
const layoutOf = (more) => ({
  font: FONT, paper_bgcolor: "white", plot_bgcolor: "white", showlegend: false, hovermode: "closest",
  margin: {l: 58, r: 16, t: 14, b: 50},
  hoverlabel: {bgcolor: "white", bordercolor: INK, align: "left", font: {...FONT, size: 12.5}},
  ...more,
});

const axisOf = (title, more) => ({
  title: {text: literal(title), standoff: 10}, gridcolor: GRID, linecolor: "#aab4bf", zeroline: false,
  ticks: "outside", tickcolor: "#aab4bf", ...more,
});

/** A colour #rrggbb with an opacity. */
function faint(color, opacity) {
  const part = (at) => parseInt(color.slice(at, at + 2), 16);
  return `rgba(${part(1)},${part(3)},${part(5)},${opacity})`;
}
