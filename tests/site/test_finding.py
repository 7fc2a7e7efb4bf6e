"""Finding things: results, functions and the ledger, linked with the chapters in both directions."""
from __future__ import annotations

import re
from functools import cache

import pytest
from built import SITE, pages
from playwright.sync_api import expect

CHAPTERS = [name for name in pages() if name.startswith("chapters/")]


@cache
def text(name: str) -> str:
    return (SITE / name).read_text("utf8")


def visible(page, rows: str) -> int:
    return page.locator(rows).evaluate_all("all => all.filter(e => e.getClientRects().length).length")


@pytest.fixture
def visit(readers, base):
    """Open a page in a tab of its own: visit(name, width=…, scripts=…)."""
    browser, contexts = readers["wide"].context.browser, []

    def open_page(name: str, width: int = 1280, scripts: bool = True):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, java_script_enabled=scripts))
        page = contexts[-1].new_page()
        page.set_default_timeout(10_000)
        page.goto(base + name, wait_until="load")
        return page

    yield open_page
    for context in contexts:
        context.close()


ROWS = "#ledger tbody tr"


def test_the_ledger_can_be_filtered(visit):
    page = visit("ledger.html")
    assert visible(page, ROWS) == 434 and page.locator("form.filter output").inner_text() == "434 of 434"
    page.select_option("select[name=verdict]", "slip")
    assert visible(page, ROWS) == 137
    page.select_option("select[name=kind]", "sign")
    signs = visible(page, ROWS)
    assert 0 < signs < 137
    page.fill("input[name=words]", "softmax")
    assert 0 < visible(page, ROWS) < signs
    assert "verdict=slip&kind=sign&words=softmax" in page.url
    page.fill("input[name=words]", "no such words")
    assert visible(page, ROWS) == 0 and page.locator("form.filter output").inner_text() == "0 of 434"
    page.click("form.filter button[type=reset]")
    expect(page.locator("form.filter output")).to_have_text("434 of 434")
    assert visible(page, ROWS) == 434 and "?" not in page.url


def test_a_view_of_the_ledger_can_be_shared(visit):
    page = visit("ledger.html?source=S2&verdict=slip")
    left = page.locator(ROWS + ":not([hidden])")
    assert left.count() > 0
    assert set(left.evaluate_all("all => all.map(e => e.dataset.source + e.dataset.verdict)")) == {"S2slip"}
    assert page.locator("select[name=source]").input_value() == "S2"


def test_a_row_that_is_asked_for_is_shown_whatever_the_filter(visit):
    page = visit("ledger.html?source=S2")
    assert not page.locator("#AN-03a").is_visible()
    page.evaluate("location.hash = 'AN-03a'")
    expect(page.locator("#AN-03a")).to_be_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_ledger_is_complete_without_scripts(visit, width):
    page = visit("ledger.html", width=width, scripts=False)
    assert visible(page, ROWS) == 434 and not page.locator("form.filter").is_visible()


def test_rows_of_written_chapters_lead_to_their_place():
    rows = re.findall(r'<tr id="(\S+)" .*?data-chapter="(\S+)".*?<p>([^<]*(?:<a href="[^"]+">[^<]*</a>[^<]*)*)</p></td></tr>',
                      text("ledger.html"))
    assert len(rows) == 434
    written = {name.removeprefix("chapters/").removesuffix(".html") for name in CHAPTERS}
    lost = [code for code, page, last in rows if page in written and f'href="chapters/{page}.html#' not in last]
    assert lost == []


def test_a_code_in_a_chapter_leads_to_its_row_and_back():
    for name in CHAPTERS:
        for code in re.findall(r'href="[./]*ledger\.html#([\w-]+)"', text(name)):
            assert f'<tr id="{code}"' in text("ledger.html"), (name, code)
        for code in re.findall(r'id="slip-([\w-]+)"', text(name)):
            assert f'href="{name}#slip-{code}"' in text("ledger.html"), (name, code)
    assert 'id="slip-AN-04f"' in text("chapters/neurons/discriminant.html")


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_derivation_is_among_the_results_and_linked(name):
    labels = re.findall(r'<div class="derivation[^>]*id="equation-eq-([\w-]+)"', text(name))
    results = text("results.html")
    lost = [label for label in labels
            if f'id="result-{label}"' not in results or f'href="{name}#equation-eq-{label}"' not in results]
    assert labels and lost == []


