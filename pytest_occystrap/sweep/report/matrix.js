// The matrix: exchanges by faults, the other way round where the window is narrow.

const NARROW = matchMedia("(max-width: 700px)");

function drawMatrix(sweep, matches, open) {
  const shown = sweep.cases.filter((run) => run.row !== null && matches(run));
  const rows = heads(sweep.rows.map((name) => exchangeHead(sweep, name)), shown, "row");
  const columns = heads(sweep.columns.map(faultHead), shown, "column");
  const [down, across] = NARROW.matches ? [columns, rows] : [rows, columns];
  const cells = new Map(sweep.cases.filter((run) => run.row !== null)
    .map((run) => [`${run.row}/${run.column}`, run]));
  const find = (d, a) => cells.get(NARROW.matches ? `${a.index}/${d.index}` : `${d.index}/${a.index}`);
  const body = make("tbody");
  let kind = "";
  for (const one of down) {
    if (one.kind && one.kind !== kind) body.append(kindRow(one.kind, across.length));
    kind = one.kind;
    const line = make("tr", {}, one.head("row"));
    for (const other of across) {
      line.append(cell(find(one, other), matches, open, other.first));
    }
    body.append(line);
  }
  const table = place("matrix");
  table.replaceChildren(columnHeads(across), body);
  table.classList.toggle("turned", NARROW.matches);
  const first = table.querySelector("button.cell:not(.off)");
  if (first) first.tabIndex = 0;
  place("frame").hidden = shown.length === 0;
  return shown.sort((a, b) => a.row - b.row || a.column - b.column);
}

// Only rows and columns with a run that is shown; `first` begins another kind.
function heads(all, shown, side) {
  const used = new Set(shown.map((run) => run[side]));
  const kept = all.map((head, index) => ({ ...head, index })).filter((head) => used.has(head.index));
  return kept.map((head, place) => ({ ...head, first: place > 0 && kept[place - 1].kind !== head.kind }));
}

function exchangeHead(sweep, name) {
  const { number, method, target } = exchangeParts(name);
  const step = sweep.peace.find((one) => String(one.number) === number);
  const status = step && step.status !== null ? String(step.status) : "";
  const label = () => [
    make("span", { class: "number" }, number), " ", make("span", { class: "method" }, method), " ",
    make("span", { class: "target" }, target), " ", make("span", { class: "status" }, status),
  ];
  return { kind: "", head: (scope) => head(scope, name, label()) };
}

function faultHead(column) {
  const [first, ...rest] = column.label.split(" ");
  const isEndless = column.label.endsWith(" for ever");
  const told = rest.join(" ").replace(/ ?for ever$/, isEndless ? "" : "$&");
  const label = () => [make("b", {}, first), told ? ` ${told}` : "", isEndless ? " \u221e" : ""];
  return { kind: column.kind, head: (scope) => head(scope, column.label, label()) };
}

function head(scope, title, label) {
  return make("th", { scope: scope === "row" ? "row" : "col", title }, make("span", { class: "label" }, ...label));
}

function kindRow(kind, width) {
  return make("tr", { class: "kind" }, make("th", { colspan: width + 1, scope: "rowgroup" }, make("span", {}, kind)));
}

function columnHeads(across) {
  const group = make("tr", { class: "kinds" }, make("td", { class: "corner" }));
  const line = make("tr", {}, make("td", { class: "corner" }));
  let last = null;
  for (const one of across) {
    if (last && last.kind === one.kind) last.cell.colSpan += 1;
    else {
      last = { kind: one.kind, cell: make("th", { scope: "colgroup", class: one.first ? "first" : null, title: one.kind }, make("span", {}, one.kind)) };
      group.append(last.cell);
    }
    const cell = one.head("col");
    if (one.first) cell.classList.add("first");
    line.append(cell);
  }
  return make("thead", {}, across.some((one) => one.kind) ? group : null, line);
}

