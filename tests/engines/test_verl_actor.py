"""verl's own actor on the demo model: it sees what transformers sees, on every rank, and learns what RLOO says."""

import asyncio
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.engines.verl_actor import (
    MODEL,
    ActorConfig,
    actor_logprobs,
    batch,
    core_algos,
    hf_processor,
    pictures,
    rows,
    started,
    transformers_logprobs,
)

TILINGS = [{"crop_to_patches": False}, {"crop_to_patches": True, "max_patches": 4}]
PORT = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29417"}


@pytest.fixture(scope="module")
def processor():
    return hf_processor(MODEL)


@pytest.fixture(scope="module")
def worker():
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"RANK": "0", "WORLD_SIZE": "1", **PORT}.items():
            patch.setenv(name, value)
        yield started()
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize("tiling", TILINGS)
def test_the_actor_computes_what_transformers_computes(worker, processor, tiling, tell):
    """Figures of several sizes, one tile and several, short and long prompts in one padded batch."""
    made = rows(processor, pictures([(112, 112), (300, 100), (100, 260), (56, 56), (224, 224), (400, 120)]), tiling)
    tiles = [len(values) for _, values in made]
    assert (max(tiles) > 1) == tiling["crop_to_patches"]
    pairs = zip(actor_logprobs(worker, made), transformers_logprobs(made), strict=True)
    largest = max((ours - theirs).abs().max().item() for ours, theirs in pairs)
    tell(f"verl's actor and transformers, tiles {tiles}: log-probabilities differ by at most {largest:.1e}")
    assert largest < 1e-4


@pytest.mark.parametrize("tiling", TILINGS)
def test_packed_images_have_the_log_probabilities_of_their_pixels(worker, processor, tiling):
    """As they travel through the transfer queue: images of one byte a colour, of which the actor makes the pixels."""
    images = pictures([(112, 112), (300, 100), (100, 260), (56, 56)])
    made = rows(processor, images, tiling)
    from mmk12.verl_plugin.pixels import pack_images

    packed = batch(made, [pack_images([image], tiling) for image in images])
    found = worker.infer_batch(packed)["log_probs"].unbind()
    for row, (ids, _), expected in zip(found, made, actor_logprobs(worker, made), strict=True):
        assert torch.equal(row[: len(ids) - 1], expected)


def test_the_actor_looks_at_the_picture(worker, processor):
    """Blank pictures must change what it thinks of the right answer, for each of the problems."""
    figures = pictures([(112, 112)] * 8)
    seen = actor_logprobs(worker, rows(processor, figures, TILINGS[0]))
    blank = [figure.point(lambda _: 255) for figure in figures]
    unseen = actor_logprobs(worker, rows(processor, blank, TILINGS[0]))
    changes = [(a - b).abs().max().item() for a, b in zip(seen, unseen, strict=True)]
    assert min(changes) > 1e-3
    # The last tokens are the right answer: it is likelier for who sees the figure.
    assert sum(a[-8:].sum() for a in seen) > sum(b[-8:].sum() for b in unseen)


def test_rollouts_by_transformers_are_the_actors(worker, processor, tell):
    """Sampled and greedy, prompts of several lengths at once: the server's log-probabilities are the actor's."""
    from mmk12.verl_plugin.hf_server import HfServer

    config = SimpleNamespace(seed=0, response_length=24, max_num_seqs=64)
    server = HfServer(config, MODEL, 0)
    images = pictures([(112, 112), (300, 100), (56, 56), (112, 112)])
    made = rows(processor, images, TILINGS[1])
    ends = [
        int((ids == processor.tokenizer.convert_tokens_to_ids("<|im_start|>")).nonzero()[-1]) + 3 for ids, _ in made
    ]
    prompts = [ids[:end].tolist() for (ids, _), end in zip(made, ends, strict=True)]

    async def all_at_once(temperature):
        sampling = {"temperature": temperature, "top_p": 1.0, "top_k": -1}
        asked = [
            server.generate(prompt, sampling, str(at), [images[at]], TILINGS[1]) for at, prompt in enumerate(prompts)
        ]
        return await asyncio.gather(*asked)

    for temperature in (0, 1.0):
        answers = asyncio.run(all_at_once(temperature))
        whole = [
            (torch.tensor(prompt + answer.token_ids), values)
            for prompt, answer, (_, values) in zip(prompts, answers, made, strict=True)
        ]
        actor = [
            found[-len(answer.token_ids) :]
            for found, answer in zip(actor_logprobs(worker, whole), answers, strict=True)
        ]
        largest = max(
            (found - torch.tensor(answer.log_probs)).abs().max().item()
            for found, answer in zip(actor, answers, strict=True)
        )
        tell(f"transformers server at temperature {temperature}: log-probabilities differ by at most {largest:.1e}")
        assert largest < 1e-3


