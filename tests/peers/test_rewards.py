"""Each reward is called by its framework's own code; `make test-peers` installs them."""

import asyncio
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from mmk12.rewards import openrlhf as our_openrlhf
from mmk12.rewards import scoring
from mmk12.rewards.scoring import write_label
from tests.conftest import response

pytestmark = pytest.mark.peer
CHOICES = ["3 cm", "4 cm"]
REWARDS = Path(scoring.__file__).parent


def test_trl_pays_by_its_own_trainer_method():
    """`GRPOTrainer._calculate_rewards` on a trainer that holds what the method reads."""
    from trl import GRPOTrainer

    from mmk12.rewards.trl import reward

    trainer = GRPOTrainer.__new__(GRPOTrainer)
    logged = {}
    trainer.accelerator = SimpleNamespace(device="cpu", gather=lambda tensor: tensor, is_main_process=True)
    trainer.reward_funcs, trainer.reward_processing_classes = [reward], [None]
    trainer.reward_func_names, trainer.environments, trainer.state = ["reward"], None, SimpleNamespace(global_step=0)
    trainer.args = SimpleNamespace(report_to=[])
    trainer._log_completion_extra, trainer._log_metric = None, logged.__setitem__
    row = {"prompt": [{"role": "user", "content": "?"}], "gold": "B", "choices": CHOICES, "precision": None}
    completions = [[{"role": "assistant", "content": text}] for text in (response("4 cm"), response("A"))]
    paid = trainer._calculate_rewards([row, row], [row["prompt"]] * 2, completions, [[1], [2]])
    assert paid.tolist() == [[1.5], [0.5]]
    assert logged["acc"] == 0.5


def test_swift_finds_the_reward_by_its_name_and_pays_it():
    from swift.rewards import orms
    from swift.rl_core.data import GRPOSample
    from swift.rl_core.grpo_algorithm import compute_rewards_per_func
    from swift.utils import import_external_file

    import_external_file(str(REWARDS / "swift.py"))
    assert str(REWARDS) not in sys.path, "there, `import trl` would find mmk12/rewards/trl.py"
    samples = [
        GRPOSample.from_row({"messages": [{"role": "assistant", "content": text}], **row})
        for text, row in (
            (response("4 cm"), {"solution": "B", "choices": CHOICES, "profile": "paper_zero"}),
            (response("5"), {"solution": "4"}),
        )
    ]
    paid = compute_rewards_per_func(samples, [orms["mmk12"](args=None)], [None], torch.device("cpu"))
    assert paid.tolist() == [[2.0], [0.5]]


class Characters:
    """A tokenizer with one token per character, as OpenRLHF calls it."""

    eos_token_id = 0

    def __call__(self, text, **_):
        return {"input_ids": torch.tensor([[ord(character) for character in text]])}

    def decode(self, ids, skip_special_tokens):
        assert not skip_special_tokens
        return "".join(map(chr, ids))


def test_openrlhf_loads_the_file_and_pays_what_its_agent_decodes():
    from openrlhf.utils.agent import SingleTurnAgentExecutor

    said = response("4 cm") + "<|im_end|>"

    class Engine:
        async def generate(self, prompt_ids, sampling, multi_modal_data):
            choice = SimpleNamespace(token_ids=[ord(one) for one in said], finish_reason="stop", logprobs=None)
            return SimpleNamespace(outputs=[choice])

    executor = SingleTurnAgentExecutor(str(REWARDS / "openrlhf.py"))
    sampling = SimpleNamespace(max_tokens=500, logprobs=None)
    label = write_label({"gold": "B", "choices": CHOICES})
    output = asyncio.run(executor.execute("Q? <|assistant|>", label, sampling, 4000, Characters(), Engine()))
    assert float(output["reward"]) == 1.5
    assert float(output["scores"]) == 1.0
    assert float(output["extra_logs"]["acc"]) == 1.0
    assert executor.reward_func.__code__.co_filename == our_openrlhf.__file__


def test_inspect_scores_a_task(tmp_path):
    from inspect_ai import Task
    from inspect_ai import eval as run
    from inspect_ai.dataset import Sample
    from inspect_ai.model import ModelOutput, ModelUsage, get_model

    from mmk12.rewards.inspect import mmk12

    samples = [
        Sample(input="How long?", target="B", metadata={"choices": CHOICES, "answer_type": "choice"}),
        Sample(input="How many?", target=["4", "5"]),
        Sample(input="And now?", target="7"),
    ]
    said = [response("4 cm"), response("5"), response("8")]
    outputs = [ModelOutput.from_content("m", text) for text in said]
    for output in outputs:
        output.usage = ModelUsage(output_tokens=1)  # else it is counted with a tokenizer from the network
    model = get_model("mockllm/model", custom_outputs=outputs)
    [log] = run(Task(samples, scorer=mmk12()), model=model, log_dir=str(tmp_path), max_samples=1, display="none")
    scores = [next(iter(sample.scores.values())) for sample in sorted(log.samples, key=lambda sample: sample.id)]
    assert [score.value for score in scores] == ["C", "C", "I"]
    assert log.results.scores[0].metrics["accuracy"].value == pytest.approx(2 / 3)


def test_verifiers_scores_a_trace():
    import verifiers.v1 as vf

    from mmk12.rewards.verifiers import GradedData, GradedTask

    data = GradedData(prompt="How long?", gold="B", choices=CHOICES, profile="paper_zero")
    task = GradedTask(data, vf.TaskConfig())
    trace = SimpleNamespace(last_reply=response("4 cm"), is_truncated=False, metrics={}, rewards={}, recorded={})
    trace.record_metrics = trace.metrics.update
    trace.record_metric = trace.metrics.__setitem__
    trace.record_reward = lambda name, value, weight: trace.recorded.update({name: value * weight})
    asyncio.run(task.score(trace))
    assert trace.recorded == {"mmk12": 2.0}
    assert trace.metrics["acc"] == 1.0
