// What a chosen variant is: its scores, every site, what its recipe does, and its bundle.
function showDetail(place, one, axes) {
  const facts = axes.map((axis) => {
    const i = one.number - 1, value = axis.values[i], ends = axis.ends[i];
    return value === null ? null : [axis.name, write(axis, value) + (ends ? ` (${write(axis, ends[0])} to ${write(axis, ends[1])})` : ""), axis.title];
  }).filter(Boolean);
  const chance = chanceOf(view.x, view.y, one.number - 1);
  if (chance !== null) facts.push(["On this front in", percent(chance), "share of resampled studies"]);
  const made = [
    element("h3", {}, element("span", { class: `${one.standing} glyph`, "aria-hidden": "true" }, glyphs[one.standing] + " "), element("code", {}, one.name)),
    element("p", { class: "does" }, `${one.word}; ${[one.precision, one.runtime].filter(Boolean).join(", ") || "not deployed"}. ${one.does}`),
    element("dl", { class: "facts" }, ...facts.map(([name, text, title]) => element("div", { title }, element("dt", {}, name), element("dd", {}, text)))),
  ];
  if (Object.keys(one.sites).length) made.push(siteBars(one));
  if (Object.keys(one.deltas).length) made.push(siteDeltas(one));
  made.push(element("details", {}, element("summary", {}, "Its recipe"), element("pre", { tabindex: "0" }, one.recipe || "not recorded")));
  if (one.bundle) made.push(element("details", {}, element("summary", {}, "Its bundle"), element("pre", { tabindex: "0" }, `cd FOLDER_OF_THIS_RESULT\nslim bundle show ${one.bundle}\nslim predict ${one.bundle} VIDEO`)));
  place.replaceChildren(...made);
}

function siteBars(one) {
  const rows = Object.entries(one.sites).map(([site, value]) => element("div", { class: site === one.worst ? "bar worst" : "bar" },
    element("span", { class: "site" }, site), element("span", { class: "track", "aria-hidden": "true" }, element("i", { style: `width:${value === null ? 0 : Math.max(0, Math.min(1, value)) * 100}%` })),
    element("span", { class: "value" }, (value === null ? DASH : score(value)) + (site === one.worst ? " ▼" : ""))));
  return element("div", { class: "sitebars", role: "group", "aria-label": `CCC on each held-out ${data.unit}; a triangle marks the worst` }, ...rows);
}

// The difference from the baseline on each site: the tick, the line its interval; fine lines mark none and the margin.
function siteDeltas(one) {
  const told = Object.entries(one.deltas), margin = data.margin || 0;
  const all = [0, -margin, ...told.flatMap(([, [delta, ends]]) => [delta, ...(ends || [])])].filter((value) => value !== null);
  const low = Math.min(...all), wide = Math.max(...all) - low || 1, at = (value) => 2 + (96 * (value - low)) / wide;
  const mark = (name, from, to) => element("i", { class: name, style: `left:${at(from)}%` + (to === undefined ? "" : `;width:${at(to) - at(from)}%`) });
  const rows = told.map(([site, [delta, ends]]) => {
    const marks = [mark("none", 0), ...(margin ? [mark("edge", -margin)] : []), ...(ends ? [mark("line", ...ends)] : []), ...(delta === null ? [] : [mark("tick", delta)])];
    const title = `${site}: ${delta === null ? DASH : signed(delta)}${ends ? ` (${signed(ends[0])} to ${signed(ends[1])})` : ""}`;
    return element("div", { class: "bar", title }, element("span", { class: "site" }, site), element("span", { class: "strip", "aria-hidden": "true" }, ...marks), element("span", { class: "value" }, delta === null ? DASH : signed(delta)));
  });
  const label = `Difference from the baseline on each held-out ${data.unit}, paired`;
  return element("div", { class: "sitebars", role: "group", "aria-label": label }, element("p", { class: "does" }, `${label}; the line is its 95 % interval${margin ? `, the dashes the margin of ${margin}` : ""}.`), ...rows);
}

// One bar for each person: how their own CCC changed against the baseline.
function showPeople(place, one) {
  place.replaceChildren();
  if (!one.changes.length) { place.append(element("p", { class: "empty" }, one.standing === "baseline" ? "This is the baseline: every change is counted from it." : "Single subjects are not recorded for this variant.")); return; }
  const width = Math.max(280, place.clientWidth), height = 210, left = 46, right = width - 8, top = 10, bottom = height - 26;
  const values = one.changes.map((change) => change[2]), low = Math.min(...values, -(data.margin || 0)) * 1.05, high = Math.max(...values, 0.02) * 1.05;
  const toY = (value) => bottom + ((value - low) / (high - low)) * (top - bottom), step = (right - left) / values.length;
  const lost = values.filter((value) => data.margin !== null && value < -data.margin).length;
  const label = `Change of each subject's own CCC under ${one.name}, from the largest loss to the largest gain: ${one.changes.map(([site, who, change]) => `${who} of ${site} ${signed(change)}`).join(", ")}`;
  const picture = shape("svg", { width: "100%", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label, class: "people" });
  for (const tick of ticksOf(low, high, "linear")) picture.append(shape("path", { d: `M${left} ${toY(tick)}H${right}`, class: tick === 0 ? "zero" : "grid" }), shape("text", { x: left - 6, y: toY(tick) + 4, "text-anchor": "end" }, short(tick)));
  values.forEach((value, i) => {
    const name = value < -(data.margin === null ? 0 : data.margin) ? "lost" : value < 0 ? "undecided" : "kept";
    const bar = shape("rect", { x: left + i * step + step * 0.12, width: Math.max(1, step * 0.76), y: Math.min(toY(0), toY(value)), height: Math.max(1, Math.abs(toY(value) - toY(0))), class: `mark ${name}` });
    bar.append(shape("title", {}, `${one.changes[i][1]} (${one.changes[i][0]}): ${signed(value)}`));
    picture.append(bar);
  });
  if (data.margin !== null) picture.append(shape("path", { d: `M${left} ${toY(-data.margin)}H${right}`, class: "margin" }));
  picture.append(shape("text", { x: (left + right) / 2, y: height - 6, "text-anchor": "middle" }, width < 460 ? `${values.length} subjects, losses first` : `${values.length} subjects, from the largest loss to the largest gain`));
  place.append(picture, element("p", { class: "note" }, data.margin === null ? "" : `${lost} of ${values.length} subjects lose more than ${data.margin} (dashed line).`));
}
