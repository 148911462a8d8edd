// The charts of fronts and of hypervolumes.
"use strict";

const FAINT = 0.38; // opacity of what another point of the strategy beats
const SPACING = 9; // pixels between points of equal cost
const MARKER = {front: 10, paper: 15, baseline: 10};

/** The corners of the best that is had for no more cost, joined by level and upright lines. */
const staircase = (points) => [...points].sort((a, b) => a.cost[0] - b.cost[0] || a.x - b.x);

function pointText(data, point) {
  const names = point.names.length ? ` — ${literal(point.names.join(", "))}` : "";
  const rows = [`<b>${lines(point.label)}</b>${names}`,
    `${literal(data.metric)} ${literal(point.text)} %`, `${literal(data.cost)} ${literal(point.costText)}`];
  point.seeds.forEach((seed, place) => {
    const before = point.seeds.length > 1 ? `seed ${seed}: ` : "";
    if (point.parameters[place]) rows.push(before + lines(point.parameters[place]));
    if (point.runs[place]) rows.push(`run ${literal(point.runs[place])}`);
  });
  return rows.join("<br>");
}

/** Whether a point that was searched is named as something. */
const chosen = (point) => point.names.length > 0 && point.role !== "baseline";

/** Where each point is drawn: at its cost, but points of equal cost side by side, some pixels apart. */
function spread(points, decadesAPixel) {
  const groups = new Map();
  for (const point of points) {
    const key = point.cost[0].toPrecision(6);
    groups.set(key, [...(groups.get(key) || []), point]);
  }
  for (const group of groups.values()) group.forEach((point, place) => {
    point.x = point.cost[0] * 10 ** (SPACING * decadesAPixel * (place - (group.length - 1) / 2));
  });
}

/** Markers of some points of one strategy, with their intervals. */
function markers(data, points, opacity, bars) {
  const own = data.strategies[points[0].strategy];
  const reach = (value, sign) => points.map((p) => sign * (p[value][sign > 0 ? 2 : 1] - p[value][0]));
  const bar = (value, visible) => ({
    type: "data", symmetric: false, array: reach(value, 1), arrayminus: reach(value, -1), thickness: 1.2,
    width: 3, color: faint(own.color, opacity), visible,
  });
  const varies = points.some((p) => p.cost[2] > p.cost[1]);
  return {
    type: "scatter", mode: "markers", x: points.map((p) => p.x), y: points.map((p) => p.value[0]),
    customdata: points.map((p) => p.place), hovertext: points.map((p) => pointText(data, p)),
    hovertemplate: "%{hovertext}<extra></extra>",
    error_y: bar("value", bars), error_x: bar("cost", bars && varies),
    marker: {
      color: faint(own.color, opacity), size: points.map((p) => MARKER[p.role] || 10),
      symbol: points.map((p) => p.role === "paper" ? "star"
        : own.symbol + (p.role === "baseline" && !own.symbol.endsWith("-open") ? "-open" : "")),
      line: {width: points.map((p) => p.role === "baseline" ? 2 : 0.5),
        color: points.map((p) => p.role === "baseline" ? faint(own.color, opacity) : "white")},
    },
  };
}

