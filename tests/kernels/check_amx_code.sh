#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check_amx_code.sh LIBRARY BUILD-TYPE: what the compiler made of the AMX tier, on machines that cannot run it. The tiles' shapes are read from
# constant data, for which no store can be left out; products lie between the instructions that configure the tiles and release them. In a
# Release build sums are added by whole vectors: one by one they take longer than the products.
set -euo pipefail
code=$(objdump -dr --no-show-raw-insn "$1" | awk '/file format/ { on = /kernels_amx\.c/ } on')

fail() { echo "check_amx_code: $1"; exit 1; }

[ "$(grep -c 'ldtilecfg' <<<"$code")" -ge 1 ] || fail "no ldtilecfg"
shapes=$(grep -A1 'ldtilecfg' <<<"$code" | grep -cE 'R_X86_64_(PC32|GOTPCREL|32S?)\s+(\.rodata|amx_whole)' || true)
[ "$shapes" -eq "$(grep -c 'ldtilecfg' <<<"$code")" ] || fail "ldtilecfg reads something else than constants"
[ "$(grep -c 'ldtilecfg' <<<"$code")" -eq "$(grep -c 'tilerelease' <<<"$code")" ] || fail "not every configuration is released"

# The tiles of each product: left 4 and 5, right 6 and 7; in the narrow order 4 and 6.
for operands in '%tmm6,%tmm4,%tmm0' '%tmm7,%tmm4,%tmm1' '%tmm6,%tmm5,%tmm2' '%tmm7,%tmm5,%tmm3' '%tmm6,%tmm4,%tmm1'; do
  grep -q "tdpbssd $operands" <<<"$code" || fail "no tdpbssd $operands"
done
for operands in '%tmm6,%tmm4,%tmm0' '%tmm6,%tmm4,%tmm1'; do
  grep -q "tdpbf16ps $operands" <<<"$code" || fail "no tdpbf16ps $operands"
done
for tile in 0 1 2 3; do
  grep -q "tilezero %tmm$tile" <<<"$code" && grep -q "tilestored %tmm$tile," <<<"$code" || fail "tile $tile is not zeroed and stored"
done
if [ "${2:-}" = Release ]; then
  grep -qE 'vfmadd[0-9]+ps .*%zmm' <<<"$code" || fail "no vectors are added"
  ! grep -qE 'vfmadd[0-9]+ss' <<<"$code" || fail "sums are added one by one"
fi
echo "check_amx_code: ldtilecfg from constants, five tdpbssd, two tdpbf16ps, tilerelease"
