"""The plugin is inert unless it is switched on, and loud when it cannot do its work."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def ran(code, **environment):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    return done.returncode, done.stdout + done.stderr


def test_verl_finds_the_plugin_by_its_entry_point():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    assert declared == {"verl.plugins": {"mmk12": "mmk12.verl_plugin"}}


def test_without_the_switch_nothing_happens():
    code, told = ran("import sys, mmk12.verl_plugin as p; print(p.active, 'torch' in sys.modules, len(sys.meta_path))")
    _, plain = ran("import sys, mmk12; print(len(sys.meta_path))")
    assert (code, told.split()) == (0, ["False", "False", plain.strip()])


def test_whoever_needs_the_plugin_says_that_it_is_off():
    code, told = ran("import mmk12.verl_plugin.require_active")
    assert code == 1
    assert "The mmk12 plugin is off in this process. Start training with `mmk12 train`, or set MMK12_VERL=1." in told


@pytest.mark.parametrize("version", ["0.9.0", "0.10.0.dev0", None])
def test_another_verl_is_refused_although_verl_hides_what_plugins_raise(version):
    verl = f"import sys, types; v = types.ModuleType('verl'); v.__version__ = {version!r}; sys.modules['verl'] = v; "
    hidden = "\ntry:\n    import mmk12.verl_plugin\nexcept Exception:\n    pass\nprint('verl goes on')"
    code, told = ran(verl + hidden, MMK12_VERL="1")
    assert (code, told) == (
        1,
        f"mmk12: The mmk12 plugin is for verl 0.9.1; found {version}.\n",
    )
