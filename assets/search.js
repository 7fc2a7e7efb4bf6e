/* The page of the search: sections, results, functions, terms and rows of the ledger, found while one types.
   The entries and MiniSearch come as plain scripts when they are first needed, so that this works from a file as well. */
const form = document.getElementById("search-form");
const [field, status] = [form.elements.q, form.querySelector("output")];
const hits = document.getElementById("hits");
const KINDS = { page: "", section: "", result: "result", function: "function of lib", term: "term", row: "row of the ledger" };
const WEIGHT = { page: 1.1, section: 1, result: 1.2, function: 0.9, term: 1.4, row: 0.35 };
const MOST = 30;

const split = (text) => text.toLowerCase().normalize("NFKD").split(/[^\p{L}\p{N}\p{M}]+/u).filter(Boolean);
const folder = document.currentScript.src.replace(/[^/]*$/, "");
let [index, entries, loading] = [null, [], null];

function load(name) {
  const script = document.createElement("script");
  script.src = folder + name;
  document.head.append(script);
  return new Promise((loaded, failed) => { Object.assign(script, { onload: loaded, onerror: failed }); });
}

async function prepare() {
  await Promise.all([load("minisearch.js"), load("search-entries.js")]);
  index = new MiniSearch({
    fields: ["heading", "title", "text"], storeFields: ["kind"], tokenize: split,
    searchOptions: {
      boost: { heading: 4, title: 1.5 }, tokenize: split,
      prefix: (term) => term.length > 2, fuzzy: (term) => (term.length > 4 ? 0.25 : false),
      boostDocument: (id, term, stored) => WEIGHT[stored.kind],
    },
  });
  entries = searchEntries.map(([address, title, heading, text, kind], id) => ({ id, address, title, heading, text, kind }));
  index.addAll(entries);
}

/* Around 200 characters of the text that hold as many of the words that were found as possible; of what is short and
   begins with its point, such as an equation, the beginning. */
function around(text, found, kind) {
  const places = [...text.matchAll(found)].map((match) => match.index);
  const held = (start) => new Set(places.filter((at) => at >= start && at < start + 180).map((at) => text.slice(at, at + 5).toLowerCase())).size;
  const best = places.reduce((a, b) => (held(b - 40) > held(a - 40) ? b : a), places[0] ?? 0);
  const start = best < 60 || !["page", "section"].includes(kind) ? 0 : text.indexOf(" ", best - 50) + 1;
  const end = start + 200 >= text.length ? text.length : text.lastIndexOf(" ", start + 200);
  return (start ? "… " : "") + text.slice(start, end) + (end < text.length ? " …" : "");
}

function marked(text, found) {
  let at = 0;
  const parts = [];
  for (const match of text.matchAll(found)) {
    const mark = document.createElement("mark");
    mark.textContent = match[0];
    parts.push(text.slice(at, match.index), mark);
    at = match.index + match[0].length;
  }
  return [...parts, text.slice(at)];
}

const make = (tag, className, ...content) => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...content);
  return element;
};

async function show() {
  if (field.value.trim()) await (loading ??= prepare());
  const query = field.value.trim();
  let results = query ? index.search(query, { combineWith: "AND" }) : [];
  const all = results.length;
  if (query && all < 5) {
    const known = new Set(results.map((result) => result.id));
    results.push(...index.search(query).filter((result) => !known.has(result.id)));
  }
  hits.replaceChildren(...results.slice(0, MOST).map((result) => {
    const { address, title, heading, text, kind } = entries[result.id];
    const words = result.terms.map((term) => term.replace(/[^\p{L}\p{N}]/gu, "\\$&")).join("|");
    const found = new RegExp(`(?<![\\p{L}\\p{N}])(?:${words})(?![\\p{L}\\p{N}])`, "giu");
    const link = make("a", "", ...marked(heading, found));
    link.href = address;
    const where = [heading === title ? "" : title, KINDS[kind]].filter(Boolean).join(", ");
    return make("li", "", link, " ", make("span", "where", where), make("p", "", ...marked(around(text, found, kind), found)));
  }));
  const places = (number) => `${number} ${number === 1 ? "place" : "places"}`;
  status.textContent = !query ? "" : all > MOST ? `${places(all)}, the first ${MOST} shown` : all ? `${places(all)}${results.length > all ? " with all words; then some with a few" : ""}`
    : results.length ? "No place has all of these words; some have a few" : "Nothing found";
  try { history.replaceState(null, "", query ? `?q=${encodeURIComponent(query)}` : location.pathname); } catch { /* file: keeps its address */ }
}

field.value = new URLSearchParams(location.search).get("q") ?? "";
let rest;
field.addEventListener("input", () => { clearTimeout(rest); rest = setTimeout(show, 120); });
form.addEventListener("submit", (event) => { event.preventDefault(); show(); });
form.hidden = false;
field.focus();
show();
