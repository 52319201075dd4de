// The page Runs: all that it shows comes from runs.js, which each run writes at its end.
"use strict";

(() => {
  const { element, tables, written } = window.benepass;
  const { read, write, choose } = window.benepassAddress;
  const find = (name) => document.querySelector(`[data-${name}]`);
  const told = window.benepassRuns;
  for (const place of document.querySelectorAll("[data-untold]")) place.hidden = Boolean(told);
  for (const place of document.querySelectorAll("[data-live]")) place.hidden = !told;
  if (!told) return;

  for (const form of document.querySelectorAll("[data-filters]")) {
    form.hidden = false;
    form.addEventListener("submit", (event) => event.preventDefault());
  }
  const { runs, nodes } = told;
  const byId = new Map(runs.map((run) => [run.id, run]));
  const isBusy = (run) => run.built + run.failed > 0;
  const detailed = runs.filter((run) => nodes[run.id]?.length);
  // To the second, since runs may follow each other quickly.
  const named = (run) => `${run.started_at.slice(0, 10)} ${run.started_at.slice(11, 19)} UTC`;
  const plural = (count, one) => `${written(count, "count")} ${one}${count === 1 ? "" : "s"}`;

  tables.get("runs").replace(
    runs.map((run) => ({
      ...run,
      href: `#run=${run.id}`,
      commit: run.commit && run.commit.slice(0, 8) + (run.commit.endsWith("-dirty") ? "-dirty" : ""),
    })),
  );

  // The nodes of a run in the order in which they began, in seconds since its start.
  const nodesOf = (run) =>
    (nodes[run.id] ?? [])
      .map((it) => {
        const end = Math.max(it.done_at - run.began, 0);
        const label = it.outcome === "failed" ? `failed: ${it.node}` : it.node;
        return { ...it, label, why: it.reason, end, start: Math.max(end - (it.seconds ?? 0), 0) };
      })
      .sort((one, other) => one.start - other.start || one.end - other.end);

  const label = (run) => `${named(run)}, ${run.status}, ${run.built} built`;
  const offer = (select, offered) =>
    select.replaceChildren(
      ...offered.map((run) => element("option", { value: run.id }, label(run))),
    );

  const command = (run) => element("code", {}, `benepass runs show ${run.id.slice(0, 8)}`);
  const chosen = find("run");
  const showRun = () => {
    const run = byId.get(chosen.value);
    const all = nodesOf(run);
    const count = run.built + run.failed;
    const took = run.seconds === null ? "" : `, and took ${written(run.seconds, "seconds")}`;
    const is = { succeeded: "succeeded", failed: "failed", interrupted: "was interrupted" };
    find("run-summary").textContent =
      `The run that began ${named(run)} ${is[run.status] ?? "was going on when this was written"}${took}: ` +
      `${written(run.built, "count")} built, ${written(run.skipped, "count")} up to date, ${written(run.failed, "count")} failed` +
      `${all.length && all.length < count ? `; here are the ${all.length} that failed or took longest` : ""}.`;
    find("run-restated").hidden = !run.restated.length;
    find("run-restated").replaceChildren(
      ...run.restated.map((it) => element("li", {}, `${it.table}: the money of old months changed: ${it.months}`)),
    );
    // Not what it said: an error may name what a file has for a header.
    find("run-error").hidden = !(run.failed || run.status === "failed");
    find("run-error").replaceChildren("What went wrong is for those who run it: ", command(run), " says it.");
    find("run-nothing").hidden = all.length > 0;
    find("run-nothing").replaceChildren(
      ...(isBusy(run)
        ? ["What it did is too long ago for this page: ", command(run), " shows it."]
        : ["It built nothing: " + (run.status === "succeeded" ? "everything was up to date." : "it ended before it came to that.")]),
    );
    find('live="gantt"').hidden = !all.length;
    window.benepassCharts.update("gantt", all);
    tables.get("nodes").replace(all.map((it) => ({ ...it, reason: it.why })));
  };

  const [runA, runB] = [find("run-a"), find("run-b")];
  const why = (it) => (it ? (it.outcome === "failed" ? "failed" : it.why) : "not built");
  const difference = (a, b) => (typeof a === "number" && typeof b === "number" ? b - a : null);
  const compare = () => {
    const pair = [byId.get(runA.value), byId.get(runB.value)];
    const [inA, inB] = pair.map((run) => new Map(nodesOf(run).map((it) => [it.node, it])));
    const rows = [...new Set([...inA.keys(), ...inB.keys()])].map((node) => {
      const [a, b] = [inA.get(node), inB.get(node)];
      return {
        node,
        seconds_a: a?.seconds,
        seconds_b: b?.seconds,
        more_seconds: difference(a?.seconds ?? 0, b?.seconds ?? 0),
        rows_a: a?.rows,
        rows_b: b?.rows,
        more_rows: difference(a?.rows, b?.rows),
        why_a: why(a),
        why_b: why(b),
      };
    });
    rows.sort(
      (one, other) =>
        Math.abs(other.more_seconds) - Math.abs(one.more_seconds) || (one.node < other.node ? -1 : 1),
    );
    tables.get("compared").replace(rows);
    const [a, b] = pair;
    const more = difference(a.seconds, b.seconds);
    const longer = more === null ? "" : ` B took ${written(Math.abs(more), "seconds")} ${more < 0 ? "less" : "more"}.`;
    find("compare-summary").textContent =
      `A built ${plural(a.built, "thing")} and B ${plural(b.built, "thing")}; ${plural(rows.filter((row) => inA.has(row.node) && inB.has(row.node)).length, "thing")} both.${longer}`;
  };

  offer(chosen, runs);
  offer(runA, detailed);
  offer(runB, detailed);
  const canCompare = detailed.length > 1;
  find("compare").hidden = !canCompare;
  find("compare-nothing").hidden = canCompare;

  chosen.addEventListener("change", () => {
    write({ run: chosen.value });
    showRun();
  });
  for (const [name, select] of [["a", runA], ["b", runB]]) {
    select.addEventListener("change", () => {
      write({ [name]: select.value });
      compare();
    });
  }

  // Unless the address says otherwise: the last run, and the last two that built something.
  const followAddress = () => {
    const address = read();
    const known = (name, offered, otherwise) => (offered.find((run) => run.id === address.get(name)) ?? otherwise).id;
    choose(chosen, known("run", runs, runs[0]));
    showRun();
    if (!canCompare) return;
    choose(runA, known("a", detailed, detailed[1]));
    choose(runB, known("b", detailed, detailed[0]));
    compare();
  };
  window.addEventListener("hashchange", () => {
    followAddress();
    if (read().has("run")) find('live="run"').scrollIntoView({ block: "start" });
  });
  followAddress();
})();
