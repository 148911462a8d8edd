// The page: which setting is seen, which strategies, what a point tells, and charts that come into sight.
"use strict";

const DRAW = {front: drawFront, growth: drawGrowth, parallel: drawParallel, parameters: drawParameters};
const settings = dataOf("settings");
const views = settings.map(() => ({data: null, hidden: new Set(), layers: {trials: false, bars: true, seeds: true}}));
const articles = [...document.querySelectorAll("article.setting")];
const fields = [...document.querySelectorAll(".chooser select")];
let shown = 0;

const viewOf = (node) => views[Number(node.closest("article").dataset.setting)];

/** An element with text, which is never read as HTML. */
function made(name, className, text) {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function draw(node) {
  const view = viewOf(node);
  DRAW[node.dataset.chart](node, view.data, view);
  node.dataset.drawn = "yes";
}

const drawn = (root) => root.querySelectorAll(".chart[data-drawn]");

const sight = new IntersectionObserver((entries) => {
  for (const entry of entries)
    if (entry.isIntersecting && !entry.target.dataset.drawn) draw(entry.target);
}, {rootMargin: "250px"});

/** Show one setting; charts of the one before are taken away, as browsers have room for a few only. */
function show(place, focus) {
  for (const node of drawn(articles[shown])) {
    Plotly.purge(node);
    delete node.dataset.drawn;
    delete node.dataset.listens;
  }
  shown = place;
  views[place].data ??= prepared(place);
  articles.forEach((article, order) => { article.hidden = order !== place; });
  for (const row of document.querySelectorAll("tr.open"))
    row.setAttribute("aria-current", String(Number(row.dataset.setting) === place));
  fillFields();
  for (const node of articles[place].querySelectorAll(".chart")) { sight.unobserve(node); sight.observe(node); }
  if (focus) {
    const heading = articles[place].querySelector("h2");
    heading.scrollIntoView();
    heading.focus({preventScroll: true});
  }
}

function prepared(place) {
  const data = dataOf(`data-${place}`);
  data.points.forEach((point, order) => { point.place = order; });
  return data;
}

/** Fill the lists, each with what there is under what the ones before it say. */
function fillFields() {
  const wanted = settings[shown];
  fields.forEach((select, field) => {
    const fitting = settings.filter((one) => wanted.slice(0, field).every((word, order) => one[order] === word));
    const words = [...new Set(fitting.map((one) => one[field]))];
    select.replaceChildren(...words.map((word) => new Option(word, word, false, word === wanted[field])));
    select.closest("label").hidden = new Set(settings.map((one) => one[field])).size < 2;
  });
}

/** Show the setting that agrees with the lists up to the one that was changed, and with most of the others. */
function choose(field) {
  const words = fields.map((select) => select.value);
  const agreement = (one) => words.filter((word, order) => one[order] === word).length;
  const fitting = settings.map((one, place) => [one, place])
    .filter(([one]) => words.slice(0, field + 1).every((word, order) => one[order] === word));
  show(fitting.reduce((best, one) => agreement(one[0]) > agreement(best[0]) ? one : best)[1], false);
}

function toggleStrategy(button) {
  const article = button.closest("article"), view = viewOf(button), order = Number(button.dataset.strategy);
  const on = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(on));
  if (on) view.hidden.delete(order); else view.hidden.add(order);
  for (const node of article.querySelectorAll("section [data-strategy]"))
    node.hidden = view.hidden.has(Number(node.dataset.strategy));
  for (const table of article.querySelectorAll("table[data-columns]"))
    table.dataset.columns.split(",").forEach((column, place) => {
      if (column) table.tHead.rows[0].cells[place].hidden = view.hidden.has(Number(column));
    });
  for (const node of drawn(article)) if (["front", "growth"].includes(node.dataset.chart)) draw(node);
}