/** Traces of the strategies that are not hidden, from the back to the front. */
function frontTraces(data, view, [low, high]) {
  const seen = data.points.filter((p) => !view.hidden.has(p.strategy));
  const costly = seen.filter((p) => p.cost[0] > 0);
  const traces = [];
  const line = (x, y, style) => traces.push({
    type: "scatter", mode: "lines", x, y, line: {shape: "hv", ...style}, hoverinfo: "skip"});
  const joint = staircase(costly.filter((p) => p.joint)), free = seen.filter((p) => p.joint && p.cost[0] <= 0);
  const corners = [...free.map((p) => [low, p.value[0]]), ...joint.map((p) => [p.x, p.value[0]])];
  if (corners.length) {
    corners.push([high, corners[corners.length - 1][1]]);
    line(corners.map(([x]) => x), corners.map(([, y]) => y), {color: data.joint, width: 9});
  }
  if (view.layers.trials) traces.push(...trialTraces(data, view));
  const several = new Set(data.seedFronts.map((one) => one.seed)).size > 1;
  for (const one of data.seedFronts)
    if (several && view.layers.seeds && !view.hidden.has(one.strategy))
      line(one.costs, one.values, {color: faint(data.strategies[one.strategy].color, 0.22), width: 1.1});
  data.strategies.forEach((strategy, order) => {
    const own = costly.filter((p) => p.strategy === order);
    const front = staircase(own.filter((p) => p.front && p.role !== "baseline"));
    if (front.length > 1)
      line(front.map((p) => p.x), front.map((p) => p.value[0]), {color: strategy.color, width: 1.8});
    const beaten = own.filter((p) => !p.front && p.role !== "baseline");
    if (beaten.length) traces.push(markers(data, beaten, FAINT, view.layers.bars));
    const others = own.filter((p) => p.front || p.role === "baseline");
    if (others.length) traces.push(markers(data, others, 1, view.layers.bars));
  });
  const ringed = costly.filter(chosen);
  if (ringed.length) traces.push({
    type: "scatter", mode: "markers", x: ringed.map((p) => p.x), y: ringed.map((p) => p.value[0]),
    hoverinfo: "skip", marker: {symbol: "circle-open", size: 19, color: INK, line: {width: 1.4}},
  });
  return traces;
}

function trialTraces(data, view) {
  return data.trials.filter((one) => !view.hidden.has(one.strategy)).map((one) => {
    const own = data.strategies[one.strategy];
    return {
      type: one.values.length > 500 ? "scattergl" : "scatter", mode: "markers", x: one.costs, y: one.values,
      customdata: one.numbers.map((_, place) => [one.strategy, place]),
      text: one.numbers.map((_, place) => trialText(data, one, place)),
      hovertemplate: "%{text}<extra></extra>",
      marker: {color: own.color, symbol: "circle", size: 4.5, opacity: one.values.length > 500 ? 0.25 : 0.45},
    };
  });
}

/** Levels of points without cost, and their names at the right edge; those outside are told by an arrow. */
function levels(data, view) {
  const [low, high] = data.limits, shapes = [], notes = [];
  const free = data.points.filter((p) => p.cost[0] <= 0 && !view.hidden.has(p.strategy));
  const heights = free.map((p) => p.value[0]).map((v) => Math.min(high, Math.max(low, v)));
  free.forEach((point, place) => {
    const color = data.strategies[point.strategy].color, value = point.value[0];
    const inside = value >= low && value <= high;
    if (inside) {
      shapes.push({type: "line", xref: "paper", x0: 0, x1: 1, y0: value, y1: value, layer: "below",
        line: {color, width: 1.6, dash: "dot"}});
      if (view.layers.bars) shapes.push({type: "rect", xref: "paper", x0: 0, x1: 1, y0: point.value[1],
        y1: point.value[2], layer: "below", fillcolor: faint(color, 0.06), line: {width: 0}});
    }
    const near = heights.slice(0, place).filter((h) => Math.abs(h - heights[place]) < 0.045 * (high - low));
    notes.push({
      xref: "paper", x: 1, xanchor: "right", yref: "y", y: heights[place], showarrow: false,
      yanchor: value > high ? "top" : "bottom", yshift: 15 * near.length * (value > high ? -1 : 1),
      text: `${literal(point.label)} ${value.toFixed(1)}${value < low ? " ↓" : value > high ? " ↑" : ""}`,
      font: {size: 12, color}, bgcolor: "rgba(255,255,255,.75)",
      hovertext: pointText(data, point), captureevents: true, name: String(point.place),
    });
  });
  return {shapes, annotations: notes};
}

