"""The files that all pages share: what is left out is what applies nowhere."""
from __future__ import annotations

import re
from pathlib import Path

import bundle
import cut
import pytest
import tinycss2
from fontTools.ttLib import TTFont
from PIL import Image

WORDS = {"html", "body", "p", "a", "note", "wide", "main"}


def left(css: str) -> str:
    return "".join(cut.kept(tinycss2.parse_stylesheet(css, skip_whitespace=True), WORDS))


@pytest.mark.parametrize(("css", "expected"), [
    ("p.note{color:red}", "p.note{color:red}"),
    ("p.gone{color:red}", ""),
    ("video{color:red}", ""),
    ("#main a, #other a{color:red}", "#main a{color:red}"),
    (".note:not(.gone){color:red}", ".note:not(.gone){color:red}"),
    ("a:hover::after{content:'\\a0'}", "a:hover::after{content:\"\xa0\"}"),
    ("[data-x=y] p{color:red}", "[data-x=y] p{color:red}"),
    ("@media print{.gone{color:red}}", ""),
    ("@media print{.note{color:red}.gone{color:red}}", "@media print{.note{color:red}}"),
    ("@container (max-width: 3em){p{color:red}}", "@container (max-width: 3em){p{color:red}}"),
    ("@keyframes turn{from{top:0}to{top:1px}}", "@keyframes turn{from{top:0}to{top:1px}}"),
    ("/*! licence */ /* remark */ p{color:red}", "/*! licence */p{color:red}"),
])
def test_rules_that_apply_nowhere_are_left_out(css, expected):
    assert left(css) == expected


def test_words_of_pages_and_scripts_are_found():
    words = cut.words_in(['<p class="note wide" id="main"><a href="x">y</a></p>'], ['e.classList.add("made-by-script")'])
    assert {"note", "wide", "main", "p", "a", "made-by-script"} <= words and "href" not in words


def test_imports_stand_in_place_and_addresses_are_moved(tmp_path):
    (tmp_path / "styles").mkdir()
    (tmp_path / "base.css").write_text("p{color:red} p.note{background:url(b.svg)}")
    (tmp_path / "styles" / "theme.css").write_text(
        '@import "../base.css"; a{background:url("../i/a.svg")} @font-face{font-family:"F";src:url(f.woff2)} '
        '@font-face{font-family:"G";src:url(g.woff2)} p{font-family:F} p.note{background:url(data:image/png;base64,A)}')
    css = cut.style_sheet([tmp_path / "styles" / "theme.css"], WORDS, tmp_path)
    assert css.startswith("p{color:red}p.note{background:url(b.svg)}") and "@import" not in css
    assert "url(i/a.svg)" in css and "url(styles/f.woff2)" in css and "url(data:image/png;base64,A)" in css
    assert "g.woff2" not in css


FORMULA = '<span class="katex-html" aria-hidden="true">'


def test_formulas_end_where_they_end():
    inner = '<span class="katex-base"><span>x</span></span>'
    page = f'<p>a{FORMULA}{inner}</span><span>b</span>{FORMULA}{inner}</span></p>'
    assert list(cut.formulas(page)) == [inner, inner]


def test_a_font_of_its_own_is_for_what_is_set_in_it():
    drawn = ['<span>a<span class="mord mathbf">b<span>c</span></span><span class="mord mathbf2">d</span></span>']
    assert cut.characters_of("KaTeX_Main-Bold", drawn) == {"b", "c"}
    assert cut.characters_of("KaTeX_Main-Regular", drawn) == {"a", "b", "c", "d"}
    assert cut.characters("<p title='q'>a&lt;&nbsp;</p>") == {"a", "<", "\xa0"}


