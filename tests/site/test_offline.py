"""The zip of the site, unpacked and opened from the file system: it is found, it turns, it leads on, and nothing is missing."""
from __future__ import annotations

import zipfile

import offline
import pytest
from built import SITE, pages
from conftest import AT_REST, WATCH
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The unpacked zip."""
    place = tmp_path_factory.mktemp("a folder, with a comma")
    offline.pack(SITE, place / "book.zip")
    with zipfile.ZipFile(place / "book.zip") as book:
        book.extractall(place)
    return place / offline.NAME


@pytest.fixture
def reader(readers, folder):
    """A page opened from the file system, and what went wrong on it."""
    context, wrong = readers["wide"].context.browser.new_context(), []
    context.add_init_script(WATCH)
    context.add_init_script("document.addEventListener('securitypolicyviolation', e => console.error(e.violatedDirective))")
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.on("request", lambda request: None if request.url.startswith(("file:", "data:")) else wrong.append(request.url))
    page.on("requestfailed", lambda request: wrong.append(f"{request.url}: {request.failure}"))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
    page.goto((folder / "index.html").as_uri())
    page.wait_for_selector("article h1")
    yield page, wrong
    context.close()


def test_the_book_works_from_files(reader):
    page, wrong = reader
    assert page.url.endswith("/intro.html")
    page.keyboard.press("Control+k")
    page.keyboard.type("softmax Jacobian")
    page.keyboard.press("Enter")
    hit = page.locator("#hits li a[href$='#equation-eq-softmax-jacobian']")
    expect(hit).to_be_visible(timeout=10_000)
    hit.click()
    expect(page.locator("#equation-eq-softmax-jacobian")).to_be_in_viewport()
    book = page.locator(".flipbook").first
    picture, before = book.locator("img"), book.locator("img").get_attribute("src")
    book.locator("input").focus()
    page.keyboard.press("ArrowRight")
    expect(picture).not_to_have_attribute("src", before)
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("e => e.naturalWidth > 0")
    page.locator(".prev-next-footer a").first.click()
    page.wait_for_selector("article h1")
    page.evaluate(AT_REST)
    assert "Serif" in page.locator("article p").first.evaluate("e => getComputedStyle(e).fontFamily")
    assert page.evaluate("document.fonts.check('1em \"Source Serif 4\"')")
    assert wrong == []


def test_every_page_is_in_the_zip_but_the_one_of_a_server(folder):
    assert {*pages(folder)} == {*pages()} - {"404.html"}
    assert not list(folder.rglob("card-*")) and (folder / "_sources").is_dir()


def test_what_lies_beside_a_page_is_allowed_and_nothing_else():
    page = """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'self' 'sha256-x'"><p>'self'</p>"""
    assert offline.from_files(page) == page.replace("script-src 'self'", "script-src 'self' file:")
