"""Every figure can be drawn, raises if data is missing, and is the same image each time."""

import dataclasses
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from mmk12.datasets import registry
from mmk12.errors import BadInput, MissingData
from mmk12.inference.prompts import find_template
from mmk12.plotting import apply_style, list_notes, plot, to_svg
from mmk12.runlog import read_responses, read_run
from mmk12.utils import content
from tests.conftest import response
from tests.runs import graded
from tests.training_runs import make_training_run

SNAPSHOTS = Path(__file__).parents[1] / "snapshots" / "figures"
TOLERANCE = 0.004
"""Of a mean difference in grey; other versions of matplotlib and its fonts stay below it."""
TRAINING = (
    "training_curves",
    "compare_runs",
    "instability",
    "groups",
    "difficulty_drift",
    "length_vs_accuracy",
    "aha",
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    seeds = [make_training_run(folder / f"demo-seed{seed}", seed=seed, steps=10, prompts=4) for seed in range(2)]
    return [*seeds, make_training_run(folder / "zero", seed=7, steps=10, prompts=4, fall=7)]


@pytest.fixture(scope="module")
def evaluations(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluations")
    texts = {
        "eval-step-10": ["$4$", "$5$", "$5$", "$4$"],
        "eval-base": ["$5$"] * 4,
        "eval-step-20": ["$4$", "$4$", "$5$", "$4$"],
    }
    return [graded(folder / name, [response(text) for text in answers]) for name, answers in texts.items()]


def axes(name, folders, **options):
    with apply_style():
        return content.load_figure(name).figure(folders, **options).axes


@pytest.mark.parametrize("name", TRAINING)
def test_the_same_run_gives_the_same_bytes(runs, tmp_path, name):
    pictures = [plot(name, runs[1:], tmp_path / f"{number}.svg").read_bytes() for number in range(2)]
    assert pictures[0] == pictures[1]
    assert b"<dc:date>" not in pictures[0]


@pytest.mark.parametrize("suffix", ["png", "pdf"])
def test_other_formats_are_the_same_bytes_too(runs, tmp_path, suffix):
    pictures = [plot("groups", runs, tmp_path / f"{number}.{suffix}").read_bytes() for number in range(2)]
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize("name", TRAINING)
def test_a_run_without_the_data_is_an_error(tmp_path, name):
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "data": {"nothing": 1}}\n')
    with pytest.raises(MissingData):
        axes(name, [tmp_path])


def test_seeds_are_one_line_with_a_band_and_experiments_differ_in_colour_and_dash(runs):
    panel = axes("training_curves", runs)[0]
    bold = [line for line in panel.lines if line.get_linewidth() > 1]
    assert [line.get_label() for line in bold] == ["demo (2 seeds)", "zero"]
    assert len({line.get_color() for line in bold}) == len({line.get_linestyle() for line in bold}) == 2
    assert len(panel.collections) == 1, "one band, of the experiment with seeds"
    assert panel.get_ylabel() == "accuracy reward"
    assert panel.lines[0].get_xdata().tolist() == list(range(1, 11))


def test_few_points_are_dots_and_the_figure_says_what_its_lines_are(runs, tmp_path):
    short = make_training_run(tmp_path / "short", steps=3, prompts=2)
    with apply_style():
        mixed = content.load_figure("training_curves").figure([*runs, short])
        alone = content.load_figure("training_curves").figure([short])
    (line,) = alone.axes[0].lines
    assert line.get_marker() == "o"
    assert line.get_ydata().tolist() == read_run(short).table["accuracy"].tolist(), "the values are those logged"
    assert alone.get_supxlabel() == "dots: as logged, fewer than 10 points are not smoothed"
    said = mixed.get_supxlabel().replace("\n", " ")
    for words in (
        "faint: as logged",
        "bold: exponentially weighted mean, span 3 points",
        "band: 95 % interval",
        "dots",
    ):
        assert words in said


@pytest.mark.parametrize("name", ["difficulty_drift", "length_vs_accuracy", "groups", "aha"])
def test_every_smoothed_figure_leaves_few_points_alone(tmp_path, name):
    short = make_training_run(tmp_path / "short", steps=3, prompts=4)
    rows = read_responses(short / "rollouts").table
    panel = axes(name, [short])[0]
    if name == "length_vs_accuracy":
        right = rows[rows["acc"] == 1].groupby("step")["length"].mean()
        assert panel.lines[0].get_ydata().tolist() == pytest.approx(right.tolist())
    elif name == "difficulty_drift":
        assert len(panel.lines[-1].get_xdata()) == 3, "each dumped step is marked"


def test_shares_stay_between_0_and_1(runs):
    for panel in axes("compare_runs", runs, metrics=["accuracy", "truncated", "clip_fraction"]):
        low, high = panel.get_ylim()
        assert low > -0.02 and high < 1.02
        for band in panel.collections:
            values = band.get_paths()[0].vertices[:, 1]
            assert values.min() >= 0 and values.max() <= 1


def test_a_reward_that_is_no_share_is_not_cut_off(tmp_path):
    run = make_training_run(tmp_path / "run", steps=3, prompts=2, dumps=False)
    log = run / "attempts" / "001" / "metrics.jsonl"
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    for row in rows:
        row["data"]["reward/acc/mean"] = -2.0 + row["step"]
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert axes("training_curves", [run])[0].get_ylim()[0] < -1


def test_nothing_found_is_said_and_not_drawn(tmp_path):
    run = make_training_run(tmp_path / "run", steps=2, prompts=2)
    for path in (run / "rollouts").glob("*.jsonl"):
        rows = [{**json.loads(line), "output": "<answer>4</answer>"} for line in path.read_text().splitlines()]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    panels = axes("aha", [run])
    assert [panel.axison for panel in panels] == [False, False]
    assert "none in" in panels[0].texts[0].get_text()


def test_panels_share_their_axes_and_wrap(runs):
    panels = axes("groups", runs)
    assert len({panel.get_xlim() for panel in panels}) == len({panel.get_ylim() for panel in panels}) == 1


def test_sub_scores_stand_under_a_heading_with_their_numbers_of_items(evaluations):
    labels = [label.get_text() for label in axes("benchmarks", evaluations)[0].get_yticklabels()]
    assert labels == ["toy (n = 4)", "by topic", "a|b (n = 4)"]


@pytest.mark.parametrize(("preset", "width"), [("column", 3.3), ("page", 6.9)])
def test_a_figure_for_print_has_the_width_of_print(runs, tmp_path, preset, width):
    plot("training_curves", runs, tmp_path / "x.png", preset=preset)
    with Pillow.open(tmp_path / "x.png") as drawn:
        assert drawn.width == pytest.approx(300 * width, abs=2)
        grey_values = np.round(np.asarray(drawn.convert("L")) / 255, 1)
    assert len(np.unique(grey_values)) > 3


@pytest.mark.parametrize(
    ("figure", "out", "preset", "message"),
    [
        ("training_curves", "x.jpg", "screen", "png, .svg or .pdf"),
        ("training_curves", "x.tex", "screen", "not a table"),
        ("training_curves", "x.png", "poster", "screen, column, page"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_any_run_is_read(tmp_path, figure, out, preset, message):
    with pytest.raises(BadInput, match=message):
        plot(figure, [tmp_path / "nowhere"], tmp_path / out, preset=preset)


def test_metrics_can_be_chosen_where_a_figure_lets_them(runs, tmp_path):
    panels = axes("compare_runs", runs, metrics=["gradient_norm", "reward/timeout/mean", "timeout"])
    assert [panel.get_ylabel() for panel in panels if panel.get_visible()] == ["gradient norm", "timeout"]
    with pytest.raises(BadInput, match="cannot be chosen"):
        plot("groups", runs, tmp_path / "x.png", ["kl"])
    with pytest.raises(MissingData, match="kl"):
        plot("compare_runs", runs, tmp_path / "x.png", ["kl"])


def test_a_fall_is_measured(runs):
    assert "lost 0." in axes("instability", runs[2:])[0].get_title(loc="right")


def test_shares_of_prompts_fill_the_panel(runs):
    for name in ("groups", "difficulty_drift"):
        for panel in axes(name, runs[:1]):
            tops = panel.collections[-1].get_paths()[0].vertices[:, 1]
            assert max(tops) == pytest.approx(1.0)


def test_checkpoints_stand_at_their_steps(evaluations, runs):
    panel = axes("eval_over_checkpoints", [*evaluations, runs[0]])[0]
    toy, held_out = panel.lines[0], panel.lines[-1]
    assert toy.get_xdata().tolist() == [0, 10, 20]
    assert toy.get_ydata().tolist() == [0.0, 50.0, 75.0]
    assert held_out.get_label() == "held-out rows, demo"
    assert held_out.get_xdata().tolist() == [8]


def test_the_results_table_in_every_format(evaluations, tmp_path):
    texts = {
        suffix: plot("results_table", evaluations, tmp_path / f"t.{suffix}").read_text()
        for suffix in ("md", "csv", "tex")
    }
    assert "| MM-Eureka-8B | 27.0 | – | GPT-4o yes/no | a paper |" in texts["md"]
    assert "MM-Eureka-8B,27.0,–,GPT-4o yes/no,a paper" in texts["csv"]
    assert "50.0 $\\pm$" in texts["tex"]
    assert texts["tex"].count("\\\\\n") == 5
    with Pillow.open(plot("results_table", evaluations, tmp_path / "t.png")) as picture:
        assert picture.width > 300
    with pytest.raises(BadInput, match="is an image"):
        plot("groups", evaluations, tmp_path / "t.tex")


def test_a_table_for_a_page_tells_who_graded_in_notes(tmp_path):
    """The five benchmarks of the paper, with the numbers that their files print."""
    names = ("mathvista", "mathverse", "mathvision", "olympiadbench", "k12")
    settings = {name: [dataclasses.asdict(one) for one in registry.load_benchmark(name).published] for name in names}
    run = graded(
        tmp_path / "eval-cost$5$",
        [response("$4$"), response("$5$")],
        prompt=dataclasses.asdict(find_template("instruct")),
        sampling={"temperature": 0.0, "max_tokens": 4096},
    )
    for path in (run / "results.json", run / "run.json"):
        found = json.loads(path.read_text())
        toy = found["benchmarks"]["toy"]
        printed = {name: {"published": settings[name]} if path.name == "run.json" else {} for name in names}
        path.write_text(json.dumps({**found, "benchmarks": {name: {**toy, **printed[name]} for name in names}}))
    text = plot("results_table", [run], tmp_path / "t.md").read_text()
    eureka = next(line for line in text.splitlines() if line.startswith("| MM-Eureka-8B |"))
    assert "| 67.1 | 40.4 | 22.2 | 8.6 | 27.0 | 33.1 | paper | GPT-4o" in eureka, "the average is computed, not copied"
    latex = plot("results_table", [run], tmp_path / "t.tex").read_text()
    assert "MM-Eureka-8B & 67.1 & 40.4 & 22.2 & 8.6 & 27.0 & 33.1 & paper & b \\\\" in latex
    assert latex.count("footnotesize") == 2
    assert "b  graded by: GPT-4o extraction" in latex
    drawn = axes("results_table", [run])[0]
    assert drawn.figure.get_figwidth() < 10, "as wide as a page"
    assert "eval-cost$5$" in [cell.get_text() for cell in drawn.texts if not cell.get_parse_math()]


def test_published_numbers_of_another_protocol_are_left_out_and_told(tmp_path):
    published = [dataclasses.asdict(one) for one in registry.load_benchmark("k12").published]
    run = graded(tmp_path / "eval-short", [response("$4$")], benchmark={"published": published})
    (why,) = list_notes("results_table", [run])
    assert "published numbers of toy are left out" in why
    assert "max_tokens 64, there 4,096" in why
    assert "MM-Eureka-8B |" not in plot("results_table", [run], tmp_path / "t.md").read_text()
    assert any("left out" in cell.get_text() for cell in axes("results_table", [run])[0].texts), "also in the picture"


def test_an_element_of_a_page_has_no_outside(runs):
    element = to_svg("groups", runs)
    assert element.startswith("<svg")
    assert element.rstrip().endswith("</svg>")
    assert "<metadata>" not in element
    assert 'href="http' not in element


def grey(name, folders):
    """A figure as grey values in [0, 1], small enough to be kept in the repository."""
    buffer = io.BytesIO()
    with apply_style():
        content.load_figure(name).figure(folders).savefig(buffer, format="png", dpi=40)
    with Pillow.open(buffer) as drawn:
        return np.asarray(drawn.convert("L"), dtype=float) / 255


@pytest.mark.parametrize("name", TRAINING)
def test_figures_look_as_they_did(runs, name):
    """To accept a changed figure, delete its picture, run this test, and look at the new one before you keep it."""
    path = SNAPSHOTS / f"{name}.png"
    image = grey(name, runs)
    if not path.is_file():
        Pillow.fromarray(np.round(255 * image).astype("uint8")).save(path, optimize=True)
        pytest.fail(f"{path} was missing and has been drawn: look at it")
    with Pillow.open(path) as kept:
        expected = np.asarray(kept, dtype=float) / 255
    assert image.shape == expected.shape
    assert np.abs(image - expected).mean() < TOLERANCE


def test_a_changed_figure_is_noticed(runs):
    swapped = grey("training_curves", [runs[2], *runs[:2]])
    assert np.abs(swapped - grey("training_curves", runs)).mean() > TOLERANCE


@pytest.mark.parametrize("name", ["training_curves", "groups"])
def test_curves_and_areas_are_apart_in_grey(runs, name):
    values = np.round(grey(name, runs), 1)
    shares = {float(value): float((values == value).mean()) for value in np.unique(values)}
    assert len([value for value, share in shares.items() if share > 0.004]) >= 3, shares
