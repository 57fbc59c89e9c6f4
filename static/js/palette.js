// The command palette: Ctrl+K, Cmd+K or "/" opens it, arrows choose, Enter goes there.
const dialog = document.querySelector("#palette"); // none on its own page, which shows the same
const link = document.querySelector("[data-palette]");
const field = () => document.querySelector("#palette-input");
const list = () => document.querySelector("#palette-options");
const options = () => [...list().querySelectorAll("[role=option]")];
let isEntered = false; // Enter was pressed before the options for these words had come

async function open() {
  if (!field()) await htmx.ajax("GET", link.href, { target: "#palette-body", swap: "outerHTML" });
  if (!field()) return;
  if (dialog && !dialog.open) dialog.showModal();
  field().select();
}

function choose(at) {
  const all = options();
  all.forEach((option, place) => option.setAttribute("aria-selected", place === at));
  field().setAttribute("aria-activedescendant", all[at]?.id ?? "");
  all[at]?.scrollIntoView({ block: "nearest" });
}

function act() {
  isEntered = list().dataset.text !== field().value.trim();
  if (!isEntered) list().querySelector("[aria-selected=true]")?.click();
}

document.addEventListener("keydown", (event) => {
  const { key, target, ctrlKey, metaKey, altKey } = event;
  const isChord = (ctrlKey || metaKey) && !altKey && key.toLowerCase() === "k";
  if (isChord || (key === "/" && !ctrlKey && !metaKey && !target.closest("input, textarea, select, [contenteditable]"))) {
    if (!link || document.querySelector("dialog[open]:not(#palette)")) return;
    event.preventDefault();
    if (dialog?.open) dialog.close();
    else open();
  } else if (target.id === "palette-input") {
    const step = { ArrowDown: 1, ArrowUp: -1 }[key];
    if (step) {
      const all = options();
      choose((all.findIndex((option) => option.ariaSelected === "true") + step + all.length) % all.length);
    } else if (key === "Enter") act();
    if (step || key === "Enter") event.preventDefault();
  }
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-palette]") && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    open();
  } else if (event.target.closest("#palette [role=option]")) dialog.close();
});

document.addEventListener("htmx:afterSettle", ({ target }) => {
  if (target.id !== "palette-options") return;
  choose(0);
  if (isEntered) act();
});

// What was found grows old; the next opening asks again.
dialog?.addEventListener("close", () => {
  isEntered = false;
  const body = document.createElement("div");
  body.id = "palette-body";
  dialog.replaceChildren(body);
});
