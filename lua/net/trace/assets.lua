-- made by make: the files of lua/net/trace/page
return { html = [==[
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'nonce-$NONCE'; style-src 'nonce-$NONCE'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>netlab: $TITLE</title>
<style nonce="$NONCE">
$STYLE</style>
</head>
<body>
<header>
<h1>$TITLE</h1>
<p id="summary"></p>
</header>
<noscript><p>This page draws with its own script, which is switched off.</p></noscript>
<main id="parts">
<section id="run" aria-label="What the network did">
<div id="tools">
<span role="group" aria-label="Zoom">
<button type="button" id="farther" aria-label="Zoom out">−</button>
<button type="button" id="closer" aria-label="Zoom in">+</button>
<button type="button" id="fit">Fit</button>
</span>
<span role="radiogroup" aria-label="Axis">
<label><input type="radio" name="axis" id="even" checked> even</label>
<label><input type="radio" name="axis" id="scale"> to scale</label>
</span>
<span class="aside" id="keys">Tab, arrows, + − 0, Enter, Esc</span>
<ul id="legend" aria-label="Colours"></ul>
</div>
<div id="drawing">
<svg id="ruler" aria-hidden="true"></svg>
<svg id="picture" role="application" aria-label="The calls over time, a lane for each task. The arrow keys move from call to call, Enter keeps the detail, plus and minus zoom.">
<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path d="M0 0v6"/></pattern></defs>
</svg>
</div>
<p id="leftout" role="status"></p>
</section>
<div id="counted" class="scrolls" tabindex="0" role="region" aria-label="Counts">
<table id="counts"><caption>Counted</caption></table>
</div>
<aside id="side" aria-label="Detail and source">
<div id="detail" tabindex="0" role="region" aria-label="Detail" aria-live="polite"></div>
<div>
<div id="tabs" role="tablist" aria-label="Sources"></div>
<div id="sources" tabindex="0" aria-label="Source"></div>
</div>
</aside>
</main>
<script type="application/json" id="model">$MODEL</script>
<script nonce="$NONCE">
(() => {
$SCRIPT})();
</script>
</body>
</html>
]==], css = [==[
/* SPDX-License-Identifier: MIT */
:root {
  color-scheme: light dark;
  --paper: #fff; --ink: #1b1f24; --soft: #5b6470; --line: #d5dae0;
  --band: #f5f7f9; --lit: #fff3c4; --focus: #0b57d0; --failed: #c5221f;
  --make: #cfd4dc; --meet: #a5dcc0; --in: #a9cdf5; --out: #fbcf9a;
  --wait: #e3e6ea; --name: #dcc7ee; --engine: #eceff2; --poll: #b3009e;
  --edge: #0006; --hatch: #0005;
  --connect: #12805c; --bytes: #1a66c2; --datagram: #a15c00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15181c; --ink: #e6e9ed; --soft: #9aa4b0; --line: #3a414a;
    --band: #1c2025; --lit: #4a3f12; --focus: #8ab4f8; --failed: #ff8a80;
    --make: #4a525d; --meet: #1f6b4f; --in: #24558c; --out: #80501a;
    --wait: #363c44; --name: #5e4379; --engine: #262b31; --poll: #ff7ae9;
    --edge: #fff5; --hatch: #fff4;
    --connect: #5fd3a6; --bytes: #7db7ff; --datagram: #f3b35e;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 16px; max-width: 1800px;
  font: 15px/1.45 system-ui, sans-serif;
  color: var(--ink); background: var(--paper);
}
h1 { font-size: 22px; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 15px; margin: 0 0 6px; overflow-wrap: anywhere; }
p { margin: 4px 0; }
code { font: 13px/1.45 ui-monospace, monospace; }
button, label { font: inherit; font-size: 14px; }
button {
  min-width: 32px; padding: 3px 9px; border: 1px solid var(--line);
  border-radius: 6px; color: inherit; background: var(--band); cursor: pointer;
}
:focus-visible { outline: 2px solid var(--focus); outline-offset: 1px; }
.aside, .swatch + .aside, #summary, #leftout { color: var(--soft); }
.failed { color: var(--failed); }

#parts {
  display: grid; grid-template-columns: minmax(0, 1fr) minmax(340px, 32%);
  grid-template-rows: auto 1fr; grid-template-areas: "run side" "counts side";
  gap: 16px; margin: 10px 0 20px;
}
#run { grid-area: run; }
#side { grid-area: side; }
#counted { grid-area: counts; }
#tools {
  display: flex; flex-wrap: wrap; align-items: center; gap: 6px 10px;
  margin-bottom: 6px;
}
#legend {
  display: flex; flex-wrap: wrap; gap: 2px 14px; margin: 0; padding: 0;
  font-size: 13px; color: var(--soft); list-style: none;
}
.swatch {
  display: inline-block; width: 22px; height: 11px; margin-right: 5px;
  border: 1px solid var(--edge); border-radius: 2px;
}
.swatch.make { background: var(--make); }
.swatch.meet { background: var(--meet); }
.swatch.in { background: var(--in); }
.swatch.out { background: var(--out); }
.swatch.name { background: var(--name); }
.swatch.waits {
  background: repeating-linear-gradient(-45deg, var(--wait) 0 3px,
    var(--hatch) 3px 4.5px);
}
.swatch.poll { width: 5px; border: 0; background: var(--poll); }
.swatch.failed { border: 2px solid var(--failed); }

#side { display: flex; flex-direction: column; gap: 12px; }
#detail {
  height: 290px; overflow: auto; padding: 10px 12px;
  border: 1px solid var(--line);
  border-radius: 8px; background: var(--band);
}
.pin { font-weight: normal; color: var(--focus); }
dl {
  display: grid; grid-template-columns: max-content minmax(0, 1fr);
  gap: 1px 10px; margin: 0; font-size: 13.5px;
}
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }

#tabs { display: flex; flex-wrap: wrap; gap: 4px; }
[role=tab][aria-selected=true] {
  color: var(--paper); background: var(--ink); border-color: var(--ink);
}
#sources {
  max-height: 60vh; margin-top: 6px; overflow: auto;
  border: 1px solid var(--line); border-radius: 8px;
}
#sources p { padding: 8px 12px; }
table { border-collapse: collapse; font-size: 13.5px; }
th, td { padding: 2px 8px; text-align: right; white-space: nowrap; }
th { font-weight: 600; }
td { font-variant-numeric: tabular-nums; }
thead th {
  position: sticky; top: 0; color: var(--soft); background: var(--paper);
}
.source td, .source th { padding: 0 5px; font-size: 12px; }
.source tbody th { color: var(--soft); font-weight: normal; }
.source td:last-child, .source th:last-child { text-align: left; }
.source code { font-size: 11.5px; white-space: pre; }
.source tr:not(.called) code { color: var(--soft); }
tr.on { background: var(--lit); }
.scrolls { overflow-x: auto; }
#counts tbody th, #counts thead th:nth-child(-n+3), #counts .word,
#counts tfoot th { text-align: left; }
#counts tbody tr { border-top: 1px solid var(--line); }
#counts tfoot tr { border-top: 2px solid var(--line); font-weight: 600; }
caption { padding: 4px 8px; text-align: left; font-weight: 600; }

