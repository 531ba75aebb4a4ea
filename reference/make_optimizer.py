# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/training/optimizer.safetensors and schedule_rates.def: AdamW, clipping and schedules of PyTorch and transformers.

    python reference/make_optimizer.py [--out tests/data/training]

Two parameter groups with their own rate and weight decay, 12 steps of a cosine schedule with warm-up, gradients clipped to
norm 1 by torch.nn.utils.clip_grad_norm_. All in float32, as training is.
"""
import argparse
import os

import torch
from safetensors.torch import save_file
from transformers import (
    get_constant_schedule_with_warmup,
    get_cosine_schedule_with_warmup,
    get_linear_schedule_with_warmup,
)

STEPS, WARMUP, RATE = 12, 3, 2e-2
SHAPES = [(3, 7), (11,), (5, 5)]  # the last two form the second group
SCALES, DECAYS = [1.0, 0.1], [0.0, 0.1]


def optimizer_goldens():
    generator = torch.Generator().manual_seed(40)
    params = [torch.nn.Parameter(torch.randn(s, generator=generator)) for s in SHAPES]
    tensors = {f"start.{i}": p.detach().clone() for i, p in enumerate(params)}
    groups = [{"params": params[:1], "lr": RATE * SCALES[0], "weight_decay": DECAYS[0]},
              {"params": params[1:], "lr": RATE * SCALES[1], "weight_decay": DECAYS[1]}]
    optimizer = torch.optim.AdamW(groups)
    schedule = get_cosine_schedule_with_warmup(optimizer, WARMUP, STEPS)
    norms, rates = [], []
    for step in range(STEPS):
        size = 3.0 if step % 2 == 0 else 0.05  # clipped on even steps only
        for i, p in enumerate(params):
            p.grad = torch.randn(p.shape, generator=generator) * size
            tensors[f"grad.{step}.{i}"] = p.grad.clone()
        norms.append(torch.nn.utils.clip_grad_norm_(params, 1.0))
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
        tensors |= {f"value.{step}.{i}": p.detach().clone() for i, p in enumerate(params)}
    for i, p in enumerate(params):
        tensors[f"clipped.{i}"] = p.grad.clone()
        tensors[f"m.{i}"], tensors[f"v.{i}"] = optimizer.state[p]["exp_avg"], optimizer.state[p]["exp_avg_sq"]
    return tensors | {"norm": torch.stack(norms), "rate": torch.tensor(rates)}


def schedule_rates(make, warmup, steps):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = make(optimizer, warmup, steps)
    rates = []
    for _ in range(steps):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    return rates


def write_schedules(path):
    """A C table of rates in full double precision."""
    makers = {"CONSTANT": lambda o, w, n: get_constant_schedule_with_warmup(o, w),
              "LINEAR": get_linear_schedule_with_warmup, "COSINE": get_cosine_schedule_with_warmup}
    with open(path, "w") as out:
        out.write("/* SPDX-License-Identifier: Apache-2.0 — written by reference/make_optimizer.py: kind, warm-up, steps, rates. */\n")
        for kind, make in makers.items():
            for warmup, steps in ((0, 10), (3, 10), (10, 10), (1, 2), (12, 10)):
                rates = ", ".join(repr(r) for r in schedule_rates(make, warmup, steps))
                out.write(f"RATES({kind}, {warmup}, {steps}, {rates})\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default="tests/data/training")
    out = parser.parse_args().out
    os.makedirs(out, exist_ok=True)
    save_file({name: t.float().contiguous() for name, t in optimizer_goldens().items()},
              os.path.join(out, "optimizer.safetensors"))
    write_schedules(os.path.join(out, "schedule_rates.def"))


main()
