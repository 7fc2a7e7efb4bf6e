"""Refresh: two runs give the same bytes, changed numbers are named, a failing cell leaves the notebook as it was."""
import json

import pytest
import refresh

WIDGET = "import ipywidgets\n\nipywidgets.VBox([ipywidgets.IntSlider(3)])"


def notebook(path, *sources):
    cells = [{"cell_type": "code", "id": f"c{number}", "source": source, "execution_count": None, "metadata": {},
              "outputs": []} for number, source in enumerate(sources)]
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), "utf8")
    return path


def said(old, new):
    cell = lambda text: {"cell_type": "code", "id": "c", "outputs": [{"text": text}] if text else []}
    return refresh.summary({"cells": [cell(old)]}, {"cells": [cell(new)]})


def test_two_runs_give_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(refresh.ROOT))
    path = notebook(tmp_path / "a.ipynb", "x = 2.5\nprint('x =', x)", WIDGET)
    assert refresh.refresh(path) == (True, f"{refresh.where(path)}: \n  cell 0 [c0]: new, 1 numbers\n"
                                           "  cell 1 [c1]: new, 1 numbers")
    first = path.read_bytes()
    nb = json.loads(first)
    view = nb["cells"][1]["outputs"][0]["data"]["application/vnd.jupyter.widget-view+json"]["model_id"]
    state = nb["metadata"]["widgets"][refresh.MIME]["state"]
    children = state[view]["state"]["children"]
    assert sorted(state) == [f"{number:032x}" for number in range(1, len(state) + 1)]
    assert children and all(child.removeprefix("IPY_MODEL_") in state for child in children)
    assert [cell["execution_count"] for cell in nb["cells"]] == [1, 2]
    assert refresh.refresh(path) == (True, f"{refresh.where(path)}: unchanged")
    assert path.read_bytes() == first


def test_a_failing_cell_leaves_the_notebook_as_it_was(tmp_path, capsys):
    path = notebook(tmp_path / "a.ipynb", "x = 1", "print(x)\n1 / 0")
    before = path.read_bytes()
    assert refresh.main([str(path)]) == 1
    assert path.read_bytes() == before
    message = capsys.readouterr().out
    assert "FAILED, left as it was" in message and "Cell In[2], line 2" in message
    assert message.rstrip().endswith("ZeroDivisionError: division by zero")


@pytest.mark.parametrize("name, meant", [
    ("gradient-checking", "chapters/checking/gradient-checking.ipynb"), ("no/such.ipynb", "chapters/regression/softmax.ipynb"),
    (str(refresh.ROOT), "chapters/regression/softmax.ipynb")])
def test_a_name_that_is_no_notebook_is_refused(tmp_path, capsys, name, meant):
    path = notebook(tmp_path / "a.ipynb", "x = 1")
    before = path.read_bytes()
    assert refresh.main([str(path), name]) == 2 and path.read_bytes() == before
    out, said = capsys.readouterr()
    assert said == f"refresh: {name} is no notebook; expected a path such as {meant}, or none for all\n" and not out


def test_what_reads_the_others_is_run_after_them(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PYTHONPATH", str(refresh.ROOT))
    other = tmp_path / "z.ipynb"
    late = notebook(tmp_path / "a.ipynb", "# what ledger.executed() does\n"
                    f"import json\nprint(json.load(open({str(other)!r}))['cells'][0]['outputs'][0]['text'])")
    notebook(other, "print('stored')")
    assert refresh.reads_others(late) and not refresh.reads_others(other)
    assert refresh.main([str(late), str(other)]) == 0, capsys.readouterr().out
    assert json.loads(late.read_text("utf8"))["cells"][0]["outputs"][0]["text"] == ["['stored\\n']\n"]


def test_the_gallery_is_run_last():
    paths = sorted(refresh.ROOT.glob("chapters/*/*.ipynb"))
    assert [path.stem for path in paths if refresh.reads_others(path)] == ["slips"]


@pytest.mark.parametrize("old, new, message", [
    ("L = 0.8857", "L = 0.8858", "0.8857 → 0.8858"), ("a = 1, b = −2", "a = 1, b = 3", "−2 → 3"),
    ("1 2", "1 2 3", "2 numbers → 3"), ("one", "two", "other words"), ("1 " * 9, "2 " * 9, "and 3 more")])
def test_changed_numbers_are_named(old, new, message):
    assert len(said(old, new)) == 1 and message in said(old, new)[0]
    assert said(old, old) == []
