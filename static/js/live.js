// Keeps [data-live] parts current: one stream of events a page, only while the page is seen.
const button = document.querySelector("[data-live-switch]");
const PAUSED = "live-paused"; // in this tab's storage, so that the next page is still, too
const TRIES = 5;
const held = new Map(); // the newest of each part, until it can be shown
let source, names, later, again;
let tries = 0;

const listed = () => [...new Set([...document.querySelectorAll("[data-live]")].map((part) => part.dataset.live))];

function tell(word, tone) {
  button.querySelector("[data-live-word]").textContent = word;
  button.querySelector(".dot").dataset.tone = tone;
  button.setAttribute("aria-pressed", word === "Live");
  document.documentElement.dataset.stream = word.toLowerCase();
}

function close() {
  source?.close();
  clearTimeout(again);
  held.clear();
}

function open() {
  close();
  names = listed();
  button.hidden = !names.length;
  if (sessionStorage[PAUSED]) return tell("Paused", "neutral");
  if (!names.length || document.hidden) return;
  source = new EventSource(`${button.dataset.liveSwitch}?${new URLSearchParams(names.map((name) => ["r", name]))}`);
  source.onopen = () => {
    tries = 0;
    tell("Live", "success");
  };
  source.onerror = () => {
    tell("Offline", "warning");
    // A stream that breaks is asked for again by the browser; one that was refused is not.
    if (source.readyState === EventSource.CLOSED && tries < TRIES) again = setTimeout(open, 4e3 * 2 ** tries++);
  };
  source.addEventListener("signed-out", () => {
    close();
    tell("Offline", "warning");
  });
  for (const name of names) {
    source.addEventListener(name, ({ data }) => {
      held.set(name, data);
      show();
    });
  }
}

// Somebody is at work in the part: what they press, choose, type or mark must not vanish.
function isBusy(part) {
  const at = document.activeElement;
  const marked = getSelection();
  return (
    part.matches(":active, .htmx-request") ||
    part.querySelector(":popover-open, .htmx-request, dialog[open]") ||
    (part.contains(at) && (at.type === "select-one" || ("defaultValue" in at && at.value !== at.defaultValue))) ||
    [...part.querySelectorAll("[type=checkbox]:not([role])")].some((box) => box.checked !== box.defaultChecked) ||
    (!marked.isCollapsed && marked.containsNode(part, true))
  );
}

function swap(part, html) {
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  const [made] = fresh.content.children;
  for (const { id } of part.querySelectorAll("details[id][open]")) {
    const same = fresh.content.getElementById(id);
    if (same) same.open = true;
  }
  if (!made || part.isEqualNode(made)) return;
  const places = [...part.querySelectorAll(".table-wrap")].map((wrap) => wrap.scrollLeft);
  htmx.swap(part, fresh.innerHTML, { swapStyle: "outerHTML", swapDelay: 0, settleDelay: 0 });
  document.getElementById(part.id)?.querySelectorAll(".table-wrap").forEach((wrap, at) => (wrap.scrollLeft = places[at]));
}

function show() {
  clearTimeout(later);
  for (const [name, html] of [...held]) {
    const parts = [...document.querySelectorAll("[data-live]")].filter((part) => part.dataset.live === name);
    if (parts.some(isBusy)) continue;
    held.delete(name);
    for (const part of parts) swap(part, html);
  }
  if (held.size) later = setTimeout(show, 250);
}

if (button) {
  button.addEventListener("click", () => {
    if (button.getAttribute("aria-pressed") === "true") sessionStorage[PAUSED] = 1;
    else delete sessionStorage[PAUSED];
    tries = 0;
    open();
  });
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", ({ persisted }) => persisted && open());
  document.addEventListener("htmx:afterSettle", () => String(listed()) !== String(names) && open());
  open();
}
