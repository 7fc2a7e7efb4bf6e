"""What others see of a page: its description, and what they find at an address that is not there."""
from __future__ import annotations

import html
import re

import pytest
from built import SITE, pages


def test_every_page_has_a_description_of_its_own_in_plain_text():
    described = {}
    for name in pages():
        if name != "404.html":
            found = re.findall(r'<meta name="description" content="([^"]*)"', (SITE / name).read_text("utf8"))
            assert len(found) == 1, (name, found)
            text = html.unescape(found[0])
            assert 50 <= len(text) <= 200 and text[-1] in ".?!…" and not re.search(r"\\[a-z]|\$|[{}]", text), (name, text)
            assert described.setdefault(text, name) == name
    assert described


def test_links_that_lead_outside_say_so():
    links = [link for name in pages() for link in re.findall(r'<a\b[^>]*href="https?:[^>]*>', (SITE / name).read_text("utf8"))]
    assert links and [link for link in links if "noopener" not in link] == []


@pytest.mark.parametrize("lost", ["nowhere.html", "chapters/neurons/nowhere.html", "a/b/c/d/"])
def test_an_address_that_is_not_there_leads_back(readers, base, lost):
    context = readers["wide"].context.browser.new_context()
    page = context.new_page()
    page.set_default_timeout(10_000)
    asked = []
    page.on("response", lambda response: asked.append((response.status, response.url)))
    page.goto(base + lost, wait_until="load")
    assert [url for status, url in asked if status != 200] == [base + lost]
    assert page.locator("article h1").inner_text().strip("#") == "There is no such page"
    assert "Serif" in page.locator("article p").first.evaluate("e => getComputedStyle(e).fontFamily")
    page.locator("article a", has_text="search").click()
    page.wait_for_selector("#search-form input:visible")
    page.go_back()
    page.locator("article a", has_text="first page").click()
    assert page.locator("article h1").inner_text().startswith("Derivations That Run")
    context.close()
