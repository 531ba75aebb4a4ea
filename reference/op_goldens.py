# SPDX-License-Identifier: Apache-2.0
"""Golden inputs, outputs and gradients of single operations. Inputs are float32 numbers, computed on in float64."""
import torch
from transformers import Phi3Config
from transformers.models.phi3.modeling_phi3 import (
    Phi3Model,
    Phi3RotaryEmbedding,
    apply_rotary_pos_emb,
    eager_attention_forward,
)

from hlora import hlora


def leaf(generator, *shape, std=1.0):
    return (torch.randn(*shape, generator=generator) * std).double().requires_grad_()


def hlora_by_experts(t, n, alpha):
    """The same by its other definition, one expert after the other: W x + s * sum_j w_j B_j A_j x."""
    size = t["a"].shape[0] // n
    gate = torch.softmax(t["x"] @ t["r"].T, dim=-1)
    y = t["x"] @ t["w"].T + t.get("bias", 0)
    for j in range(n):
        rows = slice(j * size, (j + 1) * size)
        y = y + alpha / size * gate[:, j : j + 1] * (t["x"] @ t["a"][rows].T @ t["b"][:, rows].T)
    return y


def hlora_goldens():
    """For n = 1, 2, 4, 8 experts (bias for n = 2 and 8): inputs, y, and the gradients for the upstream gradient g."""
    tokens, n_in, n_out, rank = 5, 24, 20, 16
    tensors = {}
    for n in (1, 2, 4, 8):
        generator = torch.Generator().manual_seed(10 + n)
        inputs = {"x": leaf(generator, tokens, n_in), "w": leaf(generator, n_out, n_in, std=0.2),
                  "a": leaf(generator, rank, n_in, std=0.2), "b": leaf(generator, n_out, rank, std=0.1),
                  "r": leaf(generator, n, n_in, std=0.3)}
        if n in (2, 8):
            inputs["bias"] = leaf(generator, n_out)
        g = leaf(generator, tokens, n_out).detach()
        y = hlora(inputs["x"], inputs["w"], inputs.get("bias"), inputs["a"], inputs["b"], inputs["r"], 2 * rank)
        assert torch.allclose(y, hlora_by_experts(inputs, n, 2 * rank))
        y.backward(g)
        tensors |= {f"n{n}.{name}": t.detach().float() for name, t in (inputs | {"g": g, "y": y}).items()}
        tensors |= {f"n{n}.d{name}": t.grad.float() for name, t in inputs.items()}
    return tensors


def attention_goldens():
    """Grouped-query attention with a sliding window of 4, the mask by Phi3Model; whole, and the last 3 with a past."""
    tokens, heads, kv_heads, dim, window = 10, 4, 2, 8, 4
    config = Phi3Config(hidden_size=heads * dim, num_attention_heads=heads, num_key_value_heads=kv_heads,
                        num_hidden_layers=1, intermediate_size=8, vocab_size=8, pad_token_id=0,
                        sliding_window=window, attn_implementation="eager")
    model = Phi3Model(config).double()
    module = model.layers[0].self_attn
    generator = torch.Generator().manual_seed(20)
    q, k, v = (leaf(generator, n, tokens, dim) for n in (heads, kv_heads, kv_heads))
    g = leaf(generator, tokens, heads, dim).detach()
    positions = torch.arange(tokens)
    embeds = torch.zeros(1, tokens, heads * dim, dtype=torch.double)
    mask = model._update_causal_mask(None, embeds, positions, None, False)
    batch = [t.unsqueeze(0) for t in (q, k, v)]
    y = eager_attention_forward(module, *batch, mask, scaling=dim**-0.5)[0][0]
    y.backward(g)
    last = eager_attention_forward(module, batch[0][:, :, -3:], *batch[1:], mask[:, :, -3:], scaling=dim**-0.5)[0][0]
    assert torch.allclose(last, y[-3:])
    swap = {"q": q, "k": k, "v": v, "dq": q.grad, "dk": k.grad, "dv": v.grad}
    tensors = {name: t.detach().transpose(0, 1).contiguous().float() for name, t in swap.items()}
    return tensors | {"y": y.detach().float(), "g": g.float(), "visible": (mask[0, 0] == 0).to(torch.uint8)}


def rope_goldens():
    """Rotary embedding of 6 positions that do not start at 0, for the two thetas of the Phi models."""
    heads, dim = 3, 8
    positions = torch.tensor([0, 1, 2, 100, 1000, 2047])
    generator = torch.Generator().manual_seed(30)
    x = torch.randn(len(positions), heads, dim, generator=generator)
    tensors = {"x": x, "positions": positions.to(torch.int32)}
    for theta in (10000, 250000):
        config = Phi3Config(hidden_size=heads * dim, num_attention_heads=heads, rope_theta=float(theta))
        cos, sin = Phi3RotaryEmbedding(config)(x, positions.unsqueeze(0))
        rotated, _ = apply_rotary_pos_emb(x.transpose(0, 1).unsqueeze(0), x.transpose(0, 1).unsqueeze(0), cos, sin)
        tensors[f"y_{theta}"] = rotated[0].transpose(0, 1).contiguous()
    return tensors
