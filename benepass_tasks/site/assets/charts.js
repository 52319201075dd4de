// Draws the charts. Colours are the page's own, so that they follow light, dark and print.
"use strict";

window.benepassCharts = (() => {
  const { read } = window.benepass;
  const views = new Map();
  const waiting = new Map();

  const draw = async (place) => {
    const script = place.parentElement.querySelector("[data-chart-spec]");
    const { spec, rows } = read(script);
    const name = place.dataset.chart;
    // `ast`: expressions are interpreted, since the page allows no code from text.
    const options = { actions: false, ast: true, renderer: "svg", tooltip: { theme: "custom" } };
    const given = { ...spec, datasets: { rows: waiting.get(name) ?? rows } };
    const { view } = await window.vegaEmbed(place, given, options);
    views.set(name, view);
    if (waiting.has(name)) await update(name, waiting.get(name));
  };

  // Other rows for a chart, also before it is drawn.
  const update = async (name, rows) => {
    waiting.set(name, rows);
    const view = views.get(name);
    if (view) {
      view.data("rows", rows);
      await view.resize().runAsync();
    }
  };

  const drawn = Promise.all([...document.querySelectorAll("[data-chart]")].map(draw));
  return { update, drawn, views };
})();
