"""Prints the peak of one GPU, in GiB, during two micro-batches of an update: `python -m … MODEL GPUS TOKENS`.

torch's own tracker follows every allocation of the real model under FSDP2, on tensors without contents and a process
group without processes. It shares nothing with `mmk12.training.memory` but the shape of the model. The moments of Adam
are added by their size. Wrapping and precision are verl's: `apply_fsdp2`, bfloat16 with float32 reduction, gradient
checkpointing, sdpa, float32 log-softmax.
"""

import sys

import torch
from torch import distributed, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributed._tools.fsdp2_mem_tracker import FSDPMemTracker
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.testing._internal.distributed.fake_pg import FakeStore

from mmk12.inference.checkpoint import import_torchvision
from mmk12.training.memory import read_known_shapes

import_torchvision()
import transformers  # noqa: E402

IMAGE_TOKEN, TILES = 5, 13


def build(shape):
    config = transformers.InternVLConfig(
        text_config=shape["text_config"],
        vision_config=shape["vision_config"],
        image_token_id=IMAGE_TOKEN,
        tie_word_embeddings=False,
    )
    config._attn_implementation = "sdpa"
    model = transformers.InternVLForConditionalGeneration(config)
    model.model.vision_tower.requires_grad_(False)
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    # The real method looks at the values, and there are none.
    model.model.get_placeholder_mask = lambda ids, inputs_embeds, **_: (
        (ids == IMAGE_TOKEN).unsqueeze(-1).expand_as(inputs_embeds)
    )
    return model.train()


def shard(model, mesh):
    precision = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    units = {"LlamaDecoderLayer", "Qwen2DecoderLayer", "InternVLVisionLayer"}
    for module in model.modules():
        if type(module).__name__ in units or isinstance(module, nn.Embedding):
            fully_shard(module, mesh=mesh, mp_policy=precision)
    fully_shard(model, mesh=mesh, mp_policy=precision)


def run(model, tracker, ids, pixels, labels):
    for _ in range(2):  # the gradients of the first are there during the second
        tracker.reset_mod_stats()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            places = torch.arange(ids.shape[1])[None]
            out = model(input_ids=ids, position_ids=places, pixel_values=pixels, use_cache=False)
            logits = out.logits.squeeze(0)
            chosen = nn.functional.log_softmax(logits.float(), -1).gather(-1, labels[:, None])
        chosen.mean().backward()


def main(name, gpus, tokens):
    distributed.init_process_group("fake", rank=0, world_size=gpus, store=FakeStore())
    mesh = init_device_mesh("cpu", (gpus,), mesh_dim_names=("fsdp",))
    with FakeTensorMode(allow_non_fake_inputs=True):
        model = build(read_known_shapes()[name])
        trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
        shard(model, mesh)
        ids = torch.full((1, tokens), IMAGE_TOKEN)
        ids[:, 256 * TILES :] = 7
        pixels, labels = torch.zeros(TILES, 3, 448, 448), torch.zeros(tokens, dtype=torch.int64)
        tracker = FSDPMemTracker(model)
        tracker.track_inputs((ids, pixels, labels))
        with tracker:
            run(model, tracker, ids, pixels, labels)
    (peak,) = (found["Total"] for device, found in tracker.get_tracker_snapshot("peak").items() if device.type == "cpu")
    distributed.destroy_process_group()
    print((peak + 8 * trained / gpus) / 2**30)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
