// The front: drawn by hand as SVG, so that a screen reader, a keyboard and a printer can use it, and the page stays small.
const SVG = "http://www.w3.org/2000/svg";
const MANY = 60; // points beyond which only the front carries names and intervals

function shape(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// Marks differ in shape as well as in colour.
function mark(standing, x, y, size) {
  const r = size / 2;
  const made = {
    baseline: () => shape("path", { d: `M${x} ${y - 1.25 * r}L${x + 1.25 * r} ${y}L${x} ${y + 1.25 * r}L${x - 1.25 * r} ${y}Z` }),
    kept: () => shape("circle", { cx: x, cy: y, r }),
    undecided: () => shape("path", { d: `M${x} ${y - 1.2 * r}L${x + 1.2 * r} ${y + r}L${x - 1.2 * r} ${y + r}Z` }),
    lost: () => shape("rect", { x: x - 0.9 * r, y: y - 0.9 * r, width: 1.8 * r, height: 1.8 * r }),
    unknown: () => shape("circle", { cx: x, cy: y, r: r - 1, class: "hollow" }),
  }[standing]();
  made.classList.add("mark", standing);
  return made;
}

// Equal or better on both axes and better on one. Equal points stand together.
function frontOf(points, x, y) {
  const way = (axis, value) => (axis.gain ? value : -value);
  return points.map((one) => !points.some((other) => {
    const dx = way(x, other.x) - way(x, one.x), dy = way(y, other.y) - way(y, one.y);
    return dx >= 0 && dy >= 0 && dx + dy > 0;
  }));
}

function ticksOf(low, high, scale) {
  if (scale === "log") {
    const found = [];
    const few = Math.log10(high / low) > 3;
    for (let decade = Math.floor(Math.log10(low)); decade <= Math.ceil(Math.log10(high)); decade++)
      for (const lead of few ? [1] : [1, 2, 5]) found.push(Number((lead * 10 ** decade).toPrecision(1)));
    return found.filter((value) => value >= low && value <= high);
  }
  const rough = (high - low) / 6, unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((lead) => lead * unit >= rough) * unit;
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high; value += step) found.push(Number(value.toPrecision(8)));
  return found;
}

// Ends of an axis with room around its points.
function rangeOf(axis, points, side, ends) {
  const all = points.flatMap((one) => [one[side], ...(ends && one[side + "Ends"] ? one[side + "Ends"] : [])]);
  if (side === "y" && axis.key === "delta" && data.margin !== null) all.push(-data.margin);
  let low = Math.min(...all), high = Math.max(...all);
  if (axis.scale === "log") return [low / 1.7, high * 1.7];
  const room = (high - low || 0.1) * 0.08;
  return [low - room, high + room];
}

function placer(axis, [low, high], from, to) {
  const f = axis.scale === "log" ? Math.log : (value) => value;
  return (value) => from + ((f(value) - f(low)) / (f(high) - f(low))) * (to - from);
}

// No straight line may promise a variant between two others: the front is a staircase.
function staircase(front, x, box, toX, toY) {
  const sorted = [...front].sort((a, b) => a.x - b.x || (x.gain ? b.y - a.y : a.y - b.y));
  const at = sorted.map((one) => [toX(one.x), toY(one.y)]);
  if (!at.length) return "";
  if (!x.gain) return at.map(([px, py], i) => (i ? `H${px}V${py}` : `M${px} ${py}`)).join("") + `H${box.right}`;
  return `M${box.left} ${at[0][1]}H${at[0][0]}` + at.slice(1).map(([px, py]) => `V${py}H${px}`).join("");
}

const corners = [[11, -9, "start"], [-11, -9, "end"], [11, 17, "start"], [-11, 17, "end"]];

// A name stands beside its mark where that is free; else its number does, or nothing.
function nameOf(one, narrow, taken, box) {
  for (const text of narrow ? [String(one.number)] : [one.name, String(one.number)]) {
    const long = text.length * 7 + 4;
    for (const [dx, dy, anchor] of one.on ? [corners[1], ...corners] : [corners[2], ...corners]) {
      const left = anchor === "start" ? one.px + dx : one.px + dx - long, top = one.py + dy - 11;
      const area = [left, top, left + long, top + 14];
      const inside = left > box.left && area[2] < box.right && top > box.top && area[3] < box.bottom;
      if (!inside || taken.some((o) => area[0] < o[2] && o[0] < area[2] && area[1] < o[3] && o[1] < area[3])) continue;
      taken.push(area);
      return shape("text", { x: one.px + dx, y: one.py + dy, "text-anchor": anchor, class: `name ${one.standing}` }, text);
    }
  }
  return null;
}

function chartPoints(x, y) {
  return data.points.map((one, i) => ({
    ...one, x: x.values[i], y: y.values[i], xEnds: x.ends[i], yEnds: y.ends[i], chance: chanceOf(x, y, i),
  })).filter((one) => [[x, one.x], [y, one.y]].every(([axis, v]) => v !== null && (axis.scale === "linear" || v > 0)));
}

function chanceOf(x, y, i) {
  const of = (axis) => (axis.key === "delta" ? "ccc" : axis.key); // less the same baseline for all: the same front
  const shares = data.chances[`${of(y)}|${of(x)}`] || data.chances[`${of(x)}|${of(y)}`];
  return shares ? shares[i] : null;
}

