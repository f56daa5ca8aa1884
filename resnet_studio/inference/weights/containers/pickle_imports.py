"""What may stand in a checkpoint's pickle: tensors and values, classes to pass over, and what is refused by name.

Nothing of a pickle is ever imported or called, so a file could do no harm. One that would run code if another program
opened it is refused all the same: it is malicious or broken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from resnet_studio.files import FileRefusedError
from resnet_studio.formatting import join_names

VALUES = re.compile(
    r"torch\.(\w+Storage|u?int\d+|b?float\w+|complex\d+|bool|half|double|long|Size|device|Tensor)|torch\.storage\.\w+Storage"
    r"|torch\._utils\._rebuild_(tensor|tensor_v2|parameter|parameter_with_state)|torch\.nn\.parameter\.(Parameter|Buffer)"
    r"|collections\.(OrderedDict|Counter|defaultdict|deque)|_codecs\.encode|copyreg\._reconstructor"
    r"|builtins\.(set|frozenset|list|tuple|dict|int|float|complex|str|bytes|bytearray|bool|object|slice|range)"
    r"|numpy\.(_?core\.(multiarray|numeric)\.(scalar|_reconstruct|_frombuffer)|dtype|ndarray)"
    r"|pathlib\.(_local\.)?(Pure)?(Posix|Windows)?Path|datetime\.\w+"
)
"""Imports whose meaning is known: they become tensors, numbers, text and collections of them."""
UNREADABLE_TENSORS = re.compile(r"torch\.(_utils\._rebuild_|_tensor\.|storage\.|serialization\._get_layout)")
"""Imports of sparse, quantized, empty or subclassed tensors."""
HARMFUL = re.compile(
    r"(os|posix|nt|sys|io|subprocess|shutil|socket|socketserver|importlib|runpy|pty|ctypes|_?pickle|dill|cloudpickle"
    r"|joblib|marshal|code(?=\.\w+$)|codeop|types(?=\.(Function|Code|Lambda|Module|Method)Type)|webbrowser"
    r"|multiprocessing|threading|_thread|concurrent|asyncio|urllib|http|ftplib|smtplib|requests|tempfile|signal|gc"
    r"|inspect|pdb|bdb|timeit|zipimport"
    r"|builtins(?=\.[a-z_]+$)(?!\.(list|dict|tuple|set|frozenset|int|float|str|bytes|bytearray|complex"
    r"|bool|slice|range|object|type|unicode|long)$)|torch\.(hub|load|jit|serialization(?!\._get_layout$)|package|ops))"
    r"(\..*)?"
)
"""Imports that no checkpoint needs: they act on the machine, or run what they are given."""
CONSTRUCTORS = re.compile(
    r"(builtins|collections|datetime|decimal|fractions|uuid|enum|pathlib|easydict|omegaconf)\..*"
    r"|numpy\.(bool_?|str_|[a-z]+\d+)|numpy\.random\._pickle\.__\w+_ctor|functools\.partial"
    r"|operator\.(item|attr)getter|re\._compile"
)
"""Functions that only construct values, although their names don't begin with a capital letter."""
STATE_DICT = "Save only its state_dict: torch.save(model.state_dict(), 'weights.pth')"


def check_imports(imports: Iterable[str], calls: Iterable[str]) -> None:
    """Raise `FileRefusedError` if loading a pickle with these imports and calls would run code."""
    called = set(calls)
    harmful = [name for name in sorted(passed_over(imports)) if _is_harmful(name, called)]
    if harmful:
        raise FileRefusedError(
            f"would run code when opened ({join_names(harmful)}), so it was not loaded. {STATE_DICT}"
        )


def passed_over(imports: Iterable[str]) -> list[str]:
    """Those of the imports that become neither tensors nor plain values."""
    return sorted(name for name in imports if not VALUES.fullmatch(name))


def _is_harmful(name: str, called: set[str]) -> bool:
    if HARMFUL.fullmatch(name):
        return True
    return name in called and not (_is_class(name) or UNREADABLE_TENSORS.match(name) or CONSTRUCTORS.fullmatch(name))


def _is_class(name: str) -> bool:
    """Whether it is a class, going by its name."""
    return name.rpartition(".")[2].lstrip("_")[:1].isupper()