/** Copy a command; where the browser does not let a page do that, mark it to be copied by hand. */
async function copy(button, code) {
  const select = () => {
    const selection = getSelection();
    selection.removeAllRanges();
    selection.selectAllChildren(code);
  };
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "copied";
  } catch {
    select();
    button.textContent = document.execCommand("copy") ? "copied" : "marked: press Ctrl+C";
  }
}

function tellRun(panel, heading, parameters, run, command) {
  const box = made("div", "seed"), list = made("dl");
  if (heading) box.append(made("strong", "", heading));
  for (const [name, text, className] of [["parameters", parameters || "none", "parameters"], ["run", run || "not recorded", "run"]]) {
    const value = made("dd");
    value.append(className === "run" ? made("code", className, text) : made("span", className, text));
    list.append(made("dt", "", name), value);
  }
  box.append(list);
  if (!command) list.append(made("dt", "", "command"), made("dd", "", "not recorded"));
  else {
    const row = made("div", "command"), code = made("code", "", command), button = made("button", "copy", "copy");
    button.type = "button";
    button.addEventListener("click", () => copy(button, code));
    row.append(code, button);
    box.append(row);
  }
  panel.append(box);
}

const panelOf = (node) => node.closest("article").querySelector(".panel");

/** Tell a confirmed point in full. */
function showPoint(node, data, place) {
  const point = data.points[place], panel = panelOf(node);
  const names = point.names.length ? ` — ${point.names.join(", ")}` : "";
  panel.replaceChildren(made("h4", "", point.label + names),
    made("span", "numbers", `test ${data.metric} ${point.text} %, ${data.cost} ${point.costText}`));
  point.seeds.forEach((seed, order) => tellRun(panel, point.seeds.length > 1 ? `training seed ${seed}` : "",
    point.parameters[order], point.runs[order], point.commands[order]));
  for (const row of node.closest("article").querySelectorAll("table.points tr"))
    row.classList.toggle("chosen", row.querySelector("[data-point]")?.dataset.point === String(place));
}

/** Tell a trial in full. */
function showTrial(node, data, strategy, place) {
  const one = data.trials.find((trials) => trials.strategy === strategy), panel = panelOf(node);
  const words = one.names.map((name, order) => [name, one.parameters[order][place]]).filter(([, value]) => value !== null);
  panel.replaceChildren(made("h4", "", `${data.strategies[strategy].name}, trial ${one.numbers[place]}, training seed ${one.seeds[place]}`),
    made("span", "numbers", `validation ${data.metric} ${one.values[place].toFixed(1)} %, ${data.cost} ${short(one.costs[place])}`));
  tellRun(panel, "", words.map(([name, value]) => `${name}=${value}`).join(" "), one.runs[place], "");
  panel.querySelector("dl").lastChild.textContent = "none: confirmed points alone have one";
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button"), row = event.target.closest("tr.open");
  if (row) show(Number(row.dataset.setting), true);
  else if (button?.classList.contains("switch")) toggleStrategy(button);
  else if (button?.dataset.point) {
    showPoint(button, viewOf(button).data, Number(button.dataset.point));
    panelOf(button).scrollIntoView({block: "center"});
  }
});

document.addEventListener("change", (event) => {
  const input = event.target, article = input.closest("article");
  if (input.dataset.field) choose(Number(input.dataset.field));
  else if (input.dataset.layer) {
    viewOf(input).layers[input.dataset.layer] = input.checked;
    for (const node of drawn(article)) if (node.dataset.chart === "front") draw(node);
  } else if (input.classList.contains("of")) {
    for (const node of drawn(input.closest("section"))) draw(node);
  } else if (input.classList.contains("sample"))
    for (const box of input.closest("section").querySelectorAll(".trajectory"))
      box.hidden = box.dataset.sample !== input.value;
});

document.querySelector(".chooser")?.addEventListener("submit", (event) => event.preventDefault());
if (articles.length) show(0, false);
document.documentElement.dataset.ready = "yes";
