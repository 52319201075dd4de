// The filters of the overview. All figures, charts and tables of the page that they change are sums
// over one cube, as in cube.py and programs.py, which make the page without a filter.
"use strict";

(() => {
  const { pageData, tables, setFigure, written } = window.benepass;
  const charts = window.benepassCharts;
  const filters = document.querySelector("[data-filters]");
  if (!filters) return;

  const data = pageData();
  const cells = data.rows.map(([month, type, merchant, transactions, flagged, spend, ...most]) => ({
    month: data.months[month],
    benefit_type: data.types[type],
    merchant: merchant < 0 ? data.others : data.merchants[merchant],
    isFolded: merchant < 0,
    transactions,
    flagged,
    spend,
    mostInCell: most[0],
    mostInMonth: most[1],
  }));
  const programMonths = tables.get("program-months")?.rows ?? [];
  const allProgramMonths = tables.get("program-months")?.total;
  const [from, to, benefit] = ["from", "to", "benefit"].map((name) =>
    filters.querySelector(`select[name="${name}"]`),
  );
  const months = [...from.options].map((option) => option.value);
  const everything = { from: months[0], to: months.at(-1), benefit: "" };

  const cents = (value) => Math.round(value * 100) / 100;
  const sum = (rows, key) => rows.reduce((all, row) => all + row[key], 0);
  const totals = (rows) => ({
    transactions: sum(rows, "transactions"),
    flagged: sum(rows, "flagged"),
    spend: cents(sum(rows, "spend")),
  });
  const groups = (rows, keyOf) => {
    const found = new Map();
    for (const row of rows) {
      const key = keyOf(row);
      if (!found.has(key)) found.set(key, []);
      found.get(key).push(row);
    }
    return [...found.entries()];
  };
  const inOrder = (one, other) => (one < other ? -1 : one > other ? 1 : 0);

  // Months that are none of those to choose from belong to all months alone.
  const isWhole = (chosen) => chosen.from === everything.from && chosen.to === everything.to;
  const isChosen = (chosen) => (row) =>
    (isWhole(chosen) || (months.includes(row.month) && chosen.from <= row.month && row.month <= chosen.to)) &&
    (!chosen.benefit || row.benefit_type === chosen.benefit);

  const sumsBy = (rows, key, all = totals(rows).spend) =>
    groups(rows, (row) => row[key]).map(([value, of]) => {
      const sums = totals(of);
      return { [key]: value, ...sums, share: all ? sums.spend / all : null };
    });
  const mostSpendFirst = (key) => (one, other) =>
    other.spend - one.spend || inOrder(one[key], other[key]);

  // Those that have no rows of their own come last, as one.
  const merchantsOf = (rows) => {
    const { spend } = totals(rows);
    const [named, folded] = [false, true].map((isFolded) =>
      sumsBy(rows.filter((row) => row.isFolded === isFolded), "merchant", spend),
    );
    return { named: named.sort(mostSpendFirst("merchant")), folded };
  };

  // Means of the months up to the as-of date.
  const programsOf = (all) => {
    const rows = all.filter((row) => row.month <= data.until);
    const count = new Set(rows.map((row) => row.month)).size;
    const mean = (of, key) => cents(sum(of, key) / count);
    return groups(rows, (row) => JSON.stringify([row.benefit_type, row.program]))
      .map(([, of]) => {
        const { benefit_type, program } = of[0];
        const note = of.find((row) => row.note)?.note ?? null;
        const [allowance, spend] = note ? [null, null] : [mean(of, "allowance"), mean(of, "spend")];
        const used = allowance && !of.some((row) => row.is_unknown) ? spend / allowance : null;
        return { benefit_type, program, allowance, spend, used, note };
      })
      .sort(
        (one, other) =>
          (one.spend === null) - (other.spend === null) ||
          other.spend - one.spend ||
          inOrder(one.program, other.program) ||
          inOrder(one.benefit_type, other.benefit_type),
      );
  };
  const label = (row) => ({ ...row, label: `${row.program} (${row.benefit_type})` });

  // What a merchant without rows of its own has spent at most in what is chosen.
  const mostOfOneFolded = (rows, chosen) => {
    const folded = rows.filter((row) => row.isFolded);
    const key = chosen.benefit ? "mostInCell" : "mostInMonth";
    const bound = groups(folded, (row) => row.month)
      .map(([, of]) => Math.max(...of.map((row) => row[key])))
      .reduce((all, most) => all + most, 0);
    return Math.min(bound, data.mostOfFolded);
  };
  const sayCertainty = (rows, chosen, shown) => {
    const place = document.querySelector("[data-certainty]");
    if (!place) return;
    const most = cents(mostOfOneFolded(rows, chosen));
    const sure = shown.filter((row) => row.spend >= most).length;
    place.textContent =
      sure === data.mostMerchants || most === 0
        ? `None of them is among the ${shown.length} of the chart.`
        : `One of them may have spent up to ${written(most, "money")}, so ${sure} of the ${shown.length} places in the chart are certain.`;
  };

  const say = (chosen, sums) => {
    const count = months.indexOf(chosen.to) - months.indexOf(chosen.from) + 1;
    const range = chosen.from === chosen.to ? chosen.from : `${chosen.from} to ${chosen.to}`;
    const when = isWhole(chosen) ? `All ${months.length} months` : `${count} of ${months.length} months (${range})`;
    const what = chosen.benefit || "all benefit types";
    const how = sums.transactions
      ? `${written(sums.transactions, "count")} transactions, ${written(sums.spend, "money")}`
      : "no transactions";
    document.querySelector("[data-shown]").textContent = `${months.length === 1 ? months[0] : when}, ${what}: ${how}.`;
  };

  const show = (chosen) => {
    const rows = cells.filter(isChosen(chosen));
    const sums = totals(rows);
    const byMonth = sumsBy(rows, "month");
    const byType = sumsBy(rows, "benefit_type").sort(mostSpendFirst("benefit_type"));
    const { named, folded } = merchantsOf(rows);
    const shownMerchants = named.slice(0, data.mostMerchants);
    const isAll = isWhole(chosen) && !chosen.benefit;
    const ofPrograms = isAll ? programMonths : programMonths.filter(isChosen(chosen));
    const programs = programsOf(ofPrograms);
    const shownPrograms = programs.slice(0, data.mostPrograms).map(label);
    const labels = shownPrograms.map((row) => row.label);
    const shownMonths = ofPrograms
      .map(label)
      .filter((row) => labels.includes(row.label))
      .sort((one, other) => labels.indexOf(one.label) - labels.indexOf(other.label));

    setFigure("transactions", sums.transactions);
    setFigure("spend", sums.spend);
    const tablesAndCharts = {
      months: [byMonth, byMonth],
      types: [byType, byType],
      merchants: [[...named, ...folded], shownMerchants],
      programs: [programs, shownPrograms],
      "program-months": [ofPrograms, shownMonths],
    };
    for (const [name, [ofTable, ofChart]] of Object.entries(tablesAndCharts)) {
      tables.get(name)?.replace(ofTable, ofTable === programMonths ? allProgramMonths : undefined);
      charts.update(name, ofChart);
    }
    sayCertainty(rows, chosen, shownMerchants);
    say(chosen, sums);
  };

  // What is chosen stands in the address, so that a view can be kept and given away.
  const fromAddress = () => {
    const told = new URLSearchParams(window.location.hash.slice(1));
    const known = (name, select) =>
      [...select.options].some((option) => option.value === told.get(name)) ? told.get(name) : everything[name];
    const chosen = { from: known("from", from), to: known("to", to), benefit: known("benefit", benefit) };
    return chosen.from > chosen.to ? { ...chosen, from: chosen.to, to: chosen.from } : chosen;
  };
  const toAddress = (chosen) => {
    const told = Object.entries(chosen).filter(([name, value]) => value !== everything[name]);
    const { pathname, search } = window.location;
    const hash = told.length ? `#${new URLSearchParams(told)}` : "";
    window.history.replaceState(null, "", hash || pathname + search);
  };
  const apply = (chosen) => {
    [from.value, to.value, benefit.value] = [chosen.from, chosen.to, chosen.benefit];
    show(chosen);
  };

  const choose = () => {
    const [first, last] = [from.value, to.value].sort();
    const chosen = { from: first, to: last, benefit: benefit.value };
    toAddress(chosen);
    apply(chosen);
  };
  for (const select of [from, to, benefit]) select.addEventListener("change", choose);
  filters.querySelector("[data-reset]").addEventListener("click", () => {
    toAddress(everything);
    apply(everything);
  });
  window.addEventListener("hashchange", () => {
    // Other fragments, such as the skip link's, choose nothing.
    if (/^$|[#&](from|to|benefit)=/.test(window.location.hash)) apply(fromAddress());
  });
  filters.hidden = false;
  apply(fromAddress());
})();

// How the last run ended, as it wrote itself into runs.js.
(() => {
  const { element, written } = window.benepass;
  const told = window.benepassRuns;
  const last = told?.runs.find((run) => run.status !== "running");
  const place = document.querySelector("[data-last-run]");
  if (!last || !place) return;
  const open = told.incidents.length;
  const hasFailed = last.status !== "succeeded";
  const isBad = hasFailed || told.incidents.some((it) => it.severity === "fail");
  const health = hasFailed ? `${last.status[0].toUpperCase()}${last.status.slice(1)}` : isBad ? "Problems" : open ? "Warnings" : "Healthy";
  place.classList.add(isBad ? "is-bad" : open ? "is-warn" : "is-good");
  place.querySelector("[data-last-run-health]").textContent = health;
  const incidents = open === 1 ? "1 open incident" : `${open || "no"} open incidents`;
  const when = written(last.ended_at ?? last.started_at, "instant");
  place
    .querySelector("[data-last-run-note]")
    .replaceChildren(`ended ${when}, ${incidents}; `, element("a", { href: "runs.html" }, "Runs"));
})();
