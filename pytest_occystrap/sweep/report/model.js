"use strict";
// The data of the page as objects. packing.py says in which order the elements of its arrays are.

const SIGNS = { recovered: "\u2713", refused: "\u2013", violation: "!", unstruck: "\u25cb" };
const PLURALS = { violation: "violations" };

function unpack(packed) {
  const text = (number) => packed.strings[number];
  const step = (s) => ({
    number: s[0], request: text(s[1]), status: s[2], outcome: text(s[3]), door: text(s[4]),
    started: s[5], waited: s[6], seconds: s[7], sent: s[8], received: s[9], faults: s[10].map(text),
  });
  const unpackCase = (c, place) => ({
    place, exchange: text(c[0]), fault: text(c[1]), row: c[2], column: c[3],
    verdict: packed.verdicts[c[4]], expected: text(c[5]), why: text(c[6]),
    seconds: c[7], clock: c[8],
    get steps() { return c[9].map(step); },
    get log() { return c[10].map(text); },
  });
  const sweep = (s, place) => ({
    place, operation: text(s.operation), world: text(s.world), counts: s.counts,
    rows: s.rows.map(text), peace: s.peace.map(step), cases: s.cases.map(unpackCase),
    columns: s.columns.map(([label, kind]) => ({ label: text(label), kind: text(kind) })),
  });
  return { verdicts: packed.verdicts, sweeps: packed.sweeps.map(sweep) };
}

// Whether a run ended in one of the ways that its fault allows.
function isExpected(run) {
  if (run.verdict === "unstruck") return true;
  return run.expected === "recovered" ? run.verdict === "recovered" : run.verdict !== "violation";
}

function matcher(wanted, words) {
  const parts = words.toLowerCase().split(/\s+/).filter(Boolean);
  return (run) => {
    const isKind = wanted.size === 0 || wanted.has(run.verdict)
      || (wanted.has("unexpected") && !isExpected(run));
    if (!isKind) return false;
    const said = `${run.exchange} ${run.fault} ${run.why}`.toLowerCase();
    return parts.every((part) => said.includes(part));
  };
}

// An element; strings become text, never markup.
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "class") element.className = value;
    else if (key === "on") for (const [event, act] of Object.entries(value)) element.addEventListener(event, act);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function place(id) { return document.getElementById(id); }

function duration(seconds) {
  if (seconds === null || seconds === undefined) return "";
  const ms = seconds * 1000;
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${ms.toFixed(0)} ms`;
  if (seconds < 99.5) return `${seconds.toFixed(seconds < 9.95 ? 2 : 1)} s`;
  return `${seconds.toFixed(0)} s`;
}

function size(bytes) {
  if (bytes < 1000) return `${bytes}`;
  if (bytes < 999500) return `${(bytes / 1000).toFixed(bytes < 9950 ? 1 : 0)} k`;
  return `${(bytes / 1e6).toFixed(1)} M`;
}

// "#3 GET /v2/org/app/manifests/1 (cdn)" in its parts; the prefix that all have is left out.
function exchangeParts(exchange) {
  const found = /^#(\d+) (\S+) (.*)$/.exec(exchange);
  if (!found) return { number: "", method: "", target: exchange };
  return { number: found[1], method: found[2], target: found[3].replace(/^\/v2\/(?=.)/, "") };
}

function badge(verdict) {
  return make("span", { class: `badge ${verdict}` }, make("b", {}, SIGNS[verdict]), verdict);
}
