"""What a page says to those who share it or miss it: descriptions, addresses, pictures, the way home from anywhere."""
import re

import pytest
import sharing
from docutils import nodes, utils
from PIL import Image
from sphinx.application import Sphinx
from sphinx.errors import ConfigError
from sphinx.util.docutils import docutils_namespace

PAGE = "The slope of $x^2$\n==================\n\n.. note:: Not this.\n\nWhat is the slope? {}\n\n.. image:: dot.png\n"


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Build two pages, one of them in a folder, as if the book stood at an address; returns the folder of the site."""
    def build_at(address: str):
        monkeypatch.setenv("BOOK_URL", address)
        source, site = tmp_path / "source", tmp_path / "site"
        (source / "part").mkdir(parents=True)
        Image.new("RGB", (8, 8), "red").save(source / "part" / "dot.png")
        (source / "index.rst").write_text("A book\n======\n\nIt has a `link <https://example.org>`__.\n\n"
                                          ".. toctree::\n\n   part/page\n")
        (source / "part" / "page.rst").write_text(PAGE.format("It is :math:`\\frac{1}{2}`, <here> & there. " + "More " * 50))
        settings = {"extensions": ["sharing"], "html_title": "Book"}
        with docutils_namespace():
            Sphinx(source, None, site, tmp_path / "trees", "html", settings, status=None, warningiserror=True).build()
        return site
    return build_at


def head(site, page):
    text = (site / page).read_text("utf8")
    return dict(re.findall(r'<meta (?:name|property)="([\w:]+)" content="([^"]*)"', text)), text


def test_a_page_says_what_it_is_about_and_where_it_is(build):
    site = build("https://example.org/book")
    tags, text = head(site, "part/page.html")
    assert tags["description"] == tags["og:description"]
    assert tags["description"].startswith("What is the slope? It is 1/2, &lt;here&gt; &amp; there. More")
    assert tags["og:url"] == "https://example.org/book/part/page.html"
    assert '<link rel="canonical" href="https://example.org/book/part/page.html"' in text
    picture = site / tags["og:image"].removeprefix("https://example.org/book/")
    assert Image.open(picture).size == sharing.SIZE and tags["twitter:card"] == "summary_large_image"
    colours = {colour for _, colour in Image.open(picture).convert("RGB").getcolors()}
    assert any(red > 200 and green < 60 for red, green, _ in colours), "the first figure of the page is not on its card"
    listed = re.findall("<loc>(.*?)</loc>", (site / "sitemap.xml").read_text("utf8"))
    assert listed == ["https://example.org/book/index.html", "https://example.org/book/part/page.html"]


def test_without_an_address_none_is_made_up(build):
    site = build("")
    tags, text = head(site, "part/page.html")
    assert tags["description"] and tags["og:title"] and not {"og:url", "og:image"} & tags.keys()
    assert "canonical" not in text and not (site / "sitemap.xml").exists() and not list(site.rglob("card-*"))


@pytest.mark.parametrize(("address", "root"), [("https://example.org/a/book/", "/a/book/"), ("", "/")])
def test_the_page_for_lost_readers_works_at_any_depth(build, address, root):
    tags, text = head(build(address), "404.html")
    assert f'<a href="{root}index.html">' in text and f'<a href="{root}search.html">' in text
    addresses = re.findall(r' (?:href|src|action|data-content_root)="(?!https?:)([^"#]+)', text)
    assert len(addresses) > 5 and all(address.startswith(root) for address in addresses), addresses
    assert tags["robots"] == "noindex" and "canonical" not in text and "og:url" not in tags


def test_links_that_lead_outside_say_so(build):
    links = re.findall(r"<a [^>]*https://example.org[^>]*>", head(build(""), "index.html")[1])
    assert links and all('rel="external noopener"' in link for link in links)


@pytest.mark.parametrize("address", ["example.org/book", "https://", "https://example.org/?book", "ftp://example.org/"])
def test_an_address_that_is_none_is_refused(build, address):
    with pytest.raises(ConfigError, match="BOOK_URL: got .* expected the address"):
        build(address)


def test_a_description_ends_with_a_sentence_or_says_that_it_goes_on():
    sentence = "One of the sentences, with twelve words in it, or a few more. "
    assert sharing.shortened(sentence * 9) == (sentence * 3).strip()
    assert sharing.shortened("word " * 99) == "word " * 38 + "word…"
    assert sharing.shortened("Short.") == "Short."
    page = utils.new_document("page")
    page += nodes.section("", nodes.title("", "T"), nodes.note("", nodes.paragraph("", "A note.")), nodes.paragraph("", "Prose."))
    assert sharing.description(page) == "Prose." and sharing.description(None) == ""
