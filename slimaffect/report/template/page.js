// The page: what is chosen, and what follows from it.
const data = JSON.parse(document.getElementById("data").textContent);
const glyphs = { baseline: "◆", kept: "●", undecided: "▲", lost: "■", unknown: "○" };
const find = (id) => document.getElementById(id);
const axisNamed = (key) => data.axes.find((one) => one.key === key);
const words = () => find("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
const text = (one) => `${one.name} ${one.word} ${one.precision || ""} ${one.runtime || ""} ${one.does}`.toLowerCase();
const view = {
  x: null, y: null, intervals: true, names: true, frontOnly: false, chosen: data.shown,
  keeps: (one) => words().every((word) => text(one).includes(word)),
};

function draw() {
  if (!view.x || !view.y) { find("chart").textContent = "Not measured in this run."; return; }
  const focused = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.number : null;
  drawChart(find("chart"), view);
  const all = options(), stop = all.find((one) => one.classList.contains("chosen")) || all[0];
  if (stop) stop.setAttribute("tabindex", "0");
  const again = focused && all.find((one) => one.dataset.number === focused);
  if (again) again.focus({ preventScroll: true });
}

const options = () => [...document.querySelectorAll("#points [role=option]")];
const pointOf = (number) => data.points.find((one) => one.number === Number(number));

function choose(number) {
  view.chosen = Number(number);
  draw();
  showDetail(find("detail"), pointOf(number), data.axes);
  showPeopleOf(number);
}

function showPeopleOf(number) {
  const place = find("people-chart"), list = find("people-of");
  if (!place) return;
  list.value = String(number);
  showPeople(place, pointOf(number));
}

function tip(one, at) {
  const place = find("tip");
  place.hidden = !one;
  if (!one) return;
  place.replaceChildren(...said(one, view.x, view.y).map((line, i) => element(i ? "span" : "b", {}, line)));
  const box = find("chart").getBoundingClientRect(), left = at.left + at.width / 2 - box.left;
  place.style.left = `${Math.max(8, Math.min(left + 14, box.width - place.offsetWidth - 8))}px`;
  place.style.top = `${Math.max(8, at.top - box.top - place.offsetHeight - 6)}px`;
}

function tipOf(target) {
  const option = target.closest && target.closest("[role=option]");
  if (!option) return tip(null);
  const points = chartPoints(view.x, view.y);
  frontOf(points, view.x, view.y).forEach((on, i) => { points[i].on = on; });
  return tip(points.find((one) => one.number === Number(option.dataset.number)), option.querySelector(".halo").getBoundingClientRect());
}

function move(event) {
  const all = options(), at = all.indexOf(document.activeElement);
  const to = { ArrowRight: at + 1, ArrowUp: at + 1, ArrowLeft: at - 1, ArrowDown: at - 1, Home: 0, End: all.length - 1 }[event.key];
  if (at < 0) return;
  if (event.key === "Enter" || event.key === " ") choose(all[at].dataset.number);
  else if (event.key === "Escape") tip(null);
  else if (to !== undefined && all[to]) { all[at].setAttribute("tabindex", "-1"); all[to].setAttribute("tabindex", "0"); all[to].focus({ preventScroll: true }); }
  else return;
  event.preventDefault();
}

function filter() {
  const kept = new Set(data.points.filter(view.keeps).map((one) => String(one.number)));
  document.querySelectorAll("tr[data-number]").forEach((row) => { row.hidden = !kept.has(row.dataset.number); });
  find("filtered").textContent = words().length ? `${kept.size} of ${data.points.length} variants` : "";
  draw();
}

function fill(id, key) {
  const list = find(id);
  list.replaceChildren(...data.axes.map((axis) => element("option", { value: axis.key }, axis.name)));
  view[id] = axisNamed(key) || data.axes[0] || null;
  if (view[id]) list.value = view[id].key;
  list.addEventListener("change", () => { view[id] = axisNamed(list.value); draw(); showDetail(find("detail"), pointOf(view.chosen), data.axes); });
}

// The picture as it stands, with its colours written into it.
function savePicture() {
  const copy = document.querySelector("#chart svg").cloneNode(true), style = getComputedStyle(document.documentElement);
  const used = ["card", "ink", "soft", "line", "front", "kept", "undecided", "lost", "unknown", "baseline", "sans"];
  copy.setAttribute("xmlns", SVG);
  copy.prepend(shape("style", {}, `svg{background:${style.getPropertyValue("--card")};${used.map((name) => `--${name}:${style.getPropertyValue("--" + name)}`).join(";")}}` + find("chart-style").textContent));
  save(new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" }), "front.svg");
}

function save(blob, name) {
  const link = element("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// Without scripts the link saves the packed file; with them, the plain one.
async function saveResult(event) {
  if (!window.DecompressionStream) return;
  event.preventDefault();
  const packed = Uint8Array.from(atob(event.target.href.split(",")[1]), (letter) => letter.charCodeAt(0));
  save(await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).blob(), "result.json");
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
    const order = (a, b) => (a === null ? (b === null ? 0 : 1) : b === null ? -1 : (a < b ? -1 : a > b ? 1 : 0) * (up ? 1 : -1));
    body.append(...[...body.rows].sort((a, b) => order(value(a, index), value(b, index))));
  }));
}

document.documentElement.classList.add("scripted");
document.querySelectorAll("table.sortable").forEach(sortable);
fill("x", "clip_ms");
fill("y", "ccc");
for (const name of ["intervals", "names", "frontOnly"]) find(name).addEventListener("change", (event) => { view[name] = event.target.checked; draw(); });
find("filter").addEventListener("input", filter);
find("save-picture").addEventListener("click", savePicture);
if (find("save-result")) find("save-result").addEventListener("click", saveResult);
const chart = find("chart");
chart.addEventListener("click", (event) => { const one = event.target.closest("[role=option]"); if (one) { choose(one.dataset.number); tipOf(options().find((drawn) => drawn.dataset.number === one.dataset.number)); } });
chart.addEventListener("keydown", move);
for (const event of ["mouseover", "focusin"]) chart.addEventListener(event, (happened) => tipOf(happened.target));
for (const event of ["mouseleave", "focusout"]) chart.addEventListener(event, () => tip(null));
if (find("people-of")) find("people-of").addEventListener("change", (event) => choose(event.target.value));
document.querySelectorAll("button.show").forEach((button) => button.addEventListener("click", () => { choose(button.value); find("detail").scrollIntoView({ block: "nearest" }); }));
let width = 0;
new ResizeObserver(() => { if (chart.clientWidth !== width) { width = chart.clientWidth; requestAnimationFrame(() => { draw(); if (view.chosen) showPeopleOf(view.chosen); }); } }).observe(chart);
if (view.chosen) choose(view.chosen); else draw();
