"""Tasks by name, of this package and of others."""

import subprocess
import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest

from retouch import plugins
from retouch.errors import InputError, UnknownName
from retouch.tasks import registry
from retouch.tasks.coffee import Coffee
from retouch.tasks.threading import Layout, Threading


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    monkeypatch.setattr(registry, "_targets", dict(registry._targets))
    plugins.brought.cache_clear()
    yield
    plugins.brought.cache_clear()


def plug_in(monkeypatch, **targets: str) -> None:
    found = [EntryPoint(name, value, registry.GROUP) for name, value in targets.items()]
    monkeypatch.setattr(plugins, "entry_points", lambda group: found if group == registry.GROUP else [])


def test_a_task_is_made_by_name():
    assert isinstance(registry.make("threading"), Threading)
    assert isinstance(registry.make("coffee"), Coffee)
    assert {"coffee", "threading"} <= set(registry.names())


def test_options_go_to_the_task():
    layout = Layout(joint_noise=0.0)
    assert registry.make("threading", layout=layout).layout is layout


def test_an_unknown_name_says_what_was_meant():
    with pytest.raises(UnknownName, match=r"unknown task 'treading'; did you mean 'threading'\? \(valid: .*threading"):
        registry.make("treading")


def test_registered_here():
    registry.register("other", "retouch.tasks.threading:Threading")
    assert isinstance(registry.make("other"), Threading)
    assert registry.names() == tuple(sorted(registry.names()))
    registry.register("other", "retouch.tasks.threading:Threading")  # twice the same is nothing new
    with pytest.raises(InputError, match="already"):
        registry.register("other", "elsewhere:Task")
    with pytest.raises(InputError, match="already"):
        registry.register("threading", "elsewhere:Task")


@pytest.mark.parametrize("target", ["", "module", "module:", ":Class"])
def test_targets_of_another_form_are_refused(target):
    with pytest.raises(InputError, match="form"):
        registry.register("other", target)


def test_plug_ins_bring_tasks_but_take_none_away(monkeypatch):
    plug_in(monkeypatch, stacking="retouch.tasks.threading:Threading", threading="elsewhere:Task")
    assert set(registry.names()) >= {"stacking", "threading"}
    assert isinstance(registry.make("stacking"), Threading)
    assert isinstance(registry.make("threading"), Threading)


@pytest.mark.parametrize("target", ["no_such_module_anywhere:Task", "retouch.tasks.threading:NoSuchTask"])
def test_a_broken_plug_in_says_so_and_harms_no_other(monkeypatch, target):
    plug_in(monkeypatch, broken=target)
    with pytest.raises(InputError, match="'broken' cannot be loaded"):
        registry.make("broken")
    assert isinstance(registry.make("threading"), Threading)


def test_a_mistake_inside_a_task_is_not_taken_for_a_broken_plug_in(monkeypatch):
    module = ModuleType("module_with_a_mistake")

    def task():
        raise AttributeError("a mistake")

    module.Task = task
    monkeypatch.setitem(sys.modules, "module_with_a_mistake", module)
    plug_in(monkeypatch, wrong="module_with_a_mistake:Task")
    with pytest.raises(AttributeError, match="a mistake"):
        registry.make("wrong")


def test_names_are_known_without_a_simulator():
    program = (
        "import sys; from retouch.tasks import registry; assert 'threading' in registry.names(); "
        "print([m for m in ('mujoco', 'numba', 'numpy', 'torch', 'gymnasium') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", registry.names())
def test_it_is_known_which_robots_yield(name: str) -> None:
    assert (registry.make(name).ticks > 0) == (name in registry.YIELDING)