#drawing { touch-action: pan-y; cursor: grab; user-select: none; }
#drawing svg { display: block; width: 100%; }
#ruler { position: sticky; top: 0; z-index: 1; background: var(--paper); }
svg text { font: 12px system-ui, sans-serif; fill: var(--ink); }
#ruler text { fill: var(--soft); }
#ruler line { stroke: var(--soft); }
.cut { fill: none; stroke: var(--soft); }
line.cut { stroke: var(--line); stroke-dasharray: 2 4; }
.band { fill: var(--band); stroke: var(--line); }
svg .process { font-size: 14px; font-weight: 600; }
svg .aside { fill: var(--soft); }
.lane { font-weight: 600; }
.life { stroke: var(--line); stroke-width: 2; }
.bar { cursor: pointer; outline: none; }
.bar text { pointer-events: none; }
.body { stroke: var(--edge); fill: var(--make); }
.meet .body { fill: var(--meet); }
.in .body { fill: var(--in); }
.out .body { fill: var(--out); }
.bar.wait .body { fill: var(--wait); }
.bar.name .body { fill: var(--name); }
.engine .body { fill: var(--engine); }
.open .body { stroke-dasharray: 3 2; }
rect.wait { fill: url(#hatch); pointer-events: none; }
#hatch path { stroke: var(--hatch); stroke-width: 1.6; }
.bar text {
  paint-order: stroke; stroke: var(--paper); stroke-width: 3px;
  stroke-linejoin: round; stroke-opacity: 0.75;
}
.poll .body { fill: transparent; stroke: none; }
.poll .name, .tick { fill: var(--poll); }
.bar.failed .body { stroke: var(--failed); stroke-width: 2; }
.bar.failed .name { fill: var(--failed); }
.bar:hover .body, .bar.on .body { stroke: var(--ink); stroke-width: 1.6; }
.bar:focus .body, .bar[aria-pressed=true] .body {
  stroke: var(--focus); stroke-width: 3;
}
.arrow path { fill: none; stroke: var(--bytes); stroke-width: 1.4; }
.arrow .reach { stroke: transparent; stroke-width: 9; }
.arrow .head { fill: var(--bytes); stroke: none; }
.arrow.connect .shaft { stroke: var(--connect); }
.arrow.connect .head { fill: var(--connect); }
.arrow.datagram .shaft { stroke: var(--datagram); }
.arrow.datagram .head { fill: var(--datagram); }
.many .arrow { opacity: 0.4; }
.some .arrow:not(.on) { opacity: 0.2; }
.some .arrow.on { opacity: 1; }
.arrow.on .shaft { stroke-width: 2.6; }
.lost { fill: none; stroke: var(--failed); stroke-width: 2; }

@media screen and (min-width: 901px) { /* in sight, however many lanes */
  #side { position: sticky; top: 8px; align-self: start; }
  #sources { max-height: max(200px, calc(100vh - 400px)); }
}
@media (max-width: 900px) {
  body { padding: 10px; }
  #parts {
    grid-template-columns: minmax(0, 1fr); grid-template-rows: none;
    grid-template-areas: "run" "side" "counts";
  }
  #keys { display: none; }
  #detail { height: 210px; }
}
@media print {
  :root {
    color-scheme: light;
    --paper: #fff; --ink: #000; --soft: #444; --line: #aaa; --band: #fff;
    --make: #cfd4dc; --meet: #a5dcc0; --in: #a9cdf5; --out: #fbcf9a;
    --wait: #e3e6ea; --name: #dcc7ee; --engine: #eceff2; --poll: #b3009e;
    --edge: #0006; --hatch: #0005; --failed: #c5221f;
    --connect: #12805c; --bytes: #1a66c2; --datagram: #a15c00;
  }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  body { padding: 0; max-width: none; }
  #parts { display: block; }
  #tools > :not(#legend), #detail, #tabs { display: none; }
  #drawing svg { height: auto; }
  #ruler { position: static; }
  #sources { max-height: none; border: 0; overflow: visible; }
  #sources > [hidden] { display: block; }
  .some .arrow:not(.on) { opacity: 0.6; }
  tfoot { display: table-row-group; }
  tr { break-inside: avoid; }
  thead th { position: static; }
}
]==], js = [==[
// SPDX-License-Identifier: MIT
//
// What the page is made of: elements, and text that is safe to show.
"use strict";

const drawing = document.getElementById("drawing");
const SVG = drawing.querySelector("svg").namespaceURI;

// What a stranger wrote must not hide, or turn round, what stands beside it.
const UNSEEN = new RegExp("[\\u0000-\\u001f\\u007f-\\u009f\\u061c" +
  "\\u200b-\\u200f\\u2028-\\u202f\\u2060-\\u206f\\ufeff]", "g");

function plain(text) {
  return String(text ?? "").replace(UNSEEN, (c) =>
    "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
}

function furnish(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== undefined) element.setAttribute(name, value);
  }
  for (const child of children) {
    if (child === undefined) continue;
    element.append(child instanceof Node ? child : plain(child));
  }
  return element;
}

// An element of HTML, and one of the drawing; text is put in as text.
function html(name, attributes, ...children) {
  return furnish(document.createElement(name), attributes, children);
}

function svg(name, attributes, ...children) {
  return furnish(document.createElementNS(SVG, name), attributes, children);
}

const UNITS = [[1, "s"], [1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"]];

function unitOf(seconds) {
  return UNITS.find(([size]) => seconds >= size * 0.9995) || UNITS[3];
}

// How long: three digits.
function duration(seconds) {
  if (!(seconds > 0)) return "0 s";
  const [size, name] = unitOf(seconds);
  return Number((seconds / size).toPrecision(3)) + " " + name;
}

// When: as many digits as tell it from a moment that is `step` away.
function moment(seconds, step) {
  if (seconds < 1e-9) return "0";
  const [size, name] = unitOf(seconds);
  const digits = Math.ceil(-Math.log10(step / size) - 1e-9);
  return (seconds / size).toFixed(Math.min(Math.max(digits, 0), 9)) +
    " " + name;
}

function amount(count, one, many) {
  return count + " " + (count === 1 ? one : many || one + "s");
}

// Text on one line, cut to `most` characters.
function short(text, most) {
  const letters = Array.from(plain(text));
  if (letters.length <= most) return letters.join("");
  return letters.slice(0, most - 1).join("") + "…";
}
// SPDX-License-Identifier: MIT
//
// The model that the page carries, its indexes turned into what they point at.

const list = (value) => (Array.isArray(value) ? value : []);
const number = (value) => (Number.isFinite(value) ? value : 0);

const KINDS = {
  make: "socket socketpair bind listen setsockopt shutdown close",
  meet: "connect accept",
  in: "recv recv_exact recv_all recv_line lines recvfrom recv_into",
  out: "send sendall sendto",
  wait: "sleep select join run",
  name: "gethostbyname gethostbyaddr getaddrinfo getnameinfo gethostname " +
    "getservbyport getservbyname interfaces",
  engine: "echo load",
};

const KIND_OF = new Map();
for (const [kind, names] of Object.entries(KINDS)) {
  for (const name of names.split(" ")) KIND_OF.set(name, kind);
}

const model = JSON.parse(document.getElementById("model").textContent);
const processes = list(model.processes).map((process, index) => ({
  ...process, index, name: process.name || "process " + (index + 1),
}));
const lanes = list(model.lanes).filter((lane) => processes[lane.process - 1])
  .map((lane) => ({ ...lane, process: processes[lane.process - 1],
                    calls: [] }));
const socks = list(model.socks);

// The rows of a list that the page has by column (net/trace/page.lua).
function rowsIn(columns) {
  const all = Object.entries(columns);
  const cell = ({ cells, words }, i) =>
    (words.length > 0 ? words[cells[i] - 1] : cells[i] || undefined);
  return all.length === 0 ? [] : all[0][1].cells.map((_, i) =>
    Object.fromEntries(all.map(([key, column]) => [key, cell(column, i)])));
}

function readCall(call, index) {
  const lane = lanes[call.lane - 1];
  if (!lane) return undefined;
  const from = number(call.from);
  const seen = { ...call, index, lane, from, to: Math.max(from, call.to || 0),
                 wait: number(call.wait), arrows: [],
                 sock: socks[call.sock - 1], made: socks[call.new - 1],
                 kind: KIND_OF.get(call.call) || "make" };
  seen.poll = call.code === "EAGAIN";
  lane.calls.push(seen);
  return seen;
}

// By the model's own index, so with holes where a lane is not there.
const byIndex = rowsIn(model.calls).map(readCall);
const calls = byIndex.filter(Boolean).sort((a, b) => a.from - b.from);
const seconds = Math.max(number(model.seconds), 1e-9,
  ...processes.map((process) => number(process.stop)));

const arrows = [];
for (const arrow of rowsIn(model.arrows)) {
  const from = byIndex[arrow.from - 1], to = byIndex[arrow.to - 1];
  if (!from || !to) continue;
  const seen = { ...arrow, index: arrows.length, from, to };
  arrows.push(seen);
  from.arrows.push(seen);
  to.arrows.push(seen);
}
for (const index of list(model.lost)) {
  if (byIndex[index - 1]) byIndex[index - 1].lost = true;
}

// What a wait is called: only some of them are the kernel's.
function waitWord(call) {
  if (call.call === "sleep" || call.call === "join" || call.call === "run") {
    return "waits";
  }
  return call.kind === "name" ? "asks the resolver" : "blocked in kernel";
}

function mostlyWaits(call) {
  return call.wait > (call.to - call.from) / 2;
}

function nameOf(call) {
  if (call.poll) return call.code;
  return call.code ? `${call.call} ${call.code}` : call.call;
}

// About how wide the drawing's letters are, and some air.
const LETTER = 6.6;

function widthOf(text) {
  return text.length * LETTER + 8;
}

// A call in words, for who hears the page.
function inWords(call) {
  const words = [call.call + "(" + short(call.args || "", 60) + ")"];
  words.push("in " + call.lane.process.name + ", " + call.lane.name);
  if (call.own) words.push("line " + call.own);
  if (call.code) words.push((call.failed ? "failed with " : "") + call.code);
  if (call.open) words.push("had not ended");
  if (call.wait > 0) words.push(waitWord(call) + " " + duration(call.wait));
  if (call.in) words.push(amount(call.in, "byte") + " in");
  if (call.out) words.push(amount(call.out, "byte") + " out");
  if (call.lost) words.push("its datagram was lost");
  return plain(words.join(", "));
}
// SPDX-License-Identifier: MIT
//
// Up and down: a band for each process, in it a lane for each task, and in a
// lane as many rows as calls overlap (an engine's, beside the call it runs in).

const NAME = 15, BAR = 20, ROW = NAME + BAR + 7; // a call's name over its bar
const BAND_HEAD = 26, LANE_HEAD = 16, GAP = 8;
const MOST_ROWS = 24; // in a lane; what overlaps still more shares the last

// By their beginnings; of two at once, first the one that holds the other, or
// the one that is only a moment, as an engine's recv before its send.
function byBeginning(a, b) {
  const holds = (call) => (call.kind === "engine" ? 0 : 1);
  return a.from - b.from || holds(a) - holds(b) || a.to - b.to;
}

function rowsOf(lane) {
  const rows = [];
  lane.calls.sort(byBeginning);
  for (const call of lane.calls) {
    let n = rows.findIndex((row) => row.end <= call.from);
    if (n < 0) n = Math.min(rows.length, MOST_ROWS - 1);
    rows[n] = rows[n] || { end: 0, calls: [] };
    rows[n].end = Math.max(rows[n].end, call.to, call.from + 5e-10);
    rows[n].calls.push(call);
    call.row = n;
  }
  return rows;
}

// Sets the y of each band, lane and call, and returns the height of all.
function stack() {
  let y = 0;
  for (const process of processes) {
    process.y = y;
    y += BAND_HEAD;
    for (const lane of lanes.filter((one) => one.process === process)) {
      lane.y = y;
      lane.rows = rowsOf(lane);
      y += LANE_HEAD + Math.max(lane.rows.length, 1) * ROW;
      for (const call of lane.calls) {
        call.y = lane.y + LANE_HEAD + call.row * ROW + NAME; // of the bar
      }
      lane.height = y - lane.y;
    }
    process.height = y - process.y + GAP;
    y += 2 * GAP;
  }
  return y + GAP;
}

const height = stack();
// SPDX-License-Identifier: MIT
//
// Time and place. An axis is a list of times and the place of each, straight
// lines between them: "to scale" is one line; "even" gives each stretch between
// two events a width that grows slowly with its length, so that calls of a
// microsecond can be read beside waits of a second.

const LONGEST = 1; // seconds; a longer stretch without event is drawn no wider
const BREAK = 30;  // so much denser than most stretches: marked as cut short

// The last entry of a sorted list that is not above the value.
function indexBelow(sorted, value) {
  let low = 0, high = sorted.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= value) low = middle; else high = middle;
  }
  return low;
}

function axisOf(times, widths) {
  const places = [0];
  for (const width of widths) places.push(places[places.length - 1] + width);
  const between = (from, to, value) => {
    const low = Math.min(indexBelow(from, value), from.length - 2);
    const high = low + 1;
    const part = (value - from[low]) / (from[high] - from[low]);
    return to[low] + Math.min(Math.max(part, 0), 1) * (to[high] - to[low]);
  };
  return {
    times, places, breaks: [], length: places[places.length - 1],
    place: (time) => between(times, places, time),
    time: (place) => between(places, times, place),
  };
}

// All moments at which something begins or ends, each once.
function momentsOf() {
  const all = [0, seconds];
  for (const call of calls) all.push(call.from, call.to);
  all.sort((a, b) => a - b);
  return all.filter((time, i) => i === 0 || time - all[i - 1] > 1e-9);
}

// For each stretch between two moments: does a call do more than wait in it?
function workIn(times) {
  const change = new Map();
  const add = (time, n) => change.set(time, (change.get(time) || 0) + n);
  for (const call of calls) {
    if (call.wait > (call.to - call.from) / 2 || call.kind === "engine") {
      continue;
    }
    add(call.from, 1);
    add(call.to, -1);
  }
  const steps = [...change].sort((a, b) => a[0] - b[0]);
  let next = 0, working = 0;
  return times.map((time) => {
    while (next < steps.length && steps[next][0] <= time + 1e-9) {
      working += steps[next++][1];
    }
    return working > 0;
  });
}

// What has to be written beside a call needs room on the even axis: its name
// until the next call of its row, what it waited within the bar. Where there is
// too little for all, the less telling do without.
const NEEDS = [
  () => true,
  (call) => !/^[gs]et/.test(call.call),
  (call) => call.kind !== "make" && call.kind !== "wait",
  (call, wait) => call.failed || wait && call.kind !== "wait",
];

// For each moment, the earlier ones from which it must keep a distance.
function roomBefore(times, needs) {
  const before = times.map(() => []);
  const nth = (time) => indexBelow(times, time + 1e-9);
  const keep = (from, to, room) => {
    if (nth(from) < nth(to)) before[nth(to)].push([nth(from), room]);
  };
  for (const row of lanes.flatMap((lane) => lane.rows)) {
    row.calls.forEach((call, i) => {
      const next = row.calls[i + 1];
      if (needs(call, false)) {
        keep(call.from, next ? next.from : seconds, widthOf(nameOf(call)));
      }
      if (mostlyWaits(call) && needs(call, true)) {
        keep(call.from, call.to, widthOf(waitWord(call)));
      }
    });
  }
  return before;
}

function evenAxis(needs) {
  const times = momentsOf(), works = workIn(times), widths = [];
  const before = roomBefore(times, needs), places = [0];
  for (let i = 1; i < times.length; i++) {
    const micros = Math.min(times[i] - times[i - 1], LONGEST) * 1e6;
    const width = Math.max(micros, 1) ** 0.3;
    const free = places[i - 1] + (works[i - 1] ? 2 * width + 2 : width);
    places[i] = before[i].reduce((place, [from, room]) =>
      Math.max(place, places[from] + room), free);
    widths.push(places[i] - places[i - 1]);
  }
  const axis = axisOf(times, widths);
  const dense = widths.map((width, i) => (times[i + 1] - times[i]) / width);
  const usual = [...dense].sort((a, b) => a - b)[dense.length >> 1];
  dense.forEach((value, i) => {
    if (value > BREAK * usual) axis.breaks.push(i);
  });
  return axis;
}

const axes = { even: null, scale: axisOf([0, seconds], [seconds]) };

// The even axis on which as much can be written as a width allows.
function makeEven(width) {
  for (const needs of NEEDS) {
    axes.even = evenAxis(needs);
    if (axes.even.length <= width) return;
  }
}

// Round times for the stretch from..to: 1, 2 or 5 times a power of ten.
function roundTicks(from, to, most) {
  const rough = (to - from) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((n) => n * power >= rough) * power;
  const ticks = [];
  for (let n = Math.ceil(from / step); n * step <= to; n++) {
    ticks.push({ time: n * step, step });
  }
  return ticks;
}

// Where stretches differ, the ticks stand at events, `apart` or more asunder.
function eventTicks(axis, from, to, apart) {
  const times = [];
  let last = -Infinity;
  for (let i = 0; i < axis.times.length; i++) {
    const place = axis.places[i];
    if (place < from || place > to || place - last < apart) continue;
    times.push(axis.times[i]);
    last = place;
  }
  const far = (i) => Math.abs(times[i] - times[i - 1]) || Infinity;
  return times.map((time, i) =>
    ({ time, step: Math.min(far(i), far(i + 1), time || 1) / 2 }));
}
// SPDX-License-Identifier: MIT
//
// The drawing, made anew for each zoom and pan: only what can be seen of it.

const EDGE = 8;    // pixels, left and right of the drawing
const LEAST = 3;   // a bar is never narrower, so that it can be pointed at
const MANY = 60;   // arrows: from here on they are drawn faintly
const MOST_ARROWS = 1500;

const ruler = document.getElementById("ruler");
const picture = document.getElementById("picture");
const view = { axis: null, from: 0, to: 1, width: 800 };
const nodes = new Map(); // call or arrow -> its element, while it is drawn

function x(place) {
  return EDGE + (place - view.from) / (view.to - view.from) *
    (view.width - 2 * EDGE);
}

// Takes the axis, and finds each call's place on it, once.
function useAxis(axis) {
  view.axis = axis;
  for (const call of calls) {
    const busy = Math.max(call.to - call.from - call.wait, 0) / 2;
    call.start = axis.place(call.from);
    call.end = axis.place(call.to);
    call.sleeps = axis.place(call.from + busy);
    call.wakes = axis.place(call.to - busy);
  }
}

function drawRuler() {
  const { axis, from, to, width } = view, room = 92;
  const apart = room * (to - from) / width;
  const ticks = axis === axes.even ? eventTicks(axis, from, to, apart)
    : roundTicks(axis.time(from), axis.time(to), Math.max(width / room, 2));
  let before = -Infinity;
  const parts = ticks.map(({ time, step }) => {
    const left = x(axis.place(time)), last = left > width - room / 2;
    const free = !last || left - before > 1.4 * room;
    before = left;
    return svg("g", {},
      svg("line", { x1: left, x2: left, y1: 17, y2: 24 }),
      free ? svg("text", { x: left, y: 13,
                           "text-anchor": last ? "end" : "start" },
        moment(time, step)) : undefined);
  });
  ruler.replaceChildren(
    svg("line", { x1: 0, x2: width, y1: 23.5, y2: 23.5 }), ...parts,
    ...visibleBreaks().map(({ middle }) => svg("path", { class: "cut",
      d: `M${middle - 4} 28l3-8M${middle + 1} 28l3-8` })));
}

function visibleBreaks() {
  const { axis, from, to } = view;
  return axis.breaks.filter((i) => axis.places[i + 1] > from &&
    axis.places[i] < to).map((i) => {
    const left = x(axis.places[i]), right = x(axis.places[i + 1]);
    return { left, right, middle: (left + right) / 2 };
  }).filter(({ left, right }) => right - left > 12);
}

function drawBand(process) {
  const who = [process.pid && "pid " + process.pid, process.host,
    list(process.args).join(" "), process.cut && "cut off"];
  const most = Math.floor((view.width - 3 * EDGE) / LETTER);
  const name = short(process.name, most);
  const more = short(who.filter(Boolean).join(" · "), most - name.length - 3);
  return svg("g", {},
    svg("rect", { class: "band", x: 0.5, y: process.y + 0.5, rx: 6,
                  width: view.width - 1, height: process.height }),
    svg("text", { x: EDGE, y: process.y + 18 },
      svg("tspan", { class: "process" }, name),
      svg("tspan", { class: "aside", dx: 10 }, more)));
}

function drawLane(lane) {
  const { axis } = view;
  const words = [lane.line && "spawned at " + lane.line,
    lane.state !== "done" && lane.state].filter(Boolean).join(", ");
  const y = lane.y + LANE_HEAD + NAME + BAR / 2;
  const from = x(axis.place(number(lane.from)));
  const to = x(axis.place(number(lane.to)));
  return svg("g", {},
    svg("text", { x: EDGE, y: lane.y + 13 },
      svg("tspan", { class: "lane" }, short(lane.name, 30)),
      svg("tspan", { class: "aside", dx: 8 }, short(words, 60))),
    svg("line", { class: "life", x1: Math.max(from, 0), y1: y, y2: y,
                  x2: Math.min(Math.max(to, 0), view.width) }));
}

// Over the bar stands the name, where the next bar leaves room for it; in the
// bar, what it waited: the longest text that fits.
function waitLabel(call, left, right) {
  if (!mostlyWaits(call)) return undefined;
  const word = waitWord(call);
  const text = [`${word} ${duration(call.wait)}`, word]
    .find((one) => widthOf(one) <= right - left);
  return text && svg("text", { x: (left + right) / 2, y: call.y + 14,
                               "text-anchor": "middle" }, text);
}

function nameLabel(call, left, right, until) {
  const room = Math.max(until, right) - left;
  const names = [call.call];
  if (call.code) names.unshift(`${call.call} ${call.code}`, call.code);
  const text = names.find((one) => one && widthOf(one) <= room + 6);
  return text && svg("text", { class: "name", x: left + 1, y: call.y - 4 },
    text);
}

// The waiting part is shaded; the call's own work stays plain at both ends.
function drawWait(call, left, right) {
  const wide = right - left, ends = Math.min(4, wide / 4);
  if (call.wait <= 0 || wide < 8) return undefined;
  const from = Math.max(x(call.sleeps), left + ends, -9);
  const to = Math.min(x(call.wakes), right - ends, view.width + 9);
  if (to - from < 2) return undefined;
  return svg("rect", { class: "wait", x: from, y: call.y,
                       width: to - from, height: BAR });
}

// The next bar of the row begins at `until`; `more` have been merged with it.
function drawBar(call, until, more) {
  const left = Math.max(x(call.start), -9);
  const right = Math.min(Math.max(x(call.end), left + LEAST),
    view.width + 9);
  const shown = [Math.max(left, 2), Math.min(right, view.width - 2)];
  const kind = ["bar", call.kind, call.poll && "poll", call.failed && "failed",
    call.open && "open"].filter(Boolean).join(" ");
  const node = svg("g", { class: kind, id: "c" + call.index, role: "button",
                          "data-call": call.index, tabindex: -1,
                          "aria-label": inWords(call) +
                            (more ? `, and ${more} more` : "") },
    svg("rect", { class: "body", x: left, y: call.y, rx: 2,
                  width: right - left, height: BAR }),
    drawWait(call, left, right),
    call.poll ? svg("rect", { class: "tick", x: (left + right) / 2 - 2,
                              y: call.y - 3, width: 4, height: BAR + 6 })
      : undefined,
    waitLabel(call, ...shown),
    nameLabel(call, ...shown, Math.min(until, view.width)));
  nodes.set(call, node);
  return node;
}

// A row's bars from left to right. Those that would fall upon one another, too
// short to be seen, become one; a failure among them keeps its colour.
function drawRow(row, bars) {
  let last = null, merged = 0;
  const flush = (until) => last &&
    bars.push(drawBar(last.call, until, last.more));
  for (const call of row.calls) {
    if (call.end < view.from || call.start > view.to) continue;
    const left = x(call.start), tiny = x(call.end) - left < LEAST;
    if (tiny && last && last.tiny && left < last.left + LEAST &&
        call !== current && last.call !== current) {
      if (call.failed && !last.call.failed) last.call = call;
      last.more++;
      merged++;
      continue;
    }
    flush(left);
    last = { call, left, tiny, more: 0 };
  }
  flush(view.width);
  return merged;
}

function arrowLine(x1, y1, x2, y2) {
  if (y1 === y2) {
    return `M${x1} ${y1}C${x1} ${y1 - 22} ${x2} ${y2 - 22} ${x2} ${y2}`;
  }
  const bend = Math.sign(y2 - y1) * Math.max(Math.abs(y2 - y1) * 0.5, 14);
  return `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}`;
}

// Leaves where its call begins, arrives where its call ends: never backwards.
function arrowEnds({ from, to }) {
  const down = to.y > from.y;
  const inset = (call, most) => {
    const wide = Math.max(x(call.end) - x(call.start), LEAST);
    return Math.min(wide / 2, most);
  };
  return {
    x1: x(from.start) + inset(from, 6),
    y1: from.y + (down ? BAR : 0),
    x2: Math.max(x(to.end), x(to.start) + LEAST) - inset(to, 4),
    y2: to.y + (to.y >= from.y ? 0 : BAR),
  };
}

function drawArrow(arrow) {
  const { x1, y1, x2, y2 } = arrowEnds(arrow);
  const head = arrow.to.y >= arrow.from.y ? -7 : 7;
  const node = svg("g", { class: "arrow " + arrow.kind,
                          "data-arrow": arrow.index },
    svg("path", { class: "reach", d: arrowLine(x1, y1, x2, y2) }),
    svg("path", { class: "shaft", d: arrowLine(x1, y1, x2, y2) }),
    svg("path", { class: "head", d: `M${x2} ${y2}l-3.5 ${head}h7z` }));
  nodes.set(arrow, node);
  return node;
}

function drawArrows() {
  const seen = new Set(), all = [];
  let out = 0;
  for (const arrow of arrows) {
    const { x1, y1, x2, y2 } = arrowEnds(arrow);
    if (Math.max(x1, x2) < 0 || Math.min(x1, x2) > view.width) continue;
    const where = [Math.round(x1 / 2), y1, Math.round(x2 / 2), y2].join();
    if (seen.has(where) || all.length >= MOST_ARROWS) { out++; continue; }
    seen.add(where);
    all.push(drawArrow(arrow));
  }
  return { all, out };
}

// A datagram that nobody got: an arrow that ends in a cross.
function drawLost(call) {
  const left = x(call.start) + LEAST, y = call.y + BAR;
  return svg("path", { class: "lost", d: `M${left} ${y}c0 8 4 8 10 9` +
    "m-1-4l8 8m0-8l-8 8" });
}

function tellLeftOut(merged, out) {
  const says = [];
  if (merged) says.push(amount(merged, "call") + " merged with a neighbour");
  if (out) says.push(amount(out, "arrow") + " not drawn");
  document.getElementById("leftout").textContent = says.length === 0 ? ""
    : "At this zoom: " + says.join(", ") + ".";
}

function drawPicture() {
  const bars = [];
  let merged = 0;
  nodes.clear();
  for (const lane of lanes) {
    for (const row of lane.rows) merged += drawRow(row, bars);
  }
  const { all, out } = drawArrows();
  const lost = calls.filter((call) => call.lost && call.end >= view.from &&
    call.start <= view.to);
  picture.replaceChildren(picture.querySelector("defs"),
    svg("g", { class: "back" }, ...processes.map(drawBand),
      ...visibleBreaks().map(({ middle }) => svg("line", { class: "cut",
        x1: middle, x2: middle, y1: 0, y2: height })),
      ...lanes.map(drawLane)),
    svg("g", { class: "bars" }, ...bars),
    svg("g", { class: all.length > MANY ? "many" : undefined },
      ...all, ...lost.map(drawLost)));
  tellLeftOut(merged, out);
}

function draw() {
  for (const [part, tall] of [[ruler, 30], [picture, height]]) {
    part.setAttribute("viewBox", `0 0 ${view.width} ${tall}`);
    part.setAttribute("height", tall);
  }
  const focused = picture.contains(document.activeElement);
  drawRuler();
  drawPicture();
  paint();
  if (focused && nodes.has(current)) {
    nodes.get(current).focus({ preventScroll: true });
  }
}
// SPDX-License-Identifier: MIT
//
// The call that is looked at: its detail in words, and what it belongs to lit.

let current = null; // the call that has the keyboard
let shown = null;   // the one whose detail stands there
let pinned = false; // it stays, whatever the pointer does
const lit = new Set(); // calls, arrows and rows of the source

const detail = document.getElementById("detail");

function sockText(call) {
  const sock = call.sock || call.made;
  if (!sock) return undefined;
  return sock.name + (sock.fd === undefined ? "" : `, descriptor ${sock.fd}`);
}

function bytesText(count, way, data) {
  if (!count) return undefined;
  return amount(count, "byte") + " " + way +
    (data === undefined ? "" : `: "${data}"`);
}

function waitText(call) {
  if (!(call.wait > 0)) return undefined;
  const times = call.waits > 1 ? `, ${call.waits} times` : "";
  return `${duration(call.wait)}, ${waitWord(call)}${times}`;
}

const ARRIVE = { connect: "connection", bytes: "bytes", datagram: "datagram" };

function arrowText(arrow, call) {
  const away = arrow.from === call, other = away ? arrow.to : arrow.from;
  const size = arrow.bytes ? `${amount(arrow.bytes, "byte")}`
    : ARRIVE[arrow.kind] || "bytes";
  const took = away ? `, ${duration(other.to - call.from)} later` : "";
  return `${size} ${away ? "to" : "from"} ${other.call} of ` +
    `${other.lane.process.name}${took}`;
}

function factsOf(call) {
  const most = 4, rest = call.arrows.length - most;
  return [
    ["where", `${call.lane.process.name}, ${call.lane.name}` +
      (call.line ? `, ${call.line}` : "")],
    ["socket", sockText(call)],
    ["result", call.result],
    [call.failed ? "error" : "result", call.error || call.code],
    ["hint", call.hint],
    ["bytes", bytesText(call.out, "out", call.data)],
    ["bytes", bytesText(call.in, "in", call.data)],
    ["address", call.addr],
    ["began", `at ${moment(call.from, 1e-6)}`],
    ["took", call.to > call.from && duration(call.to - call.from)],
    ["waited", waitText(call)],
    ["system calls", call.sys],
    ["by", call.engine && `the C engine of ${call.engine}`],
    ["open", call.open && "it had not ended when the trace did"],
    ["lost", call.lost && "nobody in this trace received this datagram"],
    ...call.arrows.slice(0, most).map((a) => ["arrow", arrowText(a, call)]),
    ["arrow", rest > 0 ? `and ${rest} more` : undefined],
  ].filter(([, value]) => value !== undefined && value !== false &&
    value !== "");
}

function describe(call) {
  const facts = factsOf(call).flatMap(([name, value]) => [
    html("dt", {}, name),
    html("dd", { class: name === "error" ? "failed" : undefined }, value)]);
  detail.replaceChildren(
    html("h2", {}, html("code", {}, `${call.call}(${call.args || ""})`),
      pinned ? html("span", { class: "pin" }, " kept: Esc lets it go") : ""),
    html("dl", {}, ...facts));
}

function advise() {
  detail.replaceChildren(html("p", { class: "aside" },
    "Point at a bar, or move with Tab and the arrow keys, and this is where " +
    "it is told. Enter or a click keeps it, Esc lets it go."));
}

// Puts on the elements what is lit; they are new after each drawing.
function paint() {
  picture.classList.toggle("some", lit.size > 0);
  for (const [what, node] of nodes) {
    node.classList.toggle("on", lit.has(what));
    if (node.getAttribute("role") !== "button") continue;
    node.setAttribute("tabindex", what === current ? 0 : -1);
    node.setAttribute("aria-pressed", pinned && what === shown);
  }
  for (const row of document.querySelectorAll("tr.on")) {
    row.classList.remove("on");
  }
  for (const call of lit) {
    const row = call.own && rowOfLine(call.lane.process, call.own);
    if (row) row.classList.add("on");
  }
}

function light(things) {
  lit.clear();
  for (const thing of things) lit.add(thing);
  paint();
}

function show(call) {
  shown = call;
  describe(call);
  light([call, ...call.arrows, ...call.arrows.flatMap((a) => [a.from, a.to])]);
  showLine(call);
}

// The pointer has left: back to what is kept or has the keyboard.
function calm() {
  if (pinned) return show(shown);
  shown = null;
  advise();
  light([]);
}

function pin(call) {
  pinned = !(pinned && shown === call);
  current = call;
  show(call);
}

function unpin() {
  pinned = false;
  calm();
}
// SPDX-License-Identifier: MIT
//
// Beside the drawing: each lab's source with what its lines did, a tab a
// process; below it the counts, and above all the title.

const tabs = document.getElementById("tabs");
const sources = document.getElementById("sources");
const rowOf = new Map(); // "process:line" -> its row

function rowOfLine(process, line) {
  return rowOf.get(process.index + ":" + line);
}

function callsOfLine(process, line) {
  return calls.filter((call) => call.lane.process === process &&
    call.own === line);
}

function sourceRow(process, text, line, figures) {
  const counted = figures.get(line);
  const row = html("tr", { class: counted ? "called" : undefined,
                           tabindex: counted ? 0 : undefined },
    html("th", { scope: "row" }, String(line)),
    html("td", {}, counted ? counted.calls + "×" : ""),
    html("td", {}, counted && counted.wait > 0 ? duration(counted.wait) : ""),
    html("td", {}, html("code", {}, text.replace(/\t/g, "    "))));
  rowOf.set(process.index + ":" + line, row);
  if (!counted) return row;
  const on = () => light(callsOfLine(process, line));
  row.addEventListener("pointerenter", on);
  row.addEventListener("focus", on);
  row.addEventListener("pointerleave", calm);
  row.addEventListener("blur", calm);
  return row;
}

function sourceOf(process) {
  if (!process.source) {
    return html("p", { class: "aside" }, (process.changed
      ? "The source has been changed since this run: "
      : "The source is not at hand: ") + (process.lab || "no script"));
  }
  const figures = new Map(list(model.lines)
    .filter((one) => one.process === process.index + 1)
    .map((one) => [one.line, one]));
  const rows = process.source.replace(/\n$/, "").split("\n")
    .map((text, i) => sourceRow(process, text.replace(/\r$/, ""), i + 1,
      figures));
  const heads = ["line", "calls", "waited", process.lab];
  return html("table", { class: "source" },
    html("thead", {}, html("tr", {}, ...heads.map((head) =>
      html("th", { scope: "col" }, head)))),
    html("tbody", {}, ...rows));
}

function chooseTab(index, focus) {
  [...tabs.children].forEach((tab, i) => {
    tab.setAttribute("aria-selected", i === index);
    tab.setAttribute("tabindex", i === index ? 0 : -1);
    sources.children[i].hidden = i !== index;
    if (focus && i === index) tab.focus();
  });
}

function addSource(process, i) {
  const tab = html("button", { type: "button", role: "tab", id: "tab" + i,
                               "aria-controls": "source" + i },
    short(process.name, 40));
  tab.addEventListener("click", () => chooseTab(i));
  tab.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) chooseTab((i + step + processes.length) % processes.length, true);
  });
  tabs.append(tab);
  sources.append(html("div", { role: "tabpanel", id: "source" + i,
                               "aria-labelledby": "tab" + i },
    sourceOf(process)));
}

