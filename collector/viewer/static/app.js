// Theme, one shared selection, keys, copy, live updates. Everything can be read without this script.
const root = document.documentElement;
const all = (css, from = document) => [...from.querySelectorAll(css)];
const say = words => { document.getElementById("said").textContent = words; };

function theme(name) {
  if (name === "auto") root.removeAttribute("data-theme");
  else root.dataset.theme = name;
  for (const b of all("[data-set-theme]")) b.setAttribute("aria-pressed", String(b.dataset.setTheme === name));
  try { localStorage.setItem("theme", name); } catch { /* private window */ }
}
let kept = "auto";
try { kept = localStorage.getItem("theme") ?? "auto"; } catch { /* private window */ }
theme(kept);
if (matchMedia("(max-width: 860px)").matches) for (const d of all(".rail details")) d.open = false;

// The same span stands in the conversation, the waterfall and the list of calls: one selection for all.
function pick(id, scroll) {
  for (const e of all("[data-span]")) {
    if (e.dataset.span === id) e.setAttribute("aria-current", "true");
    else e.removeAttribute("aria-current");
  }
  for (const link of all("[data-zoom]")) {
    link.hidden = !/^[0-9a-f]{16}$/.test(id);
    link.href = link.dataset.zoom.replace("SPAN", id);
  }
  if (scroll) all(`[data-span="${CSS.escape(id)}"]`).find(e => e.checkVisibility())?.scrollIntoView({ block: "nearest" });
}
function toHash() {
  const id = decodeURIComponent(location.hash.slice(1));
  const target = id && document.getElementById(id);
  if (!target) { toPart(id); return; }
  for (let e = target; e; e = e.parentElement) if (e.tagName === "DETAILS") e.open = true;
  if (target.dataset.span) pick(target.dataset.span);
  target.scrollIntoView({ block: "center" });
}
// What a link names may stand in a part of a long session that is not on this page.
function toPart(id) {
  const named = /^(?:s-([0-9a-f]{16})|(t\d+)(?:-\d+)?)$/.exec(id);
  const at = named && (named[1] ?? named[2]), here = new URL(location.href);
  if (!at || !document.querySelector(".pager") || here.searchParams.get("at") === at) return;
  for (const name of ["part", "whole"]) here.searchParams.delete(name);
  here.searchParams.set("at", at);
  location.replace(here);
}
addEventListener("hashchange", toHash);
toHash();

// Part by part: what comes before or after is put beside what is there, which stays where it was seen.
async function loadPart(link) {
  const side = link.dataset.loadPart, nav = link.closest(".pager");
  if (link.ariaBusy === "true") return false;
  link.ariaBusy = "true";
  const answer = await fetch(link.href, { headers: { accept: "text/html" } }).catch(() => null);
  if (!answer?.ok) { link.ariaBusy = null; say("It could not be loaded."); return false; }
  const next = new DOMParser().parseFromString(await answer.text(), "text/html");
  const parts = all("#talk > .part", next).filter(part => !document.getElementById(part.id));
  const way = next.querySelector(`#talk > .pager.${side}`);
  const top = nav.getBoundingClientRect().bottom;
  for (const part of parts) { part.dataset.loaded = ""; side === "earlier" ? nav.after(part) : nav.before(part); }
  if (way) nav.replaceChildren(...way.childNodes);
  if (side === "earlier" && parts[0]) {
    const after = parts.at(-1).nextElementSibling?.getBoundingClientRect().top ?? top;
    scrollBy({ top: after - top, behavior: "instant" });
  }
  say(parts.length ? "Loaded" : "Nothing more");
  return parts.length > 0;
}
// A folded row of a long part holds nothing until it is opened.
document.addEventListener("toggle", async event => {
  const row = event.target;
  const held = row.open && row.querySelector?.(":scope > [data-load]");
  if (!held) return;
  const { load } = held.dataset;
  delete held.dataset.load;
  const answer = await fetch(load).catch(() => null);
  if (!answer?.ok) { held.dataset.load = load; return; }
  const filled = new DOMParser().parseFromString(await answer.text(), "text/html").body.firstElementChild;
  if (filled) { filled.dataset.filled = ""; held.replaceWith(filled); }
}, true);
document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });

