// What every page does: write values, sort, search and page tables, say how the last run ended,
// and search the catalog. Values are only ever set as text.
"use strict";

// What another version of the pages has told is as good as nothing told.
if (
  !window.benepassRuns?.runs?.length ||
  !["nodes", "monitors", "incidents", "totals"].every((part) => window.benepassRuns[part])
) {
  window.benepassRuns = undefined;
}

window.benepass = (() => {
  const MISSING = "\u2013";
  const root = document.documentElement.dataset.root;

  const grouped = (value, digits) =>
    value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const WRITERS = {
    count: (value) => grouped(value, 0),
    money: (value) => `${value < 0 ? "-" : ""}$${grouped(Math.abs(value), 2)}`,
    rate: (value) => `${grouped(value * 100, 1)}%`,
    number: (value) => value.toLocaleString("en-US", { maximumSignificantDigits: 6 }),
    tenths: (value) => grouped(value, 1),
    seconds: (value) => `${grouped(value, 2)} s`,
    month: (value) => String(value).slice(0, 7),
    instant: (value) => `${value.slice(0, 10)} ${value.slice(11, 16)} UTC`,
  };

  // The same text as rendering.py writes for a value.
  const written = (value, kind) =>
    value === null || value === undefined || value === ""
      ? MISSING
      : (WRITERS[kind] ?? String)(value);

  const element = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value !== null && value !== undefined) made.setAttribute(key, value);
    }
    made.append(...children);
    return made;
  };

  // A name that may be broken after its underscores, dots and slashes.
  const breakable = (name) =>
    name.split(/(?<=[._/])(?=[^._/])/).flatMap((part, at) => (at ? [element("wbr"), part] : [part]));

  const read = (script) => JSON.parse(script.textContent);
  const pageData = () => {
    const script = document.getElementById("page-data");
    return script ? read(script) : {};
  };

  const CLASSES = new Set(["code", "date", "month", "instant"]);
  const NUMBERS = new Set(["count", "money", "rate", "number", "tenths", "seconds"]);

  // What a spreadsheet would calculate, as publish/spreadsheet.py has it.
  const FORMULA = /^[=+\-@\uff1d\uff0b\uff0d\uff20\t\r\n]/;
  const NUMBER = /^[-+]?[0-9]+(\.[0-9]+)?$/;

  class DataTable {
    constructor(block) {
      const data = read(block.querySelector("[data-table-rows]"));
      this.name = block.dataset.table;
      this.block = block;
      this.fields = data.fields;
      this.size = data.size;
      this.among = { held: data.rows.length, count: data.total };
      this.rows = data.rows.map((row) =>
        Object.fromEntries(data.keys.map((key, place) => [key, row[place]])),
      );
      this.page = 0;
      this.sorted = null;
      this.searched = "";
      this.body = block.querySelector("tbody");
      this.count = block.querySelector("[data-table-count]");
      this.pages = block.querySelector("[data-table-pages]");
      this.search = block.querySelector("[data-table-search]");
      this.search?.addEventListener("input", () => {
        this.searched = this.search.value.trim().toLowerCase();
        this.page = 0;
        this.show();
      });
      this.save = block.querySelector("[data-table-save]");
      if (this.save) {
        this.save.hidden = false;
        this.save.addEventListener("click", () => this.saveRows());
      }
      for (const heading of block.querySelectorAll("th[data-key]")) this.addSorting(heading);
      this.show();
    }

    addSorting(heading) {
      const button = element("button", { type: "button" }, heading.textContent);
      heading.replaceChildren(button);
      const field = this.fields.find((it) => it.key === heading.dataset.key);
      button.addEventListener("click", () => {
        const isSame = this.sorted?.field === field;
        const first = NUMBERS.has(field.kind) ? "descending" : "ascending";
        const other = first === "descending" ? "ascending" : "descending";
        const direction = isSame && this.sorted.direction === first ? other : first;
        this.sorted = { field, direction };
        for (const it of this.block.querySelectorAll("th")) it.removeAttribute("aria-sort");
        heading.setAttribute("aria-sort", direction);
        this.page = 0;
        this.show();
      });
    }

    // Other rows, from a filter of the page: of as many as it holds, of as many as there are.
    replace(rows, among = { held: rows.length, count: rows.length }) {
      this.rows = rows;
      this.among = among;
      this.page = 0;
      this.show();
    }

    found() {
      let rows = this.rows;
      if (this.searched) {
        rows = rows.filter((row) =>
          this.fields.some(({ key, kind }) =>
            written(row[key], kind).toLowerCase().includes(this.searched),
          ),
        );
      }
      if (this.sorted) {
        const { field, direction } = this.sorted;
        const sign = direction === "ascending" ? 1 : -1;
        const isMissing = (value) => value === null || value === undefined || value === "";
        // Rows without a value come last either way.
        rows = [...rows].sort((one, other) => {
          const [a, b] = [one[field.key], other[field.key]];
          if (isMissing(a) || isMissing(b)) return isMissing(a) - isMissing(b);
          const order = NUMBERS.has(field.kind) ? a - b : String(a).localeCompare(String(b), "en");
          return sign * order;
        });
      }
      return rows;
    }

    cell(row, { key, kind, link }) {
      const text = written(row[key], kind);
      const other = text.length > 60 ? "long" : null;
      const shown = kind === "code" ? breakable(text) : [text];
      const cell = element("td", {
        class: NUMBERS.has(kind) ? "number" : CLASSES.has(kind) ? kind : other,
      });
      if (link && row[link]) cell.append(element("a", { href: row[link] }, ...shown));
      else if (kind === "tag" && row[key])
        cell.append(
          element("span", { class: `tag tag-${text.toLowerCase().replaceAll(" ", "-")}` }, text),
        );
      else cell.append(...shown);
      return cell;
    }

    show() {
      const rows = this.found();
      const begin = this.page * this.size;
      const shown = rows.slice(begin, begin + this.size);
      this.body.replaceChildren(
        ...shown.map((row) =>
          element("tr", {}, ...this.fields.map((field) => this.cell(row, field))),
        ),
      );
      if (!shown.length) {
        const nothing = element("td", { colspan: this.fields.length }, "Nothing found.");
        this.body.replaceChildren(element("tr", {}, nothing));
      }
      this.say(rows.length);
      this.showPages(rows.length);
    }

    // What is found, as a file that a spreadsheet opens without calculating any of it.
    saveRows() {
      const harmless = (text) => (FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text);
      const cell = (value) => `"${harmless(String(value ?? "")).replaceAll('"', '""')}"`;
      const lines = [
        this.fields.map(({ label }) => cell(label)),
        ...this.found().map((row) => this.fields.map(({ key }) => cell(row[key]))),
      ].map((cells) => `${cells.join(",")}\r\n`);
      const address = URL.createObjectURL(new Blob(lines, { type: "text/csv" }));
      element("a", { href: address, download: `${this.name}.csv` }).click();
      URL.revokeObjectURL(address);
    }

    say(found) {
      const [all, { held, count }] = [this.rows.length, this.among];
      const [shown, inAll, inPage, there] = [found, all, held, count].map((it) => written(it, "count"));
      const rows = `${this.searched ? `${shown} of ${inAll}` : inAll} ${all === 1 ? "row" : "rows"}`;
      if (count <= held) this.count.textContent = `${rows}${this.searched ? " found" : ""}`;
      else if (all === held && !this.searched) this.count.textContent = `The first ${rows} of ${there}`;
      else this.count.textContent = `${rows} found among the first ${inPage} of ${there}`;
    }

    showPages(found) {
      const last = Math.ceil(found / this.size) - 1;
      if (last < 1) {
        this.pages.replaceChildren();
        return;
      }
      const step = (by, label) => {
        const button = element("button", { type: "button" }, label);
        button.disabled = this.page + by < 0 || this.page + by > last;
        button.addEventListener("click", () => {
          this.page += by;
          this.show();
          // The buttons are new ones now: the keyboard stays where it was.
          const again = this.pages.querySelectorAll("button")[by < 0 ? 0 : 1];
          (again.disabled ? this.pages.querySelector("button:not(:disabled)") : again)?.focus();
        });
        return button;
      };
      const where = `Page ${written(this.page + 1, "count")} of ${written(last + 1, "count")}`;
      this.pages.replaceChildren(step(-1, "Previous"), step(1, "Next"), element("span", {}, where));
    }
  }

  const tables = new Map();
  for (const block of document.querySelectorAll(".data-table:has([data-table-rows])")) {
    tables.set(block.dataset.table, new DataTable(block));
  }

  const setFigure = (name, value) => {
    for (const place of document.querySelectorAll(`[data-figure="${name}"]`)) {
      place.textContent = written(value, place.dataset.kind);
      place.style.setProperty("--letters", place.textContent.length);
    }
  };

  // How the last run ended: each run writes it into runs.js.
  const sayHealth = () => {
    const told = window.benepassRuns;
    const place = document.querySelector("[data-health]");
    const last = told?.runs.find((run) => run.status !== "running");
    if (!place || !last) return;
    const when = written(last.ended_at ?? last.started_at, "instant");
    const count = told.incidents.length;
    const { records, kept_out: keptOut } = told.totals;
    const say = (tone, text, page, link) => {
      if (tone) place.classList.add(tone);
      place.append(`${text} `, element("a", { href: `${root}${page}` }, link));
    };
    if (last.status !== "succeeded") {
      const was = last.status === "interrupted" ? "was interrupted" : last.status;
      say("is-bad", `The last run ${was}, ${when}. What you see is what was published before it.`, "runs.html", "Look");
    } else if (count) {
      const worst = told.incidents.some((it) => it.severity === "fail") ? "is-bad" : "is-warn";
      const named = told.incidents.slice(0, 2).map((it) => it.title).join("; ");
      const incidents = `${count === 1 ? "1 open incident" : `${count} open incidents`}: ${named}${count > 2 ? " and more" : ""}`;
      say(worst, `The last run succeeded, ${when}. ${incidents}.`, "quality.html#incidents", "Look");
    } else {
      const [out, all] = [keptOut, records].map((it) => written(it, "count"));
      // What is kept out may be as it should be, and is not good.
      const how = keptOut ? `, and ${out} of ${all} records are kept out` : "";
      say(keptOut ? "is-plain" : "", `The last run succeeded, ${when}. No incident is open${how}.`, "runs.html", "Runs");
    }
    place.hidden = false;
  };
  sayHealth();

  // On a phone the navigation may be wider than the window.
  const here = document.querySelector(".site-header [aria-current]");
  const tabs = here?.closest("ul");
  if (tabs) tabs.scrollLeft = here.offsetLeft - tabs.offsetLeft - (tabs.clientWidth - here.offsetWidth) / 2;

  // What finds are for: exact names first, then names that begin so, names that have it, and texts.
  const rank = ({ name, short, description }, words) => {
    const [inName, inShort, inText] = [name, short, description].map((it) => it.toLowerCase());
    if (!words.every((word) => inName.includes(word) || inText.includes(word))) return null;
    const typed = words.join(" ");
    if (inShort === typed || inName === typed) return 0;
    if (inShort.startsWith(words[0])) return 1;
    return words.every((word) => inName.includes(word)) ? 2 : 3;
  };
  const ranked = (entries, words) =>
    words.length
      ? entries
          .map((entry) => [rank(entry, words), entry])
          .filter(([order]) => order !== null)
          .sort((one, other) => one[0] - other[0])
          .map(([, entry]) => entry)
      : [];

  // A box to type in, and the list of what is found below it: arrows select, Enter goes there.
  const combobox = (input, list, options, go) => {
    let selected = -1;
    const select = (place) => {
      const items = [...list.children];
      if (!items.length) return;
      selected = (place + items.length) % items.length;
      items.forEach((item, index) => item.setAttribute("aria-selected", String(index === selected)));
      input.setAttribute("aria-activedescendant", items[selected].id);
      items[selected].scrollIntoView({ block: "nearest" });
    };
    const find = () => {
      const words = input.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
      const items = options(words);
      items.forEach((item, index) => {
        item.id = `${list.id}-${index}`;
        item.setAttribute("role", "option");
        item.setAttribute("aria-selected", "false");
      });
      list.replaceChildren(...items);
      input.setAttribute("aria-expanded", String(items.length > 0));
      input.removeAttribute("aria-activedescendant");
      select(0);
    };
    const choose = (item) => {
      if (item) go(item);
    };
    input.addEventListener("input", find);
    input.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        select(selected + (event.key === "ArrowDown" ? 1 : -1));
      } else if (event.key === "Enter") {
        event.preventDefault();
        choose(list.children[selected]);
      }
    });
    list.addEventListener("click", (event) => choose(event.target.closest("[role=option]")));
    return find;
  };

  // Badges of what is personal about a column, from their letters; the names are for those who
  // cannot see them.
  const BADGES = { I: "identifier", P: "pseudonym", Q: "quasi-identifier", S: "sensitive" };
  const badges = (letters) =>
    [...letters].map((letter) => {
      const badge = element("span", { class: `pii pii-${letter.toLowerCase()}`, title: BADGES[letter], "aria-hidden": "true" }, letter);
      return element("span", {}, badge, element("span", { class: "visually-hidden" }, ` ${BADGES[letter]}`));
    });

  return { written, element, breakable, read, pageData, tables, setFigure, root, NUMBERS, ranked, combobox, badges };
})();

