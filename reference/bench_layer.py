# SPDX-License-Identifier: Apache-2.0
"""Seconds of a training step of one decoder layer of HealthGPT-M3 in PyTorch on the CPU, for comparison with
`build/bench/bench_train --layer`: forward and backward to the layer's input and its H-LoRA (rank 64, 4 experts), frozen
weights in bf16, with and without computing the layer again in the backward pass (checkpointing).

    python reference/bench_layer.py [--tokens 1024] [--turns 5] [--threads 2] [--dtype bfloat16]
"""
import argparse
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

HIDDEN, HEADS, FFN, RANK, EXPERTS = 3072, 32, 8192, 64, 4


class Slot(nn.Module):
    def __init__(self, n_in, n_out, dtype):
        super().__init__()
        self.weight = nn.Parameter(0.02 * torch.randn(n_out, n_in, dtype=dtype), requires_grad=False)
        self.a = nn.Parameter(0.02 * torch.randn(RANK, n_in, dtype=dtype))
        self.b = nn.Parameter(0.02 * torch.randn(n_out, RANK, dtype=dtype))
        self.router = nn.Parameter(0.02 * torch.randn(EXPERTS, n_in, dtype=dtype))

    def forward(self, x):
        gate = torch.softmax(F.linear(x, self.router).float(), dim=-1).to(x.dtype).repeat_interleave(RANK // EXPERTS, dim=-1)
        return F.linear(x, self.weight) + F.linear(gate * (8 * F.linear(x, self.a)), self.b)


class Layer(nn.Module):
    def __init__(self, tokens, dtype):
        super().__init__()
        self.qkv, self.o = Slot(HIDDEN, 3 * HIDDEN, dtype), Slot(HIDDEN, HIDDEN, dtype)
        self.gate_up, self.down = Slot(HIDDEN, 2 * FFN, dtype), Slot(FFN, HIDDEN, dtype)
        self.norm = [torch.ones(HIDDEN, dtype=dtype) for _ in range(2)]
        d = HIDDEN // HEADS
        angle = torch.arange(tokens)[:, None] * 10000.0 ** (-torch.arange(0, d, 2) / d)
        angle = torch.cat([angle, angle], dim=-1)
        self.cos, self.sin = angle.cos().to(dtype), angle.sin().to(dtype)

    def rope(self, x):
        first, second = x.chunk(2, dim=-1)
        return x * self.cos + torch.cat([-second, first], dim=-1) * self.sin

    def forward(self, x):
        t, d = x.shape[0], HIDDEN // HEADS
        q, k, v = (p.view(t, HEADS, d).transpose(0, 1) for p in
                   self.qkv(F.rms_norm(x, (HIDDEN,), self.norm[0])).chunk(3, dim=-1))
        y = F.scaled_dot_product_attention(self.rope(q)[None], self.rope(k)[None], v[None], is_causal=True)[0]
        x = x + self.o(y.transpose(0, 1).reshape(t, HIDDEN))
        gate, up = self.gate_up(F.rms_norm(x, (HIDDEN,), self.norm[1])).chunk(2, dim=-1)
        return x + self.down(up * F.silu(gate))


def step(layer, x, again):
    begin = time.perf_counter()
    y = checkpoint(layer, x, use_reentrant=False) if again else layer(x)
    y.backward(torch.full_like(y, 1e-3))
    return time.perf_counter() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=1024)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--dtype", default="bfloat16")
    args = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(args.threads)
    dtype = getattr(torch, args.dtype)
    layer = Layer(args.tokens, dtype)
    x = (0.02 * torch.randn(args.tokens, HIDDEN)).to(dtype).requires_grad_(True)
    times = {again: [step(layer, x, again) for _ in range(args.turns + 1)][1:] for again in (True, False)}
    print(f"PyTorch {torch.__version__}, {args.tokens} tokens, {args.threads} threads, {args.dtype}: "
          f"step {statistics.median(times[False]):.3f} s, computing the layer again {statistics.median(times[True]):.3f} s; "
          f"times 32: {32 * statistics.median(times[False]):.1f} s, {32 * statistics.median(times[True]):.1f} s")


if __name__ == "__main__":
    main()
