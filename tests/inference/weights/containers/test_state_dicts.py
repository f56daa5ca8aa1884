"""The weights in a file are found by what is there, and what is no weight is named."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from checkpoints import BESIDE, legacy, zipped
from resnet_studio.inference.errors import WeightsError
from resnet_studio.inference.weights.containers import state_dicts
from resnet_studio.inference.weights.containers.state_dicts import role
from resnet_studio.inference.weights.contents import CheckpointContents
from resnet_studio.inference.weights.reader import read_contents

STATE = {
    "conv1.weight": torch.ones(4, 3, 3, 3), "bn1.weight": torch.ones(4), "bn1.running_mean": torch.zeros(4),
    "bn1.num_batches_tracked": torch.tensor(9), "fc.weight": torch.ones(2, 4), "fc.bias": torch.ones(2),
}  # fmt: skip
State = dict[str, Tensor]


def contents(folder: Path, content: Any, write: Callable[[Any], bytes] = zipped) -> CheckpointContents:
    (folder / "some.pth").write_bytes(write(content))
    return read_contents(folder / "some.pth", 1_000_000)


def prefixed(prefix: str) -> State:
    return {f"{prefix}{name}": tensor for name, tensor in STATE.items()}


WRAPPED = (
    "module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.module.", "_fsdp_wrapped_module.",
    "_checkpoint_wrapped_module.module.",
)  # fmt: skip


@pytest.mark.parametrize("prefix", WRAPPED)
def test_wrappers_are_removed_in_any_order_and_depth(prefix: str, tmp_path: Path) -> None:
    found = contents(tmp_path, prefixed(prefix))
    assert found.tensors.keys() == STATE.keys()
    assert set(found.wrappers) == set(prefix.split(".")) - {""}
    inside = contents(tmp_path, {name.replace(".", f".{prefix}", 1): tensor for name, tensor in STATE.items()})
    assert inside.tensors.keys() == STATE.keys()  # as when only some blocks are compiled, or features are in parallel


def test_wrappers_stay_if_two_names_would_become_the_same(tmp_path: Path) -> None:
    both = {**STATE, **prefixed("module.")}
    assert contents(tmp_path, both).tensors.keys() == both.keys()


IGNORED: dict[str, tuple[State, str]] = {
    "MoCo": ({"queue": torch.ones(4, 8), "queue_ptr": torch.zeros(1, dtype=torch.long)}, "a queue of MoCo's"),
    "SWA": ({"n_averaged": torch.tensor(3)}, "a count of averaged models"),
    "thop": ({"total_ops": torch.zeros(1), "conv1.total_params": torch.zeros(1)}, "a profiler's count"),
    "a metric": (
        {"accuracy.tp": torch.zeros(2, dtype=torch.long), "accuracy.fn": torch.ones(2).long()},
        "int64 values",
    ),
    "a mask": ({"mask": torch.ones(3, dtype=torch.bool)}, "bool values"),
}


@pytest.mark.parametrize("name", IGNORED)
@pytest.mark.parametrize("prefix", ["", "module."])
def test_buffers_that_are_no_weights_are_ignored_and_named(name: str, prefix: str, tmp_path: Path) -> None:
    buffers, reason = IGNORED[name]
    found = contents(tmp_path, prefixed(prefix) | {f"{prefix}{name}": tensor for name, tensor in buffers.items()})
    assert found.tensors.keys() == STATE.keys()
    assert [(entry.name, entry.reason) for entry in found.ignored] == [(f"{prefix}{name}", reason) for name in buffers]
    (note,) = (note for note in found.notes if note.startswith("ignored"))
    assert all(name in note for name in buffers)


def test_a_count_of_batches_may_be_there_or_not(tmp_path: Path) -> None:
    assert "bn1.num_batches_tracked" in contents(tmp_path, STATE).tensors
    older = {name: tensor for name, tensor in STATE.items() if not name.endswith("tracked")}
    assert contents(tmp_path, older).tensors.keys() == older.keys()


def test_a_scale_of_a_branch_is_a_weight(tmp_path: Path) -> None:
    """ReZero's and SkipInit's networks have one in each block: without it they are other networks."""
    scale = {"layer1.0.resweight": torch.zeros(1)}
    assert "layer1.0.resweight" in contents(tmp_path, {**STATE, **scale}).tensors


@pytest.mark.parametrize("write", [zipped, legacy])
def test_an_averaged_copy_comes_after_the_network(write: Callable[[Any], bytes], tmp_path: Path) -> None:
    found = contents(tmp_path, {"state_dict_ema": STATE, **BESIDE, "state_dict": STATE | {}}, write)
    assert found.path == ""
    prefixes = dict.fromkeys(name.partition(".")[0] for name in found.tensors)
    assert list(prefixes) == ["state_dict", "state_dict_ema"]


@pytest.mark.parametrize(
    ("name", "said"),
    [("state_dict_ema", "EMA"), ("model_ema", "EMA"), ("ema.module", "EMA"), ("ema_model.conv1", "EMA"),
     ("swa_model", "EMA"), ("average_model", "EMA"), ("module.encoder_k", "momentum copy"),
     ("momentum_encoder", "momentum copy"), ("teacher.backbone", ""), ("model", ""), ("schema.net", ""),
     ("student", ""), ("encoder_q", ""), ("lemay", "")],
)  # fmt: skip
def test_the_role_of_a_copy_follows_from_its_name(name: str, said: str) -> None:
    assert role(name) == said


def test_keys_may_be_anything(tmp_path: Path) -> None:
    """Python refuses to write a number of thousands of digits."""
    strange = {10**5000: 1, None: 2, (1, 2): 3, 4.5: 5, "x" * 10_000: {"weight": torch.ones(2, 2)}}
    assert contents(tmp_path, {**strange, "model": {**STATE, **strange}}).tensors.keys() == STATE.keys()


def test_two_tensors_of_one_name_are_refused(tmp_path: Path) -> None:
    twice = {"a": {"b.weight": torch.ones(2, 2)}, "a.b": {"weight": torch.zeros(2, 2)}}
    with pytest.raises(WeightsError, match=r"two tensors of the name a\.b\.weight"):
        contents(tmp_path, twice)


def test_an_optimizers_state_alone_is_named(tmp_path: Path) -> None:
    moments = {"step": torch.tensor(1.0), "exp_avg": torch.ones(2, 3), "exp_avg_sq": torch.ones(2, 3)}  # Adam's
    optimizer = {"state": {0: moments}, "param_groups": [{"lr": 0.1, "params": [0]}]}
    for content in (optimizer, {"optimizer_state_dict": optimizer, "epoch": 3}):
        with pytest.raises(WeightsError, match=r"has only an optimizer's state, no weights\. Save only its state_dict"):
            contents(tmp_path, content)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.parametrize("write", [zipped, legacy])
def test_a_quantized_network_is_named(write: Callable[[Any], bytes], tmp_path: Path) -> None:
    weight = torch.quantize_per_tensor(torch.ones(4, 3, 3, 3), 0.1, 0, torch.qint8)
    with pytest.raises(WeightsError, match=r"quantized \(int8\) weights, .* Save the state_dict of the float network"):
        contents(tmp_path, {"conv1.weight": weight, "conv1.scale": torch.tensor(0.1), "fc": (weight, None)}, write)


def test_unsupported_tensors_beside_the_weights_do_no_harm(tmp_path: Path) -> None:
    sparse = torch.ones(3, 3).to_sparse()
    found = contents(tmp_path, {"model": STATE, "graph": {"adjacency": sparse}})
    assert found.tensors.keys() == STATE.keys()
    names = np.array(["cat", "dog"])
    found = contents(tmp_path, {"model": STATE, "classes": names, "objects": np.array([None, {}], object)})
    assert (found.tensors.keys(), found.metadata) == (STATE.keys(), {"classes": ["cat", "dog"]})
    with pytest.raises(WeightsError, match="contains unsupported tensors"):
        contents(tmp_path, {"model": {**STATE, "graph": sparse}})


def test_modules_that_share_a_large_part_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written out, these would be 4 million entries."""
    monkeypatch.setattr(state_dicts, "MAX_ENTRIES", 100_000)
    keys = [b"X\x06\0\0\0%06dK\x01" % number for number in range(4_000)]
    module = b"h\x01)\x81}(X\x0b\0\0\0_parametersh\0X\x08\0\0\0_buffers}X\x08\0\0\0_modules}ub"
    pickled = b"\x80\x02(}q\0(" + b"".join(keys) + b"u0cnet\nNet\nq\x010" + module * 1000 + b"l."
    with zipfile.ZipFile(tmp_path / "some.pth", "w") as archive:
        archive.writestr("some/data.pkl", pickled)
    with pytest.raises(WeightsError, match="is not a weights file"):
        read_contents(tmp_path / "some.pth", 10_000_000)
