"""Running a file of the user's to get its network. Nothing else in the program runs code that it did not bring.

`open_steps` is for a file that the user has just chosen; what it returns is the only `OwnModule` there can be, and
`build` runs the same code again. What the code prints goes to stderr, and torch's settings stay as they were.
"""

from __future__ import annotations

import contextlib
import hashlib
import linecache
import sys
import traceback
import warnings
from collections.abc import Generator, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from resnet_studio.files import FileRefusedError, display_name, read_file
from resnet_studio.formatting import dimensions, join_names
from resnet_studio.networks.layers import Layer
from resnet_studio.networks.modules.own_trace import trace
from resnet_studio.networks.own_module import MAX_FILE_BYTES, ModuleError, ModuleSource, OwnModule
from resnet_studio.plain import plain
from resnet_studio.progress import Progress

REGISTERED = "opened_module_"
"""Begins the name under which a file is among Python's modules, where its classes look for it."""
PROGRAM = "resnet_studio"
LIBRARIES = {"site-packages", "dist-packages"}
"""Folders of installed libraries."""
MOST_CLASSES = 1_000_000
TOLERANCE = 1e-3
"""Largest difference of an image's logits alone and in a batch, as a share of the largest logit: other kernels of torch
round differently, a batch norm in train mode gives something else."""
LOGITS = "The program needs logits, N × classes"


def open_steps(source: ModuleSource) -> Generator[Progress, None, OwnModule]:
    """Run the file and describe its network. `ModuleError` says in a sentence why that failed, with the file's line."""
    file = display_name(Path(source.path))
    yield Progress(0, 3, f"running {file}")
    network, digest = _made(source, 0)
    yield Progress(1, 3, f"following one image through {source.name}")
    image = _image(source, 1)
    with running(source):
        _check_modes(network, source)
        layers, made = trace(network, image)
        classes = _classes(source, layers, made)
    yield Progress(2, 3, f"checking {source.name}")
    with running(source):
        _check_independence(network, source, image, made)
    again, _ = _made(source, 1)
    fixed = _equal_weights(network, again)
    return OwnModule(source, classes, _digest(digest, repr(layers).encode()), layers, fixed)


def build(architecture: OwnModule, seed: int = 0) -> nn.Module:
    """The network in train mode on the CPU, made by running its file again.

    `ModuleError` if the code is not that which was opened. Modules work in place only where the result depends on it.
    """
    network, digest = _made(architecture.source, seed)
    if _digest(digest, repr(architecture.layers).encode()) != architecture.digest:
        file = display_name(Path(architecture.source.path))
        raise ModuleError(f"{file} has changed since it was opened. Open it again")
    with running(architecture.source), torch.no_grad():
        _avoid_in_place(network, _image(architecture.source, 1))
    return network.train()


@contextlib.contextmanager
def running(source: ModuleSource) -> Iterator[None]:
    """Run code of the file: what it raises becomes a `ModuleError`, and torch's settings stay as they were."""
    before = torch.get_default_dtype(), torch.is_grad_enabled(), torch.backends.mha.get_fastpath_enabled()
    folder, writes = str(Path(source.path).parent), sys.dont_write_bytecode
    sys.path.insert(0, folder)
    sys.dont_write_bytecode = True
    torch.backends.mha.set_fastpath_enabled(False)  # by operations that can be followed
    try:
        with contextlib.redirect_stdout(sys.stderr), torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ModuleError as error:
        raise ModuleError(_sentence(source, error, str(error))) from error
    except (Exception, SystemExit) as error:
        first = plain(str(error).strip().partition("\n")[0])
        raise ModuleError(_sentence(source, error, f"{type(error).__name__}: {first}".rstrip(": "))) from error
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(folder)
        sys.dont_write_bytecode = writes
        torch.set_default_dtype(before[0])
        torch.set_grad_enabled(before[1])
        torch.backends.mha.set_fastpath_enabled(before[2])


def _sentence(source: ModuleSource, error: BaseException, what: str) -> str:
    """What went wrong, behind the file and the line of the user's code where it did, or the module that was running."""
    if what.startswith(display_name(Path(source.path))):
        return what
    frames = traceback.extract_tb(error.__traceback__)
    own = next((frame for frame in reversed(frames) if _is_users(frame.filename, Path(source.path).parent)), None)
    if isinstance(error, SyntaxError) and error.filename:
        own = traceback.FrameSummary(error.filename, error.lineno or 1, "")
        what = f"not valid Python ({error.msg})"
    if own:
        return f"{display_name(Path(own.filename))}, line {own.lineno}: {what}"
    inside = "".join(f", in {plain(name)}" for name in getattr(error, "__notes__", ()))
    return f"{source.name}{inside}: {what}"


def _made(source: ModuleSource, seed: int) -> tuple[nn.Module, str]:
    """What the function returns, in eval mode on the CPU in float32, and the digest of its code."""
    with running(source):
        torch.manual_seed(seed)
        before = set(sys.modules)
        found = getattr(_executed(source), source.function, None)
        if found is None:
            raise ModuleError(f"{display_name(Path(source.path))} has no {source.function}")
        network = found if isinstance(found, nn.Module) else found()
        _check_kind(source, network)
        network = network.cpu().float().eval()
        with torch.no_grad():
            if any(map(is_lazy, network.parameters())):
                network(_image(source, 1))  # layers that take their sizes from what they get first
        return network, _code_digest(source, set(sys.modules) - before)


