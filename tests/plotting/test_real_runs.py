"""Figures and pages of real trainings: the embedded model, verl's own trainer, rollouts by vLLM.

Made by `perf.learning`: three seeds, and the ablations of figures 2, 3 and 8 with one each; of the first,
rollouts of three steps. Metrics of the machine (memory, throughput) were left out, numbers rounded to six digits.
"""

from pathlib import Path

import pytest

from mmk12.plotting import plot
from mmk12.run_report import write_page
from mmk12.runlog import read_run

RUNS = Path(__file__).parent / "runs"
SEEDS = [RUNS / f"base-seed{seed}" for seed in range(3)]


@pytest.mark.parametrize("run", SEEDS, ids=lambda run: run.name)
def test_accuracy_and_length_rise_together(run):
    """Figure 6: means of the first and of the last five steps."""
    log = read_run(run)
    assert log.notes == ()
    first, last = log.table.loc[1:5].mean(), log.table.loc[21:25].mean()
    assert last["accuracy"] - first["accuracy"] > 0.15
    assert last["length"] - first["length"] > 5
    assert last["entropy"] < first["entropy"]
    assert log.table.loc[1:, "format"].min() > 0.95


@pytest.mark.parametrize("variant", ["kl", "online_filter", "filtered", "hf_server"])
def test_the_ablations_are_of_the_same_experiment(variant):
    log, base = read_run(RUNS / f"{variant}-seed0"), read_run(SEEDS[0])
    assert len(log.table.loc[1:]) == (12 if variant == "hf_server" else 15)
    assert {"accuracy", "length", "reward", "entropy"} <= set(log.table.columns) & set(base.table.columns)
    assert log.table.loc[10:, "accuracy"].mean() > log.table.loc[1:3, "accuracy"].mean() + 0.1


def test_only_the_kl_run_logs_a_divergence():
    assert read_run(RUNS / "kl-seed0").table["kl"].iloc[-1] > 0
    assert "kl" not in read_run(SEEDS[0]).table


def test_online_filtering_drops_what_has_become_easy():
    dropped = read_run(RUNS / "online_filter-seed0").table["reward/prompts/dropped"].dropna()
    assert dropped.tail(5).mean() > dropped.head(5).mean()


@pytest.mark.parametrize(
    ("figure", "runs"),
    [
        ("training_curves", SEEDS),
        ("compare_runs", [*SEEDS, RUNS / "kl-seed0", RUNS / "filtered-seed0", RUNS / "online_filter-seed0"]),
        ("instability", SEEDS[:1]),
        ("groups", SEEDS),
        ("difficulty_drift", SEEDS[:1]),
        ("length_vs_accuracy", SEEDS[:1]),
        ("aha", SEEDS[:1]),
    ],
)
def test_every_figure_is_drawn_twice_alike(figure, runs, tmp_path):
    first, second = plot(figure, runs, tmp_path / "first.svg"), plot(figure, runs, tmp_path / "second.svg")
    assert first.read_bytes() == second.read_bytes()
    assert first.stat().st_size > 5_000


def test_the_page_shows_rollouts_with_their_advantages(tmp_path):
    page = write_page(SEEDS[0], tmp_path / "report.html", None).read_text("utf-8")
    assert "25 steps, 1 launch" in page
    assert "demo/slope-" in page