def test_a_rank_without_pictures_does_not_hold_up_the_others():
    """Two processes, each with half of every weight: one has pictures, the other only text. Without the blank tile
    the first waits for the second in the vision tower."""
    code = "from tests.engines import test_verl_actor as t; t.one_of_two_ranks()"
    environment = {**os.environ, **PORT, "MASTER_PORT": "29418", "WORLD_SIZE": "2"}
    ranks = [
        subprocess.Popen([sys.executable, "-c", code], env={**environment, "RANK": rank}, stderr=subprocess.PIPE)
        for rank in "01"
    ]
    for rank in ranks:
        _, told = rank.communicate(timeout=600)
        assert rank.returncode == 0, told.decode()[-2000:]


def one_of_two_ranks():
    """What each of the two processes does."""
    worker, processor = started(), hf_processor(MODEL)
    made = rows(processor, pictures([(112, 112)] * 2), TILINGS[0])
    if torch.distributed.get_rank() == 1:
        made = [(ids[ids != processor.image_token_id], None) for ids, _ in made]
    pairs = zip(actor_logprobs(worker, made), transformers_logprobs(made), strict=True)
    assert max((ours - theirs).abs().max().item() for ours, theirs in pairs) < 1e-4
    torch.distributed.destroy_process_group()


def test_rloo_is_the_mean_of_the_others():
    """arXiv 2503.07365, section 2.3: A_i = r_i - mean of r_j, j != i; whitened over the tokens as the released code."""
    torch.manual_seed(0)
    rewards, groups = torch.rand(24), np.array([f"prompt-{at // 8}" for at in range(24)], dtype=object)
    mask = (torch.arange(6)[None] < torch.randint(1, 7, (24, 1))).float()
    scores = torch.zeros(24, 6).scatter(1, mask.sum(1, keepdim=True).long() - 1, rewards[:, None])
    expected = torch.empty(24)
    for at in range(24):
        others = [rewards[j] for j in range(24) if groups[j] == groups[at] and j != at]
        expected[at] = rewards[at] - sum(others) / len(others)
    expected = expected[:, None] * mask
    given = {"response_mask": mask, "index": groups}
    plain, _ = core_algos.get_adv_estimator_fn("rloo")(token_level_rewards=scores.clone(), **given)
    assert torch.allclose(plain, expected, atol=1e-6)
    whitened, _ = core_algos.get_adv_estimator_fn("rloo_whiten")(token_level_rewards=scores.clone(), **given)
    inside = expected[mask.bool()]
    reference = (expected - inside.mean()) / inside.std(unbiased=False) * mask
    assert torch.allclose(whitened, reference, atol=1e-5)


@pytest.mark.parametrize("aggregation", ["seq-mean-token-mean", "token-mean"])
def test_the_loss_is_ppo_clip(aggregation):
    """Plain PPO-clip: `clip_ratio_c` this large turns verl's dual clip off."""
    torch.manual_seed(1)
    old, new = torch.randn(2, 16, 6) * 0.4
    advantages = torch.randn(16, 1).expand(16, 6)
    mask = (torch.arange(6)[None] < torch.randint(1, 7, (16, 1))).float()
    ratio = (new - old).exp()
    loss = -torch.minimum(ratio * advantages, ratio.clamp(0.8, 1.2) * advantages) * mask
    per_sequence = (loss.sum(1) / mask.sum(1)).mean()
    expected = per_sequence if aggregation == "seq-mean-token-mean" else loss.sum() / mask.sum()
    config = ActorConfig(
        strategy="fsdp2", rollout_n=8, clip_ratio_c=10_000.0, loss_agg_mode=aggregation, ppo_micro_batch_size_per_gpu=1
    )
    found, _ = core_algos.get_policy_loss_fn("vanilla")(
        old_log_prob=old,
        log_prob=new,
        advantages=advantages,
        response_mask=mask,
        loss_agg_mode=aggregation,
        config=config,
    )
    assert found.item() == pytest.approx(expected.item(), abs=1e-6)
