// The filters of a page: its figures, charts and tables are sums over the rows of its queries, as in
// sums.py, which makes the page without a script.
"use strict";

(() => {
  const { element, pageData, tables, setFigure, written, NUMBERS } = window.benepass;
  const { read, write } = window.benepassAddress;
  const { filters, queries, blocks } = pageData();
  if (!blocks) return;
  const MISSING = (value) => value === null || value === undefined;
  const OTHER = "other";
  // A month or day, or a first and a last one.
  const TIMES = /^\d{4}-\d\d(-\d\d)?(\.\.\d{4}-\d\d(-\d\d)?)?$/;

  // Rows of a query, from its columns.
  const rowsOf = ({ columns, count }) => {
    const made = Array.from({ length: count }, () => ({}));
    for (const [name, column] of Object.entries(columns)) {
      for (let place = 0; place < count; place += 1) {
        const value = Array.isArray(column) ? column[place] : column.values[column.at[place]];
        made[place][name] = value ?? null;
      }
    }
    return made;
  };
  const all = new Map(Object.entries(queries).map(([name, query]) => [name, rowsOf(query)]));

  // ------------------------------------------------------------------------------------------ sums
  const sum = (rows, column) => rows.reduce((total, row) => total + row[column], 0);
  const total = (rows, { column, per, isShare, kind }, whole) => {
    const known = rows.filter((row) => !MISSING(row[column]) && (!per || !MISSING(row[per])));
    if (!known.length) return !rows.length && !per && !isShare && ["count", "money"].includes(kind) ? 0 : null;
    const found = sum(known, column);
    if (per) return sum(known, per) ? found / sum(known, per) : null;
    if (isShare) return whole ? found / whole : null;
    return kind === "money" ? Math.round(found * 100) / 100 : found;
  };
  const grouped = (rows, dimensions, measures) => {
    const groups = new Map();
    for (const row of rows) {
      const key = JSON.stringify(dimensions.map((name) => row[name]));
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(row);
    }
    const wholes = measures.map((it) => (it.isShare ? total(rows, { column: it.column }) : null));
    return [...groups.values()].map((of) => {
      const made = Object.fromEntries(dimensions.map((name) => [name, of[0][name]]));
      measures.forEach((it, place) => {
        made[it.key] = total(of, it, wholes[place]);
      });
      return made;
    });
  };
  const inOrder = (rows, dimension, by) => {
    const text = (value) => (MISSING(value) ? "" : String(value));
    const order = (one, other) => (one < other ? -1 : one > other ? 1 : 0);
    return [...rows].sort((one, other) => {
      if (by !== "self") {
        const [a, b] = [one[by], other[by]];
        return MISSING(a) - MISSING(b) || b - a || order(text(one[dimension]), text(other[dimension]));
      }
      const [a, b] = [one[dimension], other[dimension]];
      return MISSING(a) - MISSING(b) || order(a, b);
    });
  };

  // --------------------------------------------------------------------------------------- filters
  const selects = [...document.querySelectorAll("[data-filter]")];
  const of = (filter, end = 0) =>
    selects.find((it) => it.dataset.filter === filter.column && Number(it.dataset.end ?? 0) === end);
  const shown = filters.filter((filter) => of(filter));

  // What is chosen, by column: a first and a last value; null for all of them.
  const chosen = () =>
    Object.fromEntries(
      shown.map((filter) => {
        const ends = [0, filter.isRange ? 1 : 0].map((end) => of(filter, end).value);
        return [filter.column, ends[0] === "" ? null : ends[0] <= ends[1] ? ends : [ends[1], ends[0]]];
      }),
    );
  const isWithin = (row, spans) =>
    Object.entries(spans).every(
      ([column, span]) =>
        !span || !(column in row) ||
        (!MISSING(row[column]) && span[0] <= String(row[column]) && String(row[column]) <= span[1]),
    );

  // ---------------------------------------------------------------------------------------- blocks
  // Where a row leads: with its own values, and what is chosen here of the filters that both have.
  const linked = (row, link) => {
    if (!link) return row;
    const known = link.columns.filter((name) => !MISSING(row[name])).map((name) => [name, row[name]]);
    const chosenHere = link.shared.map((name) => [name, read().get(name)]).filter(([, value]) => value);
    const filters = new URLSearchParams([...known, ...chosenHere]);
    return { ...row, _href: known.length ? `${link.page}.html#${filters}` : null };
  };
  const show = {
    figure: ({ id, query, measure, last, tone }, rows) => {
      const place = document.querySelector(`[data-block="${CSS.escape(id)}"]`);
      const whole = measure.isShare ? total(all.get(query), { column: measure.column }) : null;
      let value = last ? null : total(rows, measure, whole);
      if (last) {
        const sums = inOrder(grouped(rows.filter((row) => !MISSING(row[last])), [last], [measure]), last, "self");
        const [before, now] = [null, null, ...sums].slice(-2);
        value = now?.[measure.key] ?? null;
        const was = before?.[measure.key];
        const change = value === null || MISSING(was) || was <= 0 ? null : value / was - 1;
        const how = change === null ? "" : `, ${change < 0 ? "" : "+"}${(change * 100).toFixed(1)}% on ${before[last]}`;
        place.querySelector("[data-change]").textContent = now ? `in ${now[last]}${how}` : "";
      }
      setFigure(id, value);
      if (tone) place.classList.toggle(`is-${tone}`, Boolean(value));
    },
    note: ({ id, measure }, rows) => {
      document.querySelector(`[data-block="${CSS.escape(id)}"]`).hidden = !total(rows, measure);
    },
    chart: ({ id, dimensions, measures, sort, limit, series, link, folded, time }, rows) => {
      const known = series ? new Set(series.domain) : null;
      const coloured = known
        ? rows.map((row) => ({ ...row, [series.column]: known.has(String(row[series.column])) ? row[series.column] : OTHER }))
        : rows;
      const sums = grouped(coloured, dimensions, measures).map((row) => linked(row, link));
      const ordered = sort ? inOrder(sums, dimensions[0], sort) : sums;
      tables.get(id)?.replace(ordered);
      const drawable = ordered.filter((row) => (!time || !MISSING(row[time])) && row[dimensions[0]] !== folded);
      window.benepassCharts?.update(id, limit ? drawable.slice(0, limit) : drawable);
    },
    table: ({ id, query, dimensions, measures, sort, link, total: count }, rows) => {
      const sums = dimensions ? inOrder(grouped(rows, dimensions, measures), dimensions[0], sort) : rows;
      const among = dimensions ? undefined : { held: all.get(query).length, count };
      tables.get(id)?.replace(sums.map((row) => linked(row, link)), among);
    },
  };

  const showAll = () => {
    const spans = chosen();
    const left = new Map([...all].map(([name, rows]) => [name, rows.filter((row) => isWithin(row, spans))]));
    for (const block of blocks) show[block.type](block, left.get(block.query));
    for (const place of document.querySelectorAll("[data-value]")) {
      const [query, column] = place.dataset.value.split(".");
      const { kind } = place.dataset;
      const rows = left.get(query) ?? [];
      const value = NUMBERS.has(kind) ? total(rows, { column, kind }) : rows[0]?.[column];
      place.textContent = written(value, kind);
    }
  };

  // --------------------------------------------------------------------------------------- address
  // month=2025-01..2025-03&merchant=Cafe; what is as at first is left out.
  const first = (filter) => filter.default ?? ["", ""];
  // What an address asks for is chosen even if no row has it: others would be shown for it otherwise.
  const choose = (select, value) => {
    if (![...select.options].some((option) => option.value === value)) {
      select.append(element("option", { value }, value));
    }
    select.value = value;
  };
  const followAddress = () => {
    const address = read();
    for (const filter of shown) {
      const told = address.get(filter.column);
      const isTold = told !== null && (!filter.isRange || TIMES.test(told));
      const ends = !isTold ? first(filter) : filter.isRange ? told.split("..") : [told];
      choose(of(filter), ends[0]);
      if (filter.isRange) choose(of(filter, 1), ends.at(-1));
    }
    showAll();
  };
  const toAddress = () => {
    const spans = chosen();
    write(
      Object.fromEntries(
        shown.map((filter) => {
          const span = spans[filter.column];
          const isFirst = (span ?? ["", ""]).every((value, end) => value === first(filter)[end]);
          return [filter.column, isFirst || !span ? "" : filter.isRange ? span.join("..") : span[0]];
        }),
      ),
    );
  };
  for (const select of selects) {
    select.addEventListener("change", () => {
      toAddress();
      showAll();
    });
  }
  for (const button of document.querySelectorAll("[data-reset]")) {
    button.addEventListener("click", () => {
      write(Object.fromEntries(shown.map((filter) => [filter.column, ""])));
      followAddress();
    });
  }
  for (const form of document.querySelectorAll("[data-filters]")) form.hidden = false;
  window.addEventListener("hashchange", followAddress);
  followAddress();

  // ------------------------------------------------------------- what the runs say at their end
  const told = window.benepassRuns;
  for (const place of document.querySelectorAll("[data-untold]")) place.hidden = Boolean(told);
  for (const place of document.querySelectorAll("[data-live]")) {
    const { live } = place.dataset;
    const rows = told?.[live];
    place.hidden = !rows?.length;
    if (rows) tables.get(live).replace(rows, { held: rows.length, count: told.totals[live] });
    document.querySelector(`[data-live-none="${live}"]`).hidden = !rows || rows.length > 0;
  }

  // A section that folds opens for an address that leads into it.
  const unfold = () => {
    const id = decodeURIComponent(window.location.hash.slice(1));
    const section = id && !id.includes("=") ? document.getElementById(id)?.closest("details") : null;
    if (section) section.open = true;
  };
  window.addEventListener("hashchange", unfold);
  unfold();
  // A chart is as wide as its place, which it has only once that is unfolded.
  for (const section of document.querySelectorAll(".section-fold")) {
    section.addEventListener("toggle", () => window.dispatchEvent(new Event("resize")));
  }
})();
