"""Figures computed ahead and flipped by a slider in the browser: the same with a kernel, without one, and offline."""
from __future__ import annotations

import base64
import html
from collections.abc import Callable, Iterable

import ipywidgets as widgets
from ipywidgets.widgets.widget_string import HTMLStyle
from matplotlib.figure import Figure

from lib import plot


class FlipBook(widgets.VBox):
    """A slider over a stack of frames, linked in the browser; its text is stable, so nbval notices a stale figure.

    The tree is VBox[IntSlider, Stack[HTML, HTML, ...]]: the site reads exactly this, and needs no widget library.
    """

    def __init__(self, frames: list[str], name: str, start: int, about: str):
        self._about = about
        layout, style = widgets.Layout(), HTMLStyle()          # shared by all, which keeps the stored state small
        slider = widgets.IntSlider(start, 0, len(frames) - 1, description=name, readout=False, layout=layout)
        stack = widgets.Stack([widgets.HTML(frame, layout=layout, style=style) for frame in frames],
                              selected_index=start, layout=layout)
        widgets.jslink((slider, "value"), (stack, "selected_index"))
        super().__init__([slider, stack], layout=layout)

    def __repr__(self):
        return self._about

    def _repr_mimebundle_(self, **kwargs):
        return super()._repr_mimebundle_(**kwargs) | {"text/plain": self._about}     # ipywidgets would cut it short


def flipbook(draw: Callable[..., Figure], values: Iterable, name: str, describe: Callable[..., str],
             start: int = 0) -> FlipBook:
    """One frame a value, `draw(value)`, each with the sentence `describe(value)` for those who cannot see it.

        explore.flipbook(slope_at, np.linspace(-6, 6, 13), "a",
                         lambda a: f"At a = {a:g} the slope is {dsigma(a):.3f}.")
    """
    values = list(values)
    if len(values) < 2 or not 0 <= start < len(values):
        raise ValueError(f"flipbook: got {len(values)} values, start = {start}; needs two and a start among them")
    said, words = [describe(value) for value in values], [in_words(value) for value in values]
    for word, sentence in zip(words, said, strict=True):
        if not (isinstance(sentence, str) and sentence.strip()):
            raise ValueError(f"flipbook: describe({word}) is {sentence!r}; every frame needs a sentence")
    frames = [frame(draw(value), sentence, f"{name} = {word}")
              for value, sentence, word in zip(values, said, words, strict=True)]
    about = f"FlipBook of {len(values)} frames, {name} = {words[0]} to {words[-1]}\n  {said[0]}\n  {said[-1]}"
    return FlipBook(frames, name, start, about)


def frame(fig: Figure, alt: str, caption: str) -> str:
    """A figure as one HTML element that needs no other file."""
    (width, height), data = plot.px(fig), base64.b64encode(plot.png(fig)).decode()
    return (f'<figure class="frame"><img src="data:image/png;base64,{data}" alt="{html.escape(alt)}" '
            f'width="{width}" height="{height}"><figcaption>{html.escape(caption)}</figcaption></figure>')


def in_words(value) -> str:
    """A label as it is, a number in up to six digits with a true minus sign."""
    return value if isinstance(value, str) else f"{value + 0.0:.6g}".replace("-", "−")
