// One run: its requests on a line of time.

// Short silences of a millisecond and long ones of a minute have to be told apart on one line, so
// the time between two events is as wide as its logarithm; "to scale" it is as wide as it is long.
const UNIT = 0.0005;

function timeLine(steps, toScale) {
  const times = new Set([0]);
  for (const step of steps) {
    times.add(step.started);
    if (step.waited !== null) times.add(step.started + step.waited);
    times.add(end(step));
  }
  const sorted = [...times].sort((a, b) => a - b);
  const at = [0];
  for (let i = 1; i < sorted.length; i += 1) {
    const gap = sorted[i] - sorted[i - 1];
    at.push(at[i - 1] + (toScale ? gap : Math.log1p(gap / UNIT)));
  }
  const whole = at[at.length - 1] || 1;
  const where = new Map(sorted.map((time, i) => [time, (100 * at[i]) / whole]));
  return { at: (time) => where.get(time), times: sorted };
}

function end(step) { return step.started + (step.seconds ?? step.waited ?? 0); }

// Times with enough room between them to be written.
function ticks(line) {
  const kept = [];
  for (const time of line.times) {
    const last = kept[kept.length - 1];
    if (last === undefined || line.at(time) - line.at(last) >= 14) kept.push(time);
  }
  return kept.filter((time) => line.at(time) <= 92);
}

// Stretches of a tenth of a second or more in which no request was under way.
function silences(steps) {
  const found = [];
  let until = 0;
  for (const step of [...steps].sort((a, b) => a.started - b.started)) {
    if (step.started - until >= 0.1) found.push([until, step.started]);
    until = Math.max(until, end(step));
  }
  return found;
}

// For each step the one before that asked for the same, if this asks because of how that ended.
function attempts(steps) {
  const last = new Map(), before = new Map();
  for (const step of steps) {
    const earlier = last.get(step.request);
    const isWell = earlier && earlier.status < 300 && earlier.outcome === "complete" && !earlier.faults.length;
    const isPart = /^(PATCH|POST) /.test(step.request);
    if (earlier && !(isWell && isPart)) before.set(step, earlier);
    last.set(step.request, step);
  }
  return before;
}

function answer(step) {
  if (step.status === null) return step.outcome;
  return step.outcome === "complete" ? `${step.status}` : `${step.status} ${step.outcome}`;
}

function drawWaterfall(steps, toScale, atNumber) {
  const line = timeLine(steps, toScale), before = attempts(steps), quiet = silences(steps);
  const axis = make("div", { class: "lane axis" },
    ...ticks(line).map((time) => mark("tick", line.at(time), null, time === 0 ? "0" : duration(time))),
    ...quiet.map(([from, to]) => mark("idle", line.at(from), line.at(to))));
  const rows = steps.map((step) => stepRow(step, line, before.get(step), quiet, step.number === atNumber));
  if (!rows.length) return [make("p", { class: "hint" }, "No request was made.")];
  return [make("div", { class: "request axis-row" }, make("span", { class: "head" }, "request"),
    make("span", { class: "head" }, "answer"), make("span", { class: "head bytes" }, "bytes"), axis),
  ...rows];
}

function stepRow(step, line, earlier, quiet, isHere) {
  const lane = make("div", { class: "lane" },
    ...quiet.map(([from, to]) => mark("idle", line.at(from), line.at(to))));
  if (earlier) lane.append(mark("again", line.at(end(earlier)), line.at(step.started)));
  const start = line.at(step.started), first = step.started + (step.waited ?? 0);
  const struck = step.faults.length ? " struck" : "";
  if (step.waited !== null || step.seconds === null) lane.append(mark(`wait${struck}`, start, line.at(first)));
  if (step.seconds !== null) {
    const isBody = step.waited !== null;
    lane.append(mark(`${isBody ? "body" : "wait"}${struck}`, isBody ? line.at(first) : start, line.at(end(step))));
  }
  const told = `${duration(step.waited ?? step.seconds)}${step.waited !== null && step.seconds !== null ? ` + ${duration(step.seconds - step.waited)}` : ""}`;
  const from = line.at(end(step));
  lane.append(make("span", { class: from > 70 ? "told before" : "told", style: from > 70 ? `right:calc(${100 - start}% + 5px)` : `left:calc(${from}% + 5px)` }, told));
  const isBad = step.status === null || step.status >= 400 || step.outcome !== "complete";
  return make("div", { class: `request${isHere ? " here" : ""}${struck}` },
    make("div", { class: "asked" }, requestText(step), againText(step, earlier),
      ...step.faults.map((fault) => make("span", { class: "fault" }, make("b", {}, "\u26a1\ufe0e"), ` ${fault}`))),
    make("span", { class: isBad ? "answer bad" : "answer" }, answer(step)),
    make("span", { class: "bytes" }, transferred(step)), lane);
}

function transferred(step) {
  const parts = [];
  if (step.sent) parts.push(`\u2191${size(step.sent)}`);
  if (step.received || !step.sent) parts.push(`\u2193${size(step.received)}`);
  return parts.join(" ");
}

function requestText(step) {
  const [method, ...rest] = step.request.split(" ");
  const target = rest.join(" ").replace(/^registry\.test(?=\/)/, "").replace(/^\/v2\/(?=.)/, "");
  return make("span", { class: "asked-for", title: step.request }, make("span", { class: "number" }, step.number), " ",
    make("span", { class: "method" }, method), " ", make("span", { class: "target" }, target));
}

function againText(step, earlier) {
  if (!earlier) return null;
  const pause = step.started - end(earlier);
  const later = pause > 0 ? `, ${duration(pause)} later` : "";
  return make("span", { class: "retry" }, make("b", {}, "\u21bb"), ` again, #${earlier.number} had ${answer(earlier)}${later}`);
}

function mark(name, from, to, text = "") {
  const width = to === null ? "" : `;width:${Math.max(0, to - from)}%`;
  return make("i", { class: name, style: `left:${from}%${width}` }, text);
}

function drawLog(lines) {
  return lines.map((line) => {
    const [level, ...rest] = line.split(" ");
    return make("li", { class: `level-${/^\w+$/.test(level) ? level : "none"}` }, make("b", {}, level), ` ${rest.join(" ")}`);
  });
}
