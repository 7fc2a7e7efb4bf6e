"""The built pages in a real browser: what a reader sees, with and without scripts, wide and narrow, light and dark."""
from __future__ import annotations

import html
import json
import re
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
import weight
from built import HOME, SITE, pages, root
from conftest import AT_REST, THEME
from playwright.sync_api import expect

ROOT = SITE.parents[1]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"


UNFOLD = """() => {
    document.querySelectorAll("details").forEach(e => { e.open = true; });
    document.querySelectorAll(".toggle-hidden").forEach(e => e.classList.remove("toggle-hidden")); }"""
# Axe does not look at what is hidden from screen readers, as KaTeX's boxes are, and every token of a kind has one colour
# wherever code stands: without these it has a third of the elements to consider, and finds the same.
PRUNE = """() => {
    const seen = new Set();
    const light = {
        ".katex-html": box => box.replaceChildren(),
        math: (copy, math) => { copy.innerHTML = "<mtext>formula</mtext>"; },
        pre: (copy, pre) => copy.querySelectorAll("span:not(:has(*))").forEach(token => {
            const kind = pre.closest("[class*=cell_]")?.className + token.className;
            if (seen.has(kind)) token.replaceWith(token.textContent);
            seen.add(kind); }),
    };
    window.swapped = Object.entries(light).flatMap(([name, lighten]) => [...document.querySelectorAll(name)].map(whole => {
        const copy = whole.cloneNode(true);
        lighten(copy, whole);
        whole.replaceWith(copy);
        return [copy, whole]; })); }"""
RESTORE = "() => window.swapped.forEach(([copy, whole]) => copy.replaceWith(whole))"


def unfold(page):
    """Open everything that is folded away, and let it appear at once."""
    page.evaluate(UNFOLD)
    page.evaluate("document.getAnimations().forEach(e => e.effect.getComputedTiming().endTime < Infinity && e.finish())")
    page.evaluate(AT_REST)
    return page


def test_page_asks_nothing_of_another_host_and_reports_no_error(reader):
    foreign = [url for url in reader.loaded if not url.startswith((reader.base, "data:", "blob:"))]
    assert (foreign, reader.missing, reader.errors) == ([], [], [])


def test_page_is_light(reader, home_files, page_name):
    """First load, with all pictures down to the end of the page; the same with the frames; load after the home page."""
    cost = weight.cost(page_name, (url for url in reader.loaded if url.startswith(reader.base)), home_files)
    assert {"html", "css", "font", "js"} <= cost.kinds.keys(), (cost, reader.loaded)
    assert cost.still <= weight.STILL and cost.moving <= weight.MOVING and cost.later <= weight.LATER


@pytest.mark.parametrize("reader_name", ["wide", "phone"])
def test_nothing_moves_while_the_page_loads(readers, page_name, reader_name):
    readers[reader_name].read(page_name)
    assert readers[reader_name].shift < weight.SHIFT


def test_everything_is_there_without_scripts(bare):
    unseen = bare.locator(".bd-article .katex-html").evaluate_all(
        "all => all.filter(e => !e.closest('details:not([open])') && !e.getClientRects().length).length")
    assert unseen == 0
    bare.locator(".bd-article img").evaluate_all("all => all.forEach(e => { e.loading = 'eager'; })")
    broken = bare.locator(".bd-article img").evaluate_all("""async all => {
        await Promise.allSettled(all.map(e => e.decode()));
        return all.filter(e => !e.naturalWidth).map(e => e.src); }""")
    assert broken == []
    for solution in bare.locator(".bd-article .dropdown > * > p").all():
        assert solution.is_visible()


def test_no_latex_is_left_over(wide):
    text = wide.locator("main").evaluate("""article => {
        const copy = article.cloneNode(true);
        copy.querySelectorAll("pre, code, .katex-mathml, .copy-tex").forEach(e => e.remove());
        return copy.textContent; }""")
    assert not re.findall(r".{0,30}(?:\$\$|\\begin\{|\\frac|\\text\{).{0,30}", text)