// The line of a call comes into sight, in the box of the sources only.
function showLine(call) {
  const row = call.own && rowOfLine(call.lane.process, call.own);
  if (!row) return;
  chooseTab(call.lane.process.index);
  const box = sources.getBoundingClientRect();
  const line = row.getBoundingClientRect();
  if (line.top < box.top + 24 || line.bottom > box.bottom) {
    sources.scrollTop += line.top - box.top - box.height / 2;
  }
}

const FIGURES = ["calls", "sys", "in", "out", "wait", "errors"];

function figureCells(counted) {
  return FIGURES.map((key) => html("td",
    { class: key === "errors" && counted[key] > 0 ? "failed" : undefined },
    key === "wait" ? duration(counted[key]) : String(number(counted[key]))));
}

function total(all) {
  return Object.fromEntries(FIGURES.map((key) =>
    [key, all.reduce((sum, one) => sum + number(one[key]), 0)]));
}

function countRow(counted) {
  const lane = lanes[counted.lane - 1];
  return html("tr", {},
    html("th", { scope: "row" }, lane ? lane.process.name : ""),
    html("td", { class: "word" }, lane ? lane.name : ""),
    html("td", { class: "word" }, html("code", {}, counted.call)),
    ...figureCells(counted));
}

function addCounts() {
  const counts = list(model.counts);
  const heads = ["process", "task", "call", "calls", "system calls",
    "bytes in", "bytes out", "waited", "errors"];
  document.getElementById("counts").append(
    html("thead", {}, html("tr", {}, ...heads.map((head) =>
      html("th", { scope: "col" }, head)))),
    html("tbody", {}, ...counts.map(countRow)),
    html("tfoot", {}, html("tr", {},
      html("th", { scope: "row", colspan: 3 }, "all"),
      ...figureCells(total(counts)))));
}

