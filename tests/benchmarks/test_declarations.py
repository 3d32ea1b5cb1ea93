"""Each benchmark file: the documented row is put as frozen, the variants are found, the numbers have sources."""

import dataclasses
import json
from pathlib import Path

import pytest

from mmk12.cli.listing import list_names
from mmk12.datasets import registry
from mmk12.errors import BadInput, UnknownName
from mmk12.evaluation.official import RULES
from mmk12.inference import prompts
from mmk12.types import Sample
from mmk12.utils import content
from mmk12.utils.images import ImageStore
from tests.benchmarks.rows import NAMES, documented
from tests.conftest import load_rows, picture

SNAPSHOT = Path(__file__).parents[1] / "snapshots" / "benchmark_prompts.json"
EVERY = [ref for name in content.names("benchmark") for ref in registry.load_benchmarks(name)]


def asked(name, tmp_path):
    """The sample that the documented row becomes, whatever pictures it names."""
    declared = registry.load_benchmark(name)
    row = json.loads(json.dumps(documented(name)).replace('"bytes": ""', '"bytes": "PNG"'))
    draft = declared.draft(row)
    draft = dataclasses.replace(draft, images=[picture()] * len(draft.images))
    one = dataclasses.replace(declared, folders=(), rows=lambda files: [row], draft=lambda row: draft)
    (sample,) = load_rows(one, None, ImageStore(tmp_path))
    assert isinstance(sample, Sample), sample
    return sample


@pytest.mark.parametrize("name", NAMES)
def test_the_documented_row_is_put_as_the_snapshot_says(name, tmp_path):
    sample = asked(name, tmp_path)
    frozen = json.loads(SNAPSHOT.read_text("utf-8"))[name]
    for template, expected in frozen.items():
        chat = prompts.render_chat(template, sample.question, len(sample.images))
        assert [[message.role, message.content] for message in chat] == expected, template
    assert sorted(frozen) == sorted(prompts.TEMPLATES)


@pytest.mark.parametrize("ref", EVERY)
def test_a_declaration_is_complete(ref):
    one = registry.load_benchmark(ref)
    assert one.name == ref
    assert one.size > 0
    assert one.license
    assert one.about
    assert one.official is None or one.official in RULES
    assert all(number.grader and "arXiv" in number.source for number in one.published)
    from_the_paper = [number for number in one.published if "2503.07365" in number.source]
    assert not from_the_paper or ":" not in ref, "the paper reports the default only"
    assert one.hub is None or one.hub.split


@pytest.mark.parametrize("name", NAMES)
def test_every_declared_group_is_a_tag(name, tmp_path):
    sample = asked(name, tmp_path)
    assert set(registry.load_benchmark(name).groups) <= sample.tags.keys()
    assert all(isinstance(tag, str | tuple) for tag in sample.tags.values())


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_survives_the_run_folder(name, tmp_path):
    sample = asked(name, tmp_path)
    assert Sample.from_json(json.loads(json.dumps(dataclasses.asdict(sample)))) == sample


def test_variants_are_named_behind_a_colon():
    assert "mathvista:test" in EVERY
    assert "olympiadbench:OE_TO_physics_en_COMP" in EVERY
    assert registry.load_benchmark("mathvision:testmini").size == 304
    listed = [row["name"] for row in list_names("benchmarks")]
    assert listed == EVERY


@pytest.mark.parametrize(
    ("ref", "nearest"),
    [
        ("mathvsta", "'mathvista'"),
        ("mathvsta:test", "'mathvista'"),
        ("mathvista:tset", "'mathvista:test'"),
    ],
)
def test_an_unknown_benchmark_or_variant_suggests_the_nearest(ref, nearest):
    with pytest.raises(UnknownName, match=f"Did you mean {nearest}"):
        registry.load_benchmark(ref)


def test_a_file_of_ones_own_may_have_variants_too(tmp_path):
    file = tmp_path / "mine.py"
    text = (content.root("benchmark") / "mmk12_test.py").read_text("utf-8")
    file.write_text(text + "\nvariants = {'small': benchmark}\n", "utf-8")
    assert registry.load_benchmark(f"{file}:small").name == "mmk12_test"
    file.write_text(text + "\nvariants = {'small': 7}\n", "utf-8")
    with pytest.raises(BadInput, match="does not define"):
        registry.load_benchmark(str(file))
