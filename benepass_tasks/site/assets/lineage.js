// The lineage: choosing a table lights up what it is made from and what is made from it; choosing a
// column shows the tables on its way with the columns concerned. The address names what is chosen.
"use strict";

(() => {
  const { element, breakable, pageData, ranked, combobox, badges } = window.benepass;
  const data = pageData();
  const view = document.querySelector(".lineage-view");
  const graph = document.querySelector("[data-graph]");
  if (!graph) return;
  const tables = graph.querySelector("svg[data-tables]");
  const tools = document.querySelector("[data-lineage-tools]");
  const panel = document.querySelector("[data-panel]");
  const said = document.querySelector("[data-said]");
  const clear = element("button", { type: "button", "data-clear": "" }, "All tables ", element("kbd", {}, "Esc"));
  const deciding = document.querySelector("[data-deciding]");

  // What is known, by number.
  const anchors = new Map(Object.entries(data.anchors));
  const columns = [];
  const datasets = data.datasets.map(([name, description, count, place, order], number) => {
    const first = columns.length;
    for (const [column, type, pii, text] of data.columns.slice(first, first + count)) {
      const [letters, personal] = data.pii[pii];
      columns.push({ number: columns.length, dataset: number, name: column, full: `${name}.${column}`, anchor: anchors.get(column) ?? column, type, letters, personal, description: text });
    }
    const short = name.slice(name.lastIndexOf(".") + 1);
    return { number, name, short, description, place, order, first, count, layer: data.layers[place] };
  });
  const hows = data.hows.map(([what, masking]) => ({ what, masking, isDeciding: data.deciding.includes(what) }));

  const gathered = () => new Map();
  const put = (map, key, value) => {
    if (map.has(key)) map.get(key).push(value);
    else map.set(key, [value]);
  };
  const [above, below, deciders, decided] = [gathered(), gathered(), gathered(), gathered()];
  for (let place = 0; place < data.edges.length; place += 3) {
    const [from, to, how] = data.edges.slice(place, place + 3);
    const edge = { from, to, how: hows[how] };
    put(above, to, edge);
    put(below, from, edge);
  }
  for (let place = 0; place < data.rows.length; place += 3) {
    const [from, rowsOf, how] = data.rows.slice(place, place + 3);
    const edge = { from, rowsOf, how: hows[how] };
    put(deciders, rowsOf, edge);
    put(decided, from, edge);
  }
  const byName = new Map([
    ...columns.map((it) => [it.full.toLowerCase(), { column: it, dataset: datasets[it.dataset] }]),
    ...datasets.map((it) => [it.name.toLowerCase(), { dataset: it }]),
  ]);

  // All that a column derives from and all that derives from it, each with the edges on the way.
  const followed = (begin, next, end) => {
    const reached = new Set([begin]);
    const edges = [];
    for (const column of reached) {
      for (const edge of next.get(column) ?? []) {
        if (edge.how.isDeciding && !deciding.checked) continue;
        edges.push(edge);
        if (end(edge) !== undefined) reached.add(end(edge));
      }
    }
    return { reached, edges };
  };
  const upstream = (column) => {
    const found = followed(column.number, above, (edge) => edge.from);
    if (!deciding.checked) return found;
    const { reached, edges } = found;
    const known = new Set(edges);
    for (const edge of deciders.get(column.dataset) ?? []) {
      known.add(edge);
      const further = followed(edge.from, above, (it) => it.from);
      for (const it of further.reached) reached.add(it);
      for (const it of further.edges) known.add(it);
    }
    return { reached, edges: [...known] };
  };
  const downstream = (column) => {
    const found = followed(column.number, below, (edge) => edge.to);
    if (deciding.checked) {
      for (const it of found.reached) found.edges.push(...(decided.get(it) ?? []));
    }
    return found;
  };

  const SVG = "http://www.w3.org/2000/svg";
  const shape = (name, attributes = {}, ...children) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value !== null && value !== undefined) made.setAttribute(key, value);
    }
    made.append(...children);
    return made;
  };
  const address = (name) => `#${encodeURIComponent(name)}`;
  const cut = (text, longest) => (text.length > longest ? `${text.slice(0, longest - 1)}\u2026` : text);
  const masked = (masking) => (masking === "count" ? "only counted" : `masked: ${masking}`);
  const howSaid = ({ what, masking }) => (masking ? `${what}, ${masked(masking)}` : what);
  const many = (number, one, more) => `${number.toLocaleString("en-US")} ${number === 1 ? one : more}`;

  // ---------------------------------------------------------------- moving by the keyboard

  // One of the shapes is in the order of the Tab key; the arrows lead to the others.
  const roving = (shapes, beside) => {
    const rove = (to) => {
      for (const it of shapes) it.element.setAttribute("tabindex", it === to ? "0" : "-1");
    };
    const nearest = (from, found) =>
      found.reduce((best, it) => (best && Math.abs(best.y - from.y) <= Math.abs(it.y - from.y) ? best : it), null);
    const towards = (from, key) => {
      const sign = key === "ArrowUp" || key === "ArrowLeft" ? -1 : 1;
      if (key === "ArrowUp" || key === "ArrowDown") {
        return nearest(from, shapes.filter((it) => it.x === from.x && sign * (it.y - from.y) > 0));
      }
      const linked = nearest(from, beside(from, sign));
      if (linked) return linked;
      const xs = shapes.map((it) => it.x).filter((x) => sign * (x - from.x) > 0);
      const x = sign > 0 ? Math.min(...xs) : Math.max(...xs);
      return nearest(from, shapes.filter((it) => it.x === x));
    };
    for (const it of shapes) {
      it.element.addEventListener("focus", () => rove(it));
      it.element.addEventListener("keydown", (event) => {
        if (event.key === " ") {
          event.preventDefault();
          it.element.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, view: window }));
        } else if (event.key.startsWith("Arrow")) {
          event.preventDefault();
          towards(it, event.key)?.element.focus();
        }
      });
    }
    rove(shapes[0]);
    return rove;
  };

  // ---------------------------------------------------------------- the graph of all tables

  const boxes = new Map(
    [...tables.querySelectorAll(".box")].map((box) => [byName.get(box.dataset.name.toLowerCase()).dataset.number, box]),
  );
  const links = [...tables.querySelectorAll(".links path")].map((path) => ({
    path,
    from: byName.get(path.dataset.from.toLowerCase()).dataset.number,
    to: byName.get(path.dataset.to.toLowerCase()).dataset.number,
  }));
  const shapes = [...boxes].map(([number, box]) => {
    const rect = box.querySelector("rect");
    box.setAttribute("href", address(datasets[number].name));
    return { number, element: box, x: Number(rect.getAttribute("x")), y: Number(rect.getAttribute("y")) };
  });
  const shapeOf = new Map(shapes.map((it) => [it.number, it]));
  const roveTables = roving(shapes, (from, sign) =>
    links.filter((it) => (sign > 0 ? it.from : it.to) === from.number).map((it) => shapeOf.get(sign > 0 ? it.to : it.from)),
  );

  const reachedTables = (begin, isUp) => {
    const reached = new Set([begin]);
    for (const table of reached) {
      for (const { from, to } of links) {
        if (isUp && to === table) reached.add(from);
        if (!isUp && from === table) reached.add(to);
      }
    }
    return reached;
  };

  const lightTables = (chosen) => {
    const up = chosen ? reachedTables(chosen.number, true) : new Set();
    const down = chosen ? reachedTables(chosen.number, false) : new Set();
    tables.classList.toggle("has-choice", Boolean(chosen));
    for (const [number, box] of boxes) {
      const isChosen = number === chosen?.number;
      box.classList.toggle("is-chosen", isChosen);
      box.classList.toggle("is-lit", !isChosen && (up.has(number) || down.has(number)));
      if (isChosen) box.setAttribute("aria-current", "true");
      else box.removeAttribute("aria-current");
    }
    for (const { path, from, to } of links) {
      path.classList.toggle("is-lit", (up.has(from) && up.has(to)) || (down.has(from) && down.has(to)));
    }
    if (chosen) roveTables(shapeOf.get(chosen.number));
    return { up: up.size - 1, down: down.size - 1 };
  };

  // ---------------------------------------------------------------- the way of a column

  const WIDTH = 196;
  const HEAD = 28;
  const ROW = 24;
  const LANE = 16;
  const BETWEEN = 22;
  const TOP = 32;

  const end = (edge) => (edge.to === undefined ? `rows of ${edge.rowsOf}` : edge.to);
  const mean = (values) => values.reduce((one, other) => one + other, 0) / values.length;

  // The tables on the way with their columns concerned, in columns as in the graph of all tables;
  // what passes a column of tables has a lane of its own there.
  const placed = (nodes, edges) => {
    const [byTable, incoming, tableOf] = [gathered(), gathered(), new Map()];
    for (const node of nodes) {
      put(byTable, node.dataset, node);
      tableOf.set(node.key, node.dataset);
    }
    for (const edge of edges) put(incoming, end(edge), edge);
    const places = [...new Set([...byTable.keys()].map((it) => datasets[it].place))].sort((one, other) => one - other);
    const stepOf = (key) => places.indexOf(datasets[tableOf.get(key)].place);
    const [passing, labelled] = [places.map(() => new Set()), new Set()];
    for (const edge of edges) {
      const last = stepOf(end(edge));
      for (let step = stepOf(edge.from) + 1; step < last; step += 1) passing[step].add(edge.from);
      if (edge.how.masking) labelled.add(last);
    }
    const xs = [0];
    for (let step = 1; step < places.length; step += 1) xs.push(xs[step - 1] + WIDTH + (labelled.has(step) ? 196 : 44));

    const [rows, lanes] = [new Map(), new Map()];
    const lane = (from, step) => `${from} ${step}`;
    const height = (from, step) => lanes.get(lane(from, step)) ?? rows.get(from);
    const table = (dataset, step) => {
      const own = byTable.get(dataset);
      const wanted = own.flatMap(({ key }, index) =>
        (incoming.get(key) ?? [])
          .filter((edge) => stepOf(edge.from) < step)
          .map((edge) => height(edge.from, step - 1) - HEAD - (index + 0.5) * ROW),
      );
      return { dataset, own, wanted: wanted.length ? mean(wanted) : Infinity, tall: HEAD + own.length * ROW + 4, gap: BETWEEN };
    };
    const stacks = places.map((place, step) => {
      const tablesHere = [...byTable.keys()]
        .filter((it) => datasets[it].place === place)
        .sort((one, other) => datasets[one].order - datasets[other].order)
        .map((it) => table(it, step));
      const lanesHere = [...passing[step]].map((from) => ({ from, wanted: height(from, step - 1) - LANE / 2, tall: LANE, gap: 4 }));
      let bottom = 0;
      const items = [...tablesHere, ...lanesHere].sort((one, other) => (one.wanted === other.wanted ? 0 : one.wanted - other.wanted));
      for (const item of items) {
        item.y = Math.max(bottom, Math.round(item.wanted === Infinity ? bottom : item.wanted));
        bottom = item.y + item.tall + item.gap;
        if (item.own) item.own.forEach(({ key }, index) => rows.set(key, item.y + HEAD + (index + 0.5) * ROW));
        else lanes.set(lane(item.from, step), item.y + LANE / 2);
      }
      return tablesHere.map((it) => ({ ...it, x: xs[step] }));
    });
    const at = new Map([...rows].map(([key, y]) => [key, { x: xs[stepOf(key)], y: y - ROW / 2 }]));
    const flow = (edge) => {
      const [begin, last] = [stepOf(edge.from), stepOf(end(edge))];
      let [x, y] = [xs[begin] + WIDTH, rows.get(edge.from)];
      let path = `M${x} ${y}`;
      const curve = (x2, y2) => {
        const middle = (x + x2) / 2;
        path += `C${middle} ${y} ${middle} ${y2} ${x2} ${y2}`;
        [x, y] = [x2, y2];
      };
      for (let step = begin + 1; step < last; step += 1) {
        curve(xs[step], lanes.get(lane(edge.from, step)));
        x += WIDTH;
        path += `H${x}`;
      }
      curve(xs[last], rows.get(end(edge)));
      return path;
    };
    const drawnTables = stacks.flat();
    const bottoms = [...drawnTables.map((it) => it.y + it.tall), ...[...lanes.values()].map((it) => it + LANE)];
    return { tables: drawnTables, at, flow, places, xs, bottom: Math.max(...bottoms) };
  };

  const letterShapes = (letters, right, y) =>
    [...letters].reverse().map((letter, index) =>
      shape(
        "g",
        { class: `letter letter-${letter.toLowerCase()}`, "aria-hidden": "true" },
        shape("rect", { x: right - 14 - index * 16, y, width: 14, height: 14, rx: 3 }),
        shape("text", { x: right - 7 - index * 16, y: y + 10.5 }, letter),
      ),
    );

  const rowShape = (node, place, chosen) => {
    const isChosen = node.column === chosen;
    const made = shape(
      "a",
      {
        class: isChosen ? "row is-chosen" : "row",
        href: address(node.column ? node.column.full : datasets[node.dataset].name),
        "data-name": node.column?.full,
        "aria-current": isChosen ? "true" : null,
      },
      // The name of the link, and what a pointer over it says.
      shape("title", {}, node.column ? `${node.column.full}, ${node.column.personal}` : `rows of ${datasets[node.dataset].name}`),
      shape("rect", { x: place.x + 2, y: place.y, width: WIDTH - 4, height: ROW, rx: 4 }),
      shape("text", { x: place.x + 10, y: place.y + 16.5, "aria-hidden": "true" }, cut(node.column?.name ?? "which rows there are", 25)),
      ...letterShapes(node.column?.letters ?? "", place.x + WIDTH - 6, place.y + 5),
    );
    return made;
  };

  const maskShapes = (edges, at) => {
    const labels = gathered();
    for (const edge of edges.filter((it) => it.how.masking)) {
      const label = masked(edge.how.masking);
      if (!labels.get(end(edge))?.includes(label)) put(labels, end(edge), label);
    }
    return [...labels].map(([key, found]) => {
      const text = found.join(", ");
      const { x, y } = at.get(key);
      const width = text.length * 7 + 14;
      return shape(
        "g",
        { class: "mask" },
        shape("rect", { x: x - 8 - width, y: y + 3, width, height: 18, rx: 4 }),
        shape("text", { x: x - 14, y: y + 16 }, text),
      );
    });
  };

  const drawn = (chosen, up, down) => {
    const edges = [...new Set([...up.edges, ...down.edges])];
    const reached = [...new Set([...up.reached, ...down.reached])].sort((one, other) => one - other);
    const ofRows = [...new Set(edges.filter((it) => it.to === undefined).map((it) => it.rowsOf))];
    const nodes = [
      ...ofRows.map((dataset) => ({ key: `rows of ${dataset}`, dataset })),
      ...reached.map((it) => ({ key: it, dataset: columns[it].dataset, column: columns[it] })),
    ];
    const { tables: frames, at, flow, places, xs, bottom } = placed(nodes, edges);
    const [width, height] = [xs.at(-1) + WIDTH + 8, bottom + TOP + 8];
    const headings = places
      .map((place, step) => [data.layers[place], step])
      .filter(([layer, step]) => step === 0 || layer !== data.layers[places[step - 1]])
      .map(([layer, step]) => shape("text", { class: "layer", x: xs[step], y: -12 }, layer));
    const flows = edges.map((edge) => {
      const kinds = [edge.how.isDeciding && "is-deciding", edge.how.masking && "is-masked"].filter(Boolean);
      const names = { "data-from": columns[edge.from].full, "data-to": edge.to === undefined ? datasets[edge.rowsOf].name : columns[edge.to].full };
      return shape("path", { d: flow(edge), class: kinds.join(" ") || null, ...names }, shape("title", {}, howSaid(edge.how)));
    });
    const made = new Map();
    const drawnTables = frames.map(({ dataset: number, own, x, y, tall }) => {
      const dataset = datasets[number];
      const head = shape(
        "a",
        { class: "table-head", href: address(dataset.name) },
        shape("rect", { x: x + 2, y: y + 2, width: WIDTH - 4, height: HEAD - 4, rx: 4, fill: "transparent" }),
        shape("text", { class: "table-name", x: x + 10, y: y + 18, "aria-hidden": "true" }, cut(dataset.short, 26)),
        shape("title", {}, `table ${dataset.name}`),
      );
      made.set(`table ${number}`, { element: head, key: `table ${number}`, x, y });
      const lines = own.map((node) => {
        const row = rowShape(node, at.get(node.key), chosen);
        made.set(node.key, { element: row, key: node.key, ...at.get(node.key) });
        return row;
      });
      return shape("g", { class: "table" }, shape("rect", { x, y, width: WIDTH, height: tall, rx: 6 }), head, ...lines);
    });
    const svg = shape(
      "svg",
      { viewBox: `0 0 ${width} ${height}`, "data-columns": chosen.full },
      shape(
        "g",
        { transform: `translate(4 ${TOP})` },
        ...headings,
        shape("g", { class: "flows", "aria-hidden": "true" }, ...flows),
        ...drawnTables,
        shape("g", { "aria-hidden": "true" }, ...maskShapes(edges, at)),
      ),
    );
    const rove = roving([...made.values()], (from, sign) =>
      edges.filter((it) => (sign > 0 ? it.from : end(it)) === from.key).map((it) => made.get(sign > 0 ? end(it) : it.from)),
    );
    rove(made.get(chosen.number));
    return svg;
  };

  // ---------------------------------------------------------------- zoom

  let shown = tables;
  const size = (svg) => svg.viewBox.baseVal;
  const inner = () => graph.clientWidth - 2 * parseFloat(getComputedStyle(graph).paddingLeft);
  const zoomTo = (scale) => {
    const { width, height } = size(shown);
    shown.dataset.scale = scale;
    shown.setAttribute("width", width * scale);
    shown.setAttribute("height", height * scale);
  };
  const fitting = () => Math.max(0.05, Math.min(1, inner() / size(shown).width));
  // As much as fits, as long as it can be read.
  const LEAST_READABLE = 0.65;
  const readable = () => Math.max(LEAST_READABLE, fitting());
  const show = (svg) => {
    if (shown !== tables) shown.remove();
    tables.style.display = svg === tables ? "" : "none";
    shown = svg;
    if (svg !== tables) graph.append(svg);
    // What is low has all the width, and the panel is below it.
    view.classList.toggle("is-low", svg !== tables);
    if (!svg.dataset.scale) zoomTo(readable());
    if (svg !== tables && size(svg).height * svg.dataset.scale > 0.4 * window.innerHeight) {
      view.classList.remove("is-low");
      zoomTo(readable());
    }
  };
  for (const button of document.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => {
      const now = Number(shown.dataset.scale);
      const factors = { in: now * 1.25, out: now / 1.25, fit: fitting() };
      zoomTo(Math.min(3, Math.max(0.05, factors[button.dataset.zoom])));
    });
  }
  // Scrolls within the region alone.
  const reveal = (target) => {
    const [outer, it] = [graph.getBoundingClientRect(), target.getBoundingClientRect()];
    if (it.left < outer.left || it.right > outer.right) graph.scrollLeft += it.left - outer.left - (outer.width - it.width) / 2;
    if (it.top < outer.top || it.bottom > outer.bottom) graph.scrollTop += it.top - outer.top - (outer.height - it.height) / 2;
  };

  // ---------------------------------------------------------------- the panel

  // Names may be broken after their dots and underscores.
  const code = (name) => element("code", {}, ...breakable(name));
  const heading = (text) => element("h2", { tabindex: "-1" }, ...breakable(text));
  const catalogLink = (dataset, column) => {
    const anchor = column ? `#${column.anchor}` : "";
    return element("p", {}, element("a", { href: `catalog/${dataset.name}.html${anchor}` }, "Open in the catalog"));
  };
  const columnLink = (column, text) =>
    element("a", { href: address(column.full) }, code(text), element("span", { class: "letters" }, ...badges(column.letters)));

  const tablePanel = (dataset) => {
    const own = columns.slice(dataset.first, dataset.first + dataset.count);
    return [
      heading(dataset.name),
      element("p", {}, dataset.description),
      catalogLink(dataset),
      element("h3", {}, many(dataset.count, "column", "columns")),
      element("ul", { class: "column-list" }, ...own.map((it) => element("li", {}, columnLink(it, it.name)))),
    ];
  };

  // The columns on one side of the chosen one, by table, the nearest to it first.
  const way = (title, chosen, { reached, edges }, isUp) => {
    const steps = gathered();
    for (const edge of edges) {
      const [of, other] = isUp ? [edge.from, end(edge)] : [end(edge), edge.from];
      const name = typeof other === "number" ? columns[other].full : `rows of ${datasets[edge.rowsOf].name}`;
      const line = element("span", { class: edge.how.masking ? "step masked" : "step" }, ...breakable(`${howSaid(edge.how)} ${isUp ? "into" : "from"} ${name}`));
      put(steps, of, line);
    }
    const places = [...reached, ...new Set([...steps.keys()].filter((it) => typeof it !== "number"))].filter((it) => it !== chosen.number);
    const item = (key) => {
      const column = columns[key];
      const link = column
        ? columnLink(column, column.full)
        : element("a", { href: address(datasets[Number(key.slice(8))].name) }, code(`rows of ${datasets[Number(key.slice(8))].name}`));
      return element("li", {}, link, ...(steps.get(key) ?? []));
    };
    const list = places.length
      ? element("ul", { class: "way", "data-way": isUp ? "upstream" : "downstream" }, ...places.map(item))
      : element("p", { class: "hint", "data-way": isUp ? "upstream" : "downstream" }, isUp ? "None: this is where it comes from." : "None: nothing further is made from it.");
    return element("section", {}, element("h3", {}, `${title} (${places.length.toLocaleString("en-US")})`), list);
  };

  const columnPanel = (column, up, down) => {
    const dataset = datasets[column.dataset];
    const personal = element("p", {}, ...badges(column.letters).flatMap((it) => [it, " "]), column.personal);
    for (const it of personal.querySelectorAll(".visually-hidden")) it.remove();
    const about = [
      heading(column.full),
      element("p", {}, column.description),
      element("p", {}, element("code", {}, column.type)),
      personal,
      catalogLink(dataset, column),
      element("p", {}, element("a", { href: address(dataset.name) }, `All columns of ${dataset.name}`)),
    ];
    return [element("section", {}, ...about), way("Derives from", column, up, true), way("Leads to", column, down, false)];
  };

  // ---------------------------------------------------------------- choosing

  let cameFrom = null;

  const say = (text) => {
    said.textContent = text;
  };

  const chooseColumn = (column) => {
    const [up, down] = [upstream(column), downstream(column)];
    const svg = drawn(column, up, down);
    show(svg);
    panel.replaceChildren(clear, ...columnPanel(column, up, down));
    const masks = new Set([...up.edges, ...down.edges].filter((it) => it.how.masking).map((it) => masked(it.how.masking)));
    const onTheWay = masks.size ? `; on the way ${[...masks].join(", ")}` : "";
    say(`${column.full}, ${column.personal}: derives from ${many(up.reached.size - 1, "column", "columns")}, leads to ${many(down.reached.size - 1, "column", "columns")}${onTheWay}.`);
    return svg.querySelector(".row.is-chosen");
  };

  const chooseTable = (dataset) => {
    show(tables);
    const { up, down } = lightTables(dataset);
    panel.replaceChildren(clear, ...tablePanel(dataset));
    say(`${dataset.name}: ${many(dataset.count, "column", "columns")}; made from ${many(up, "dataset", "datasets")}, ${many(down, "table is", "tables are")} made from it.`);
    return boxes.get(dataset.number);
  };

  const chooseNothing = (name) => {
    show(tables);
    lightTables(null);
    panel.replaceChildren();
    if (name) {
      panel.append(clear, heading("Nothing found"), element("p", {}, `No table or column is called ${cut(name, 100)}. Find one above, or choose a table.`));
    }
    say(name ? `No table or column is called ${cut(name, 100)}.` : cameFrom ? "All tables." : "");
    return null;
  };

  const named = () => {
    const text = window.location.hash.slice(1);
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  };

  const update = () => {
    // What had the focus may be no more after this, and its place has it then.
    if (graph.contains(document.activeElement)) cameFrom ??= "graph";
    else if (panel.contains(document.activeElement)) cameFrom ??= "panel";
    const name = named();
    // The skip link leads to the content, and chooses nothing.
    const found = byName.get(name.toLowerCase());
    const unknown = found || name === "main" ? "" : name;
    const isAny = Boolean(found || unknown);
    panel.hidden = !isAny;
    const target = found?.column ? chooseColumn(found.column) : found ? chooseTable(found.dataset) : chooseNothing(unknown);
    if (target) reveal(target);
    if (cameFrom === "graph") target?.focus({ preventScroll: true });
    else if (cameFrom === "panel") panel.querySelector("h2")?.focus({ preventScroll: true });
    if (cameFrom && isAny) panel.scrollIntoView({ block: "nearest" });
    cameFrom = null;
  };

  const forget = () => {
    if (panel.hidden) return;
    const last = byName.get(named().toLowerCase())?.dataset;
    window.history.pushState(null, "", "#");
    cameFrom = "clear";
    update();
    if (last) boxes.get(last.number).focus({ preventScroll: true });
  };

  graph.addEventListener("click", (event) => {
    if (event.target.closest("a")) cameFrom = "graph";
  });
  panel.addEventListener("click", (event) => {
    if (event.target.closest("a")?.getAttribute("href").startsWith("#")) cameFrom = "panel";
  });
  clear.addEventListener("click", forget);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented && !document.querySelector("dialog[open]")) forget();
  });
  deciding.addEventListener("change", update);
  window.addEventListener("hashchange", update);

  // ---------------------------------------------------------------- finding

  const input = document.getElementById("lineage-find");
  const list = document.getElementById("lineage-found");
  const MOST = 12;
  // The marts first, as in the search of the catalog.
  const entries = [...datasets]
    .sort((one, other) => other.place - one.place)
    .flatMap((dataset) => [
      { name: dataset.name, short: dataset.short, description: "", letters: "" },
      ...columns
        .slice(dataset.first, dataset.first + dataset.count)
        .map((it) => ({ name: it.full, short: it.name, description: "", letters: it.letters })),
    ]);
  const find = combobox(
    input,
    list,
    (words) => {
      const found = ranked(entries, words).slice(0, MOST);
      list.hidden = !found.length;
      return found.map((it) => element("li", { "data-name": it.name }, element("code", {}, it.name), " ", ...badges(it.letters)));
    },
    (item) => {
      cameFrom = "panel";
      input.value = "";
      find();
      if (named() === item.dataset.name) update();
      else window.location.hash = address(item.dataset.name);
    },
  );
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && input.value) {
      event.preventDefault();
      input.value = "";
      find();
    }
  });
  input.addEventListener("blur", () => {
    // A click on the list comes after it.
    window.setTimeout(() => {
      list.hidden = true;
    }, 200);
  });
  input.addEventListener("focus", find);

  tools.hidden = false;
  zoomTo(readable());
  update();
})();
