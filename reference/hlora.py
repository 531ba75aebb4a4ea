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


class LoraLinear(nn.Module):
    """LoRA: y = W x + b + B (s * A x), s = alpha / r."""

    def __init__(self, base, a, b, alpha):
        super().__init__()
        self.base, self.scale = base, alpha / a.shape[0]
        self.a, self.b = nn.Parameter(a, requires_grad=False), nn.Parameter(b, requires_grad=False)

    def forward(self, x):
        return self.base(x) + self.scale * (x @ self.a.T @ self.b.T)


class MoeLoraLinear(nn.Module):
    """MoELoRA: y = W x + b + sum_j w_j B_j (s * A_j x), w = softmax(R x); A_j (r / n, in) and B_j (out, r / n) are
    kept one below the other in `a` (r, in) and `b` (n * out, r / n); s = alpha / (r / n)."""

    def __init__(self, base, a, b, route, alpha):
        super().__init__()
        self.base, self.experts = base, route.shape[0]
        self.scale = alpha / (a.shape[0] / self.experts)
        for name, tensor in (("a", a), ("b", b), ("route", route)):
            setattr(self, name, nn.Parameter(tensor, requires_grad=False))

    def forward(self, x):
        y, gate = self.base(x), torch.softmax(x @ self.route.T, dim=-1)
        for j, (a, b) in enumerate(zip(self.a.chunk(self.experts), self.b.chunk(self.experts))):
            y = y + gate[..., j : j + 1] * (self.scale * (x @ a.T)) @ b.T
        return y


def restack(b, experts):
    """B of H-LoRA (out, r) as that of MoELoRA (n * out, r / n): the same function."""
    return torch.cat(b.chunk(experts, dim=1))


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