def test_reasons_lead_to_what_they_name(visit):
    page = visit("chapters/neurons/activations.html")
    link = page.locator("#equation-eq-log-sigmoid-slope .why a", has_text="slope of the sigmoid")
    link.click()
    assert page.url.endswith("#equation-eq-sigmoid-slope")


def test_functions_lead_to_the_book_and_the_book_to_functions():
    entry = re.search(r'<dt[^>]*id="lib.activations.sigmoid_prime".*?</dl>\s*<details', text("functions.html"), re.S)[0]
    assert 'href="chapters/neurons/activations.html#activations-slope"' in entry
    assert 'href="chapters/neurons/activations.html#equation-eq-sigmoid-slope"' in entry
    assert 'href="functions.html#lib.activations.sigmoid_prime"' in text("results.html")


def searched(page, words: str) -> list[tuple[str, str, str]]:
    """Address, heading and snippet of the first places found."""
    page.fill("#search-form input", "")
    page.fill("#search-form input", words)
    expect(page.locator("#search-form output")).not_to_be_empty(timeout=10_000)
    expect(page.locator("#hits li").first).to_be_visible()
    page.wait_for_timeout(250)
    return page.locator("#hits li").evaluate_all("""all => all.slice(0, 8).map(e => [
        e.querySelector("a").getAttribute("href"), e.querySelector("a").textContent, e.querySelector("p").textContent])""")


@pytest.fixture(scope="module")
def search(readers, base):
    page = readers["wide"].context.browser.new_page()
    page.set_default_timeout(10_000)
    page.goto(base + "search.html")
    yield lambda words: searched(page, words)
    page.close()


@pytest.mark.parametrize(("query", "place"), [
    ("softmax Jacobian", "chapters/regression/softmax.html#equation-eq-softmax-jacobian"),
    ("softmax jacobian", "chapters/regression/softmax.html#the-jacobian-of-softmax"),
    ("bias trick", "chapters/neurons/discriminant.html#the-bias-trick"),
    ("transpose", "chapters/mlp/regression.html#a-batch-where-the-transposes-come-from"),
    ("slope of the sigmoid", "chapters/neurons/activations.html#the-slope-of-the-sigmoid"),
    ("sigmiod slope", "chapters/neurons/activations.html#equation-eq-sigmoid-slope"),              # misspelt
    ("softmax_cross_entropy_grad", "functions.html#lib.losses.softmax_cross_entropy_grad"),
    ("AN-04f", "ledger.html#AN-04f")])
def test_search_finds(search, query, place):
    assert place in [address for address, _, _ in search(query)]


def test_snippets_hold_the_words_and_no_latex(search):
    for query in ("softmax Jacobian", "bias trick", "transpose", "likelihood", "learning rate"):
        found = search(query)
        assert len(found) >= 3
        for address, heading, snippet in found:
            assert not re.search(r"\\[a-z]+|\$|[{}]", snippet), (query, snippet)
            words = [word[:5] for word in query.lower().split()]
            assert any(word in (heading + snippet).lower() for word in words), (query, address, snippet)


def test_no_entry_of_the_search_holds_latex():
    entries = (SITE / "_static" / "search-entries.js").read_text("utf8")
    assert re.findall(r".{20}(?:\\\\[a-z]{2,}|\$[^$]|\\\\begin).{20}", entries)[:3] == []


def test_the_dialog_of_every_page_leads_to_the_search(visit):
    page = visit("chapters/neurons/activations.html")
    page.keyboard.press("Control+k")
    page.keyboard.type("bias trick")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=bias*")
    page.wait_for_selector("#hits li")
    assert page.locator("#search-form input").input_value() == "bias trick"
    page.locator("#hits li a", has_text="Bias trick").first.click()
    page.wait_for_url("**/*bias-trick")