/** Names of the named points, beside them. */
function pointNames(data, view) {
  const named = data.points.filter(
    (p) => chosen(p) && p.joint && p.cost[0] > 0 && !view.hidden.has(p.strategy));
  return named.map((point) => ({
    x: Math.log10(point.x), y: point.value[0], xanchor: "right", yanchor: "bottom", xshift: -8, yshift: 8,
    showarrow: false, text: `<b>${literal(point.names.join(", "))}</b>`, bgcolor: "rgba(255,255,255,.7)",
    font: {size: 12, color: data.strategies[point.strategy].color}, captureevents: false,
  }));
}

/** The ends of the axis of cost. */
function costEnds(data, view) {
  const costs = data.points.filter((p) => p.cost[0] > 0).flatMap((p) => p.cost.filter((c) => c > 0));
  if (view.layers.trials)
    for (const one of data.trials) costs.push(...ends(one.costs.filter((c) => c > 0)));
  const [low, high] = ends(costs);
  return Number.isFinite(low) ? [low / 1.3, high * 1.3] : [1, 10];
}

function drawFront(node, data, view) {
  const width = node.clientWidth - 74, narrow = node.clientWidth < NARROW;
  const {shapes, annotations} = levels(data, view);
  const range = costEnds(data, view);
  spread(data.points.filter((p) => p.cost[0] > 0), Math.log10(range[1] / range[0]) / width);
  Plotly.react(node, frontTraces(data, view, range), layoutOf({
    uirevision: "kept", shapes, annotations: [...annotations, ...pointNames(data, view)], dragmode: narrow ? false : "zoom",
    xaxis: axisOf(narrow ? `${data.cost} (log scale)` : data.costTitle, {...logarithmic(...range, width),
      uirevision: view.layers.trials}),
    yaxis: axisOf(`test ${data.axis}`, {range: data.limits}),
  }), CONFIG);
  tellOutside(node, data, view);
  if (node.dataset.listens) return;
  node.dataset.listens = "yes";
  node.on("plotly_click", (event) => {
    const place = event.points[0].customdata;
    if (Array.isArray(place)) showTrial(node, data, ...place);
    else if (place !== undefined) showPoint(node, data, place);
  });
  node.on("plotly_clickannotation", (event) => {
    if (event.annotation.name) showPoint(node, data, Number(event.annotation.name));
  });
  node.on("plotly_relayout", () => refreshTicks(node));
}

/** Write numbers that fit what is seen of the axis of cost after it was moved. */
function refreshTicks(node) {
  const axis = node._fullLayout.xaxis;
  const ticks = ticksOf(...axis.range, axis._length);
  if (ticks.tickvals.join() !== axis.tickvals.join()) Plotly.relayout(node, {
    "xaxis.tickvals": ticks.tickvals, "xaxis.ticktext": ticks.ticktext});
}

/** Say how many trials lie outside of what is seen at first. */
function tellOutside(node, data, view) {
  const place = node.closest("section").querySelector(".outside");
  const shown = data.trials.filter((one) => !view.hidden.has(one.strategy)).flatMap((one) => one.values);
  const out = shown.filter((value) => value < data.limits[0] || value > data.limits[1]).length;
  place.textContent = view.layers.trials && out
    ? `${out} of ${shown.length} trials lie outside; drag the axis or zoom out to see them` : "";
}

function drawGrowth(node, data, view) {
  const traces = data.growth.filter((one) => !view.hidden.has(one.strategy)).map((one) => {
    const own = data.strategies[one.strategy];
    return {
      type: "scatter", mode: "lines", x: one.places, y: one.values, line: {shape: "hv", color: own.color, width: 1.7},
      hovertemplate: `<b>${literal(own.name)}</b>, seed ${one.seed}<br>after %{x} trials %{y:.3f}<extra></extra>`,
    };
  });
  Plotly.react(node, traces, layoutOf({
    xaxis: axisOf("trials", {rangemode: "tozero"}), yaxis: axisOf("hypervolume", {}),
  }), CONFIG);
}
