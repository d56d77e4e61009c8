"use strict";
// The console works without this script. It adds copying, pages that keep themselves current, and a warning before a session ends.
const policy = window.trustedTypes ? trustedTypes.createPolicy("console", { createHTML: (text) => text }) : { createHTML: (text) => text };
const body = document.body;
const say = (text) => { document.getElementById("says").textContent = text; };
const leave = () => location.replace("/signed-out?why=ended&to=" + encodeURIComponent(location.pathname + location.search));

const live = () => [...document.querySelectorAll("[data-live]")];
const plain = (part) => part.outerHTML.replace(/name="once" value="[^"]*"/g, ""); // the id of a form is new each time
const served = new Map(live().map((part) => [part.id, plain(part)])); // as the server sent them, before anything below changes them

// Copying
for (const button of document.querySelectorAll("[data-copy]")) button.hidden = !navigator.clipboard;
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  let word = body.dataset.copied;
  try { await navigator.clipboard.writeText(button.dataset.copy); } catch { word = body.dataset.notCopied; }
  say(word);
  button.dataset.word ||= button.textContent;
  button.textContent = word;
  setTimeout(() => { button.textContent = button.dataset.word; }, 2000);
});

// Printing
for (const button of document.querySelectorAll("[data-print]")) { button.hidden = false; button.addEventListener("click", () => print()); }

// A form is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) { event.preventDefault(); return; }
  if (form.method === "post") form.dataset.sent = "1";
});
window.addEventListener("pageshow", () => { for (const form of document.forms) delete form.dataset.sent; });

// After a fault the keyboard and the screen reader begin at the list of faults.
document.getElementById("faults")?.focus();
// A notice that is there when the page loads is no change, which a live region needs to be read out.
const notice = document.querySelector("main > .notice[role=status]");
if (notice) setTimeout(() => say(notice.textContent), 500);

// Live parts: elements with an id and data-live. The page is asked for again while it is visible; only what changed is replaced.
let etag = "", wait = 0;
function seconds() { return Math.min(...live().map((part) => Number(part.dataset.live) || 15)); }
async function refresh() {
  if (document.hidden || !live().length || body.dataset.paused === "1") return plan(1);
  if (live().some((part) => part.contains(document.activeElement) && document.activeElement.matches("input, select, textarea"))) return plan(1);
  try {
    const headers = { "x-console-poll": "1", ...(etag && { "if-none-match": etag }) };
    const answer = await fetch(location.href, { headers, cache: "no-store", redirect: "manual" });
    if (answer.status === 401 || answer.type === "opaqueredirect") return leave();
    if (answer.status === 200) { etag = answer.headers.get("etag") || ""; replace(await answer.text()); }
    plan(answer.ok || answer.status === 304 ? 1 : 4);
  } catch { plan(4); }
}
// The same link or button in the new part keeps the focus of the keyboard.
const same = (one) => (other) => one.tagName === other.tagName && (one.id ? one.id === other.id : one.href ? one.href === other.href : one.textContent === other.textContent);
function replace(text) {
  const next = new DOMParser().parseFromString(policy.createHTML(text), "text/html");
  for (const part of live()) {
    const fresh = next.getElementById(part.id);
    if (!fresh || plain(fresh) === served.get(part.id)) continue;
    served.set(part.id, plain(fresh));
    const open = [...part.querySelectorAll("details[open][id]")].map((one) => one.id);
    const alike = same(document.activeElement), inside = (root) => [...root.querySelectorAll("*")].filter(alike);
    const focused = inside(part).indexOf(document.activeElement);
    const imported = document.importNode(fresh, true);
    part.replaceWith(imported);
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    for (const button of imported.querySelectorAll("[data-copy]")) button.hidden = !navigator.clipboard;
    if (focused >= 0) {
      const found = inside(imported);
      (found[focused] || found[0] || document.getElementById("content")).focus();
    }
    imported.classList.add("changed");
    if (imported.dataset.says && imported.dataset.says !== part.dataset.says) {
      if (notice) notice.textContent = imported.dataset.says; // what the act began has gone on; it is read out as a status
      else say(imported.dataset.says);
    }
  }
}
function plan(times) { clearTimeout(wait); if (live().length) wait = setTimeout(refresh, seconds() * 1000 * times); }
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
plan(1);

// Before the session ends for want of use, one key keeps it.
const dialog = document.getElementById("ending");
const idle = Number(body.dataset.idle) * 1000;
if (dialog && idle > 180000) {
  let ends = 0, warns = 0;
  // Another tab may have been used meanwhile. This question does not count as use.
  const over = async () => {
    const answer = await fetch("/", { method: "HEAD", headers: { "x-console-poll": "1" }, cache: "no-store", redirect: "manual" }).catch(() => null);
    if (!answer || answer.status === 401) return leave();
    dialog.close(); watch();
  };
  const watch = () => {
    clearTimeout(ends); clearTimeout(warns);
    warns = setTimeout(() => dialog.showModal(), idle - 120000);
    ends = setTimeout(over, idle + 1000);
  };
  dialog.querySelector("button").addEventListener("click", async () => {
    const answer = await fetch("/", { method: "HEAD", cache: "no-store", redirect: "manual" }).catch(() => null);
    if (answer && answer.ok) { dialog.close(); watch(); } else location.reload();
  });
  watch();
}
