# SPDX-License-Identifier: Apache-2.0
"""H-LoRA, written from its formula.

For one adapted linear layer with input x, n experts and total rank r (r / n rank rows per expert):

    w = softmax(R x)             R: (n, in), one weight per expert and token
    a = s * (A x)                A: (r, in), s = alpha / (r / n)
    y = W x + b + B (e * a)      B: (out, r), e repeats w_j over the r / n rank rows of expert j
"""
import torch
from torch import nn

PREFIX = "base_model.model."


def hlora(x, weight, bias, a, b, route, alpha):
    """The operation on plain tensors; x is (..., in) and the result (..., out), in the precision of the inputs."""
    rank, experts = a.shape[0], route.shape[0]
    if rank % experts:
        raise ValueError(f"rank {rank} is not a multiple of {experts} experts")
    gate = torch.softmax(x @ route.T, dim=-1)
    gate = gate.repeat_interleave(rank // experts, dim=-1)
    scale = alpha / (rank / experts)
    y = x @ weight.T + (gate * (scale * (x @ a.T))) @ b.T
    return y if bias is None else y + bias


class HLoraLinear(nn.Module):
    """Stands in for an nn.Linear of a transformers model."""

    def __init__(self, base, a, b, route, alpha):
        super().__init__()
        self.base, self.alpha = base, alpha
        for name, tensor in (("a", a), ("b", b), ("route", route)):
            self.register_buffer(name, tensor)

    def forward(self, x):
        return hlora(x, self.base.weight, self.base.bias, self.a, self.b, self.route, self.alpha)


def attach(model, tensors):
    """Wraps in place every layer that `tensors` (the names of an adapter file) adapts; alpha = 2 * rank, as released.

    Returns the number of wrapped layers."""
    paths = [n[len(PREFIX) : -len(".lora_A.weight")] for n in tensors if n.endswith(".lora_A.weight")]
    for path in paths:
        a, b, route = (tensors[f"{PREFIX}{path}.{part}.weight"].float() for part in ("lora_A", "lora_B", "lora_route"))
        parent, _, leaf = path.rpartition(".")
        parent = model.get_submodule(parent)
        setattr(parent, leaf, HLoraLinear(getattr(parent, leaf), a, b, route, alpha=2 * a.shape[0]))
    return len(paths)
