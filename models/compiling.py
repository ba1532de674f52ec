"""Compiling a network (torch.compile) for the machine and the size of the frames."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from models.runtime import cpu_has_matrix_units
from restyle.domain import NumericPath
from restyle.errors import PlanMismatch

FIRST_S = 60.0
"""Compiling and timing for the first time on a machine: 20 to 55 s, of which all but three are saved the next time."""
HOPED, HOPED_OF_MATRIX_UNITS = 0.05, 0.2
"""Of a frame's time. Convolutions are not compiled: what is saved is what goes on between them, which counts for more
where matrix units, or a GPU, take little time for those."""


def worth_trying(painting_s: float, path: NumericPath) -> bool:
    """Whether what compiling may save of a worker's painting is more than what a first trial costs."""
    units = path.device == "cuda" or cpu_has_matrix_units()
    return painting_s * (HOPED_OF_MATRIX_UNITS if units else HOPED) > FIRST_S


def keep_compiled_in(folder: Path) -> None:
    """Where compiled code is kept, unless TORCHINDUCTOR_CACHE_DIR says another place.

    Torch's own is in /tmp, by a name that others of this machine may take; it may have written that into the variable.
    """
    from torch._inductor.runtime.cache_dir_utils import default_cache_dir  # noqa: PLC0415  (as below)

    if os.environ.get("TORCHINDUCTOR_CACHE_DIR", default_cache_dir()) == default_cache_dir():
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(folder)


def compiled(network: nn.Module, path: NumericPath) -> Callable[[Tensor], Tensor]:
    """The network, which is compiled whenever frames of a new shape come; what was compiled before is found on disk.

    Raises PlanMismatch where that is switched off, and later where this machine cannot compile. The same kernels come
    of the same network, so that processes that compile it paint the same bits.
    """
    from torch import _dynamo as dynamo  # noqa: PLC0415  (imports a hundred modules, sympy among them)

    if dynamo.config.disable:
        raise PlanMismatch("the network is to be compiled, and TORCH_COMPILE_DISABLE forbids it; unset that")
    # Beyond its limit of shapes torch would go on eagerly, whose bits are others.
    dynamo.config.recompile_limit = dynamo.config.accumulated_recompile_limit = 2**31
    # A GPU is given its kernels all at once. A processor's code is for so many threads, which torch's cache only knows
    # where it is said here; and no processes are to compile beside each other: they would stay.
    options: dict[str, str | int | bool | Callable[..., Any]] = (
        {"triton.cudagraphs": True} if path.device == "cuda" else {"cpp.threads": path.threads, "compile_threads": 1}
    )
    forward = torch.compile(network, dynamic=False, fullgraph=True, options=options)

    def paint(pixels: Tensor) -> Tensor:
        try:
            return forward(pixels)  # type: ignore[no-any-return]
        except dynamo.exc.TorchDynamoException as error:
            said = str(error).strip().partition("\n")[0]
            raise PlanMismatch(
                f"the network is to be compiled, and this machine cannot ({said}); install a C++ compiler (g++)"
            ) from error

    return paint