function addTitle() {
  const sum = total(list(model.counts));
  const when = new Date(number(model.wall) * 1000);
  const words = [
    model.wall && when.toLocaleString(undefined,
      { dateStyle: "medium", timeStyle: "medium" }),
    duration(seconds), amount(processes.length, "process", "processes"),
    amount(sum.calls, "call"), amount(sum.sys, "system call"),
    amount(sum.in, "byte") + " in", amount(sum.out, "byte") + " out",
    amount(sum.errors, "error"),
    ...processes.filter((process) => process.cut).map((process) =>
      `the trace of ${process.name} has no end`),
  ];
  document.getElementById("summary").textContent =
    plain(words.filter(Boolean).join(" · "));
}
// SPDX-License-Identifier: MIT
//
// Zoom and pan, by keys, wheel, buttons, mouse and fingers; and where the
// pointer is.

const DEEPEST = 1e-6; // of the whole axis

let due = false;

// Draws once before the next frame, however often it is asked to.
function redraw() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    draw();
  });
}

function look(from, to) {
  const all = view.axis.length;
  const span = Math.min(Math.max(to - from, all * DEEPEST), all);
  view.from = Math.min(Math.max(from, 0), all - span);
  view.to = view.from + span;
  redraw();
}

// The place under a pixel of the drawing.
function placeAt(pixel) {
  return view.from + (pixel - EDGE) / (view.width - 2 * EDGE) *
    (view.to - view.from);
}

