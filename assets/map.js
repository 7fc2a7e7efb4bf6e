/* The map: pointing at a result shows what it rests on, in all pictures of the page. */
const paths = [...document.querySelectorAll(".arcs path")];
const names = [...document.querySelectorAll(".arcs a")];
const needs = new Map();
for (const { dataset: { from, to } } of paths) needs.set(to, [...(needs.get(to) ?? []), from]);

function trace(key) {
  const found = new Set(key ? [key] : []);
  for (const each of found) for (const need of needs.get(each) ?? []) found.add(need);
  document.querySelectorAll(".arcs").forEach((picture) => picture.classList.toggle("tracing", Boolean(key)));
  for (const name of names) name.classList.toggle("traced", found.has(name.dataset.key));
  for (const path of paths) path.classList.toggle("traced", found.has(path.dataset.to));
}

for (const name of names) {
  for (const event of ["pointerenter", "focus"]) name.addEventListener(event, () => trace(name.dataset.key));
  for (const event of ["pointerleave", "blur"]) name.addEventListener(event, () => trace(null));
}
