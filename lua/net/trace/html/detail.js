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