function said(one, x, y) {
  const ends = (axis, pair) => (pair ? ` (95 % interval ${write(axis, pair[0])} to ${write(axis, pair[1])})` : "");
  const lines = [`${one.name}: ${one.word}`, `${y.title}: ${write(y, one.y)}${ends(y, one.yEnds)}`, `${x.title}: ${write(x, one.x)}${ends(x, one.xEnds)}`];
  if (one.on) lines.push("on the front");
  if (one.chance !== null) lines.push(`on the front in ${percent(one.chance)} of resampled studies`);
  return lines;
}

function drawChart(place, view) {
  const { x, y } = view, width = Math.max(280, place.clientWidth), narrow = width < 560, height = narrow ? 360 : Math.round(Math.min(640, Math.max(400, width * 0.72)));
  place.replaceChildren();
  const points = chartPoints(x, y);
  frontOf(points, x, y).forEach((on, i) => { points[i].on = on; });
  const seen = points.filter((one) => view.keeps(one) && (!view.frontOnly || one.on));
  if (!seen.length) { place.append(Object.assign(document.createElement("p"), { className: "empty", textContent: points.length ? "No variant fits the filter." : "Not measured in this run." })); return; }
  const box = { left: narrow ? 46 : 64, right: width - 14, top: 16, bottom: height - 50 };
  const [xRange, yRange] = [rangeOf(x, seen, "x", view.intervals), rangeOf(y, seen, "y", view.intervals)];
  const toX = placer(x, xRange, box.left, box.right), toY = placer(y, yRange, box.bottom, box.top);
  for (const one of points) { one.px = Math.round(10 * toX(one.x)) / 10; one.py = Math.round(10 * toY(one.y)) / 10; }
  const picture = shape("svg", { width: "100%", viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": `${y.title}, against ${x.title}; ${seen.length} variants` });
  picture.append(frame(x, y, xRange, yRange, toX, toY, box, narrow));
  const inside = points.filter((one) => one.on && one.px >= box.left && one.px <= box.right);
  picture.append(shape("path", { d: staircase(inside, x, box, toX, toY), class: "front", "aria-hidden": "true" }));
  const many = seen.length > MANY, shown = (one) => !many || one.on || one.number === view.chosen;
  if (view.intervals) picture.append(bars(seen.filter(shown), toX, toY));
  const list = shape("g", { role: "listbox", "aria-label": "Variants, from left to right. Arrow keys move, Enter shows one.", id: "points" });
  for (const one of [...seen].sort((a, b) => a.x - b.x)) list.append(option(one, x, y, view, many));
  picture.append(list);
  if (view.names) {
    const taken = seen.filter(shown).map((one) => [one.px - 8, one.py - 8, one.px + 8, one.py + 8]);
    const wanted = seen.filter(shown).sort((a, b) => (b.number === view.chosen) - (a.number === view.chosen) || b.on - a.on);
    picture.append(shape("g", { "aria-hidden": "true" }, ...wanted.map((one) => nameOf(one, narrow, taken, box)).filter(Boolean)));
  }
  place.append(picture);
}

function option(one, x, y, view, many) {
  const chosen = one.number === view.chosen;
  const made = shape("g", { role: "option", "aria-selected": String(chosen), "aria-label": said(one, x, y).join("; "), tabindex: "-1", "data-number": one.number, "data-front": String(one.on) });
  made.append(shape("circle", { cx: one.px, cy: one.py, r: 13, class: "halo" }), mark(one.standing, one.px, one.py, many && !one.on ? 7 : 12));
  made.classList.toggle("quiet", many && !one.on);
  made.classList.toggle("chosen", chosen);
  return made;
}

function bars(points, toX, toY) {
  const made = shape("g", { "aria-hidden": "true", class: "bars" });
  for (const one of points) {
    if (one.yEnds) made.append(shape("path", { d: `M${one.px} ${toY(one.yEnds[0])}V${toY(one.yEnds[1])}`, class: one.standing }));
    if (one.xEnds) made.append(shape("path", { d: `M${toX(Math.max(one.xEnds[0], 1e-12))} ${one.py}H${toX(one.xEnds[1])}`, class: one.standing }));
  }
  return made;
}

function frame(x, y, xRange, yRange, toX, toY, box, narrow) {
  const made = shape("g", { "aria-hidden": "true", class: "frame" });
  if (y.key === "delta" && data.margin !== null && -data.margin > yRange[0]) {
    const top = toY(-data.margin);
    made.append(shape("rect", { x: box.left, y: top, width: box.right - box.left, height: box.bottom - top, class: "beyond" }),
      shape("text", { x: box.right - 4, y: top + 15, "text-anchor": "end", class: "lost" }, `beyond the margin of ${data.margin}`));
  }
  let last = -Infinity;
  for (const tick of ticksOf(...xRange, x.scale)) {
    const at = toX(tick), text = short(tick);
    made.append(shape("path", { d: `M${at} ${box.top}V${box.bottom}` }));
    if (at - last > text.length * 7 + 8) { made.append(shape("text", { x: at, y: box.bottom + 17, "text-anchor": "middle" }, text)); last = at; }
  }
  for (const tick of ticksOf(...yRange, y.scale)) made.append(shape("path", { d: `M${box.left} ${toY(tick)}H${box.right}` }), shape("text", { x: box.left - 7, y: toY(tick) + 4, "text-anchor": "end" }, short(tick)));
  made.append(shape("text", { x: (box.left + box.right) / 2, y: box.bottom + 40, "text-anchor": "middle" }, `${x.title}${narrow ? "" : x.gain ? ", more is better" : ", less is better"}`));
  if (!narrow) made.append(shape("text", { x: 0, y: 0, transform: `translate(15 ${(box.top + box.bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, y.title));
  return made;
}
