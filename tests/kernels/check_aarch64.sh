#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check_kernels for 64-bit ARM, built by a cross compiler and run by qemu as three processors: each must find its own tier, pass its
# checks, and meet no instruction that it lacks.
# check_aarch64.sh SOURCE-FOLDER BUILD-FOLDER CMAKE
set -euo pipefail
source=$1 build=$2 cmake=$3

for tool in aarch64-linux-gnu-gcc qemu-aarch64; do
  command -v $tool >/dev/null || { echo "skipped: $tool is not installed"; exit 0; }
done

cd "$source"
"$cmake" --preset aarch64-kernels -B "$build" >/dev/null
"$cmake" --build "$build" --target check_kernels >"$build/log" 2>&1 || { cat "$build/log"; exit 1; }

check() { # processor, tier
  echo "== $1"
  qemu-aarch64 -cpu "$1" -L /usr/aarch64-linux-gnu "$build/tests/kernels/check_kernels" --best | tee "$build/$1.out"
  grep -qx "the best tier here: $2" "$build/$1.out" || { echo "FAILED: the best tier of $1 should be $2"; exit 1; }
}

check cortex-a53 neon
check cortex-a76 neon_dotprod
check max neon_i8mm
