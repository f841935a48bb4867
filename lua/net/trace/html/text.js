// SPDX-License-Identifier: MIT
//
// text: the elements of the page, text that is safe to show, and what the page
// calls things. It knows neither the run nor the drawing.

const text = (() => {
  // Characters without a width and controls: a stranger's text must not hide
  // or reverse what stands beside it.
  const INVISIBLE = new RegExp("[\\u0000-\\u001f\\u007f-\\u009f\\u061c" +
    "\\u200b-\\u200f\\u2028-\\u202f\\u2060-\\u206f\\ufeff]", "g");

  function plain(value) {
    return String(value ?? "").replace(INVISIBLE, (c) =>
      "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
  }

  function furnish(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== undefined) element.setAttribute(name, value);
    }
    for (const child of children) {
      if (child === undefined) continue;
      element.append(child instanceof Node ? child : plain(child));
    }
    return element;
  }

  function byId(id) {
    return document.getElementById(id);
  }

  // An element of HTML, and one of SVG. A child is an element or text.
  function html(name, attributes, ...children) {
    return furnish(document.createElement(name), attributes, children);
  }

  function svg(name, attributes, ...children) {
    const space = byId("picture").namespaceURI;
    return furnish(document.createElementNS(space, name), attributes, children);
  }

  const UNITS = [[1, "s"], [1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"]];

  function unitOf(seconds) {
    return UNITS.find(([size]) => seconds >= size * 0.9995) || UNITS[3];
  }

  // A length of time, to three digits.
  function duration(seconds) {
    if (!(seconds > 0)) return "0 s";
    const [size, name] = unitOf(seconds);
    return Number((seconds / size).toPrecision(3)) + " " + name;
  }

  // A moment, with the digits that tell it from one `step` away.
  function moment(seconds, step) {
    if (seconds < 1e-9) return "0";
    const [size, name] = unitOf(seconds);
    const digits = Math.ceil(-Math.log10(step / size) - 1e-9);
    return (seconds / size).toFixed(Math.min(Math.max(digits, 0), 9)) +
      " " + name;
  }

  function amount(count, one, many) {
    return count + " " + (count === 1 ? one : many || one + "s");
  }

  // Text on one line, cut to `most` characters.
  function short(value, most) {
    const letters = Array.from(plain(value));
    if (letters.length <= most) return letters.join("");
    return letters.slice(0, most - 1).join("") + "…";
  }

  const LETTER = 6.6; // pixels: about the width of a letter in the drawing

  function widthOf(label) {
    return label.length * LETTER + 8;
  }

  // Why a call waits. Only some calls wait in the kernel.
  function waitWord(call) {
    if (call.kind === "task") return "waits";
    return call.kind === "name" ? "asks the resolver" : "blocked in kernel";
  }

  function nameOf(call) {
    if (call.poll) return call.code;
    return call.code ? `${call.call} ${call.code}` : call.call;
  }

  // A call in a sentence, for a screen reader.
  function sentence(call) {
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

  return { plain, byId, html, svg, duration, moment, amount, short, LETTER,
           widthOf, waitWord, nameOf, sentence };
})();
