// Search, copying, the chosen language of samples, and addresses of earlier pages. Everything can be read without it.
"use strict";

const query = document.getElementById("query");
const found = document.getElementById("found");
const results = document.getElementById("results");
const root = results.dataset.root;
const MOST = 12;
let loading = null;

// The index is read when it is first needed.
function load() {
  loading ??= import(query.dataset.index).then((module) => module.default);
  return loading;
}

// The words of a text as the index has them: deploy/docs/site/search.py makes them in the same way.
function words(index, text) {
  const plain = text.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "");
  const stopped = new Set(index.stopped);
  const ending = new RegExp(index.ending, "u");
  return (plain.match(new RegExp(index.word, "gu")) ?? []).filter((word) => !stopped.has(word)).map((word) => word.replace(ending, ""));
}

// The places of a word with their scores; longer words that begin with it count less.
function placesOf(index, word) {
  const best = new Map();
  for (const [term, listed] of Object.entries(index.terms)) {
    if (term !== word && (word.length < 3 || !term.startsWith(word))) continue;
    const part = term === word ? 1 : 0.4;
    for (let at = 0; at < listed.length; at += 2) best.set(listed[at], Math.max(best.get(listed[at]) ?? 0, listed[at + 1] * part));
  }
  return best;
}

// Places with more of the words come first.
function ranked(index, text) {
  const asked = words(index, text);
  const scores = new Map();
  for (const word of asked) {
    for (const [place, score] of placesOf(index, word)) {
      const [sum, met] = scores.get(place) ?? [0, 0];
      scores.set(place, [sum + score, met + 1]);
    }
  }
  const total = ([, [sum, met]]) => sum * (met / asked.length) ** 2;
  return [...scores].sort((one, other) => total(other) - total(one) || one[0] - other[0]).slice(0, MOST).map(([place]) => index.places[place]);
}

function shown([title, page, address]) {
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = root + (address ? "/" + address : "");
  const where = document.createElement("span");
  where.textContent = page;
  link.append(title, where);
  item.append(link);
  return item;
}

async function search() {
  const text = query.value.trim();
  const index = await load();
  if (text !== query.value.trim()) return; // a later one is under way
  const places = text ? ranked(index, text) : [];
  results.replaceChildren(...places.map(shown));
  results.hidden = !places.length;
  found.classList.toggle("unseen", !text || places.length > 0);
  found.textContent = text ? (places.length ? `${places.length} ${found.dataset.some}` : found.dataset.none) : "";
}

function close() {
  results.hidden = true;
}

// The arrows go through the results, Enter opens the first one.
function move(event) {
  const links = [query, ...results.querySelectorAll("a")];
  const at = links.indexOf(document.activeElement);
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    links[(at + (event.key === "ArrowDown" ? 1 : links.length - 1)) % links.length].focus();
  } else if (event.key === "Enter" && at === 0 && links[1]) {
    links[1].click();
  } else if (event.key === "Escape") {
    close();
    query.focus();
  }
}

// `/api/docs` was one page once: its anchors lead to the pages of today.
async function follow() {
  const anchor = decodeURIComponent(location.hash.slice(1));
  if (!anchor || document.getElementById(anchor) || !document.body.classList.contains("first")) return;
  const address = (await load()).anchors[anchor];
  if (address) location.replace(`${root}/${address}`);
}

async function copy(event) {
  const button = event.currentTarget;
  await navigator.clipboard.writeText(button.closest(".code").querySelector("code").textContent);
  button.classList.add("done");
  setTimeout(() => button.classList.remove("done"), 1500);
}

// The language in which samples are shown is the one that was opened last.
const samples = [...document.querySelectorAll("details[data-language]")];
function remember(event) {
  if (event.target.open) localStorage.setItem("language", event.target.dataset.language);
}
try {
  const chosen = samples.find((one) => one.dataset.language === localStorage.getItem("language"));
  if (chosen) chosen.open = true;
  for (const one of samples) one.addEventListener("toggle", remember);
} catch {
  // A browser without storage forgets it.
}

document.getElementById("search").hidden = false;
query.addEventListener("focus", load);
query.addEventListener("input", search);
document.getElementById("search").addEventListener("keydown", move);
document.addEventListener("click", (event) => {
  if (!event.target.closest("#search")) close();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !/input|textarea/i.test(event.target.tagName)) {
    event.preventDefault();
    query.focus();
  }
});
if (navigator.clipboard) {
  for (const button of document.querySelectorAll(".copy")) {
    button.hidden = false;
    button.addEventListener("click", copy);
  }
}
addEventListener("hashchange", follow);
follow();
