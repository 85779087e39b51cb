// The page: which sweep, which of its runs, and which run is open.

const report = unpack(JSON.parse(place("data").textContent));
const state = { sweep: null, wanted: new Set(), shown: [], run: null, toScale: false };

function drawSweeps() {
  const heads = ["operation", "world", "runs", "", ...report.verdicts].map(sweepHead);
  const lines = report.sweeps.map((sweep) => make("tr", { "data-sweep": sweep.place },
    make("th", { scope: "row" }, make("button", { type: "button", on: { click: () => choose(sweep) } }, sweep.operation),
      make("span", { class: "world under" }, sweep.world)),
    make("td", { class: "world" }, sweep.world), make("td", { class: "count" }, sweep.cases.length),
    make("td", { class: "share" }, share(sweep)),
    ...sweep.counts.map((count, place) => make("td", { class: `count ${count ? report.verdicts[place] : "none"}` }, count))));
  place("sweeps").replaceChildren(
    make("thead", {}, make("tr", {}, ...heads)),
    make("tbody", {}, ...lines));
  const runs = report.sweeps.reduce((sum, sweep) => sum + sweep.cases.length, 0);
  const many = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
  place("total").textContent = `${many(report.sweeps.length, "sweep")}, ${many(runs, "run")}`;
}

function sweepHead(name, place) {
  const isVerdict = name in SIGNS;
  return make("th", { scope: "col", class: place > 1 ? "count" : null, title: PLURALS[name] || name },
    make("span", { class: isVerdict ? "long" : null }, PLURALS[name] || name),
    isVerdict ? make("span", { class: "short", "aria-hidden": "true" }, SIGNS[name]) : null);
}

function share(sweep) {
  const parts = sweep.counts.map((count, place) => make("i", { class: report.verdicts[place], style: `flex-grow:${count}` }));
  return make("span", { class: "shares", "aria-hidden": "true" }, ...parts.filter((part, place) => sweep.counts[place]));
}

function choose(sweep) {
  state.sweep = sweep;
  for (const line of place("sweeps").tBodies[0].rows) {
    const isChosen = Number(line.dataset.sweep) === sweep.place;
    line.classList.toggle("chosen", isChosen);
    line.querySelector("button").setAttribute("aria-current", isChosen);
  }
  place("sweep-name").replaceChildren(make("b", {}, sweep.operation), ` ${sweep.world}`);
  drawChips();
  draw();
}

function drawChips() {
  const unexpected = state.sweep.cases.filter((run) => !isExpected(run)).length;
  const kinds = report.verdicts.map((verdict, i) => [verdict, SIGNS[verdict], PLURALS[verdict] || verdict, state.sweep.counts[i]]);
  kinds.push(["unexpected", "\u25e5", "not as expected", unexpected]);
  place("chips").replaceChildren(...kinds.map(([kind, sign, name, count]) => make("button", {
    type: "button", class: `chip ${kind}`, "aria-pressed": state.wanted.has(kind), "data-kind": kind,
    on: { click: () => toggle(kind) },
  }, make("b", { "aria-hidden": "true" }, sign), ` ${name} `, make("span", { class: "number" }, count))));
}

function toggle(kind) {
  if (!state.wanted.delete(kind)) state.wanted.add(kind);
  for (const chip of place("chips").children) chip.setAttribute("aria-pressed", state.wanted.has(chip.dataset.kind));
  draw();
}

function draw() {
  const matches = matcher(state.wanted, place("words").value);
  state.shown = [...drawMatrix(state.sweep, matches, open), ...drawPairs(state.sweep, matches, open)];
  place("nothing").hidden = state.shown.length > 0;
  tell(null);
}

function tell(button) {
  markPlace(button && button.classList.contains("cell") ? button : null);
  const run = button && state.sweep.cases[Number(button.dataset.case)];
  if (!run) {
    place("readout").textContent = `${state.shown.length} of ${state.sweep.cases.length} runs`;
    return;
  }
  const odd = isExpected(run) ? "" : `, expected ${run.expected}`;
  place("readout").replaceChildren(make("b", {}, run.fault), ` at ${run.exchange} `, badge(run.verdict),
    `${odd}${run.why ? `: ${run.why}` : ""}`);
}

