"""Detection of files that are chosen as weights by mistake, mostly by their first bytes. Needs no torch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

LFS_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n.*?^size (\d{1,15})$", re.DOTALL | re.MULTILINE
)
"""The pointer file that Git LFS stores instead of a large file."""
HTML = re.compile(rb"\s*(<!--.*?-->\s*)*<(!doctype html|html|head|body|script|title)\b", re.IGNORECASE | re.DOTALL)
STRUCTURED_TEXT = re.compile(rb'\s*(<\?xml|<error>|\{\s*")', re.IGNORECASE)
UNPACK = "Unpack it and choose the weights in it"
KERAS = "Convert it to a PyTorch state_dict, saved as .pth or .safetensors"
EXPORTED = "Choose the PyTorch checkpoint that it was exported from"
SIGNATURES = (
    (0, b"\x89HDF\r\n\x1a\n", f"an HDF5 file, as saved by Keras. {KERAS}"),
    (0, b"\x93NUMPY", "a NumPy array (.npy). Choose a PyTorch state_dict, which holds every layer"),
    (0, b"GGUF", "a language model in GGUF format (llama.cpp). Choose a PyTorch checkpoint of a residual network"),
    (0, b"lmgg", "a model in ggml format. Choose a PyTorch checkpoint of a residual network"),
    (0, b"tjgg", "a model in ggml format. Choose a PyTorch checkpoint of a residual network"),
    (4, b"TFL3", f"a TensorFlow Lite model. {EXPORTED}"),
    (0, b"\x08\x01\x12", "a TensorFlow SavedModel. Choose a PyTorch checkpoint"),
    (0, b"ptrt", f"a TensorRT engine. {EXPORTED}"),
    (0, b"\x1f\x8b", f"a gzip archive. {UNPACK}"),
    (0, b"BZh", f"a bzip2 archive. {UNPACK}"),
    (0, b"\xfd7zXZ\0", f"an xz archive. {UNPACK}"),
    (0, b"\x28\xb5\x2f\xfd", f"a Zstandard archive. {UNPACK}"),
    (0, b"7z\xbc\xaf\x27\x1c", f"a 7-Zip archive. {UNPACK}"),
    (0, b"Rar!\x1a\x07", f"a RAR archive. {UNPACK}"),
    (257, b"ustar", f"a tar archive. {UNPACK}"),
    (0, b"\x89PNG\r\n", "an image (PNG). Open it as an input image"),
    (0, b"\xff\xd8\xff", "an image (JPEG). Open it as an input image"),
    (0, b"GIF8", "an image (GIF). Open it as an input image"),
    (0, b"%PDF", "a PDF document. Choose a state_dict saved as .pth, .pt or .safetensors"),
    (0, b"MATLAB 5.0", "a MATLAB file. Choose a PyTorch checkpoint"),
    (0, b"\x7fELF", "an executable. Choose a state_dict saved as .pth, .pt or .safetensors"),
    (0, b"MZ", "an executable. Choose a state_dict saved as .pth, .pt or .safetensors"),
)
EXTENSIONS = {
    ".onnx": f"an ONNX model. {EXPORTED}",
    ".pb": "a TensorFlow graph. Choose a PyTorch checkpoint",
    ".index": "the index of a TensorFlow checkpoint. Choose a PyTorch checkpoint",
    ".meta": "the graph of a TensorFlow checkpoint. Choose a PyTorch checkpoint",
    ".msgpack": "a Flax checkpoint. Choose a PyTorch checkpoint",
    ".mlmodel": f"a Core ML model. {EXPORTED}",
    ".caffemodel": "a Caffe model. Choose a PyTorch checkpoint",
    ".params": "an MXNet model. Choose a PyTorch checkpoint",
    ".pdparams": "a PaddlePaddle checkpoint. Choose a PyTorch checkpoint",
    ".distcp": "one shard of a distributed checkpoint. Merge the shards with torch.distributed.checkpoint.format_utils",
}
TENSORFLOW_INDEX, TENSORFLOW_PART = b"\x57\xfb\x80\x8b\x24\x75\x47\xdb", re.compile(r"\.data-\d{5}-of-\d{5}$")
"""The last bytes of a TensorFlow index, and the end of the names of its parts."""
ONNX = re.compile(rb"\x08[\x03-\x20][\x12\x1a\x22\x2a\x32\x3a\x42]")
"""The version of the model format, and the next field."""
FLAX = re.compile(rb"[\x81-\x8f]([\xa1-\xbf][a-z_]+|\xd9.[a-z_]+)[\x80-\x8f\xde\xa1-\xbf\xc7-\xc9]", re.DOTALL)
"""A MessagePack dictionary of dictionaries, as of parameters by layer."""
PYTORCH_EXTENSIONS = (".pth", ".pt", ".ckpt", ".safetensors", ".pth.tar", ".pt.tar", ".ckpt.tar")
WEIGHTS_EXTENSIONS = (*PYTORCH_EXTENSIONS, ".th", ".bin", ".index.json")
"""Extensions of weights that can be loaded; ".bin" is also that of other files, ".index.json" names shards."""
OTHER_EXTENSIONS = (
    *EXTENSIONS, ".t7", ".pkl", ".pickle", ".h5", ".hdf5", ".keras", ".tflite", ".gguf", ".npz", ".npy", ".pt2",
    ".engine",
)  # fmt: skip
"""Extensions of other programs' weights."""


