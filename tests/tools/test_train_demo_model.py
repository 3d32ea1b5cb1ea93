"""The training script's parts: tensors equal to the processor's, lessons as described, weights that move."""

import io
import random

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from PIL import Image

from mmk12.demo import generate_problems
from mmk12.demo.arithmetic import drill, fraction
from mmk12.inference.prompts import TEMPLATES
from tools.train_demo_model.architecture import (
    IMAGE_TOKEN,
    IMAGE_TOKENS,
    NEVER_GENERATED,
    build_model,
    build_processor,
)
from tools.train_demo_model.exam import examine
from tools.train_demo_model.lessons import Course, response, teach_answering, teach_arithmetic
from tools.train_demo_model.prompting import pixel_values, prompt_text, raw_pixels, token_ids
from tools.train_demo_model.reading import teach_reading
from tools.train_demo_model.train import vocabulary_corpus

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def lessons():
    return list(generate_problems("train", 48, seed=1))


@pytest.fixture(scope="module")
def processor(lessons):
    return build_processor(vocabulary_corpus(lessons))


@pytest.fixture
def model(processor):
    torch.manual_seed(0)
    return build_model(processor.tokenizer)


def weights(model):
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def moved(model, before):
    return {name.split(".")[1] for name, now in model.named_parameters() if not torch.equal(now, before[name])}


@pytest.mark.parametrize("prompt", TEMPLATES)
def test_training_sees_exactly_what_the_processor_makes(processor, lessons, prompt):
    problem = lessons[0]
    text = prompt_text(processor, prompt, problem.question)
    assert text.count(IMAGE_TOKEN) == 1
    assert text.endswith("<|im_start|>assistant\n")
    with Image.open(io.BytesIO(problem.png)) as figure:
        batch = processor(images=[figure], text=[text], return_tensors="pt")
    assert batch["input_ids"][0].tolist() == token_ids(processor, text)
    assert torch.equal(batch["pixel_values"], pixel_values([raw_pixels(problem.png)]))
    assert batch["input_ids"][0].tolist().count(processor.image_token_id) == IMAGE_TOKENS


def test_tokens_give_back_the_text(processor, lessons):
    for problem in lessons:
        text = response(problem.solution, problem.answer)
        assert processor.tokenizer.decode(processor.tokenizer(text)["input_ids"]) == text


def test_digits_are_single_tokens(processor):
    tokens = processor.tokenizer.tokenize("12+345=357")
    assert [token for token in tokens if any(map(str.isdigit, token))] == list("12345357")


def test_reading_moves_only_the_eyes(model, lessons):
    before = weights(model)
    teach_reading(model, lessons, 2, 8, random.Random(0))
    assert moved(model, before) == {"vision_tower", "multi_modal_projector"}


def test_arithmetic_moves_only_the_language_tower(model, processor):
    before = weights(model)
    teach_arithmetic(model, processor, 2, 4, random.Random(0))
    assert moved(model, before) == {"language_model", "weight"}


@pytest.mark.slow
def test_answering_lowers_the_loss_and_is_repeatable(processor, lessons, caplog):
    runs = []
    for _ in range(2):
        torch.manual_seed(0)
        model = build_model(processor.tokenizer)
        teach_answering(model, processor, lessons[:8], Course(6, prompts=("plain",), drills=2), 8, random.Random(0))
        runs.append(weights(model))
    assert all(torch.equal(runs[0][name], runs[1][name]) for name in runs[0])


def test_a_blank_model_scores_nothing_and_is_still_marked(model, processor, lessons):
    marks = examine(model, processor, lessons[:4], prompt="plain")
    assert (marks.accuracy, marks.format, marks.passed) == (0, 0, 0)
    assert marks.tokens > 0


def test_placeholders_are_banned_by_the_generation_config(model, processor):
    banned = set(processor.tokenizer.convert_tokens_to_ids(list(NEVER_GENERATED)))
    assert set(model.generation_config.suppress_tokens) == banned


@pytest.mark.parametrize(
    ("top", "bottom", "printed"),
    [(6, 8, "\\frac{3}{4}"), (-3, 6, "-\\frac{1}{2}"), (8, 4, "2"), (-4, 4, "-1"), (5, 7, "\\frac{5}{7}")],
)
def test_fractions_are_reduced(top, bottom, printed):
    assert fraction(top, bottom) == printed


def test_drills_are_right():
    rng = random.Random(0)
    for sum_ in drill(rng, 600).removesuffix(".").split(". "):
        left, *steps = sum_.split("=")
        values = [_value(step) for step in (left, *steps)]
        assert len(set(values)) == 1, sum_


def _value(text):
    """The value of a drill's side, by Python's own arithmetic on a closed set of operators."""
    import ast
    import operator
    import re
    from fractions import Fraction

    python = re.sub(r"\\frac\{(-?\d+)\}\{(\d+)\}", r"(\1/\2)", text)
    python = python.replace("\\times", "*").replace("\\div", "/").replace("^", "**")
    operators = {
        ast.Add: operator.add,
        ast.Sub: operator.sub,
        ast.Mult: operator.mul,
        ast.Div: operator.truediv,
        ast.Pow: operator.pow,
    }

    def walk(node):
        match node:
            case ast.Expression(body=body):
                return walk(body)
            case ast.Constant(value=int(value)):
                return Fraction(value)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -walk(operand)
            case ast.BinOp(left=left, op=op, right=right):
                return operators[type(op)](walk(left), walk(right))
        raise AssertionError(text)

    return walk(ast.parse(python, mode="eval"))
