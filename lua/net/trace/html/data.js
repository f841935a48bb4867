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

// The rows of a list that the page has by column (net/trace/html.lua).
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