function zoom(factor, around) {
  const middle = around ?? (shown && nodes.has(shown) ? shown.start
    : (view.from + view.to) / 2);
  look(middle - (middle - view.from) * factor,
    middle + (view.to - middle) * factor);
}

function pan(pixels) {
  const by = pixels / view.width * (view.to - view.from);
  look(view.from + by, view.to + by);
}

function fit() {
  look(0, view.axis.length);
}

// Even or to scale; what was seen stays in sight.
function choose(axis) {
  const from = view.axis.time(view.from), to = view.axis.time(view.to);
  useAxis(axis);
  look(axis.place(from), axis.place(to));
}

// Brings a call into sight, and wide enough to be seen.
function reveal(call) {
  const span = view.to - view.from;
  if (call.start >= view.from && call.end <= view.to) return;
  const middle = call.end - call.start > span ? call.start
    : (call.start + call.end) / 2;
  look(middle - span / 2, middle + span / 2);
}

function visit(call) {
  if (!call) return;
  current = call;
  pinned = false;
  reveal(call);
  draw();
  nodes.get(call).focus({ preventScroll: true });
  nodes.get(call).scrollIntoView({ block: "nearest", inline: "nearest" });
  show(call);
}

// The call of the next row up or down that begins nearest to this one.
function neighbour(call, way) {
  const rows = lanes.flatMap((lane) => lane.rows);
  const at = rows.findIndex((row) => row.calls.includes(call));
  const row = rows[at + way];
  if (!row) return undefined;
  const off = (other) => Math.abs(other.start - call.start);
  return row.calls.reduce((best, one) => (off(one) < off(best) ? one : best));
}

