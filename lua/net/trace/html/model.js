// SPDX-License-Identifier: MIT
//
// model: from the model that the page carries to a run: tables that refer to
// each other instead of by index, calls in rows, and time on an axis.

const model = (() => {
  const { nameOf, waitWord, widthOf } = text;

  const list = (value) => (Array.isArray(value) ? value : []);
  const number = (value) => (Number.isFinite(value) ? value : 0);

  // ---- reading ----

  // The rows of a list that the page has by column (net/trace/html.lua).
  function rowsIn(columns) {
    const all = Object.entries(columns);
    const cell = ({ cells, words }, i) =>
      (words.length > 0 ? words[cells[i] - 1] : cells[i] || undefined);
    return all.length === 0 ? [] : all[0][1].cells.map((_, i) =>
      Object.fromEntries(all.map(([key, column]) => [key, cell(column, i)])));
  }

  function readCall(call, index, lanes, socks) {
    const lane = lanes[call.lane - 1];
    if (!lane) return undefined;
    const from = number(call.from);
    const it = { ...call, index, lane, from, to: Math.max(from, call.to || 0),
                 wait: number(call.wait), arrows: [],
                 sock: socks[call.sock - 1], made: socks[call.new - 1] };
    it.poll = call.code === "EAGAIN";
    lane.calls.push(it);
    return it;
  }

  function readArrows(rows, byIndex) {
    const arrows = [];
    for (const row of rows) {
      const from = byIndex[row.from - 1], to = byIndex[row.to - 1];
      if (!from || !to) continue;
      const arrow = { ...row, index: arrows.length, from, to };
      arrows.push(arrow);
      from.arrows.push(arrow);
      to.arrows.push(arrow);
    }
    return arrows;
  }

  // The run in the JSON of a model. `byIndex` has the calls under the model's
  // own index, with a hole where a call's lane is missing.
  function read(json) {
    const it = JSON.parse(json);
    const processes = list(it.processes).map((process, index) => ({
      ...process, index, name: process.name || "process " + (index + 1),
      args: list(process.args),
    }));
    const lanes = list(it.lanes).filter((lane) => processes[lane.process - 1])
      .map((lane) => ({ ...lane, process: processes[lane.process - 1],
                        from: number(lane.from), to: number(lane.to),
                        calls: [] }));
    const byIndex = rowsIn(it.calls).map((call, index) =>
      readCall(call, index, lanes, list(it.socks)));
    const arrows = readArrows(rowsIn(it.arrows), byIndex);
    for (const index of list(it.lost)) {
      if (byIndex[index - 1]) byIndex[index - 1].lost = true;
    }
    const run = {
      processes, lanes, byIndex, arrows,
      calls: byIndex.filter(Boolean).sort((a, b) => a.from - b.from),
      counts: list(it.counts), lines: list(it.lines), wall: number(it.wall),
      seconds: Math.max(number(it.seconds), 1e-9,
        ...processes.map((process) => number(process.stop))),
    };
    run.height = stack(run);
    return run;
  }

  // ---- rows: a band for each process, in it a lane for each task, and in a
  // lane as many rows as calls overlap ----

  const NAME = 15, BAR = 20, ROW = NAME + BAR + 7; // a call's name over its bar
  const BAND_HEAD = 26, LANE_HEAD = 16, GAP = 8;
  const MOST_ROWS = 24; // in a lane; further calls that overlap share the last

  // By their beginnings; of two calls that begin at once, the engine that
  // holds the other comes first, or else the shorter one.
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

  // Sets the y of each band, lane and bar, and returns the height of all.
  function stack(run) {
    let y = 0;
    for (const process of run.processes) {
      process.y = y;
      y += BAND_HEAD;
      for (const lane of run.lanes.filter((one) => one.process === process)) {
        lane.y = y;
        lane.middle = y + LANE_HEAD + NAME + BAR / 2; // of its first row's bars
        lane.rows = rowsOf(lane);
        y += LANE_HEAD + Math.max(lane.rows.length, 1) * ROW;
        for (const call of lane.calls) {
          call.y = lane.y + LANE_HEAD + call.row * ROW + NAME;
        }
      }
      process.height = y - process.y + GAP;
      y += 2 * GAP;
    }
    return y + GAP;
  }

  // ---- axes: lists of times and the place of each, straight lines between
  // them. "To scale" is one line; "even" gives each stretch between two events
  // a width that grows slowly with its length, so that calls of a microsecond
  // can be read beside waits of a second ----

  const LONGEST = 1; // seconds: a longer stretch is drawn no wider
  const BREAK = 30;  // times as dense as the median stretch: marked as cut

  // The index of the last value of a sorted list that is not above `value`.
  function indexBelow(sorted, value) {
    let low = 0, high = sorted.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (sorted[middle] <= value) low = middle; else high = middle;
    }
    return low;
  }

  function axisOf(times, widths, ticks) {
    const places = [0];
    for (const width of widths) places.push(places[places.length - 1] + width);
    const between = (from, to, value) => {
      const low = Math.min(indexBelow(from, value), from.length - 2);
      const high = low + 1;
      const part = (value - from[low]) / (from[high] - from[low]);
      return to[low] + Math.min(Math.max(part, 0), 1) * (to[high] - to[low]);
    };
    const axis = {
      times, places, breaks: [], length: places[places.length - 1],
      place: (time) => between(times, places, time),
      time: (place) => between(places, times, place),
      ticks: (from, to, most) => ticks(axis, from, to, most),
    };
    return axis;
  }

  // At most so many round times in the places from..to: 1, 2 or 5 times a power
  // of ten. A tick is a time, and the step that it is to be written with.
  function roundTicks(axis, from, to, most) {
    const first = axis.time(from), last = axis.time(to);
    const rough = (last - first) / Math.max(most, 2);
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].find((n) => n * power >= rough) * power;
    const ticks = [];
    for (let n = Math.ceil(first / step); n * step <= last; n++) {
      ticks.push({ time: n * step, step });
    }
    return ticks;
  }

  // The same at times of events.
  function eventTicks(axis, from, to, most) {
    const times = [], apart = (to - from) / most;
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

  function scaleAxis(run) {
    return axisOf([0, run.seconds], [run.seconds], roundTicks);
  }

  function mostlyWaits(call) {
    return call.wait > (call.to - call.from) / 2;
  }

  // The moments at which something begins or ends, each once.
  function momentsOf(run) {
    const all = [0, run.seconds];
    for (const call of run.calls) all.push(call.from, call.to);
    all.sort((a, b) => a - b);
    return all.filter((time, i) => i === 0 || time - all[i - 1] > 1e-9);
  }

  // For each stretch between two moments: does a call do more than wait in it?
  function workIn(run, times) {
    const change = new Map();
    const add = (time, n) => change.set(time, (change.get(time) || 0) + n);
    for (const call of run.calls) {
      if (mostlyWaits(call) || call.kind === "engine") continue;
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

  // Which labels the even axis makes room for: the name of a call (before the
  // next call of its row), and what it waited (inside its bar). Each entry
  // asks for less than the one before it.
  const LOCAL = ["open", "socket", "property", "convert"];
  const IDLE = ["task", "wait"];
  const NEEDS = [
    () => true,
    (call) => call.kind !== "property",
    (call) => ![...LOCAL, ...IDLE].includes(call.kind),
    (call, wait) => call.failed || wait && !IDLE.includes(call.kind),
  ];

  // For each moment, the earlier moments that it must keep a distance from, as
  // pairs of an index and the distance.
  function roomBefore(run, times, needs) {
    const before = times.map(() => []);
    const nth = (time) => indexBelow(times, time + 1e-9);
    const keep = (from, to, label) => {
      const first = nth(from), last = nth(to);
      if (first < last) before[last].push([first, widthOf(label)]);
    };
    for (const row of run.lanes.flatMap((lane) => lane.rows)) {
      row.calls.forEach((call, i) => {
        const next = row.calls[i + 1];
        if (needs(call, false)) {
          keep(call.from, next ? next.from : run.seconds, nameOf(call));
        }
        if (mostlyWaits(call) && needs(call, true)) {
          keep(call.from, call.to, waitWord(call));
        }
      });
    }
    return before;
  }

  function evenAxisWith(run, needs) {
    const times = momentsOf(run), works = workIn(run, times), widths = [];
    const before = roomBefore(run, times, needs), places = [0];
    for (let i = 1; i < times.length; i++) {
      const micros = Math.min(times[i] - times[i - 1], LONGEST) * 1e6;
      const width = Math.max(micros, 1) ** 0.3;
      const free = places[i - 1] + (works[i - 1] ? 2 * width + 2 : width);
      places[i] = before[i].reduce((place, [from, room]) =>
        Math.max(place, places[from] + room), free);
      widths.push(places[i] - places[i - 1]);
    }
    const axis = axisOf(times, widths, eventTicks);
    const dense = widths.map((width, i) => (times[i + 1] - times[i]) / width);
    const median = [...dense].sort((a, b) => a - b)[dense.length >> 1];
    dense.forEach((value, i) => {
      if (value > BREAK * median) axis.breaks.push(i);
    });
    return axis;
  }

  // The even axis with as many labels as this width has room for.
  function evenAxis(run, width) {
    let axis;
    for (const needs of NEEDS) {
      axis = evenAxisWith(run, needs);
      if (axis.length <= width) break;
    }
    return axis;
  }

  return { BAR, read, scaleAxis, evenAxis, mostlyWaits };
})();
