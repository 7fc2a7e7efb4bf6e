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

/* What scrolls sideways can be reached with the keyboard. */
const boxes = document.querySelectorAll(".rhs, .lhs, .katex-display, .pst-scrollable-table-container, .bd-article pre, .bd-article blockquote");
const fit = (box) => {
  if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
  else box.removeAttribute("tabindex");
};
const sizes = new ResizeObserver((changes) => changes.forEach((change) => fit(change.target)));
boxes.forEach((box) => sizes.observe(box));
document.fonts.ready.then(() => boxes.forEach(fit));
