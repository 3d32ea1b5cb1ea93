"""Pictures in a prompt: all their tokens for the actor, one mark each for vLLM."""

import pytest

from mmk12.verl_plugin.internvl import collapse_image_tokens

S, C, E = 7, 8, 9  # <img>, <IMG_CONTEXT>, </img>


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([], []),
        ([1, 2, 3], [1, 2, 3]),
        ([1, S, C, C, C, C, E, 2], [1, C, 2]),
        ([S, C, E], [C]),
        ([S, C, C, E, S, C, C, C, E], [C, C]),
        ([1, S, C, C, E, 2, S, C, E, 3], [1, C, 2, C, 3]),
        # What a model wrote is no picture: left as it is.
        ([1, S, 2, E], [1, S, 2, E]),
        ([C, C, 1], [C, C, 1]),
        ([1, S], [1, S]),
        # A prompt that was cut inside a picture.
        ([1, S, C, C], [1, C]),
        ([1, S, C, C, 2], [1, C, 2]),
    ],
)
def test_each_picture_becomes_one_mark(ids, expected):
    assert collapse_image_tokens(ids, start=S, context=C, end=E) == expected
    assert collapse_image_tokens(tuple(ids), start=S, context=C, end=E) == expected


def test_long_prompts_take_linear_time():
    ids = ([S] + [C] * 3328 + [E]) * 64
    assert collapse_image_tokens(ids, start=S, context=C, end=E) == [C] * 64