def test_search_works_from_a_file(readers):
    page = readers["wide"].context.browser.new_page()
    page.set_default_timeout(10_000)
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"file://{SITE}/search.html")
    assert searched(page, "softmax Jacobian")[0][2]
    page.goto(f"file://{SITE}/search.html?q=transpose")
    page.wait_for_selector("#hits li")
    page.locator("#hits li a").first.click()
    page.wait_for_selector("article h1")
    assert errors == []
    page.close()


def test_search_says_without_scripts_where_to_look(visit):
    page = visit("search.html", scripts=False)
    assert page.locator("noscript p").first.is_visible() and not page.locator("#search-form").is_visible()


def mentions(name: str) -> list[str]:
    return re.findall(r'<a class="mention reference internal" href="[./]*([^"]+)"', text(name))


def test_terms_lead_to_a_chapter_and_are_mentioned_sparsely():
    entries = re.findall(r'<dt id="(term-[^"]+)">.*?</dt><dd>(.*?)</dd>', text("glossary.html"), re.S)
    assert len(entries) >= 50
    assert [term for term, said in entries if 'href="chapters/' not in said] == []
    places = {name: mentions(name) for name in CHAPTERS}
    assert all(1 <= len(links) == len(set(links)) <= 25 for links in places.values()), places


def test_letters_of_the_notation_lead_to_their_definition_and_chapters_lead_to_them():
    rows = re.findall(r"<tr.*?</tr>", text("notation.html"), re.S)
    linked = {letter: row for row in rows for letter in re.findall(r'<span class="linked" id="(sym-[\w-]+)"', row)}
    assert len(linked) >= 9
    reached = {link.partition("#")[2] for name in CHAPTERS for link in mentions(name)}
    assert sorted(linked.keys() - reached) == []
    assert sum('href="chapters/' in row or 'href="#def-' in row for row in linked.values()) >= len(linked) - 1


def test_names_of_functions_in_chapters_lead_to_their_entries():
    below = re.search(r"<p><em>\d+ lines: .*?</p>", text("chapters/neurons/activations.html"))[0]
    assert 'href="../../functions.html#lib.activations.sigmoid"' in below
    for name in CHAPTERS:
        assert re.search(r'<p><em>\d+ lines: the first [^<]*<a class="reference internal" href="\.\./\.\./functions\.html#lib\.',
                         text(name)), name


def test_the_map_shows_every_result_and_leads_to_it():
    names = re.findall(r'<a href="([^"]+)" data-key="([^"]+)"( class="elsewhere")?>', text("map.html"))
    own = [key for _, key, elsewhere in names if not elsewhere]
    results = re.findall(r'id="result-([\w-]+)"', text("results.html"))
    assert [key for key in own if "/" not in key] == results
    assert len([key for key in own if "/" in key]) == len([name for name in CHAPTERS if 'class="derivation' in text(name)])
    assert all(address.endswith(f"#equation-eq-{key}") for address, key, _ in names if "/" not in key)


def test_a_result_on_the_map_is_followed_back(visit):
    page = visit("map.html")
    traced = lambda: set(page.locator(".arcs a.traced").evaluate_all("all => all.map(e => e.dataset.key)"))
    assert traced() == set()
    page.locator(".arcs a[data-key=sigmoid-slope]").first.focus()
    assert traced() == {"sigmoid-slope", "sigmoid-symmetry", "sigmoid"}
    page.keyboard.press("Shift+Tab")
    assert traced() == {"sigmoid-symmetry", "sigmoid"}
    page.locator(".arcs a[data-key=sigmoid-slope] text").first.click()
    page.wait_for_url("**/chapters/neurons/activations.html#equation-eq-sigmoid-slope")


def test_the_map_can_be_read_on_a_phone(visit):
    page = visit("map.html", width=390)
    sizes = page.locator(".arcs text").evaluate_all("all => all.map(e => e.getBoundingClientRect())")
    assert min(size["height"] for size in sizes) >= 11 and max(size["right"] for size in sizes) <= 390


ENTRIES, GALLERY = ".gallery > .slip", "chapters/checking/slips.html"


