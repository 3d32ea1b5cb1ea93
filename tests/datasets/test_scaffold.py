"""What `mmk12 new benchmark` writes is a benchmark, and its test passes."""

import importlib.util
import json

import pytest

from mmk12.datasets.loader import load_samples, locate_dataset
from mmk12.datasets.registry import load_benchmark
from mmk12.datasets.scaffold import write_benchmark
from mmk12.errors import BadInput, OutputError
from mmk12.types import Sample
from mmk12.utils.images import ImageStore
from tests.conftest import picture


def test_the_written_test_passes(tmp_path):
    _, file = write_benchmark("my_school", tmp_path)
    spec = importlib.util.spec_from_file_location("test_my_school", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.test_the_row_is_put_as_upstream_puts_it()
    module.test_right_answers_are_paid_and_wrong_ones_are_not()
    module.test_the_rows_are_read(tmp_path)


def test_the_written_benchmark_loads_its_rows(tmp_path):
    file, test = write_benchmark("my_school", tmp_path)
    raw = tmp_path / "raw" / "my_school"
    (raw / "images").mkdir(parents=True)
    (raw / "images" / "1.png").write_bytes(picture())
    row = {"id": "1", "question": "How long?", "answer": "12 cm", "topic": "geometry", "image": "images/1.png"}
    (raw / "my_school.jsonl").write_text(json.dumps(row))
    benchmark = load_benchmark(str(file))
    (sample,) = load_samples(benchmark, locate_dataset(benchmark, tmp_path / "raw"), ImageStore(tmp_path / "images"))
    assert isinstance(sample, Sample)
    assert max(map(len, (file.read_text() + test.read_text()).splitlines())) <= 120


@pytest.mark.parametrize("name", ["My", "a-b", "../a", "", "1a", "k12"])
def test_a_name_that_cannot_be_is_refused(tmp_path, name):
    with pytest.raises(BadInput):
        write_benchmark(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path):
    write_benchmark("mine", tmp_path)
    with pytest.raises(OutputError, match="exists"):
        write_benchmark("mine", tmp_path)