function cell(run, matches, open, isFirst) {
  const classes = isFirst ? "first" : null;
  if (!run) return make("td", { class: classes });
  const odd = isExpected(run) ? "" : " odd";
  const off = matches(run) ? "" : " off";
  const told = `${run.exchange}, ${run.fault}: ${run.verdict}${odd ? `, expected ${run.expected}` : ""}`;
  const button = make("button", {
    type: "button", class: `cell ${run.verdict}${odd}${off}`, tabindex: -1, "data-case": run.place,
    "aria-label": told, on: { click: () => open(run) },
  }, SIGNS[run.verdict]);
  return make("td", { class: classes }, button);
}

function drawPairs(sweep, matches, open) {
  const pairs = sweep.cases.filter((run) => run.row === null && matches(run));
  place("pair-list").replaceChildren(...pairs.map((run) => make("li", {}, pairButton(run, open))));
  place("pairs").hidden = pairs.length === 0;
  return pairs;
}

function pairButton(run, open) {
  const exchanges = run.exchange.split(" + ");
  const lines = run.fault.split(" + ").map((fault, place) => make("span", { class: "mono" },
    make("b", {}, fault), ` at ${exchanges[place] || ""}`));
  return make("button", { type: "button", class: `pair${isExpected(run) ? "" : " odd"}`, "data-case": run.place, on: { click: () => open(run) } },
    badge(run.verdict), make("span", { class: "both" }, ...lines));
}

// Arrow keys go to the next run in their direction, over the empty places.
const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

function moveInMatrix(event) {
  const from = event.target.closest("button.cell");
  if (!from) return;
  const line = from.closest("tr");
  let to = null;
  if (event.key in MOVES) to = nextCell(line, [...line.cells].indexOf(from.parentNode), MOVES[event.key]);
  else if (event.key === "Home") to = line.querySelector("button.cell:not(.off)");
  else if (event.key === "End") to = [...line.querySelectorAll("button.cell:not(.off)")].pop();
  else return;
  event.preventDefault();
  if (to) focusCell(to);
}

function nextCell(line, column, [down, right]) {
  for (;;) {
    column += right;
    if (down) line = down > 0 ? line.nextElementSibling : line.previousElementSibling;
    if (!line || column < 1 || (right && column >= line.cells.length)) return null;
    const found = line.cells[column] && line.cells[column].querySelector("button.cell:not(.off)");
    if (found) return found;
  }
}

function focusCell(button) {
  for (const old of place("matrix").querySelectorAll('button.cell[tabindex="0"]')) old.tabIndex = -1;
  button.tabIndex = 0;
  button.focus({ preventScroll: true });
  reveal(button);
}

// Scroll a cell out from under the heads, which stay where they are.
function reveal(button) {
  const frame = place("frame").getBoundingClientRect(), box = button.getBoundingClientRect();
  const corner = place("matrix").querySelector("tbody th[scope=row]").getBoundingClientRect();
  const top = place("matrix").tHead.getBoundingClientRect().bottom, left = corner.right;
  const gap = 8;
  let x = 0, y = 0;
  if (box.left < left) x = box.left - left - gap;
  else if (box.right > frame.right) x = box.right - frame.right + gap;
  if (box.top < top) y = box.top - top - gap;
  else if (box.bottom > frame.bottom) y = box.bottom - frame.bottom + gap;
  place("frame").scrollBy(x, y);
  button.scrollIntoView({ block: "nearest", inline: "nearest" });
}

// The heads of the place one looks at, and a line about it.
function markPlace(button) {
  for (const old of place("matrix").querySelectorAll(".hot")) old.classList.remove("hot");
  if (!button) return;
  const line = button.closest("tr"), column = [...line.cells].indexOf(button.parentNode);
  line.cells[0].classList.add("hot");
  const top = place("matrix").tHead.lastElementChild.cells[column];
  if (top) top.classList.add("hot");
}