def test_the_gallery_can_be_filtered_and_hides_the_rooms_that_are_empty(visit):
    page = visit(GALLERY)
    count = visible(page, ENTRIES)
    assert count >= 102 and page.locator("form.filter output").inner_text() == f"{count} of {count}"
    assert page.locator(".slip[data-effect='result changed']").count() == 102
    page.select_option("select[name=diagnose]", "transposed")
    assert page.locator(ENTRIES + ":not([hidden])").evaluate_all("all => all.map(e => e.id)") == ["slip-S3-18", "slip-S3-20b"]
    assert page.locator("h2:visible", has_text="Transposes and shapes").count() == 1
    assert page.locator("h2:visible", has_text="Signs").count() == 0
    assert page.locator("h2:visible", has_text="Exercises").count() == 1
    page.fill("input[name=words]", "delta printed order")
    assert page.evaluate("location.search") == "?diagnose=transposed&words=delta+printed+order"
    assert visible(page, ENTRIES) == 2
    page.click("form.filter button[type=reset]")
    expect(page.locator(".slip[hidden]")).to_have_count(0)
    assert page.locator("h2:visible", has_text="Signs").count() == 1


@pytest.mark.parametrize("width", [1280, 390])
def test_the_gallery_is_complete_without_scripts(visit, width):
    page = visit(GALLERY, width=width, scripts=False)
    assert visible(page, ENTRIES) == page.locator(ENTRIES).count() >= 102 and not page.locator("form.filter").is_visible()
    assert visible(page, ".slip dd") == 2 * visible(page, ENTRIES)


def test_a_slip_leads_from_its_chapter_to_the_gallery_and_back(visit):
    page = visit("chapters/neurons/discriminant.html")
    page.locator("#slip-AN-04d a", has_text="Arithmetic").click()
    page.wait_for_selector(".gallery > #slip-AN-04d:target")
    page.locator("#slip-AN-04d a", has_text="computed in discriminant").click()
    page.wait_for_selector("p#slip-AN-04d:target")
    page.locator("#slip-AN-04d a", has_text="AN-04d").click()
    page.wait_for_selector("tr#AN-04d:target")
    page.locator("#AN-04d a", has_text="in the gallery").click()
    page.wait_for_selector(".gallery > #slip-AN-04d:target")


def test_every_way_of_an_entry_arrives():
    codes = re.findall(r'<li class="slip" id="slip-([\w-]+)"', text(GALLERY))
    for code, ways in zip(codes, re.findall(r'<p class="about">.*?<span>(.*?)</span></p>', text(GALLERY)), strict=True):
        row, chapter, derived = re.findall(r'href="([^"]+)"', ways)
        assert row == f"../../ledger.html#{code}"
        for address in (chapter, derived):
            name, anchor = address.removeprefix("../").split("#")
            assert f'id="{anchor}"' in text(f"chapters/{name}"), (code, address)
        assert chapter.endswith(f"#slip-{code}") and chapter.split("#")[0] == derived.split("#")[0]


def test_the_first_page_has_everything_above_one_and_a_half_screens(visit):
    page = visit("intro.html")
    page.set_viewport_size({"width": 1280, "height": 800})
    bottom = page.locator(".home-pair").evaluate("e => e.getBoundingClientRect().bottom")
    assert bottom <= 1200
    assert page.locator(".home-derivation .tick").count() >= 5 and page.locator(".home-figure .flipbook").count() == 1
    assert page.locator(".home-readers dt").count() == 3
    assert all(page.locator(".home-readers dd").nth(i).locator("a").count() for i in range(3))


def derivations(name: str) -> list[str]:
    """The lines of every derivation on a page, without addresses, which depend on the page."""
    return [re.sub(r'href="[^"]*"', "", found)
            for found in re.findall(r'<ol class="derivation-lines.*?</ol>', text(name), re.S)]


def test_the_first_page_shows_what_the_chapter_shows():
    (shown,) = derivations("intro.html")
    assert shown in derivations("chapters/neurons/activations.html")