// The search over the catalog.
(() => {
  const { element, root, ranked, combobox, badges } = window.benepass;
  const datasets = window.benepassSearch ?? [];
  const dialog = document.querySelector("[data-search]");
  const button = document.querySelector("[data-opens-search]");
  if (!datasets.length || !dialog) return;
  const input = dialog.querySelector("input");
  const list = dialog.querySelector("ul");
  const count = dialog.querySelector("[data-search-count]");
  const MOST = 30;

  const entries = datasets.flatMap(([dataset, description, columns]) => {
    const page = `catalog/${dataset}.html`;
    const short = dataset.slice(dataset.lastIndexOf(".") + 1);
    return [
      { name: dataset, short, description, letters: "", page },
      ...columns.map(([name, text, letters, id]) => ({
        name: `${dataset}.${name}`,
        short: name,
        description: text,
        letters,
        page: `${page}#${id}`,
      })),
    ];
  });

  const marked = (text, words) => {
    const lower = text.toLowerCase();
    const pieces = [];
    let place = 0;
    while (place < text.length) {
      const hits = words.map((word) => [lower.indexOf(word, place), word.length]).filter(([at]) => at >= 0);
      if (!hits.length) break;
      const [at, length] = hits.reduce((one, other) => (other[0] < one[0] ? other : one));
      pieces.push(text.slice(place, at), element("mark", {}, text.slice(at, at + length)));
      place = at + length;
    }
    return [...pieces, text.slice(place)];
  };

  const option = ({ name, description, letters, page }, words) =>
    element(
      "li",
      { "data-href": root + page },
      element("span", { class: "found-name" }, element("code", {}, ...marked(name, words)), ...badges(letters)),
      element("span", { class: "found-text" }, ...marked(description, words)),
    );

  const find = combobox(
    input,
    list,
    (words) => {
      const found = ranked(entries, words);
      const more = found.length > MOST ? `, the first ${MOST} are shown` : "";
      count.textContent = words.length
        ? `${found.length} found${more}`
        : "Names and descriptions; Enter opens, Escape closes.";
      return found.slice(0, MOST).map((entry) => option(entry, words));
    },
    (item) => {
      dialog.close();
      window.location.href = item.dataset.href;
    },
  );

  const open = () => {
    if (dialog.open) return;
    dialog.showModal();
    input.select();
    find();
  };

  button.hidden = false;
  button.addEventListener("click", open);
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest?.("input, select, textarea, [contenteditable]");
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      open();
    }
  });
})();
