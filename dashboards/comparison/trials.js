// The charts of one strategy's trials: parallel coordinates, and the metric against each parameter.
"use strict";

function trialText(data, one, place) {
  const words = one.names.map((name, order) => [name, one.parameters[order][place]])
    .filter(([, value]) => value !== null).map(([name, value]) => `${name}=${short(value)}`);
  return [`<b>${literal(data.strategies[one.strategy].name)} trial ${one.numbers[place]}</b>, seed ${one.seeds[place]}`,
    `validation ${literal(data.metric)} ${one.values[place].toFixed(1)} %`,
    `${literal(data.cost)} ${short(one.costs[place])}`, lines(words.join(" ")), `run ${literal(one.runs[place])}`,
  ].join("<br>");
}

/** A parameter in few digits. */
const short = (value) => typeof value === "number" ? String(Number(value.toPrecision(3))) : String(value);

/** Whether all values that are there are numbers. */
const numeric = (values) => values.every((value) => value === null || typeof value === "number");

/** The trials of the strategy that is chosen. */
function chosenTrials(node, data) {
  const order = Number(node.closest("section").querySelector("select.of").value);
  return data.trials.find((one) => one.strategy === order);
}

/** An axis of parallel coordinates: numbers, by their logarithm where they span decades, or words. */
function dimension(name, values) {
  const label = literal(name.length > 22 ? name.slice(0, 21) + "…" : name);
  if (!numeric(values)) {
    const words = [...new Set(values.map(String))].sort();
    return {label, values: values.map((value) => words.indexOf(String(value))),
      tickvals: words.map((_, place) => place), ticktext: words.map(literal)};
  }
  const [low, high] = ends(values);
  const known = values.map((value) => value === null ? low : value);
  if (!spansDecades(values)) return {label, values: known};
  const range = [Math.log10(low), Math.log10(high)], ticks = ticksOf(...range, 250);
  return {label, values: known.map(Math.log10), tickvals: ticks.tickvals.map(Math.log10), ticktext: ticks.ticktext};
}

/** The value that so large a share of the numbers lies below. */
function quantile(numbers, share) {
  const sorted = Float64Array.from(numbers).sort();
  return sorted[Math.floor(share * (sorted.length - 1))];
}

function drawParallel(node, data) {
  const one = chosenTrials(node, data);
  const dimensions = one.names.map((name, order) => dimension(name, one.parameters[order]));
  dimensions.push(dimension(data.cost, one.costs), dimension(`${data.metric}, %`, one.values));
  const [low, high] = ends(one.values);
  const colors = data.rises ? {cmin: quantile(one.values, 0.1), cmax: high} : {cmin: low, cmax: quantile(one.values, 0.9)};
  Plotly.react(node, [{
    type: "parcoords", dimensions, labelfont: {...FONT, size: 12}, tickfont: {...FONT, size: 11}, rangefont: {...FONT, size: 11},
    line: {color: one.values, colorscale: "Viridis", reversescale: !data.rises, ...colors, showscale: true,
      colorbar: {thickness: 10, outlinewidth: 0, title: {text: "%", side: "top"}, tickfont: {size: 11}}},
  }], layoutOf({margin: {l: 60, r: 20, t: 44, b: 24}}), CONFIG);
}

function drawParameters(node, data) {
  const one = chosenTrials(node, data), own = data.strategies[one.strategy];
  const columns = Math.min(one.names.length, node.clientWidth < NARROW ? 1 : node.clientWidth < 900 ? 2 : 3) || 1;
  const rows = Math.ceil(one.names.length / columns) || 1, height = 215;
  const many = one.values.length > 500, traces = [], more = {};
  const text = one.numbers.map((_, place) => trialText(data, one, place));
  const [low, high] = ends(one.values), margin = 0.04 * (high - low || 1);
  one.names.forEach((name, order) => {
    const key = order ? order + 1 : "", values = one.parameters[order], words = !numeric(values);
    const row = Math.floor(order / columns), column = order % columns;
    traces.push({
      type: many ? "scattergl" : "scatter", mode: "markers", x: words ? values.map((v) => literal(v)) : values,
      y: one.values, xaxis: `x${key}`, yaxis: `y${key}`, text, hovertemplate: "%{text}<extra></extra>",
      marker: {color: own.color, size: many ? 4 : 6, opacity: many ? 0.25 : 0.55},
    });
    const wide = 1 / columns, tall = 1 / rows;
    const scale = words ? {type: "category", categoryorder: "category ascending"}
      : spansDecades(values) ? logarithmic(ends(values)[0] / 1.2, ends(values)[1] * 1.2, node.clientWidth / columns - 90) : {};
    more[`xaxis${key}`] = axisOf(name.length > 40 ? name.slice(0, 39) + "…" : name, {...scale, anchor: `y${key}`,
      domain: [column * wide + (column ? 0.03 : 0), (column + 1) * wide - 0.01]});
    more[`xaxis${key}`].title.standoff = 4;
    more[`yaxis${key}`] = axisOf(column ? "" : `${data.metric}, %`, {anchor: `x${key}`, range: [low - margin, high + margin],
      domain: [1 - (row + 1) * tall + (rows > 1 ? 64 / (rows * height) : 0), 1 - row * tall]});
  });
  const whole = rows * height + (rows > 1 ? 14 : 64);
  node.style.height = `${whole}px`;
  Plotly.react(node, traces, layoutOf({height: whole, margin: {l: 58, r: 16, t: 14, b: rows > 1 ? 0 : 50}, ...more}), CONFIG);
}
