// SPDX-License-Identifier: MIT
//
// drawing: the calls over time. For each zoom and pan it is drawn anew, and
// only the part of the run that is in view.

const drawing = (() => {
  const { byId, svg, duration, moment, amount, short, LETTER, widthOf,
          waitWord, sentence } = text;
  const { BAR, mostlyWaits } = model;

  const EDGE = 8;  // pixels at the left and at the right
  const LEAST = 3; // pixels: a narrower bar would be hard to point at
  const MANY = 60; // arrows: when there are more, they are drawn faintly
  const MOST_ARROWS = 1500;
  const DEEPEST = 1e-6; // the narrowest view, as a part of the whole axis

  const view = { axis: null, from: 0, to: 1, width: 800 };
  const nodes = new Map(); // call or arrow -> its element, while it is drawn
  const selection = {
    current: null,  // the call that has the keyboard
    shown: null,    // the call whose detail is shown
    pinned: false,  // is that call kept, wherever the pointer goes?
    lit: new Set(), // calls and arrows
  };
  let run, axes, box, ruler, picture;

  function x(place) {
    return EDGE + (place - view.from) / (view.to - view.from) *
      (view.width - 2 * EDGE);
  }

  function isSeen(call) {
    return call.end >= view.from && call.start <= view.to;
  }

  // ---- the ruler ----

  function drawRuler() {
    const { axis, from, to, width } = view, room = 92;
    let before = -Infinity;
    const parts = axis.ticks(from, to, width / room).map(({ time, step }) => {
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
      ...visibleBreaks().map((middle) => svg("path", { class: "cut",
        d: `M${middle - 4} 28l3-8M${middle + 1} 28l3-8` })));
  }

  // The middle of each stretch that is drawn shorter than it was.
  function visibleBreaks() {
    const { axis, from, to } = view;
    return axis.breaks.filter((i) => axis.places[i + 1] > from &&
      axis.places[i] < to)
      .map((i) => [x(axis.places[i]), x(axis.places[i + 1])])
      .filter(([left, right]) => right - left > 12)
      .map(([left, right]) => (left + right) / 2);
  }

  // ---- the picture ----

  function drawBand(process) {
    const about = [process.pid && "pid " + process.pid, process.host,
      process.args.join(" "), process.cut && "cut off"];
    const most = Math.floor((view.width - 3 * EDGE) / LETTER);
    const name = short(process.name, most);
    const more = short(about.filter(Boolean).join(" · "),
      most - name.length - 3);
    return svg("g", {},
      svg("rect", { class: "band", x: 0.5, y: process.y + 0.5, rx: 6,
                    width: view.width - 1, height: process.height }),
      svg("text", { x: EDGE, y: process.y + 18 },
        svg("tspan", { class: "process" }, name),
        svg("tspan", { class: "aside", dx: 10 }, more)));
  }

  function drawLane(lane) {
    const { axis } = view, y = lane.middle;
    const words = [lane.line && "spawned at " + lane.line,
      lane.state !== "done" && lane.state].filter(Boolean).join(", ");
    const from = x(axis.place(lane.from)), to = x(axis.place(lane.to));
    return svg("g", {},
      svg("text", { x: EDGE, y: lane.y + 13 },
        svg("tspan", { class: "lane" }, short(lane.name, 30)),
        svg("tspan", { class: "aside", dx: 8 }, short(words, 60))),
      svg("line", { class: "life", x1: Math.max(from, 0), y1: y, y2: y,
                    x2: Math.min(Math.max(to, 0), view.width) }));
  }

  // What the call waited, inside its bar: the longest text that fits.
  function waitLabel(call, left, right) {
    if (!mostlyWaits(call)) return undefined;
    const word = waitWord(call);
    const label = [`${word} ${duration(call.wait)}`, word]
      .find((one) => widthOf(one) <= right - left);
    return label && svg("text", { x: (left + right) / 2, y: call.y + 14,
                                  "text-anchor": "middle" }, label);
  }

  // The call's name, above its bar, if the next bar leaves room for it.
  function nameLabel(call, left, right, until) {
    const room = Math.max(until, right) - left;
    const names = [call.call];
    if (call.code) names.unshift(`${call.call} ${call.code}`, call.code);
    const label = names.find((one) => one && widthOf(one) <= room + 6);
    return label && svg("text", { class: "name", x: left + 1, y: call.y - 4 },
      label);
  }

  // The waiting part is hatched; the call's own work stays plain at both ends.
  function drawWait(call, left, right) {
    const wide = right - left, ends = Math.min(4, wide / 4);
    if (call.wait <= 0 || wide < 8) return undefined;
    const from = Math.max(x(call.sleeps), left + ends, -9);
    const to = Math.min(x(call.wakes), right - ends, view.width + 9);
    if (to - from < 2) return undefined;
    return svg("rect", { class: "wait", x: from, y: call.y,
                         width: to - from, height: BAR });
  }

  // `until` is where the next bar of the row begins; `more` is the number of
  // calls that this bar also stands for.
  function drawBar(call, until, more) {
    const left = Math.max(x(call.start), -9);
    const right = Math.min(Math.max(x(call.end), left + LEAST),
      view.width + 9);
    const inside = [Math.max(left, 2), Math.min(right, view.width - 2)];
    const classes = ["bar", call.kind, call.poll && "poll", call.failed &&
      "failed", call.open && "unended"].filter(Boolean).join(" ");
    const node = svg("g", { class: classes, id: "c" + call.index,
                            role: "button", "data-call": call.index,
                            tabindex: -1, "aria-label": sentence(call) +
                              (more ? `, and ${more} more` : "") },
      svg("rect", { class: "body", x: left, y: call.y, rx: 2,
                    width: right - left, height: BAR }),
      drawWait(call, left, right),
      call.poll ? svg("rect", { class: "tick", x: (left + right) / 2 - 2,
                                y: call.y - 3, width: 4, height: BAR + 6 })
        : undefined,
      waitLabel(call, ...inside),
      nameLabel(call, ...inside, Math.min(until, view.width)));
    nodes.set(call, node);
    return node;
  }

  // The bars of a row from left to right; returns how many calls share a bar
  // with a neighbour, which they do where they are too short to be seen. The
  // bar is that of the call that failed, if one did.
  function drawRow(row, bars) {
    const { current } = selection;
    let last = null, merged = 0;
    const flush = (until) => last &&
      bars.push(drawBar(last.call, until, last.more));
    for (const call of row.calls) {
      if (!isSeen(call)) continue;
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

  // An arrow leaves where its first call begins and arrives where its second
  // one ends, so it never points backwards.
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

  // All arrows in view, but one of those that would lie upon each other; and
  // how many were left out.
  function drawArrows() {
    const taken = new Set(), all = [];
    let out = 0;
    for (const arrow of run.arrows) {
      const { x1, y1, x2, y2 } = arrowEnds(arrow);
      if (Math.max(x1, x2) < 0 || Math.min(x1, x2) > view.width) continue;
      const where = [Math.round(x1 / 2), y1, Math.round(x2 / 2), y2].join();
      if (taken.has(where) || all.length >= MOST_ARROWS) { out++; continue; }
      taken.add(where);
      all.push(drawArrow(arrow));
    }
    return { all, out };
  }

  // A datagram that was lost: an arrow that ends in a cross.
  function drawLost(call) {
    const left = x(call.start) + LEAST, y = call.y + BAR;
    return svg("path", { class: "lost", d: `M${left} ${y}c0 8 4 8 10 9` +
      "m-1-4l8 8m0-8l-8 8" });
  }

  function reportLeftOut(merged, out) {
    const parts = [];
    if (merged) parts.push(amount(merged, "call") + " merged with a neighbour");
    if (out) parts.push(amount(out, "arrow") + " not drawn");
    byId("leftout").textContent = parts.length === 0 ? ""
      : "At this zoom: " + parts.join(", ") + ".";
  }

  function drawPicture() {
    const bars = [];
    let merged = 0;
    nodes.clear();
    for (const lane of run.lanes) {
      for (const row of lane.rows) merged += drawRow(row, bars);
    }
    const { all, out } = drawArrows();
    const lost = run.calls.filter((call) => call.lost && isSeen(call));
    picture.replaceChildren(picture.querySelector("defs"),
      svg("g", {}, ...run.processes.map(drawBand),
        ...visibleBreaks().map((middle) => svg("line", { class: "cut",
          x1: middle, x2: middle, y1: 0, y2: run.height })),
        ...run.lanes.map(drawLane)),
      svg("g", {}, ...bars),
      svg("g", { class: all.length > MANY ? "many" : undefined },
        ...all, ...lost.map(drawLost)));
    reportLeftOut(merged, out);
  }

  // Marks the elements of what is selected; they are new after each drawing.
  function paint() {
    const { current, shown, pinned, lit } = selection;
    picture.classList.toggle("some", lit.size > 0);
    for (const [it, node] of nodes) {
      node.classList.toggle("on", lit.has(it));
      if (node.getAttribute("role") !== "button") continue;
      node.setAttribute("tabindex", it === current ? 0 : -1);
      node.setAttribute("aria-pressed", pinned && it === shown);
    }
  }

  function hasFocus() {
    return picture.contains(document.activeElement);
  }

  function focus(call) {
    nodes.get(call).focus({ preventScroll: true });
  }

  function draw() {
    for (const [part, tall] of [[ruler, 30], [picture, run.height]]) {
      part.setAttribute("viewBox", `0 0 ${view.width} ${tall}`);
      part.setAttribute("height", tall);
    }
    const focused = hasFocus();
    drawRuler();
    drawPicture();
    paint();
    if (focused && nodes.has(selection.current)) focus(selection.current);
  }

  // ---- what is in view ----

  let due = false;

  // Draws once before the next frame, however often it is called.
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

  // Zooms around a pixel of the window, or around the call that is shown.
  function zoom(factor, pixel) {
    const { shown } = selection, span = view.to - view.from;
    let middle = (view.from + view.to) / 2;
    if (pixel !== undefined) {
      middle = view.from + span / (view.width - 2 * EDGE) *
        (pixel - box.getBoundingClientRect().left - EDGE);
    } else if (nodes.has(shown)) {
      middle = shown.start;
    }
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

  // Brings a call into view.
  function reveal(call) {
    const span = view.to - view.from;
    if (call.start >= view.from && call.end <= view.to) return;
    const middle = call.end - call.start > span ? call.start
      : (call.start + call.end) / 2;
    look(middle - span / 2, middle + span / 2);
  }

  // Takes an axis, and finds the place of each call on it.
  function useAxis(axis) {
    view.axis = axis;
    for (const call of run.calls) {
      const busy = Math.max(call.to - call.from - call.wait, 0) / 2;
      call.start = axis.place(call.from);
      call.end = axis.place(call.to);
      call.sleeps = axis.place(call.from + busy);
      call.wakes = axis.place(call.to - busy);
    }
  }

  // Changes to the axis "even" or "scale", with the same times in view.
  function choose(name) {
    const from = view.axis.time(view.from), to = view.axis.time(view.to);
    useAxis(axes[name]);
    look(view.axis.place(from), view.axis.place(to));
  }

  function measure() {
    view.width = Math.max(box.clientWidth, 200);
  }

  // Paper shows the whole run at one width. Then the screen is as before.
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

  function open(theRun) {
    run = theRun;
    [box, ruler, picture] = ["drawing", "ruler", "picture"].map(byId);
    measure();
    axes = { scale: model.scaleAxis(run),
             even: model.evenAxis(run, view.width - 2 * EDGE) };
    useAxis(axes.even);
    view.to = view.axis.length;
    selection.current = run.calls[0] || null;
    draw();
    followPrinter();
    new ResizeObserver(() => {
      measure();
      redraw();
    }).observe(box);
  }

  return { selection, open, draw, paint, focus, hasFocus, nodes, zoom, pan, fit,
           reveal, choose };
})();
