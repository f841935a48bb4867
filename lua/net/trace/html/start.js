// SPDX-License-Identifier: MIT
//
// The page is put together, and drawn.

const LEGEND = [
  ["make", "make, name, close"], ["meet", "connect, accept"],
  ["out", "bytes out"], ["in", "bytes in"], ["waits", "blocked, waits"],
  ["name", "names"], ["poll", "EAGAIN: would block"], ["failed", "error"],
];

function addLegend() {
  const legend = document.getElementById("legend");
  for (const [kind, words] of LEGEND) {
    legend.append(html("li", {},
      html("span", { class: "swatch " + kind, "aria-hidden": "true" }), words));
  }
}

function addButtons() {
  const click = (id, act) =>
    document.getElementById(id).addEventListener("click", act);
  click("closer", () => zoom(0.6));
  click("farther", () => zoom(1 / 0.6));
  click("fit", fit);
  for (const name of ["even", "scale"]) {
    document.getElementById(name).addEventListener("change", () =>
      choose(axes[name]));
  }
}

function measure() {
  view.width = Math.max(drawing.clientWidth, 200);
}

// Paper shows the whole run at one width, and then the screen is as before.
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

measure();
makeEven(view.width - 2 * EDGE);
useAxis(axes.even);
view.to = view.axis.length;
current = calls[0] || null;
addTitle();
addLegend();
processes.forEach(addSource);
chooseTab(0);
addCounts();
advise();
addButtons();
listen();
followPrinter();
draw();
new ResizeObserver(() => {
  measure();
  redraw();
}).observe(drawing);
