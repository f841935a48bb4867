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
