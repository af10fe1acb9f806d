(() => {
  "use strict";
  const chart = JSON.parse(document.getElementById("chart").textContent);
  const place = document.getElementById("pareto");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const symbols = { baseline: "diamond", kept: "circle", undecided: "triangle-up", lost: "square", unknown: "circle-open" };
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const chosen = (name) => document.querySelector(`input[name=${name}]:checked`).value;
  const round = (value) => Number(value.toPrecision(3)).toLocaleString("en");
  const minus = (value) => value.toFixed(3).replace("-", "−");
  const signed = (value) => (value > 0 ? "+" : "") + minus(value);

  function ticks(values) {
    const found = [];
    const low = Math.min(...values) / 2, high = Math.max(...values) * 2;
    for (let decade = Math.floor(Math.log10(low)); decade <= Math.ceil(Math.log10(high)); decade++)
      for (const lead of [1, 2, 5]) found.push(Number((lead * 10 ** decade).toPrecision(1)));
    return found.filter((value) => value >= low && value <= high);
  }

  function hover(point, axis, x) {
    const lines = [`<b>${point.name}</b>  ${point.word}`];
    if (point.ccc !== null) lines.push(`CCC ${minus(point.ccc)}` + (point.interval ? `  (${minus(point.interval[0])} to ${minus(point.interval[1])})` : ""));
    if (point.delta_interval) lines.push(`against the baseline ${signed(point.delta)}  (${signed(point.delta_interval[0])} to ${signed(point.delta_interval[1])})`);
    lines.push(`${axis.title}: ${round(x)}`);
    return lines.join("<br>");
  }

  // The front is a staircase: no straight line may promise a variant between two others.
  function staircase(known, axis, edge) {
    const on = known.filter((one) => axis.front[one.index]).sort((a, b) => a.x - b.x);
    if (!on.length) return [];
    return [{ x: [...on.map((one) => one.x), edge], y: [...on.map((one) => one.y), on[on.length - 1].y], mode: "lines", hoverinfo: "skip",
      line: { shape: "hv", color: colour("front"), width: 1.5, dash: "dot" } }];
  }

  function points(known, axis, relative, narrow) {
    const ends = known.map((one) => (relative ? one.delta_interval : one.interval) || [one.y, one.y]);
    const colours = known.map((one) => colour(one.standing));
    const bars = known.map((one, i) => ({ x: [one.x, one.x], y: ends[i], mode: "lines", hoverinfo: "skip", opacity: 0.55, line: { color: colours[i], width: 1.5 } }));
    const marks = { x: known.map((one) => one.x), y: known.map((one) => one.y), mode: "markers", hoverinfo: "text",
      text: known.map((one) => hover(one, axis, one.x)),
      marker: { size: known.map((one) => (one.standing === "undecided" ? 15 : 12)), color: colours, symbol: known.map((one) => symbols[one.standing]), line: { color: colour("card"), width: 1.5 }, opacity: 1 } };
    return [...bars, marks];
  }

  // A name stands right of its mark, or left, above or below it where that is free; else its number stands there.
  // Above and left of the front nothing better can stand, so its names go there first.
  const corners = [[11, -9, "left"], [-11, -9, "right"], [11, 11, "left"], [-11, 11, "right"]];
  function names(known, axis, layout, size, narrow) {
    const [x0, x1] = layout.xaxis.range, [y0, y1] = layout.yaxis.range;
    const wide = size.width - layout.margin.l - layout.margin.r, high = size.height - layout.margin.t - layout.margin.b;
    const pixel = known.map((one) => [((Math.log10(one.x) - x0) / (x1 - x0)) * wide, (1 - (one.y - y0) / (y1 - y0)) * high]);
    const taken = pixel.map(([x, y]) => [x - 9, y - 9, x + 9, y + 9]);
    const free = (box) => box[0] > 0 && box[2] < wide && box[1] > 0 && box[3] < high && !taken.some((o) => box[0] < o[2] && o[0] < box[2] && box[1] < o[3] && o[1] < box[3]);
    return known.map((one, i) => {
      for (const text of narrow ? [String(one.number)] : [one.name, String(one.number)]) {
        const long = new DOMParser().parseFromString(text, "text/html").body.textContent.length * 6.9 + 4, [x, y] = pixel[i];
        for (const [dx, dy, anchor] of axis.front[one.index] ? [[-9, -10, "right"], ...corners] : [corners[2], ...corners]) {
          const left = anchor === "left" ? x + dx : x + dx - long;
          const box = [left, y + dy - 8, left + long, y + dy + 8];
          if (!free(box)) continue;
          taken.push(box);
          return { x: Math.log10(one.x), y: one.y, text, showarrow: false, xanchor: anchor, yanchor: "middle", xshift: dx, yshift: -dy, bgcolor: colour("card"), borderpad: 0,
            font: { size: 12.5, color: one.standing === "baseline" ? colour("ink") : colour(one.standing) } };
        }
      }
      return null;
    }).filter(Boolean);
  }

  let printing = false; // paper has its own width, and no way to ask for it

  function draw() {
    const axis = chart.axes.find((one) => one.key === chosen("x")), relative = chosen("y") === "delta";
    const known = chart.points.map((one, index) => ({ ...one, index, x: axis.values[index], y: relative ? one.delta : one.ccc }))
      .filter((one) => one.x !== null && one.x > 0 && one.y !== null);
    if (!known.length) { place.textContent = "Not measured in this run."; return; }
    const size = printing ? { width: 900, height: 380 } : place.getBoundingClientRect(), narrow = size.width < 560, xs = known.map((one) => one.x);
    const all = known.flatMap((one) => [one.y, ...((relative ? one.delta_interval : one.interval) || [])]).concat(relative && chart.margin !== null ? [-chart.margin] : []);
    const low = Math.min(...all), high = Math.max(...all), room = (high - low || 0.1) * 0.08;
    const edge = Math.max(...xs) * 1.9, font = { family: getComputedStyle(document.body).fontFamily, size: 13, color: colour("soft") };
    const grid = { gridcolor: colour("line"), linecolor: colour("line"), zeroline: false, ticks: "", title: { font: { size: 13 } } };
    const layout = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font, showlegend: false, hovermode: "closest", width: size.width, height: size.height,
      margin: { l: narrow ? 46 : 62, r: 16, t: 18, b: 54 },
      xaxis: { ...grid, type: "log", tickvals: ticks(xs), ticktext: ticks(xs).map(round), range: [Math.log10(Math.min(...xs) / (narrow ? 1.5 : 2)), Math.log10(edge)], title: { text: axis.title, font: { size: 13 }, standoff: 12 } },
      yaxis: { ...grid, range: [low - room, high + room], title: { text: narrow ? "" : relative ? "CCC minus the baseline's (paired)" : `CCC on held-out ${chart.unit}s`, font: { size: 13 }, standoff: 10 } },
      hoverlabel: { bgcolor: colour("card"), bordercolor: colour("line"), align: "left", font: { family: font.family, size: 13, color: colour("ink") } },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("soft"), activecolor: colour("ink") },
      shapes: [], annotations: [],
    };
    if (relative && chart.margin !== null) {
      layout.shapes.push({ type: "rect", xref: "paper", x0: 0, x1: 1, y0: layout.yaxis.range[0], y1: -chart.margin, line: { width: 0 }, fillcolor: colour("lost"), opacity: 0.08, layer: "below" });
      layout.annotations.push({ xref: "paper", x: 1, y: -chart.margin, xanchor: "right", yanchor: "top", showarrow: false, text: `beyond the margin of ${chart.margin}`, font: { size: 12, color: colour("lost") } });
    }
    layout.annotations.push(...names(known, axis, layout, size, narrow));
    const traces = [...staircase(known, axis, edge), ...points(known, axis, relative, narrow)];
    Plotly.react(place, traces, layout, { displaylogo: false, displayModeBar: narrow ? false : "hover", responsive: false,
      plotlyServerURL: "",
      modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]], // by name: no button that sends data anywhere
      toImageButtonOptions: { filename: "pareto", scale: 3 } });
  }

  function sortable(table) {
    const body = table.tBodies[0];
    const value = (row, index) => {
      const given = row.cells[index].dataset.value;
      return given === undefined || given === "" ? null : isNaN(given) ? given : Number(given);
    };
    table.querySelectorAll("thead button").forEach((button) => button.addEventListener("click", () => {
      const head = button.closest("th"), index = head.cellIndex, up = head.getAttribute("aria-sort") !== "ascending";
      table.querySelectorAll("th[aria-sort]").forEach((one) => one.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const order = (a, b) => (a === null ? 1 : b === null ? -1 : (a < b ? -1 : a > b ? 1 : 0) * (up ? 1 : -1));
      body.append(...[...body.rows].sort((a, b) => order(value(a, index), value(b, index))));
    }));
  }

  document.querySelectorAll("table.sortable").forEach(sortable);
  document.querySelectorAll(".switches input").forEach((input) => input.addEventListener("change", draw));
  dark.addEventListener("change", draw);
  for (const [event, now] of [["beforeprint", true], ["afterprint", false]]) addEventListener(event, () => { printing = now; draw(); });
  new ResizeObserver(() => requestAnimationFrame(draw)).observe(place);
  draw();
})();
