"""What `mmk12 convert` makes, in a real engine: vLLM's own `InternVLChatModel` says what transformers says."""

import io
import json

import pytest
import sentencepiece
from PIL import Image
from transformers import AutoTokenizer

from mmk12.conversion import tokenizer
from mmk12.conversion.convert import convert
from mmk12.demo import generate_problems, model_path
from mmk12.inference.generate import make_request
from mmk12.inference.hf import HfBackend  # first: it makes torchvision importable
from mmk12.inference.prompts import render_chat
from mmk12.inference.vllm import VllmBackend
from mmk12.types import Completion, Sampling
from tests.conversion import upstream
from tests.engines.conftest import asked, flips


def answers(backend, requests):
    made = {one.id: one for one in backend.generate(requests)}
    assert all(isinstance(one, Completion) for one in made.values()), made
    return made


def test_the_demo_model_in_the_remote_layout_answers_as_before(hf, store, tell, tmp_path):
    convert(str(model_path("demo")), tmp_path / "remote")
    remote = VllmBackend(str(tmp_path / "remote"), store)
    expected, found = answers(hf, asked(hf, store)), answers(remote, asked(remote, store))
    lines = flips("the remote layout in vLLM against the native one in transformers", hf._tokenizer, expected, found)
    for line in lines:
        tell(line)
    assert len(lines) == 1, "a greedy text differs"


@pytest.mark.parametrize("tower", ["internlm2", "qwen2"])
def test_either_text_tower_there_and_back(tower, store, tmp_path):
    """Random weights, and pictures of exactly one tile: both engines see the same pixels."""
    made = upstream.build(
        tmp_path / "made", upstream.config(tower, llm={"hidden_size": 256, "max_position_embeddings": 512})
    )
    convert(str(made), tmp_path / "native")
    convert(str(tmp_path / "native"), tmp_path / "remote")
    pictures = [Image.effect_mandelbrot((upstream.SIDE,) * 2, (-2, -1.5, 1, 1.5), 10 + n) for n in range(8)]
    added = [store.add(encoded(picture)) for picture in pictures]
    texts = []
    for backend in (HfBackend(str(tmp_path / "native"), store), VllmBackend(str(tmp_path / "remote"), store)):
        prompt = backend.render(render_chat("plain", "<image>What is 2 + 3?", 1))
        asked = [
            make_request(backend, str(n), prompt, (image,), Sampling(max_tokens=12), 0) for n, image in enumerate(added)
        ]
        texts.append({id_: (one.text, one.prompt_tokens) for id_, one in answers(backend, asked).items()})
    assert texts[0] == texts[1]
    assert len(set(texts[0].values())) > 1, "the picture matters"


def encoded(picture):
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


def test_sentencepiece_becomes_the_same_words(tmp_path):
    """InternLM2's tokenizer.model: every text gets the ids that SentencePiece gives it, renamed pieces keep theirs."""
    unused = [f"[UNUSED_TOKEN_{n}]" for n in range(2)]
    lines = [problem.question for problem in generate_problems("train", 300)] + [
        "几何 图形 的 面积 。",
        "  two  spaces\tand tabs",
    ] * 9
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_prefix=str(tmp_path / "tokenizer"), vocab_size=600, model_type="bpe",
        byte_fallback=True, character_coverage=0.99, split_digits=True, add_dummy_prefix=False,
        remove_extra_whitespaces=False, normalization_rule_name="identity", user_defined_symbols=unused,
    )  # fmt: skip
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "tokenizer.model"))
    renamed = dict(zip(map(pieces.piece_to_id, unused), ("<|im_end|>", "<|im_start|>"), strict=True))
    added = {0: "<unk>", 1: "<s>", 2: "</s>", **renamed, 600: "<img>", 601: "</img>", 602: "<IMG_CONTEXT>"}
    told = {
        "added_tokens_decoder": {str(place): {"content": word, "special": True} for place, word in added.items()},
        "bos_token": "<s>",
        "eos_token": "</s>",
        "pad_token": "</s>",
        "unk_token": "<unk>",
        "tokenizer_class": "InternLM2Tokenizer",
        "auto_map": {"AutoTokenizer": ["tokenization_internlm2.InternLM2Tokenizer", None]},
    }
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(told))
    made = tokenizer.load_native_tokenizer(tmp_path, "internlm2")
    made.save_pretrained(tmp_path / "native")
    made = AutoTokenizer.from_pretrained(tmp_path / "native")
    texts = [*lines[::7], "", " lead", "trail ", "a\n\nb", "面积是 3√2 😀", "x" * 300, "12345.678", "é\u0301\u200b"]
    for text in texts:
        found = made(text, add_special_tokens=False)["input_ids"]
        assert found == pieces.encode(text), text
        assert made.decode(found) == pieces.decode(found)
    assert made("a<|im_end|><IMG_CONTEXT>")["input_ids"][1:] == [next(iter(renamed)), 602]
    assert (made.context_image_token_id, made.eos_token) == (602, "<|im_end|>")
    template = tokenizer.to_native_template(made)
    turn = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "b"}]}]
    text = made.apply_chat_template(turn, chat_template=template, tokenize=False)
    assert text == "<s><|im_start|>user\n<IMG_CONTEXT>\nb<|im_end|>\n"
    assert made(text)["input_ids"].count(1) == 1, "one beginning, whoever tokenizes"