function along(call, step) {
  return call.lane.calls[call.lane.calls.indexOf(call) + step];
}

const KEYS = {
  "+": () => zoom(0.6),
  "=": () => zoom(0.6),
  "-": () => zoom(1 / 0.6),
  "0": fit,
  Escape: unpin,
  Enter: () => current && pin(current),
  " ": () => current && pin(current),
  ArrowRight: () => visit(along(current, 1)),
  ArrowLeft: () => visit(along(current, -1)),
  ArrowDown: () => visit(neighbour(current, 1)),
  ArrowUp: () => visit(neighbour(current, -1)),
  Home: () => visit(current.lane.calls[0]),
  End: () => visit(current.lane.calls[current.lane.calls.length - 1]),
};
const SHIFTED = { ArrowRight: () => pan(120), ArrowLeft: () => pan(-120) };

function onKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || !current) return;
  const act = event.shiftKey && SHIFTED[event.key] || KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

function onWheel(event) {
  const left = drawing.getBoundingClientRect().left;
  if (event.ctrlKey) {
    zoom(Math.exp(event.deltaY / 200), placeAt(event.clientX - left));
  } else if (event.shiftKey || event.deltaX) {
    pan(event.deltaX || event.deltaY);
  } else {
    return;
  }
  event.preventDefault();
}

