"""The hooks for lmms-eval and VLMEvalKit in docs/ecosystem.md are run as they stand there."""

import importlib.util
import re
from pathlib import Path

import pandas as pd
import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "ecosystem.md"


@pytest.fixture
def snippets(tmp_path):
    modules = []
    for at, code in enumerate(re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)):
        path = tmp_path / f"snippet{at}.py"
        path.write_text(code, "utf-8")
        spec = importlib.util.spec_from_file_location(path.stem, path)
        modules.append(importlib.util.module_from_spec(spec))
        spec.loader.exec_module(modules[-1])
    return modules


def test_they_grade(snippets):
    lmms_eval, vlmevalkit = snippets
    doc = {"question": "How long?", "answer": "B", "choices": ["3 cm", "4 cm"]}
    assert lmms_eval.process_results(doc, ["The answer is 4 cm."]) == {"mmk12": 1.0}
    assert lmms_eval.process_results({"answer": "4"}, ["5"]) == {"mmk12": 0.0}
    table = pd.DataFrame(
        {
            "index": [1, 2, 3],
            "question": ["How long?", "How many?", "And now?"],
            "A": ["3 cm", None, None],
            "B": ["4 cm", None, None],
            "answer": ["B", 4, "7"],
            "prediction": ["4 cm", "\\boxed{4}", "I do not know."],
        }
    )
    assert vlmevalkit.evaluate(table) == {"mmk12": pytest.approx(2 / 3)}