async function copy(button, text) {
  try { await navigator.clipboard.writeText(text); } catch { say("The browser did not allow copying."); return; }
  const label = button.querySelector("span,b");
  const before = label?.textContent;
  label?.replaceChildren("Copied");
  say("Copied");
  setTimeout(() => { if (label?.textContent === "Copied") label.textContent = before; }, 1500);
}

document.addEventListener("click", async event => {
  const e = event.target.closest("[data-set-theme],[data-copy],[data-copy-text],[data-copy-from],[data-span],[data-load-part],#follow");
  if (!e) return;
  if (e.dataset.setTheme) theme(e.dataset.setTheme);
  else if (e.dataset.loadPart && e.closest("#talk") && !event.ctrlKey && !event.metaKey && !event.shiftKey) { event.preventDefault(); await loadPart(e); }
  else if (e.id === "follow") follow(e.getAttribute("aria-pressed") !== "true");
  else if (e.dataset.copyText !== undefined) copy(e, e.dataset.copyText);
  else if (e.dataset.copy) copy(e, document.getElementById(e.dataset.copy)?.innerText ?? "");
  else if (e.dataset.copyFrom) { const answer = await fetch(e.dataset.copyFrom); if (answer.ok) copy(e, await answer.text()); }
  else if (e.dataset.span && !event.target.closest("a:not([data-span])")) pick(e.dataset.span);
});
for (const menu of all("details.menu")) document.addEventListener("click", event => { if (!menu.contains(event.target)) menu.open = false; });

document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.matches("input, textarea, select")) { if (event.key === "Escape") event.target.blur(); return; }
  const rows = all("main .row[data-span], main tr[data-span], main li[data-span], main .wf.wide a[data-span]").filter(e => e.checkVisibility());
  const at = rows.findIndex(e => e.hasAttribute("aria-current"));
  const row = rows[at];
  if (event.key === "j" || event.key === "k") {
    const edge = document.querySelector(`#talk > .pager.${event.key === "j" ? "later" : "earlier"} [data-load-part]`);
    if (edge && at === (event.key === "j" ? rows.length - 1 : 0)) {
      loadPart(edge).then(loaded => { if (loaded) document.body.dispatchEvent(new KeyboardEvent("keydown", { key: event.key, bubbles: true })); });
      return;
    }
    const next = rows[Math.max(0, Math.min(rows.length - 1, at + (event.key === "j" ? 1 : -1)))];
    if (next) { pick(next.dataset.span, true); (next.querySelector("summary, a") ?? next).focus({ preventScroll: true }); }
  } else if (event.key === "l" && row) row.matches("details") ? row.open = true : row.querySelector("a")?.click();
  else if (event.key === "h" && row) row.open = false;
  else if (event.key === "e") {
    const bad = rows.slice(at + 1).find(e => e.matches(".bad")) ?? rows.find(e => e.matches(".bad"));
    if (bad) { pick(bad.dataset.span, true); bad.querySelector("summary, a")?.focus(); }
  } else if (event.key === "]" || event.key === "[") {
    const turns = all(".turn"), top = turns.filter(t => t.getBoundingClientRect().top < 80).length - 1;
    turns[Math.max(0, Math.min(turns.length - 1, top + (event.key === "]" ? 1 : -1)))]?.scrollIntoView();
  } else if ("1234".includes(event.key)) all(".tabs a")[event.key - 1]?.click();
  else if (event.key === "g") location.href = "/";
  else if (event.key === "c") (row?.closest(".turn") ?? document).querySelector("[data-copy-from], [data-copy=sealed]")?.click();
  else if (event.key === "r") document.querySelector("[data-retry]")?.click();
  else if (event.key === "p") document.getElementById("follow")?.click();
  else if (event.key === "/") { event.preventDefault(); document.querySelector(".find input")?.focus(); if (!document.querySelector(".find input")) location.href = "/"; }
  else if (event.key === "z") document.querySelector("#zoom-out, #zoom-in:not([hidden])")?.click();
  else if (event.key === "?") document.getElementById("help").showModal();
});

