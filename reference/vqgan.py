# SPDX-License-Identifier: Apache-2.0
"""The VQGAN with a Gumbel quantiser (f = 8), inference only; the modules carry the tensor names of its checkpoint.

Codes are the plain argmax of the quantiser's projection, without noise. Shapes are (B, C, height, width).
"""
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F


@dataclass(frozen=True)
class VqganConfig:
    """The keys of `ddconfig`, and the quantiser's."""

    ch: int
    ch_mult: tuple
    num_res_blocks: int
    attn_resolutions: tuple
    resolution: int
    z_channels: int
    embed_dim: int
    n_embed: int
    in_channels: int = 3
    out_ch: int = 3


def norm(channels):
    return nn.GroupNorm(32, channels, eps=1e-6)


def conv3(c_in, c_out):
    return nn.Conv2d(c_in, c_out, 3, padding=1)


class ResBlock(nn.Module):
    def __init__(self, c_in, c_out):
        super().__init__()
        self.norm1, self.conv1 = norm(c_in), conv3(c_in, c_out)
        self.norm2, self.conv2 = norm(c_out), conv3(c_out, c_out)
        self.nin_shortcut = nn.Conv2d(c_in, c_out, 1) if c_in != c_out else None

    def forward(self, x):
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(F.silu(self.norm2(h)))
        return h + (x if self.nin_shortcut is None else self.nin_shortcut(x))


class AttnBlock(nn.Module):
    """One attention head over all positions of the map."""

    def __init__(self, c):
        super().__init__()
        self.norm = norm(c)
        self.q, self.k, self.v, self.proj_out = (nn.Conv2d(c, c, 1) for _ in range(4))

    def forward(self, x):
        h = self.norm(x)
        q, k, v = (f(h).flatten(2) for f in (self.q, self.k, self.v))
        weights = torch.softmax(q.transpose(1, 2) @ k * x.shape[1] ** -0.5, dim=-1)
        return x + self.proj_out((v @ weights.transpose(1, 2)).view_as(x))


class Downsample(nn.Module):
    """Zeros are added on the right and below only."""

    def __init__(self, c):
        super().__init__()
        self.conv = nn.Conv2d(c, c, 3, stride=2)

    def forward(self, x):
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class Upsample(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv = conv3(c, c)

    def forward(self, x):
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class Level(nn.Module):
    """The blocks of one resolution, each followed by attention where the level has it; then the change of size."""

    def __init__(self, c_in, c_out, n_blocks, attention):
        super().__init__()
        self.block = nn.ModuleList(ResBlock(c_in if i == 0 else c_out, c_out) for i in range(n_blocks))
        self.attn = nn.ModuleList(AttnBlock(c_out) for _ in range(n_blocks if attention else 0))

    def forward(self, x):
        for i, block in enumerate(self.block):
            x = block(x)
            if len(self.attn):
                x = self.attn[i](x)
        for resize in ("downsample", "upsample"):
            if hasattr(self, resize):
                x = getattr(self, resize)(x)
        return x


class Mid(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.block_1, self.attn_1, self.block_2 = ResBlock(c, c), AttnBlock(c), ResBlock(c, c)

    def forward(self, x):
        return self.block_2(self.attn_1(self.block_1(x)))


class Encoder(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        last = len(cfg.ch_mult) - 1
        self.conv_in = conv3(cfg.in_channels, cfg.ch)
        self.down = nn.ModuleList()
        c, resolution = cfg.ch, cfg.resolution
        for i, mult in enumerate(cfg.ch_mult):
            level = Level(c, cfg.ch * mult, cfg.num_res_blocks, resolution in cfg.attn_resolutions)
            c = cfg.ch * mult
            if i != last:
                level.downsample = Downsample(c)
                resolution //= 2
            self.down.append(level)
        self.mid, self.norm_out, self.conv_out = Mid(c), norm(c), conv3(c, cfg.z_channels)

    def forward(self, x):
        x = self.conv_in(x)
        for level in self.down:
            x = level(x)
        return self.conv_out(F.silu(self.norm_out(self.mid(x))))


class Decoder(nn.Module):
    """`up` is indexed by level, level 0 being the full resolution, so it is walked from the end."""

    def __init__(self, cfg):
        super().__init__()
        last = len(cfg.ch_mult) - 1
        c = cfg.ch * cfg.ch_mult[last]
        resolution = cfg.resolution >> last
        self.conv_in, self.mid = conv3(cfg.z_channels, c), Mid(c)
        levels = []
        for i in range(last, -1, -1):
            level = Level(c, cfg.ch * cfg.ch_mult[i], cfg.num_res_blocks + 1, resolution in cfg.attn_resolutions)
            c = cfg.ch * cfg.ch_mult[i]
            if i != 0:
                level.upsample = Upsample(c)
                resolution *= 2
            levels.append(level)
        self.up = nn.ModuleList(reversed(levels))
        self.norm_out, self.conv_out = norm(c), conv3(c, cfg.out_ch)

    def forward(self, z):
        x = self.mid(self.conv_in(z))
        for level in reversed(self.up):
            x = level(x)
        return self.conv_out(F.silu(self.norm_out(x)))


class GumbelQuantize(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.proj = nn.Conv2d(cfg.embed_dim, cfg.n_embed, 1)
        self.embed = nn.Embedding(cfg.n_embed, cfg.embed_dim)


class Vqgan(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.encoder, self.decoder, self.quantize = Encoder(cfg), Decoder(cfg), GumbelQuantize(cfg)
        self.quant_conv = nn.Conv2d(cfg.z_channels, cfg.embed_dim, 1)
        self.post_quant_conv = nn.Conv2d(cfg.embed_dim, cfg.z_channels, 1)

    def latent(self, x):
        """(B, 3, R, R) in [-1, 1] -> (B, embed_dim, R/8, R/8), before the quantiser."""
        return self.quant_conv(self.encoder(x))

    def code_scores(self, latent):
        """(B, n_embed, height, width): the code of a position is the argmax over n_embed."""
        return self.quantize.proj(latent)

    def decode(self, codes):
        """(height, width) int64 codes in raster order -> (1, 3, R, R), not clamped."""
        z = self.quantize.embed(codes).permute(2, 0, 1).unsqueeze(0)
        return self.decoder(self.post_quant_conv(z))


def to_pixels(x):
    """Decoder output (3, R, R) -> uint8 (R, R, 3): clamp to [-1, 1], to [0, 255], cut (not rounded)."""
    x = (x.clamp(-1, 1) + 1) / 2
    return (x.permute(1, 2, 0) * 255).to(torch.uint8).numpy()
