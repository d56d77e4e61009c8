// Search, copy, and a mark in the contents at what is being read. The page needs none of them.
"use strict";

const query = document.getElementById("query");
const found = document.getElementById("found");
const entries = [...document.querySelectorAll("[data-search]")].map((node) => ({
  node,
  links: document.querySelectorAll(`[data-for="${node.id}"]`),
  text: node.textContent.toLowerCase(),
}));

function search() {
  const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const { node, links, text } of entries) {
    const matches = words.every((word) => text.includes(word));
    count += matches;
    node.hidden = !matches;
    for (const link of links) link.hidden = !matches;
  }
  for (const section of document.querySelectorAll("main > section")) {
    const own = section.querySelectorAll("[data-search]");
    section.hidden = words.length > 0 && ![...own].some((node) => !node.hidden);
  }
  document.body.classList.toggle("searching", words.length > 0);
  found.textContent = words.length ? (count ? `${count} ${found.dataset.some}` : found.dataset.none) : "";
}

function clear() {
  query.value = "";
  search();
}

// What a link leads to may be hidden by the search.
function reveal() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target && target.closest("[hidden]")) {
    clear();
    target.scrollIntoView();
  }
}

async function copy(event) {
  const button = event.currentTarget;
  await navigator.clipboard.writeText(button.closest(".code").querySelector("code").textContent);
  button.classList.add("done");
  setTimeout(() => button.classList.remove("done"), 1500);
}

const contents = document.querySelector("nav");
const links = new Map([...contents.querySelectorAll("a")].map((link) => [link.hash.slice(1), link]));
const places = [...document.querySelectorAll("main [id]")].filter((node) => links.has(node.id));
const read = new Set();
let marked = null;

// The last of those on screen: an entry rather than the section it is in.
function mark() {
  const place = places.findLast((node) => read.has(node));
  const link = place && links.get(place.id);
  if (!link || link === marked) return;
  if (marked) marked.removeAttribute("aria-current");
  marked = link;
  link.setAttribute("aria-current", "location");
  const [top, bottom] = [link.offsetTop, link.offsetTop + link.offsetHeight];
  if (top < contents.scrollTop || bottom > contents.scrollTop + contents.clientHeight) {
    contents.scrollTop = top - contents.clientHeight / 3;
  }
}

const reading = new IntersectionObserver((changes) => {
  for (const { target, isIntersecting } of changes) {
    if (isIntersecting) read.add(target);
    else read.delete(target);
  }
  mark();
}, { rootMargin: "-15% 0px -70% 0px" });
for (const place of places) reading.observe(place);

document.getElementById("search").hidden = false;
query.addEventListener("input", search);
query.addEventListener("keydown", (event) => {
  if (event.key === "Escape") clear();
});
window.addEventListener("hashchange", reveal);
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
