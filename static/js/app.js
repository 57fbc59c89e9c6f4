// What HTML and htmx cannot do alone: dialogs, toasts, the look at once, times that stay true.
const html = document.documentElement;
const one = (selector) => document.querySelector(selector);

// --- dialog: opens when something is put into it
const dialog = one("#dialog");
let before = null; // where the focus was when the dialog was asked for

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.target?.id === "dialog-body" && !dialog?.open) before = document.activeElement;
});

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target?.id !== "dialog-body") return; // a part of the form leaves the focus where it is
  const body = one("#dialog-body");
  if (dialog && !dialog.open && body?.childElementCount) {
    before?.closest("[popover]")?.hidePopover();
    dialog.showModal();
    body.querySelector("input:not([type=hidden]), select, textarea")?.focus();
  }
  (body?.querySelector("[aria-invalid=true]") ?? body?.querySelector("[autofocus]"))?.focus();
});

document.addEventListener("dialog:close", () => dialog?.close());

dialog?.addEventListener("close", () => {
  isTyped = false;
  one("#dialog-body").replaceChildren();
  const back = before?.isConnected ? before : before?.id && document.getElementById(before.id);
  if (back && document.activeElement === document.body) back.focus();
});

// Esc and a click beside it close a dialog, but not over what was typed.
let isTyped = false;
const holds = () => isTyped && (toast("Save your changes, or press Cancel to drop them.", "warning"), true);
dialog?.addEventListener("input", () => (isTyped = true));
dialog?.addEventListener("cancel", (event) => holds() && event.preventDefault());

for (const each of document.querySelectorAll("dialog")) {
  each.addEventListener("mousedown", (event) => event.target === each && !(each === dialog && holds()) && each.close());
}

// --- clicks
document.addEventListener("click", (event) => {
  const close = event.target.closest("dialog [data-close]");
  if (close) {
    event.preventDefault();
    close.closest("dialog").close();
  }
  event.target.closest("[data-dismiss]")?.closest(".toast").remove();
  copy(event.target.closest("[data-copy]"));
});

// `data-copy` names the element whose text is copied; without https it is selected, one key away.
async function copy(button) {
  if (!button) return;
  const from = one(`#${button.dataset.copy}`);
  await navigator.clipboard?.writeText(from.textContent);
  if (!navigator.clipboard) getSelection().selectAllChildren(from);
  button.querySelector("span").textContent = navigator.clipboard ? "Copied" : "Selected";
}

// --- toasts
const toasts = one("#toasts");

function show(each) {
  if (!toasts.matches(":popover-open")) toasts.showPopover();
  setTimeout(() => each.remove(), each.dataset.tone === "danger" || each.dataset.tone === "error" ? 12e3 : 5e3);
}

function toast(text, tone) {
  const each = document.createElement("div");
  const words = document.createElement("p");
  const dismiss = document.createElement("button");
  each.className = "toast";
  each.dataset.tone = tone;
  words.textContent = text;
  dismiss.className = "btn btn--ghost btn--sm";
  dismiss.type = "button";
  dismiss.dataset.dismiss = "";
  dismiss.textContent = "Dismiss";
  each.append(words, dismiss);
  toasts.append(each);
}

new MutationObserver((changes) => {
  for (const { addedNodes } of changes) addedNodes.forEach((node) => node.dataset && show(node));
  if (!toasts.childElementCount && toasts.matches(":popover-open")) toasts.hidePopover();
}).observe(toasts, { childList: true });
for (const each of toasts.children) show(each);

document.addEventListener("toast", ({ detail }) => toast(detail.text, detail.tone));
document.addEventListener("htmx:sendError", () => toast("Helix cannot be reached. Nothing was changed.", "danger"));
document.addEventListener("htmx:responseError", ({ detail: { xhr } }) => {
  if (xhr.status === 401) return; // on the way to the sign-in
  toast(
    xhr.status === 403 ? "Not allowed, or you signed in anew. Reload the page."
    : xhr.status === 404 ? "This is gone. Reload the page." : `That did not work (${xhr.status}).`,
    "danger",
  );
});

// --- the look: at once here, then on the server
const dark = matchMedia("(prefers-color-scheme: dark)");
const told = () => document.dispatchEvent(new CustomEvent("ui:theme"));
dark.addEventListener("change", told);

function own(colour, base) {
  const link = one("#own-accent") ?? document.createElement("link");
  Object.assign(link, { id: "own-accent", rel: "stylesheet", href: base.replace("HEX", colour.slice(1)) });
  link.addEventListener("load", told, { once: true });
  document.head.append(link);
  html.dataset.accent = "own";
}

function look(form, { name, value }) {
  const on = value === "1";
  if (name === "theme") html.dataset.theme = value;
  else if (name === "is_compact") html.dataset.density = on ? "compact" : "";
  else if (name === "is_sidebar_folded") html.dataset.sidebar = on ? "folded" : "";
  else if (name === "accent" && value !== "own") html.dataset.accent = value;
  else {
    const field = form.elements.own;
    if (name === "own") form.querySelector("[name=accent][value=own]").checked = true;
    own(field.value, field.dataset.accentUrl);
  }
  for (const each of document.querySelectorAll(`[data-look] [type=radio][name=${name}]`)) each.checked ||= each.value === value;
  for (const each of document.querySelectorAll("[name=is_sidebar_folded][type=submit]")) each.value = html.dataset.sidebar ? "0" : "1";
  told();
}

// Before htmx, which reads the form while the event bubbles.
document.addEventListener("change", ({ target }) => {
  if (target.form?.matches("[data-look]")) look(target.form, target);
}, true);

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-look]") || !event.submitter?.name) return;
  event.preventDefault();
  look(form, event.submitter);
  htmx.ajax("POST", form.action, { values: { [event.submitter.name]: event.submitter.value }, swap: "none" });
});

// --- forms that must not be left by mistake
let isChanged = false;
document.addEventListener("input", ({ target }) => (isChanged ||= Boolean(target.closest("[data-guard]"))));
const saved = (form) => form.matches?.("[data-guard]") && (isChanged = false);
document.addEventListener("htmx:afterRequest", ({ detail }) => detail.successful && saved(detail.requestConfig.elt)); // detail.elt is its place, if it was replaced
document.addEventListener("submit", ({ target }) => !target.hasAttribute("hx-post") && saved(target));
addEventListener("beforeunload", (event) => isChanged && event.preventDefault());

// --- times that stay true
const words = new Intl.RelativeTimeFormat("en", { numeric: "always" });
setInterval(() => {
  for (const each of document.querySelectorAll("time[data-relative]")) {
    const seconds = Math.round((new Date(each.dateTime) - Date.now()) / 1e3);
    const size = Math.abs(seconds);
    if (size >= 86400) continue;
    const said =
      size >= 3600 ? words.format(Math.trunc(seconds / 3600), "hour")
      : size >= 60 ? words.format(Math.trunc(seconds / 60), "minute")
      : seconds > 0 ? "in under a minute" : "just now";
    if (each.textContent !== said) each.textContent = said;
  }
}, 1e4);
