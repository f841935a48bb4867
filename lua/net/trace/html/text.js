// SPDX-License-Identifier: MIT
//
// What the page is made of: elements, and text that is safe to show.
"use strict";

const drawing = document.getElementById("drawing");
const SVG = drawing.querySelector("svg").namespaceURI;

// What a stranger wrote must not hide, or turn round, what stands beside it.
const UNSEEN = new RegExp("[\\u0000-\\u001f\\u007f-\\u009f\\u061c" +
  "\\u200b-\\u200f\\u2028-\\u202f\\u2060-\\u206f\\ufeff]", "g");

function plain(text) {
  return String(text ?? "").replace(UNSEEN, (c) =>
    "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
}

function furnish(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== undefined) element.setAttribute(name, value);
  }
  for (const child of children) {
    if (child === undefined) continue;
    element.append(child instanceof Node ? child : plain(child));
  }
  return element;
}

// An element of HTML, and one of the drawing; text is put in as text.
function html(name, attributes, ...children) {
  return furnish(document.createElement(name), attributes, children);
}

function svg(name, attributes, ...children) {
  return furnish(document.createElementNS(SVG, name), attributes, children);
}

const UNITS = [[1, "s"], [1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"]];

function unitOf(seconds) {
  return UNITS.find(([size]) => seconds >= size * 0.9995) || UNITS[3];
}

// How long: three digits.
function duration(seconds) {
  if (!(seconds > 0)) return "0 s";
  const [size, name] = unitOf(seconds);
  return Number((seconds / size).toPrecision(3)) + " " + name;
}

// When: as many digits as tell it from a moment that is `step` away.
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
function short(text, most) {
  const letters = Array.from(plain(text));
  if (letters.length <= most) return letters.join("");
  return letters.slice(0, most - 1).join("") + "…";
}
