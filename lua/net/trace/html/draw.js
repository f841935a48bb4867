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
