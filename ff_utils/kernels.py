"""The element-wise work of training, each piece one pass over its data.

Everything that is not a matrix product is here. Each function is plain PyTorch and is correct as it
stands; `fused` has it compiled into a single loop where a compiler is at hand (`benchmarks/speed.py records`
measures what that brings).

All take and return row-major tensors; `dtype` below is the number format of the matrix products
(bfloat16, float32 or float64), and sums are taken in at least float32.
"""

from __future__ import annotations

import ctypes
import functools
import logging
import os
import platform
import shutil
import warnings

import torch
import torch.nn.functional as F
from torch import Tensor

from .errors import UserError

# PyTorch's limit is 8, and beyond it a kernel runs uncompiled: one process may train many kinds of net.
RECOMPILATIONS = 64

_compiled = False


@functools.cache
def compiler_found(device_type: str) -> bool:
    """Whether there is a compiler for this type of device: C++ on the PATH for a CPU, Triton for a GPU."""
    if device_type == "cuda":
        from torch.utils._triton import has_triton  # PyTorch itself loads this module only when it compiles.

        return has_triton()
    named = os.environ.get("CXX")
    return any(shutil.which(name) for name in ([named] if named else ["g++", "clang++", "cl"]))


def can_compile(wanted: bool, device: torch.device) -> bool:
    """Whether kernels for `device` are to run compiled, if that is `wanted` and there is a compiler.

    `FF_COMPILE=0` or `1` in the environment overrules what is wanted; raises `UserError` for anything else there.
    """
    choice = os.environ.get("FF_COMPILE") or None
    if choice not in (None, "0", "1"):
        raise UserError(f"FF_COMPILE is {choice!r}; it may be 0 or 1")
    return (wanted if choice is None else choice != "0") and compiler_found(device.type)


def use_compiled(compiled: bool) -> None:
    """From here on, run the kernels compiled or as they stand; a network says so before each of its passes."""
    global _compiled
    _compiled = compiled


def keep_freed_memory(keep: bool = True) -> None:
    """Have the process keep memory that was freed, or return it to the system as the C library's default is.

    A training step frees what the next one takes. Memory that went back to the system in between comes
    back as fresh pages, each of which the system must map and fill with zeros: thousands in every
    step. Applies to the GNU C library; others are left alone.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    # The names and values of malloc.h. Left alone, both thresholds grow with what is freed, up to those given here
    # for the default.
    trim_threshold, mmap_threshold, megabyte = -1, -3, 2**20
    mallopt = ctypes.CDLL(None).mallopt
    mallopt(mmap_threshold, 1024 * megabyte if keep else 32 * megabyte)
    mallopt(trim_threshold, -1 if keep else 64 * megabyte)


def fused(function):
    """`function`, compiled on first use where that is possible and else as it is."""
    # The compiler looks for a CUDA toolkit and warns where it finds one without a GPU.
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    compiled, broken = None, False

    @functools.wraps(function)
    def call(*arguments):
        nonlocal compiled, broken
        if broken or not _compiled:
            return function(*arguments)
        if compiled is None:  # Only now: setting the compiler up takes as long as all other imports together.
            torch._dynamo.config.recompile_limit = RECOMPILATIONS
            compiled = torch.compile(function, dynamic=True)
        try:
            return compiled(*arguments)
        except torch._dynamo.exc.TorchDynamoException as error:
            broken = True
            warnings.warn(f"running {function.__name__} uncompiled: {error}", stacklevel=2)
            return function(*arguments)

    call.plain = function
    return call


def _wide(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype == torch.float64 else torch.float32


@fused
def rectify(product: Tensor, scale: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """y = ReLU(scale · product + bias) and the sum of its squares.

    `product` [rows, units] in dtype, `scale` [rows], `bias` [units].
    Returns y [rows, units] in dtype and Σⱼ yⱼ² [rows].
    """
    y = torch.relu(product.to(_wide(product.dtype)) * scale[:, None] + bias)
    return y.to(product.dtype), (y * y).sum(1)


@fused
def rectify_labelled(
    pixels: Tensor, label_rows: Tensor, codes: Tensor, scale: Tensor, bias: Tensor
) -> tuple[Tensor, Tensor]:
    """The first layer, for several labels of the same images.

    `pixels` [batch, units]: the product of the images' pixels, which all labels share;
    `label_rows` [classes + 1, units]: what each label adds; `codes` [labels, batch] picks among them;
    `scale` [labels, batch]; `bias` [units].
    Returns y [labels · batch, units] and Σⱼ yⱼ² [labels · batch].
    """
    if label_rows.requires_grad:  # The gradient of indexing is summed in no fixed order, that of a product is.
        chosen = F.one_hot(codes, len(label_rows)).to(label_rows.dtype) @ label_rows
    else:
        chosen = label_rows[codes]
    product = pixels[None].to(_wide(pixels.dtype)) + chosen
    y = torch.relu(product * scale[:, :, None] + bias)
    return y.to(pixels.dtype).flatten(0, 1), (y * y).sum(2).flatten()


@fused
def local_gradient(
    drive: Tensor, slope: Tensor, scale: Tensor, peer: Tensor, positive: Tensor
) -> tuple[Tensor, Tensor]:
    """∂loss/∂a of one layer: slope · drive, and `peer` [units] on the rows where `positive` [rows] is 1.

    `drive` [rows, units] in dtype: ½ ∂g/∂y, which for the sum of squares is y; `slope` [rows]; `scale` [rows],
    the factor that the layer's input carries. Returns ∂loss/∂a · scale [rows, units] in dtype, and ∂loss/∂bias
    [units].
    """
    gradient = drive.to(slope.dtype) * slope[:, None] + positive[:, None] * peer
    return (gradient * scale[:, None]).to(drive.dtype), gradient.sum(0)


@fused
def summed(parts: Tensor) -> Tensor:
    """The sum over the first dimension of `parts` [labels, batch, units]; a plain sum of bfloat16 takes five times as
    long."""
    return parts.to(_wide(parts.dtype)).sum(0).to(parts.dtype)


@fused
def descend(
    value: Tensor,
    velocity: Tensor,
    average: Tensor | None,
    gradient: Tensor,
    rounded: Tensor | None,
    lr: Tensor,
    momentum: Tensor,
    coupled: Tensor,
    shrink: Tensor,
    averaging: Tensor,
) -> None:
    """One step of heavy-ball SGD, in place: v ← μv + ∇ + coupled·w; w ← shrink·w − lr·v.

    `average` is the running average of `value`, if there is one: a ← averaging·a + (1 − averaging)·w.
    `rounded` is the copy of `value` that the matrix products read, if it is another tensor.
    The rates are 0-dimensional tensors, so that a schedule does not compile anew.
    """
    velocity.copy_(momentum * velocity + gradient.to(value.dtype) + coupled * value)
    value.copy_(shrink * value - lr * velocity)
    if average is not None:
        average.copy_(value + averaging * (average - value))
    if rounded is not None:
        rounded.copy_(value)