const fingers = new Map(); // pointer -> its x, while it is down
let moved = 0;

function spread() {
  const [a, b] = [...fingers.values()];
  return { wide: Math.abs(a - b), middle: (a + b) / 2 };
}

function onDrag(event) {
  const before = fingers.get(event.pointerId);
  if (before === undefined) return;
  const old = fingers.size === 2 ? spread() : null;
  fingers.set(event.pointerId, event.clientX);
  moved += Math.abs(event.clientX - before);
  if (!old && moved > 4) return pan(before - event.clientX);
  if (!old || spread().wide < 8) return;
  const left = drawing.getBoundingClientRect().left;
  zoom(old.wide / spread().wide, placeAt(old.middle - left));
}

function callUnder(event) {
  const node = event.target.closest("[data-call]");
  return node ? byIndex[node.getAttribute("data-call")] : undefined;
}

// What the pointer is over: a bar, an arrow, or nothing.
function onPoint(event) {
  if (pinned || fingers.size > 0 && moved > 4) return;
  const call = callUnder(event);
  const node = event.target.closest("[data-arrow]");
  if (call) {
    if (call !== shown) show(call);
  } else if (node) {
    const arrow = arrows[node.getAttribute("data-arrow")];
    shown = null;
    describe(arrow.from);
    light([arrow, arrow.from, arrow.to]);
  } else if (lit.size > 0 && !picture.contains(document.activeElement)) {
    calm();
  }
}