function open(run) {
  state.run = run;
  showRun(run.fault, run.exchange, run.steps, run.log);
  const expected = run.expected;
  place("run-verdict").replaceChildren(badge(run.verdict), make("span", { class: "why" }, run.why || ""));
  const more = run.steps.length - state.sweep.peace.length;
  facts([["expected", expected, !isExpected(run)], ["took", duration(run.seconds)],
    ["on its clock", duration(run.clock)],
    ["requests", `${run.steps.length}${more ? ` (${more > 0 ? "+" : "\u2212"}${Math.abs(more)})` : ""}`]]);
  location.replace(`#${state.sweep.place}/${run.place}`);
}

function openPeace() {
  state.run = null;
  const peace = state.sweep.peace;
  showRun("the run in peace", "no fault", peace, []);
  place("run-verdict").replaceChildren();
  facts([["took", duration(peace.reduce((last, step) => Math.max(last, end(step)), 0))], ["requests", `${peace.length}`]]);
}

function showRun(name, exchange, steps, log) {
  place("run-place").textContent = `${state.sweep.operation}, ${state.sweep.world}`;
  place("run-name").textContent = name;
  place("run-exchange").textContent = exchange;
  place("before").disabled = place("after").disabled = !state.run;
  state.steps = steps;
  drawSteps();
  place("log").replaceChildren(...drawLog(log));
  place("logged").hidden = log.length === 0;
  if (!place("run").open) place("run").showModal();
  place("inside").scrollTop = 0;
  place("inside").focus();
}

function drawSteps() {
  place("waterfall").replaceChildren(...drawWaterfall(state.steps, state.toScale, null));
}

function facts(pairs) {
  place("run-facts").replaceChildren(...pairs.map(([name, value, isOdd]) =>
    make("div", { class: isOdd ? "odd" : null }, make("dt", {}, name), make("dd", {}, value))));
}

function beside(step) {
  const at = state.run ? state.shown.indexOf(state.run) : -1;
  const next = state.shown[at + step];
  if (at >= 0 && next) open(next);
}

function closed() {
  const button = state.run && document.querySelector(`#sweep [data-case="${state.run.place}"]`);
  state.run = null;
  history.replaceState(null, "", location.pathname + location.search);
  if (button && button.classList.contains("cell")) focusCell(button);
  else if (button) button.focus();
}

function pressedIn(button, act) {
  button.addEventListener("click", () => {
    const isPressed = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", isPressed);
    act(isPressed);
  });
}

function listen() {
  place("words").addEventListener("input", draw);
  place("peace").addEventListener("click", openPeace);
  place("matrix").addEventListener("keydown", moveInMatrix);
  for (const event of ["focusin", "mouseover"]) {
    place("sweep").addEventListener(event, (e) => {
      const button = e.target.closest("[data-case]");
      if (button) tell(button);
    });
  }
  place("before").addEventListener("click", () => beside(-1));
  place("after").addEventListener("click", () => beside(1));
  place("close").addEventListener("click", () => place("run").close());
  place("run").addEventListener("close", closed);
  place("run").addEventListener("click", (e) => { if (e.target === place("run")) place("run").close(); });
  place("run").addEventListener("keydown", (e) => {
    if (e.key === "ArrowLeft") beside(-1);
    else if (e.key === "ArrowRight") beside(1);
    else return;
    e.preventDefault();
  });
  pressedIn(place("scale"), (isPressed) => { state.toScale = isPressed; drawSteps(); });
  pressedIn(place("whole"), (isPressed) => place("log").classList.toggle("whole", isPressed));
  NARROW.addEventListener("change", draw);
}

// #2/17 is run 17 of sweep 2.
function start() {
  drawSweeps();
  place("sweep").hidden = report.sweeps.length === 0;
  if (!report.sweeps.length) return;
  listen();
  const found = /^#(\d+)(?:\/(\d+))?$/.exec(location.hash) || [];
  const sweep = report.sweeps[Number(found[1] || 0)] || report.sweeps[0];
  choose(sweep);
  const run = found[2] !== undefined && sweep.cases[Number(found[2])];
  if (run) open(run);
}

start();