def test_fonts_keep_the_characters_in_use_only(tmp_path):
    source = next((Path(cut.__file__).parents[1] / "node_modules" / "katex").rglob("KaTeX_Main-Regular.woff2"))
    for name in ("used", "unused"):
        (tmp_path / f"{name}.woff2").write_bytes(source.read_bytes())
    cut.cut_fonts(tmp_path, "url(used.woff2)", {"used": {"a", "∑"}}.get)
    assert [path.name for path in tmp_path.iterdir()] == ["used.woff2"]
    kept = TTFont(tmp_path / "used.woff2").getBestCmap()
    assert ord("a") in kept and ord("b") not in kept
    assert (tmp_path / "used.woff2").stat().st_size < source.stat().st_size / 5


def test_pictures_are_packed_without_loss(tmp_path):
    picture = Image.effect_noise((64, 64), 40).convert("RGB")
    picture.save(tmp_path / "noise.png")
    old, new = cut.pack(tmp_path / "noise.png")
    assert (old, new) == ("noise.png", "noise.webp") and not (tmp_path / old).exists()
    assert Image.open(tmp_path / new).convert("RGB").tobytes() == picture.tobytes()


PAGE = """<title>t</title>
<link rel="stylesheet" href="{0}_static/site.css?v=1" />
<script src="{0}_static/one.js"></script>
<script src="{0}_static/two.js"></script>
<script>let hint = 'Show';</script>
<script data-cfasync="false">mode()</script>
<script src="{0}_static/{1}.js"></script>
</head><body><div class="bd-article-container"><p class="note">x</p></div><script defer src="{0}_static/late.js"></script></body>"""


@pytest.fixture
def site(tmp_path):
    (tmp_path / "_static").mkdir()
    (tmp_path / "part").mkdir()
    for name, text in {"one.js": "one()", "two.js": "use(hint)", "only.js": "load('loaded.js')", "other.js": "other()", "late.js": "late()",
                       "unused.png": "", "loaded.js": "loaded()", "picture.png": "",
                       "site.css": ".note{background:url(picture.png)} .gone{color:red} "
                                   ".bd-article-container:has(.note){width:9em}"}.items():
        (tmp_path / "_static" / name).write_text(text)
    return {tmp_path / "a.html": PAGE.format("", "only"), tmp_path / "part" / "b.html": PAGE.format("../", "other"),
            tmp_path / "404.html": PAGE.format("/book/", "other")}


def test_pages_share_one_style_sheet_and_one_script(site, tmp_path):
    shared = bundle.Bundle(tmp_path, site, "/book/")
    thin = {page.name: shared.thin(page, text) for page, text in site.items()}
    shared.clear(thin.values())
    assert shared.js.read_text() == "one()\n;let hint = 'Show';\n;use(hint)\n;late()"
    assert shared.css.read_text() == ".note{background:url(picture.png)}.bd-article-container.has-note{width:9em}"
    for name, root in (("a.html", ""), ("b.html", "../"), ("404.html", "/book/")):
        assert f'href="{root}_static/{shared.css.name}"' in thin[name]
        assert f'<script defer src="{root}_static/{shared.js.name}"></script>' in thin[name]
        assert '<div class="bd-article-container has-note">' in thin[name]
        assert "mode()" in thin[name] and "one.js" not in thin[name] and "late.js" not in thin[name] and "hint" not in thin[name]
    assert '<script defer src="_static/only.js">' in thin["a.html"] and "other.js" in thin["b.html"]
    left = {path.name for path in (tmp_path / "_static").iterdir()}
    assert left == {"only.js", "other.js", "loaded.js", "picture.png", shared.js.name, shared.css.name}
    assert re.fullmatch(r"book\.[0-9a-f]{12}\.css", shared.css.name)


def test_fonts_of_the_beginning_stand_in_the_style_sheet_and_are_asked_for(tmp_path):
    (tmp_path / "serif.woff2").write_bytes(b"1")
    face = '@font-face{{font-family:"{0}";font-style:italic;font-weight:600;src:url({1}.woff2)}}'
    css = cut.with_fonts(face.format("A Serif", "serif") + face.format("B", "other"), tmp_path, re.compile("serif"))
    assert "url(data:font/woff2;base64,MQ==)" in css and "url(other.woff2)" in css
    assert cut.faces_inside(css) == ['italic 600 1em "A Serif"']