def test_page_does_not_scroll_sideways_on_a_phone(phone):
    """What is wider than the window stands in a box that scrolls, can be focused, and is itself not wider."""
    unfold(phone)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    assert phone.evaluate("""() => {
        const sticksOut = e => e.getBoundingClientRect().right > 391;
        const scrolls = e => e.tabIndex === 0 && /auto|scroll/.test(getComputedStyle(e).overflowX) && !sticksOut(e);
        const boxed = e => e && (scrolls(e) || boxed(e.parentElement));
        return [...document.querySelectorAll(".bd-article :not(.katex *, svg *, .flipbook-live)")]
            .filter(e => sticksOut(e) && !boxed(e)).map(e => e.outerHTML.slice(0, 120)); }""") == []


def test_what_scrolls_fades_where_there_is_more(phone):
    """From the start to the end of its way: at either end the fade is on the other side."""
    seen = unfold(phone).locator(".bd-article [tabindex='0']").evaluate_all("""async all => {
        const mask = e => getComputedStyle(e).maskImage.match(/-?[\\d.]+(?=px)/g) ?? ["none"];
        const at = (e, place) => { e.scrollLeft = place; return new Promise(done => requestAnimationFrame(() => setTimeout(() => done(mask(e))))); };
        return [all.map(e => mask(e).join()), all.length ? [await at(all[0], 1e6), await at(all[0], 0)] : []]; }""")
    start = ["0", "29.75"]                          # transparent from the edge, and opaque 1.75 rem further in
    assert {tuple(mask.split(",")) for mask in seen[0]} <= {tuple(start)}
    assert seen[1] in ([], [["29.75"], start])


def test_a_thumb_and_an_eye_can_use_a_phone(phone):
    """Letters in pictures, which are drawn with 10.5 pt at 100 dpi, are large enough, and so are the sliders; nothing hides a button."""
    assert phone.locator(".cell_output img:not(.pane > *)").count() == 0
    assert set(phone.locator(".pane:not(.admonition *)").evaluate_all("all => all.map(e => e.clientWidth)")) <= {390}
    assert phone.locator(".pane img").evaluate_all("""all => all.map(img => {
        const drawn = parseFloat(getComputedStyle(img.parentElement).getPropertyValue("--drawn"));
        return [img.getBoundingClientRect().width / drawn * 10.5 * 100 / 72, img.classList.contains("diagram") ? 10 : 8.7]; })
        .filter(([letters, least]) => letters < least)""") == []
    assert phone.locator(".flipbook-control input").evaluate_all("""all => all.map(e => {
        const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
        return [e.getBoundingClientRect().height, parseFloat(getComputedStyle(e).getPropertyValue("--thumb")) * rem]; })
        .filter(([height, thumb]) => height < 44 || thumb < 24)""") == []
    assert phone.evaluate("""() => {
        const box = e => e.getBoundingClientRect(), inside = (a, b) => a.left >= b.left - 1 && a.right <= b.right + 1 && a.bottom <= b.bottom + 1;
        const words = e => { const all = document.createRange(); all.selectNodeContents(e); return box(all); };
        return [...document.querySelectorAll(".toggle-button")].filter(e => !inside(box(e), box(e.parentElement))
                || words(e.previousElementSibling ?? e.parentElement.firstChild).right > box(e).left + 1)
            .concat([...document.querySelectorAll(".prev-next-area a > *")].filter(e => !inside(words(e), {left: 0, right: 390, bottom: 1e6})))
            .map(e => e.outerHTML.slice(0, 150)); }""") == []


def test_punctuation_stays_with_its_formula(phone):
    assert unfold(phone).locator(".kept:not(td *)").evaluate_all("""all => all.filter(kept => {
        if (kept.lastChild.nodeType !== Node.TEXT_NODE || !kept.getClientRects().length) return false;
        const tail = document.createRange(), bases = kept.querySelectorAll(".katex-base");
        tail.selectNode(kept.lastChild);
        const comma = tail.getBoundingClientRect(), formula = bases[bases.length - 1].getBoundingClientRect();
        return comma.top > formula.bottom || comma.left < formula.left; }).map(e => e.textContent.slice(-80))""") == []


def test_folded_code_says_what_it_is_for(wide):
    """Of two folded cells, one right below the other, each has a name of its own."""
    assert wide.locator("div.cell:has(> details.hide:only-child) + div.cell > details.hide > summary").evaluate_all("""all => all.filter(
        e => e.textContent === e.closest(".cell").previousElementSibling.querySelector("summary").textContent).map(e => e.textContent)""") == []