// The rail shows the turn that is in view: its waterfall, and its place among the costs.
const wide = matchMedia("(min-width: 861px)");
let inRail = "", railSoon;
function turnInView() {
  const turns = all(".turn[id]"), rail = document.getElementById("rail");
  const newest = turns.at(-1);
  const atEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 4;
  const seen = atEnd ? newest : turns.filter(t => t.getBoundingClientRect().top < innerHeight * 0.4).at(-1) ?? turns[0];
  const isLast = seen === newest && atEnd && !document.querySelector(".pager.later [data-load-part]");
  return { turn: isLast ? Number(rail.dataset.newest) : Number(seen?.dataset.number ?? 1), part: seen?.closest(".part")?.dataset.part ?? "0" };
}
async function followRail(again = false) {
  const rail = document.getElementById("rail");
  if (!rail || !wide.matches) return;
  const { turn, part } = turnInView();
  const place = `${part}/${turn}`;
  if (!again && place === (inRail || `${part}/${rail.dataset.turn}`)) return;
  inRail = place;
  for (const a of all("[data-turn]", rail)) Number(a.dataset.turn) === turn ? a.setAttribute("aria-current", "true") : a.removeAttribute("aria-current");
  const asked = new URL(rail.dataset.rail, location.href);
  asked.searchParams.set("turn", turn);
  asked.searchParams.set("part", part);
  const answer = await fetch(asked).catch(() => null);
  if (!answer?.ok || inRail !== place) return;
  const next = rail.cloneNode(false);
  next.innerHTML = new DOMParser().parseFromString(await answer.text(), "text/html").body.innerHTML;
  next.dataset.turn = turn;
  merge(rail, next);
}
// What runs is drawn up to now, by the server: the rail is asked for again while it shows something that runs.
setInterval(() => {
  if (document.hidden || !following || !document.querySelector(".wf .now")) return;
  if (document.querySelector(".wf.wide")) refresh();
  else followRail(true);
}, 2000);
addEventListener("scroll", () => { clearTimeout(railSoon); railSoon = setTimeout(followRail, 120); }, { passive: true });

