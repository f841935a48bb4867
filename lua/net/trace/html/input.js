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
