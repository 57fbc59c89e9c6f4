// Draws the figures of a page with Plotly, under a policy that forbids inline styles.
const root = document.documentElement;
const CONFIG = { displayModeBar: false, responsive: true, showSendToCloud: false, plotlyServerURL: "" };
const shown = new Set();
let plotly;

function load(src) {
  return (plotly ??= new Promise((resolve, reject) => {
    // Plotly writes its few rules into the sheet of the element of this id, where there is one.
    const holder = document.createElement("template");
    const sheet = new CSSStyleSheet();
    holder.id = "plotly.js-style-global";
    Object.defineProperty(holder, "sheet", { value: sheet });
    document.adoptedStyleSheets.push(sheet);
    document.head.append(holder);
    // Its map library would add a <style> while it loads; nobody draws maps.
    const create = document.createElement;
    document.createElement = function (name, ...rest) {
      return create.call(this, String(name).toLowerCase() === "style" ? "template" : name, ...rest);
    };
    // The attribute is forbidden, the property is not.
    const set = Element.prototype.setAttribute;
    Element.prototype.setAttribute = function (name, value) {
      if (name === "style" && this.style) this.style.cssText = value;
      else set.call(this, name, value);
    };
    const script = create.call(document, "script");
    const settle = (done) => () => {
      delete document.createElement;
      done(window.Plotly);
    };
    script.onload = settle(resolve);
    script.onerror = settle(reject);
    script.src = src;
    document.head.append(script);
  }));
}

const probe = document.createElement("i");
probe.hidden = true;
document.body.append(probe);

function colour(token) {
  probe.style.color = `var(${token})`;
  const found = getComputedStyle(probe).color;
  const parts = found.startsWith("color(") && found.match(/[\d.e-]+/g);
  if (!parts) return found;
  const [r, g, b] = parts.map((part) => Math.round(part * 255));
  return `rgba(${r},${g},${b},${parts[3] ?? 1})`;
}

// Only where a colour stands: a label that reads like a token is a label.
function resolve(value, name = "") {
  if (Array.isArray(value)) return value.map((each) => resolve(each, name));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, resolve(each, key)]));
  }
  return /colors?$/.test(name) && /^--[\w-]+$/.test(value) ? colour(value) : value;
}

async function draw(area) {
  const figure = JSON.parse(area.nextElementSibling.textContent);
  let Plotly;
  try {
    Plotly = await load(area.dataset.plotly);
  } catch {
    area.dataset.drawn = "";
    area.textContent = "The chart could not be loaded. Its figures stand in the table.";
    return;
  }
  if (!area.isConnected) return shown.delete(area);
  const { data, layout } = resolve(figure);
  layout.font.family = getComputedStyle(document.body).fontFamily;
  layout.autosize = true;
  await Plotly.react(area, data, layout, CONFIG);
  area.dataset.drawn = root.dataset.theme;
}

const seen = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      shown.add(target);
      draw(target);
    }
  },
  { rootMargin: "240px" },
);

function find() {
  for (const area of document.querySelectorAll("[data-fig]:not([data-watched])")) {
    area.dataset.watched = "";
    seen.observe(area);
  }
}

const redraw = () => shown.forEach(draw);
find();
document.addEventListener("htmx:load", find);
document.addEventListener("ui:theme", redraw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
