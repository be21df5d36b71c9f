"use strict";
// Charts, live updates and the copy button. Pages can be read without any of it.

// The way from this page to the first, as in "../../": a proxy may have put us under any path.
const ROOT = document.documentElement.dataset.root;

const COLOURS = ["ink", "faint", "line", "paper", "accent", "blue", "orange", "green", "vermillion",
  "purple", "sky", "brown", "grey"];

// Named one by one: others of plotly's buttons would send the chart to another host.
const CONFIGURATION = {
  displaylogo: false,
  displayModeBar: "hover",
  modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
  responsive: true,
};

function theme() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(COLOURS.map((name) => [name, style.getPropertyValue("--" + name).trim()]));
}

// A specification with the names of colours replaced by those of the page's theme.
function coloured(value, colours, key = "") {
  if (Array.isArray(value)) {
    return value.map((one) => coloured(one, colours, key));
  }
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, coloured(one, colours, name)]));
  }
  const names = typeof value === "string" && /color/.test(key);
  return names && Object.hasOwn(colours, value) ? colours[value] : value;
}

function draw(box) {
  const source = box.querySelector("script[type='application/json']");
  if (!source || !window.Plotly) {
    return;
  }
  const colours = theme();
  const spec = coloured(JSON.parse(source.textContent), colours);
  const axis = { gridcolor: colours.line, linecolor: colours.faint, zerolinecolor: colours.line, automargin: true };
  const layout = {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: colours.ink, family: "system-ui, sans-serif", size: 12 },
    margin: { l: 56, r: 12, t: 12, b: 44 },
    legend: { orientation: "h", y: 1.12 },
    hoverlabel: { align: "left" },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: colours.faint, activecolor: colours.accent },
    ...spec.layout,
  };
  for (const name of Object.keys(layout)) {
    if (/^[xy]axis/.test(name)) {
      layout[name] = { ...axis, ...layout[name] };
    }
  }
  let plot = box.querySelector(".plot");
  if (!plot) {
    plot = document.createElement("div");
    plot.className = "plot";
    plot.style.height = "100%";
    box.append(plot);
  }
  window.Plotly.react(plot, spec.data, layout, CONFIGURATION);
  if (!plot.dataset.picks) {
    plot.dataset.picks = "yes";
    plot.on("plotly_click", (event) => {
      const path = event.points[0].customdata;
      // Only pages of ours.
      if (typeof path === "string" && /^studies\//.test(path)) {
        location.assign(ROOT + path);
      }
    });
  }
}

function drawAll() {
  document.querySelectorAll(".chart").forEach(draw);
}

// The parts of the page that were marked as live, from a fresh copy of the page.
async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  shine(answer.ok, answer.ok ? "live" : "not live: the store cannot be read");
  if (!answer.ok) {
    return;
  }
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const other = fresh.getElementById(part.id);
    if (!other || part.contains(document.activeElement)) {
      continue;
    }
    const source = (root) => [...root.querySelectorAll(".chart")];
    const kept = new Map(source(part).map((box) => [box.id, box]));
    const opened = [...part.querySelectorAll("details[open]")].map((one) => one.id);
    for (const box of source(other)) {
      const old = kept.get(box.id);
      if (old) {
        old.querySelector("script").textContent = box.querySelector("script").textContent;
        box.replaceWith(old);
      }
    }
    part.replaceChildren(...other.childNodes);
    opened.filter(Boolean).forEach((id) => document.getElementById(id)?.setAttribute("open", ""));
  }
  document.documentElement.dataset.state = fresh.documentElement.dataset.state;
  drawAll();
}

function shine(on, text) {
  const light = document.getElementById("live");
  light.textContent = text;
  light.classList.toggle("on", on);
}

function follow() {
  if (!document.getElementById("live") || !document.querySelector("[data-live]")) {
    return;
  }
  let busy = false;
  let again = false;
  async function changed() {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    try {
      await refresh();
    } finally {
      busy = false;
    }
    if (again) {
      again = false;
      setTimeout(changed, 1000);
    }
  }
  const events = new EventSource(ROOT + "events");
  events.addEventListener("open", () => shine(true, "live"));
  events.addEventListener("error", () => shine(false, "not live: no connection"));
  events.addEventListener("change", (event) => {
    if (JSON.parse(event.data).state !== document.documentElement.dataset.state) {
      changed();
    } else {
      shine(true, "live");
    }
  });
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (button) {
    const source = document.getElementById(button.dataset.copy);
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = "copied";
    setTimeout(() => { button.textContent = "copy"; }, 1500);
  }
});

document.addEventListener("change", (event) => {
  if (event.target.matches("form.filters select, form.filters input[type=checkbox]")) {
    event.target.form.requestSubmit();
  }
});

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
drawAll();
follow();