// Live: the server says that something was kept; what changed of this page is put in place, folds and selection stay.
let following = true;
let waiting = false;
function follow(on) {
  following = on;
  const button = document.getElementById("follow");
  button?.setAttribute("aria-pressed", String(on));
  button?.querySelector("span")?.replaceChildren(on ? "Following" : "Paused");
  if (on && waiting) refresh();
}
function merge(now, next) {
  if (next.dataset?.stays !== undefined || now.dataset?.filled !== undefined || now.isEqualNode(next)) return;
  if (now.nodeName !== next.nodeName || now.nodeType !== 1) { now.replaceWith(next); return; }
  for (const { name } of [...now.attributes]) if (!next.hasAttribute(name) && name !== "open" && name !== "aria-current") now.removeAttribute(name);
  for (const { name, value } of [...next.attributes]) if (name !== "open" && name !== "aria-current" && now.getAttribute(name) !== value) now.setAttribute(name, value);
  if (now.matches("input, textarea")) return;
  const known = new Map([...now.children].filter(e => keyOf(e)).map(e => [keyOf(e), e]));
  let at = now.firstChild;
  for (const child of [...next.childNodes]) {
    const same = child.nodeType === 1 && keyOf(child) ? known.get(keyOf(child)) : at && at.nodeName === child.nodeName && !(at.nodeType === 1 && keyOf(at)) ? at : null;
    if (!same) { now.insertBefore(child, at); continue; }
    if (same !== at) now.insertBefore(same, at);
    const after = same.nextSibling;
    merge(same, child);
    at = after;
  }
  while (at) { const after = at.nextSibling; at.remove(); at = after; }
}
const keyOf = e => e.dataset?.key ?? e.dataset?.span ?? e.id;
async function refresh() {
  waiting = false;
  const picked = document.querySelector("[aria-current][data-span]")?.dataset.span;
  const atEnd = innerHeight + scrollY > document.body.scrollHeight - 120;
  let text;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (!answer.ok) throw new Error(answer.status);
    text = await answer.text();
  } catch { stale(true); return; }
  stale(false);
  const next = new DOMParser().parseFromString(text, "text/html");
  keepLoaded(next);
  for (const id of ["main", "ledger-line", "here"]) {
    const now = document.getElementById(id), then = next.getElementById(id);
    if (now && then) merge(now, document.adoptNode(then));
  }
  if (picked) pick(picked);
  inRail = "";
  followRail();
  tick();
  if (atEnd && document.querySelector(".turn")) scrollTo({ top: document.body.scrollHeight });
}
// Parts that were loaded, and those that were the newest when they were shown, stay while newer ones come.
function keepLoaded(next) {
  const talk = next.querySelector("#talk");
  const here = all("#talk > .part");
  if (!talk || !here.some(part => part.dataset.part !== "0")) return;
  for (const part of here) {
    if (next.getElementById(part.id)) continue;
    const stands = next.createElement("div");
    stands.id = part.id;
    stands.className = "part";
    stands.dataset.part = part.dataset.part;
    stands.dataset.stays = "";
    const after = all(":scope > .part", talk).find(each => Number(each.dataset.part) > Number(part.dataset.part));
    after ? after.before(stands) : all(":scope > .part", talk).at(-1)?.after(stands);
  }
  for (const side of ["earlier", "later"]) {
    const way = talk.querySelector(`:scope > .pager.${side}`), now = document.querySelector(`#talk > .pager.${side}`);
    const loaded = document.querySelector(`#talk > .part[data-loaded]`);
    if (way && now && loaded && (side === "earlier" || !now.querySelector("[data-load-part]"))) way.replaceChildren(...now.cloneNode(true).childNodes);
  }
}
function stale(is) {
  const here = document.getElementById("here");
  if (is && !here.dataset.since) { here.dataset.since = new Date().toTimeString().slice(0, 5); here.dataset.stale = `not up to date since ${here.dataset.since}, trying again`; }
  if (!is) { delete here.dataset.since; delete here.dataset.stale; }
  document.body.classList.toggle("stale", is);
}
let soon;
function connect() {
  const live = new EventSource(`/live?after=${document.body.dataset.last}`);
  live.addEventListener("kept", () => {
    if (!following) { waiting = true; return; }
    clearTimeout(soon);
    soon = setTimeout(refresh, 150);
  });
  live.addEventListener("open", () => stale(false));
  live.addEventListener("error", () => stale(true));
  addEventListener("pagehide", () => live.close());
}
if (document.body.dataset.last !== undefined) connect();

function tick() {
  for (const e of all("[data-since]")) {
    if (!/^\d+$/.test(e.dataset.since)) continue;
    const seconds = Math.max(0, Math.floor((Date.now() - Number(e.dataset.since)) / 1000));
    e.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }
}
setInterval(tick, 1000);
tick();

// Try the policy in force: the text goes to this collector, is sealed in memory, and is kept nowhere.
const box = document.querySelector("[data-try]");
let typed;
box?.addEventListener("input", () => {
  clearTimeout(typed);
  typed = setTimeout(async () => {
    const answer = await fetch("/try", { method: "POST", body: box.value, headers: { "content-type": "text/plain" } });
    const tried = document.getElementById("tried");
    if (answer.ok) tried.replaceChildren(...new DOMParser().parseFromString(await answer.text(), "text/html").body.childNodes);
  }, 250);
});