def _executed(source: ModuleSource) -> ModuleType:
    """The file as a module, executed anew."""
    path = Path(source.path)
    try:
        text = read_file(path, MAX_FILE_BYTES)
    except FileRefusedError as error:
        raise ModuleError(f"{display_name(path)} {error}") from None
    module = ModuleType(REGISTERED + path.stem)
    module.__file__ = source.path
    sys.modules[module.__name__] = module  # where dataclasses and pickles look for it
    linecache.checkcache(source.path)
    exec(compile(text, source.path, "exec"), module.__dict__)  # what the user has asked for
    return module


def _code_digest(source: ModuleSource, imported: set[str]) -> str:
    """The SHA-256 of the file and of the imported modules that lie beside it, which are forgotten: a second opening
    reads them again, and another file may import other ones of the same names."""
    path = Path(source.path)
    files = {path}
    for name in imported:
        file = getattr(sys.modules[name], "__file__", None)
        if file and name.partition(".")[0] != PROGRAM and _is_users(file, path.parent) and Path(file).is_file():
            files.add(Path(file))
            if not name.startswith(REGISTERED):
                del sys.modules[name]
    return _digest("", *(one.read_bytes() for one in sorted(files)))


def _is_users(file: str, folder: Path) -> bool:
    """Whether a file lies in the folder, and is no library's: an environment may lie there, too."""
    path = Path(file)
    return path.is_relative_to(folder) and not {*path.parts} & LIBRARIES and not path.is_relative_to(sys.base_prefix)


def _digest(start: str, *parts: bytes) -> str:
    found = hashlib.sha256(start.encode())
    for part in parts:
        found.update(hashlib.sha256(part).digest())
    return found.hexdigest()


def _image(source: ModuleSource, images: int) -> Tensor:
    """Noise of the size that the network takes: N × channels × height × width."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(images, source.channels, source.height, source.width, generator=generator)


def _check_kind(source: ModuleSource, network: Any) -> None:
    if isinstance(network, torch.jit.ScriptModule):
        raise ModuleError(f"{source.name} returned TorchScript, whose code can't be followed. Return the nn.Module")
    if not isinstance(network, nn.Module):
        raise ModuleError(f"{source.name} returned a {type(network).__name__}, not a torch.nn.Module")


def _check_modes(network: nn.Module, source: ModuleSource) -> None:
    """Refuse a network that stays in train mode: its dropout and batch norm would not do what they do in use."""
    training = [name or source.function for name, module in network.named_modules() if module.training]
    if training:
        raise ModuleError(f"{source.name}: {join_names(training)} stay in train mode after eval()")


def _classes(source: ModuleSource, layers: tuple[Layer, ...], made: Any) -> int:
    """How many classes the network has; `ModuleError` if what it returns are no logits of the image."""
    if not isinstance(made, Tensor):
        raise ModuleError(f"{source.name} returns a {type(made).__name__} for an image. {LOGITS}: wrap it in a module")
    if made.ndim != 2 or made.shape[0] != 1 or not made.is_floating_point():
        raise ModuleError(f"{source.name} returns {dimensions(made.shape)} for one image. {LOGITS}")
    if not layers:
        raise ModuleError(f"{source.name} returns logits that don't depend on the image, or that left torch on the way")
    if made.shape[1] > MOST_CLASSES:
        raise ModuleError(f"{source.name} returns {made.shape[1]:,} logits, and may have {MOST_CLASSES:,}")
    return made.shape[1]


def _check_independence(network: nn.Module, source: ModuleSource, image: Tensor, alone: Tensor) -> None:
    """Refuse a network whose logits for an image change from pass to pass, or with the other images of a batch."""
    torch.manual_seed(1)  # what is random is another in each pass
    with torch.no_grad():
        again = network(image.clone())
        if not _close(alone, again):
            raise ModuleError(
                f"{source.name} gives other logits at every pass in eval mode. Dropout must be nn.Dropout, or "
                "F.dropout(x, training=self.training)"
            )
        together = network(torch.cat([image, image.flip(3) + 1]))
    if together.shape[0] != 2 or not _close(alone[0], together[0]):
        raise ModuleError(
            f"{source.name} gives an image other logits when there is a second one in the batch, as a batch norm in "
            "train mode does. An image's logits must depend on that image alone"
        )


def _close(one: Tensor, other: Tensor) -> bool:
    scale = float(one.abs().nan_to_num(0, 0, 0).max()) if one.numel() else 0.0
    return one.shape == other.shape and torch.allclose(one, other, rtol=0, atol=TOLERANCE * scale, equal_nan=True)


def _equal_weights(one: nn.Module, other: nn.Module) -> bool:
    mine, theirs = one.state_dict(), other.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


def _avoid_in_place(network: nn.Module, image: Tensor) -> None:
    """Have modules work out of place, so that captured tensors stay and gradients can be asked for; unless the logits
    depend on it, as where a shortcut takes what a ReLU has changed."""
    in_place = [module for module in network.modules() if getattr(module, "inplace", False) is True]
    if not in_place:
        return
    before = network(image.clone())
    for module in in_place:
        module.inplace = False  # type: ignore[assignment]
    if not torch.equal(before, network(image.clone())):
        for module in in_place:
            module.inplace = True  # type: ignore[assignment]
