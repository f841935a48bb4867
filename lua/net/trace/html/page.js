// SPDX-License-Identifier: MIT
//
// page: what stands around the drawing: the detail of a call, each process'
// source with what its lines did, the counts, and what keys and the pointer do.

(() => {
  const { plain, byId, html, duration, moment, amount, short, waitWord } = text;
  const { selection, nodes } = drawing;
  const run = model.read(byId("model").textContent);

  // ---- the detail of a call ----

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

  function arrowText(arrow, call) {
    const leaves = arrow.from === call, other = leaves ? arrow.to : arrow.from;
    const size = arrow.bytes ? amount(arrow.bytes, "byte")
      : arrow.kind === "connect" ? "connection" : arrow.kind;
    const took = leaves ? `, ${duration(other.to - call.from)} later` : "";
    return `${size} ${leaves ? "to" : "from"} ${other.call} of ` +
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
    byId("detail").replaceChildren(
      html("h2", {}, html("code", {}, `${call.call}(${call.args || ""})`),
        selection.pinned ? html("span", { class: "pin" }, " pinned: Esc unpins")
          : ""),
      html("dl", {}, ...facts));
  }

  function explain() {
    byId("detail").replaceChildren(html("p", { class: "aside" },
      "Point at a bar, or move with Tab and the arrow keys. Details appear " +
      "here. Enter or a click pins them; Esc unpins."));
  }

  // ---- selection ----

  function light(things) {
    selection.lit = new Set(things);
    drawing.paint();
    for (const row of document.querySelectorAll("tr.on")) {
      row.classList.remove("on");
    }
    for (const call of things) {
      const row = call.own && rowOfLine(call.lane.process, call.own);
      if (row) row.classList.add("on");
    }
  }

  function show(call) {
    selection.shown = call;
    describe(call);
    light([call, ...call.arrows,
      ...call.arrows.flatMap((a) => [a.from, a.to])]);
    showLine(call);
  }

  // The pointer has left: shows what is pinned, or nothing.
  function calm() {
    if (selection.pinned) return show(selection.shown);
    selection.shown = null;
    explain();
    light([]);
  }

  function pin(call) {
    selection.pinned = !(selection.pinned && selection.shown === call);
    selection.current = call;
    show(call);
  }

  function unpin() {
    selection.pinned = false;
    calm();
  }

  // Moves the keyboard's focus to a call, if there is one.
  function visit(call) {
    if (!call) return;
    selection.current = call;
    selection.pinned = false;
    drawing.reveal(call);
    drawing.draw();
    drawing.focus(call);
    nodes.get(call).scrollIntoView({ block: "nearest", inline: "nearest" });
    show(call);
  }

  // ---- the sources, a tab for each process ----

  const rowOf = new Map(); // "process:line" -> its row

  function rowOfLine(process, line) {
    return rowOf.get(process.index + ":" + line);
  }

  function callsOfLine(process, line) {
    return run.calls.filter((call) => call.lane.process === process &&
      call.own === line);
  }

  function sourceRow(process, code, line, counted) {
    const row = html("tr", { class: counted ? "called" : undefined,
                             tabindex: counted ? 0 : undefined },
      html("th", { scope: "row" }, String(line)),
      html("td", {}, counted ? counted.calls + "×" : ""),
      html("td", {}, counted && counted.wait > 0 ? duration(counted.wait) : ""),
      html("td", {}, html("code", {}, code.replace(/\t/g, "    "))));
    rowOf.set(process.index + ":" + line, row);
    if (!counted) return row;
    for (const event of ["pointerenter", "focus"]) {
      row.addEventListener(event, () => light(callsOfLine(process, line)));
    }
    for (const event of ["pointerleave", "blur"]) {
      row.addEventListener(event, calm);
    }
    return row;
  }

  function headRow(...heads) {
    return html("thead", {}, html("tr", {}, ...heads.map((head) =>
      html("th", { scope: "col" }, head))));
  }

  function sourceOf(process) {
    if (!process.source) {
      return html("p", { class: "aside" }, (process.changed
        ? "The source has changed since this run: "
        : "The source is not available: ") + (process.lab || "no script"));
    }
    const counted = new Map(run.lines
      .filter((one) => one.process === process.index + 1)
      .map((one) => [one.line, one]));
    const rows = process.source.replace(/\n$/, "").split("\n").map((code, i) =>
      sourceRow(process, code.replace(/\r$/, ""), i + 1, counted.get(i + 1)));
    return html("table", { class: "source" },
      headRow("line", "calls", "waited", process.lab),
      html("tbody", {}, ...rows));
  }

  function chooseTab(index, focus) {
    [...byId("tabs").children].forEach((tab, i) => {
      tab.setAttribute("aria-selected", i === index);
      tab.setAttribute("tabindex", i === index ? 0 : -1);
      byId("sources").children[i].hidden = i !== index;
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
      const all = run.processes.length;
      if (step) chooseTab((i + step + all) % all, true);
    });
    byId("tabs").append(tab);
    byId("sources").append(html("div", { role: "tabpanel", id: "source" + i,
                                         "aria-labelledby": "tab" + i },
      sourceOf(process)));
  }

  // Scrolls the sources, and nothing else, to the line of a call.
  function showLine(call) {
    const row = call.own && rowOfLine(call.lane.process, call.own);
    if (!row) return;
    chooseTab(call.lane.process.index);
    const box = byId("sources").getBoundingClientRect();
    const line = row.getBoundingClientRect();
    if (line.top < box.top + 24 || line.bottom > box.bottom) {
      byId("sources").scrollTop += line.top - box.top - box.height / 2;
    }
  }

  // ---- counts, title, legend ----

  const FIGURES = ["calls", "sys", "in", "out", "wait", "errors"];

  function total(counts) {
    return Object.fromEntries(FIGURES.map((key) =>
      [key, counts.reduce((sum, one) => sum + (one[key] || 0), 0)]));
  }

  function figureCells(counted) {
    return FIGURES.map((key) => html("td",
      { class: key === "errors" && counted[key] > 0 ? "failed" : undefined },
      key === "wait" ? duration(counted[key]) : String(counted[key] || 0)));
  }

  function countRow(counted) {
    const lane = run.lanes[counted.lane - 1];
    return html("tr", {},
      html("th", { scope: "row" }, lane ? lane.process.name : ""),
      html("td", { class: "word" }, lane ? lane.name : ""),
      html("td", { class: "word" }, html("code", {}, counted.call)),
      ...figureCells(counted));
  }

  function addCounts(sum) {
    byId("counts").append(
      headRow("process", "task", "call", "calls", "system calls", "bytes in",
        "bytes out", "waited", "errors"),
      html("tbody", {}, ...run.counts.map(countRow)),
      html("tfoot", {}, html("tr", {},
        html("th", { scope: "row", colspan: 3 }, "all"), ...figureCells(sum))));
  }

  function addTitle(sum) {
    const when = new Date(run.wall * 1000);
    const words = [
      run.wall && when.toLocaleString(undefined,
        { dateStyle: "medium", timeStyle: "medium" }),
      duration(run.seconds),
      amount(run.processes.length, "process", "processes"),
      amount(sum.calls, "call"), amount(sum.sys, "system call"),
      amount(sum.in, "byte") + " in", amount(sum.out, "byte") + " out",
      amount(sum.errors, "error"),
      ...run.processes.filter((process) => process.cut).map((process) =>
        `the trace of ${process.name} has no end`),
    ];
    byId("summary").textContent = plain(words.filter(Boolean).join(" · "));
  }

  const LEGEND = [
    ["socket", "open, bind, close"], ["connect", "connect, accept"],
    ["send", "bytes out"], ["receive", "bytes in"], ["waits", "blocked, waits"],
    ["name", "names"], ["poll", "EAGAIN: would block"], ["failed", "error"],
  ];

  function addLegend() {
    const swatch = (name) =>
      html("span", { class: "swatch " + name, "aria-hidden": "true" });
    byId("legend").append(...LEGEND.map(([name, words]) =>
      html("li", {}, swatch(name), words)));
  }

  // ---- keys and buttons ----

  // The call of the next row up or down that begins nearest to this one.
  function neighbour(call, way) {
    const rows = run.lanes.flatMap((lane) => lane.rows);
    const row = rows[rows.findIndex((one) => one.calls.includes(call)) + way];
    if (!row) return undefined;
    const off = (other) => Math.abs(other.start - call.start);
    return row.calls.reduce((best, one) => (off(one) < off(best) ? one : best));
  }

  function along(call, step) {
    return call.lane.calls[call.lane.calls.indexOf(call) + step];
  }

  const closer = () => drawing.zoom(0.6), farther = () => drawing.zoom(1 / 0.6);
  const KEYS = {
    "+": closer, "=": closer, "-": farther, "0": drawing.fit,
    Escape: unpin, Enter: pin, " ": pin,
    ArrowRight: (call) => visit(along(call, 1)),
    ArrowLeft: (call) => visit(along(call, -1)),
    ArrowDown: (call) => visit(neighbour(call, 1)),
    ArrowUp: (call) => visit(neighbour(call, -1)),
    Home: (call) => visit(call.lane.calls[0]),
    End: (call) => visit(call.lane.calls[call.lane.calls.length - 1]),
  };
  const SHIFTED = { ArrowRight: () => drawing.pan(120),
                    ArrowLeft: () => drawing.pan(-120) };

  function onKey(event) {
    const { current } = selection;
    if (event.ctrlKey || event.altKey || event.metaKey || !current) return;
    const act = event.shiftKey && SHIFTED[event.key] || KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    act(current);
  }

  function addButtons() {
    const click = (id, act) => byId(id).addEventListener("click", act);
    click("closer", closer);
    click("farther", farther);
    click("fit", drawing.fit);
    for (const name of ["even", "scale"]) {
      byId(name).addEventListener("change", () => drawing.choose(name));
    }
  }

  // ---- wheel, mouse and fingers ----

  function onWheel(event) {
    if (event.ctrlKey) {
      drawing.zoom(Math.exp(event.deltaY / 200), event.clientX);
    } else if (event.shiftKey || event.deltaX) {
      drawing.pan(event.deltaX || event.deltaY);
    } else {
      return;
    }
    event.preventDefault();
  }

  const fingers = new Map(); // pointer -> its x, while it is down
  let moved = 0;             // pixels, since the first of them came down

  function spread() {
    const [a, b] = [...fingers.values()];
    return { wide: Math.abs(a - b), middle: (a + b) / 2 };
  }

  function onDown(event) {
    if (fingers.size === 0) moved = 0;
    fingers.set(event.pointerId, event.clientX);
  }

  function onDrag(event) {
    const before = fingers.get(event.pointerId);
    if (before === undefined) return;
    const old = fingers.size === 2 ? spread() : null;
    fingers.set(event.pointerId, event.clientX);
    moved += Math.abs(event.clientX - before);
    if (!old && moved > 4) return drawing.pan(before - event.clientX);
    if (!old || spread().wide < 8) return;
    drawing.zoom(old.wide / spread().wide, old.middle);
  }

  function callUnder(event) {
    const node = event.target.closest("[data-call]");
    return node ? run.byIndex[node.getAttribute("data-call")] : undefined;
  }

  // The pointer is over a bar, an arrow or nothing.
  function onPoint(event) {
    if (selection.pinned || fingers.size > 0 && moved > 4) return;
    const call = callUnder(event);
    const node = event.target.closest("[data-arrow]");
    if (call) {
      if (call !== selection.shown) show(call);
    } else if (node) {
      const arrow = run.arrows[node.getAttribute("data-arrow")];
      selection.shown = null;
      describe(arrow.from);
      light([arrow, arrow.from, arrow.to]);
    } else if (selection.lit.size > 0 && !drawing.hasFocus()) {
      calm();
    }
  }

  function onClick(event) {
    const call = callUnder(event);
    if (moved > 4) return;
    if (!call) return unpin();
    pin(call);
    drawing.focus(call);
  }

  function onFocus(event) {
    const call = callUnder(event);
    if (!call || selection.pinned) return;
    selection.current = call;
    show(call);
  }

  function listen() {
    const box = byId("drawing"), picture = byId("picture");
    // (A listener for the focus on the picture itself would make it focusable.)
    box.addEventListener("keydown", onKey);
    box.addEventListener("focusin", onFocus);
    box.addEventListener("wheel", onWheel, { passive: false });
    box.addEventListener("pointerdown", onDown);
    addEventListener("pointermove", onDrag);
    for (const end of ["pointerup", "pointercancel"]) {
      addEventListener(end, (event) => fingers.delete(event.pointerId));
    }
    picture.addEventListener("pointermove", onPoint);
    picture.addEventListener("pointerleave", () => selection.pinned || calm());
    picture.addEventListener("click", onClick);
  }

  const sum = total(run.counts);
  addTitle(sum);
  addLegend();
  run.processes.forEach(addSource);
  chooseTab(0);
  addCounts(sum);
  explain();
  addButtons();
  listen();
  drawing.open(run);
})();
