"use strict";
// What comes from the stream goes into the page as text only, never as markup.

const byId = id => document.getElementById(id);

// made("tag.class", {attribute: value}, child...): children are elements or texts.
function made(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter(child => child !== null && child !== undefined));
  return element;
}

function drawn(name, attributes = {}) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const number = value => value === null || value === undefined ? "–" : value.toLocaleString("en");
const count = (value, one, many) => number(value) + " " + (value === 1 ? one : many || one + "s");

function rate(value) {
  return value >= 100 ? number(Math.round(value)) : value >= 10 ? value.toFixed(0) : value.toFixed(value ? 1 : 0);
}

function span(seconds) {
  if (seconds < 10) return seconds.toFixed(1).replace(/\.0$/, "") + " s";
  if (seconds < 120) return Math.round(seconds) + " s";
  if (seconds < 7200) return Math.round(seconds / 60) + " min";
  if (seconds < 172800) return Math.round(seconds / 3600) + " h";
  return Math.round(seconds / 86400) + " days";
}

const clockTime = seconds => new Date(seconds * 1000).toTimeString().slice(0, 8);
const fullTime = seconds => new Date(seconds * 1000).toISOString().replace("T", " ").replace(/\.\d+Z/, " UTC");

// Where this page is: below a proxy's prefix its routes are there, too.
const here = new URL(".", location.href);
const token = new URLSearchParams(location.search).get("token");

function address(path, parameters) {
  const all = new URLSearchParams(parameters);
  if (token) all.set("token", token);
  const text = all.toString();
  return new URL(path + (text ? "?" + text : ""), here);
}

function socketAddress(path, parameters) {
  const url = address(path, parameters);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url;
}

async function ask(path, parameters) {
  const answer = await fetch(address(path, parameters));
  const content = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(content.error || content.reason || "status " + answer.status), { status: answer.status });
  return content;
}

// Asks again and again, not while nobody looks.
function every(milliseconds, work) {
  const turn = async () => {
    if (!document.hidden) await work();
    setTimeout(turn, milliseconds);
  };
  turn();
}

async function copy(text, button) {
  let done = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Over plain HTTP browsers have no clipboard for pages.
    const area = made("textarea.hidden", { "aria-hidden": "true" });
    area.value = text;
    (button.closest("dialog") || document.body).append(area);
    area.select();
    done = document.execCommand("copy");
    area.remove();
    button.focus();
  }
  const before = button.dataset.says || (button.dataset.says = button.textContent);
  button.textContent = done ? "Copied" : "Not copied";
  setTimeout(() => { button.textContent = before; }, 1500);
}

function save(name, type, content) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  made("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

let goneSince = 0;

// What the connection is like; said once per change, and only then read aloud. What the page still shows is as old as the
// trouble.
function say(kind, text) {
  const state = byId("state");
  goneSince = kind === "bad" ? goneSince || Date.now() / 1000 : 0;
  document.body.classList.toggle("gone", kind === "bad");
  state.className = "state " + kind;
  setText(state, goneSince ? `${text} (since ${clockTime(goneSince)})` : text);
}