// A file dropped or chosen, and a test trace, come in by the same doors as everything else.
// Answers why it was refused, or how many of its items were left out.
async function post(path, body, type) {
  const answer = await fetch(path, { method: "POST", body, headers: { "content-type": type } });
  let said = {};
  try { said = await answer.json(); } catch { /* no words */ }
  if (!answer.ok) return { failure: `refused (${answer.status}): ${said.message ?? ""}`, leftOut: 0 };
  const { rejectedSpans, rejectedLogRecords, rejectedDataPoints } = said.partialSuccess ?? {};
  return { failure: "", leftOut: Number(rejectedSpans ?? rejectedLogRecords ?? rejectedDataPoints ?? said.rejected?.length ?? 0) };
}
// Lines go a megabyte at a time, so that progress is seen and no request is too large; a document goes as a whole.
async function piecesOf(file, otlp) {
  const text = await file.text();
  const lines = text.split("\n").filter(line => line.trim());
  const first = lines[0] ?? "";
  let isLines = lines.length > 1;
  try { JSON.parse(first); } catch { isLines = false; }
  if (!isLines) return [file];
  if (otlp) return lines;
  const found = [];
  let held = [], size = 0;
  for (const line of lines) {
    held.push(line);
    size += line.length;
    if (size > 1 << 20) { found.push(held.join("\n")); held = []; size = 0; }
  }
  return held.length ? [...found, held.join("\n")] : found;
}
const OTLP = /"resource_?(Spans|Logs|Metrics)"/i;
function pathOf(otlp) {
  const signal = otlp[1].toLowerCase();
  return `/v1/${signal === "spans" ? "traces" : signal}`;
}
async function take(file) {
  if (!file) return;
  const drop = document.getElementById("drop");
  const tell = (words, at, of) => {
    if (!drop) { say(words); return; }
    drop.hidden = false;
    const bar = drop.querySelector("progress") ?? document.createElement("progress");
    drop.replaceChildren(words, ...(of ? [bar] : []));
    if (of) { bar.max = of; bar.value = at; bar.setAttribute("aria-label", `Importing ${file.name}`); } else say(words);
  };
  const start = await file.slice(0, 4096).text();
  const otlp = OTLP.exec(start);
  const known = otlp || /^\s*[[{]/.test(start) && /"(hook|properties|payload|messages|data)"/.test(start);
  if (!known) { tell(`${file.name}: this is neither OTLP/JSON nor an export or events of OpenCode; nothing was imported.`); return; }
  const pieces = await piecesOf(file, otlp);
  let done = 0, leftOut = 0;
  for (const piece of pieces) {
    tell(`Importing ${file.name}: ${Math.round(100 * done / (file.size || 1))} %`, done, file.size || 1);
    // A line says by itself which signal it holds: an export may mix them.
    const path = otlp ? pathOf(OTLP.exec(await new Blob([piece]).slice(0, 4096).text()) ?? otlp) : "/v1/opencode/events";
    const answer = await post(path, piece, otlp ? "application/json" : "application/x-ndjson");
    if (answer.failure) { tell(`${file.name}: ${answer.failure}`); return; }
    leftOut += answer.leftOut;
    done += piece.size ?? new Blob([piece]).size;
  }
  tell(leftOut ? `${file.name} is imported, but for ${leftOut} of its items, which could not be read.` : `${file.name} is imported.`);
  if (following) refresh();
}
document.addEventListener("click", async event => {
  const button = event.target.closest("[data-test-trace]");
  if (!button) return;
  const made = await fetch("/api/test-trace");
  const { failure } = made.ok ? await post("/v1/traces", await made.text(), "application/json") : { failure: "not made" };
  button.querySelector("span").textContent = failure || "Sent";
  if (!failure) setTimeout(refresh, 300);
});
document.addEventListener("click", async event => {
  const button = event.target.closest("[data-post]");
  if (!button) return;
  const answer = await fetch(button.dataset.post, { method: "POST" });
  say(answer.ok ? "Done" : `refused (${answer.status})`);
  refresh();
});
document.getElementById("import")?.addEventListener("change", event => take(event.target.files[0]));
addEventListener("dragover", event => { if (event.dataTransfer?.types.includes("Files")) { event.preventDefault(); document.getElementById("drop")?.removeAttribute("hidden"); } });
addEventListener("drop", event => { if (event.dataTransfer?.files.length) { event.preventDefault(); take(event.dataTransfer.files[0]); } });