function onClick(event) {
  const call = callUnder(event);
  if (moved > 4) return;
  if (!call) return unpin();
  pin(call);
  nodes.get(call).focus({ preventScroll: true });
}

function listen() {
  // (A listener for the focus on the picture itself would make it focusable.)
  drawing.addEventListener("keydown", onKey);
  drawing.addEventListener("focusin", (event) => {
    const call = callUnder(event);
    if (!call || pinned) return;
    current = call;
    show(call);
  });
  drawing.addEventListener("wheel", onWheel, { passive: false });
  drawing.addEventListener("pointerdown", (event) => {
    if (fingers.size === 0) moved = 0;
    fingers.set(event.pointerId, event.clientX);
  });
  addEventListener("pointermove", onDrag);
  for (const end of ["pointerup", "pointercancel"]) {
    addEventListener(end, (event) => fingers.delete(event.pointerId));
  }
  picture.addEventListener("pointermove", onPoint);
  picture.addEventListener("pointerleave", () => pinned || calm());
  picture.addEventListener("click", onClick);
}
// SPDX-License-Identifier: MIT
//
// The page is put together, and drawn.

const LEGEND = [
  ["make", "make, name, close"], ["meet", "connect, accept"],
  ["out", "bytes out"], ["in", "bytes in"], ["waits", "blocked, waits"],
  ["name", "names"], ["poll", "EAGAIN: would block"], ["failed", "error"],
];

function addLegend() {
  const legend = document.getElementById("legend");
  for (const [kind, words] of LEGEND) {
    legend.append(html("li", {},
      html("span", { class: "swatch " + kind, "aria-hidden": "true" }), words));
  }
}

function addButtons() {
  const click = (id, act) =>
    document.getElementById(id).addEventListener("click", act);
  click("closer", () => zoom(0.6));
  click("farther", () => zoom(1 / 0.6));
  click("fit", fit);
  for (const name of ["even", "scale"]) {
    document.getElementById(name).addEventListener("change", () =>
      choose(axes[name]));
  }
}

function measure() {
  view.width = Math.max(drawing.clientWidth, 200);
}

// Paper shows the whole run at one width, and then the screen is as before.
function followPrinter() {
  let before = null;
  addEventListener("beforeprint", () => {
    before = { ...view };
    Object.assign(view, { width: 1000, from: 0, to: view.axis.length });
    draw();
  });
  addEventListener("afterprint", () => {
    Object.assign(view, before);
    draw();
  });
}

measure();
makeEven(view.width - 2 * EDGE);
useAxis(axes.even);
view.to = view.axis.length;
current = calls[0] || null;
addTitle();
addLegend();
processes.forEach(addSource);
chooseTab(0);
addCounts();
advise();
addButtons();
listen();
followPrinter();
draw();
new ResizeObserver(() => {
  measure();
  redraw();
}).observe(drawing);
]==] }
