// Numbers as the rest of the page writes them: a true minus, three figures, a dash for what was not measured.
const DASH = "–";
const minus = (text) => text.replace("-", "−");
const short = (value) => minus(Math.abs(value) >= 1e6 ? value.toExponential(0).replace("e+", "e") : Number(value.toPrecision(4)).toLocaleString("en", { maximumSignificantDigits: 4 }));
const three = (value) => minus(Number(value.toPrecision(3)).toLocaleString("en", { maximumSignificantDigits: 3 }));
const score = (value) => minus(value.toFixed(3)).replace(/^−(0\.000)$/, "$1");
const signed = (value) => (value > 0 && score(value) !== "0.000" ? "+" : "") + score(value);
const write = (axis, value) => (value === null ? DASH : axis.key === "delta" ? signed(value) : axis.gain ? score(value) : value >= 1e4 ? large(value) : three(value) + (axis.unit ? " " + axis.unit : ""));
const large = (value) => (value >= 1e9 ? three(value / 1e9) + " G" : value >= 1e6 ? three(value / 1e6) + " M" : three(value / 1e3) + " k");
const percent = (share) => (share > 0.995 && share < 1 ? "over 99 %" : share < 0.005 && share > 0 ? "under 1 %" : `${Math.round(100 * share)} %`);

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) if (value !== null) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