def describe_file(beginning: bytes, end: bytes, name: str) -> str:
    """What a file is that was chosen as weights, and what to do about it; "" if it is not known.

    `beginning` and `end` are its first few thousand bytes and its last few.
    """
    if pointer := LFS_POINTER.match(beginning):
        size = int(pointer[1]) / 1e6
        return f"a Git LFS pointer; its {size:,.1f} MB were not downloaded. Run `git lfs pull` in the repository"
    if HTML.match(beginning.removeprefix(b"\xef\xbb\xbf")):
        return "a web page (HTML). Download the file itself: sign in, or use its direct link"
    for offset, signature, description in SIGNATURES:
        if beginning.startswith(signature, offset):
            return description
    if end.endswith(TENSORFLOW_INDEX) or TENSORFLOW_PART.search(name):
        return "a part of a TensorFlow checkpoint. Choose a PyTorch checkpoint"
    if ONNX.match(beginning):
        return EXTENSIONS[".onnx"]
    if FLAX.match(beginning):
        return EXTENSIONS[".msgpack"]
    if (extension := PurePath(name).suffix.lower()) in EXTENSIONS:
        return EXTENSIONS[extension]
    if STRUCTURED_TEXT.match(beginning):
        return "a JSON or XML file, maybe a server's error message. Read it, then download the file again"
    return "a text file. Choose a state_dict saved as .pth, .pt or .safetensors" if _is_text(beginning) else ""


def describe_archive(names: Sequence[str]) -> str:
    """What a zip archive not written by torch.save is, judging by the names in it, and what to do about it."""
    if any(name.endswith("/constants.pkl") or "/code/" in f"/{name}" for name in names):
        return (
            "a TorchScript program, which would run code when opened. Save its state_dict: "
            "torch.save(torch.jit.load('program.pt').state_dict(), 'weights.pth')"
        )
    if any(name.endswith("/archive_format") for name in names) or "serialized_exported_program.json" in names:
        return (
            "a program exported by torch.export. Save its state_dict: "
            "torch.save(torch.export.load('program.pt2').state_dict, 'weights.pth')"
        )
    if any(name.endswith((".data/extern_modules", "/archive_version")) for name in names):
        return "a program packaged by PyTorch. Save the state_dict of the original network"
    if names and all(name.endswith(".npy") for name in names):
        return "NumPy arrays (.npz). Choose a PyTorch state_dict, saved as .pth or .safetensors"
    if any(name.endswith(".weights.h5") for name in names):
        return f"a Keras model. {KERAS}"
    of_pytorch = (*PYTORCH_EXTENSIONS, "pytorch_model.bin")
    if weights := next((name for name in names if name.lower().endswith(of_pytorch)), ""):
        return f"a zip archive. Unpack it and choose {PurePath(weights).name} in it"
    if any(name.endswith(".py") for name in names):
        return "a zip archive of Python code. Choose a state_dict saved as .pth, .pt or .safetensors"
    return "a zip archive of other files. Choose a state_dict saved as .pth, .pt or .safetensors"


def _is_text(beginning: bytes) -> bool:
    if b"\0" in beginning:
        return False
    try:
        beginning.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > len(beginning) - 4  # a character was cut off
    return True
