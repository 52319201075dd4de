// The filters of the page Data quality, and what the runs say at their end.
"use strict";

(() => {
  const { element, pageData, setFigure, tables, written } = window.benepass;
  const { read, write, choose } = window.benepassAddress;
  const { runs, series, reasons } = pageData();
  const find = (name) => document.querySelector(`[data-${name}]`);
  for (const form of document.querySelectorAll("[data-filters]")) {
    form.hidden = false;
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  // Reasons and flags over the runs, of one source or of all.
  const overRuns = find("over-runs-source");
  const nowRows = new Map(
    Object.keys(series).map((kind) => [kind, tables.get(`${kind}s-now`)?.rows]),
  );
  const showOverRuns = () => {
    const source = overRuns.value;
    for (const [kind, scopes] of Object.entries(series)) {
      const found = new Map(Object.entries(scopes)).get(source) ?? [];
      const rows = found.flatMap(([name, counts], place) =>
        counts.map((records, index) => ({ run: runs[index], name, place, records })),
      );
      if (find(`chart="${kind}s-over-runs"`)) {
        window.benepassCharts.update(`${kind}s-over-runs`, rows);
      }
      const all = nowRows.get(kind);
      const isWanted = (row) => source === "all" || row.source === source;
      if (all) tables.get(`${kind}s-now`).replace(all.filter(isWanted));
    }
  };
  overRuns.addEventListener("change", () => {
    write({ over: overRuns.value === "all" ? "" : overRuns.value });
    showOverRuns();
  });

  // The quarantined records, of a source and for a reason.
  const [source, reason] = [find("quarantine-source"), find("quarantine-reason")];
  const quarantined = tables.get("quarantined");
  const records = quarantined?.rows;
  const offerReasons = () => {
    const counts = new Map();
    for (const [of, name, count] of reasons) {
      if (!source.value || of === source.value) counts.set(name, (counts.get(name) ?? 0) + count);
    }
    const offered = [...counts].map(([name, count]) =>
      element("option", { value: name }, `${name} (${written(count, "count")})`),
    );
    const chosen = reason.value;
    reason.replaceChildren(element("option", { value: "" }, "All reasons"), ...offered);
    choose(reason, chosen);
  };
  const showQuarantined = () => {
    const isWanted = (of, name) =>
      (!source.value || of === source.value) && (!reason.value || name === reason.value);
    const total = reasons
      .filter(([of, name]) => isWanted(of, name))
      .reduce((sum, [, , count]) => sum + count, 0);
    quarantined.replace(
      records.filter((row) => isWanted(row.source, row.reason)),
      total,
    );
  };
  const changed = () => {
    offerReasons();
    write({ source: source.value, reason: reason.value });
    showQuarantined();
  };
  source?.addEventListener("change", changed);
  reason?.addEventListener("change", changed);

  const followAddress = () => {
    const address = read();
    choose(overRuns, address.get("over") ?? "all");
    showOverRuns();
    if (!quarantined) return;
    choose(source, address.get("source") ?? "");
    offerReasons();
    choose(reason, address.get("reason") ?? "");
    showQuarantined();
  };
  window.addEventListener("hashchange", followAddress);
  followAddress();

  // What is wrong, and what the monitors said.
  const told = window.benepassRuns;
  for (const place of document.querySelectorAll("[data-untold]")) place.hidden = Boolean(told);
  for (const place of document.querySelectorAll("[data-live]")) place.hidden = !told;
  if (told) {
    setFigure("looked", told.monitors[0]?.checked_at);
    find("looked").hidden = !told.monitors.length;
    tables.get("monitors-table").replace(told.monitors, told.totals.monitors);
    tables.get("incidents-table").replace(told.incidents, told.totals.incidents);
    find('live="incidents"').hidden = !told.incidents.length;
    find("incidents-none").hidden = told.incidents.length > 0;
  }
})();
