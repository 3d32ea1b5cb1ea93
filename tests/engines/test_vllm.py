"""vLLM as a library on the demo model: the same prompt ids and texts as transformers, and what a request may meet."""

import dataclasses

import pytest

from mmk12.demo import model_path
from mmk12.errors import ModelError, UnknownName
from mmk12.inference import open_backend
from mmk12.inference.deployment import Deployment, Model
from mmk12.inference.generate import make_request
from mmk12.inference.prompts import render_chat
from mmk12.types import Completion, GenerationFailure, Request, Sampling
from tests.engines.conftest import COUNT, asked, flips


def by_id(answers):
    return {answer.id: answer for answer in answers}


def test_prompt_ids_and_greedy_texts_are_those_of_transformers(vllm, hf, store, tell):
    wanted = asked(vllm, store)
    assert [one.prompt for one in wanted] == [one.prompt for one in asked(hf, store)]
    for one in wanted:
        pictures = [store.open(image) for image in one.images]
        theirs = hf._processor(text=[one.prompt], images=[pictures], add_special_tokens=False)["input_ids"][0]
        prompt = {"prompt": one.prompt, "multi_modal_data": {"image": pictures}}
        (ours,) = vllm._engine.renderer.render_cmpl([prompt], vllm._tokenizing, skip_mm_cache=True)
        assert list(ours["prompt_token_ids"]) == list(theirs)
    made, reference = by_id(vllm.generate(wanted)), by_id(hf.generate(asked(hf, store)))
    assert len(made) == len(reference) == COUNT
    report = flips("vllm and hf", hf._tokenizer, reference, made)
    for line in report:
        tell(line)
    assert len(report) - 1 <= COUNT // 12, report
    for id_, one in made.items():
        other = reference[id_]
        assert one.prompt_tokens == other.prompt_tokens
        if one.text == other.text:
            assert (one.completion_tokens, one.finish_reason) == (other.completion_tokens, other.finish_reason)


def test_sampled_rollouts_are_distinct_and_never_hold_placeholders(vllm, store):
    sampled = Sampling(temperature=1.0, max_tokens=48)
    answers = list(vllm.generate(asked(vllm, store, sampled, count=8, n=4)))
    assert len(answers) == 32
    texts = {(answer.id, answer.text) for answer in answers}
    assert len(texts) > 16, "four rollouts of a problem are four draws"
    banned = set(vllm._tokenizer.convert_ids_to_tokens(list(vllm._banned)))
    assert {"<IMG_CONTEXT>", "<img>", "</img>"} <= banned
    assert not any(token in answer.text for answer in answers for token in banned)


def test_a_prompt_that_is_too_long_fails_alone(vllm, store):
    sampling = Sampling(max_tokens=8)
    context = vllm._engine.model_config.max_model_len
    fine = asked(vllm, store, sampling, count=3)
    prompt = vllm.render(render_chat("plain", "<image>" + "word " * context, 1))
    long = make_request(vllm, "long", prompt, fine[1].images, sampling, 0)
    answers = by_id(vllm.generate([fine[0], long, *fine[1:]]))
    assert isinstance(answers["long"], GenerationFailure)
    assert str(context) in answers["long"].reason
    assert "\n" not in answers["long"].reason
    assert sum(isinstance(answer, Completion) for answer in answers.values()) == 3


def test_the_context_ends_a_response(vllm, store):
    context = vllm._engine.model_config.max_model_len
    room = 6
    prompt = vllm.render(render_chat("plain", "a", 0))
    spare = context - room - len(vllm._tokenizer(prompt)["input_ids"])
    filler = vllm.render(render_chat("plain", "a" + " 1" * (spare // len(vllm._tokenizer(" 1")["input_ids"])), 0))
    (answer,) = vllm.generate([make_request(vllm, "full", filler, (), Sampling(temperature=1.0, max_tokens=4096), 0)])
    assert isinstance(answer, Completion)
    assert answer.prompt_tokens + answer.completion_tokens <= context


def test_the_checkpoints_sampling_habits_are_off_and_a_rollout_has_its_own_seed(vllm):
    settings = vllm._engine.model_config
    assert settings.generation_config == "vllm"
    assert settings.get_diff_sampling_param() == {}
    drawn = [Request(key * 8, "a", "", (), Sampling(temperature=1.0)) for key in ("00000001", "00000002")]
    assert [vllm._parameters(request).seed for request in drawn] == [1, 2]
    assert vllm._parameters(dataclasses.replace(drawn[0], sampling=Sampling())).seed is None


def test_top_k_and_top_p_are_applied(vllm, store):
    """One token to choose from is greedy, at any temperature."""
    wanted = asked(vllm, store, count=3)
    greedy = {made.id: made.text for made in vllm.generate(wanted)}
    for narrow in ({"top_k": 1}, {"top_p": 1e-6}):
        sampling = dataclasses.replace(wanted[0].sampling, temperature=1.0, **narrow)
        drawn = [make_request(vllm, one.id, one.prompt, one.images, sampling, 0) for one in wanted]
        assert {made.id: made.text for made in vllm.generate(drawn)} == greedy
    stern = vllm._parameters(dataclasses.replace(wanted[0], sampling=Sampling(repetition_penalty=1.05)))
    assert (stern.repetition_penalty, stern.top_p, stern.top_k) == (1.05, 1.0, 0)


def test_images_are_counted_before_anything_is_sent(vllm, store):
    (one,) = asked(vllm, store, count=1)
    doubled = make_request(vllm, "two", one.prompt, one.images * 2, one.sampling, 0)
    (answer,) = vllm.generate([doubled])
    assert isinstance(answer, GenerationFailure)
    assert "1 image marks for 2 images" in answer.reason


@pytest.mark.parametrize(
    ("options", "error", "word"),
    [
        ({"max_model_len": 10**8}, ModelError, "vLLM does not start"),
        ({"dtype": "float31"}, ModelError, "dtype: "),
        ({"max_modle_len": 512}, UnknownName, "Did you mean 'max_model_len'"),
    ],
)
def test_an_engine_that_does_not_start_is_one_clear_line(store, options, error, word):
    with pytest.raises(error, match=word) as caught:
        open_backend(Model("vllm", str(model_path("demo"))), store, Deployment(options=options))
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_no_model_is_one_clear_line(store, tmp_path):
    with pytest.raises(ModelError) as caught:
        open_backend(Model("vllm", str(tmp_path)), store)
    assert "\n" not in str(caught.value)
