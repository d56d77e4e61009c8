// Search and copy. The page needs neither: without this file both stay hidden.
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
