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
