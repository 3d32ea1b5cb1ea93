"""Trains a vision-language model with TRL's GRPOTrainer on data and reward of mmk12; on a CPU with the embedded model.

pip install 'mmk12[hf]' trl
mmk12 build-data demo --out data/demo
mmk12 export data/demo --for trl
python examples/trl_grpo/train.py data/demo/trl/train.parquet --out runs/trl_grpo
mmk12 eval --model runs/trl_grpo/model --benchmarks demo
"""

import argparse
from pathlib import Path

import datasets
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor
from trl import GRPOConfig, GRPOTrainer

from mmk12.demo import model_path
from mmk12.rewards.trl import reward


def main() -> None:
    """Trains for `--steps` steps and saves the model, its processor and TRL's log into `--out`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="train.parquet of `mmk12 export --for trl`")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default=str(model_path("demo")))
    parser.add_argument("--steps", type=int, default=20)
    args = parser.parse_args()

    processor = AutoProcessor.from_pretrained(args.model)
    settings = GRPOConfig(
        str(args.out),
        max_steps=args.steps,
        per_device_train_batch_size=8,
        num_generations=4,
        max_completion_length=64,
        learning_rate=1e-4,
        beta=0.0,
        logging_steps=1,
        log_completions=True,
        save_strategy="no",
        report_to="none",
        use_cpu=not torch.cuda.is_available(),
        bf16=torch.cuda.is_available(),
        gradient_checkpointing=False,
        seed=0,
    )
    trainer = GRPOTrainer(
        model=AutoModelForImageTextToText.from_pretrained(args.model, dtype=torch.float32),
        reward_funcs=reward,
        args=settings,
        train_dataset=datasets.load_dataset("parquet", data_files=args.data, split="train"),
        processing_class=processor,
    )
    trainer.train()
    trainer.save_model(str(args.out / "model"))
    processor.save_pretrained(args.out / "model")
    trainer.state.save_to_json(str(args.out / "trainer_state.json"))


if __name__ == "__main__":
    main()
