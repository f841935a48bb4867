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
