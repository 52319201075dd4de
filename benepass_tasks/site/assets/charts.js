// Draws the charts. Colours are the page's own, so that they follow light, dark and print.
"use strict";

window.benepassCharts = (() => {
  const { read } = window.benepass;
  const views = new Map();
  const drawing = new Map();
  // The scripts of the page come first: they may have other rows.
  const ready = new Promise((done) => {
    document.addEventListener("DOMContentLoaded", done, { once: true });
  });

  // Vega keeps groups in plain objects, where a merchant called "constructor" is there already: with
  // a space of no width at its end it is looked up as what it is.
  const drawable = (value) => {
    if (typeof value === "string") return value in {} ? `${value}\u200b` : value;
    if (Array.isArray(value)) return value.map(drawable);
    if (!value || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, it]) => [key, drawable(it)]));
  };

  // As high as its bars, which are higher where they are few; Vega-Lite would say in the console that
  // it is only as wide as its place.
  const heightOf = ({ height, encoding }, rows) => {
    if (!height?.step) return height;
    const bars = new Set(rows.map((row) => row[encoding.y.field])).size;
    return Math.max(height.step * bars, Math.min(height.step * bars * 1.5, 240));
  };

  const charts = new Map();
  for (const place of document.querySelectorAll("[data-chart]")) {
    const spec = read(place.parentElement.querySelector("[data-chart-spec]"));
    charts.set(place.dataset.chart, { place, spec: drawable(spec), rows: [] });
  }

  // What is drawn says what the pointer is told, and a keyboard reaches and follows what leads
  // somewhere: of Vega, only the mouse does.
  const speak = (place) => {
    for (const shape of place.querySelectorAll(".mark-rect > path, .mark-symbol > path")) {
      const { tooltip, href } = shape.__data__ ?? {};
      if (!tooltip) continue;
      const told = Object.entries(tooltip).map(([title, value]) => `${title}: ${value}`);
      shape.setAttribute("aria-label", told.join("; "));
      if (href) {
        shape.setAttribute("role", "link");
        shape.setAttribute("tabindex", "0");
      }
    }
  };

  const embed = async (name) => {
    const { place, spec, rows } = charts.get(name);
    const options = {
      actions: false,
      renderer: "svg",
      tooltip: { theme: "custom" },
      // Expressions are interpreted, since the page allows no code from text.
      ast: true,
      // Errors alone: a chart that a filter leaves without rows is none.
      logLevel: 1,
    };
    const description = place.getAttribute("aria-label");
    const sized = { ...spec, description, height: heightOf(spec, rows), datasets: { rows } };
    const { view } = await window.vegaEmbed(place, sized, options);
    place.addEventListener("keydown", ({ key, target }) => {
      if (key === "Enter" && target.__data__?.href) window.location.href = target.__data__.href;
    });
    views.set(name, view);
    speak(place);
    return view;
  };

  // Once there is something to draw.
  const draw = (name) => {
    if (!drawing.has(name) && charts.get(name).rows.length) drawing.set(name, embed(name));
    return drawing.get(name);
  };

  // Other rows for a chart, also before it is drawn.
  const update = async (name, rows) => {
    const chart = charts.get(name);
    if (!chart) return;
    const shown = drawable(rows);
    chart.rows = shown;
    await ready;
    const view = await draw(name);
    if (view && chart.rows === shown) {
      view.data("rows", shown);
      if (chart.spec.height?.step) view.height(heightOf(chart.spec, shown));
      await view.resize().runAsync();
      speak(chart.place);
    }
  };

  const drawn = ready.then(() => Promise.all([...charts.keys()].map(draw)));
  return { update, drawn, views };
})();
