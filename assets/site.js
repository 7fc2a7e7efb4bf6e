/* Small helpers; without them every page still reads in full. */

/* Flipbooks: the slider shows another picture. The caption is the slider's spoken value; the longer
   description of the picture follows once the slider rests, so that dragging does not flood a screen reader. */
for (const book of document.querySelectorAll(".flipbook")) {
  const frames = JSON.parse(book.dataset.frames);
  const [picture, caption, control, live] = ["img", "figcaption", "label", ".flipbook-live"].map((s) => book.querySelector(s));
  const slider = control.querySelector("input");
  let rest;
  slider.addEventListener("input", () => {
    const [src, alt, text] = frames[slider.value];
    Object.assign(picture, { src, alt });
    caption.textContent = text;
    slider.setAttribute("aria-valuetext", text);
    clearTimeout(rest);
    rest = setTimeout(() => { live.textContent = alt; }, 800);
  });
  const fetchAll = () => frames.forEach(([src]) => { new Image().src = src; });
  for (const event of ["pointerenter", "focusin"]) book.addEventListener(event, fetchAll, { once: true });
  control.hidden = false;
}

/* Derivations: copy the LaTeX. */
if (navigator.clipboard) {
  for (const button of document.querySelectorAll(".copy-tex")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.tex);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy LaTeX"; }, 2000);
    });
  }
}

for (const button of document.querySelectorAll("[data-print]")) button.addEventListener("click", () => print());

/* Paper is light. */
let theme;
addEventListener("beforeprint", () => { ({ theme } = document.documentElement.dataset); document.documentElement.dataset.theme = "light"; });
addEventListener("afterprint", () => { document.documentElement.dataset.theme = theme; });

/* What scrolls sideways can be reached with the keyboard. */
const boxes = document.querySelectorAll(".rhs, .lhs, .katex-display, .pst-scrollable-table-container, .pane, .bd-article pre, .bd-article blockquote, .ledger p:has(.katex), .slip p:has(.katex)");
const fit = (some) => {                         // first look at all, then write: looking after each change would lay out anew
  const wide = some.map((box) => box.scrollWidth > box.clientWidth + 1);
  some.forEach((box, i) => (wide[i] ? box.setAttribute("tabindex", 0) : box.removeAttribute("tabindex")));
};
const sizes = new ResizeObserver((changes) => fit(changes.map((change) => change.target)));
boxes.forEach((box) => sizes.observe(box));
document.fonts.ready.then(() => fit([...boxes]));

/* How far it was scrolled; it fades towards an edge beyond which there is more. */
document.addEventListener("scroll", ({ target: box }) => {
  if (box.tabIndex !== 0) return;
  const left = box.scrollWidth - box.clientWidth - box.scrollLeft;
  box.dataset.at = box.scrollLeft <= 1 ? "start" : left <= 1 ? "end" : "middle";
}, { capture: true, passive: true });

/* The button that unfolds a hint says which. */
window.addEventListener("load", () => {
  for (const button of document.querySelectorAll(".toggle-button")) button.ariaLabel = `Show or hide ${button.closest(".admonition-title").textContent.trim()}`;
});

/* A link into something folded away opens it. */
const reveal = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let box = target?.closest(".toggle-hidden"); box; box = box.parentElement.closest(".toggle-hidden")) box.querySelector(".toggle-button")?.click();
  for (let box = target?.closest("details:not([open])"); box; box = box.parentElement.closest("details:not([open])")) box.open = true;
  target?.scrollIntoView();
};
for (const event of ["load", "hashchange"]) window.addEventListener(event, () => { if (location.hash) setTimeout(reveal); });

/* Signs of formulas are found by their names, too: δ is delta. */
const NAMES = { "∂": "partial", "∇": "nabla", "∑": "sum", "∏": "product", "√": "root" };
"alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma sigma tau upsilon phi chi psi omega"
  .split(" ").forEach((name, i) => { NAMES[String.fromCodePoint(945 + i)] = name; });
const plain = (text) => text.toLowerCase().normalize("NFKD");
const spelled = (text) => plain(text).replace(/[∂∇∑∏√α-ω]/g, (sign) => `${sign} ${NAMES[sign]} `);

/* Filters: choices and words that leave some of the rows; the address keeps them, so that a view can be shared. */
for (const form of document.querySelectorAll("form.filter")) {
  const rows = [...document.querySelectorAll(form.dataset.rows)];
  const texts = new Map();
  const text = (row) => {
    if (!texts.has(row)) texts.set(row, spelled(row.textContent));
    return texts.get(row);
  };
  const show = () => {
    const asked = [...new FormData(form)].filter(([, value]) => value.trim());
    const words = asked.filter(([name]) => name === "words").flatMap(([, value]) => plain(value).split(/\s+/).filter(Boolean));
    const chosen = asked.filter(([name]) => name !== "words");
    let left = 0;
    for (const row of rows) {
      row.hidden = !(chosen.every(([name, value]) => row.dataset[name].split("|").includes(value))
        && words.every((word) => text(row).includes(word)));
      left += !row.hidden;
    }
    for (const group of new Set(rows.map((row) => row.closest("section section")))) {
      if (group) group.hidden = !group.querySelector(form.dataset.rows.split(" ").pop() + ":not([hidden])");
    }
    form.querySelector("output").textContent = `${left} of ${rows.length}`;
    try { history.replaceState(null, "", `?${new URLSearchParams(asked)}`.replace(/\?$/, location.pathname) + location.hash); } catch { /* file: keeps its address */ }
  };
  for (const [name, value] of new URLSearchParams(location.search)) {
    if (form.elements[name]) form.elements[name].value = value;
  }
  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(show));
  window.addEventListener("hashchange", () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target?.hidden && rows.includes(target)) { form.reset(); setTimeout(() => target.scrollIntoView()); }
  });
  form.hidden = false;
  show();
}