@pytest.mark.parametrize("reader_name", ["wide", "phone"])
def test_axe_finds_nothing_of_any_severity(readers, page_name, reader_name):
    page = unfold(readers[reader_name].read(page_name))
    assert page.evaluate("document.documentElement.dataset.theme") == THEME[reader_name]
    page.evaluate("source => { window.axe || (0, eval)(source); }", AXE.read_text("utf8"))
    page.evaluate(PRUNE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations'], preload: false})")["violations"]
    page.evaluate(RESTORE)
    assert [(rule["impact"], rule["id"], [(node["html"][:160], node["failureSummary"]) for node in rule["nodes"][:3]]) for rule in found] == []


def test_pictures_say_what_they_show(page_name):
    for tag in re.findall(r"<img\b[^>]*>", article(page_name)):
        alt = re.search(r'alt="([^"]*)"', tag)
        assert alt and len(alt[1].split()) >= 3 and ".png" not in alt[1], tag
        assert re.search(r"\b(width|style)=", tag), f"without a size the page moves while it loads: {tag}"


def test_flipbooks_turn_by_keyboard(wide):
    turned = []
    for book in wide.locator(".flipbook").all():
        slider, picture, caption = (book.locator(part) for part in ("input", "img", "figcaption"))
        seen = lambda: (picture.get_attribute("src"), caption.inner_text(), picture.get_attribute("alt"))  # noqa: B023
        before = seen()
        slider.focus()
        wide.keyboard.press("ArrowRight" if slider.input_value() != slider.get_attribute("max") else "ArrowLeft")
        expect(picture).to_have_js_property("complete", True)
        assert picture.evaluate("img => img.naturalWidth > 0")
        after = seen()
        assert before[0] != after[0] and before[1] != after[1], before
        assert slider.get_attribute("aria-valuetext") == after[1]
        turned.append((book.locator(".flipbook-live"), after[2]))
    for live, description in turned:
        expect(live).to_have_text(" ".join(description.split()))


def test_flipbooks_show_their_frame_without_scripts(bare):
    """And say in words where the slider leads, and what would then be seen."""
    for book in bare.locator(".flipbook").all():
        book.scroll_into_view_if_needed()
        expect(book.locator("img")).to_have_js_property("complete", True)
        assert book.locator("img").evaluate("e => e.naturalWidth > 0 && e.getClientRects().length > 0")
        assert book.locator("figcaption").is_visible() and book.locator("noscript p").is_visible()
        assert not book.locator("input").is_visible()
        frames, said = json.loads(book.get_attribute("data-frames")), book.locator("noscript p").inner_text()
        for _, shown, place in (frames[0], frames[-1]):
            assert f"“{place}”" in said and " ".join(shown.split()) in said


def test_every_interactive_figure_and_derivation_of_the_notebook_is_on_its_page(page_name):
    notebook = ROOT / Path(page_name).with_suffix(".ipynb")
    if not notebook.exists():
        return
    cells = json.loads(notebook.read_text("utf8"))["cells"]
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    widgets = sum("application/vnd.jupyter.widget-view+json" in data for data in outputs)
    derivations = sum("% start" in "".join(data.get("text/markdown", "")) for data in outputs)
    text = article(page_name)
    assert text.count('<figure class="flipbook"') == widgets
    assert len(re.findall(r'<ol class="derivation-lines', text)) == derivations
    assert "vnd.jupyter.widget" not in (SITE / page_name).read_text("utf8")


def test_derivations_keep_their_columns(wide):
    """Relations stand below one another; every line has a tick that is reached by keyboard and says how it was checked."""
    unfold(wide).keyboard.press("Tab")                   # from here on, focus is shown as it is to whoever uses the keyboard
    found = wide.locator(".derivation").evaluate_all("""all => all.map(derivation => {
        const part = name => [...derivation.querySelectorAll(name)];
        return {starts: [...new Set(part(".rhs").map(e => Math.round(e.getBoundingClientRect().x)))], lines: part(".rhs").length,
                slight: part(".rhs, .lhs").filter(e => e.tabIndex === 0 && e.scrollWidth < e.clientWidth + 4).length,
                ticks: part(".tick").map(tick => {
                    tick.focus();
                    const tip = getComputedStyle(tick, "::after");
                    return [document.activeElement === tick, tip.visibility, tick.ariaLabel.split(/[:;]/)[0]]; })}; })""")
    for derivation in found:
        assert len(derivation["starts"]) == 1 and derivation["slight"] == 0, derivation     # an index sticks out by 2 px
        assert len(derivation["ticks"]) == derivation["lines"]
        assert all(tick[:2] == [True, "visible"] and tick[2] in {"start", "proved", "checked"} for tick in derivation["ticks"])


def test_policy_is_strict_and_nothing_was_refused(readers, page_name):
    """The last test of a page: nothing that the others did met the policy, or an error."""
    for name in ("wide", "phone"):
        page = readers[name].read(page_name)
        assert (page.evaluate("window.refused"), readers[name].errors) == ([], [])
    rules = dict(rule.split(" ", 1) for rule in page.locator("meta[http-equiv=Content-Security-Policy]")
                 .get_attribute("content").split("; "))
    assert rules["default-src"] == "'self'" and rules["base-uri"] == rules["object-src"] == "'none'"
    assert all(re.fullmatch(r"'self'|'sha256-.{44}'", allowed) for allowed in rules["script-src"].split())
    assert "http" not in str(rules) and not re.search(r"<[^>]* on\w+=", (SITE / page_name).read_text("utf8"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_who_comes_first_gets_the_mode_of_the_system_and_light_paper(readers, base, scheme):
    context = readers["wide"].context.browser.new_context(color_scheme=scheme)
    page = context.new_page()
    page.goto(base + HOME)
    theme = lambda: page.evaluate("document.documentElement.dataset.theme")
    assert theme() == scheme
    page.evaluate("addEventListener('beforeprint', () => { window.paper = document.documentElement.dataset.theme; })")
    page.pdf()
    assert (page.evaluate("window.paper"), theme()) == ("light", scheme)
    page.locator(".theme-switch-button").click()
    assert theme() != scheme
    context.close()


def test_policy_keeps_foreign_code_from_running(readers, base):
    page = readers["wide"].context.new_page()
    page.goto(base + HOME)
    ran = page.evaluate("""async () => {
        const script = document.createElement("script");
        script.textContent = "window.ran = 1";
        document.head.append(script);
        document.body.insertAdjacentHTML("beforeend", '<button onclick="window.ran = 2">x</button>');
        document.body.lastChild.click();
        const picture = new Image();
        picture.src = "https://example.org/x.png";
        await fetch("https://example.org/").catch(() => 0);
        return window.ran; }""")
    assert ran is None
    assert {directive for directive, _, _ in page.evaluate("window.refused")} == {
        "script-src-elem", "script-src-attr", "img-src", "connect-src"}
    page.close()


class Links:
    """The ids of a page and everything it points at."""

    def __init__(self, text: str):
        found = [(name, html.unescape(value)) for name, value in re.findall(r'\s(id|href|src)="([^"]*)"', text)]
        self.ids = {value for name, value in found if name == "id"}
        self.targets = [value for name, value in found if name != "id" and value] + weight.frames(text)


def article(page_name: str) -> str:
    text = (SITE / page_name).read_text("utf8")
    body = re.search(r'<article class="bd-article">.*?</article>', text, re.S)
    return body[0] if body else ""


def test_every_local_link_resolves():
    links = {name: Links((SITE / name).read_text("utf8")) for name in pages()}
    broken = []
    for name, page in links.items():
        for target in page.targets:
            url = urlsplit(target)
            if url.scheme or url.netloc:
                continue
            path = unquote(urljoin(root() + name, url.path).removeprefix(root()).lstrip("/")) if url.path else name
            ids = links[path].ids if path in links else {unquote(url.fragment)}
            if not (SITE / path).is_file() or (url.fragment and unquote(url.fragment) not in ids):
                broken.append(f"{name} -> {target}")
    assert broken == []


def test_every_address_in_the_style_sheet_resolves():
    (sheet,) = (SITE / "_static").glob("book.*.css")
    addresses = re.findall(r"url\((?![\"']?data:)([^)]+)\)", sheet.read_text("utf8"))
    assert addresses and [address for address in addresses if not (sheet.parent / address).is_file()] == []