MEASURE = """() => {
  const lengths = [];
  for (const p of document.querySelectorAll(".bd-article section > p")) {
    if (p.querySelector(".katex, code, img") || p.textContent.length < 200) continue;
    const lines = new Map(), walker = document.createTreeWalker(p, NodeFilter.SHOW_TEXT);
    for (let node; node = walker.nextNode();) for (const word of node.data.matchAll(/\\S+\\s*/g)) {
      const range = document.createRange();
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      const line = Math.round(range.getClientRects()[0].top / 8);
      lines.set(line, (lines.get(line) ?? 0) + word[0].length);
    }
    lengths.push(...[...lines.values()].slice(0, -1));
  }
  return lengths; }"""


@pytest.mark.parametrize("width", [1280, 1920])
def test_lines_hold_65_to_75_characters(visit, width):
    lengths = sorted(length for name in CHAPTERS[::4] for length in visit(name, width).evaluate(MEASURE))
    assert len(lengths) > 40 and 65 <= lengths[len(lengths) // 2] <= 75


@pytest.mark.parametrize("name", [name for name in pages() if name != "404.html"])
def test_every_page_leads_to_the_one_before_and_the_one_after(name):
    area = re.search(r'<div class="prev-next-area">.*?</footer>', text(name), re.S)[0]
    ends = {"intro.html": "left-prev", "search.html": "right-next"}
    assert {kind for kind in ("left-prev", "right-next") if kind in area} == {"left-prev", "right-next"} - {ends.get(name)}


def test_sources_are_sorted_and_the_data_sets_are_cited_where_they_are_used():
    sections = re.findall(r'<section id="(books|papers|data|software)">(.*?)</section>', text("references.html"), re.S)
    known = {key: kind for kind, body in sections for key in re.findall(r'<div class="citation" id="(id\d+)"', body)}
    assert set(known.values()) == {"books", "papers", "data", "software"}
    cited = {name: set(re.findall(r'href="[./]*references\.html#(id\d+)"', text(name))) for name in CHAPTERS}
    assert set().union(*cited.values()) <= known.keys()
    for name in ("mlp/training", "neurons/gradient-descent", "mlp/network", "regression/multiclass"):
        assert "data" in {known[key] for key in cited[f"chapters/{name}.html"]}, name


def test_a_link_into_a_folded_solution_opens_it(visit):
    page = visit("results.html")
    page.locator("#result-softplus-slope a").first.click()
    page.wait_for_url("**/activations.html#*")
    derivation = page.locator("#equation-eq-softplus-slope")
    expect(derivation).to_be_visible()
    page.wait_for_timeout(500)
    top = derivation.evaluate("e => e.getBoundingClientRect().top")
    assert derivation.is_visible() and 0 <= top < 500


def test_results_can_be_filtered_by_words(visit):
    page = visit("results.html")
    all_of_them = visible(page, ".results > li")
    page.fill("input[name=words]", "softmax jacobian")
    assert 1 <= visible(page, ".results > li") < all_of_them / 10
    assert page.locator("#result-softmax-jacobian").is_visible()
    assert visible(page, "main section section") < len(CHAPTERS)            # chapters without any are hidden, too


def test_the_scripts_of_the_theme_work_in_one_file(visit):
    """Solutions are folded and open, the theme switches, a menu opens and prints, code has a button that copies it."""
    page = visit("chapters/neurons/activations.html")
    solution = page.locator(".admonition.dropdown").first
    assert not solution.locator("p:not(.admonition-title)").first.is_visible()
    solution.locator(".toggle-button").click()
    assert solution.locator("p:not(.admonition-title)").first.is_visible()
    themes = [page.locator("html").get_attribute("data-theme")]
    for _ in range(3):                                                  # one of the three modes is that of the system
        page.locator("button.theme-switch-button:visible").first.click()
        themes.append(page.locator("html").get_attribute("data-theme"))
    assert set(themes) == {"light", "dark"} and themes[0] == themes[3]
    page.locator(".dropdown-download-buttons > button:visible").first.click()
    assert page.locator(".dropdown-download-buttons a").first.is_visible()
    page.evaluate("window.print = () => { window.printed = true; }")
    page.locator(".dropdown-download-buttons [data-print]").click()
    assert page.evaluate("window.printed")
    assert page.locator("div.cell_input button.copybtn").count() == page.locator("div.cell_input pre").count() > 10
