#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The program and the kernels' check on x86 processors older than this one, as qemu has them: no instruction that they lack is used, and
# answers are those that the same tier gives here. Images are left out: their decoders are confined by seccomp, which qemu-user has not.
# test_old_processors.sh PROGRAM CHECK_KERNELS TEST_DATA
set -u
hg=$1 check=$2 m3=$3/tiny/m3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

command -v qemu-x86_64 >/dev/null || { echo "skipped: qemu-x86_64 is not installed"; exit 0; }
[ "$(uname -m)" = x86_64 ] || { echo "skipped: this is no x86-64"; exit 0; }

fail() {
  echo "FAILED: $*"
  cat "$work/err"
  failures=$((failures + 1))
}

as() { # PROCESSOR PROGRAM ARGUMENTS...; qemu's own warnings are left out
  local processor=$1
  shift
  qemu-x86_64 -cpu "$processor" "$@" 2>"$work/all" </dev/null
  local code=$?
  grep -v "TCG doesn't support" "$work/all" >"$work/err"
  return $code
}

# answers PROCESSOR TIER MODEL: the same as that tier here, where oneDNN, too, is kept to AVX2: sums in another order may change the choice
# of a model with random weights.
answers() {
  local question=(ask --model "$3" --max-tokens 8 "What is this?")
  DNNL_MAX_CPU_ISA=AVX2 "$hg" "${question[@]}" --cpu "$2" >"$work/here" 2>"$work/err" </dev/null || fail "$2 does not answer here"
  as "$1" "$hg" "${question[@]}" >"$work/there" || fail "$1 does not answer"
  cmp -s "$work/here" "$work/there" || fail "$1 gives another answer than $2 here"
}

# The oldest: SSE2.
answers qemu64 reference "$m3"
as qemu64 "$hg" ask --model "$m3" --cpu avx2 "What is this?" >"$work/out"
[ $? -eq 2 ] && grep -q 'there is reference$' "$work/err" || fail "qemu64 takes --cpu avx2"

# AVX2 without AVX-512 or AVX-VNNI.
"$hg" convert "$m3" --type q8_0 -o "$work/q8_0.gguf" >"$work/out" 2>"$work/err" || fail "convert"
if grep -qw avx2 /proc/cpuinfo; then
  answers Haswell avx2 "$m3"
  answers Haswell avx2 "$work/q8_0.gguf"
fi
# qemu 7.2 reads what vmaskmovps is told to leave out, and faults when that lies in a guard page; processors do not.
as Haswell "$check" --best --readable-guard >"$work/out" || { fail "the kernels' check on Haswell"; cat "$work/out"; }
grep -qx 'the best tier here: avx2' "$work/out" || fail "the best tier of Haswell"

[ $failures -eq 0 ] && echo "old processors: all passed"
exit $failures
